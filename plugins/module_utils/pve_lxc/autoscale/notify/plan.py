# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one notifier is told after a cycle, and what it has been told: grouped, limited, nothing lost silently. Pure.

Each notifier remembers for itself, so that one that was dead is told what the others know already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..configuration.notifiers import NotifierSettings
from .news import CHANGES, CYCLE_KEY, FAILURES, News, Trouble

# The note of the state in which it is kept who was told what.
NOTIFY_NOTE = "notify"

# After the first, second, ... failure in a row a notifier is tried again after 1, 2, 4, ... minutes, an hour at most.
_FIRST_WAIT_SECONDS = 60.0
_LONGEST_WAIT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        subject: one line.
        lines: the text.
        facts: the same for programs.
    """

    subject: str
    lines: tuple[str, ...]
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NotifierMemory:
    """What is kept of one notifier between two cycles.

    Attributes:
        sent_seconds: when it last took a message; 0 for never.
        told: key of a trouble -> when it was told, and when it was last there.
        held_changes: changes that were not told yet.
        held_troubles: keys of troubles that were not told yet -> event.
        held_seconds: since when something is held back; 0 for nothing.
        failures_in_a_row: how often it failed since it last took a message.
        failed_seconds: when it last failed.
        failures: how often it failed since the state was made.
        messages: how many it took since then.
    """

    sent_seconds: float = 0.0
    told: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    held_changes: int = 0
    held_troubles: Mapping[str, str] = field(default_factory=dict)
    held_seconds: float = 0.0
    failures_in_a_row: int = 0
    failed_seconds: float = 0.0
    failures: int = 0
    messages: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be told now, and what will be remembered.

    Attributes:
        message: None for nothing now.
        if_sent: the memory when it is taken, or when there is no message.
        if_failed: the memory when it is not.
    """

    message: Message | None
    if_sent: NotifierMemory
    if_failed: NotifierMemory


def draft_message(settings: NotifierSettings, memory: NotifierMemory, news: News, now: float) -> Draft:
    """Return what a notifier is told after a cycle.

    A message holds everything that is due. Within min_interval_seconds of the last one, and while a failing notifier is left alone, nothing is sent:
    changes are counted, and troubles are told later if they last, and counted if they do not.
    """
    memory = replace(memory, told=_still_told(settings, memory, news, now))
    troubles = [trouble for trouble in news.troubles if trouble.event in settings.events]
    due = [trouble for trouble in troubles if _is_due(settings, memory, trouble, now)]
    changes = news.changes if CHANGES in settings.events else ()
    recovered = [key for key in memory.told if key.startswith(CYCLE_KEY)] if news.is_complete else []
    # A cycle that failed did not look: what was held back may still be there.
    present = {trouble.key for trouble in troubles}
    gone = {key: event for key, event in memory.held_troubles.items() if key not in present} if news.is_complete else {}
    held = replace(
        memory,
        held_changes=memory.held_changes + len(changes),
        held_troubles={**memory.held_troubles, **{trouble.key: trouble.event for trouble in due}},
        held_seconds=memory.held_seconds or now,
    )
    if not (due or changes or recovered or gone or memory.held_changes):
        return Draft(None, memory, memory)
    if _is_silent(settings, memory, now):
        return Draft(None, held, held)
    message = _compose(news, due, changes, (bool(recovered), memory, gone))
    told = {key: times for key, times in memory.told.items() if key not in recovered}
    told |= {trouble.key: (now, now) for trouble in due}
    still_held = {key: event for key, event in memory.held_troubles.items() if key not in {*gone, *told}}
    sent = NotifierMemory(sent_seconds=now, told=told, held_troubles=still_held, failures=memory.failures, messages=memory.messages + 1)
    failed = replace(held, failures_in_a_row=memory.failures_in_a_row + 1, failed_seconds=now, failures=memory.failures + 1)
    return Draft(message, sent, failed)


def draft_heartbeat(memory: NotifierMemory, news: News, now: float) -> Draft:
    """Return the heartbeat of a cycle: always one, and never held back, for its absence means something."""
    message = Message(news.summary, (), {"is_good": news.is_good, "duration_seconds": news.duration_seconds})
    sent = NotifierMemory(sent_seconds=now, failures=memory.failures, messages=memory.messages + 1)
    failed = replace(memory, failures_in_a_row=memory.failures_in_a_row + 1, failed_seconds=now, failures=memory.failures + 1)
    return Draft(message, sent, failed)


def memory_to_dict(memory: NotifierMemory) -> dict[str, Any]:
    """Return JSON's types."""
    return {
        "sent_seconds": memory.sent_seconds,
        "told": {key: list(times) for key, times in memory.told.items()},
        "held_changes": memory.held_changes,
        "held_troubles": dict(memory.held_troubles),
        "held_seconds": memory.held_seconds,
        "failures_in_a_row": memory.failures_in_a_row,
        "failed_seconds": memory.failed_seconds,
        "failures": memory.failures,
        "messages": memory.messages,
    }


def memory_from_dict(values: Any) -> NotifierMemory:
    """Return what ``memory_to_dict`` wrote; what is damaged is as if nothing had been told."""
    try:
        return NotifierMemory(
            sent_seconds=float(values["sent_seconds"]),
            told={str(key): (float(times[0]), float(times[1])) for key, times in values["told"].items()},
            held_changes=int(values["held_changes"]),
            held_troubles={str(key): str(event) for key, event in values["held_troubles"].items()},
            held_seconds=float(values["held_seconds"]),
            failures_in_a_row=int(values["failures_in_a_row"]),
            failed_seconds=float(values["failed_seconds"]),
            failures=int(values["failures"]),
            messages=int(values["messages"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError):
        return NotifierMemory()


def _still_told(settings: NotifierSettings, memory: NotifierMemory, news: News, now: float) -> dict[str, tuple[float, float]]:
    """Return what has been told, with what is there now marked as seen; what has been gone for long may be told anew."""
    present = {trouble.key for trouble in news.troubles}
    told = {key: (at, now if key in present else seen) for key, (at, seen) in memory.told.items()}
    return {key: times for key, times in told.items() if key.startswith(CYCLE_KEY) or abs(now - times[1]) <= settings.repeat_after_seconds}


def _is_due(settings: NotifierSettings, memory: NotifierMemory, trouble: Trouble, now: float) -> bool:
    if trouble.key not in memory.told:
        return True
    return not trouble.is_told_once and abs(now - memory.told[trouble.key][0]) >= settings.repeat_after_seconds


def _is_silent(settings: NotifierSettings, memory: NotifierMemory, now: float) -> bool:
    """Return whether nothing may be sent now; a clock that went back does not make it wait."""
    wait = min(_FIRST_WAIT_SECONDS * 2.0 ** min(memory.failures_in_a_row - 1, 20), _LONGEST_WAIT_SECONDS) if memory.failures_in_a_row else 0.0
    return 0 <= now - memory.sent_seconds < settings.min_interval_seconds or 0 <= now - memory.failed_seconds < wait


def _compose(news: News, due: list[Trouble], changes: tuple[str, ...], more: tuple[bool, NotifierMemory, Mapping[str, str]]) -> Message:
    is_recovered, memory, gone = more
    failures = [trouble.line for trouble in due if trouble.event == FAILURES]
    warnings = [trouble.line for trouble in due if trouble.event != FAILURES]
    held_back = ((memory.held_changes, "change", "changes"), (len(gone), "problem that is over", "problems that are over"))
    counted = [f"{count} {one if count == 1 else many}" for count, one, many in held_back if count]
    lines = ["recovered: the cycle works again"] if is_recovered else []
    lines += [f"FAILED {line}" for line in failures] + [f"warning: {line}" for line in warnings] + [f"changed {line}" for line in changes]
    lines += [f"held back since the last message: {' and '.join(counted)}"] if counted else []
    said = ["recovered"] if is_recovered else []
    if not news.is_complete and failures:
        said.append("the cycle fails")
    else:
        said += [f"{len(failures)} failed"] if failures else []
    said += [f"{len(warnings)} {'warning' if len(warnings) == 1 else 'warnings'}"] if warnings else []
    said += [f"{len(changes)} changed"] if changes else []
    said = said or ["what was held back"]
    facts = {
        "node": news.node,
        "run_id": news.run_id,
        "is_good": not due,
        "is_failure": bool(failures),
        "failures": failures,
        "warnings": warnings,
        "changes": list(changes),
        "is_recovered": is_recovered,
        "held_back_changes": memory.held_changes,
        "held_back_problems": len(gone),
        "duration_seconds": news.duration_seconds,
    }
    return Message(f"lxc-autoscale {news.node}: {', '.join(said)}", tuple(lines), facts)
