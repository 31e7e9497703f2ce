# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``replay --vmid``: what would have happened to a container, had its own recorded past been sized by the loop.

The demand is taken from Proxmox's records of the container (averages, and the highest value of each row where Proxmox kept one). What it
could not use because of its limit then is not in them, so demand at the limit of that time is too low here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...model.allocation import Allocation
from ...model.usage import MemorySource, UsageSample
from ...policy.demand import DemandRow
from ...policy.settings.container import ContainerSettings
from .rehearsal import NODE, Rehearsal, rehearsal_host, rehearsal_policy

# How much of a row stands at its highest value. Source: the judge's model, tests/benchmarks/judge/README.md.
_PEAK_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class ReplayedRow:
    """One row as it would have been.

    Attributes:
        demand: what was wanted.
        allocation: what it would have had.
        unmet_cores: CPU wanted above its limit, average of the row.
        is_killed: whether more memory was wanted than it had.
    """

    demand: DemandRow
    allocation: Allocation
    unmet_cores: float
    is_killed: bool


def replay_history(vmid: int, demand: Sequence[DemandRow], start: Allocation, settings: ContainerSettings) -> list[ReplayedRow]:
    """Return each row as it would have been.

    Args:
        vmid: whose.
        demand: oldest first.
        start: what it begins with, and what its default bounds follow.
        settings: its own; guards that records cannot show are switched off (rehearsal.py).
    """
    if not demand:
        return []
    interval_seconds = sorted(row.interval_seconds for row in demand)[len(demand) // 2]
    policy = rehearsal_policy(settings.policy, interval_seconds)
    rehearsal = Rehearsal.begin(vmid, replace(settings, policy=policy), rehearsal_host())
    allocation, replayed = start, []
    for row in demand:
        limit_cores = allocation.cpu_cap_cores(_no_limit(allocation))
        unmet, peak_used = _unmet(row, limit_cores)
        limit_mib = float(allocation.memory_mib or 0)
        is_killed = row.memory_mib is not None and limit_mib > 0 and row.memory_mib > limit_mib
        replayed.append(ReplayedRow(row, allocation, unmet, is_killed))
        sample = _sample(vmid, row, unmet, peak_used, limit_mib, is_killed=is_killed)
        allocation = rehearsal.decide(sample, allocation).target or allocation
    return replayed


def _no_limit(allocation: Allocation) -> float:
    """Return the number that stands for "all of the host's CPUs"; what has no limit is not sized, so none is ever met."""
    return 8192.0 if allocation.cores is None else float(allocation.cores)


def _unmet(row: DemandRow, limit_cores: float) -> tuple[float, float]:
    """Return the CPU not served and the highest use, in cores; a fifth of the row stands at its peak and the rest keeps the average.

    An average of 1.0 with a peak of 3.0 under a limit of 2.0: a fifth lacks 1.0, the rest (0.5) nothing, so 0.2 and 2.0.
    """
    average, peak = row.cpu_cores or 0.0, row.cpu_peak_cores or 0.0
    if peak <= average:
        return max(0.0, average - limit_cores), min(average, limit_cores)
    share = min(_PEAK_SHARE, average / peak)
    rest = (average - share * peak) / (1.0 - share)
    return share * max(0.0, peak - limit_cores) + (1.0 - share) * max(0.0, rest - limit_cores), min(peak, limit_cores)


def _sample(vmid: int, row: DemandRow, unmet_cores: float, peak_cores: float, limit_mib: float, *, is_killed: bool) -> UsageSample:
    return UsageSample(
        vmid=vmid,
        node=NODE,
        time_seconds=row.time_seconds,
        interval_seconds=row.interval_seconds,
        cpu_cores=None if row.cpu_cores is None else row.cpu_cores - unmet_cores,
        cpu_peak_cores=None if row.cpu_cores is None else peak_cores,
        memory_mib=None if row.memory_mib is None else min(row.memory_mib, limit_mib or row.memory_mib),
        memory_source=MemorySource.API,
        memory_pressure_percent=0.0,
        memory_full_percent=0.0,
        own_oom_kills=int(is_killed),
    )
