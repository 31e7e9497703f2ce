# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Receivers of notifications on loopback, with real sockets and real TLS: web servers, mail servers, one that never answers, one that refuses."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult


@dataclass
class Arrived:
    """One request, as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class WebReceiver:
    """A web server that answers everything with one status."""

    url: str
    port: int
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    arrived: list[Arrived] = field(default_factory=list)


def _web_handler(receiver: WebReceiver) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            receiver.arrived.append(Arrived(self.command, self.path, dict(self.headers), json.loads(raw) if raw else None))
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST = _answer

        def log_message(self, format: str, *args: Any) -> None:
            return

    return Handler


@contextlib.contextmanager
def web_receiver(certificate: Any = None, status: int = 200) -> Iterator[WebReceiver]:
    """Give a web server; with a certificate it speaks TLS."""
    receiver = WebReceiver("", 0, status)
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _web_handler(receiver))
    listener.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
    receiver.port = listener.server_address[1]
    receiver.url = f"{'https' if certificate is not None else 'http'}://127.0.0.1:{receiver.port}"
    threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield receiver
    finally:
        listener.shutdown()
        listener.server_close()


@dataclass
class MailReceiver:
    """A mail server: what it took, and who logged in."""

    port: int = 0
    mails: list[Any] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    was_secure: list[bool] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if address in self.refused:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:
        self.was_secure.append(server.transport.get_extra_info("ssl_object") is not None)
        self.mails.append(envelope)
        return "250 OK"


class _MailController(Controller):
    """aiosmtpd's, with options of its server."""

    def __init__(self, *args: Any, options: dict[str, Any], **more: Any) -> None:
        self.options = options
        super().__init__(*args, **more)

    def factory(self) -> SMTP:
        return SMTP(self.handler, hostname="mail.test", **self.options)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def mail_receiver(certificate: Any, security: str = "starttls", password: str = "") -> Iterator[MailReceiver]:
    """Give a mail server; with a password it takes mail only after a login with it."""
    receiver = MailReceiver()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)

    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        receiver.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password.decode() == password, handled=False)

    options: dict[str, Any] = {"require_starttls": True, "tls_context": context} if security == "starttls" else {}
    if password:
        options |= {"authenticator": check, "auth_required": True, "auth_require_tls": security == "starttls"}
    controller = _MailController(
        receiver, hostname="127.0.0.1", port=_free_port(), options=options, ssl_context=context if security == "tls" else None, server_hostname="mail.test"
    )
    controller.start()
    receiver.port = controller.port
    try:
        yield receiver
    finally:
        controller.stop()


@contextlib.contextmanager
def silent_receiver() -> Iterator[int]:
    """Give the port of a listener that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        yield int(listener.getsockname()[1])


@contextlib.contextmanager
def dripping_receiver() -> Iterator[int]:
    """Give the port of a web server whose answer never ends: a byte every twentieth of a second."""
    is_over = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Endless: ")
            while not is_over.wait(0.05):
                connection.sendall(b"x")

    def listen(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=drip, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=listen, args=(listener,), daemon=True).start()
        yield int(listener.getsockname()[1])
        is_over.set()


def refusing_port() -> int:
    """Return a port at which nobody listens."""
    return _free_port()
