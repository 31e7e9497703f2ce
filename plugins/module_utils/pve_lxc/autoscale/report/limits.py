# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container was allowed over time, from the journal: stretches with a size, and stretches of which nobody knows.

Between two changes that do not meet, somebody else has changed the container, and when is not known: that stretch has no size. A gap is never
closed with a guess, and counts neither as saved nor as spent.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...model.form import cpu_of, is_of_disk
from ...policy.demand import DemandRow

_SIZES = ("cores", "cpulimit", "memory")

# At these shares of its limit a container counts as being at it. Source: policy.memory_near_limit_share, and the saturation of docs/policy.md.
_CPU_LIMIT_SHARE = 0.95
_MEMORY_LIMIT_SHARE = 0.97


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some time with one size.

    Attributes:
        begin_seconds: seconds since 1970.
        end_seconds: likewise.
        cpu_cores: the smaller of cores and cpulimit; None when unlimited or not known.
        memory_mib: None when not known.
    """

    begin_seconds: float
    end_seconds: float
    cpu_cores: float | None
    memory_mib: float | None

    @property
    def hours(self) -> float:
        """Return how long it is."""
        return (self.end_seconds - self.begin_seconds) / 3600.0


def is_resize(change: Mapping[str, Any]) -> bool:
    """Return whether a change of the journal was carried out, and was one of CPU or memory."""
    return is_done(change) and not is_of_disk(change)


def is_done(change: Mapping[str, Any]) -> bool:
    """Return whether a change of the journal was carried out."""
    return change["outcome"] is not None and bool(change["outcome"].get("changed"))


def find_stretches(changes: Sequence[Mapping[str, Any]], now_has: Mapping[str, Any], begin_seconds: float, end_seconds: float) -> list[Stretch]:
    """Return the stretches of a window, oldest first.

    Of changes at 10:00 (1024 to 2048 MiB) and 12:00 (2048 to 1024 MiB) in a window of 9 to 13 o'clock there are three: 1024, 2048 and 1024 MiB.

    Args:
        changes: of one container within the window, oldest first, as the state keeps them.
        now_has: what it had at the last look, with Proxmox's keys; empty when that is not known.
        begin_seconds: of the window.
        end_seconds: of the window.
    """
    stretches: list[Stretch] = []
    since, has = begin_seconds, None
    for change in changes:
        if not is_resize(change):
            continue
        moment = min(max(float(change["ended"] or change["begun"]), since), end_seconds)
        # What the first change found was there before it, as far as the journal can tell.
        stretches.append(_stretch(since, moment, change["before"], change["before"] if has is None else has))
        since, has = moment, change["outcome"].get("after") or change["target"]
    stretches.append(_stretch(since, end_seconds, now_has, now_has if has is None else has))
    return [stretch for stretch in stretches if stretch.end_seconds > stretch.begin_seconds]


def saved(stretches: Sequence[Stretch], found_cores: float | None, found_mib: float | None) -> tuple[float | None, float | None]:
    """Return core-hours and GiB-hours less than what was found would have come to; negative when more was needed, None when not known.

    Found with 4 cores and 4096 MiB, an hour of 1 core and 2048 MiB saves 3 core-hours and 2 GiB-hours.
    """
    cpu = [(found_cores - one.cpu_cores) * one.hours for one in stretches if one.cpu_cores is not None] if found_cores is not None else []
    memory = [(found_mib - one.memory_mib) / 1024.0 * one.hours for one in stretches if one.memory_mib is not None] if found_mib is not None else []
    return (sum(cpu) if cpu else None), (sum(memory) if memory else None)


def limited_hours(rows: Sequence[DemandRow], stretches: Sequence[Stretch]) -> tuple[float | None, float | None]:
    """Return how long CPU and memory came to their limits; None when nothing was recorded while the limit was known.

    Half an hour whose highest use was 0.96 cores under a limit of 1 is half an hour. Where the limit was changed within a row the largest counts,
    so that what is said to have come to its limit certainly did.
    """
    cpu: list[float] = []
    memory: list[float] = []
    first, begins = 0, [one.begin_seconds for one in stretches]
    for row in rows:
        begin = row.time_seconds - row.interval_seconds
        while first < len(stretches) and stretches[first].end_seconds <= begin:
            first += 1
        within = stretches[first : bisect_left(begins, row.time_seconds)]
        cores, memory_mib = _largest([one.cpu_cores for one in within]), _largest([one.memory_mib for one in within])
        hours = row.interval_seconds / 3600.0
        if row.cpu_peak_cores is not None and cores is not None:
            cpu.append(hours if row.cpu_peak_cores >= _CPU_LIMIT_SHARE * cores else 0.0)
        if row.memory_mib is not None and memory_mib is not None:
            memory.append(hours if row.memory_mib >= _MEMORY_LIMIT_SHARE * memory_mib else 0.0)
    return (sum(cpu) if cpu else None), (sum(memory) if memory else None)


def add_stretches(of_containers: Sequence[Sequence[Stretch]]) -> list[Stretch]:
    """Return the sum of the containers' sizes over time; None while the size of one of them is not known.

    A container without any CPU limit has none to add, so only its memory counts.
    """
    moments = sorted({moment for stretches in of_containers for one in stretches for moment in (one.begin_seconds, one.end_seconds)})
    limited = [stretches for stretches in of_containers if any(one.cpu_cores is not None for one in stretches)]
    positions = {id(stretches): 0 for stretches in of_containers}
    sums = []
    for begin, end in zip(moments, moments[1:], strict=False):
        present: dict[int, Stretch | None] = {}
        for stretches in of_containers:
            place = positions[id(stretches)]
            while place < len(stretches) and stretches[place].end_seconds <= begin:
                place += 1
            positions[id(stretches)] = place
            present[id(stretches)] = stretches[place] if place < len(stretches) and stretches[place].begin_seconds <= begin else None
        cpu = [one.cpu_cores if (one := present[id(stretches)]) is not None else None for stretches in limited]
        memory = [one.memory_mib if one is not None else None for one in present.values()]
        sums.append(Stretch(begin, end, _sum(cpu), _sum(memory)))
    return sums


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _largest(limits: Sequence[float | None]) -> float | None:
    """Return the largest; None where one of them is not known, or there are none."""
    known = [limit for limit in limits if limit is not None]
    return max(known) if known and len(known) == len(limits) else None


def _stretch(begin: float, end: float, found: Mapping[str, Any], has: Mapping[str, Any]) -> Stretch:
    """Return the time up to a look at the container; without a size where what it had before is not what was found then."""
    if not found or any(found.get(key) != has.get(key) for key in _SIZES):
        return Stretch(begin, end, None, None)
    memory = found.get("memory")
    return Stretch(begin, end, cpu_of(found), None if memory is None else float(memory))
