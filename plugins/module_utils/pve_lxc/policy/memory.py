# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What memory a container should have, before any bound or guard."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..model.usage import MemorySource, UsageSample
from .memory_room import choose_room_mib, with_surprise
from .resource_memory import MemoryMemory
from .settings.policy import PolicySettings

# Over the API a kill of the container's own is not told; these are its signs. Source: docs/policy.md.
_API_KILL_SHARE = 0.998
_API_KILL_PRESSURE_SHARE = 0.95
_API_KILL_FULL_PERCENT = 10.0

# What a kill is entered as, as a share of the limit that hid the rest: of a use that was near the limit before, the room for another then stays within
# what the kill is answered with. Source: tried on the traces, docs/sizing.md.
_KILL_ENTRY = 1.5

# The room is chosen anew after this long even if nothing has happened.
_ROOM_KEPT_SECONDS = 3600.0


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


def learn_memory(
    memory: MemoryMemory, sample: UsageSample, limit_mib: float, largest_mib: float, settings: PolicySettings, weight_seconds: float
) -> MemoryMemory:
    """Return the memory with one interval entered.

    Use above 1.03 times the highest of the last 6 hours is a surprise. A kill is one too, entered 1.5 times as high as the limit, for the
    limit hid how much was wanted.

    Args:
        memory: before the interval.
        sample: of the interval.
        limit_mib: the limit in force.
        largest_mib: what the container may be given at most.
        settings: validated.
        weight_seconds: length of the interval, as far as it was observed.
    """
    if sample.memory_mib is None:
        return memory
    now, use = sample.time_seconds, sample.memory_mib
    # The least of the window is the largest of the values with their sign turned.
    lows = memory.lows.added(now, -use)
    least = lows.largest(now)
    is_kill = is_own_oom(sample, limit_mib)
    held_since = now - settings.memory_oom_hold_seconds
    ooms = tuple(time for time in memory.oom_times if time > held_since)
    # The room follows from what was known *before* this sample, so that more use can never yield less; but after a surprise there is
    # room for another one at once, for a container often climbs in more than one step.
    room_mib, room_seconds = _refreshed_room(memory, largest_mib, settings, now)
    wanted = max(use, _KILL_ENTRY * limit_mib) if is_kill else use
    held = memory.held.largest(now)
    surprises = memory.surprises
    limit_without_room = math.inf if held is None else settings.memory_recent_margin * held
    if wanted > limit_without_room:
        surprises = with_surprise(surprises, now, wanted, limit_without_room)
        room_mib = max(room_mib, settings.memory_surprise_margin * surprises[-1].excess_mib)
    return MemoryMemory(
        recent=memory.recent.added(now, use),
        held=memory.held.added(now, use),
        lows=lows,
        rises=memory.rises.added(now, use + (least if least is not None else -use)),
        targets=memory.targets,
        surprises=surprises,
        oom_times=(*ooms, now) if is_kill else ooms,
        last_shrink_seconds=memory.last_shrink_seconds,
        observed_seconds=memory.observed_seconds * 0.5 ** (weight_seconds / settings.memory_surprise_half_life_seconds) + weight_seconds,
        room_mib=room_mib,
        room_time_seconds=room_seconds,
    )


def _refreshed_room(memory: MemoryMemory, largest_mib: float, settings: PolicySettings, now: float) -> tuple[float, float]:
    """Return the room and when it was chosen: again after an hour, and after each surprise."""
    last_surprise = memory.surprises[-1].time_seconds if memory.surprises else 0.0
    age = now - memory.room_time_seconds
    if 0 <= age < _ROOM_KEPT_SECONDS and last_surprise < memory.room_time_seconds:
        return memory.room_mib, memory.room_time_seconds
    rise_mib = memory.rises.largest(now) or 0.0
    return choose_room_mib(memory.surprises, rise_mib, memory.observed_seconds / 3600.0, largest_mib, settings, now), now


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
    memory: MemoryMemory, sample: UsageSample, limit_mib: float, settings: PolicySettings, *, is_new: bool, swap_growth_mib: float = 0.0
) -> MemoryEstimate | None:
    """Return the memory wanted; None when it was not measured.

    The larger of 1.03 times the highest use of the last hour, and 1.03 times the present use with room for rises (memory_room.py). With
    600 MiB now, at most 620 in the last hour and a room of 260 MiB: max(639, 618 + 260) = 878 MiB.

    Args:
        memory: with the sample entered.
        sample: the newest.
        limit_mib: the limit in force.
        settings: validated.
        is_new: False when the sample was seen before; a kill is answered once.
        swap_growth_mib: what was pushed out to swap in the interval: it is still wanted, so 600 MiB in use and 100 pushed out are 700.
    """
    if sample.memory_mib is None:
        return None
    use = sample.memory_mib
    recent = memory.recent.largest(sample.time_seconds)
    target = settings.memory_recent_margin * (recent if recent is not None else use)
    target = max(target, settings.memory_recent_margin * (use + swap_growth_mib) + memory.room_mib)
    is_near = use >= settings.memory_near_limit_share * limit_mib
    if is_near:
        target = max(target, settings.memory_near_limit_growth * limit_mib)
    is_kill = is_new and is_own_oom(sample, limit_mib)
    is_leak = len(memory.oom_times) > settings.memory_oom_answers
    is_answered = is_kill and not is_leak
    if is_answered:
        target = max(target, oom_answer_mib(limit_mib, settings))
    return MemoryEstimate(target, is_near_limit=is_near, is_kill_answered=is_answered, is_leak_suspected=is_leak)
