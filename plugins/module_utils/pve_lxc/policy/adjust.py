# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What boosts, the end of energy hours and seasons make of what was chosen for a container by its own demand."""

from __future__ import annotations

from dataclasses import replace

from ..model.reason import Reason
from .cpu_choice import Choice
from .floor import CpuCase, Floor, raise_cpu, raise_memory
from .loan import Boost, cap_of, without_boost, without_saving
from .memory_choice import MemoryCase
from .observation import Observation
from .remember import ContainerMemory
from .season import expected_ahead
from .settings.policy import PolicySettings
from .take_back import guard_giving_back, take_back_cpu, take_back_memory


def adjust_cpu(choice: Choice, case: CpuCase | None, observation: Observation, memory: ContainerMemory) -> tuple[Choice, ContainerMemory]:
    """Return the choice of CPU with everything beside its own demand, and the memory with what is settled by it.

    Args:
        choice: by demand.
        case: what it depended on; None when the CPU is not managed or not known, and is left.
        observation: of the container.
        memory: with this pass entered.
    """
    if case is None:
        return choice, memory
    policy, now = case.settings.policy, case.now
    if memory.season is not None:
        used = expected_ahead(memory.season.cpu, now, policy)
        choice = raise_cpu(
            choice, Floor(policy.cpu_recent_margin * used, Reason.SEASON_EXPECTED, f"up to {used:.2f} cores were used at this time before"), case
        )
    choice, memory = _give_back_cpu(choice, case, memory)
    boost = memory.boost
    if boost is None or boost.cpu_cores <= 0:
        return choice, memory
    if boost.is_active(now):
        return _boosted(raise_cpu(choice, Floor(boost.cpu_cores, Reason.BOOSTED, _say_boost(boost, now)), case), boost, now), memory
    guard = guard_giving_back(boost, observation, policy, now, is_grow_only=policy.cpu_grow_only)
    choice, is_settled = take_back_cpu(choice, case, memory.cpu, boost, guard)
    return choice, without_boost(memory, cpu=True) if is_settled else memory


def adjust_memory(choice: Choice, case: MemoryCase | None, observation: Observation, memory: ContainerMemory) -> tuple[Choice, ContainerMemory]:
    """Return the choice of memory with everything beside its own demand, and the memory with what is settled by it; see ``adjust_cpu``."""
    if case is None:
        return choice, memory
    policy, now = case.policy, case.now
    if memory.season is not None:
        used = expected_ahead(memory.season.memory, now, policy)
        floor = Floor(policy.memory_recent_margin * used, Reason.SEASON_EXPECTED, f"up to {used:.0f} MiB were used at this time before")
        choice = raise_memory(choice, floor, case)
    choice, memory = _give_back_memory(choice, case, memory)
    boost = memory.boost
    if boost is None or boost.memory_mib <= 0:
        return choice, memory
    if boost.is_active(now):
        return _boosted(raise_memory(choice, Floor(boost.memory_mib, Reason.BOOSTED, _say_boost(boost, now)), case), boost, now), memory
    guard = guard_giving_back(boost, observation, policy, now, is_grow_only=policy.memory_grow_only)
    choice, is_settled = take_back_memory(choice, replace(case, memory=memory.memory), boost, guard)
    return choice, without_boost(memory, memory_too=True) if is_settled else memory


def _give_back_cpu(choice: Choice, case: CpuCase, memory: ContainerMemory) -> tuple[Choice, ContainerMemory]:
    """Return the choice with what energy hours took given back: for an hour it counts as wanted, then the container's own demand decides again."""
    saving = memory.saving
    if saving is None or not saving.has_cpu or saving.ended_seconds == 0.0:
        return choice, memory
    former = cap_of(saving.before)
    if case.cap_cores >= former - 1e-9 or _is_too_late(saving.ended_seconds, case.now, case.settings.policy):
        return choice, without_saving(memory, cpu=True)
    memory = replace(memory, cpu=memory.cpu.with_target(case.now, former))
    return raise_cpu(choice, Floor(former, Reason.GIVEN_BACK, "the hours of saving energy are over, it had this before", saving.before), case), memory


def _give_back_memory(choice: Choice, case: MemoryCase, memory: ContainerMemory) -> tuple[Choice, ContainerMemory]:
    saving = memory.saving
    if saving is None or not saving.has_memory or saving.ended_seconds == 0.0:
        return choice, memory
    former = saving.before.memory_in_effect_mib
    if case.limit_mib >= former or _is_too_late(saving.ended_seconds, case.now, case.policy):
        return choice, without_saving(memory, memory_too=True)
    memory = replace(memory, memory=memory.memory.with_target(case.now, former))
    return raise_memory(choice, Floor(former, Reason.GIVEN_BACK, "the hours of saving energy are over, it had this before", saving.before), case), memory


def _is_too_late(ended_seconds: float, now: float, policy: PolicySettings) -> bool:
    # A clock that was set back since is no reason to go on for ever.
    return not 0 <= now - ended_seconds < policy.give_back_seconds


def _boosted(choice: Choice, boost: Boost, now: float) -> Choice:
    """Return the choice with the boost told, also where it makes no difference now."""
    if Reason.BOOSTED in (choice.reason, *choice.others):
        return choice
    return replace(choice, message=f"{choice.message}; {_say_boost(boost, now)}", others=(*choice.others, Reason.BOOSTED))


def _say_boost(boost: Boost, now: float) -> str:
    return f"it is boosted for {(boost.until_seconds - now) / 3600:.1f} h more"
