# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One pass of the policy over all containers of a node: pure, so the same input gives the same output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..model.decision import Decision
from ..model.reason import Reason
from .admission import growth_budget_mib, share_growth
from .adopt import adopt
from .bounds import Bounds
from .cpu_choice import Choice, keep
from .memory_choice import limit_of
from .observation import HostState, Observation
from .permit import Guard, guard_learning, guard_writing
from .remember import ContainerMemory, new_memory
from .settings import ContainerSettings, SettingsBook
from .size import Sizing, learn, size

# Which of a container's two reasons is told first: changes before guards before "nothing to do". What is not named is a guard.
_CHANGES = (Reason.OOM_ANSWERED, Reason.GROW_MEMORY, Reason.GROW_CPU, Reason.SHRINK_MEMORY, Reason.SHRINK_CPU)
_CALM = (Reason.AT_BOUND, Reason.COOLDOWN, Reason.STABILISING, Reason.WITHIN_BAND, Reason.UNCHANGED)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A container before the node as a whole was looked at."""

    observation: Observation
    memory: ContainerMemory
    settings: ContainerSettings
    guard: Guard | None
    sizing: Sizing | None


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
    drafts = _admit(drafts, host, settings)
    return tuple(_decision(draft) for draft in drafts), {draft.observation.guest.vmid: draft.memory for draft in drafts}


def _draft(observation: Observation, memory: ContainerMemory | None, book: SettingsBook, host: HostState, now: float) -> _Draft:
    settings = book.of(observation.guest.vmid)
    policy = settings.policy
    memory = memory if memory is not None else new_memory(policy)
    if observation.config is not None and observation.is_selected:
        memory = adopt(memory, observation.guest, observation.config, policy, now)
    guard = guard_learning(observation, memory, host, policy, now)
    memory = _look(memory, observation, now)
    if guard is not None:
        return _Draft(observation, memory, settings, guard, None)
    # A last sample in the future means that the clock was set back: what is measured now is new all the same.
    last_seconds = memory.last_sample_seconds if memory.last_sample_seconds <= now else 0.0
    is_new = observation.sample is not None and observation.sample.time_seconds > last_seconds
    if is_new:
        memory = learn(observation, memory, settings, host)
    sizing, memory = size(observation, memory, settings, host, now, is_new=is_new)
    return _Draft(observation, memory, settings, guard_writing(observation, memory, host, now), sizing)


def _look(memory: ContainerMemory, observation: Observation, now: float) -> ContainerMemory:
    """Return the memory with the uptime noted, and when it was first seen."""
    uptime = observation.guest.uptime_seconds
    if uptime is None or (uptime == memory.last_uptime_seconds and memory.last_look_seconds <= now):
        return memory
    return replace(memory, last_uptime_seconds=uptime, last_look_seconds=now)


def _admit(drafts: list[_Draft], host: HostState, settings: SettingsBook) -> list[_Draft]:
    """Return the drafts with memory growth held to what the node has left; nobody is lowered for it."""
    growths = {}
    for draft in drafts:
        if draft.guard is None and draft.sizing is not None and draft.observation.config is not None:
            wanted = draft.sizing.memory.changes.get("memory_mib", 0.0) - limit_of(draft.observation.config)
            if "memory_mib" in draft.sizing.memory.changes and wanted > 0:
                growths[draft.observation.guest.vmid] = wanted
    if not growths:
        return drafts
    budget = growth_budget_mib(host, settings.general.policy)
    granted = {} if budget is None else share_growth(growths, budget, settings.general.policy.memory_step_mib)
    return [_granted(draft, growths, granted, budget) if draft.observation.guest.vmid in growths else draft for draft in drafts]


def _granted(draft: _Draft, growths: Mapping[int, float], granted: Mapping[int, int], budget: float | None) -> _Draft:
    vmid = draft.observation.guest.vmid
    sizing, config = draft.sizing, draft.observation.config
    if sizing is None or config is None or granted.get(vmid) == growths[vmid]:
        return draft
    limit = limit_of(config)
    wanted = sizing.memory.changes["memory_mib"]
    if budget is None:
        memory = keep(Reason.NOT_MEASURED, f"memory kept at {limit} MiB instead of {wanted:.0f}: the node's free memory is not known")
        return replace(draft, sizing=replace(sizing, memory=memory))
    short = f"the node has only {budget:.0f} MiB for all growth"
    if granted[vmid] <= 0:
        memory = keep(Reason.HOST_SHORT_OF_MEMORY, f"memory kept at {limit} MiB instead of {wanted:.0f}: {short}")
    else:
        reached = limit + granted[vmid]
        others = (*sizing.memory.others, Reason.HOST_SHORT_OF_MEMORY)
        memory = Choice({"memory_mib": reached}, sizing.memory.reason, f"memory {limit} -> {reached} MiB instead of {wanted:.0f}: {short}", others)
    return replace(draft, sizing=replace(sizing, memory=memory))


def _decision(draft: _Draft) -> Decision:
    observation, sizing = draft.observation, draft.sizing
    current = observation.config.allocation if observation.config else draft.memory.known
    target = current
    guards = [] if draft.guard is None else [(draft.guard.reason, draft.guard.message)]
    choices: list[Choice] = []
    if draft.guard is None and sizing is not None:
        choices = sorted((sizing.memory, sizing.cpu), key=lambda choice: _rank(choice.reason))
        changes: dict[str, Any] = {**sizing.cpu.changes, **sizing.memory.changes}
        target = replace(current, **changes) if current is not None and changes else current
    reasons = [*(reason for reason, _message in guards), *(choice.reason for choice in choices)]
    reasons += [other for choice in choices for other in choice.others]
    return Decision(
        vmid=observation.guest.vmid,
        name=observation.guest.name,
        node=observation.guest.node,
        current=current,
        target=target,
        reason=reasons[0],
        message="; ".join([*(message for _reason, message in guards), *(choice.message for choice in choices)]),
        reasons=tuple(dict.fromkeys(reasons)),
        sample=observation.sample,
        cpu_demand_cores=sizing.cpu_demand_cores if sizing else None,
        memory_demand_mib=sizing.memory_demand_mib if sizing else None,
        cpu_bounds_cores=_pair(sizing.cpu_bounds if sizing else None),
        memory_bounds_mib=_pair(sizing.memory_bounds if sizing else None),
    )


def _pair(bounds: Bounds | None) -> tuple[float, float] | None:
    return None if bounds is None else (bounds.low, bounds.high)


def _rank(reason: Reason) -> int:
    if reason in _CHANGES:
        return _CHANGES.index(reason)
    return 200 + _CALM.index(reason) if reason in _CALM else 100
