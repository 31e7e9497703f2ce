# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What limit of swap is chosen for one container: a cushion under its memory, never a substitute for it.

It is raised to the least at once, and when it is nearly full; it is lowered slowly, and only far above what is used. Swap never moves for its use in a pass in
which memory moves: more memory is the better answer, and less memory is the time at which the cushion is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..model.reason import Reason
from ..model.usage import UsageSample
from ..units import round_up
from .bounds import Bounds
from .cpu_choice import Choice, keep
from .permit import Guard
from .probation import is_paused
from .remember import ContainerMemory
from .settings.policy import PolicySettings
from .swap_memory import SwapMemory


@dataclass(frozen=True, slots=True)
class SwapCase:
    """Everything that the choice of swap depends on.

    Attributes:
        limit_mib: what the configuration puts in force.
        use_mib: of this moment.
        bounds: in MiB.
        node_mib: all the swap that the node has; more than that is no limit.
        sample: the newest.
        memory: what is remembered of the container.
        swap: what is remembered of its swap, with that use entered.
        policy: validated.
        now: seconds since 1970.
        is_memory_changed: whether this pass gives it other memory.
        shrink_guard: why the container is only grown; None when it may shrink.
    """

    limit_mib: int
    use_mib: float
    bounds: Bounds
    node_mib: float
    sample: UsageSample
    memory: ContainerMemory
    swap: SwapMemory
    policy: PolicySettings
    now: float
    is_memory_changed: bool
    shrink_guard: Guard | None

    @property
    def is_nearly_full(self) -> bool:
        """Return whether hardly any is left of what it has, or gets anyhow as its least; without any swap at all nothing is full."""
        size_mib = max(self.limit_mib, self.bounds.low)
        return size_mib > 0 and self.use_mib >= self.policy.swap_near_limit_share * size_mib


def choose_swap(case: SwapCase) -> Choice:
    """Return the swap to have.

    With 450 of 512 MiB in use and room up to 1024 it becomes 1.5 * 450 = 675, in steps of 64 MiB 704.
    """
    limit, low, high = case.limit_mib, case.bounds.low, case.bounds.high
    wanted = low
    if case.is_nearly_full and not case.is_memory_changed:
        wanted = max(low, round_up(_with_room(case.use_mib, case.policy), case.policy.swap_step_mib))
    reached = int(min(wanted, high, case.node_mib))
    if reached > limit:
        why = f"{case.use_mib:.0f} MiB of it are in use" if reached > low else f"{low:.0f} MiB is the least"
        return Choice({"swap_mib": reached}, Reason.GROW_SWAP, f"swap {limit} -> {reached} MiB: {why}")
    if case.is_nearly_full or limit < low:
        return _keep_short(case)
    return _lower_or_keep(case)


def _with_room(use_mib: float, policy: PolicySettings) -> float:
    """Return the use with its head-room, and in any case what is not nearly full with it: 1.5 * 450 is 675, and 450 / 0.8 only 563."""
    return max(use_mib * policy.swap_head_room, use_mib / policy.swap_near_limit_share + 1)


def _keep_short(case: SwapCase) -> Choice:
    """Return why it is not raised although it is too little."""
    limit = case.limit_mib
    if case.is_nearly_full and case.is_memory_changed:
        return keep(Reason.MEMORY_FIRST, f"swap kept at {limit} MiB although {case.use_mib:.0f} are in use: its memory is changed first")
    if case.node_mib < case.bounds.high:
        return keep(Reason.AT_BOUND, f"swap kept at {limit} MiB: the node itself has {case.node_mib:.0f}")
    return keep(Reason.AT_BOUND, f"swap kept at {limit} MiB: {case.use_mib:.0f} are in use, {case.bounds.high:.0f} MiB is the largest allowed")


def _lower_or_keep(case: SwapCase) -> Choice:
    limit, policy = case.limit_mib, case.policy
    held = max(case.use_mib, case.swap.uses.largest(case.now) or 0.0)
    safe = round_up(_with_room(held, policy) + policy.swap_step_mib, policy.swap_step_mib)
    wanted = int(max(case.bounds.low, safe))
    is_above = limit > case.bounds.high
    if is_above and wanted > case.bounds.high:
        message = f"swap kept at {limit} MiB although {case.bounds.high:.0f} is the largest allowed: up to {held:.0f} MiB were in use"
        return keep(Reason.SWAP_IN_USE, message)
    if wanted >= limit or (not is_above and wanted > limit * (1 - policy.swap_shrink_band)):
        return keep(Reason.WITHIN_BAND, f"swap kept at {limit} MiB: up to {held:.0f} MiB were in use")
    guard = _guard_moment(case) or _guard_signs(case)
    if guard is not None:
        return keep(guard.reason, f"swap kept at {limit} MiB instead of {wanted}: {guard.message}")
    hours = policy.memory_shrink_wait_seconds / 3600
    return Choice({"swap_mib": wanted}, Reason.SHRINK_SWAP, f"swap {limit} -> {wanted} MiB: no more than {held:.0f} MiB were in use for {hours:.0f} h")


def _guard_moment(case: SwapCase) -> Guard | None:
    """Return why this is not the time to lower it: memory moves, or it was not watched for long enough."""
    policy, now = case.policy, case.now
    if case.is_memory_changed:
        return Guard(Reason.MEMORY_FIRST, "its memory is changed first")
    if case.memory.probation.started_seconds or is_paused(case.memory.probation, now):
        return Guard(Reason.COOLDOWN, "memory that was taken away is on trial, or was missed")
    if case.shrink_guard is not None:
        return case.shrink_guard
    seen_seconds = now - case.swap.since_seconds
    if seen_seconds < policy.memory_shrink_wait_seconds:
        return Guard(Reason.TOO_LITTLE_HISTORY, f"it is watched for {max(seen_seconds, 0) / 3600:.1f} h only")
    if now - case.swap.grown_seconds < policy.memory_probation_pause_seconds:
        return Guard(Reason.COOLDOWN, f"it was grown {(now - case.swap.grown_seconds) / 3600:.1f} h ago")
    if now - case.swap.lowered_seconds < policy.memory_shrink_pause_seconds:
        return Guard(Reason.COOLDOWN, "some was taken away a moment ago")
    return None


def _guard_signs(case: SwapCase) -> Guard | None:
    """Return what tells that its memory is short, or is not known not to be."""
    policy, sample = case.policy, case.sample
    some, full = sample.memory_pressure_percent, sample.memory_full_percent
    if some is None or full is None:
        return Guard(Reason.NOT_MEASURED, "its memory pressure (PSI) could not be measured")
    if some > policy.memory_pressure_percent or full > 0:
        return Guard(Reason.MEMORY_PRESSURE, f"it is under memory pressure (PSI some {some:.1f} %, full {full:.1f} %)")
    if case.memory.swap.growth_mib > 0:
        return Guard(Reason.SWAP_GROWING, f"{case.memory.swap.growth_mib:.0f} MiB were pushed out to it")
    kills = case.memory.memory.oom_times
    if kills and case.now - kills[-1] < policy.memory_oom_hold_seconds:
        return Guard(Reason.RECENT_OOM, f"its limit killed a process {(case.now - kills[-1]) / 3600:.1f} h ago")
    return None
