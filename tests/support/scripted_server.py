# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server on loopback with real TLS that answers from a script, for what a well-behaved Proxmox never does on demand."""

from __future__ import annotations

import hashlib
import http.server
import json
import pathlib
import ssl
import threading
import urllib.parse
from dataclasses import dataclass, field
from typing import Any

import trustme
from pve_lxc.transport.settings import ConnectionSettings


@dataclass
class Answer:
    """One scripted answer; ``drop`` closes the connection instead, ``hold_seconds`` waits first."""

    status: int = 200
    reason: str = "OK"
    body: Any = None
    drop: bool = False
    hold_seconds: float = 0.0


def ok(data: Any) -> Answer:
    return Answer(body={"data": data})


@dataclass
class Seen:
    method: str
    path: str
    query: dict[str, list[str]]
    form: dict[str, list[str]]
    headers: dict[str, str]


@dataclass
class ScriptedServer:
    port: int
    ca_path: str
    fingerprint: str
    script: list[Answer] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)

    def settings(self, **changes: Any) -> ConnectionSettings:
        values: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": "auto@pve",
            "token_id": "t",
            "token_secret": "s3cret",
            "ca_path": self.ca_path,
        }
        return ConnectionSettings(**{**values, **changes})

    def take(self) -> Answer:
        return self.script.pop(0)


def _handler(server: ScriptedServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            parts = urllib.parse.urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            form = urllib.parse.parse_qs(self.rfile.read(length).decode())
            server.seen.append(Seen(self.command, parts.path, urllib.parse.parse_qs(parts.query), form, dict(self.headers)))
            answer = server.take()
            if answer.hold_seconds:
                server.hold.wait(answer.hold_seconds)
            if answer.drop:
                self.close_connection = True
                return
            content = b"" if answer.body is None else json.dumps(answer.body).encode()
            self.send_response(answer.status, answer.reason)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _answer

        def log_message(self, format: str, *args: Any) -> None:
            return

    return Handler


def start_scripted_server(
    authority: trustme.CA, folder: pathlib.Path, script: list[Answer], identity: str
) -> tuple[http.server.ThreadingHTTPServer, ScriptedServer]:
    """Start a server with a certificate for ``identity``; the caller shuts it down."""
    certificate = authority.issue_cert(identity)
    ca_path = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_path))
    der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
    server = ScriptedServer(0, str(ca_path), hashlib.sha256(der).hexdigest().upper(), script)
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    listener.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
    server.port = listener.server_address[1]
    threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()
    return listener, server


class ManualClock:
    """Time that moves when somebody sleeps, and remembers for how long."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.sleeps: list[float] = []

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(round(seconds, 3))
        self.seconds += seconds
