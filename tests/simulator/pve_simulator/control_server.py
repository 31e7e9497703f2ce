# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control side: plain HTTP on the loopback, apart from the API, so that a request count counts only the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import fields

from aiohttp import web

from .broadcast import report
from .core import Core
from .guest_fields import change_guest, make_guest
from .guest_state import guest_state, world_state
from .recorder import Recorder
from .world import Node

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MAX_ADVANCE_SECONDS = 366 * 86400


class ControlServer:
    """Moves the clock, shows the state, switches faults, edits guests and nodes."""

    def __init__(self, core: Core, recorder: Recorder) -> None:
        """Take what it controls."""
        self.core = core
        self.recorder = recorder

    async def advance(self, request: web.Request) -> web.Response:
        """``POST /advance {"seconds": N}``: move the simulated time."""
        seconds = float((await request.json())["seconds"])
        if not 0 <= seconds <= MAX_ADVANCE_SECONDS:
            raise ValueError(f"seconds must lie between 0 and {MAX_ADVANCE_SECONDS}")
        return web.json_response({"now": self.core.advance(seconds)})

    async def state(self, request: web.Request) -> web.Response:
        """``GET /state``: everything."""
        return web.json_response(world_state(self.core.world))

    async def list_faults(self, request: web.Request) -> web.Response:
        """``GET /faults``: what is on."""
        active = self.core.faults.active
        return web.json_response({name: [{"arguments": fault.arguments, "remaining": fault.remaining} for fault in faults] for name, faults in active.items()})

    async def switch_fault(self, request: web.Request) -> web.Response:
        """``POST /faults {"name": ..., "on": true, ...}``: switch one."""
        body = await request.json()
        name, on = str(body.pop("name")), bool(body.pop("on", True))
        self.core.faults.switch(name, on, body)
        return web.json_response({"name": name, "on": on})

    async def change_guest(self, request: web.Request) -> web.Response:
        """``POST /guests/VMID``: set demand, configuration, lock, state; makes a guest that does not exist."""
        vmid = int(request.match_info["vmid"])
        body = await request.json()
        guest = self.core.world.guests.get(vmid)
        if guest is None:
            guest = make_guest(self.core.world, {"vmid": vmid, **body}, {})
        else:
            change_guest(self.core.world, guest, body)
        self.core.guest_changed(vmid)
        return web.json_response(guest_state(guest, self.core.world.now))

    async def delete_guest(self, request: web.Request) -> web.Response:
        """``DELETE /guests/VMID``: take a guest away as if it had never been."""
        vmid = int(request.match_info["vmid"])
        self.core.world.guests.pop(vmid, None)
        self.core.guest_changed(vmid)
        return web.json_response({"vmid": vmid})

    async def change_node(self, request: web.Request) -> web.Response:
        """``POST /nodes/NAME``: set fields of a node."""
        node = self.core.world.nodes[request.match_info["name"]]
        known = {field.name for field in fields(Node)}
        for key, value in (await request.json()).items():
            if key not in known:
                raise ValueError(f"unknown node key {key!r}")
            setattr(node, key, value)
        return web.json_response({"name": node.name})

    async def report_now(self, request: web.Request) -> web.Response:
        """``POST /report``: let pvestatd report this moment, without moving the time."""
        report(self.core.world, self.core.world.now)
        return web.json_response({"now": self.core.world.now})

    async def make_ticket(self, request: web.Request) -> web.Response:
        """``POST /tickets {"username": ..., "age_seconds": N}``: a properly signed ticket of any age."""
        body = await request.json()
        return web.json_response({"ticket": self.core.tickets.make_ticket(str(body["username"]), float(body.get("age_seconds", 0)))})

    async def add_task(self, request: web.Request) -> web.Response:
        """``POST /tasks {"upid": ..., "exit_status": ..., "end_time": ..., "log": [...]}``: a task of earlier, oldest last."""
        body = await request.json()
        self.core.tasks.add(body["upid"], body.get("exit_status"), body.get("end_time"), body.get("log", []), body.get("interrupted"))
        return web.json_response({})

    async def list_requests(self, request: web.Request) -> web.Response:
        """``GET /requests?since=N``: the API requests with a higher number."""
        return web.json_response(self.recorder.since(int(request.query.get("since", "0"))))

    async def reset_requests(self, request: web.Request) -> web.Response:
        """``POST /requests/reset``: forget them."""
        self.recorder.reset()
        return web.json_response({})


@web.middleware
async def explain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a wrong control request with its reason instead of a bare 500."""
    try:
        return await handler(request)
    except (ValueError, KeyError, TypeError) as error:
        return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)


def make_application(server: ControlServer) -> web.Application:
    """Return the application."""
    application = web.Application(middlewares=[explain_errors])
    application.add_routes(
        [
            web.post("/advance", server.advance),
            web.get("/state", server.state),
            web.get("/faults", server.list_faults),
            web.post("/faults", server.switch_fault),
            web.post("/guests/{vmid:[0-9]+}", server.change_guest),
            web.delete("/guests/{vmid:[0-9]+}", server.delete_guest),
            web.post("/nodes/{name}", server.change_node),
            web.post("/report", server.report_now),
            web.post("/tickets", server.make_ticket),
            web.post("/tasks", server.add_task),
            web.get("/requests", server.list_requests),
            web.post("/requests/reset", server.reset_requests),
        ]
    )
    return application
