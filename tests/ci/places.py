# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things lie, and the environment that every check runs in."""

from __future__ import annotations

import os
import pathlib
import shutil

NAMESPACE = "autoscale"
NAME = "proxmox"
COLLECTION = f"{NAMESPACE}.{NAME}"

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
LOGS = CACHE / "logs"
HOME = CACHE / "home"
LINK = CACHE / "link"
VENV_BIN = ROOT / ".venv" / "bin"
IMPORTER_BIN = CACHE / "importer" / "bin"
TREE = CACHE / "tree" / "ansible_collections" / NAMESPACE / NAME
# Two targets at a time run under ansible-test, each in a tree of its own.
INTEGRATION_TREES = tuple(CACHE / f"integration-{number}" / "ansible_collections" / NAMESPACE / NAME for number in (1, 2))

# A variable of the developer's shell must not decide whether a check passes.
_REFUSED_PREFIXES = ("ANSIBLE_", "GIT_", "MAKE", "MFLAGS", "PROXMOX_", "PYTHON", "PYTEST_", "VIRTUAL_ENV")


def clean_path() -> str:
    """Return PATH with the tools' environment first and without a version manager's shims.

    ansible-test runs every pythonX.Y that it finds, and a shim of a version that is not active answers 127.
    """
    folders = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder and not folder.rstrip("/").endswith("/shims")]
    for usual in ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"):
        if usual not in folders:
            folders.append(usual)
    return os.pathsep.join([str(VENV_BIN), *(folder for folder in folders if folder != str(VENV_BIN))])


def tool_environment(**further: str) -> dict[str, str]:
    """Return the environment variables for one check: a home inside .cache, plain output, the checkout as the only collection."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_REFUSED_PREFIXES)}
    environment.update(
        ANSIBLE_COLLECTIONS_PATH=str(LINK),
        ANSIBLE_HOME=str(CACHE / "ansible-home"),
        ANSIBLE_LOCALHOST_WARNING="False",
        ANSIBLE_NOCOLOR="1",
        COLUMNS="160",
        HOME=str(HOME),
        LC_ALL="C.UTF-8",
        NO_COLOR="1",
        PATH=clean_path(),
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        RUFF_CACHE_DIR=str(CACHE / "ruff"),
    )
    environment.update(further)
    return environment


def make_places() -> None:
    """Make the folders that checks expect: a home with the developer's pip settings, and the checkout under Ansible's long name."""
    for folder in (LOGS, HOME):
        folder.mkdir(parents=True, exist_ok=True)
    link_pip_settings(HOME)
    link = LINK / "ansible_collections" / NAMESPACE / NAME
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink():
        link.unlink()
    link.symlink_to(ROOT, target_is_directory=True)


def link_pip_settings(home: pathlib.Path) -> None:
    """Let pip in another home use the developer's own settings (a proxy, a mirror); without any there is nothing to do."""
    settings = pathlib.Path(os.path.expanduser("~")) / ".config" / "pip" / "pip.conf"
    target = home / ".config" / "pip" / "pip.conf"
    if settings.is_file() and settings != target:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(settings, target)
