# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Usage from the node's own cgroup v2 files, which every user may read: true working sets, whole intervals, own kills told from others'.

The files are counters, so what is reported is the difference to the last reading. A timer's run is a new process each time: the last
readings are handed in with ``load_counters`` and out with ``dump_counters``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..model.allocation import LiveLimits
from ..model.guest import Guest
from ..model.node import Cluster
from ..model.usage import HostUsage, MemorySource, UsageSample
from ..units import mib_from_bytes
from . import cgroup_text
from .cgroup_counters import CgroupCounters, interval_seconds, kills_of, rate, read_counters, read_text, throttled_ratio

_MICROSECONDS = 1e6
_COUNTER_NAMES = tuple(field.name for field in fields(CgroupCounters))


class CgroupUsage:
    """A UsageSource over ``<root>/lxc/<vmid>/`` and a proc file system."""

    def __init__(self, cgroup_root: str, proc_root: str = "/proc") -> None:
        """Keep the places; nothing is read yet."""
        self._containers = f"{cgroup_root}/lxc"
        self._proc = proc_root
        self._counters: dict[int, CgroupCounters] = {}

    def note_cluster(self, cluster: Cluster) -> None:
        """Take nothing: the files say it all."""

    def load_counters(self, counters: Mapping[int, Mapping[str, Any]]) -> None:
        """Take the last readings by vmid; what is incomplete is left out, as if never read."""
        for vmid, values in counters.items():
            try:
                self._counters[vmid] = CgroupCounters(**{name: values[name] for name in _COUNTER_NAMES})
            except (KeyError, TypeError):
                continue

    def dump_counters(self) -> dict[int, dict[str, Any]]:
        """Return the last readings by vmid."""
        return {vmid: {name: getattr(counters, name) for name in _COUNTER_NAMES} for vmid, counters in self._counters.items()}

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
        folder = f"{self._containers}/{guest.vmid}"
        current = cgroup_text.parse_number_or_max(read_text(f"{folder}/memory.current"))
        return None if current is None else cgroup_text.working_set_mib(current, cgroup_text.parse_flat_keyed(read_text(f"{folder}/memory.stat")))

    def read_live_limits(self, guest: Guest) -> LiveLimits | None:
        """Return the limits of this moment; None when the files cannot be read."""
        folder = f"{self._containers}/{guest.vmid}"
        memory, cpu = read_text(f"{folder}/memory.max"), read_text(f"{folder}/cpu.max")
        if not memory or not cpu:
            return None
        memory_bytes = cgroup_text.parse_number_or_max(memory)
        used_bytes = cgroup_text.parse_number_or_max(read_text(f"{folder}/memory.swap.current"))
        return LiveLimits(
            None if memory_bytes is None else mib_from_bytes(memory_bytes),
            cgroup_text.parse_cpu_max_cores(cpu),
            cgroup_text.parse_swap_max_mib(read_text(f"{folder}/memory.swap.max")),
            None if used_bytes is None else mib_from_bytes(used_bytes),
        )

    def read_host(self, node: str) -> HostUsage:
        """Return what this machine has left; the name is only put into the result."""
        meminfo = cgroup_text.parse_meminfo_mib(read_text(f"{self._proc}/meminfo"))
        memory_pressure = read_text(f"{self._proc}/pressure/memory")
        arc_size_mib, arc_least_mib = cgroup_text.parse_arc_mib(read_text(f"{self._proc}/spl/kstat/zfs/arcstats"))
        return HostUsage(
            node=node,
            memory_total_mib=meminfo.get("MemTotal"),
            memory_available_mib=meminfo.get("MemAvailable"),
            memory_full_percent=cgroup_text.parse_pressure_percent(memory_pressure, "full", "avg300"),
            cpu_pressure_percent=cgroup_text.parse_pressure_percent(read_text(f"{self._proc}/pressure/cpu"), "some", "avg300"),
            arc_size_mib=arc_size_mib,
            arc_least_mib=arc_least_mib,
            swap_total_mib=meminfo.get("SwapTotal"),
        )

    def _read_sample(self, guest: Guest, now: float) -> UsageSample | None:
        folder = f"{self._containers}/{guest.vmid}"
        stat = cgroup_text.parse_flat_keyed(read_text(f"{folder}/memory.stat"))
        current = cgroup_text.parse_number_or_max(read_text(f"{folder}/memory.current"))
        counters = read_counters(folder, stat, now)
        if counters is None or current is None:
            return None
        earlier = self._counters.get(guest.vmid)
        self._counters[guest.vmid] = counters
        if cgroup_text.parse_flat_keyed(read_text(f"{folder}/cgroup.events")).get("frozen") == 1:
            return None
        interval = interval_seconds(earlier, counters)
        cpu_cores = rate(earlier, counters, "cpu_microseconds", interval)
        if cpu_cores is not None:
            cpu_cores /= _MICROSECONDS
        own, foreign, by_host = kills_of(earlier, counters, interval)
        memory_pressure = read_text(f"{folder}/memory.pressure")
        live_memory = cgroup_text.parse_number_or_max(read_text(f"{folder}/memory.max"))
        swap = cgroup_text.parse_number_or_max(read_text(f"{folder}/memory.swap.current"))
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
            cpu_pressure_percent=cgroup_text.parse_pressure_percent(read_text(f"{folder}/cpu.pressure"), "some", "avg10"),
            cpu_throttled_ratio=throttled_ratio(earlier, counters, interval),
            memory_pressure_percent=cgroup_text.parse_pressure_percent(memory_pressure, "some", "avg60"),
            memory_full_percent=cgroup_text.parse_pressure_percent(memory_pressure, "full", "avg60"),
            io_pressure_percent=cgroup_text.parse_pressure_percent(read_text(f"{folder}/io.pressure"), "some", "avg10"),
            uptime_seconds=guest.uptime_seconds,
            own_oom_kills=own,
            foreign_oom_kills=foreign,
            live_memory_max_mib=None if live_memory is None else mib_from_bytes(live_memory),
            live_cpu_max_cores=cgroup_text.parse_cpu_max_cores(read_text(f"{folder}/cpu.max")),
            refault_pages_per_second=rate(earlier, counters, "refaults", interval),
            swap_in_pages_per_second=rate(earlier, counters, "swap_ins", interval),
            host_oom_kills=by_host,
            live_swap_max_mib=cgroup_text.parse_swap_max_mib(read_text(f"{folder}/memory.swap.max")),
        )


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
