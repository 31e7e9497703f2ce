# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell whoever is to be told after a cycle: what is due, at the same time, and remember who was told what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...clock import Clock, SystemClock
from ...errors import StateError
from ...ports import StateStore
from ..configuration.notifiers import NotifierSettings
from .news import News
from .plan import NOTIFY_NOTE, Draft, NotifierMemory, draft_heartbeat, draft_message, memory_from_dict, memory_to_dict

if TYPE_CHECKING:
    from .send import Delivery

HEARTBEAT_KIND = "uptime_kuma"

# Where nothing can be remembered, something is told in the first cycles of an hour only: neither every minute nor never.
_BLIND_PERIOD_SECONDS = 3600.0
_BLIND_CYCLES = 1.5


@dataclass(frozen=True, slots=True)
class Audience:
    """Who may be told, and what none of them may be told.

    Attributes:
        notifiers: in the order of the configuration.
        secrets: what must be in no message.
        interval_seconds: time between two cycles.
    """

    notifiers: tuple[NotifierSettings, ...]
    secrets: tuple[str, ...] = ()
    interval_seconds: float = 60.0


def tell(audience: Audience, state: StateStore | None, news: News, now: float, clock: Clock | None = None) -> tuple[Delivery, ...]:
    """Send what is due, and return what became of it; failures that go on are returned less and less often.

    Before anything is sent it is written down as failed, and afterwards as taken: a process that is killed in between tells again instead of never.

    Args:
        audience: who.
        state: keeps who was told what; None where there is none.
        news: of the cycle.
        now: seconds since 1970.
        clock: real time; default: the machine's.
    """
    if not audience.notifiers:
        return ()
    drafts = {notifier.name: _draft(notifier, memory, news, now) for notifier, memory in _memories(audience, state)}
    due = [(notifier, draft.message) for notifier in audience.notifiers if (draft := drafts[notifier.name]).message is not None]
    is_remembered = _write(state, {name: memory_to_dict(draft.if_failed) for name, draft in drafts.items()}, now)
    if not is_remembered and now % _BLIND_PERIOD_SECONDS >= _BLIND_CYCLES * audience.interval_seconds:
        due = [(notifier, message) for notifier, message in due if notifier.kind == HEARTBEAT_KIND]
    secrets = (*audience.secrets, *(secret for notifier in audience.notifiers for secret in notifier.secrets))
    if not due:
        return ()
    # Imported here, because it brings the ways to send along, and most cycles have nothing to tell.
    from .send import deliver

    deliveries = deliver(due, secrets, clock or SystemClock())
    taken = {delivery.name for delivery in deliveries if delivery.is_sent}
    if taken and is_remembered:
        _write(state, {name: memory_to_dict(draft.if_sent if name in taken else draft.if_failed) for name, draft in drafts.items()}, now)
    return tuple(delivery for delivery in deliveries if delivery.is_sent or _is_worth_saying(drafts[delivery.name].if_failed.failures_in_a_row))


def _is_worth_saying(failures_in_a_row: int) -> bool:
    """Return whether a failure is the first, second, fourth, eighth, ... in a row: a heartbeat that fails every minute is no notice every minute."""
    return failures_in_a_row & (failures_in_a_row - 1) == 0


def _memories(audience: Audience, state: StateStore | None) -> list[tuple[NotifierSettings, NotifierMemory]]:
    note: Mapping[str, Any] = {}
    if state is not None:
        try:
            note = state.read_note(NOTIFY_NOTE) or {}
        except StateError:
            note = {}
    return [(notifier, memory_from_dict(note.get(notifier.name))) for notifier in audience.notifiers]


def _draft(notifier: NotifierSettings, memory: NotifierMemory, news: News, now: float) -> Draft:
    if notifier.kind == HEARTBEAT_KIND:
        return draft_heartbeat(memory, news, now)
    return draft_message(notifier, memory, news, now)


def _write(state: StateStore | None, note: Mapping[str, Any], now: float) -> bool:
    """Return whether the note was kept."""
    if state is None:
        return False
    try:
        state.write_note(NOTIFY_NOTE, note, now)
    except StateError:
        return False
    return True
