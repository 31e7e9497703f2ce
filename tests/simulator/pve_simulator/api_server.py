# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTPS side: authentication, request bodies and answers as Proxmox VE's proxy handles them.

Why aiohttp and no ASGI server such as uvicorn: Proxmox VE's clients read an error's text from the reason phrase of the status
line, and ASGI has no way to send one. The standard library's http.server could, but has neither keep-alive handling nor concurrency
that one would want under a client's connection pool.
"""

from __future__ import annotations

import asyncio
import json
import re
import weakref
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from . import call_table
from .answer import ApiError, refused_by_proxy
from .core import Core
from .faults import REASONS, Fault
from .recorder import Recorder
from .router import Reply, find_route
from .service_time import ServiceTimes

METHODS = ("GET", "PUT", "POST", "DELETE")
REQUESTS_PER_CONNECTION = 100
JSON_CONTENT = "application/json;charset=UTF-8"
TOKEN_PATTERN = re.compile(r"PVEAPIToken[ =](.+)")
BAD_JSON_PLACE = "at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line 934."


class ApiServer:
    """Answers API requests and records them."""

    def __init__(self, core: Core, recorder: Recorder, latency_seconds: tuple[float, float], service_times: ServiceTimes, node: str | None = None) -> None:
        """Take what answers, what records, the shortest and longest latency, how long each kind of request takes, and at which node it stands."""
        self.core = core
        self.recorder = recorder
        self._latency_seconds = latency_seconds
        self._service_times = service_times
        self._node = node
        self._served: weakref.WeakKeyDictionary[asyncio.Transport, int] = weakref.WeakKeyDictionary()
        self.routes = call_table.ROUTES

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        path = unquote(request.rel_url.raw_path)
        record = self.recorder.open(request.method, path)
        shortest, longest = self._latency_seconds
        if longest > 0:
            await asyncio.sleep(self.core.world.random.uniform(shortest, longest))
        if (slow := self.core.faults.find("slow", path)) is not None:
            await asyncio.sleep(float(str(slow.arguments.get("seconds", 1))))
        drop = self.core.faults.find("connection_drop", path) if request.method != "GET" else None
        if drop is not None and drop.arguments.get("when", "before") == "before":
            return _dropped(request, record)
        response = await self._service_times.spend(request.method, path, lambda: self._respond(request, path, record))
        if drop is not None:
            return _dropped(request, record)
        self._close_when_due(request, response)
        record["status"] = response.status
        return response

    async def _respond(self, request: web.Request, path: str, record: dict[str, object]) -> web.Response:
        """Return the response, errors included."""
        is_extjs = path.startswith("/api2/extjs")
        try:
            reply = await self._answer(request, path, record)
        except ApiError as error:
            if error.status == 401:
                error.hold_seconds = self.core.settings.auth_delay_seconds
            if error.hold_seconds > 0:
                await asyncio.sleep(error.hold_seconds)
            if is_extjs and error.body_text is None:
                return _json_response({**error.to_body(), "status": str(error.status), "success": 0})
            if error.body_text is not None:
                return web.Response(status=error.status, reason=error.reason, body=error.body_text.encode())
            return _json_response(error.to_body(), error.status, error.reason)
        body: dict[str, object] = {"data": reply.data, **reply.extra}
        return _json_response(body | {"success": 1} if is_extjs else body)

    async def _answer(self, request: web.Request, path: str, record: dict[str, object]) -> Reply:
        """Return the reply of the call, or raise what the proxy or the call refuses."""
        if request.method not in METHODS:
            raise refused_by_proxy(501, f"method '{request.method}' not available")
        match = re.fullmatch(r"/api2/(json|extjs)(/.*)", path)
        injected = self.core.faults.find("status_code", path)
        if injected is not None:
            raise _injected(injected)
        who = self._identify(request, match[2] if match else path)
        record["who"] = who
        if match is None:
            place = ", ".join(["/", *[part for part in path.split("/") if part]][:2])
            raise ApiError(501, f"no formatter for uri {place}", body_text=f"no formatter for uri {place}")
        given = await _read_parameters(request)
        record["parameters"] = sorted(given)
        return self.core.answer(request.method, match[2], who, given, self._node)

    def _identify(self, request: web.Request, path: str) -> str | None:
        """Return who asks: by token, or by ticket and, for a write, CSRF token."""
        found = find_route(request.method, path)
        if found is not None and found[0].is_open:
            return None
        header = request.headers.get("Authorization", "")
        if (token := TOKEN_PATTERN.fullmatch(header)) is not None:
            who = self.core.who_has_token(token[1])
            if who is None:
                raise refused_by_proxy(401, "Authentication failed!")
            return who
        ticket = request.cookies.get("PVEAuthCookie")
        if ticket is None:
            raise refused_by_proxy(401, "No ticket")
        user = self.core.tickets.user_of(unquote(ticket))
        if user is None or user not in self.core.world.identities.users:
            raise refused_by_proxy(401, "Authentication failed!")
        if request.method != "GET" and not self.core.tickets.is_csrf_valid(request.headers.get("CSRFPreventionToken", ""), user):
            raise refused_by_proxy(401, "Permission denied - invalid csrf token")
        return user

    def _close_when_due(self, request: web.Request, response: web.Response) -> None:
        """Close the connection after an error and after a hundred requests, as the proxy does."""
        transport = request.transport
        if transport is None:
            return
        count = self._served.get(transport, 0) + 1
        self._served[transport] = count
        if response.status >= 400 or count >= REQUESTS_PER_CONNECTION:
            response.force_close()


async def _read_parameters(request: web.Request) -> dict[str, object]:
    """Return the parameters of query and body; a repeated key becomes a list.

    Raises:
        ApiError: a content type the proxy does not know, or a body that is not JSON.
    """
    pairs: list[tuple[str, object]] = list(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True))
    body = await request.text() if request.can_read_body else ""
    content_type = request.headers.get("Content-Type", "").partition(";")[0].strip()
    if body and request.method in ("PUT", "POST"):
        if content_type == "application/json":
            try:
                pairs += list(json.loads(body).items())
            except (ValueError, AttributeError):
                text = (
                    f"malformed JSON string, neither tag, array, object, number, string or atom, at character offset {len(body)} "
                    f'(before "(end of string)") {BAD_JSON_PLACE}'
                )
                raise ApiError(500, text, body_text=text + "\n") from None
        elif content_type in ("application/x-www-form-urlencoded", ""):
            pairs += parse_qsl(body, keep_blank_values=True)
        else:
            text = f"upload 'Content-Type '{content_type}' not implemented"
            raise ApiError(506, text, body_text=text)
    merged: dict[str, object] = {}
    for name, value in pairs:
        if name in merged:
            before = merged[name]
            merged[name] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            merged[name] = value
    return merged


def _injected(fault: Fault) -> ApiError:
    """Return the answer of the ``status_code`` fault."""
    status = int(str(fault.arguments.get("status", 503)))
    return refused_by_proxy(status, str(fault.arguments.get("reason", REASONS.get(status, "injected"))))


def _json_response(body: dict[str, object], status: int = 200, reason: str = "OK") -> web.Response:
    """Return a JSON answer with Proxmox VE's headers."""
    headers = {"Content-Type": JSON_CONTENT, "Cache-Control": "max-age=0", "Pragma": "no-cache", "Server": "pve-api-daemon/3.0"}
    phrase = reason.partition("\n")[0]
    return web.Response(status=status, reason=phrase, body=json.dumps(body, separators=(",", ":")).encode(), headers=headers)


def _dropped(request: web.Request, record: dict[str, object]) -> web.Response:
    """Close the connection without an answer."""
    record["status"] = None
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def make_application(server: ApiServer) -> web.Application:
    """Return the application: one handler for every path."""
    application = web.Application(client_max_size=16 * 1024 * 1024)
    application.router.add_route("*", "/{tail:.*}", server.handle)
    return application
