# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest as the control requests show it: everything, without rights or lag."""

from __future__ import annotations

from dataclasses import asdict

from .guest import Guest
from .guest_parts import MIB
from .world import World


def guest_state(guest: Guest, now: float) -> dict[str, object]:
    """Return configuration, live limits, demand, use and sums of one guest.

    ``allocated_gib_hours`` counts the live memory limit: 2 GiB over half an hour make 1.0.
    """
    counters, levels, limits = guest.counters, guest.levels, guest.limits
    return {
        "vmid": guest.vmid,
        "type": guest.type,
        "name": guest.config.get("hostname", guest.config.get("name", "")),
        "node": guest.node,
        "status": guest.status,
        "pool": guest.pool,
        "hastate": guest.hastate,
        "config": dict(guest.config),
        "pending": dict(guest.pending),
        "pending_delete": sorted(guest.pending_delete),
        "digest": guest.digest(),
        "live": {
            "memory_mib": limits.memory_bytes / MIB,
            "swap_mib": limits.swap_bytes / MIB,
            "quota_cores": limits.quota_cores,
            "cpuunits": limits.cpuunits,
            "cpuset_cores": limits.cpuset_cores,
        },
        "demand": asdict(guest.demand),
        "cpu_demand_cores": guest.cpu_demand_cores,
        "cpu_used_cores": guest.cpu_used_cores,
        "memory_current_mib": levels.current_mib,
        "memory_working_set_mib": levels.working_set_mib,
        "memory_api_mib": levels.api_mib,
        "memory_needed_mib": levels.needed_mib,
        "is_service_down": guest.is_running and guest.service_down_until > now,
        "oom_kills": counters.oom_kills,
        "config_writes": counters.config_writes,
        "demand_core_seconds": counters.demand_core_seconds,
        "served_core_seconds": counters.served_core_seconds,
        "unmet_core_seconds": counters.unmet_core_seconds,
        "throttled_seconds": counters.throttled_seconds,
        "allocated_core_hours": counters.allocated_core_seconds / 3600,
        "allocated_gib_hours": counters.allocated_gib_seconds / 3600,
        "used_gib_hours": counters.used_gib_seconds / 3600,
    }


def world_state(world: World) -> dict[str, object]:
    """Return the clock, the nodes and every guest; ids are texts, as JSON wants."""
    nodes = {
        node.name: {
            "cpus": node.cpus,
            "memory_mib": node.memory_mib,
            "is_reachable": node.is_reachable,
            "cgroup_mode": node.cgroup_mode,
            "hastate": node.hastate,
        }
        for node in world.nodes.values()
    }
    return {
        "now": world.now,
        "quorate": world.quorate,
        "nodes": nodes,
        "guests": {str(vmid): guest_state(guest, world.now) for vmid, guest in sorted(world.guests.items())},
    }
