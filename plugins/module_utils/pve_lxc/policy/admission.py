# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the node can bear: the memory of all containers of a pass together, so that their order never matters.

In normal times nobody is lowered: growth is held to what the node has left. Only a node that is short lowers limits, towards what each is entitled to,
and what that frees is given away in a later pass, when it was seen to be free.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..model.allocation import DEFAULT_MEMORY_MIB
from ..model.reason import Reason
from ..units import round_up
from .cpu_choice import Choice, keep
from .draft import Draft
from .fair_share import Claim, share_growth, share_memory
from .memory_choice import MemoryCase, guard_memory_shrink
from .memory_guard import smallest_safe_memory_mib
from .node_room import NodeRoom, node_room
from .observation import HostState, Observation
from .settings.container import SettingsBook


@dataclass(frozen=True, slots=True)
class Request:
    """What one container has, is to get by itself, and needs at present.

    Attributes:
        limit_mib: what it has.
        chosen_mib: what is chosen for it; the same as the limit when it keeps.
        needed_mib: what it needs at present: what is chosen where it grows, else no more than it has.
        used_mib: what it uses.
        weight: of its need against the others'.
    """

    limit_mib: int
    chosen_mib: int
    needed_mib: float
    used_mib: float
    weight: float = 1.0


def admit(drafts: Sequence[Draft], host: HostState, settings: SettingsBook) -> list[Draft]:
    """Return the drafts with the memory of all containers held to what the node has.

    Args:
        drafts: every container of the node.
        host: the node.
        settings: what is said of the node stands in the general ones.
    """
    policy = settings.general.policy
    cases = {draft.vmid: case for draft in drafts if (case := _case(draft)) is not None}
    limits_mib = 0.0 if policy.overcommit_ratio is None else sum_of_limits_mib([draft.observation for draft in drafts], host)
    room = node_room(host, policy, limits_mib)
    ceilings = fair_ceilings({draft.vmid: _request(draft, cases[draft.vmid]) for draft in drafts if draft.vmid in cases}, room) if room.short_why else {}
    lowered = [_lowered(draft, ceilings[draft.vmid], room) if draft.vmid in ceilings else draft for draft in drafts] if ceilings else list(drafts)
    growths = {draft.vmid: growth for draft in lowered if draft.vmid in cases and (growth := _growth_mib(draft)) > 0}
    if not growths:
        return lowered
    step = policy.memory_step_mib
    entitled = {vmid: growth if vmid not in ceilings else _entitled(growth, ceilings[vmid], cases[vmid].limit_mib, step) for vmid, growth in growths.items()}
    granted = {} if room.growth_mib is None else share_growth({vmid: share for vmid, share in entitled.items() if share > 0}, room.growth_mib, step)
    return [_granted(draft, growths[draft.vmid], granted.get(draft.vmid, 0), room) if draft.vmid in growths else draft for draft in lowered]


def sum_of_limits_mib(observations: Sequence[Observation], host: HostState) -> float:
    """Return what the limits of all running guests of the node add up to: two containers of 1024 MiB and a virtual machine of 4096 are 6144 MiB."""
    total = host.virtual_machines_mib
    for observation in observations:
        if not observation.guest.is_running:
            continue
        if observation.config is not None:
            limit = observation.config.allocation.memory_mib
            total += DEFAULT_MEMORY_MIB if limit is None else limit
        else:
            total += (observation.guest.max_memory_bytes or 0.0) / 1024**2
    return total


def fair_ceilings(requests: Mapping[int, Request], room: NodeRoom) -> dict[int, float]:
    """Return what each container is entitled to on a node that is short; empty when there is enough for what is chosen.

    What there is: what they use and what is free; or, where the sum of limits is too large, what overcommit_ratio leaves to them. Needs go first
    (fair_share.py), what is left beyond all needs is shared by what each holds beyond its own. Two that hold 1000 MiB each, need 300 and 500 and use 100
    of what is 1200 MiB together: both needs and 400 MiB, shared 700 to 500: 300 + 233 and 500 + 167.
    """
    # In the order of the ids: a sum of floats depends on its order, and a share may not.
    requests = dict(sorted(requests.items()))
    budget = _budget_mib(requests, room)
    if sum(request.chosen_mib for request in requests.values()) <= budget:
        return {}
    claims = {vmid: Claim(request.used_mib, min(request.needed_mib, request.chosen_mib), request.weight) for vmid, request in requests.items()}
    shares = share_memory(claims, max(0.0, budget))
    spare = budget - sum(shares.values())
    beyond = {vmid: max(0.0, request.chosen_mib - claims[vmid].wanted_mib) for vmid, request in requests.items()}
    held = sum(beyond.values())
    if spare <= 0 or held <= 0:
        return shares
    return {vmid: share + beyond[vmid] * min(1.0, spare / held) for vmid, share in shares.items()}


def _budget_mib(requests: Mapping[int, Request], room: NodeRoom) -> float:
    budgets = [math.inf]
    if room.memory_short_why and room.free_mib is not None:
        budgets.append(sum(request.used_mib for request in requests.values()) + max(0.0, room.free_mib))
    if room.limits_short_why and room.limits_left_mib is not None:
        budgets.append(sum(request.limit_mib for request in requests.values()) + room.limits_left_mib)
    return min(budgets)


def _entitled(growth_mib: int, ceiling_mib: float, limit_mib: int, step_mib: int) -> int:
    """Return how much of a growth a share allows: 300 MiB with 1000 of a share of 1200 are 192, in steps of 32."""
    return min(growth_mib, int((ceiling_mib - limit_mib) // step_mib) * step_mib)


def _case(draft: Draft) -> MemoryCase | None:
    return draft.sizing.memory_case if draft.guard is None and draft.sizing is not None else None


def _request(draft: Draft, case: MemoryCase) -> Request:
    limit, chosen = case.limit_mib, _chosen_mib(draft)
    needed = chosen if chosen > limit else min(limit, case.stepped(case.estimate.target_mib))
    return Request(limit, chosen, needed, case.sample.memory_mib or 0.0, draft.settings.policy.weight)


def _chosen_mib(draft: Draft) -> int:
    """Return the memory that is chosen for a container, its limit where it keeps; 0 where its memory is not managed."""
    case = _case(draft)
    if case is None or draft.sizing is None:
        return 0
    return int(draft.sizing.memory.changes.get("memory_mib", case.limit_mib))


def _growth_mib(draft: Draft) -> int:
    """Return by how much the memory that is chosen for a container is more than it has; 0 or less where it is not."""
    case, sizing = _case(draft), draft.sizing
    chosen = None if case is None or sizing is None else sizing.memory.changes.get("memory_mib")
    return 0 if case is None or chosen is None else int(chosen) - case.limit_mib


def _lowered(draft: Draft, share_mib: float, room: NodeRoom) -> Draft:
    """Return the draft lowered towards its share, as far as every guard of a shrink allows; unchanged when its share is not worth a change."""
    case = _case(draft)
    if case is None or draft.sizing is None:
        return draft
    limit, policy = case.limit_mib, case.policy
    step = policy.memory_step_mib
    least = max(smallest_safe_memory_mib(case.sample.memory_mib or 0.0), case.bounds.low, limit * (1 - policy.memory_shrink_largest_step))
    reached = max(int(share_mib // step) * step, int(round_up(least, step)))
    if reached > limit - step or reached >= _chosen_mib(draft):
        return draft
    guard = guard_memory_shrink(case, reached)
    if guard is not None:
        if draft.sizing.memory.changes:
            return draft
        return draft.with_memory_choice(keep(guard.reason, f"memory kept at {limit} MiB instead of {reached} although {room.short_why}: {guard.message}"))
    message = f"memory {limit} -> {reached} MiB: {room.short_why}; its fair share is {share_mib:.0f} MiB"
    return draft.with_memory_choice(Choice({"memory_mib": reached}, Reason.LOWERED_FOR_HOST, message, draft.sizing.memory.others))


def _granted(draft: Draft, wanted_mib: float, granted_mib: int, room: NodeRoom) -> Draft:
    """Return the draft with its growth held to what was granted."""
    case = _case(draft)
    if case is None or draft.sizing is None or granted_mib == wanted_mib:
        return draft
    memory, limit = draft.sizing.memory, case.limit_mib
    wanted = memory.changes["memory_mib"]
    if room.growth_mib is None:
        message = f"memory kept at {limit} MiB instead of {wanted:.0f}: the node's free memory is not known"
        return draft.with_memory_choice(keep(Reason.NOT_MEASURED, message, *memory.others))
    short = f"the node has only {room.growth_mib:.0f} MiB {room.growth_why} for all growth"
    if granted_mib <= 0:
        message = f"memory kept at {limit} MiB instead of {wanted:.0f}: {short}"
        draft = _with_kill_unanswered(draft) if memory.reason is Reason.OOM_ANSWERED else draft
        return draft.with_memory_choice(keep(Reason.HOST_SHORT_OF_MEMORY, message, *memory.others))
    reached = limit + granted_mib
    message = f"memory {limit} -> {reached} MiB instead of {wanted:.0f}: {short}"
    return draft.with_memory_choice(Choice({"memory_mib": reached}, memory.reason, message, (*memory.others, Reason.HOST_SHORT_OF_MEMORY)))


def _with_kill_unanswered(draft: Draft) -> Draft:
    """Return the draft with its newest kill in the place of the one before: what the node could not answer says nothing of a leak.

    A leak is more memory that did not help. Kills at 1, 2 and 3 of which the last was not answered become 1 and 3.
    """
    learnt = draft.memory.memory
    if len(learnt.oom_times) < 2:
        return draft
    learnt = replace(learnt, oom_times=(*learnt.oom_times[:-2], learnt.oom_times[-1]))
    return replace(draft, memory=replace(draft.memory, memory=learnt))
