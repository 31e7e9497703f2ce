# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One pass of the policy over all containers of a node: pure, so the same input gives the same output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..model.decision import Decision
from ..model.reason import Reason
from .admission import admit
from .adopt import adopt
from .bounds import Bounds
from .budget import hold_to_budgets
from .cpu_choice import Choice
from .draft import Draft
from .in_force import sampled_limits_apart
from .observation import HostState, Observation
from .permit import Guard, guard_apart, guard_learning, guard_writing
from .remember import ContainerMemory, new_memory
from .settings.container import SettingsBook
from .size import Sizing, learn, size
from .stopped import restore_when_stopped

if TYPE_CHECKING:
    from ..model.rootfs import RootfsChoice

# Which of a container's two reasons is told first: changes before guards before "nothing to do". What is not named is a guard.
_GROWTHS = (Reason.OOM_ANSWERED, Reason.PROBATION_FAILED, Reason.GROW_MEMORY, Reason.GROW_CPU, Reason.BOOSTED, Reason.GIVEN_BACK, Reason.SEASON_EXPECTED)
_CHANGES = (*_GROWTHS, Reason.LOWERED_FOR_HOST, Reason.SHRINK_MEMORY, Reason.SHRINK_CPU, Reason.BOOST_ENDED, Reason.GROW_SWAP, Reason.SHRINK_SWAP)
_CALM = (Reason.AT_BOUND, Reason.COOLDOWN, Reason.STABILISING, Reason.WITHIN_BAND, Reason.UNCHANGED)


def decide(
    observations: Sequence[Observation], memories: Mapping[int, ContainerMemory], settings: SettingsBook, host: HostState, now: float
) -> tuple[tuple[Decision, ...], dict[int, ContainerMemory]]:
    """Return a decision about every container, and what is remembered afterwards.

    Args:
        observations: in any order.
        memories: what was remembered, by vmid; a missing one is a container never seen, which is only grown.
        settings: validated.
        host: the node.
        now: seconds since 1970 (UTC).

    Returns:
        Decisions by ascending vmid, one for each observation, each with a reason; and the new memories by vmid.
    """
    drafts = [_draft(observation, memories.get(observation.guest.vmid), settings, host, now) for observation in observations]
    drafts.sort(key=lambda draft: draft.observation.guest.vmid)
    drafts = admit(drafts, host, settings)
    if any(draft.memory.swap_sizing is not None for draft in drafts):
        # Imported here, because hardly anybody has swap sized and every cycle would start later.
        from .swap_pass import size_swaps

        drafts = size_swaps(drafts, host, now)
    drafts = hold_to_budgets(drafts, settings, now)
    if any(one.policy.grow_rootfs for one in (settings.general, *settings.by_vmid.values())):
        # Imported here, because hardly anybody has disks grown and every cycle would start later.
        from .rootfs_pass import grow_roots

        drafts = grow_roots(drafts, host, now)
    return tuple(_decision(draft) for draft in drafts), {draft.observation.guest.vmid: draft.memory for draft in drafts}


def _draft(observation: Observation, memory: ContainerMemory | None, book: SettingsBook, host: HostState, now: float) -> Draft:
    settings = book.of(observation.guest.vmid)
    policy = settings.policy
    memory = memory if memory is not None else new_memory(policy)
    if observation.config is not None and observation.is_selected:
        # While nobody knows which settings it has, what is ours stays ours.
        known = replace(policy, size_swap=memory.swap_sizing is not None) if observation.conflict else policy
        memory = adopt(memory, observation.guest, observation.config, known, now)
    guard = guard_learning(observation, memory, host, policy, now)
    noted = _noted(memory, observation, now)
    if guard is not None:
        memory = memory.with_changes(**noted) if noted else memory
        restored = restore_when_stopped(observation, memory, policy, host, now) if guard.reason is Reason.NOT_RUNNING else None
        return Draft(observation, memory, settings, guard, None) if restored is None else Draft(observation, memory, settings, restored[0], None, restored[1])
    # A last sample in the future means that the clock was set back: what is measured now is new all the same.
    last_seconds = memory.last_sample_seconds if memory.last_sample_seconds <= now else 0.0
    is_new = observation.sample is not None and observation.sample.time_seconds > last_seconds
    if is_new:
        memory = _note_apart(learn(observation, memory, settings, host, noted), observation, now)
    elif noted:
        memory = memory.with_changes(**noted)
    sizing, memory = size(observation, memory, settings, host, now, is_new=is_new)
    chosen_mib = sizing.memory.changes.get("memory_mib", 0.0)
    guard = guard_writing(observation, memory, host, now) or guard_apart(observation, memory, chosen_mib, now)
    return Draft(observation, memory, settings, guard, sizing)


def _note_apart(memory: ContainerMemory, observation: Observation, now: float) -> ContainerMemory:
    """Return the memory with it noted since when the limits in force are not those of the configuration."""
    config, sample = observation.config, observation.sample
    is_apart = config is not None and sample is not None and bool(sampled_limits_apart(config, sample, with_swap=memory.swap_sizing is not None))
    since = (memory.apart_since_seconds or now) if is_apart else 0.0
    return memory if since == memory.apart_since_seconds else replace(memory, apart_since_seconds=since)


def _noted(memory: ContainerMemory, observation: Observation, now: float) -> dict[str, float]:
    """Return what the look tells by itself, as fields of the memory: the uptime, and when it was first seen; empty when it was seen before."""
    uptime = observation.guest.uptime_seconds
    if uptime is None or (uptime == memory.last_uptime_seconds and memory.last_look_seconds <= now):
        return {}
    return {"last_uptime_seconds": uptime, "last_look_seconds": now}


def _decision(draft: Draft) -> Decision:
    observation, sizing = draft.observation, draft.sizing
    current = observation.config.allocation if observation.config else draft.memory.known
    target = current if draft.restored is None else draft.restored
    told: Sequence[Guard | Choice] = () if draft.guard is None else (draft.guard,)
    others: list[Reason] = []
    if draft.guard is None and sizing is not None:
        told = choices = _told(sizing)
        others = [other for choice in choices for other in choice.others]
        changes: dict[str, Any] = {name: value for choice in choices for name, value in choice.changes.items()}
        target = replace(current, **changes) if current is not None and changes else current
    reasons = [*[one.reason for one in told], *others]
    decision = Decision(
        vmid=observation.guest.vmid,
        name=observation.guest.name,
        node=observation.guest.node,
        current=current,
        target=target,
        reason=reasons[0],
        message="; ".join([one.message for one in told]),
        reasons=tuple(dict.fromkeys(reasons)),
        sample=observation.sample,
        cpu_demand_cores=sizing.cpu_demand_cores if sizing else None,
        memory_demand_mib=sizing.memory_demand_mib if sizing else None,
        cpu_bounds_cores=_pair(sizing.cpu_bounds if sizing else None),
        memory_bounds_mib=_pair(sizing.memory_bounds if sizing else None),
        swap_bounds_mib=_pair(sizing.swap_bounds if sizing else None),
    )
    return decision if draft.rootfs is None else _with_rootfs(decision, draft.rootfs)


def _told(sizing: Sizing) -> list[Choice]:
    """Return the choices, what is told first in front; swap that is kept comes last, and is not told at all while nothing is to be said of it."""
    swap = sizing.swap
    if swap is None or swap.reason is Reason.WITHIN_BAND:
        return [sizing.cpu, sizing.memory] if _rank(sizing.cpu) < _rank(sizing.memory) else [sizing.memory, sizing.cpu]
    if swap.changes:
        return sorted((sizing.memory, sizing.cpu, swap), key=_rank)
    return [*sorted((sizing.memory, sizing.cpu), key=_rank), swap]


def _with_rootfs(decision: Decision, choice: RootfsChoice) -> Decision:
    """Return the decision with what is chosen for the root file system: told first when nothing else is changed, and not at all while there is room."""
    if choice.reason is Reason.WITHIN_BAND:
        return replace(decision, rootfs=choice)
    is_first = choice.is_change and not decision.is_change
    reasons = (choice.reason, *decision.reasons) if is_first else (*decision.reasons, choice.reason)
    clauses = (choice.message, decision.message) if is_first else (decision.message, choice.message)
    return replace(decision, rootfs=choice, reason=reasons[0], reasons=tuple(dict.fromkeys(reasons)), message="; ".join(clauses))


def _pair(bounds: Bounds | None) -> tuple[float, float] | None:
    return None if bounds is None else (bounds.low, bounds.high)


def _rank(choice: Choice) -> int:
    """Return the place of a choice: one that changes nothing is no change, whatever it is kept for."""
    if choice.changes and choice.reason in _CHANGES:
        return _CHANGES.index(choice.reason)
    return 200 + _CALM.index(choice.reason) if choice.reason in _CALM else 100
