# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest is made of: its demand, its limits, what it holds, its sums and its pressure."""

from __future__ import annotations

from dataclasses import dataclass, field

from .trace import Trace

MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass
class Demand:
    """What the processes of a guest want, before any limit.

    Attributes:
        cpu_cores: mean of the trace step, in cores.
        anon_mib: anonymous memory.
        shmem_mib: tmpfs and shared memory; killing a process does not free it.
        mapped_mib: mapped files, mapped shared memory included, as memory.stat's file_mapped has it.
        cache_mib: page cache that is dropped without harm.
        slab_mib: reclaimable kernel memory such as dentries.
    """

    cpu_cores: float = 0.02
    anon_mib: float = 64.0
    shmem_mib: float = 0.0
    mapped_mib: float = 0.0
    cache_mib: float = 32.0
    slab_mib: float = 4.0


@dataclass
class TraceUse:
    """Which trace drives a guest: value = recorded value x scale, read from offset_seconds on."""

    trace: Trace
    scale: float = 1.0
    offset_seconds: float = 0.0


@dataclass
class LiveLimits:
    """What the kernel enforces now; differs from the configuration after a failed write and until pvestatd places cores."""

    memory_bytes: int = 512 * MIB
    swap_bytes: int = 0
    has_host_swap: bool = False
    quota_cores: float | None = None
    cpuunits: int = 100
    cpuset_cores: int = 1

    @property
    def usable_swap_bytes(self) -> int:
        """Return the swap that counts: none on a host without swap, whatever the limit says."""
        return self.swap_bytes if self.has_host_swap else 0


@dataclass
class Levels:
    """What a guest holds now, in MiB, after its limits."""

    anon_mib: float = 0.0
    shmem_mib: float = 0.0
    mapped_mib: float = 0.0
    file_mib: float = 0.0
    slab_mib: float = 0.0
    swap_mib: float = 0.0
    needed_mib: float = 0.0

    @property
    def current_mib(self) -> float:
        """Return memory.current: anonymous memory, files and reclaimable slab."""
        return self.anon_mib + self.file_mib + self.slab_mib

    @property
    def working_set_mib(self) -> float:
        """Return what cannot go: current less reclaimable slab less file pages that are neither shared nor mapped.

        700 MiB current with 40 MiB slab, 300 MiB file, 100 MiB shmem and 120 MiB mapped: 700 - 40 - (300 - 120) = 480.
        """
        return self.current_mib - self.slab_mib - (self.file_mib - max(self.shmem_mib, self.mapped_mib))

    @property
    def api_mib(self) -> float:
        """Return ``mem`` of the API: memory.current less memory.stat's file, which leaves out shared memory too."""
        return self.current_mib - self.file_mib


@dataclass
class Counters:
    """Sums since the simulator started; the ``cgroup_`` ones start anew with the container."""

    oom_kills: int = 0
    demand_core_seconds: float = 0.0
    served_core_seconds: float = 0.0
    unmet_core_seconds: float = 0.0
    allocated_core_seconds: float = 0.0
    allocated_gib_seconds: float = 0.0
    used_gib_seconds: float = 0.0
    throttled_seconds: float = 0.0
    config_writes: int = 0
    cgroup_oom: int = 0
    cgroup_oom_kill: int = 0
    cgroup_cpu_seconds: float = 0.0
    cgroup_throttled_seconds: float = 0.0
    cgroup_periods: int = 0
    cgroup_cpu_some_seconds: float = 0.0
    cgroup_memory_some_seconds: float = 0.0
    cgroup_memory_full_seconds: float = 0.0
    cgroup_refaults: float = 0.0

    def forget_sums(self) -> None:
        """Start the sums anew and leave the kernel's counters."""
        for name in vars(self):
            if not name.startswith("cgroup_"):
                setattr(self, name, 0)

    def restart(self) -> None:
        """Start the kernel's counters anew, as a new cgroup does."""
        for name in vars(self):
            if name.startswith("cgroup_"):
                setattr(self, name, 0)


@dataclass
class Pressure:
    """Pressure averages in per cent, by window in seconds."""

    cpu_some: dict[int, float] = field(default_factory=lambda: {10: 0.0, 60: 0.0, 300: 0.0})
    memory_some: dict[int, float] = field(default_factory=lambda: {10: 0.0, 60: 0.0, 300: 0.0})
    memory_full: dict[int, float] = field(default_factory=lambda: {10: 0.0, 60: 0.0, 300: 0.0})
