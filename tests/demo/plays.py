# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real playbooks, played by the real ansible-playbook against the simulator."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any

from harness import Simulator

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOKEN = "automation@pve!resize"


class PlayError(Exception):
    """A playbook failed; carries what it printed."""


def link_collection(folder: pathlib.Path) -> pathlib.Path:
    """Return a collections path on which this checkout is ``autoscale.proxmox``."""
    link = folder / "collections" / "ansible_collections" / "autoscale" / "proxmox"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(ROOT, target_is_directory=True)
    return folder / "collections"


def make_environment(simulator: Simulator, folder: pathlib.Path) -> dict[str, str]:
    """Return the variables of a user's shell: how to reach the cluster, and nothing of ours left over."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PROXMOX_", "ANSIBLE_"))}
    return environment | {
        "ANSIBLE_COLLECTIONS_PATH": str(link_collection(folder)),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
        "ANSIBLE_NOCOLOR": "0" if sys.stdout.isatty() else "1",
        "ANSIBLE_FORCE_COLOR": "1" if sys.stdout.isatty() else "0",
        "LC_ALL": "C.UTF-8",
        "PROXMOX_HOST": simulator.host,
        "PROXMOX_PORT": str(simulator.port),
        "PROXMOX_TOKEN_ID": TOKEN,
        "PROXMOX_TOKEN_SECRET": simulator.tokens[TOKEN],
        "PROXMOX_CA_PATH": simulator.ca_path,
    }


def play(name: str, environment: dict[str, str], *options: str, **variables: Any) -> str:
    """Play ``autoscale.proxmox.NAME`` and return what it printed.

    Raises:
        PlayError: it failed.
    """
    command = [str(pathlib.Path(sys.executable).parent / "ansible-playbook"), f"autoscale.proxmox.{name}", *options, "--extra-vars", json.dumps(variables)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise PlayError(f"{name} ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
