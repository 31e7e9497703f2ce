# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster that everything is measured against, and how each contestant reaches it."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from typing import Any

from harness import Simulator

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "bench"
BENCH_BIN = CACHE / "venv" / "bin"
VENV_BIN = ROOT / ".venv" / "bin"
SERVICE_TIMES = pathlib.Path(__file__).with_name("service_times.json")
NODES = 3
# community.proxmox sends the hostname with every change, which needs more rights than ours; both get the same token.
TOKEN = "root@pam!all"


@dataclasses.dataclass(frozen=True)
class Target:
    """One container."""

    vmid: int
    node: str
    name: str


def start_cluster(containers: int) -> Simulator:
    """Return a simulator that takes as long for each request as genuine Proxmox VE was measured to take."""
    return Simulator(nodes=NODES, containers=containers, service_times=SERVICE_TIMES)


def targets_of(simulator: Simulator) -> list[Target]:
    """Return the containers without the template, by ascending vmid."""
    guests = [guest for guest in simulator.state()["guests"].values() if guest["type"] == "lxc" and "template" not in guest["config"]]
    return [Target(guest["vmid"], guest["node"], guest["name"]) for guest in sorted(guests, key=lambda guest: guest["vmid"])]


def connection_options(simulator: Simulator) -> dict[str, Any]:
    """Return the fields of the client's settings."""
    user, token_id = TOKEN.split("!")
    return {
        "host": simulator.host,
        "port": simulator.port,
        "user": user,
        "token_id": token_id,
        "token_secret": simulator.tokens[TOKEN],
        "ca_path": simulator.ca_path,
    }


def process_environment(simulator: Simulator, bin_folder: pathlib.Path) -> dict[str, str]:
    """Return the environment of a contestant that is a process: the same for all, with the programs of one virtual environment."""
    options = connection_options(simulator)
    link = ROOT / ".cache" / "link" / "ansible_collections" / "autoscale" / "proxmox"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(ROOT, target_is_directory=True)
    home = CACHE / "home"
    home.mkdir(parents=True, exist_ok=True)
    return {
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "link"),
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PATH": f"{bin_folder}{os.pathsep}/usr/bin{os.pathsep}/bin",
        "PROXMOX_HOST": options["host"],
        "PROXMOX_PORT": str(options["port"]),
        "PROXMOX_USER": options["user"],
        "PROXMOX_TOKEN_ID": options["token_id"],
        "PROXMOX_TOKEN_SECRET": options["token_secret"],
        "PROXMOX_CA_PATH": options["ca_path"],
        "PROXMOX_VALIDATE_CERTS": "true",
        # How community.proxmox, which has no option for it, learns of the CA.
        "REQUESTS_CA_BUNDLE": options["ca_path"],
        "PYTHONPATH": str(ROOT / "plugins" / "module_utils"),
    }
