# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import http.client
import os
import ssl
import subprocess
import sys
import time
from pathlib import Path

import harness
import pytest
from pve_simulator.command_line import parse_arguments, parse_latency
from pve_simulator.faults import parse_fault


@pytest.fixture(scope="module")
def simulator(simulate_for_module):
    return simulate_for_module(nodes=1, containers=1).simulator


@pytest.fixture
def connection(simulator):
    context = ssl.create_default_context(cafile=simulator.ca_path)
    opened = http.client.HTTPSConnection(simulator.host, simulator.port, context=context, timeout=30)
    yield opened
    opened.close()


def ask(connection: http.client.HTTPSConnection, simulator: harness.Simulator, path: str) -> tuple[int, bool]:
    """Return the status and whether the server closes the connection."""
    connection.request("GET", f"/api2/json{path}", headers=simulator.token("root@pam!all"))
    response = connection.getresponse()
    response.read()
    return response.status, response.will_close


def test_a_connection_is_kept_after_success_and_closed_after_an_error(connection, simulator) -> None:
    assert [ask(connection, simulator, path) for path in ("/version", "/version", "/nosuch")] == [(200, False), (200, False), (501, True)]


def test_a_connection_is_closed_after_a_hundred_requests(connection, simulator) -> None:
    closings = [ask(connection, simulator, "/version")[1] for _request in range(100)]
    assert closings == [False] * 99 + [True]


def test_the_fingerprint_is_that_of_the_certificate(simulator) -> None:
    encoded = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((simulator.host, simulator.port)))
    assert simulator.fingerprint.replace(":", "").lower() == hashlib.sha256(encoded).hexdigest()


def test_the_certificate_is_refused_without_its_authority(simulator) -> None:
    connection = http.client.HTTPSConnection(simulator.host, simulator.port, context=ssl.create_default_context(), timeout=30)
    with pytest.raises(ssl.SSLCertVerificationError):
        connection.request("GET", "/api2/json/version")


def test_waits_are_those_of_proxmox_unless_told_otherwise() -> None:
    options = parse_arguments([])
    assert (options.auth_delay, options.wait_scale, options.nodes, options.containers) == (3.0, 1.0, 3, 24)


@pytest.mark.parametrize(("text", "expected"), [("0", (0.0, 0.0)), ("20", (0.02, 0.02)), ("10-50", (0.01, 0.05))])
def test_latency_is_a_number_or_a_range_of_milliseconds(text: str, expected: tuple[float, float]) -> None:
    assert parse_latency(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no_quorum", ("no_quorum", {})),
        ("node_down=pve2", ("node_down", {"node": "pve2"})),
        ("status_code=status:596,count:2", ("status_code", {"status": "596", "count": "2"})),
    ],
)
def test_a_fault_of_the_command_line_has_a_name_and_arguments(text: str, expected: tuple[str, dict[str, str]]) -> None:
    assert parse_fault(text) == expected


def test_the_harness_says_why_the_simulator_did_not_start(tmp_path: Path) -> None:
    with pytest.raises(harness.SimulatorError, match=r"ended with code 1:\nsimulator: no \*\.csv traces in"):
        harness.Simulator(traces=tmp_path)


START_AND_DIE = """
import os, sys
sys.path.insert(0, sys.argv[1])
import harness
simulator = harness.Simulator(nodes=1, containers=1)
print(simulator._process.pid, flush=True)
os._exit(0)
"""


def test_the_simulator_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", START_AND_DIE, str(harness.FOLDER)]
    started = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"TMPDIR": str(tmp_path)})
    process = Path("/proc") / started.stdout.strip()
    for _look in range(400):
        if not is_alive(process):
            break
        time.sleep(0.05)
    assert not is_alive(process)


def is_alive(process: Path) -> bool:
    """Return whether a process runs; one that ended but was not waited for does not."""
    try:
        return "State:\tZ" not in (process / "status").read_text(encoding="ascii")
    except OSError:
        return False
