# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pvestatd's ten-second reports: the lagging figures behind ``/cluster/resources``, ``/nodes`` and pools."""

from __future__ import annotations

from .guest import Guest
from .guest_parts import MIB
from .world import Node, World

# After 300 s without a report the cluster calls a guest's or node's status unknown (operations: stale figures).
REPORT_LIFETIME_SECONDS = 300


def report(world: World, tick: float) -> None:
    """Take the report of one tick for every guest and node that is up."""
    for guest in world.guests.values():
        if world.nodes[guest.node].is_reachable:
            guest.broadcast = guest_report(world, guest, tick)
    for node in world.nodes.values():
        if node.is_reachable:
            node.broadcast = node_report(world, node, tick)


def guest_report(world: World, guest: Guest, time: float) -> dict[str, object]:
    """Return what pvestatd says of one guest at a time."""
    node = world.nodes[guest.node]
    running = guest.is_running
    cpus = guest.cpu_count(node.cpus)
    return {
        "cpu": guest.cpu_used_cores / cpus if running else 0,
        "disk": guest.disk_bytes if running else 0,
        "diskread": 0,
        "diskwrite": 0,
        "maxcpu": cpus,
        "maxdisk": guest.shown_disk_bytes(),
        "maxmem": int(guest.config.get("memory", "512")) * MIB,
        "mem": int(guest.levels.api_mib * MIB) if running else 0,
        "memhost": 0,
        "name": guest.config.get("hostname", guest.config.get("name", f"CT{guest.vmid}")),
        "netin": 0,
        "netout": 0,
        "status": guest.status,
        "template": int(guest.is_template),
        "uptime": max(0, int(time - guest.started_at)) if running and guest.started_at is not None else 0,
    }


def node_report(world: World, node: Node, time: float) -> dict[str, object]:
    """Return what pvestatd says of one node at a time."""
    storage = next(iter(world.storages.values()), None)
    return {
        "cpu": node_cpu_ratio(world, node),
        "disk": storage.used_bytes if storage else 0,
        "level": "",
        "maxcpu": node.cpus,
        "maxdisk": storage.total_bytes if storage else 0,
        "maxmem": int(node.memory_mib * MIB),
        "mem": int(node_used_mib(world, node) * MIB),
        "uptime": int(time - node.started_at),
    }


def node_cpu_ratio(world: World, node: Node) -> float:
    """Return the share of the node's CPUs that its guests use, at most 1."""
    used = sum(guest.cpu_used_cores for guest in world.guests_of(node.name) if guest.is_running)
    return min(1.0, used / node.cpus)


def node_used_mib(world: World, node: Node) -> float:
    """Return the node's used memory: its own and what its guests cannot give back, in MiB."""
    used = sum(guest.levels.current_mib - max(0.0, guest.levels.file_mib - guest.levels.shmem_mib) for guest in world.guests_of(node.name) if guest.is_running)
    return min(node.memory_mib, node.base_memory_mib + used)


def is_report_old(world: World) -> bool:
    """Return whether the last report is too old to be believed."""
    since = world.broadcast_stuck_since
    return since is not None and world.now - since > REPORT_LIFETIME_SECONDS
