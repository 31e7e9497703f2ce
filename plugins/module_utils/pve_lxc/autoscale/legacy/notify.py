# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LXC AutoScale's notifications -> our section ``notify``. Source: notification.py of that project's version 2.0.2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..configuration.document import Document
from ..configuration.notifier_keys import EVENTS
from .section import Section, line_of
from .translate import Translation


@dataclass(frozen=True, slots=True)
class _Kind:
    """One way of notifying of the old daemon.

    Attributes:
        kind: ours.
        secret: key of the old file that holds its secret.
        needed: keys without which the old daemon sends nothing either.
        keys: key of the old file -> ours.
    """

    kind: str
    secret: str
    needed: tuple[str, ...]
    keys: Mapping[str, str]


# Name of the notifier here -> what it is made of.
_KINDS: Mapping[str, _Kind] = {
    "mail": _Kind(
        "smtp",
        "smtp_password",
        ("smtp_server", "smtp_to"),
        {"smtp_server": "host", "smtp_port": "port", "smtp_username": "user", "smtp_from": "sender", "smtp_to": "recipients"},
    ),
    "gotify": _Kind("gotify", "gotify_token", ("gotify_url", "gotify_token"), {"gotify_url": "url"}),
    "uptime-kuma": _Kind("uptime_kuma", "uptime_kuma_webhook_url", ("uptime_kuma_webhook_url",), {}),
}


def translate_notifications(translation: Translation, general: Section, document: Document) -> None:
    """Enter the notifiers of the section DEFAULT; their secrets are kept apart."""
    for name, old in _KINDS.items():
        values = {key: value for key, value in general.values.items() if key in (*old.keys, old.secret) and value not in ("", ())}
        if not all(key in values for key in old.needed):
            for key in values:
                message = f"nothing is sent without {' and '.join(old.needed)}, there as here"
                translation.differences.add("inert", key, message, line_of(document, ("DEFAULT", key)))
            continue
        path = ("notify", name)
        place = general.places[old.needed[0]]
        translation.put((*path, "kind"), old.kind, place)
        if old.kind != "uptime_kuma":
            # The old daemon told of every change.
            translation.put((*path, "events"), list(EVENTS), place)
        else:
            message = "a heartbeat after every cycle, up or down, in place of a message for each change"
            translation.differences.add("changed", old.secret, message, line_of(document, ("DEFAULT", old.secret)))
        for key, ours in old.keys.items():
            if key in values:
                value = values[key]
                translation.put((*path, ours), list(value) if isinstance(value, tuple) else value, general.places[key])
        if old.secret in values:
            translation.secrets[f"LXC_AUTOSCALE_NOTIFY_{name.upper().replace('-', '_')}"] = str(values[old.secret])
            message = f"secrets are not copied: put it into a file and name that in notify.{name}.secret_file"
            translation.differences.add("changed", old.secret, message, line_of(document, ("DEFAULT", old.secret)))
