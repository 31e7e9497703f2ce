# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cycle has to tell: what it changed, and what is wrong. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...errors import ConfigError, LockHeldError, LxcAutoscaleError
from ...model.decision import Decision
from ...model.plan import Outcome
from ...model.reason import Reason
from ..parts import CycleResult
from ..terminal.words import say_keys

CHANGES, FAILURES, WARNINGS = "changes", "failures", "warnings"

# A trouble whose key begins so is the whole cycle's; when it is over, that is told as well.
CYCLE_KEY = "cycle:"

# A container's own reason to be looked at -> what to say of it.
_OF_CONTAINER = {
    Reason.CONTESTED: "somebody sets our values back; theirs are kept until it is released",
    Reason.LEAK_SUSPECTED: "killed for want of memory again and again; it gets no more",
    Reason.OOM_INSIDE: "a process was killed in it by a limit inside, not by its own",
    Reason.HOST_OOM: "a process was killed in it by the node, which ran out of memory",
    Reason.PROBATION_FAILED: "the memory that was taken away was missed, and is given back",
    Reason.STORAGE_FULL: "its root file system fills up, and its storage has no room to grow it",
    Reason.ROOTFS_AT_BOUND: "its root file system fills up, and is as large as it may be",
    Reason.ROOTFS_NOT_RESIZABLE: "its root file system fills up, and Proxmox cannot grow it",
    Reason.TIER_CONFLICT: "two tiers claim it; it is left alone",
    Reason.SCHEDULE_CONFLICT: "two schedules contradict each other for it; it is left alone",
}
# Reasons that are the node's, told once for all its containers.
_OF_NODE = {
    Reason.HOST_SHORT_OF_MEMORY: "the node is short of memory; containers do not get what they want",
    Reason.STALE_SAMPLE: "Proxmox repeats its figures (is pvestatd stuck?); containers are held",
    Reason.NO_QUORUM: "the cluster has no quorum; nothing is written",
}
_MOST_NAMED = 12

# A state that was lost in whole or in part; see backend/state_file and backend/state.
_STATE_WORDS = ("and set aside as", "was empty: if the loop has run before", "is damaged, and begun anew")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something wrong that may last.

    Attributes:
        key: what tells it from others; the same in every cycle that it lasts.
        event: ``failures`` or ``warnings``.
        line: one line for people.
        is_told_once: whether it is not told again while it lasts.
    """

    key: str
    event: str
    line: str
    is_told_once: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """What one cycle has to tell.

    Attributes:
        node: whose.
        changes: one line for each change that was made.
        troubles: what is wrong.
        is_complete: whether the cycle came to its end; False when it failed as a whole.
        is_good: whether nothing failed.
        summary: one line for a heartbeat.
        duration_seconds: of the cycle; None when it failed.
        run_id: of the cycle; None when it failed.
    """

    node: str
    changes: tuple[str, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    is_complete: bool = True
    is_good: bool = True
    summary: str = ""
    duration_seconds: float | None = None
    run_id: int | None = None


def news_of_cycle(result: CycleResult) -> News:
    """Return what a cycle that came to its end has to tell."""
    outcomes = (*result.settled, *result.outcomes, *result.disk_outcomes)
    changes = tuple(_change_line(outcome) for outcome in outcomes if outcome.is_changed and not outcome.is_failed)
    failed = [_failure(outcome) for outcome in outcomes if outcome.is_failed]
    troubles = [*failed, *_warnings(result.decisions, (*result.outcomes, *result.disk_outcomes)), *_set_aside(result.notices)]
    return News(
        node=result.node,
        changes=changes,
        troubles=tuple({trouble.key: trouble for trouble in troubles}.values()),
        is_good=not failed,
        summary=f"{len(result.decisions)} containers, {len(changes)} changed, {len(failed)} failed",
        duration_seconds=result.duration_seconds,
        run_id=result.run_id,
    )


def news_of_failure(node: str, error: LxcAutoscaleError) -> News:
    """Return what there is to tell of a cycle that failed as a whole."""
    first, *more = str(error).strip().splitlines() or [""]
    what = {ConfigError: "the configuration cannot be used", LockHeldError: "another run does not end"}.get(type(error), "the cycle failed")
    line = f"{what}: {first}"
    shown = [text.strip() for text in more[:5]]
    trouble = Trouble(f"{CYCLE_KEY}{type(error).__name__}", FAILURES, "; ".join([line, *shown]))
    return News(node=node, troubles=(trouble,), is_complete=False, is_good=False, summary=line)


def _change_line(outcome: Outcome) -> str:
    sizes = say_keys(outcome.before, outcome.after) if outcome.before is not None and outcome.after is not None else ""
    if "rootfs" in outcome.more_after:
        sizes = f"root file system {outcome.more_before.get('rootfs')} -> {outcome.more_after['rootfs']}, which cannot be undone"
    return f"{_name(outcome)}: {sizes or 'changed'} ({outcome.reason}): {outcome.message}"


def _failure(outcome: Outcome) -> Trouble:
    return Trouble(f"{outcome.reason}:{outcome.vmid}", FAILURES, f"{_name(outcome)}: {outcome.reason}: {outcome.message}")


def _name(one: Outcome | Decision) -> str:
    return f"{one.vmid} {one.name}".strip()


def _warnings(decisions: Iterable[Decision], outcomes: Iterable[Outcome]) -> list[Trouble]:
    found = []
    of_node: dict[Reason, list[str]] = {}
    for decision in decisions:
        for reason in dict.fromkeys((decision.reason, *decision.reasons)):
            if reason in _OF_NODE:
                of_node.setdefault(reason, []).append(_name(decision))
            elif reason in _OF_CONTAINER:
                line = f"{_name(decision)}: {reason}: {_OF_CONTAINER[reason]}"
                found.append(Trouble(f"{reason}:{decision.vmid}", WARNINGS, line, is_told_once=reason is Reason.CONTESTED))
    for outcome in outcomes:
        if outcome.reason is Reason.NO_QUORUM:
            of_node.setdefault(Reason.NO_QUORUM, []).append(_name(outcome))
    found += [Trouble(str(reason), WARNINGS, f"{reason}: {_OF_NODE[reason]}: {_listed(names)}") for reason, names in of_node.items()]
    return found


def _set_aside(notices: Iterable[str]) -> list[Trouble]:
    """Return the notice that the state was lost; the key holds the text, for each loss is one of its own."""
    return [Trouble(f"state:{notice}", WARNINGS, notice, is_told_once=True) for notice in notices if any(word in notice for word in _STATE_WORDS)]


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
