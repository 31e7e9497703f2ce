# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service times of benchmarks: which rule counts, how many are answered at a time; and parameters that some clients send twice."""

from __future__ import annotations

import asyncio
import json
import pathlib

import pytest
import requests
from harness import Simulator
from pve_simulator.service_time import read_service_times

ROOT = pathlib.Path(__file__).resolve().parents[3]


def write_times(folder: pathlib.Path, content: object) -> pathlib.Path:
    path = folder / "times.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_the_first_rule_that_fits_counts(tmp_path):
    rules = [{"method": "PUT", "path": "/config$", "milliseconds": [50, 50]}, {"method": "*", "path": "", "milliseconds": [1, 1]}]
    times = read_service_times(write_times(tmp_path, {"workers_per_node": 3, "requests": rules}), 1)
    assert times._seconds("PUT", "/api2/json/nodes/pve1/lxc/101/config") == 0.05
    assert times._seconds("GET", "/api2/json/nodes/pve1/lxc/101/config") == 0.001


def test_not_more_than_the_workers_of_a_node_are_busy_and_another_node_has_its_own(tmp_path):
    times = read_service_times(write_times(tmp_path, {"workers_per_node": 3, "requests": []}), 1)
    let_go = asyncio.Event()
    busy: list[str] = []

    async def scenario() -> None:
        def answer(node: str):
            async def respond() -> None:
                busy.append(node)
                await let_go.wait()

            return respond

        asked = [asyncio.create_task(times.spend("GET", f"/nodes/{node}/lxc", answer(node))) for node in ["pve1"] * 5 + ["pve2"] * 2]
        await asyncio.sleep(0.05)
        assert sorted(busy) == ["pve1"] * 3 + ["pve2"] * 2
        let_go.set()
        await asyncio.gather(*asked)
        assert sorted(busy) == ["pve1"] * 5 + ["pve2"] * 2

    asyncio.run(scenario())


def test_a_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"times\.json: not a file of service times"):
        read_service_times(write_times(tmp_path, {"requests": [{"method": "GET"}]}), 1)


def test_the_benchmarks_file_gives_what_was_measured():
    times = read_service_times(ROOT / "tests" / "benchmarks" / "service_times.json", 1)
    assert 0.050 <= times._seconds("PUT", "/api2/json/nodes/pve1/lxc/101/config") <= 0.080
    assert 0.050 <= times._seconds("GET", "/api2/json/nodes/pve1/lxc/101/rrddata") <= 0.058
    assert 0.001 <= times._seconds("GET", "/api2/json/nodes/pve1/lxc/101/config") <= 0.0025
    assert 0.0065 <= times._seconds("GET", "/api2/json/cluster/resources") <= 0.010


@pytest.fixture(scope="module")
def simulator():
    with Simulator(nodes=1, containers=2, auth_delay=0) as running:
        yield running


def put_config(simulator: Simulator, **form: str) -> requests.Response:
    url = f"{simulator.url}/api2/json/nodes/pve1/lxc/101/config"
    return requests.put(url, data=form, headers=simulator.token("root@pam!all"), verify=simulator.ca_path, timeout=10)


def test_a_form_may_repeat_what_the_path_says(simulator):
    assert put_config(simulator, node="pve1", vmid="101", cpuunits="77").status_code == 200
    assert simulator.guest(101)["config"]["cpuunits"] == "77"


def test_a_form_that_contradicts_the_path_is_refused(simulator):
    answer = put_config(simulator, node="pve2", cpuunits="78")
    assert answer.status_code == 400
    assert answer.json()["errors"] == {"node": "duplicate parameter (already defined in URI) with conflicting values!"}
    assert simulator.guest(101)["config"]["cpuunits"] == "77"
