# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Usage from the node's own cgroup v2 files, which every user may read: true working sets, whole intervals, own kills told from others'.

The files are counters, so what is reported is the difference to the last reading. A timer's run is a new process each time: the last
readings are handed in with ``load_counters`` and out with ``dump_counters``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ..model.guest import Guest
from ..model.node import Cluster
from ..model.usage import HostUsage, MemorySource, UsageSample
from ..units import mib_from_bytes
from . import cgroup_text

_MICROSECONDS = 1e6


@dataclass(frozen=True, slots=True)
class CgroupCounters:
    """One container's counters at one reading.

    Attributes:
        time_seconds: when they were read.
        inode: of the cgroup's folder; another one means that the container was started anew.
        cpu_microseconds: CPU time used since its start.
        cpu_periods: scheduling periods with a quota in force; None when not readable.
        cpu_throttled_periods: those of them in which the quota ran out; None when not readable.
        own_oom: times its own limit was hit (memory.events.local oom); None when not readable.
        kills: processes killed in it, whoever's limit it was (memory.events oom_kill); None when not readable.
        refaults: file pages read again soon after eviction; None when not readable.
    """

    time_seconds: float
    inode: int
    cpu_microseconds: int | None
    cpu_periods: int | None
    cpu_throttled_periods: int | None
    own_oom: int | None
    kills: int | None
    refaults: int | None


class CgroupUsage:
    """A UsageSource over ``<root>/lxc/<vmid>/`` and a proc file system."""

    def __init__(self, cgroup_root: str, proc_root: str = "/proc") -> None:
        """Keep the places; nothing is read yet."""
        self._containers = Path(cgroup_root) / "lxc"
        self._proc = Path(proc_root)
        self._counters: dict[int, CgroupCounters] = {}

    def note_cluster(self, cluster: Cluster) -> None:
        """Take nothing: the files say it all."""

    def load_counters(self, counters: Mapping[int, Mapping[str, Any]]) -> None:
        """Take the last readings by vmid; what is incomplete is left out, as if never read."""
        for vmid, values in counters.items():
            try:
                self._counters[vmid] = CgroupCounters(**{field.name: values[field.name] for field in fields(CgroupCounters)})
            except (KeyError, TypeError):
                continue

    def dump_counters(self) -> dict[int, dict[str, Any]]:
        """Return the last readings by vmid."""
        return {vmid: asdict(counters) for vmid, counters in self._counters.items()}

    def read_samples(self, guests: Sequence[Guest], now: float) -> Mapping[int, UsageSample]:
        """Return one sample by vmid; a container without readable files, or a frozen one, is absent."""
        samples = {}
        for guest in guests:
            sample = self._read_sample(guest, now) if guest.is_running else None
            if sample is not None:
                samples[guest.vmid] = sample
        return samples

    def read_memory_mib(self, guest: Guest) -> float | None:
        """Return the working set of this moment in MiB; None when it cannot be read."""
        folder = self._containers / str(guest.vmid)
        current = cgroup_text.parse_number_or_max(_text(folder / "memory.current"))
        return None if current is None else cgroup_text.working_set_mib(current, cgroup_text.parse_flat_keyed(_text(folder / "memory.stat")))

    def read_host(self, node: str) -> HostUsage:
        """Return what this machine has left; the name is only put into the result."""
        meminfo = cgroup_text.parse_meminfo_mib(_text(self._proc / "meminfo"))
        memory_pressure = _text(self._proc / "pressure" / "memory")
        return HostUsage(
            node=node,
            memory_total_mib=meminfo.get("MemTotal"),
            memory_available_mib=meminfo.get("MemAvailable"),
            memory_full_percent=cgroup_text.parse_pressure_percent(memory_pressure, "full", "avg300"),
            cpu_pressure_percent=cgroup_text.parse_pressure_percent(_text(self._proc / "pressure" / "cpu"), "some", "avg300"),
        )

    def _read_sample(self, guest: Guest, now: float) -> UsageSample | None:
        folder = self._containers / str(guest.vmid)
        stat = cgroup_text.parse_flat_keyed(_text(folder / "memory.stat"))
        current = cgroup_text.parse_number_or_max(_text(folder / "memory.current"))
        counters = _read_counters(folder, stat, now)
        if counters is None or current is None:
            return None
        earlier = self._counters.get(guest.vmid)
        self._counters[guest.vmid] = counters
        if cgroup_text.parse_flat_keyed(_text(folder / "cgroup.events")).get("frozen") == 1:
            return None
        interval = _interval_seconds(earlier, counters)
        cpu_cores = _rate(earlier, counters, "cpu_microseconds", interval)
        if cpu_cores is not None:
            cpu_cores /= _MICROSECONDS
        own, foreign = _kills(earlier, counters, interval)
        memory_pressure = _text(folder / "memory.pressure")
        live_memory = cgroup_text.parse_number_or_max(_text(folder / "memory.max"))
        swap = cgroup_text.parse_number_or_max(_text(folder / "memory.swap.current"))
        return UsageSample(
            vmid=guest.vmid,
            node=guest.node,
            time_seconds=now,
            interval_seconds=interval,
            cpu_cores=cpu_cores,
            cpu_peak_cores=_peak_cores(guest, cpu_cores),
            memory_mib=cgroup_text.working_set_mib(current, stat),
            memory_source=MemorySource.CGROUP,
            swap_mib=None if swap is None else mib_from_bytes(swap),
            cpu_pressure_percent=cgroup_text.parse_pressure_percent(_text(folder / "cpu.pressure"), "some", "avg10"),
            cpu_throttled_ratio=_throttled_ratio(earlier, counters, interval),
            memory_pressure_percent=cgroup_text.parse_pressure_percent(memory_pressure, "some", "avg60"),
            memory_full_percent=cgroup_text.parse_pressure_percent(memory_pressure, "full", "avg60"),
            io_pressure_percent=cgroup_text.parse_pressure_percent(_text(folder / "io.pressure"), "some", "avg10"),
            uptime_seconds=guest.uptime_seconds,
            own_oom_kills=own,
            foreign_oom_kills=foreign,
            live_memory_max_mib=None if live_memory is None else mib_from_bytes(live_memory),
            live_cpu_max_cores=cgroup_text.parse_cpu_max_cores(_text(folder / "cpu.max")),
            refault_pages_per_second=_rate(earlier, counters, "refaults", interval),
        )


def _text(path: Path) -> str:
    """Return a file's text, empty when it cannot be read: a container may end between two reads."""
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _read_counters(folder: Path, stat: Mapping[str, int], now: float) -> CgroupCounters | None:
    try:
        inode = os.stat(folder).st_ino
    except OSError:
        return None
    cpu = cgroup_text.parse_flat_keyed(_text(folder / "cpu.stat"))
    return CgroupCounters(
        time_seconds=now,
        inode=inode,
        cpu_microseconds=cpu.get("usage_usec"),
        cpu_periods=cpu.get("nr_periods"),
        cpu_throttled_periods=cpu.get("nr_throttled"),
        own_oom=cgroup_text.parse_flat_keyed(_text(folder / "memory.events.local")).get("oom"),
        kills=cgroup_text.parse_flat_keyed(_text(folder / "memory.events")).get("oom_kill"),
        refaults=stat.get("workingset_refault_file"),
    )


def _interval_seconds(earlier: CgroupCounters | None, counters: CgroupCounters) -> float | None:
    """Return the seconds between two readings; None for a first one, a container started anew, or a clock set back."""
    if earlier is None or earlier.inode != counters.inode:
        return None
    seconds = counters.time_seconds - earlier.time_seconds
    return seconds if seconds > 0 else None


def _difference(earlier: CgroupCounters | None, counters: CgroupCounters, name: str, interval: float | None) -> int | None:
    if earlier is None or interval is None:
        return None
    before, after = getattr(earlier, name), getattr(counters, name)
    if before is None or after is None or after < before:
        return None
    return int(after - before)


def _rate(earlier: CgroupCounters | None, counters: CgroupCounters, name: str, interval: float | None) -> float | None:
    difference = _difference(earlier, counters, name, interval)
    return None if difference is None or interval is None else difference / interval


def _throttled_ratio(earlier: CgroupCounters | None, counters: CgroupCounters, interval: float | None) -> float | None:
    """Return the share of periods in which the quota ran out: 600 of 3000 are 0.2; None without a quota or without an earlier reading."""
    periods = _difference(earlier, counters, "cpu_periods", interval)
    throttled = _difference(earlier, counters, "cpu_throttled_periods", interval)
    if not periods or throttled is None:
        return None
    return min(throttled / periods, 1.0)


def _kills(earlier: CgroupCounters | None, counters: CgroupCounters, interval: float | None) -> tuple[int | None, int | None]:
    """Return the kills by the container's own limit, and those by another: a limit inside it, or the host.

    Only when the own limit was hit *and* something was killed was it the own limit. Source: docs/policy.md, tried on a cgroup v2 kernel.
    """
    own_oom = _difference(earlier, counters, "own_oom", interval)
    kills = _difference(earlier, counters, "kills", interval)
    if own_oom is None or kills is None:
        return None, None
    return (kills, 0) if own_oom > 0 else (0, kills)


def _peak_cores(guest: Guest, average_cores: float | None) -> float | None:
    """Return the higher of the interval's average and Proxmox's own ten-second figure; None without an average."""
    if average_cores is None:
        return None
    if guest.cpu_ratio is None or guest.max_cpu is None:
        return average_cores
    return max(average_cores, guest.cpu_ratio * guest.max_cpu)


def has_container_files(cgroup_root: str, vmids: Iterable[int] = ()) -> bool:
    """Return whether a cgroup v2 hierarchy with containers' folders is there; of the named ones, if any are named, at least one."""
    root = Path(cgroup_root)
    if not (root / "cgroup.controllers").is_file() or not (root / "lxc").is_dir():
        return False
    named = list(vmids)
    return not named or any((root / "lxc" / str(vmid)).is_dir() for vmid in named)
