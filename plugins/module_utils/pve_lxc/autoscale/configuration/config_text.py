# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a configuration file; one that cannot be had is an error that says which file, on which machine, and what to do."""

from __future__ import annotations

import os
import socket

from ...errors import ConfigError, Problem

# For the command line, where nothing else is said.
_ADVICE = "name another with --config, or write one: docs/configuration.md begins with one that is enough"


def read_config_text(path: str, advice: str = _ADVICE) -> str:
    """Return the text of a configuration file.

    Args:
        path: of the file.
        advice: what to do where there is none.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError) as error:
        raise ConfigError([Problem("the file", "", _describe(path, error, advice))], source=path) from error


def _describe(path: str, error: OSError | ValueError, advice: str) -> str:
    """Return why there is no text: ``there is no file /etc/lxc-autoscale/config.yaml on the machine pve1; ...``."""
    place = f"{os.path.abspath(path) if path else repr(path)} on the machine {socket.gethostname()}"
    if isinstance(error, FileNotFoundError):
        return f"there is no file {place}; {advice}"
    if isinstance(error, IsADirectoryError):
        return f"{place} is a folder; {advice}"
    if isinstance(error, PermissionError):
        return f"the user with the id {os.geteuid()} may not read {place}; run this as root or as the user of the service, or let this user read it"
    if isinstance(error, UnicodeDecodeError):
        byte = error.object[error.start]
        return f"{place} is no text in UTF-8 (its byte {error.start + 1} is 0x{byte:02x}); save it as UTF-8"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{place} cannot be read: {reason}"
