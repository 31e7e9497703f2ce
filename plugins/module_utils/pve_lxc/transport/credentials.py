# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who we are to the API: a token, or a ticket that is fetched, renewed and fetched anew when it is refused."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..clock import Clock
from ..errors import Problem, ProxmoxAuthenticationError, RequestError
from .settings import ConnectionSettings

# A ticket lives two hours. Source: PVE::AccessControl; the renewal is well before.
RENEW_AFTER_SECONDS = 3600.0

_NOT_IN_A_TOKEN = re.compile(r"[^!-~]")
_BROKEN = "holds white space, a line end or another character that is in no token; a line end may come from the file that it was read from"

Login = Callable[[Mapping[str, str]], Any]
"""Sends ``POST /access/ticket`` with these parameters through our own session and returns its ``data``."""


class Credentials(Protocol):
    """What identifies a request."""

    def headers(self, method: str) -> Mapping[str, str]:
        """Return the headers for a request with this verb."""

    def renew_after_refusal(self) -> bool:
        """Return whether new credentials were made after a 401, so that one more try is worth it."""


class TokenCredentials:
    """An API token: nothing to renew, and a 401 is final."""

    def __init__(self, user: str, token_id: str, secret: str) -> None:
        """Take ``user@realm``, the token's id and its secret."""
        self._header = {"Authorization": f"PVEAPIToken={user}!{token_id}={secret}"}

    def headers(self, method: str) -> Mapping[str, str]:
        """Return the same header for every verb."""
        return self._header

    def renew_after_refusal(self) -> bool:
        """Return False: a token is refused for good."""
        return False


class TicketCredentials:
    """A ticket and its CSRF token, shared by all threads.

    With a second factor the first answer says ``NeedTFA`` and a second request answers the challenge. That exchange is
    from Proxmox's source, not recorded. A code works once, so such a ticket is renewed while it lives and cannot be had
    again after it was lost.
    """

    def __init__(self, user: str, password: str, otp: str, login: Login, clock: Clock) -> None:
        """Keep what a login needs; nothing is sent before the first request."""
        self._user = user
        self._password = password
        self._otp = otp
        self._login = login
        self._clock = clock
        self._lock = threading.Lock()
        self._ticket = ""
        self._csrf_token = ""
        self._made_at_seconds = 0.0

    def headers(self, method: str) -> Mapping[str, str]:
        """Return cookie and, for a write, CSRF token; logs in or renews first where that is due."""
        with self._lock:
            if self._ticket and self._clock.monotonic() - self._made_at_seconds > RENEW_AFTER_SECONDS:
                self._renew()
            if not self._ticket:
                self._take(self._answer_challenge(self._login({"username": self._user, "password": self._password})))
            headers = {"Cookie": f"PVEAuthCookie={self._ticket}"}
            if method != "GET":
                headers["CSRFPreventionToken"] = self._csrf_token
            return headers

    def renew_after_refusal(self) -> bool:
        """Forget the ticket, so that the next request logs in again.

        Raises:
            ProxmoxAuthenticationError: the login used a one-time code, which cannot be used twice.
        """
        with self._lock:
            self._forget()
            return True

    def _renew(self) -> None:
        """Get a new ticket for the old one; where it died meanwhile (a laptop that slept), forget it."""
        try:
            self._take(self._login({"username": self._user, "password": self._ticket}))
        except ProxmoxAuthenticationError:
            self._forget()

    def _forget(self) -> None:
        if self._otp:
            raise ProxmoxAuthenticationError(
                "the ticket was refused and the one-time password cannot be used twice; give a new one, or use an API token", status=401
            )
        self._ticket = ""

    def _answer_challenge(self, data: Any) -> Any:
        if not data.get("NeedTFA"):
            return data
        if not self._otp:
            raise ProxmoxAuthenticationError(f"{self._user} has a second factor: give its code (api_otp), or use an API token", status=401)
        return self._login({"username": self._user, "tfa-challenge": data["ticket"], "password": f"totp:{self._otp}"})

    def _take(self, data: Any) -> None:
        self._ticket = data["ticket"]
        self._csrf_token = data["CSRFPreventionToken"]
        self._made_at_seconds = self._clock.monotonic()


def make_credentials(settings: ConnectionSettings, login: Login, clock: Clock) -> Credentials:
    """Return what the settings ask for: the token when there is one, else the password.

    ``token_id`` may be ``id`` beside a user, or ``user@realm!id`` alone.

    Raises:
        RequestError: neither is complete, or a token cannot be one; every such part is named.
    """
    user, dummy, token_id = settings.token_id.rpartition("!")
    user = user or settings.user
    problems = []
    if not user:
        problems.append(Problem("api_user", "", "is missing; allowed is user@realm, or api_token_id as user@realm!id"))
    elif "@" not in user:
        problems.append(Problem("api_user", user, "has no realm; allowed is user@realm, as in automation@pve or root@pam"))
    if settings.token_id and not settings.token_secret:
        problems.append(Problem("api_token_secret", "", "is missing beside api_token_id"))
    if settings.token_id:
        # They become one line of the request: what breaks it would be shown, secret and all, by whoever refuses it.
        parts = {"api_user": user, "api_token_id": token_id, "api_token_secret": settings.token_secret}
        problems += [Problem(name, "", _BROKEN) for name, text in parts.items() if _NOT_IN_A_TOKEN.search(text)]
    if settings.token_secret and not settings.token_id:
        problems.append(Problem("api_token_id", "", "is missing beside api_token_secret"))
    if not settings.token_id and not settings.token_secret and not settings.password:
        problems.append(Problem("api_password", "", "is missing; give api_token_id and api_token_secret (better), or api_password"))
    if problems:
        raise RequestError(problems, source="connection")
    if settings.token_id:
        return TokenCredentials(user, token_id, settings.token_secret)
    return TicketCredentials(user, settings.password, settings.otp, login, clock)
