# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often and how much may be changed: a budget for each container, and one for each cycle.

Every change is a write that the whole cluster keeps, and a size that somebody's program has to live with. Emergencies are exempt: memory after a kill by
the container's own limit, what was taken away and is missed, near that limit, where waiting would be a kill, and what people ask for by a boost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..model.reason import Reason
from ..units import DAY_SECONDS, HOUR_SECONDS
from .cpu_choice import Choice, keep
from .draft import Draft
from .memory_choice import limit_of
from .remember import ContainerMemory
from .settings.container import SettingsBook
from .settings.policy import PolicySettings

# Reasons that are never held back, whatever was changed before.
EMERGENCIES = frozenset({Reason.OOM_ANSWERED, Reason.PROBATION_FAILED, Reason.BOOSTED, Reason.BOOST_ENDED})

# In which order the changes of a cycle are made while there is budget: what the node needs, growth, then the rest.
_GROWTHS = frozenset({Reason.GROW_CPU, Reason.GROW_MEMORY, Reason.BOOSTED, Reason.GIVEN_BACK, Reason.SEASON_EXPECTED})


def hold_to_budgets(drafts: Sequence[Draft], settings: SettingsBook, now: float) -> list[Draft]:
    """Return the drafts with every change kept back that a budget does not allow.

    Args:
        drafts: every container of the node, by ascending vmid.
        settings: the budgets of a cycle stand in the general ones.
        now: seconds since 1970.
    """
    held = []
    for draft in drafts:
        spent = container_budget_spent(draft.memory, draft.settings.policy, now) if _is_change(draft) and not is_emergency(draft) else ""
        held.append(_kept_back(draft, spent) if spent else draft)
    refused = _beyond_the_cycle(held, settings.general.policy)
    return [_kept_back(draft, refused[draft.vmid]) if draft.vmid in refused else draft for draft in held] if refused else held


def container_budget_spent(memory: ContainerMemory, policy: PolicySettings, now: float) -> str:
    """Return why a container must not be changed once more; empty when it may be.

    With 12 changes allowed in an hour, and 12 made in the last 50 minutes, the next has to wait for 10 minutes.
    """
    for allowed, window, name, key in (
        (policy.changes_per_hour, HOUR_SECONDS, "hour", "changes_per_hour"),
        (policy.changes_per_day, DAY_SECONDS, "day", "changes_per_day"),
    ):
        count = sum(0 <= now - time < window for time in memory.write_times)
        if count >= allowed:
            return f"it was changed {count} times in the last {name} ({key})"
    return ""


def is_emergency(draft: Draft) -> bool:
    """Return whether a container's change must not wait for any budget."""
    sizing = draft.sizing
    if sizing is None:
        return False
    if EMERGENCIES & {sizing.memory.reason, sizing.cpu.reason}:
        return True
    return sizing.memory.reason is Reason.GROW_MEMORY and sizing.memory_case is not None and sizing.memory_case.estimate.is_near_limit


def _beyond_the_cycle(drafts: Sequence[Draft], policy: PolicySettings) -> dict[int, str]:
    """Return vmid -> why, for the changes that the cycle's budgets do not allow; whoever waits longest since its last change is first among equals."""
    changing = [draft for draft in drafts if _is_change(draft)]
    if len(changing) <= policy.cycle_changes and policy.cycle_memory_mib is None:
        return {}
    count, moved_mib = 0, 0.0
    refused: dict[int, str] = {}
    for draft in sorted(changing, key=_urgency):
        move = _moved_mib(draft)
        why = "" if is_emergency(draft) else _over(policy, count, moved_mib, move)
        if why:
            refused[draft.vmid] = why
        else:
            count, moved_mib = count + 1, moved_mib + move
    return refused


def _over(policy: PolicySettings, count: int, moved_mib: float, move_mib: float) -> str:
    if count >= policy.cycle_changes:
        return f"this cycle changes {count} others already (cycle_changes)"
    limit = policy.cycle_memory_mib
    # A change that is larger than the whole budget would never come; it is made when it is the first that moves memory.
    if limit is not None and move_mib > 0 and moved_mib > 0 and moved_mib + move_mib > limit:
        return f"this cycle moves {moved_mib:.0f} MiB already (cycle_memory_mib)"
    return ""


def _urgency(draft: Draft) -> tuple[int, float, int]:
    reasons = set() if draft.sizing is None else {draft.sizing.memory.reason, draft.sizing.cpu.reason}
    if is_emergency(draft):
        kind = 0
    elif Reason.LOWERED_FOR_HOST in reasons:
        kind = 1
    else:
        kind = 2 if reasons & _GROWTHS else 3
    return kind, draft.memory.write_times[-1] if draft.memory.write_times else 0.0, draft.vmid


def _moved_mib(draft: Draft) -> float:
    if draft.sizing is None or draft.observation.config is None:
        return 0.0
    limit = limit_of(draft.observation.config)
    return abs(draft.sizing.memory.changes.get("memory_mib", limit) - limit)


def _is_change(draft: Draft) -> bool:
    sizing = draft.sizing
    if draft.guard is not None or sizing is None:
        return False
    return bool(sizing.cpu.changes or sizing.memory.changes or (sizing.swap is not None and sizing.swap.changes))


def _kept_back(draft: Draft, why: str) -> Draft:
    if draft.sizing is None:
        return draft
    sizing = replace(draft.sizing, cpu=_without_change(draft.sizing.cpu, why), memory=_without_change(draft.sizing.memory, why))
    if sizing.swap is not None:
        sizing = replace(sizing, swap=_without_change(sizing.swap, why))
    return replace(draft, sizing=sizing)


def _without_change(choice: Choice, why: str) -> Choice:
    return keep(Reason.BUDGET_SPENT, f"{choice.message}; not done, because {why}", *choice.others) if choice.changes else choice
