# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's counters of one container, and what two readings of them say of the time between."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from . import cgroup_text

_READ_BYTES = 65536


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
        any_oom: times a limit was hit, its own or one inside it (memory.events oom); None when not readable.
        swap_ins: pages that came back from swap; None when not readable.
    """

    time_seconds: float
    inode: int
    cpu_microseconds: int | None
    cpu_periods: int | None
    cpu_throttled_periods: int | None
    own_oom: int | None
    kills: int | None
    refaults: int | None
    any_oom: int | None
    swap_ins: int | None


def read_text(path: str) -> str:
    """Return a file's text, empty when it cannot be read: a container may end between two reads.

    Without Python's file objects, because a cycle reads twelve such files for each container: a third of the time.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    parts = []
    try:
        # The kernel may give less at a time than there is; only an empty part is the end.
        while part := os.read(number, _READ_BYTES):
            parts.append(part)
    except OSError:
        return ""
    finally:
        os.close(number)
    return b"".join(parts).decode("ascii", "replace")


def read_counters(folder: str, stat: Mapping[str, int], now: float) -> CgroupCounters | None:
    """Return the counters of this moment; None when the container is gone.

    Args:
        folder: of its cgroup.
        stat: its memory.stat, read already.
        now: seconds since 1970.
    """
    try:
        inode = os.stat(folder).st_ino
    except OSError:
        return None
    cpu = cgroup_text.parse_flat_keyed(read_text(f"{folder}/cpu.stat"))
    events = cgroup_text.parse_flat_keyed(read_text(f"{folder}/memory.events"))
    return CgroupCounters(
        time_seconds=now,
        inode=inode,
        cpu_microseconds=cpu.get("usage_usec"),
        cpu_periods=cpu.get("nr_periods"),
        cpu_throttled_periods=cpu.get("nr_throttled"),
        own_oom=cgroup_text.parse_flat_keyed(read_text(f"{folder}/memory.events.local")).get("oom"),
        kills=events.get("oom_kill"),
        refaults=stat.get("workingset_refault_file"),
        any_oom=events.get("oom"),
        # Older kernels do not count by container what comes back from swap, only what comes back soon after it went.
        swap_ins=stat.get("pswpin", stat.get("workingset_refault_anon")),
    )


def interval_seconds(earlier: CgroupCounters | None, counters: CgroupCounters) -> float | None:
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


def rate(earlier: CgroupCounters | None, counters: CgroupCounters, name: str, interval: float | None) -> float | None:
    """Return how much a counter rose per second; None without an earlier reading, or when it went back. 1200 more in 60 s are 20."""
    difference = _difference(earlier, counters, name, interval)
    return None if difference is None or interval is None else difference / interval


def throttled_ratio(earlier: CgroupCounters | None, counters: CgroupCounters, interval: float | None) -> float | None:
    """Return the share of periods in which the quota ran out: 600 of 3000 are 0.2; None without a quota or without an earlier reading."""
    periods = _difference(earlier, counters, "cpu_periods", interval)
    throttled = _difference(earlier, counters, "cpu_throttled_periods", interval)
    if not periods or throttled is None:
        return None
    return min(throttled / periods, 1.0)


def kills_of(earlier: CgroupCounters | None, counters: CgroupCounters, interval: float | None) -> tuple[int | None, int | None, int | None]:
    """Return the kills by the container's own limit, those by another (a limit inside it, or the host), and of these the host's.

    Only when the own limit was hit *and* something was killed was it the own limit. Source: docs/policy.md, tried on a cgroup v2 kernel. Where no limit
    was hit, inside or out, the whole machine ran out: the kernel counts such a kill, but no ``oom``. Source: mm/oom_kill.c, mm/memcontrol.c.
    """
    own_oom = _difference(earlier, counters, "own_oom", interval)
    kills = _difference(earlier, counters, "kills", interval)
    if own_oom is None or kills is None:
        return None, None, None
    if own_oom > 0:
        return kills, 0, 0
    any_oom = _difference(earlier, counters, "any_oom", interval)
    return 0, kills, None if any_oom is None else kills if any_oom == 0 else 0
