# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client inside one process: histories of 100 containers together and one by one, and what it costs more than bare requests."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import requests
from cluster import Target, connection_options
from figures import Figure, faster, needs
from harness import Simulator
from pve_lxc.backend.aio import connect_async
from pve_lxc.backend.api import ProxmoxAPIClient, get_proxmox_client

ROUNDS = 7


def run_history_race(simulator: Simulator, targets: Sequence[Target]) -> list[Figure]:
    """Return how much faster AsyncProxmoxAPIClient reads the round-robin data of all containers than one call after the other."""
    client = get_proxmox_client(**connection_options(simulator))
    client.get_container_ids()
    started = time.monotonic()
    one_by_one = [client.get_container_rrddata(target.node, target.vmid) for target in targets]
    alone_seconds = time.monotonic() - started
    client.close()

    async def read_together() -> list[Any]:
        async with connect_async(**connection_options(simulator)) as together:
            return await asyncio.gather(*(together.get_container_rrddata(target.node, target.vmid) for target in targets))

    started = time.monotonic()
    histories = asyncio.run(read_together())
    together_seconds = time.monotonic() - started
    if [len(history) for history in histories] != [len(history) for history in one_by_one]:
        raise RuntimeError("the histories differ")
    return [faster(f"rrddata of {len(targets)} containers, AsyncProxmoxAPIClient", together_seconds, alone_seconds, "one by one", "> 1")]


def run_overhead(simulator: Simulator, targets: Sequence[Target]) -> list[Figure]:
    """Return what the client needs more than a loop over a bare requests session, for the same reads one after the other."""
    client = get_proxmox_client(**connection_options(simulator))
    session = requests.Session()
    session.headers.update(simulator.token("root@pam!all"))

    def read_bare(target: Target) -> Any:
        url = f"{simulator.url}/api2/json/nodes/{target.node}/lxc/{target.vmid}/config"
        return session.get(url, params={"current": 1}, verify=simulator.ca_path).json()["data"]

    calls: dict[str, Callable[[Target], Any]] = {
        "ours": lambda target: client.get_container_config(target.node, target.vmid),
        "bare": read_bare,
    }
    walls: dict[str, list[float]] = {name: [] for name in calls}
    processors: dict[str, list[float]] = {name: [] for name in calls}
    for _round in range(ROUNDS):
        for name, call in calls.items():
            call(targets[0])
            started, used = time.monotonic(), time.process_time()
            for target in targets:
                call(target)
            walls[name].append(time.monotonic() - started)
            processors[name].append((time.process_time() - used) * 1000)
    _require_same(client, calls["bare"], targets[0])
    wall = {name: statistics.median(values) for name, values in walls.items()}
    processor = {name: statistics.median(values) for name, values in processors.items()}
    versus = "bare requests loop"
    return [
        needs(f"{len(targets)} config reads, time", wall["ours"], wall["bare"], versus, "s", "<= 1.15"),
        needs(f"{len(targets)} config reads, CPU", processor["ours"], processor["bare"], versus, "ms"),
    ]


def _require_same(client: ProxmoxAPIClient, bare: Callable[[Target], Any], target: Target) -> None:
    if client.get_container_config(target.node, target.vmid) != bare(target):
        raise RuntimeError("the two loops do not read the same")
