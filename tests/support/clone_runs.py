# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of cloning share: a simulator with a user who may do what docs/clone.md lists and nothing else, and a clock that can be set."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# docs/clone.md lists the same.
PRIVILEGES = [
    "VM.Audit",
    "VM.Clone",
    "VM.Allocate",
    "VM.Snapshot",
    "VM.Config.Options",
    "VM.Config.CPU",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.PowerMgmt",
    "Datastore.AllocateSpace",
    "SDN.Use",
]


TAGLESS = {"secret": "66666666-7777-4888-8999-aaaaaaaaaaaa", "privsep": False}


def write_privileges(folder: Path) -> Path:
    """Write the privileges file of the simulator: one more user, its token and its role."""
    users = {
        "users": {"cloner@pve": {}, "tagless@pve": {}},
        "tokens": {"cloner@pve!clone": {"secret": "11111111-2222-4333-8444-555555555555", "privsep": False}, "tagless@pve!clone": TAGLESS},
        "roles": {"Cloner": PRIVILEGES, "Tagless": [name for name in PRIVILEGES if name != "VM.Config.Options"]},
        "acl": [{"path": "/", "ugid": "cloner@pve", "roleid": "Cloner"}, {"path": "/", "ugid": "tagless@pve", "roleid": "Tagless"}],
    }
    file = folder / "privileges.json"
    file.write_text(json.dumps(users), encoding="utf-8")
    return file


class ShiftedClock:
    """The machine's clock, moved by some seconds: what a later run sees."""

    def __init__(self, shift_seconds: float = 0.0) -> None:
        self.shift_seconds = shift_seconds

    def now(self) -> float:
        return time.time() + self.shift_seconds

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.05))


def connect(simulator: Any, token: str = "cloner@pve!clone") -> Any:
    """Return a client of the simulator."""
    from pve_lxc.backend.api import ProxmoxAPIClient
    from pve_lxc.transport.settings import ConnectionSettings

    settings = {"host": simulator.host, "port": simulator.port, "ca_path": simulator.ca_path, "token_id": token, "token_secret": simulator.tokens[token]}
    return ProxmoxAPIClient.connect(ConnectionSettings(**settings))


def clone(client: Any, *, is_check: bool = False, shift_seconds: float = 0.0, **options: Any) -> list[Any]:
    """Clone as lxc_clone does, and return the outcomes."""
    from pve_lxc.operations.clone import clone_containers
    from pve_lxc.operations.clone_request import parse_clone_requests
    from pve_lxc.operations.clone_settings import CloneSettings

    settings = CloneSettings(timeout_seconds=options.pop("timeout", 20.0), wait_seconds=options.pop("wait", 5.0), is_check=is_check)
    return clone_containers(client, parse_clone_requests(options), settings, ShiftedClock(shift_seconds))


def remove(client: Any, *, is_check: bool = False, **options: Any) -> list[Any]:
    """Remove clones as lxc_clone does, and return the outcomes."""
    from pve_lxc.operations.clone_absent import remove_clones
    from pve_lxc.operations.clone_request import parse_clone_requests
    from pve_lxc.operations.clone_settings import CloneSettings

    return remove_clones(client, parse_clone_requests(options, is_absent=True), CloneSettings(timeout_seconds=20.0, is_check=is_check))


def guests_named(simulator: Any, *names: str) -> list[int]:
    """Return the vmids of the containers with these hostnames, ascending."""
    guests = simulator.state()["guests"].values()
    return sorted(guest["vmid"] for guest in guests if guest["type"] == "lxc" and guest["config"].get("hostname") in names)


def snapshots(simulator: Any, node: str, vmid: int) -> list[str]:
    """Return the names of a container's snapshots."""
    client = connect(simulator, "root@pam!all")
    try:
        return [row["name"] for row in client.read_snapshots(node, vmid)]
    finally:
        client.close()


@contextmanager
def running_simulator(folder: Path, *, task_seconds: float = 0.1) -> Iterator[Any]:
    """Give a simulator of three nodes and a dozen containers: 101, 103 ... on a storage without snapshots, 102, 104 ... on one with."""
    from harness import Simulator

    with Simulator(nodes=3, containers=12, privileges=write_privileges(folder), auth_delay=0.1, task_seconds=task_seconds) as simulator:
        yield simulator
