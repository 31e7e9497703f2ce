# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of an entry of ``notify``: what each is for, and which kinds of notifier have it."""

from __future__ import annotations

from collections.abc import Mapping

from .keys import Key

# A name stands in messages, metrics and in the name of a credential, so it is plain.
NOTIFIER_NAME = "[a-z0-9][a-z0-9_-]{0,31}"

EVENTS = ("changes", "failures", "warnings")

NOTIFIER_KEYS: Mapping[str, Key] = {
    "kind": Key("choice", None, "What it speaks; needed.", allowed=("smtp", "gotify", "ntfy", "uptime_kuma", "webhook")),
    "events": Key("choices", ("failures", "warnings"), "What is told.", allowed=EVENTS),
    "secret_file": Key("text", "", "File that holds its password, token or secret address and nothing else."),
    "secret_credential": Key("text", "", "Name of systemd's credential that holds the same; default: notify-NAME."),
    "min_interval_seconds": Key("number", 300.0, "Least time between two messages; what is held back is counted in the next.", low=0, high=86400),
    "repeat_after_seconds": Key("number", 86400.0, "A problem that stands is told once, and again after this long.", low=300, high=2592000),
    "timeout_seconds": Key("number", 10.0, "How long it may take; all are told at the same time.", low=1, high=60),
    "ca_file": Key("text", "", "Certificate authority that signed its certificate; default: the system's."),
    "url": Key("text", "", "gotify, ntfy: address of the server; ntfy's default is https://ntfy.sh.", is_secret=True),
    "topic": Key("text", "", "ntfy: topic.", is_secret=True),
    "priority": Key("whole", None, "gotify: 0 to 10; ntfy: 1 to 5; default: the middle, and higher for failures.", low=0, high=10),
    "host": Key("text", "", "smtp: name or address of the mail server."),
    "port": Key("whole", None, "smtp: its port; default: 587, 465 with tls, 25 with none.", low=1, high=65535),
    "security": Key("choice", "starttls", "smtp: how the connection is secured.", allowed=("starttls", "tls", "none")),
    "user": Key("text", "", "smtp: name for the login; without one there is none."),
    "sender": Key("text", "", "smtp: address of the sender; default: user where it is an address, else lxc-autoscale@ this machine."),
    "recipients": Key("names", (), "smtp: addresses; one at least is needed."),
}

_OF_ALL = ("kind", "secret_file", "secret_credential", "timeout_seconds", "ca_file")
_OF_MESSAGES = (*_OF_ALL, "events", "min_interval_seconds", "repeat_after_seconds")

# A push monitor gets a heartbeat after every cycle, so it has no events and no limits.
KEYS_OF_KIND: Mapping[str, tuple[str, ...]] = {
    "smtp": (*_OF_MESSAGES, "host", "port", "security", "user", "sender", "recipients"),
    "gotify": (*_OF_MESSAGES, "url", "priority"),
    "ntfy": (*_OF_MESSAGES, "url", "topic", "priority"),
    "uptime_kuma": _OF_ALL,
    "webhook": _OF_MESSAGES,
}

REQUIRED_OF_KIND: Mapping[str, tuple[str, ...]] = {
    "smtp": ("host", "recipients"),
    "gotify": ("url",),
    "ntfy": ("topic",),
    "uptime_kuma": (),
    "webhook": (),
}

PRIORITIES_OF_KIND: Mapping[str, tuple[int, int]] = {"gotify": (0, 10), "ntfy": (1, 5)}
