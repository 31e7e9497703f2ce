# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file with the token's secret: written at once or not at all, for its owner alone."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from ...errors import StateError

_MODE = 0o600
# Proxmox's secrets are UUIDs.
_SECRET = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def read_token_file(path: str) -> str:
    """Return the secret in the file, empty when the file is missing or holds something else.

    Raises:
        StateError: it cannot be read.
    """
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise StateError(f"the token's file {path} cannot be read: {error.strerror}") from error
    return text if _SECRET.fullmatch(text) else ""


def is_private(path: str) -> bool:
    """Return whether the file belongs to whoever runs this and nobody else may read it; True when it is missing."""
    try:
        status = os.stat(path)
    except OSError:
        return True
    return stat.S_IMODE(status.st_mode) == _MODE and status.st_uid == os.geteuid()


def make_private(path: str) -> None:
    """Let the file belong to whoever runs this, and nobody else read it."""
    os.chown(path, os.geteuid(), os.getegid())
    os.chmod(path, _MODE)


def write_token_file(path: str, make_secret: Callable[[], str]) -> None:
    """Make a secret and write it; that it can be written is tried before it is made, because Proxmox shows it only once.

    If writing fails afterwards, the file is removed: without a file the token is made anew the next time.

    Args:
        path: of the file.
        make_secret: makes the secret; nothing is left behind when it raises.

    Raises:
        StateError: the file cannot be written.
    """
    made = f"{path}.new"
    try:
        descriptor = _open_new(made)
    except OSError as error:
        raise StateError(f"the token's file {path} cannot be written: {error.strerror}; no token was made") from error
    is_made = False
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            # As long as a secret, so that a full disk shows now.
            file.write("-" * 64)
            file.flush()
            os.fsync(file.fileno())
            secret = make_secret()
            is_made = True
            file.seek(0)
            file.write(f"{secret}\n")
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        os.replace(made, path)
    except BaseException as error:
        _remove(made)
        if is_made:
            _remove(path)
        if isinstance(error, OSError):
            raise StateError(f"the token's file {path} cannot be written: {error.strerror}") from error
        raise


def remove_token_file(path: str) -> None:
    """Remove the file, if there is one."""
    _remove(path)


def _open_new(path: str) -> int:
    # What a killed run left behind.
    _remove(path)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
