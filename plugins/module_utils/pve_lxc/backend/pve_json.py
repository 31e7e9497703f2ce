# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the ``data`` of Proxmox's answers to records; pure, so a recorded answer is a test.

``pvesh --output-format json`` prints the same structures. Numbers may arrive as strings, and keys without a value are
absent, not null. Source: recorded on PVE 9.2.11, tests/fixtures/pve9.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..model.allocation import Allocation
from ..model.guest import Guest, GuestConfig
from ..model.node import Cluster, Node

if TYPE_CHECKING:
    from ..model.rootfs import Storage
    from ..model.usage import RrdRow

_HWADDR = re.compile(r"(?:^|,)hwaddr=([0-9A-Fa-f:]{17})")


def number_or_none(value: Any) -> float | None:
    """Return a number for ``1.5``, ``"1.5"`` or ``"0.00"``; None for an absent, null or empty one."""
    if value is None or value == "":
        return None
    return float(value)


def _whole_or_none(value: Any) -> int | None:
    number = number_or_none(value)
    return None if number is None else int(number)


def parse_tags(text: str | None) -> tuple[str, ...]:
    """Return the tags of ``prod;web`` sorted; Proxmox returns ``;`` but accepts commas and blanks too."""
    return tuple(sorted(tag for tag in re.split(r"[;,\s]+", text or "") if tag))


def parse_cluster(rows: Iterable[Mapping[str, Any]]) -> Cluster:
    """Return containers and nodes of ``GET /cluster/resources``, in ascending order.

    Args:
        rows: every resource of the cluster; QEMU machines are counted, networks passed over.
    """
    guests: dict[int, Guest] = {}
    nodes: dict[str, Node] = {}
    virtual_machines = 0
    machine_bytes: dict[str, float] = {}
    storages: list[Mapping[str, Any]] = []
    for row in rows:
        kind = row.get("type")
        if kind == "lxc":
            guest = parse_guest(row)
            guests[guest.vmid] = guest
        elif kind == "node":
            nodes[row["node"]] = parse_node(row)
        elif kind == "qemu":
            virtual_machines += 1
            if row.get("status") == "running":
                machine_bytes[row["node"]] = machine_bytes.get(row["node"], 0.0) + (number_or_none(row.get("maxmem")) or 0.0)
        elif kind == "storage":
            storages.append(row)
    # Only who may see storages has any; the loop may not unless it grows disks.
    seen = parse_storages(storages) if storages else {}
    return Cluster(dict(sorted(guests.items())), dict(sorted(nodes.items())), virtual_machines, machine_bytes, seen)


def parse_storages(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Storage]:
    """Return the rows of type ``storage`` by node and name."""
    # Imported here, because most users see none and each import delays a module's start.
    from ..model.rootfs import Storage

    return {
        (str(row["node"]), str(row["storage"])): Storage(
            name=str(row["storage"]),
            plugin=str(row.get("plugintype") or ""),
            is_available=row.get("status") == "available",
            used_bytes=number_or_none(row.get("disk")),
            total_bytes=number_or_none(row.get("maxdisk")),
        )
        for row in rows
    }


def parse_guest(row: Mapping[str, Any]) -> Guest:
    """Return one row of type ``lxc``."""
    return Guest(
        vmid=int(row["vmid"]),
        name=str(row.get("name") or ""),
        node=str(row["node"]),
        status=str(row.get("status") or "unknown"),
        is_template=bool(int(row.get("template") or 0)),
        lock=str(row.get("lock") or ""),
        tags=parse_tags(row.get("tags")),
        pool=str(row.get("pool") or ""),
        hastate=str(row.get("hastate") or ""),
        cpu_ratio=number_or_none(row.get("cpu")),
        max_cpu=number_or_none(row.get("maxcpu")),
        memory_bytes=number_or_none(row.get("mem")),
        max_memory_bytes=number_or_none(row.get("maxmem")),
        disk_bytes=number_or_none(row.get("disk")),
        max_disk_bytes=number_or_none(row.get("maxdisk")),
        uptime_seconds=number_or_none(row.get("uptime")),
    )


def parse_node(row: Mapping[str, Any]) -> Node:
    """Return one row of type ``node``."""
    return Node(
        name=str(row["node"]),
        status=str(row.get("status") or "unknown"),
        cgroup_mode=_whole_or_none(row.get("cgroup-mode")),
        cpus=number_or_none(row.get("maxcpu")),
        cpu_ratio=number_or_none(row.get("cpu")),
        memory_bytes=number_or_none(row.get("mem")),
        max_memory_bytes=number_or_none(row.get("maxmem")),
        uptime_seconds=number_or_none(row.get("uptime")),
        hastate=str(row.get("hastate") or ""),
    )


def parse_allocation(values: Mapping[str, Any]) -> Allocation:
    """Return what a configuration gives; a cpulimit of 0 means unlimited and is read as absent."""
    return Allocation(
        cores=_whole_or_none(values.get("cores")),
        cpulimit=number_or_none(values.get("cpulimit")) or None,
        cpuunits=_whole_or_none(values.get("cpuunits")),
        memory_mib=_whole_or_none(values.get("memory")),
        swap_mib=_whole_or_none(values.get("swap")),
    )


def parse_config(node: str, vmid: int, data: Mapping[str, Any]) -> GuestConfig:
    """Return the configuration of ``GET .../config?current=1``."""
    return _config(node, vmid, dict(data), pending={})


def parse_pending(node: str, vmid: int, rows: Iterable[Mapping[str, Any]]) -> GuestConfig:
    """Return the configuration of ``GET .../pending``: live values, and what waits for a restart.

    Args:
        node: where it was read.
        vmid: whose.
        rows: ``{key, value?, pending?, delete?}``; ``delete`` 1 or 2 means that the key waits to be removed.
    """
    values: dict[str, Any] = {}
    pending: dict[str, Any] = {}
    for row in rows:
        key = str(row["key"])
        if "value" in row:
            values[key] = row["value"]
        if "pending" in row:
            pending[key] = row["pending"]
        elif row.get("delete"):
            pending[key] = None
    return _config(node, vmid, values, pending)


def _config(node: str, vmid: int, values: dict[str, Any], pending: dict[str, Any]) -> GuestConfig:
    digest = str(values.pop("digest", "") or "")
    hwaddr = _HWADDR.search(str(values.get("net0") or ""))
    volume, _comma, options = str(values.get("rootfs") or "").partition(",")
    return GuestConfig(
        vmid=vmid,
        node=node,
        digest=digest,
        allocation=parse_allocation(values),
        pending=pending,
        lock=str(values.get("lock") or ""),
        tags=parse_tags(values.get("tags")),
        is_template=bool(int(values.get("template") or 0)),
        rootfs_volume=volume,
        rootfs_options=options,
        net0_hwaddr=hwaddr[1].upper() if hwaddr else "",
        raw_lxc_keys=tuple(sorted({str(pair[0]) for pair in values.get("lxc") or []})),
        values=values,
    )


def parse_rrd_rows(rows: Iterable[Mapping[str, Any]]) -> list[RrdRow]:
    """Return the rows of ``GET .../rrddata``, oldest first; absent keys are None."""
    # Imported here, because most tasks read no history and each import delays a module's start.
    from ..model.usage import RrdRow

    parsed = [
        RrdRow(
            time_seconds=float(row["time"]),
            cpu_ratio=number_or_none(row.get("cpu")),
            max_cpu=number_or_none(row.get("maxcpu")),
            memory_bytes=number_or_none(row.get("mem")),
            max_memory_bytes=number_or_none(row.get("maxmem")),
            cpu_pressure_percent=number_or_none(row.get("pressurecpusome")),
            memory_pressure_percent=number_or_none(row.get("pressurememorysome")),
            memory_full_percent=number_or_none(row.get("pressurememoryfull")),
        )
        for row in rows
    ]
    return sorted(parsed, key=lambda row: row.time_seconds)


def parse_quorum(rows: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether ``GET /cluster/status`` allows writes: a node without a cluster has no row ``cluster`` and always does."""
    return all(bool(int(row.get("quorate") or 0)) for row in rows if row.get("type") == "cluster")
