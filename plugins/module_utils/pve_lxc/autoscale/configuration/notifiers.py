# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``notify`` of the configuration: who is told what, read and checked.

A wrong key is a problem of the file, as everywhere. A secret that cannot be read is not: it would stop the loop because somebody cannot be told
about it. Such a notifier is kept with ``problem`` set, which check-config, a notice of each cycle and a metric say.
"""

from __future__ import annotations

import re
import socket
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .document import HIDDEN, Document, KeyPath, show
from .notifier_keys import KEYS_OF_KIND, NOTIFIER_KEYS, NOTIFIER_NAME, PRIORITIES_OF_KIND, REQUIRED_OF_KIND

_VARIABLE_PREFIX = "LXC_AUTOSCALE_NOTIFY_"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PUBLIC_NTFY = "https://ntfy.sh"
# Port of each way to a mail server. Source: RFC 6409, RFC 8314, RFC 5321.
_DEFAULT_PORTS = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(frozen=True, slots=True)
class NotifierSettings:
    """One notifier.

    Attributes:
        name: of the operator's choice.
        kind: ``smtp``, ``gotify``, ``ntfy``, ``uptime_kuma`` or ``webhook``.
        events: some of ``changes``, ``failures``, ``warnings``; empty for a heartbeat.
        min_interval_seconds: least time between two messages.
        repeat_after_seconds: a problem that stands is told again after this long.
        timeout_seconds: how long it may take.
        values: every other key of its kind, without secrets.
        url: of gotify and ntfy; the secret address of uptime_kuma and webhook.
        topic: of ntfy.
        secret: password or token.
        headers: of a webhook.
        problem: why it cannot send, empty when it can.
    """

    name: str
    kind: str
    events: tuple[str, ...] = ()
    min_interval_seconds: float = 300.0
    repeat_after_seconds: float = 86400.0
    timeout_seconds: float = 10.0
    values: Mapping[str, Any] = field(default_factory=dict)
    url: str = field(default="", repr=False)
    topic: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    problem: str = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return what of it must never show, anywhere; a topic is often an ordinary word, and only hidden where settings are shown."""
        return tuple(text for text in (self.secret, *self.headers.values(), self.url if self.kind in _SECRET_ADDRESS else "") if text)


_SECRET_ADDRESS = ("uptime_kuma", "webhook")


def read_notifiers(document: Document, values: Any, environment: Mapping[str, str]) -> tuple[NotifierSettings, ...]:
    """Return the notifiers of the section, in its order; what is wrong is noted, and leaves its notifier out."""
    notifiers = []
    for name, entry in document.mapping(values, ("notify",)).items():
        path = ("notify", str(name))
        if not re.fullmatch(NOTIFIER_NAME, str(name)):
            document.refuse(path, "", "allowed is a name of lower-case letters, digits, _ and -, at most 32 of them")
            continue
        count = len(document.problems)
        given = document.given(entry, path, NOTIFIER_KEYS)
        _check(document, path, given)
        if len(document.problems) == count:
            notifiers.append(_settings(str(name), given, environment))
    return tuple(notifiers)


def format_notifier(notifier: NotifierSettings) -> dict[str, Any]:
    """Return a notifier for ``check-config``; every secret is ``***``."""
    shown: dict[str, Any] = {"kind": notifier.kind, "timeout_seconds": notifier.timeout_seconds, "problem": notifier.problem}
    if notifier.events:
        limits = {"min_interval_seconds": notifier.min_interval_seconds, "repeat_after_seconds": notifier.repeat_after_seconds}
        shown |= {"events": list(notifier.events), **limits}
    shown |= {name: list(value) if isinstance(value, tuple) else value for name, value in notifier.values.items()}
    if notifier.url:
        shown["url"] = HIDDEN if notifier.kind in _SECRET_ADDRESS else notifier.url
    hidden = {"secret": notifier.secret, "topic": notifier.topic, "headers": notifier.headers}
    return {**shown, **{name: HIDDEN for name, value in hidden.items() if value}}


def _check(document: Document, path: KeyPath, given: Mapping[str, Any]) -> None:
    kind = given.get("kind")
    if kind is None:
        if not _is_refused(document, (*path, "kind")):
            document.refuse((*path, "kind"), "", f"needed; allowed is {NOTIFIER_KEYS['kind'].describe_allowed()}")
        return
    for name in given:
        if name not in KEYS_OF_KIND[kind]:
            place = f"; the address of {kind} is a secret as a whole, and belongs into secret_file" if name == "url" and kind in _SECRET_ADDRESS else ""
            document.refuse((*path, name), "", f"{kind} has no such key{place}; its keys are {', '.join(KEYS_OF_KIND[kind])}")
    for name in REQUIRED_OF_KIND[kind]:
        if not given.get(name) and not _is_refused(document, (*path, name)):
            document.refuse((*path, name), "", f"needed for {kind}")
    low, high = PRIORITIES_OF_KIND.get(kind, (0, 10))
    if "priority" in given and not low <= given["priority"] <= high:
        document.refuse((*path, "priority"), show(given["priority"]), f"allowed for {kind} is a whole number from {low} to {high}")
    if kind in ("gotify", "ntfy") and given.get("url") and not _is_public_address(given["url"]):
        message = "allowed is http://HOST or https://HOST, with a port or a path where needed; a user, a password and what follows ? do not belong here"
        document.refuse((*path, "url"), HIDDEN, message)
    if kind == "smtp" and given.get("security") == "none" and given.get("user") and given.get("host") not in _LOOPBACK:
        document.refuse((*path, "security"), "none", "with a user the password would travel in the clear; allowed is starttls or tls")


def _is_refused(document: Document, path: KeyPath) -> bool:
    place = document.place_of(path)
    return any(problem.place == place for problem in document.problems)


def _settings(name: str, given: Mapping[str, Any], environment: Mapping[str, str]) -> NotifierSettings:
    kind = given["kind"]
    read = {key: given.get(key, NOTIFIER_KEYS[key].default) for key in KEYS_OF_KIND[kind]}
    secret, problem = _read_secret(name, read, environment)
    url = str(read.get("url") or (_PUBLIC_NTFY if kind == "ntfy" else ""))
    headers: dict[str, str] = {}
    if kind in _SECRET_ADDRESS and not problem:
        url, headers, problem = _split_address(secret)
        secret = ""
    is_needed = kind in (*_SECRET_ADDRESS, "gotify") or bool(read.get("user"))
    shown = ("kind", "secret_file", "secret_credential", "events", "min_interval_seconds", "repeat_after_seconds", "timeout_seconds", "url", "topic")
    return NotifierSettings(
        name=name,
        kind=kind,
        events=read.get("events", ()),
        min_interval_seconds=read.get("min_interval_seconds", 0.0),
        repeat_after_seconds=read.get("repeat_after_seconds", 0.0),
        timeout_seconds=read["timeout_seconds"],
        values={**{key: value for key, value in read.items() if key not in shown}, **_mail_defaults(read)},
        url=url,
        topic=read.get("topic", ""),
        secret=secret,
        headers=headers,
        problem=problem if is_needed or read["secret_file"] else "",
    )


def _mail_defaults(read: Mapping[str, Any]) -> dict[str, Any]:
    if read["kind"] != "smtp":
        return {}
    own = f"lxc-autoscale@{socket.gethostname()}"
    return {"port": read["port"] or _DEFAULT_PORTS[read["security"]], "sender": read["sender"] or (read["user"] if "@" in read["user"] else own)}


def _read_secret(name: str, read: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the secret and why there is none: from its file, else systemd's credential, else the environment."""
    folder = environment.get("CREDENTIALS_DIRECTORY", "")
    credential = Path(folder) / Path(read["secret_credential"] or f"notify-{name}").name if folder else None
    if read["secret_file"]:
        path, place = Path(read["secret_file"]), f"secret_file {read['secret_file']}"
    elif credential is not None and credential.is_file():
        path, place = credential, f"systemd's credential {credential.name}"
    else:
        variable = _VARIABLE_PREFIX + name.upper().replace("-", "_")
        secret = environment.get(variable, "").strip()
        wanted = read["secret_credential"] or f"notify-{name}"
        return secret, "" if secret else f"it has no secret: secret_file, systemd's credential {wanted} or the variable {variable} is needed"
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        return "", f"{place} cannot be read: {getattr(error, 'strerror', None) or 'not text'}"
    return secret, "" if secret else f"{place} is empty"


def _split_address(secret: str) -> tuple[str, dict[str, str], str]:
    """Return the address in the first line, the headers in the others, and what is wrong with them."""
    url, *rest = [line.strip() for line in secret.splitlines() if line.strip()]
    headers = {}
    for line in rest:
        header, colon, value = line.partition(":")
        if not colon or not re.fullmatch(r"[A-Za-z0-9-]+", header.strip()):
            return "", {}, "its secret must be an address, and below it at most headers as NAME: VALUE"
        headers[header.strip()] = value.strip()
    if not _is_address(url):
        return "", {}, "its secret must be an address that begins with https:// or http://"
    return url, headers, ""


def _is_address(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _is_public_address(url: str) -> bool:
    parts = urllib.parse.urlsplit(url) if _is_address(url) else None
    return parts is not None and "@" not in parts.netloc and not parts.query and not parts.fragment
