# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hold: what a container has is kept, for a reason, for a time or until it is released. The one way of leaving a container to people.

It is looked at, learnt from and decided about as ever, so that a released container is sized by what it did meanwhile; only nothing is changed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..model.reason import Reason

# Only named here: what is remembered holds a Hold.
if TYPE_CHECKING:
    from .remember import ContainerMemory


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a container is left as it is, and until when.

    Attributes:
        reason: machine-readable: ``operator_changed``, ``contested`` or ``rolled_back``.
        until_seconds: seconds since 1970; infinity until somebody releases it.
        since_seconds: seconds since 1970; None where an older version wrote it.
    """

    reason: Reason
    until_seconds: float
    since_seconds: float | None = None


# Hold -> why, as a clause that ends before "for 3.0 h more" or "until it is released".
_WHY = {
    Reason.OPERATOR_CHANGED: "somebody changed it; their values are kept",
    Reason.CONTESTED: "somebody has set our values back again and again; theirs are kept",
    Reason.ROLLED_BACK: "it was rolled back; what it has is kept",
}


def hold(memory: ContainerMemory, reason: Reason, until_seconds: float, *, since_seconds: float) -> ContainerMemory:
    """Return the memory of a container that is held; a shorter hold never replaces a longer one, nor one without an end itself.

    Args:
        memory: before.
        reason: why.
        until_seconds: seconds since 1970; ``math.inf`` until it is released.
        since_seconds: this moment, seconds since 1970.
    """
    earlier = memory.hold
    if earlier is not None and (earlier.until_seconds > until_seconds or (earlier.reason is reason and math.isinf(earlier.until_seconds))):
        return memory
    return replace(memory, hold=Hold(reason, until_seconds, since_seconds))


def release(memory: ContainerMemory) -> ContainerMemory:
    """Return the memory with every hold ended: a pause, a contest, a rollback, and a suspected leak.

    Of the kills that made it a leak the last one stays, so that no memory is taken away within a day of it.
    """
    learnt = replace(memory.memory, oom_times=memory.memory.oom_times[-1:])
    # What was missed before is not given back now: the people whom it was left to have had their say since.
    probation = replace(memory.probation, started_seconds=0.0, previous_mib=0.0, restore_mib=0.0)
    return replace(memory, hold=None, memory=learnt, contest=replace(memory.contest, reverted_times=()), probation=probation)


def current_hold(memory: ContainerMemory, now: float) -> Hold | None:
    """Return the hold that is in force; None when there is none or its time is over."""
    return memory.hold if memory.hold is not None and now < memory.hold.until_seconds else None


def describe_hold(held: Hold, vmid: int, now: float) -> str:
    """Return ``somebody changed it; their values are kept for 3.0 h more``, or how to release it where no time is set."""
    why = _WHY.get(held.reason, "what it has is kept")
    if math.isinf(held.until_seconds):
        return f"{why} until `lxc-autoscale release {vmid}`"
    return f"{why} for {(held.until_seconds - now) / 3600:.1f} h more"


def hold_to_dict(held: Hold | None) -> dict[str, Any] | None:
    """Return JSON's types; ``until_seconds`` is None for a hold without an end."""
    if held is None:
        return None
    return {
        "reason": str(held.reason),
        "until_seconds": None if math.isinf(held.until_seconds) else round(held.until_seconds, 6),
        "since_seconds": None if held.since_seconds is None else round(held.since_seconds, 6),
    }


def hold_from_dict(values: Mapping[str, Any]) -> Hold | None:
    """Return the hold of a container's remembered values, written by this version or an older one.

    ``hold`` is what hold_to_dict made. A time that is missing or damaged means until it is released, and a reason of a newer version is read as
    ``operator_changed``: a container that was held is never let go by a damaged word. Older versions wrote a number, ``paused_until_seconds``.

    Args:
        values: of ``memory_to_dict``.
    """
    held = values.get("hold")
    if isinstance(held, Mapping):
        since = _until(held.get("since_seconds"))
        return Hold(_reason(held.get("reason")), _until(held.get("until_seconds")), None if math.isinf(since) else since)
    paused = values.get("paused_until_seconds")
    if isinstance(paused, int | float) and not isinstance(paused, bool) and math.isfinite(paused) and paused > 0:
        return Hold(Reason.OPERATOR_CHANGED, float(paused))
    return None


def _reason(value: Any) -> Reason:
    try:
        return Reason(value)
    except ValueError:
        return Reason.OPERATOR_CHANGED


def _until(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else math.inf
