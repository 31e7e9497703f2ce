# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notifier by e-mail: SMTP with STARTTLS, with TLS from the start, or plain to a server that needs no password."""

from __future__ import annotations

import email.utils
import smtplib
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from ..errors import NotifyError


@dataclass(frozen=True, slots=True)
class SmtpTarget:
    """A mail server and who writes to whom.

    Attributes:
        host: of the server.
        port: of the server.
        security: ``starttls``, ``tls`` or ``none``.
        sender: address.
        recipients: addresses.
        user: empty for no login.
        password: for the login.
        ca_path: certificate authority of the server; empty for the system's.
        timeout_seconds: of each wait.
    """

    host: str
    port: int
    security: str
    sender: str
    recipients: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)
    ca_path: str = ""
    timeout_seconds: float = 10.0


class SmtpNotifier:
    """Sends e-mails."""

    def __init__(self, target: SmtpTarget) -> None:
        """Keep where to."""
        self._target = target

    def notify(self, subject: str, lines: Sequence[str], facts: Mapping[str, Any]) -> str:
        """Send one e-mail; see Notifier in ports.py."""
        target = self._target
        place = f"{target.host}:{target.port}"
        try:
            with self._connect() as server:
                if target.user:
                    server.login(target.user, target.password)
                refused = server.send_message(_message(target, subject, lines, is_failure=bool(facts.get("is_failure"))))
        # What a server says may repeat what it was sent, so only its code is told.
        except smtplib.SMTPAuthenticationError as error:
            raise NotifyError(f"{place} refused the login ({error.smtp_code})") from None
        except smtplib.SMTPResponseException as error:
            raise NotifyError(f"{place} answered {error.smtp_code}") from None
        except smtplib.SMTPRecipientsRefused:
            raise NotifyError(f"{place} refused every recipient") from None
        except smtplib.SMTPNotSupportedError:
            raise NotifyError(f"{place} does not offer what is needed (STARTTLS, or a login)") from None
        except smtplib.SMTPException:
            raise NotifyError(f"{place} broke off, or did not answer in time") from None
        except ssl.SSLError:
            raise NotifyError(f"{place} has a certificate that is not trusted, or does not speak TLS there") from None
        except TimeoutError:
            raise NotifyError(f"{place} did not answer in time") from None
        except (OSError, ValueError) as error:
            raise NotifyError(f"{place} cannot be reached: {getattr(error, 'strerror', None) or 'the address cannot be used'}") from None
        left_out = f", and refused {len(refused)} of {len(target.recipients)} recipients" if refused else ""
        return f"{place} took the e-mail{left_out}"

    def _connect(self) -> smtplib.SMTP:
        target = self._target
        # Our own name is given because smtplib would look it up, which may take as long as the whole deadline.
        name = socket.gethostname() or "localhost"
        if target.security == "none":
            return smtplib.SMTP(target.host, target.port, local_hostname=name, timeout=target.timeout_seconds)
        try:
            context = ssl.create_default_context(cafile=target.ca_path or None)
        except OSError:
            raise NotifyError(f"{target.host}:{target.port} was not asked: the file of the certificate authority cannot be read") from None
        if target.security == "tls":
            return smtplib.SMTP_SSL(target.host, target.port, local_hostname=name, timeout=target.timeout_seconds, context=context)
        server = smtplib.SMTP(target.host, target.port, local_hostname=name, timeout=target.timeout_seconds)
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
        return server


def _message(target: SmtpTarget, subject: str, lines: Sequence[str], *, is_failure: bool) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = " ".join(subject.split())
    message["From"] = target.sender
    message["To"] = ", ".join(target.recipients)
    message["Date"] = email.utils.formatdate(localtime=True)
    message["Message-ID"] = email.utils.make_msgid(domain=target.sender.rpartition("@")[2] or "localhost")
    # So that nobody's holiday notice answers it. Source: RFC 3834.
    message["Auto-Submitted"] = "auto-generated"
    if is_failure:
        message["X-Priority"] = "2"
    message.set_content("\n".join(lines or [subject]) + "\n")
    return message
