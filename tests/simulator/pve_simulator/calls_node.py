# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls about nodes: list, status, round-robin data.

Recorded on PVE 9.2.11, fixtures pve9/nodes.json, node_status.json, rrddata.json.
"""

from __future__ import annotations

from .broadcast import is_report_old, node_cpu_ratio, node_used_mib
from .calls_guest import HISTORY_PARAMETERS
from .guest_parts import MIB
from .history import FIELDS, pick_rows
from .router import Call, route
from .world import Node


@route("GET", "/nodes")
def list_nodes(call: Call) -> list[dict[str, object]]:
    """Return the nodes; who lacks Sys.Audit sees their names but no figures."""
    rows: list[dict[str, object]] = []
    for node in call.core.world.nodes.values():
        if not node.is_listed:
            continue
        status = "online" if node.is_reachable else "offline"
        row: dict[str, object] = {"id": f"node/{node.name}", "node": node.name, "type": "node", "status": status, "level": ""}
        row["ssl_fingerprint"] = node.ssl_fingerprint
        if call.has(f"/nodes/{node.name}", "Sys.Audit") and node.is_reachable and not is_report_old(call.core.world):
            row |= node.broadcast or {}
        rows.append(row)
    return rows


@route("GET", "/nodes/{node}/status", privileges=("/nodes/{node}", ("Sys.Audit",)))
def read_node_status(call: Call) -> dict[str, object]:
    """Return a node's live figures; load averages and clock rate are texts."""
    world = call.core.world
    node = world.nodes[call.node]
    ratio = node_cpu_ratio(world, node)
    load = f"{ratio * node.cpus:.2f}"
    total, used = int(node.memory_mib * MIB), int(node_used_mib(world, node) * MIB)
    storage = next(iter(world.storages.values()))
    available = storage.total_bytes - storage.used_bytes if storage.available_bytes is None else storage.available_bytes
    cpuinfo = {"cores": node.cpus, "cpus": node.cpus, "sockets": 1, "user_hz": 100, "model": "Simulated CPU", "mhz": "2596.122", "hvm": "1", "flags": "fpu"}
    return {
        "boot-info": {"mode": "legacy-bios"},
        "cpu": ratio,
        "cpuinfo": cpuinfo | node.cpuinfo,
        "current-kernel": {"machine": "x86_64", "release": node.kernel, "sysname": "Linux", "version": node.kernel_version},
        "idle": 0,
        "ksm": {"shared": 0},
        "kversion": f"Linux {node.kernel} {node.kernel_version}",
        "loadavg": [load, load, load],
        "memory": {"available": total - used, "free": total - used, "total": total, "used": used},
        "pveversion": f"pve-manager/{world.version_of(node.name)}/{world.repository_id}",
        "rootfs": {
            "avail": available,
            "free": storage.total_bytes - storage.used_bytes,
            "total": storage.total_bytes,
            "used": storage.used_bytes,
        },
        "swap": {"free": node.swap_mib * MIB, "total": node.swap_mib * MIB, "used": 0},
        "uptime": int(world.now - node.started_at),
        "wait": 0,
    }


@route("GET", "/nodes/{node}/rrddata", parameters=HISTORY_PARAMETERS, privileges=("/nodes/{node}", ("Sys.Audit",)))
def read_node_history(call: Call) -> list[dict[str, object]]:
    """Return a node's rows, made from its guests' rows when they are asked for."""
    world = call.core.world
    node = world.nodes[call.node]
    timeframe, consolidation = call.values["timeframe"], call.values.get("cf", "AVERAGE")
    sums: dict[float, list[float]] = {}
    times: list[float] = [time for time, _row in pick_rows([], timeframe, world.now)]
    for guest in world.guests_of(node.name):
        stored = guest.minute_rows if timeframe in ("hour", "day") else guest.half_hour_rows
        for time, row in pick_rows(stored, timeframe, world.now, consolidation):
            if row is not None:
                figures = dict(zip(FIELDS, row[1:]))
                total = sums.setdefault(time, [0.0, 0.0])
                total[0] += figures["cpu"] * figures["maxcpu"]
                total[1] += figures["mem"]
    return [_node_row(world.storages["local"].total_bytes if "local" in world.storages else 0, node, time, sums.get(time)) for time in times]


def _node_row(root_bytes: int, node: Node, time: float, figures: list[float] | None) -> dict[str, object]:
    """Return one row; only its time where nothing was written."""
    row: dict[str, object] = {"time": int(time)}
    if figures is None:
        return row
    used_cores, guest_bytes = figures
    total = int(node.memory_mib * MIB)
    used = min(total, node.base_memory_mib * MIB + guest_bytes)
    over = max(0.0, used_cores / node.cpus - 1.0)
    return row | {
        "cpu": min(1.0, used_cores / node.cpus),
        "maxcpu": node.cpus,
        "loadavg": used_cores,
        "iowait": 0,
        "memtotal": total,
        "memused": used,
        "memavailable": total - used,
        "arcsize": 0,
        "swaptotal": node.swap_mib * MIB,
        "swapused": 0,
        "roottotal": root_bytes,
        "rootused": root_bytes // 10,
        "netin": 0,
        "netout": 0,
        "pressurecpusome": min(100.0, over * 100),
        "pressureiosome": 0,
        "pressureiofull": 0,
        "pressurememorysome": 0,
        "pressurememoryfull": 0,
    }
