# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send messages: all notifiers at the same time, each within its deadline, none able to do more than fail."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...clock import Clock
from ...errors import NotifyError
from ...ports import Notifier
from ...transport.notify_http import GotifyNotifier, HttpTarget, NtfyNotifier, UptimeKumaNotifier, WebhookNotifier
from ...transport.notify_smtp import SmtpNotifier, SmtpTarget
from ..configuration.document import HIDDEN
from ..configuration.notifiers import NotifierSettings
from .plan import Message

# Shorter texts are no secrets, and to blot them out would make a message unreadable.
_SHORTEST_SECRET = 4


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one message.

    Attributes:
        name: of the notifier.
        is_sent: whether it was taken.
        answer: what answered, or why it was not taken; without secrets.
    """

    name: str
    is_sent: bool
    answer: str


def make_notifier(settings: NotifierSettings) -> Notifier:
    """Return the notifier of its kind."""
    values = settings.values
    if settings.kind == "smtp":
        return SmtpNotifier(
            SmtpTarget(
                host=values["host"],
                port=values["port"],
                security=values["security"],
                sender=values["sender"],
                recipients=tuple(values["recipients"]),
                user=values["user"],
                password=settings.secret,
                ca_path=values["ca_file"],
                timeout_seconds=settings.timeout_seconds,
            )
        )
    target = HttpTarget(settings.url, values["ca_file"], settings.timeout_seconds, settings.secret, settings.headers)
    if settings.kind == "gotify":
        return GotifyNotifier(target, values["priority"])
    if settings.kind == "ntfy":
        return NtfyNotifier(target, settings.topic, values["priority"])
    return UptimeKumaNotifier(target) if settings.kind == "uptime_kuma" else WebhookNotifier(target)


def deliver(messages: Sequence[tuple[NotifierSettings, Message]], secrets: Sequence[str], clock: Clock) -> tuple[Delivery, ...]:
    """Send each message to its notifier, and return what became of them, in the same order.

    The whole takes no longer than the longest timeout of a notifier: who has not answered by then is left behind in its thread, which does not keep
    the process from ending. (A name that is looked up in vain, or a server that answers a byte now and then, is held by no other deadline.)

    Args:
        messages: of different notifiers.
        secrets: what must not be in any of them, whatever happens.
        clock: real time.
    """
    found: dict[str, Delivery] = {}
    hidden = tuple(sorted((secret for secret in secrets if len(secret) >= _SHORTEST_SECRET), key=len, reverse=True))
    started = clock.monotonic()
    threads = []
    for settings, message in messages:
        thread = threading.Thread(target=_send, args=(settings, _without(message, hidden), found), daemon=True, name=f"notify-{settings.name}")
        thread.start()
        threads.append(thread)
    for thread, (settings, _message) in zip(threads, messages, strict=True):
        thread.join(max(0.0, started + settings.timeout_seconds - clock.monotonic()))
    late = {settings.name: Delivery(settings.name, False, f"gave no answer within {settings.timeout_seconds:g} s") for settings, _message in messages}
    # What arrives from here on is not looked at.
    seen = {**late, **dict(found)}
    return tuple(seen[settings.name] for settings, _message in messages)


def _send(settings: NotifierSettings, message: Message, found: dict[str, Delivery]) -> None:
    if settings.problem:
        found[settings.name] = Delivery(settings.name, False, settings.problem)
        return
    try:
        answer = make_notifier(settings).notify(message.subject, message.lines, message.facts)
    except NotifyError as error:
        found[settings.name] = Delivery(settings.name, False, str(error))
    # Whatever else goes wrong is a fault of ours, and its text may hold an address: only its kind is told.
    except Exception as error:
        found[settings.name] = Delivery(settings.name, False, f"failed with {type(error).__name__}")
    else:
        found[settings.name] = Delivery(settings.name, True, answer)


def _without(message: Message, secrets: Sequence[str]) -> Message:
    """Return the message with every secret blotted out; there should be none, and this is the last place to see to it."""
    lines = tuple(_blotted(line, secrets) for line in message.lines)
    return Message(_blotted(message.subject, secrets), lines, _blotted(dict(message.facts), secrets))


def _blotted(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
        return value
    if isinstance(value, Mapping):
        return {key: _blotted(item, secrets) for key, item in value.items()}
    return [_blotted(item, secrets) for item in value] if isinstance(value, list) else value
