# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has the last word: a container whose values somebody sets back again and again is left with theirs.

Nobody can see who wrote a configuration. Terraform that applies its own sizes each night, another autoscaler, a person at the desk: all look alike. One
change is an operator's wish, respected for a day. The same values coming back a second time are a contest, and a contest is lost on purpose.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from ..model.allocation import Allocation
from .kept_values import allocation_from_dict, allocation_to_dict, mapping_from, times_from
from .settings.policy import PolicySettings


@dataclass(frozen=True, slots=True)
class Contest:
    """What became of our own writes.

    Attributes:
        overwritten: what each value was before our last write of it; None before the first.
        reverted_times: when somebody had set a value of ours back, seconds since 1970, oldest first.
    """

    overwritten: Allocation | None = None
    reverted_times: tuple[float, ...] = ()


def note_write(contest: Contest, before: Allocation, changed: Collection[str]) -> Contest:
    """Return the contest after a write of ours.

    Args:
        contest: before.
        before: what there was.
        changed: names of the fields that we changed.
    """
    earlier = contest.overwritten if contest.overwritten is not None else before
    values: dict[str, Any] = {name: getattr(before, name) for name in changed}
    return replace(contest, overwritten=replace(earlier, **values))


def note_change(contest: Contest, baseline: Allocation, found: Allocation, changed: Collection[str], settings: PolicySettings, now: float) -> Contest:
    """Return the contest after somebody else's change: it is a reversal if a value is again what it was before our write, or at adoption.

    Only reversals within ``contested_window_seconds`` count together. The pause that follows each of them is added to that time, for nothing of ours can be
    set back while we write nothing: with a window and a pause of a day, two within 48 hours.

    Args:
        contest: before.
        baseline: what was found at adoption, or set by somebody since.
        found: what there is now.
        changed: names of the fields that somebody else changed.
        settings: validated.
        now: seconds since 1970.
    """
    if contest.overwritten is None:
        return contest
    is_reversal = any(getattr(found, name) in (getattr(contest.overwritten, name), getattr(baseline, name)) for name in changed)
    values: dict[str, Any] = {name: getattr(found, name) for name in changed}
    contest = replace(contest, overwritten=replace(contest.overwritten, **values))
    if not is_reversal:
        return contest
    since = now - settings.contested_window_seconds - settings.operator_pause_seconds
    recent = tuple(time for time in contest.reverted_times if since <= time <= now)
    return replace(contest, reverted_times=(*recent, now)[-settings.contested_reversals :])


def is_contested(contest: Contest, settings: PolicySettings, now: float) -> bool:
    """Return whether the newest change was one reversal too many."""
    return len(contest.reverted_times) >= settings.contested_reversals and contest.reverted_times[-1] == now


def contest_to_dict(contest: Contest) -> dict[str, Any]:
    """Return JSON's types."""
    return {"overwritten": allocation_to_dict(contest.overwritten), "reverted_times": list(contest.reverted_times)}


def contest_from_dict(values: Any) -> Contest:
    """Return the contest of ``contest_to_dict``."""
    read = mapping_from(values)
    return Contest(allocation_from_dict(read.get("overwritten")), times_from(read.get("reverted_times")))
