# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured; None is *not measured*, never zero."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MemorySource(StrEnum):
    """Where a memory figure comes from, and so what it may decide."""

    CGROUP = "cgroup"
    """The true working set, from the node's cgroup files: may shrink."""
    API = "api"
    """Proxmox's ``mem``, which leaves out shmem and tmpfs: may only grow."""


@dataclass(frozen=True, slots=True)
class UsageSample:
    """One container over the interval that just ended.

    Attributes:
        vmid: whose.
        node: where it ran.
        time_seconds: end of the interval, seconds since 1970 (UTC).
        interval_seconds: length; None when it is the source's own ten-second figure.
        cpu_cores: average CPU used, in cores.
        cpu_peak_cores: highest shorter average inside the interval, in cores; at least ``cpu_cores``.
        memory_mib: working set (cgroup) or ``mem`` (API), in MiB.
        memory_source: which of the two.
        swap_mib: swap used, in MiB.
        cpu_pressure_percent: PSI cpu some avg10.
        cpu_throttled_ratio: share of the interval's scheduling periods in which the quota ran out, 0-1: the use was at the limit
            then, however low the average is.
        memory_pressure_percent: PSI memory some avg60 (cgroup) or avg10 (API).
        memory_full_percent: PSI memory full, same average.
        io_pressure_percent: PSI io some avg10.
        uptime_seconds: since its start.
        own_oom_kills: kills since the last sample because of its own limit; None when it cannot be told.
        foreign_oom_kills: kills since the last sample for another reason (host, or a smaller limit inside).
        host_oom_kills: those of them that were the host's, which ran out of memory itself; None when it cannot be told.
        live_memory_max_mib: the limit the kernel enforces; None when not readable.
        live_cpu_max_cores: the quota the kernel enforces; None when unlimited or not readable.
        live_swap_max_mib: the limit of swap the kernel enforces, infinite without one; None when not readable.
        refault_pages_per_second: file pages read again soon after eviction; None when not measured.
        swap_in_pages_per_second: pages that came back from swap; None when not measured.
    """

    vmid: int
    node: str
    time_seconds: float
    interval_seconds: float | None = None
    cpu_cores: float | None = None
    cpu_peak_cores: float | None = None
    memory_mib: float | None = None
    memory_source: MemorySource = MemorySource.API
    swap_mib: float | None = None
    cpu_pressure_percent: float | None = None
    cpu_throttled_ratio: float | None = None
    memory_pressure_percent: float | None = None
    memory_full_percent: float | None = None
    io_pressure_percent: float | None = None
    uptime_seconds: float | None = None
    own_oom_kills: int | None = None
    foreign_oom_kills: int | None = None
    live_memory_max_mib: float | None = None
    live_cpu_max_cores: float | None = None
    refault_pages_per_second: float | None = None
    swap_in_pages_per_second: float | None = None
    host_oom_kills: int | None = None
    live_swap_max_mib: float | None = None


@dataclass(frozen=True, slots=True)
class RrdRow:
    """One row of ``rrddata``; keys that Proxmox leaves out are None.

    Attributes:
        time_seconds: end of the row's interval, seconds since 1970 (UTC).
        cpu_ratio: 0-1 of ``max_cpu``.
        max_cpu: cores, else cpulimit, else the host's number.
        memory_bytes: ``mem``.
        max_memory_bytes: limit.
        cpu_pressure_percent: PSI cpu some; PVE 9 only.
        memory_pressure_percent: PSI memory some; PVE 9 only.
        memory_full_percent: PSI memory full; PVE 9 only.
    """

    time_seconds: float
    cpu_ratio: float | None = None
    max_cpu: float | None = None
    memory_bytes: float | None = None
    max_memory_bytes: float | None = None
    cpu_pressure_percent: float | None = None
    memory_pressure_percent: float | None = None
    memory_full_percent: float | None = None


@dataclass(frozen=True, slots=True)
class HostUsage:
    """What a node has left.

    Attributes:
        node: its name.
        cpus: logical CPUs; None when not measured.
        memory_total_mib: installed.
        memory_available_mib: MemAvailable on the node, else installed less used; None when not measured.
        arc_size_mib: what ZFS caches, which MemAvailable leaves out; None without ZFS, or when not measured.
        arc_least_mib: what ZFS keeps of it in any case; None likewise.
        memory_full_percent: PSI memory full; None when not measured.
        cpu_pressure_percent: PSI cpu some; None when not measured.
        swap_total_mib: size of its swap, 0 without any; None when not measured.
    """

    node: str
    cpus: float | None = None
    memory_total_mib: float | None = None
    memory_available_mib: float | None = None
    memory_full_percent: float | None = None
    cpu_pressure_percent: float | None = None
    arc_size_mib: float | None = None
    arc_least_mib: float | None = None
    swap_total_mib: float | None = None
