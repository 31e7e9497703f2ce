# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulator that answers as several nodes at several places, and one that moves with the clock."""

from __future__ import annotations

import http.client
import json
import pathlib
import socket
import ssl
import time

import pytest
from harness import Simulator, SimulatorError

NODES = [{"name": "old", "version": "8.4.14"}, {"name": "new"}]
GUESTS = [{"vmid": 101, "name": "web", "node": "new", "status": "running", "cpu_cores": 1.5, "config": {"cores": 2, "memory": 512}}]
WORLD = {"nodes": NODES, "guests": GUESTS}


def listener() -> socket.socket:
    made = socket.create_server(("127.0.0.1", 0))
    made.setblocking(False)
    return made


def ask(simulator: Simulator, port: int, path: str):
    context = ssl.create_default_context(cafile=simulator.ca_path)
    connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=30)
    try:
        connection.request("GET", f"/api2/json{path}", headers=simulator.token("root@pam!all"))
        return json.loads(connection.getresponse().read())["data"]
    finally:
        connection.close()


def test_each_node_answers_at_its_own_socket_with_its_own_version_and_calls_itself_local() -> None:
    with listener() as old, listener() as new:
        ports = {"old": old.getsockname()[1], "new": new.getsockname()[1]}
        with Simulator(world=WORLD, listeners={"old": old, "new": new}, auth_delay=0) as simulator:
            versions = {name: ask(simulator, port, "/version")["version"] for name, port in ports.items()}
            releases = {name: ask(simulator, port, "/version")["release"] for name, port in ports.items()}
            local = {
                name: [row["name"] for row in ask(simulator, port, "/cluster/status") if row["type"] == "node" and row["local"]] for name, port in ports.items()
            }
            through_localhost = ask(simulator, ports["new"], "/nodes/localhost/lxc/101/config")["memory"]
    assert versions == {"old": "8.4.14", "new": "9.2.11"}
    assert releases == {"old": "8.4", "new": "9.2"}
    assert local == {"old": ["old"], "new": ["new"]}
    assert through_localhost == 512


def test_a_socket_for_a_node_that_is_not_there_is_refused() -> None:
    with listener() as some, pytest.raises(SimulatorError, match="no node 'other'"):
        Simulator(world=WORLD, listeners={"other": some})


def test_the_certificate_that_is_written_is_the_one_that_is_served() -> None:
    with Simulator(world=WORLD, auth_delay=0) as simulator:
        written = pathlib.Path(simulator.certificate_path).read_text(encoding="utf-8")
        served = ssl.get_server_certificate((simulator.host, simulator.port))
    assert ssl.PEM_cert_to_DER_cert(written) == ssl.PEM_cert_to_DER_cert(served)


def test_with_real_time_simulated_time_and_use_grow_without_an_advance() -> None:
    with Simulator(world=WORLD, real_time=True, start_time=1_767_225_600, auth_delay=0) as simulator:
        for _look in range(600):
            now = simulator.state()["now"]
            if now >= 1_767_225_602:
                break
            time.sleep(0.1)
        used = simulator.guest(101)["cpu_used_cores"]
    assert now >= 1_767_225_602
    assert used == 1.5


def test_without_it_time_stands_still_until_it_is_advanced() -> None:
    with Simulator(world=WORLD, start_time=1_767_225_600, auth_delay=0) as simulator:
        assert simulator.state()["now"] == 1_767_225_600
        assert simulator.advance(7) == 1_767_225_607


def test_a_nodes_folder_of_cgroup_files_is_not_made_anew_because_it_may_be_mounted(tmp_path) -> None:
    folder = tmp_path / "new"
    (folder / "lxc" / "999").mkdir(parents=True)
    before = folder.stat().st_ino
    with Simulator(world=WORLD, cgroup_root=tmp_path, auth_delay=0):
        assert folder.stat().st_ino == before
        assert sorted(path.name for path in (folder / "lxc").iterdir()) == ["101"]
