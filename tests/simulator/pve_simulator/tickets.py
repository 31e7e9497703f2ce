# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tickets and CSRF tokens: made, checked and renewed on real time.

The form is Proxmox VE's, ``PVE:user@realm:HEXTIME::signature``; the signature is an HMAC with a key of this run instead of RSA.
The exchange with a second factor is modelled from the source of PVE 9, not recorded.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time

from .access import REALMS, Identities
from .answer import ApiError

TICKET_LIFETIME_SECONDS = 7200
TICKET_FUTURE_SECONDS = 300
CHALLENGE_PREFIX = "!tfa!"


class TicketOffice:
    """Logs users in."""

    def __init__(self, identities: Identities) -> None:
        """Take a fresh key, so a ticket of another run is worthless."""
        self.identities = identities
        self._key = secrets.token_bytes(32)

    def _sign(self, text: str) -> str:
        return base64.b64encode(hmac.new(self._key, text.encode(), hashlib.sha512).digest() * 4).decode()

    def make_ticket(self, subject: str, age_seconds: float = 0.0) -> str:
        """Return a signed ticket of an age; ``subject`` is the user, or a challenge."""
        stamp = f"{int(time.time() - age_seconds):08X}"
        text = f"PVE:{subject}:{stamp}"
        return f"{text}::{self._sign(text)}"

    def make_csrf_token(self, user: str) -> str:
        """Return the token that every write with a ticket must carry."""
        stamp = f"{int(time.time()):08X}"
        return f"{stamp}:{self._sign(f'{stamp}:{user}')[:43]}"

    def user_of(self, ticket: str) -> str | None:
        """Return the user of a valid ticket, None for any other text, an expired one and a challenge."""
        subject = self._subject_of(ticket)
        return subject if subject is not None and not subject.startswith(CHALLENGE_PREFIX) else None

    def _subject_of(self, ticket: str) -> str | None:
        text, separator, signature = ticket.partition("::")
        parts = text.rsplit(":", 1)
        if not separator or not text.startswith("PVE:") or len(parts) != 2 or not hmac.compare_digest(self._sign(text).encode(), signature.encode()):
            return None
        try:
            age_seconds = time.time() - int(parts[1], 16)
        except ValueError:
            return None
        return parts[0][len("PVE:") :] if -TICKET_FUTURE_SECONDS < age_seconds < TICKET_LIFETIME_SECONDS else None

    def is_csrf_valid(self, token: str, user: str) -> bool:
        """Return whether a CSRF token belongs to a user and is young enough."""
        stamp, _separator, signature = token.partition(":")
        try:
            age_seconds = time.time() - int(stamp, 16)
        except ValueError:
            return False
        expected = self._sign(f"{stamp}:{user}")[:43]
        return hmac.compare_digest(expected.encode(), signature.encode()) and -TICKET_FUTURE_SECONDS < age_seconds < TICKET_LIFETIME_SECONDS

    def log_in(self, values: dict[str, str]) -> dict[str, object]:
        """Return the answer of ``POST /access/ticket`` less ``cap``.

        A user with a second factor first gets ``NeedTFA`` and a challenge; it then sends the challenge back as
        ``tfa-challenge`` with ``password=totp:<code>``. A code works once. A bare code in ``otp`` is refused.

        Raises:
            ApiError: 401 with a body, whatever was wrong.
        """
        name = values["username"]
        user_id = f"{name}@{values['realm']}" if "realm" in values and "@" not in name else name
        user = self.identities.users.get(user_id)
        realm = user_id.rpartition("@")[2]
        failure = ApiError(401, "authentication failure")
        if user is None or realm not in REALMS or not user.enabled:
            raise failure
        answer: dict[str, object] = {"username": user_id, "CSRFPreventionToken": self.make_csrf_token(user_id)}
        password = values["password"]
        if "tfa-challenge" in values:
            if self._subject_of(values["tfa-challenge"]) != CHALLENGE_PREFIX + user_id or not self._use_code(user.otp_codes, password):
                raise failure
            return answer | {"ticket": self.make_ticket(user_id)}
        if self.user_of(password) == user_id:
            return answer | {"ticket": self.make_ticket(user_id)}
        if user.password is None or password != user.password or "otp" in values:
            raise failure
        if user.otp_codes is not None:
            return answer | {"NeedTFA": 1, "ticket": self.make_ticket(CHALLENGE_PREFIX + user_id)}
        return answer | {"ticket": self.make_ticket(user_id)}

    @staticmethod
    def _use_code(codes: list[str] | None, password: str) -> bool:
        """Take a code out of the list and return whether it was there."""
        kind, _separator, code = password.partition(":")
        if codes is None or kind != "totp" or code not in codes:
            return False
        codes.remove(code)
        return True
