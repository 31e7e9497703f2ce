# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian packages that a step needs: what is missing, and installing it when we may."""

from __future__ import annotations

import os
import pathlib
import shutil
from collections.abc import Mapping

from . import places
from .command import run_command


def missing_packages(packages: Mapping[str, str]) -> list[str]:
    """Return the packages whose command is not there, sorted.

    Args:
        packages: command -> Debian package that brings it. The command decides, so a machine without dpkg works too.
    """
    return sorted({package for command, package in packages.items() if shutil.which(command, path=places.clean_path()) is None})


def install_command(packages: list[str]) -> str:
    return f"apt-get install -y --no-install-recommends {' '.join(packages)}"


def is_root() -> bool:
    return os.geteuid() == 0


def may_install() -> bool:
    return is_root() and shutil.which("apt-get") is not None


def install_packages(packages: list[str], log: pathlib.Path) -> bool:
    """Install packages as root; the lists are fetched only when the first try fails. Say whether it worked."""
    environment = places.tool_environment(DEBIAN_FRONTEND="noninteractive")
    command = install_command(packages).split()
    if run_command(command, log, environment=environment).is_ok:
        return True
    run_command(["apt-get", "update"], log, environment=environment)
    return run_command(command, log, environment=environment).is_ok
