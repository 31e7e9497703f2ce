# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client for asyncio: the same verbs, so many at a time, and what cancelling does."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from typing import Any

import pytest
from harness import Simulator
from pve_lxc.backend.aio import AbandonableClock, AsyncProxmoxAPIClient, connect_async
from pve_lxc.backend.api import ProxmoxAPIClient
from pve_lxc.errors import ProxmoxConnectionError, ProxmoxNotFoundError, RequestError
from pve_lxc.transport.settings import ConnectionSettings

ENDS_AT_THE_LATEST_SECONDS = 20.0


class HeldTransport:
    """A transport whose requests wait until they are let go; it counts them."""

    name = "api"

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.let_go = threading.Event()
        self.started: list[str] = []
        self.at_a_time = 0
        self.most_at_a_time = 0
        self.data: Any = {"status": "running"}

    def request(self, method: str, path: str, parameters: Any = None) -> Any:
        with self.lock:
            self.started.append(f"{method} {path}")
            self.at_a_time += 1
            self.most_at_a_time = max(self.most_at_a_time, self.at_a_time)
        try:
            if not self.let_go.wait(ENDS_AT_THE_LATEST_SECONDS):
                raise ProxmoxConnectionError("the test did not let the request go", is_sent=True)
        finally:
            with self.lock:
                self.at_a_time -= 1
        return self.data


def held_client(concurrency: int) -> tuple[AsyncProxmoxAPIClient, HeldTransport]:
    transport = HeldTransport()
    return AsyncProxmoxAPIClient(ProxmoxAPIClient(transport, AbandonableClock()), concurrency), transport


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(ENDS_AT_THE_LATEST_SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


def verbs_of(kind: type) -> set[str]:
    return {name for name, member in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


def test_every_verb_of_the_client_is_there_as_a_coroutine_with_the_same_arguments():
    assert verbs_of(AsyncProxmoxAPIClient) == verbs_of(ProxmoxAPIClient)
    for name in verbs_of(ProxmoxAPIClient) - {"close"}:
        assert inspect.iscoroutinefunction(inspect.unwrap(getattr(AsyncProxmoxAPIClient, name), stop=inspect.iscoroutinefunction)), name
        assert list(inspect.signature(getattr(AsyncProxmoxAPIClient, name)).parameters) == list(inspect.signature(getattr(ProxmoxAPIClient, name)).parameters)


def test_not_more_than_concurrency_requests_are_on_their_way_at_a_time():
    async def scenario() -> HeldTransport:
        client, transport = held_client(concurrency=2)
        reads = [asyncio.create_task(client.read_status("pve1", 101 + number)) for number in range(6)]
        await until(lambda: len(transport.started) == 2)
        await asyncio.sleep(0.05)
        assert len(transport.started) == 2
        transport.let_go.set()
        assert await asyncio.gather(*reads) == ["running"] * 6
        return transport

    transport = asyncio.run(scenario())
    assert (len(transport.started), transport.most_at_a_time) == (6, 2)


def test_cancelling_stops_waiting_at_once_and_starts_nothing_new():
    async def scenario() -> HeldTransport:
        client, transport = held_client(concurrency=1)
        reads = [asyncio.create_task(client.read_status("pve1", 101 + number)) for number in range(5)]
        await until(lambda: len(transport.started) == 1)
        for read in reads:
            read.cancel()
        answers = await asyncio.gather(*reads, return_exceptions=True)
        assert [type(answer) for answer in answers] == [asyncio.CancelledError] * 5
        transport.let_go.set()
        return transport

    assert asyncio.run(scenario()).started == ["GET /nodes/pve1/lxc/101/status/current"]


def test_a_request_that_nobody_waits_for_keeps_its_place_until_it_ends():
    async def scenario() -> None:
        client, transport = held_client(concurrency=1)
        first = asyncio.create_task(client.read_status("pve1", 101))
        await until(lambda: len(transport.started) == 1)
        first.cancel()
        second = asyncio.create_task(client.read_status("pve1", 102))
        await asyncio.sleep(0.05)
        assert transport.started == ["GET /nodes/pve1/lxc/101/status/current"]
        transport.let_go.set()
        assert await second == "running"
        assert transport.most_at_a_time == 1

    asyncio.run(scenario())


def test_cancelling_while_a_task_of_proxmox_is_waited_for_asks_no_more_about_it():
    async def scenario() -> HeldTransport:
        client, transport = held_client(concurrency=1)
        transport.data = {"status": "running"}
        waiting = asyncio.create_task(client.wait_for_task("UPID:pve1:000012B7:0003E3BA:6B037050:vzclone:103:admin@pve:"))
        await until(lambda: len(transport.started) == 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        transport.let_go.set()
        # The place is free only when the thread has ended; then nothing of the first verb can follow.
        await client.read_status("pve1", 101)
        return transport

    assert asyncio.run(scenario()).started[1:] == ["GET /nodes/pve1/lxc/101/status/current"]


def test_a_concurrency_of_none_is_refused():
    with pytest.raises(ValueError, match="at least 1 is needed"):
        held_client(concurrency=0)


def test_missing_credentials_are_named_before_anything_is_sent():
    with pytest.raises(RequestError):
        connect_async(host="pve.example.com")


@pytest.fixture(scope="module")
def simulator():
    with Simulator(nodes=2, containers=12, auth_delay=0.05, task_seconds=0.05) as running:
        yield running


def options_for(simulator: Simulator) -> dict[str, Any]:
    token = "automation@pve!resize"
    return {"host": simulator.host, "port": simulator.port, "ca_path": simulator.ca_path, "token_id": token, "token_secret": simulator.tokens[token]}


def test_the_figures_of_a_whole_cluster_are_those_of_one_by_one(simulator):
    options = options_for(simulator)

    async def together() -> tuple[list[Any], list[dict[str, Any]]]:
        async with connect_async(**options) as client:
            rows = await client.get_containers()
            return rows, await asyncio.gather(*(client.get_container_rrddata(row["node"], row["vmid"]) for row in rows))

    rows, histories = asyncio.run(together())
    plain = ProxmoxAPIClient.connect(ConnectionSettings(**options))
    assert [plain.get_container_rrddata(row["node"], row["vmid"]) for row in rows] == histories
    # Twelve containers and the template.
    assert len(histories) == 13
    plain.close()


def test_errors_are_those_of_the_client(simulator):
    async def read_a_container_that_is_not_there() -> None:
        async with connect_async(**options_for(simulator)) as client:
            await client.get_container_config("pve1", 999)

    with pytest.raises(ProxmoxNotFoundError):
        asyncio.run(read_a_container_that_is_not_there())
