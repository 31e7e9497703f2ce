# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notifiers over HTTP: Gotify, ntfy, Uptime Kuma, and a webhook that takes JSON.

An address may be a secret as a whole, and requests prints it in its errors; so nothing of what requests says leaves this file. Redirects are
not followed: the secret would go to another server.
"""

from __future__ import annotations

import json
import ssl
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..deps import import_requests
from ..errors import NotifyError

# Longer messages become an attachment (ntfy: 4096 bytes) or are cut by the receiver.
LONGEST_TEXT_BYTES = 3800
# A push monitor shows one line.
_LONGEST_PUSH_CHARACTERS = 250


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """Where to and how long.

    Attributes:
        url: http or https; may be a secret as a whole.
        ca_path: certificate authority of the server; empty for the system's.
        timeout_seconds: of connecting and of each wait for the answer.
        secret: a token, empty without one.
        headers: further ones, may be secrets.
    """

    url: str = field(repr=False)
    ca_path: str = ""
    timeout_seconds: float = 10.0
    secret: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class GotifyNotifier:
    """Gotify; its token goes into the header X-Gotify-Key. Source: Gotify's REST API, POST /message."""

    def __init__(self, target: HttpTarget, priority: int | None = None) -> None:
        """Keep where to; priority is 0-10, for failures 8 unless it is given."""
        self._target = target
        self._priority = priority

    def notify(self, subject: str, lines: Sequence[str], facts: Mapping[str, Any]) -> str:
        """Send one message; see Notifier in ports.py."""
        priority = self._priority if self._priority is not None else 8 if facts.get("is_failure") else 5
        body = {"title": subject, "message": text_of(lines) or subject, "priority": priority}
        url = self._target.url.rstrip("/") + "/message"
        return _send(self._target, "POST", url, body, {"X-Gotify-Key": self._target.secret})


class NtfyNotifier:
    """ntfy; the topic, which anybody who knows it may read, travels in the body. Source: ntfy's documentation, "Publish as JSON"."""

    def __init__(self, target: HttpTarget, topic: str, priority: int | None = None) -> None:
        """Keep where to; priority is 1-5, for failures 4 unless it is given."""
        self._target = target
        self._topic = topic
        self._priority = priority

    def notify(self, subject: str, lines: Sequence[str], facts: Mapping[str, Any]) -> str:
        """Send one message; see Notifier in ports.py."""
        is_failure = bool(facts.get("is_failure"))
        priority = self._priority if self._priority is not None else 4 if is_failure else 3
        tag = "rotating_light" if is_failure else "white_check_mark" if facts.get("is_good") else "warning"
        body = {"topic": self._topic, "title": subject, "message": text_of(lines) or subject, "priority": priority, "tags": [tag]}
        headers = {"Authorization": f"Bearer {self._target.secret}"} if self._target.secret else {}
        return _send(self._target, "POST", self._target.url, body, headers)


class UptimeKumaNotifier:
    """A push monitor of Uptime Kuma: a heartbeat, up or down. Source: its push endpoint, GET /api/push/TOKEN?status=&msg=&ping=."""

    def __init__(self, target: HttpTarget) -> None:
        """Keep where to; what the address has after its question mark is replaced."""
        self._target = target

    def notify(self, subject: str, lines: Sequence[str], facts: Mapping[str, Any]) -> str:
        """Send one heartbeat; see Notifier in ports.py."""
        values = {"status": "up" if facts.get("is_good") else "down", "msg": subject[:_LONGEST_PUSH_CHARACTERS]}
        if facts.get("duration_seconds") is not None:
            values["ping"] = str(round(float(facts["duration_seconds"]) * 1000))
        url = urllib.parse.urlsplit(self._target.url)._replace(query=urllib.parse.urlencode(values), fragment="").geturl()
        return _send(self._target, "GET", url, None, {})


class WebhookNotifier:
    """Any address that takes JSON: ``subject``, ``lines``, ``text`` and the facts."""

    def __init__(self, target: HttpTarget) -> None:
        """Keep where to."""
        self._target = target

    def notify(self, subject: str, lines: Sequence[str], facts: Mapping[str, Any]) -> str:
        """Send one message; see Notifier in ports.py."""
        body = {"subject": subject, "lines": list(lines), "text": "\n".join([subject, *lines]), **facts}
        return _send(self._target, "POST", self._target.url, body, self._target.headers)


def text_of(lines: Sequence[str]) -> str:
    """Return as many lines as fit, and how many were left out."""
    shown: list[str] = []
    size = 0
    for position, line in enumerate(lines):
        size += len(line.encode("utf-8")) + 1
        if size > LONGEST_TEXT_BYTES:
            return "\n".join([*shown, f"... and {len(lines) - position} more lines"])
        shown.append(line)
    return "\n".join(shown)


def host_of(url: str) -> str:
    """Return the host of an address, with its port where one is named; nothing else of it may be shown."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        return "an address that cannot be read"
    host = parts.hostname or ""
    return f"{host}:{port}" if port else host


def _send(target: HttpTarget, method: str, url: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> str:
    requests = import_requests()
    host = host_of(target.url)
    session = requests.Session()
    # Without an auth of its own requests looks into ~/.netrc and would replace a token's header.
    session.auth = _leave_as_it_is
    content = None if body is None else json.dumps(body).encode("utf-8")
    given = {**({} if body is None else {"Content-Type": "application/json"}), **headers}
    try:
        # The body of an answer is never read: it may be endless, and nobody looks at it.
        answer = session.request(
            method,
            url,
            data=content,
            headers=given,
            timeout=target.timeout_seconds,
            verify=target.ca_path or True,
            allow_redirects=False,
            stream=True,
        )
        status = int(answer.status_code)
    # Not only requests' own: a header with a line break is a ValueError, a CA file that is not there an OSError.
    except (requests.exceptions.RequestException, ValueError, OSError) as error:
        raise NotifyError(f"{host} {_explain(error, requests.exceptions)}") from None
    finally:
        session.close()
    if 300 <= status < 400:
        raise NotifyError(f"{host} answered {status}, a redirect; those are not followed, because the secret would go elsewhere")
    if status >= 400:
        raise NotifyError(f"{host} answered {status}{_HINTS.get(status, '')}")
    return f"{host} answered {status}"


_HINTS = {401: ": is the token right?", 403: ": may this token send here?", 404: ": is the address right?", 429: ": too many messages"}


def _explain(error: Exception, kinds: Any) -> str:
    """Return what went wrong in words of ours: those of requests hold the address."""
    if isinstance(error, kinds.SSLError) or isinstance(error.__context__, ssl.SSLError):
        return "has a certificate that is not trusted, or does not speak TLS"
    if isinstance(error, kinds.ProxyError):
        return "cannot be reached through the proxy of the environment"
    if isinstance(error, kinds.Timeout):
        return "did not answer in time"
    if isinstance(error, kinds.ConnectionError):
        return "cannot be reached"
    if isinstance(error, OSError) and not isinstance(error, kinds.RequestException):
        return "was not asked: the file of the certificate authority cannot be read"
    return "was not asked: its address or a header cannot be used"


def _leave_as_it_is(prepared: Any) -> Any:
    return prepared
