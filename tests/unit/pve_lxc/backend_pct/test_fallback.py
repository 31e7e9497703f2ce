# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FallbackBackend: the API behind a door that can be shut, and the simulated node's commands beside it."""

from __future__ import annotations

import pytest
from cli.node import NodeSettings
from harness import Simulator
from pve_lxc.backend.api import ProxmoxAPIClient
from pve_lxc.backend.fallback import FallbackBackend
from pve_lxc.backend.pct import PctBackend
from pve_lxc.clock import SystemClock
from pve_lxc.errors import (
    CommandError,
    ProxmoxAuthenticationError,
    ProxmoxConnectionError,
    ProxmoxNodeError,
    ProxmoxPermissionError,
    ProxmoxTLSError,
    ProxmoxValidationError,
)
from pve_lxc.model.plan import ConfigWrite
from pve_lxc.operations.request import parse_requests
from pve_lxc.operations.resize import resize_containers
from pve_lxc.transport.settings import ConnectionSettings
from support.node_runner import SimulatedNodeRunner
from support.tcp_gate import TcpGate

TOKEN = "automation@pve!resize"


class Ways:
    """A FallbackBackend with both of its ways at hand."""

    def __init__(self, simulator: Simulator, gate: TcpGate, clock: SystemClock | None = None, token: str = TOKEN, **changes: object) -> None:
        secret = simulator.tokens.get(token, "wrong")
        options = {"host": "127.0.0.1", "port": gate.port, "ca_path": simulator.ca_path, "token_id": token, "token_secret": secret, "retries": 0}
        self.api = ProxmoxAPIClient.connect(ConnectionSettings(**{**options, **changes}), clock)
        self.runner = SimulatedNodeRunner(NodeSettings.of(simulator))
        self.warnings: list[str] = []
        self.backend = FallbackBackend(self.api, PctBackend(self.runner), self.warnings.append)


@pytest.fixture
def gate(simulator):
    with TcpGate(simulator.port) as opened:
        yield opened


@pytest.fixture
def ways(simulator, gate):
    simulator.reset_requests()
    return Ways(simulator, gate)


def writes(simulator: Simulator) -> list[str]:
    return [f"{record['method']} {record['path'].removeprefix('/api2/json')}" for record in simulator.requests() if record["method"] != "GET"]


def test_api_is_used_as_long_as_it_answers_and_the_node_is_not_touched(ways):
    assert 101 in ways.backend.read_cluster().guests
    assert ways.backend.transport == "api"
    assert ways.runner.ran == []
    assert ways.warnings == []


def test_read_goes_over_the_node_once_the_api_is_gone_and_that_is_said_once(ways, gate):
    before = ways.backend.read_config("pve1", 101)
    gate.shut()
    after = ways.backend.read_config("pve1", 101)
    ways.backend.read_pending("pve1", 101)
    assert after == before
    assert ways.backend.transport == "ssh"
    assert len(ways.warnings) == 1
    assert ways.warnings[0].startswith("the API cannot be reached (cannot connect to 127.0.0.1:")
    assert ways.warnings[0].endswith("from here on pct is used on the node (ssh)")


def test_write_that_was_not_sent_is_made_over_the_node_once(simulator, ways, gate):
    digest = ways.backend.read_config("pve1", 101).digest
    gate.shut()
    ways.backend.write_config("pve1", 101, ConfigWrite({"cpuunits": 123}), digest)
    assert writes(simulator) == ["PUT /nodes/pve1/lxc/101/config"]
    assert simulator.guest(101)["config"]["cpuunits"] == "123"
    assert ways.backend.transport == "ssh"


@pytest.mark.parametrize("when", ["before", "after"])
def test_write_that_may_have_arrived_is_not_repeated_but_its_error_passed_on(simulator, ways, when):
    digest = ways.backend.read_config("pve1", 101).digest
    simulator.fault("connection_drop", when=when)
    try:
        with pytest.raises(ProxmoxConnectionError) as caught:
            ways.backend.write_config("pve1", 101, ConfigWrite({"cpuunits": 124}), digest)
    finally:
        simulator.fault("connection_drop", on=False)
    assert caught.value.is_sent is True
    assert writes(simulator) == ["PUT /nodes/pve1/lxc/101/config"]
    assert ways.runner.ran == []


def test_resize_settles_a_write_that_arrived_by_reading_over_the_node(simulator, ways):
    simulator.set_guest(101, config={"swap": 100})
    simulator.fault("connection_drop", when="after")
    try:
        outcome = resize_containers(ways.backend, parse_requests({"vmid": 101, "swap": "+28"}))[0]
    finally:
        simulator.fault("connection_drop", on=False)
    assert (outcome.is_changed, outcome.is_failed, outcome.after.swap_mib, outcome.transport) == (True, False, 128, "ssh")
    assert writes(simulator) == ["PUT /nodes/pve1/lxc/101/config"]
    assert not any(command.startswith("pct set") for command in ways.runner.ran)


def test_resize_writes_over_the_node_when_reading_shows_that_the_write_did_not_arrive(simulator, ways):
    simulator.set_guest(101, config={"swap": 100})
    simulator.fault("connection_drop", when="before", count=1)
    outcome = resize_containers(ways.backend, parse_requests({"vmid": 101, "swap": "+28"}))[0]
    assert (outcome.is_changed, outcome.is_failed, outcome.after.swap_mib, outcome.transport) == (True, False, 128, "ssh")
    assert sum(command.startswith("pct set 101 --swap 128 --digest ") for command in ways.runner.ran) == 1


def test_refusals_wrong_certificates_and_dead_nodes_stay_with_the_api(simulator, gate):
    cases = [
        (Ways(simulator, gate, token_secret="wrong"), ProxmoxAuthenticationError, lambda backend: backend.read_cluster()),
        (Ways(simulator, gate, token="nobody@pve!none"), ProxmoxPermissionError, lambda backend: backend.read_config("pve1", 101)),
        (Ways(simulator, gate), ProxmoxValidationError, lambda backend: backend.write_config("pve1", 101, ConfigWrite({"memory": 4}), "")),
        (Ways(simulator, gate, fingerprint="00" * 32), ProxmoxTLSError, lambda backend: backend.read_cluster()),
        (Ways(simulator, gate), ProxmoxNodeError, lambda backend: backend.read_live_guests("pve2")),
    ]
    simulator.fault("node_down", node="pve2")
    try:
        for ways, error, ask in cases:
            with pytest.raises(error):
                ask(ways.backend)
            assert (ways.backend.transport, ways.runner.ran, ways.warnings) == ("api", [], [])
    finally:
        simulator.fault("node_down", on=False, node="pve2")


def test_both_ways_gone_is_one_error_that_names_both_and_no_warning(ways, gate):
    gate.shut()
    ways.runner.break_next(CommandError("no SSH connection to root@pve1:22: Connection refused", is_started=False))
    with pytest.raises(ProxmoxConnectionError) as caught:
        ways.backend.read_cluster()
    assert str(caught.value).startswith("the API cannot be reached (cannot connect to 127.0.0.1:")
    assert str(caught.value).endswith("and neither can the node: no SSH connection to root@pve1:22: Connection refused")
    assert ways.warnings == []


def test_task_that_was_started_over_the_api_is_followed_over_the_node(tmp_path):
    class ShutsTheDoor(SystemClock):
        """Shuts it at the first wait, when the task has been started and still runs."""

        gate: TcpGate

        def sleep(self, seconds: float) -> None:
            self.gate.shut()
            super().sleep(seconds)

    with Simulator(nodes=1, containers=2, auth_delay=0, task_seconds=1.0, seed=3) as simulator, TcpGate(simulator.port) as gate:
        clock = ShutsTheDoor()
        clock.gate = gate
        ways = Ways(simulator, gate, clock)
        result = ways.backend.change_power("pve1", 101, "stop", {}, 20)
        assert (result.exit_status, result.upid.split(":")[1]) == ("OK", "pve1")
        assert simulator.guest(101)["status"] == "stopped"
        assert writes(simulator) == ["POST /nodes/pve1/lxc/101/status/stop"]
        assert any(command.startswith("pvesh get /nodes/pve1/tasks/UPID:") for command in ways.runner.ran)
        assert ways.backend.transport == "ssh"


def test_refused_look_at_a_task_does_not_make_the_write_count_as_not_sent(simulator, ways):
    """The write before it was answered; a second one over the node would be one too many."""

    class AnswersOnceOnly:
        transport = "api"

        def change_power(self, *arguments: object) -> None:
            raise ProxmoxConnectionError("refused", is_sent=False, method="POST", path="/access/ticket")

    backend = FallbackBackend(AnswersOnceOnly(), PctBackend(ways.runner), ways.warnings.append)
    with pytest.raises(ProxmoxConnectionError):
        backend.change_power("pve1", 101, "start", {}, 10)
    assert ways.runner.ran == []


def test_each_thread_says_the_way_that_its_own_last_call_took(ways, gate):
    from concurrent.futures import ThreadPoolExecutor

    ways.backend.read_cluster()
    gate.shut()
    with ThreadPoolExecutor(max_workers=1) as executor:
        other = executor.submit(lambda: (ways.backend.read_cluster(), ways.backend.transport)[1]).result()
    assert (ways.backend.transport, other) == ("api", "ssh")


def test_working_set_is_asked_of_the_node_even_while_the_api_works(simulator, ways):
    simulator.set_guest(101, config={"memory": 1024}, anon_mib=100, shmem_mib=300, mapped_mib=0, cache_mib=0, slab_mib=0)
    assert ways.backend.read_working_set_mib("pve1", 101) == pytest.approx(400, abs=1)
    assert ways.backend.transport == "api"
    ways.runner.break_next(CommandError("no SSH connection", is_started=False))
    commands = len(ways.runner.ran)
    assert ways.backend.read_working_set_mib("pve1", 101) is None
    assert ways.backend.read_working_set_mib("pve1", 101) is None
    # The second time nobody waits for a connection that just failed.
    assert len(ways.runner.ran) == commands + 1


def test_close_closes_both(ways):
    ways.backend.close()
    assert ways.runner.is_closed
