# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the simulator listens: the API, once for itself and once for each node that it plays, and the control requests."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time

from aiohttp import web

from . import api_server, control_server
from .core import Core
from .recorder import Recorder
from .service_time import ServiceTimes

REAL_TIME_STEP_SECONDS = 1.0
IDLE_SECONDS = 5.0


async def follow_clock(core: Core) -> None:
    """Move the simulated time by what really went by, once a second, until cancelled."""
    before = time.monotonic()
    while True:
        await asyncio.sleep(REAL_TIME_STEP_SECONDS)
        now = time.monotonic()
        core.advance(now - before)
        before = now


def parse_listener(text: str) -> tuple[str, socket.socket]:
    """Return node and socket of ``NODE=FD``; the socket may belong to another network namespace."""
    node, _separator, number = text.rpartition("=")
    return node, socket.socket(fileno=int(number))


class Servers:
    """The listening side: the API at every place where it is served, and the control requests."""

    def __init__(self, core: Core, latency_seconds: tuple[float, float], service_times: ServiceTimes, context: ssl.SSLContext) -> None:
        """Take what answers, how slowly, and with which certificate."""
        self._core = core
        self._recorder = Recorder()
        self._latency_seconds = latency_seconds
        self._service_times = service_times
        self._context = context
        self._runners: list[web.AppRunner] = []

    async def _add(self, application: web.Application) -> web.AppRunner:
        runner = web.AppRunner(application, access_log=None, keepalive_timeout=IDLE_SECONDS)
        await runner.setup()
        self._runners.append(runner)
        return runner

    async def _add_api(self, node: str | None) -> web.AppRunner:
        server = api_server.ApiServer(self._core, self._recorder, self._latency_seconds, self._service_times, node)
        return await self._add(api_server.make_application(server))

    async def serve_api(self, host: str, port: int) -> int:
        """Serve the API at an address and return its port."""
        runner = await self._add_api(None)
        await web.TCPSite(runner, host, port, ssl_context=self._context, shutdown_timeout=0.5).start()
        return int(runner.addresses[0][1])

    async def serve_node(self, node: str, listener: socket.socket) -> None:
        """Serve the API as one node on a socket that listens already."""
        if node not in self._core.world.nodes:
            raise ValueError(f"--listen-fd: no node {node!r}")
        runner = await self._add_api(node)
        await web.SockSite(runner, listener, ssl_context=self._context, shutdown_timeout=0.5).start()

    async def serve_control(self) -> str:
        """Serve control requests on the loopback and return their address."""
        runner = await self._add(control_server.make_application(control_server.ControlServer(self._core, self._recorder)))
        await web.TCPSite(runner, "127.0.0.1", 0, shutdown_timeout=0.5).start()
        host, port = runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """Close everything."""
        for runner in self._runners:
            await runner.cleanup()
