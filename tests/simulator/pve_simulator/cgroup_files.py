# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes' cgroup v2 files with the same figures as the API, for a loop that reads them beside the simulator.

Layout below the root: ``<node>/lxc/<vmid>/`` as ``/sys/fs/cgroup/lxc/<vmid>/``, ``<node>/cgroup.controllers``, ``<node>/proc/meminfo`` and
``<node>/proc/pressure/{memory,cpu}``. Format: kernel Documentation/admin-guide/cgroup-v2.rst and accounting/psi.rst.
A container's folder goes with its stop and is made anew by its start, so its inode tells a restart.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .broadcast import node_cpu_ratio, node_used_mib
from .guest import Guest
from .guest_parts import MIB
from .world import Node, World

PERIOD_MICROSECONDS = 100000
PAGE_BYTES = 4096
# memory.high lies 1/128 below memory.max, at most 128 MiB (recorded: 268435456 and 266338304).
HIGH_SHARE = 128
HIGH_MOST_BYTES = 128 * MIB
# World-readable, as the kernel has them.
FILE_MODE = 0o644


def memory_high(memory_max: int) -> int:
    """Return memory.high for a memory.max: 268435456 gives 266338304."""
    return memory_max - min(memory_max // HIGH_SHARE, HIGH_MOST_BYTES)


def format_pressure(some: dict[int, float], some_seconds: float, full: dict[int, float], full_seconds: float) -> str:
    """Return a pressure file: averages of 10, 60 and 300 s in per cent and the total in microseconds."""
    lines = []
    for name, averages, seconds in (("some", some, some_seconds), ("full", full, full_seconds)):
        lines.append(f"{name} avg10={averages[10]:.2f} avg60={averages[60]:.2f} avg300={averages[300]:.2f} total={int(seconds * 1_000_000)}\n")
    return "".join(lines)


def format_memory_stat(guest: Guest) -> str:
    """Return memory.stat, the lines that matter here in the kernel's order, in bytes."""
    levels = guest.levels
    anon, file, shmem = (int(figure * MIB) for figure in (levels.anon_mib, levels.file_mib, levels.shmem_mib))
    slab = int(levels.slab_mib * MIB)
    refaults = int(guest.counters.cgroup_refaults)
    figures = (
        ("anon", anon),
        ("file", file),
        ("kernel", slab),
        ("shmem", shmem),
        ("file_mapped", int(levels.mapped_mib * MIB)),
        ("file_dirty", 0),
        ("file_writeback", 0),
        ("inactive_anon", shmem),
        ("active_anon", anon),
        ("inactive_file", file - shmem),
        ("active_file", 0),
        ("slab_reclaimable", slab),
        ("slab_unreclaimable", 0),
        ("slab", slab),
        ("workingset_refault_anon", 0),
        ("workingset_refault_file", refaults),
        ("pgfault", refaults),
        ("pgmajfault", refaults),
    )
    return "".join(f"{name} {figure}\n" for name, figure in figures)


def format_memory_current(guest: Guest) -> str:
    """Return memory.current: the sum of the parts of memory.stat, byte by byte."""
    levels = guest.levels
    return f"{int(levels.anon_mib * MIB) + int(levels.file_mib * MIB) + int(levels.slab_mib * MIB)}\n"


def guest_files(guest: Guest, node: Node) -> dict[str, str]:
    """Return every file of a running container's cgroup by name."""
    limits, counters, pressure = guest.limits, guest.counters, guest.pressure
    events = f"low 0\nhigh 0\nmax {counters.cgroup_oom}\noom {counters.cgroup_oom}\noom_kill {counters.cgroup_oom_kill}\noom_group_kill 0\n"
    quota = "max" if limits.quota_cores is None else str(int(limits.quota_cores * PERIOD_MICROSECONDS))
    none = {10: 0.0, 60: 0.0, 300: 0.0}
    used = int(counters.cgroup_cpu_seconds * 1_000_000)
    throttled = int(counters.cgroup_throttled_seconds * 1_000_000)
    return {
        "memory.current": format_memory_current(guest),
        "memory.max": f"{limits.memory_bytes}\n",
        "memory.high": f"{memory_high(limits.memory_bytes)}\n",
        "memory.swap.current": f"{int(guest.levels.swap_mib * MIB)}\n",
        "memory.swap.max": f"{limits.swap_bytes}\n",
        "memory.stat": format_memory_stat(guest),
        "memory.events": events,
        "memory.events.local": events,
        "memory.pressure": format_pressure(
            pressure.memory_some, counters.cgroup_memory_some_seconds, pressure.memory_full, counters.cgroup_memory_full_seconds
        ),
        "cpu.pressure": format_pressure(pressure.cpu_some, counters.cgroup_cpu_some_seconds, pressure.cpu_some, counters.cgroup_cpu_some_seconds),
        "io.pressure": format_pressure(none, 0.0, none, 0.0),
        "cpu.stat": (
            f"usage_usec {used}\nuser_usec {used}\nsystem_usec 0\nnr_periods {counters.cgroup_periods}\n"
            f"nr_throttled {int(counters.cgroup_throttled_seconds * 10)}\nthrottled_usec {throttled}\n"
        ),
        "cpu.max": f"{quota} {PERIOD_MICROSECONDS}\n",
        "cpu.weight": f"{limits.cpuunits}\n",
        "cpuset.cpus": f"0-{limits.cpuset_cores - 1}\n" if limits.cpuset_cores > 1 else "0\n",
        "cgroup.events": f"populated 1\nfrozen {int(guest.is_frozen)}\n",
    }


class CgroupFiles:
    """Keeps the files; writes only what changed."""

    def __init__(self, root: Path, world: World) -> None:
        """Start with empty folders for every node."""
        self.root = root
        self._world = world
        self._written: dict[str, str] = {}
        for node in world.nodes.values():
            # The node's folder itself stays: it may be mounted elsewhere.
            for name in ("lxc", "proc"):
                shutil.rmtree(root / node.name / name, ignore_errors=True)
            (root / node.name / "lxc").mkdir(parents=True)
            (root / node.name / "proc" / "pressure").mkdir(parents=True)
            self._write(f"{root}/{node.name}/cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc\n")
        self.write_all()

    def write_all(self) -> None:
        """Bring every file up to date."""
        for node in self._world.nodes.values():
            self._write_node(node)
        for guest in self._world.guests.values():
            self._write_guest(guest)

    def write_guest_by_id(self, vmid: int) -> None:
        """Bring one container's files up to date, or take them away."""
        guest = self._world.guests.get(vmid)
        if guest is not None:
            self._write_guest(guest)
            return
        for node in self._world.nodes:
            self._remove(f"{self.root}/{node}/lxc/{vmid}")

    def _write_guest(self, guest: Guest) -> None:
        folder = f"{self.root}/{guest.node}/lxc/{guest.vmid}"
        if guest.type != "lxc":
            return
        if not guest.is_running:
            self._remove(folder)
            return
        if f"{folder}/cgroup.events" not in self._written:
            os.makedirs(folder, exist_ok=True)
        for name, text in guest_files(guest, self._world.nodes[guest.node]).items():
            self._write(f"{folder}/{name}", text)

    def _remove(self, folder: str) -> None:
        if f"{folder}/cgroup.events" in self._written:
            shutil.rmtree(folder, ignore_errors=True)
            self._written = {path: text for path, text in self._written.items() if not path.startswith(f"{folder}/")}

    def _write_node(self, node: Node) -> None:
        total_kib = int(node.memory_mib * 1024)
        used_kib = int(node_used_mib(self._world, node) * 1024)
        cached = sum(max(0.0, guest.levels.file_mib) for guest in self._world.guests_of(node.name) if guest.is_running)
        lines = (
            ("MemTotal", total_kib),
            ("MemFree", max(0, total_kib - used_kib - int(cached * 1024))),
            ("MemAvailable", total_kib - used_kib),
            ("Cached", int(cached * 1024)),
            ("SwapTotal", node.swap_mib * 1024),
            ("SwapFree", node.swap_mib * 1024),
        )
        proc = f"{self.root}/{node.name}/proc"
        self._write(f"{proc}/meminfo", "".join(f"{name + ':':<16}{kib:>8} kB\n" for name, kib in lines))
        over = max(0.0, node_cpu_ratio(self._world, node) - 0.999) * 1000
        none = {10: 0.0, 60: 0.0, 300: 0.0}
        busy = {10: over, 60: over, 300: over}
        self._write(f"{proc}/pressure/memory", format_pressure(none, 0.0, none, 0.0))
        self._write(f"{proc}/pressure/cpu", format_pressure(busy, 0.0, none, 0.0))

    def _write(self, path: str, text: str) -> None:
        """Write a file when its text changed.

        It is overwritten and cut only when it gets shorter: emptying a file first costs ten times the writing on ext4.
        """
        before = self._written.get(path)
        if before == text:
            return
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, FILE_MODE)
        try:
            os.write(descriptor, text.encode("ascii"))
            if before is not None and len(before) > len(text):
                os.ftruncate(descriptor, len(text))
        finally:
            os.close(descriptor)
        self._written[path] = text
