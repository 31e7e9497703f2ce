# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What memory a container should have, before any bound or guard."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..model.usage import MemorySource, UsageSample
from .remember import MemoryMemory
from .settings import PolicySettings

# Over the API a kill of the container's own is not told; these are its signs. Source: docs/policy.md.
_API_KILL_SHARE = 0.998
_API_KILL_PRESSURE_SHARE = 0.95
_API_KILL_FULL_PERCENT = 10.0


def is_own_oom(sample: UsageSample, limit_mib: float) -> bool:
    """Return whether the container's own limit killed something in this interval.

    The node's files say it; over the API use at the limit, or near it with every task stalled, has to stand for it.
    """
    if sample.own_oom_kills is not None:
        return sample.own_oom_kills > 0
    if sample.memory_source is MemorySource.CGROUP or sample.memory_mib is None:
        return False
    if sample.memory_mib >= _API_KILL_SHARE * limit_mib:
        return True
    full = sample.memory_full_percent
    return full is not None and full >= _API_KILL_FULL_PERCENT and sample.memory_mib >= _API_KILL_PRESSURE_SHARE * limit_mib


def oom_answer_mib(limit_mib: float, settings: PolicySettings) -> float:
    """Return what a container gets after its own limit killed: 64 MiB become 192, 1024 MiB become 2048."""
    return max(settings.memory_oom_growth * limit_mib, limit_mib + settings.memory_oom_least_growth_mib)


def learn_memory(memory: MemoryMemory, sample: UsageSample, limit_mib: float, settings: PolicySettings) -> MemoryMemory:
    """Return the memory with one interval entered; a kill is entered as a peak of its answer."""
    if sample.memory_mib is None:
        return memory
    now = sample.time_seconds
    use = sample.memory_mib
    # The least of the window is the largest of the values with their sign turned.
    lows = memory.lows.added(now, -use)
    least = lows.largest(now)
    is_kill = is_own_oom(sample, limit_mib)
    peak = max(use, oom_answer_mib(limit_mib, settings)) if is_kill else use
    held_since = now - settings.memory_oom_hold_seconds
    ooms = tuple(time for time in memory.oom_times if time > held_since)
    return replace(
        memory,
        recent=memory.recent.added(now, use),
        peaks=memory.peaks.added(now, peak),
        lows=lows,
        rises=memory.rises.added(now, use + (least if least is not None else -use)),
        oom_times=(*ooms, now) if is_kill else ooms,
    )


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """What memory is wanted.

    Attributes:
        target_mib: before bounds and guards.
        is_near_limit: whether the present use demands more.
        is_kill_answered: whether a kill in the newest interval demands more.
        is_leak_suspected: whether there were more kills than are answered: more memory does not help.
    """

    target_mib: float
    is_near_limit: bool = False
    is_kill_answered: bool = False
    is_leak_suspected: bool = False


def estimate_memory(
    memory: MemoryMemory, sample: UsageSample, limit_mib: float, settings: PolicySettings, learnt_days: float, *, is_new: bool
) -> MemoryEstimate | None:
    """Return the memory wanted; None when it was not measured.

    The larger of 1.08 times the highest use of the last hour, and the smaller of two views of the past: the remembered peak with a margin
    (1.20, and more while history is short), and the present use with room for the largest rise ever seen. With 600 MiB now and in the last
    hour, a peak of 700 MiB in 8 days and a largest rise of 200 MiB: max(648, min(700 * 1.30, 648 + 260)) = 908 MiB.

    Args:
        memory: with the sample entered.
        sample: the newest.
        limit_mib: the limit in force.
        settings: validated.
        learnt_days: days of observation.
        is_new: False when the sample was seen before; a kill is answered once.
    """
    if sample.memory_mib is None:
        return None
    now = sample.time_seconds
    use = sample.memory_mib
    recent = memory.recent.largest(now)
    peak = memory.peaks.largest(now)
    rise = memory.rises.largest(now)
    by_recent = settings.memory_recent_margin * (recent if recent is not None else use)
    by_peak = (peak if peak is not None else use) * (settings.memory_peak_margin + settings.memory_peak_caution / max(learnt_days, 0.01))
    by_rise = settings.memory_recent_margin * use + settings.memory_rise_factor * (rise or 0.0)
    target = max(by_recent, min(by_peak, by_rise))
    is_near = use >= settings.memory_near_limit_share * limit_mib
    if is_near:
        target = max(target, settings.memory_near_limit_growth * limit_mib)
    is_kill = is_new and is_own_oom(sample, limit_mib)
    is_leak = len(memory.oom_times) > settings.memory_oom_answers
    is_answered = is_kill and not is_leak
    if is_answered:
        target = max(target, oom_answer_mib(limit_mib, settings))
    return MemoryEstimate(target, is_near_limit=is_near, is_kill_answered=is_answered, is_leak_suspected=is_leak)
