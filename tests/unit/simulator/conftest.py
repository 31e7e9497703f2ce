# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

if TYPE_CHECKING:
    from harness import Simulator

START = 1_767_225_600  # 2026-01-01 00:00 UTC, a multiple of every step
ROOT = "root@pam!all"


@dataclass
class Client:
    """Sends API requests as anybody and keeps reason phrases."""

    simulator: Simulator

    def send(
        self, method: str, path: str, data: Mapping[str, object] | None = None, *, who: str | None = ROOT, headers: Mapping[str, str] | None = None
    ) -> tuple[int, str, Any]:
        context = ssl.create_default_context(cafile=self.simulator.ca_path)
        connection = http.client.HTTPSConnection(self.simulator.host, self.simulator.port, context=context, timeout=30)
        sent = dict(self.simulator.token(who)) if who else {}
        sent |= dict(headers or {})
        body = None
        if data is not None and method in ("PUT", "POST"):
            body = urlencode(data, doseq=True)
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        elif data:
            path += "?" + urlencode(data)
        try:
            connection.request(method, "/api2/json" + path, body=body, headers=sent)
            response = connection.getresponse()
            text = response.read().decode()
            return response.status, response.reason, json.loads(text) if text else None
        finally:
            connection.close()

    def get(self, path: str, who: str = ROOT, **params: object) -> Any:
        status, reason, body = self.send("GET", path, params, who=who)
        assert (status, reason) == (200, "OK")
        return body["data"]

    def put(self, path: str, who: str = ROOT, **params: object) -> tuple[int, str]:
        return self.send("PUT", path, params, who=who)[:2]

    def finish(self, upid: str) -> str:
        """Return a task's exit status once it has ended."""
        node = upid.split(":")[1]
        while True:
            status = self.get(f"/nodes/{node}/tasks/{upid}/status")
            if status["status"] == "stopped":
                return str(status["exitstatus"])

    def resource(self, vmid: int) -> dict[str, Any]:
        """Return a guest's row of the resource list."""
        return next(row for row in self.get("/cluster/resources", type="vm") if row["vmid"] == vmid)


def start_simulators() -> Iterator[Callable[..., Client]]:
    """Yield a function that starts simulators, and end them all afterwards."""
    # The folder of the harness is put on the path only after the first conftest files were read.
    from harness import Simulator

    started: list[Simulator] = []

    def start(**options: Any) -> Client:
        settings = {"nodes": 2, "containers": 4, "auth_delay": 0, "task_seconds": 0.01, "wait_scale": 0.001, "start_time": START} | options
        started.append(Simulator(**settings))
        return Client(started[-1])

    yield start
    for simulator in started:
        simulator.stop()


@pytest.fixture
def simulate() -> Iterator[Callable[..., Client]]:
    """Start simulators that end with the test."""
    yield from start_simulators()


@pytest.fixture(scope="module")
def simulate_for_module() -> Iterator[Callable[..., Client]]:
    """Start simulators that end with the file, for tests that leave nothing behind that another one minds."""
    yield from start_simulators()


def one_guest_world(**fields: object) -> dict[str, object]:
    """Return a world with one node of 4 CPUs and one running container 101 of 2 cores and 512 MiB."""
    config = {"arch": "amd64", "ostype": "debian", "cores": 2, "memory": 512, "swap": 0, "rootfs": "local:101/vm-101-disk-0.raw,size=8G"}
    guest = {"vmid": 101, "name": "web", "status": "running", "uptime_seconds": 3600, "config": config, "cpu_cores": 0.5, "anon_mib": 100, "cache_mib": 50}
    return {"nodes": [{"name": "pve1", "cpus": 4, "memory_mib": 8192}], "guests": [guest | fields]}


@pytest.fixture
def simulate_one(simulate: Callable[..., Client]) -> Callable[..., Client]:
    """Start a simulator whose only container is 101; guest keys come as ``guest={...}``."""

    def start(guest: Mapping[str, object] | None = None, **options: Any) -> Client:
        return simulate(world=one_guest_world(**dict(guest or {})), **options)

    return start
