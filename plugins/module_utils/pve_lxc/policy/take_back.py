# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take back what a boost gave, when its time is over: to what the container had, or to what it wants by itself if that is more.

What was there before is known, so this needs no day of history. But memory that is in use is never taken, nor any that cannot be seen: over the API
it stays, and is tried again in each cycle.
"""

from __future__ import annotations

from dataclasses import replace

from ..model.reason import Reason
from ..units import format_number, round_up
from .cpu_choice import Choice, cpu_shrink_changes, keep
from .floor import CpuCase
from .loan import CPU_FIELDS, Boost, cap_of
from .memory_choice import MemoryCase, guard_memory_shrink
from .memory_guard import smallest_safe_memory_mib
from .observation import Observation
from .permit import Guard
from .resource_memory import CpuMemory
from .settings.policy import PolicySettings


def guard_giving_back(boost: Boost, observation: Observation, policy: PolicySettings, now: float, *, is_grow_only: bool) -> Guard | None:
    """Return why nothing can be taken back now; None when it can.

    A program that started during the boost has sized itself by it, so where nothing is ever to be lowered for such programs it is not lowered either.
    """
    uptime = observation.guest.uptime_seconds or 0.0
    if uptime < policy.grow_only_uptime_seconds:
        return Guard(Reason.TOO_YOUNG, f"it started {uptime / 60:.0f} min ago")
    if is_grow_only and uptime < now - boost.began_seconds:
        return Guard(Reason.GROW_ONLY, "it was started during the boost, and is only grown")
    return None


def take_back_cpu(choice: Choice, case: CpuCase, memory: CpuMemory, boost: Boost, guard: Guard | None) -> tuple[Choice, bool]:
    """Return the choice of CPU after a boost, and whether nothing is left to be taken back.

    From 4 cores, 2 before the boost, with 2.3 wanted in the last hour: 3 cores. With 1.2 wanted: 2 cores, and less only when it is the policy's turn.
    """
    cap, former = case.cap_cores, cap_of(boost.before)
    if case.after(choice) > cap + 1e-9:
        return choice, True
    wanted = case.stepped(max(case.demand_cores, memory.targets.largest(case.now) or 0.0))
    goal = max(former, wanted)
    current = case.config.allocation
    # The cores that came along with a cpulimit are put back as well.
    former_keys = {name: getattr(boost.before, name) for name in CPU_FIELDS if getattr(boost.before, name) != getattr(current, name)}
    if choice.changes:
        return replace(choice, others=(*choice.others, Reason.BOOST_ENDED)), False
    if cap <= goal + 1e-9 and (not former_keys or cap != former):
        return choice, True
    if guard is not None:
        return keep(guard.reason, f"CPU kept at {_shown(cap)} although its boost is over: {guard.message}", Reason.BOOST_ENDED), False
    changes = former_keys if goal == former else cpu_shrink_changes(case.config, goal, case.actuator)
    what = f"CPU {_shown(cap)} -> {_shown(goal)}" if goal < cap else "the cores that came along with the CPU are put back"
    return Choice(changes, Reason.BOOST_ENDED, f"{what}: its boost is over, it had {_shown(former)} before"), False


def take_back_memory(choice: Choice, case: MemoryCase, boost: Boost, guard: Guard | None) -> tuple[Choice, bool]:
    """Return the choice of memory after a boost, and whether nothing is left to be taken back.

    From 4096 MiB, 1024 before the boost, with 1500 wanted in the last 6 hours: 3072, 2304, 1728 and 1504 MiB, each at least ten minutes after the other.
    """
    limit, policy = case.limit_mib, case.policy
    former = boost.before.memory_in_effect_mib
    if choice.changes.get("memory_mib", limit) > limit:
        return choice, True
    if choice.changes:
        return replace(choice, others=(*choice.others, Reason.BOOST_ENDED)), False
    held = max(case.estimate.target_mib, case.memory.targets.largest(case.now) or 0.0)
    goal = max(former, case.stepped(held))
    if limit <= goal:
        return choice, True
    wanted = max(goal, int(round_up(smallest_safe_memory_mib(case.sample.memory_mib or 0.0), policy.memory_step_mib)))
    if wanted >= limit:
        guard = Guard(Reason.BELOW_WORKING_SET, "too much is in use")
    # History and "only grown" are answered by what was there before; every other guard of a shrink holds.
    open_case = replace(case, shrink_guard=None, policy=replace(policy, memory_grow_only=False))
    guard = guard or guard_memory_shrink(open_case, wanted)
    if guard is not None:
        message = f"memory kept at {limit} MiB instead of {wanted} although its boost is over: {guard.message}"
        return keep(guard.reason, message, *choice.others, Reason.BOOST_ENDED), False
    reached = max(wanted, int(round_up(limit * (1 - policy.memory_shrink_largest_step), policy.memory_step_mib)))
    if reached >= limit:
        return keep(Reason.WITHIN_BAND, f"memory kept at {limit} MiB: a step of {policy.memory_step_mib} MiB is too large a share", Reason.BOOST_ENDED), False
    message = f"memory {limit} -> {reached} MiB: its boost is over, it had {former} MiB before"
    return Choice({"memory_mib": reached}, Reason.BOOST_ENDED, message, choice.others), False


def _shown(cores: float) -> str:
    return format_number(round(cores, 2))
