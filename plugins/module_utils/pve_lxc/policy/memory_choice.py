# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What memory is chosen for one container: worth it, and permitted."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..model.guest import GuestConfig
from ..model.reason import Reason
from ..model.usage import MemorySource, UsageSample
from ..units import clamp, round_up
from .bounds import Bounds
from .cpu_choice import Choice, keep
from .memory import MemoryEstimate
from .memory_guard import refuse_memory_shrink, smallest_safe_memory_mib
from .permit import Guard
from .probation import Probation, is_paused
from .resource_memory import MemoryMemory
from .settings.policy import PolicySettings

_MEMORY_LINES = ("lxc.cgroup2.memory.", "lxc.cgroup.memory.")


@dataclass(frozen=True, slots=True)
class MemoryCase:
    """Everything that the choice of memory depends on.

    Attributes:
        limit_mib: the configured limit.
        sample: the newest; its memory was measured.
        memory: with that sample entered.
        estimate: what is wanted.
        bounds: in MiB.
        policy: validated.
        now: seconds since 1970.
        shrink_guard: why the container is only grown; None when it may shrink.
        swap_growth_mib: what was pushed out to swap in the newest interval, where it is enough to count.
        probation: whether what was taken away last is missed.
    """

    limit_mib: int
    sample: UsageSample
    memory: MemoryMemory
    estimate: MemoryEstimate
    bounds: Bounds
    policy: PolicySettings
    now: float
    shrink_guard: Guard | None
    swap_growth_mib: float = 0.0
    probation: Probation = Probation()

    def stepped(self, size_mib: float) -> int:
        """Return a size within the bounds and rounded up to the step; the largest bound itself is allowed as it is."""
        return int(min(round_up(clamp(size_mib, self.bounds.low, self.bounds.high), self.policy.memory_step_mib), self.bounds.high))


def limit_of(config: GuestConfig) -> int:
    """Return the configured limit in MiB, 512 where the key is absent."""
    return config.allocation.memory_in_effect_mib


def guard_memory(config: GuestConfig) -> Guard | None:
    """Return why this container's memory is left whatever it uses; None when it is managed."""
    if config.has_raw_line(_MEMORY_LINES):
        return Guard(Reason.RAW_LIMIT, "its configuration has raw lxc.cgroup lines for the memory")
    return None


def choose_memory(case: MemoryCase) -> Choice:
    """Return the memory to have, before the node as a whole is looked at."""
    limit = case.limit_mib
    wanted = case.stepped(case.estimate.target_mib)
    if wanted > limit:
        # One larger step instead of several small ones after each other.
        wanted = case.stepped(max(case.estimate.target_mib, limit * (1 + case.policy.memory_grow_least_share)))
    inside = signs_of(case)
    if case.estimate.is_leak_suspected:
        kills = len(case.memory.oom_times)
        return keep(Reason.LEAK_SUSPECTED, f"memory kept at {limit} MiB: killed {kills} times in a day although it was grown; is it a leak?", *inside)
    if wanted > limit:
        return _grow(case, wanted, inside)
    if case.estimate.target_mib > case.bounds.high and limit <= case.bounds.high:
        message = f"memory kept at {limit} MiB: {case.estimate.target_mib:.0f} MiB are wanted, {case.bounds.high:.0f} MiB is the largest allowed"
        return keep(Reason.AT_BOUND, message, *inside)
    return _shrink_or_keep(case, inside)


def signs_of(case: MemoryCase) -> tuple[Reason, ...]:
    """Return what else the sample tells of the memory: kills that more of it does not help against, and growth of swap."""
    sample = case.sample
    signs = []
    by_host = sample.host_oom_kills or 0
    if (sample.foreign_oom_kills or 0) > by_host:
        signs.append(Reason.OOM_INSIDE)
    if by_host:
        signs.append(Reason.HOST_OOM)
    if case.swap_growth_mib > 0:
        signs.append(Reason.SWAP_GROWING)
    return tuple(signs)


def give_back(case: MemoryCase, choice: Choice) -> Choice:
    """Return the choice with what was taken away given back, if it is missed: the limit of before, at once, unless more is chosen anyway."""
    limit, before = case.limit_mib, case.probation.restore_mib
    if before <= limit:
        return choice
    if choice.changes.get("memory_mib", 0.0) >= before:
        return replace(choice, others=(*choice.others, Reason.PROBATION_FAILED))
    reached = int(min(before, max(case.bounds.high, limit)))
    if reached <= limit:
        return choice
    others = (*choice.others, choice.reason) if choice.reason is Reason.LEAK_SUSPECTED else choice.others
    return Choice({"memory_mib": reached}, Reason.PROBATION_FAILED, f"memory {limit} -> {reached} MiB, what it had before: {case.probation.sign}", others)


def _grow(case: MemoryCase, wanted: int, inside: tuple[Reason, ...]) -> Choice:
    use = case.sample.memory_mib or 0.0
    reason, why = Reason.GROW_MEMORY, f"{use:.0f} MiB are in use, {case.estimate.target_mib:.0f} MiB are wanted"
    if case.estimate.is_kill_answered:
        reason, why = Reason.OOM_ANSWERED, "its own limit killed a process"
    elif case.estimate.is_near_limit:
        why = f"{use:.0f} MiB are in use, that is near the limit"
    elif case.swap_growth_mib:
        why = f"{use:.0f} MiB are in use, {case.swap_growth_mib:.0f} MiB more were pushed out to swap"
    return Choice({"memory_mib": wanted}, reason, f"memory {case.limit_mib} -> {wanted} MiB: {why}", inside)


def _shrink_or_keep(case: MemoryCase, inside: tuple[Reason, ...]) -> Choice:
    limit, policy, use = case.limit_mib, case.policy, case.sample.memory_mib or 0.0
    demand = case.estimate.target_mib
    held = max(demand, case.memory.targets.largest(case.now) or demand)
    held_stepped = case.stepped(held)
    wanted = max(held_stepped, int(round_up(smallest_safe_memory_mib(use), policy.memory_step_mib)))
    if wanted >= limit * (1 - policy.memory_shrink_band):
        return _keep_without_shrink(case, held, held_stepped, wanted, inside)
    guard = guard_memory_shrink(case, wanted)
    if guard is not None:
        return keep(guard.reason, f"memory kept at {limit} MiB instead of {wanted}: {guard.message}", *inside)
    reached = max(wanted, int(round_up(limit * (1 - policy.memory_shrink_largest_step), policy.memory_step_mib)))
    if reached >= limit:
        return keep(Reason.WITHIN_BAND, f"memory kept at {limit} MiB: a step of {policy.memory_step_mib} MiB is too large a share", *inside)
    message = f"memory {limit} -> {reached} MiB: {use:.0f} MiB are in use, no more than {held:.0f} MiB were wanted"
    return Choice({"memory_mib": reached}, Reason.SHRINK_MEMORY, f"{message} for {policy.memory_shrink_wait_seconds / 3600:.0f} h", inside)


def _keep_without_shrink(case: MemoryCase, held: float, held_stepped: int, wanted: int, inside: tuple[Reason, ...]) -> Choice:
    limit, demand = case.limit_mib, case.estimate.target_mib
    worth = limit * (1 - case.policy.memory_shrink_band)
    if held_stepped < worth:
        message = f"memory kept at {limit} MiB: less would not leave room for the {case.sample.memory_mib or 0:.0f} MiB in use"
        return keep(Reason.BELOW_WORKING_SET, message, *inside)
    # What was held is no less than what is wanted now, so there is nothing new to say where they are the same.
    if demand < held and case.stepped(demand) < worth:
        return keep(Reason.STABILISING, f"memory kept at {limit} MiB: {demand:.0f} MiB are wanted now, but {held:.0f} were a while ago", *inside)
    if wanted < limit:
        return keep(Reason.WITHIN_BAND, f"memory kept at {limit} MiB: {held:.0f} MiB are wanted, too near to be worth a change", *inside)
    return keep(Reason.UNCHANGED, f"memory kept at {limit} MiB: {held:.0f} MiB are wanted", *inside)


def guard_memory_shrink(case: MemoryCase, wanted: int) -> Guard | None:
    """Return why memory must not be taken away; None when it may."""
    policy, sample = case.policy, case.sample
    if case.shrink_guard is not None:
        return case.shrink_guard
    if policy.memory_grow_only:
        return Guard(Reason.GROW_ONLY, "it is only grown (memory_grow_only)")
    source = MemorySource.CGROUP if policy.allow_blind_shrink else sample.memory_source
    refusal = refuse_memory_shrink(wanted, is_running=True, memory_mib=sample.memory_mib, source=source)
    if refusal is not None:
        return Guard(refusal, "over the API shared memory cannot be seen" if refusal is Reason.SHMEM_UNKNOWN else "too much is in use")
    if case.memory.oom_times and case.now - case.memory.oom_times[-1] < policy.memory_oom_hold_seconds:
        return Guard(Reason.RECENT_OOM, f"its limit killed a process {(case.now - case.memory.oom_times[-1]) / 3600:.1f} h ago")
    some, full = sample.memory_pressure_percent, sample.memory_full_percent
    if some is None or full is None:
        return Guard(Reason.NOT_MEASURED, "its memory pressure (PSI) could not be measured")
    if some > policy.memory_pressure_percent or full > 0:
        return Guard(Reason.MEMORY_PRESSURE, f"it is under memory pressure (PSI some {some:.1f} %, full {full:.1f} %)")
    if case.swap_growth_mib > 0:
        return Guard(Reason.SWAP_GROWING, f"{case.swap_growth_mib:.0f} MiB of it were pushed out to swap")
    if is_paused(case.probation, case.now):
        hours = (case.probation.pause_until_seconds - case.now) / 3600
        return Guard(Reason.SHRINK_FAILED, f"less was tried and missed ({case.probation.sign}); it is not tried again for {hours:.1f} h")
    if case.now - case.memory.last_shrink_seconds < policy.memory_shrink_pause_seconds:
        return Guard(Reason.COOLDOWN, "some was taken away a moment ago; pressure would show first")
    return None
