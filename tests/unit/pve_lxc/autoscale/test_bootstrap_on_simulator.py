# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first look at a node whose containers have run for more than a day: what Proxmox's records, read over TLS, allow and what not."""

from __future__ import annotations

import textwrap

import pytest

TOKEN = "lxc-autoscale@pve!node-pve1"


class SimulatedClock:
    def __init__(self, seconds):
        self.seconds = seconds

    def now(self):
        return self.seconds

    def monotonic(self):
        return 0.0

    def sleep(self, seconds):
        raise AssertionError("the loop never sleeps")


@pytest.fixture
def simulator(tmp_path):
    from harness import Simulator

    world = {
        "nodes": [{"name": "pve1", "cpus": 16, "memory_mib": 65536}],
        "guests": [
            {"vmid": 101, "name": "web", "node": "pve1", "status": "running", "cpu_cores": 0.3, "config": {"cores": 6, "memory": 4096, "swap": 0}},
            {"vmid": 102, "name": "db", "node": "pve1", "status": "running", "cpu_cores": 3.0, "config": {"cores": 4, "memory": 4096, "swap": 0}},
        ],
    }
    with Simulator(world=world, auth_delay=0.05, cgroup_root=str(tmp_path / "cgroup"), history_hours=26) as running:
        yield running


def cycles(simulator, folder, count):
    from pve_lxc.autoscale.assembly import assemble
    from pve_lxc.autoscale.config_file import parse_config
    from pve_lxc.autoscale.cycle import run_cycle

    text = f"""
        connection: {{host: 127.0.0.1, port: {simulator.port}, token_id: '{TOKEN}', ca_file: {simulator.ca_path}}}
        node: pve1
        interval_seconds: 60
        observe: {{source: cgroup, cgroup_root: {simulator.cgroup_root}/pve1, proc_root: {simulator.cgroup_root}/pve1/proc}}
        state: {{path: {folder}/state.sqlite}}
        """
    clock = SimulatedClock(simulator.state()["now"])
    parts = assemble(parse_config(textwrap.dedent(text), source="test", environment={"PROXMOX_TOKEN_SECRET": simulator.tokens[TOKEN]}), clock)
    try:
        for _cycle in range(count):
            clock.seconds = simulator.advance(60)
            result = run_cycle(parts, "recommend")
    finally:
        parts.close()
    return {decision.vmid: decision for decision in result.decisions}


def test_second_cycle_lowers_idle_cpu_on_recorded_time_and_no_memory(simulator, tmp_path):
    decisions = cycles(simulator, tmp_path, 2)
    assert (decisions[101].target.cores, decisions[101].target.memory_mib) == (1, 4096)
    assert (str(decisions[101].reason), str(decisions[102].reason)) == ("shrink_cpu", "too_little_history")
    assert decisions[102].target.cores == 4


def test_records_cost_three_requests_for_each_container_once(simulator, tmp_path):
    simulator.reset_requests()
    cycles(simulator, tmp_path, 3)
    paths = [request["path"] for request in simulator.requests()]
    assert sum(path.endswith("/101/rrddata") for path in paths) == 3
    assert sum(path.endswith("/rrddata") for path in paths) == 6


def test_change_of_cores_an_hour_ago_starts_the_recorded_time_anew(simulator, tmp_path):
    simulator.set_guest(101, config={"cores": 8})
    simulator.advance(3600)
    decision = cycles(simulator, tmp_path, 2)[101]
    assert (decision.target.cores, str(decision.reason)) == (8, "too_little_history")
    assert "only 1.0 h of 24 h of history are known" in decision.message
