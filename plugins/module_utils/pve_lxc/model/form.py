# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one formatter from records to dicts: facts, results, diffs, ``--json`` and the journal all come from here.

Keys are what users see, so they are Proxmox's words without units in them where Proxmox has none: ``memory`` and
``swap`` are MiB there and here. Keys of dicts by vmid are strings, because JSON has no others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .allocation import CONFIG_KEYS, Allocation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .decision import Decision
    from .guest import Guest, GuestConfig
    from .node import Cluster, Node
    from .plan import Outcome
    from .rootfs import RootfsChoice
    from .usage import RrdRow, UsageSample


def _whole(value: float | None) -> int | None:
    """Return bytes and seconds without a fraction; None stays None."""
    return None if value is None else int(value)


def format_allocation(allocation: Allocation | None) -> dict[str, Any]:
    """Return ``{"cores": 2, "cpulimit": None, "cpuunits": None, "memory": 1024, "swap": 512}``; empty for None."""
    if allocation is None:
        return {}
    return {CONFIG_KEYS[name]: value for name, value in allocation.items()}


def cpu_of(formatted: Mapping[str, Any]) -> float | None:
    """Return the smaller of cores and cpulimit of a formatted allocation, as the kernel holds to both; None without either."""
    given = [float(formatted[key]) for key in ("cores", "cpulimit") if formatted.get(key) is not None]
    return min(given) if given else None


def format_change(decision: Decision) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a change begins with and is to end with, for the journal; ``{"rootfs": "8G"}`` and ``{"rootfs": "10G"}`` of one that is only about a disk."""
    if decision.current is None and decision.rootfs is not None:
        # Imported here, as below, because hardly any container has its disk grown.
        from .rootfs import format_disk_size

        return {"rootfs": format_disk_size(decision.rootfs.size_bytes or 0)}, {"rootfs": format_disk_size(decision.rootfs.target_bytes or 0)}
    return format_allocation(decision.current), format_allocation(decision.target)


def is_of_disk(change: Mapping[str, Any]) -> bool:
    """Return whether a change of the journal is about a root file system, and not about CPU or memory."""
    return "rootfs" in change["target"]


def format_guest(guest: Guest) -> dict[str, Any]:
    """Return one container's basic facts; sizes in bytes as Proxmox gives them, None where not measured."""
    return {
        "vmid": guest.vmid,
        "name": guest.name,
        "node": guest.node,
        "status": guest.status,
        "template": guest.is_template,
        "lock": guest.lock,
        "tags": list(guest.tags),
        "pool": guest.pool,
        "hastate": guest.hastate,
        "uptime": _whole(guest.uptime_seconds),
        "maxcpu": guest.max_cpu,
        "maxmem": _whole(guest.max_memory_bytes),
        "maxdisk": _whole(guest.max_disk_bytes),
    }


def format_metrics(guest: Guest) -> dict[str, Any]:
    """Return one container's figures as the cluster broadcasts them, up to ten seconds old."""
    cores_used = None if guest.cpu_ratio is None or guest.max_cpu is None else round(guest.cpu_ratio * guest.max_cpu, 4)
    return {"cpu": guest.cpu_ratio, "cpu_cores": cores_used, "mem": _whole(guest.memory_bytes), "disk": _whole(guest.disk_bytes)}


def format_config(config: GuestConfig) -> dict[str, Any]:
    """Return the whole configuration with Proxmox's keys, and its digest."""
    return {**config.values, "digest": config.digest}


def format_node(node: Node) -> dict[str, Any]:
    """Return one node's facts; None where the user may not see them."""
    return {
        "node": node.name,
        "status": node.status,
        "cgroup_mode": node.cgroup_mode,
        "maxcpu": _whole(node.cpus),
        "cpu": node.cpu_ratio,
        "mem": _whole(node.memory_bytes),
        "maxmem": _whole(node.max_memory_bytes),
        "uptime": _whole(node.uptime_seconds),
        "hastate": node.hastate,
    }


def format_nodes(cluster: Cluster) -> dict[str, dict[str, Any]]:
    """Return every node's facts by name."""
    return {name: format_node(node) for name, node in cluster.nodes.items()}


def format_rrd_row(row: RrdRow) -> dict[str, Any]:
    """Return one row of history; None where Proxmox has no figure."""
    return {
        "time": _whole(row.time_seconds),
        "cpu": row.cpu_ratio,
        "maxcpu": row.max_cpu,
        "mem": _whole(row.memory_bytes),
        "maxmem": _whole(row.max_memory_bytes),
        "pressurecpusome": row.cpu_pressure_percent,
        "pressurememorysome": row.memory_pressure_percent,
        "pressurememoryfull": row.memory_full_percent,
    }


def format_before(outcome: Outcome) -> dict[str, Any]:
    """Return what a container had: sizes, and what else was looked at."""
    return {**format_allocation(outcome.before), **outcome.more_before}


def format_after(outcome: Outcome) -> dict[str, Any]:
    """Return what a container has now, in check mode what it would have; the same keys as ``format_before``."""
    return {**format_allocation(outcome.after), **outcome.more_after}


def format_outcome(outcome: Outcome) -> dict[str, Any]:
    """Return one element of a module's ``results``."""
    return {
        "vmid": outcome.vmid,
        "name": outcome.name,
        "node": outcome.node,
        "changed": outcome.is_changed,
        "failed": outcome.is_failed,
        "reason": str(outcome.reason),
        "msg": outcome.message,
        "before": format_before(outcome),
        "after": format_after(outcome),
        "pending": dict(outcome.pending),
        "restart_required": outcome.is_restart_required,
        "transport": outcome.transport,
    }


def format_sample(sample: UsageSample | None) -> dict[str, Any]:
    """Return what was measured, empty for None."""
    if sample is None:
        return {}
    return {
        "time": sample.time_seconds,
        "interval_seconds": sample.interval_seconds,
        "cpu_cores": sample.cpu_cores,
        "cpu_peak_cores": sample.cpu_peak_cores,
        "memory_mib": sample.memory_mib,
        "memory_source": str(sample.memory_source),
        "swap_mib": sample.swap_mib,
        "cpu_pressure_percent": sample.cpu_pressure_percent,
        "cpu_throttled_ratio": sample.cpu_throttled_ratio,
        "memory_pressure_percent": sample.memory_pressure_percent,
        "memory_full_percent": sample.memory_full_percent,
        "uptime_seconds": sample.uptime_seconds,
        "own_oom_kills": sample.own_oom_kills,
        "foreign_oom_kills": sample.foreign_oom_kills,
    }


def format_decision(decision: Decision) -> dict[str, Any]:
    """Return one container's decision; ``rootfs`` is there only where root file systems are grown, ``swap_bounds_mib`` only where swap is sized."""
    shown = {
        "vmid": decision.vmid,
        "name": decision.name,
        "node": decision.node,
        "change": decision.is_change,
        "reason": str(decision.reason),
        "reasons": [str(reason) for reason in decision.reasons],
        "msg": decision.message,
        "before": format_allocation(decision.current),
        "target": format_allocation(decision.target),
        "usage": format_sample(decision.sample),
        "cpu_demand_cores": decision.cpu_demand_cores,
        "memory_demand_mib": decision.memory_demand_mib,
        "cpu_bounds_cores": None if decision.cpu_bounds_cores is None else list(decision.cpu_bounds_cores),
        "memory_bounds_mib": None if decision.memory_bounds_mib is None else list(decision.memory_bounds_mib),
    }
    if decision.swap_bounds_mib is not None:
        shown["swap_bounds_mib"] = list(decision.swap_bounds_mib)
    return shown if decision.rootfs is None else {**shown, "rootfs": _format_rootfs(decision.rootfs)}


def _format_rootfs(choice: RootfsChoice) -> dict[str, Any]:
    from .rootfs import format_disk_size

    sizes = [None if size is None else format_disk_size(size) for size in (choice.size_bytes, choice.target_bytes)]
    return {
        "change": choice.is_change,
        "reason": str(choice.reason),
        "msg": choice.message,
        "before": sizes[0],
        "target": sizes[1],
        "used_share": None if choice.used_share is None else round(choice.used_share, 4),
    }
