# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import http.client

import pytest

CONFIG = "/nodes/pve1/lxc/101/config"


def test_config_readonly_changes_the_live_limit_but_not_the_configuration(simulate_one) -> None:
    client = simulate_one()
    client.simulator.fault("config_readonly")
    status, reason = client.put(CONFIG, memory=640)
    assert (status, reason.endswith("Permission denied")) == (500, True)
    assert [client.get(CONFIG)["memory"], client.simulator.guest(101)["live"]["memory_mib"]] == [512, 640]
    client.simulator.fault("config_readonly", on=False)
    client.put(CONFIG, memory=512)
    assert client.simulator.guest(101)["live"]["memory_mib"] == 640
    client.put(CONFIG, memory=513)
    client.put(CONFIG, memory=512)
    assert client.simulator.guest(101)["live"]["memory_mib"] == 512


def test_pvestatd_stuck_repeats_everything_and_then_says_unknown(simulate_one) -> None:
    client = simulate_one()
    client.simulator.fault("pvestatd_stuck")
    before = client.resource(101)
    client.simulator.advance(300)
    assert client.resource(101) == before
    assert client.get("/nodes/pve1/lxc")[0]["uptime"] == 3900
    client.simulator.advance(10)
    assert client.resource(101)["status"] == "unknown"
    assert "cpu" not in client.resource(101)
    assert client.get("/cluster/resources", type="node")[0]["status"] == "unknown"
    client.simulator.fault("pvestatd_stuck", on=False)
    client.simulator.advance(10)
    assert [client.resource(101)["status"], client.resource(101)["uptime"]] == ["running", 3920]


def test_pvestatd_stuck_writes_no_rows(simulate_one) -> None:
    client = simulate_one()
    client.simulator.fault("pvestatd_stuck")
    client.simulator.advance(120)
    assert client.get("/nodes/pve1/lxc/101/rrddata", timeframe="hour")[-1] == {"time": 1_767_225_720}


def test_node_down_is_a_595_without_a_body_and_its_guests_are_unknown(simulate) -> None:
    client = simulate(fault=["node_down=pve2"])
    assert client.send("GET", "/nodes/pve2/lxc/102/config") == (595, "No route to host", None)
    states = {row["vmid"]: row["status"] for row in client.get("/cluster/resources", type="vm")}
    assert (states[101], states[102]) == ("running", "unknown")
    nodes = {row["node"]: row["status"] for row in client.get("/nodes")}
    assert nodes == {"pve1": "online", "pve2": "offline"}
    client.simulator.fault("node_down", on=False, node="pve2")
    assert client.get("/nodes/pve2/lxc/102/config")["hostname"] == "api"


def test_no_quorum_refuses_writes_and_shows_in_the_cluster_status(simulate) -> None:
    client = simulate(fault=["no_quorum"])
    assert client.put(CONFIG, memory=640) == (500, "cluster not ready - no quorum?")
    assert client.get("/cluster/status")[0]["quorate"] == 0
    assert client.get(CONFIG)["hostname"] == "web"


@pytest.mark.parametrize(("when", "memory_mib"), [("before", 512), ("after", 640)])
def test_connection_drop_loses_the_answer_before_or_after_the_change(simulate_one, when: str, memory_mib: int) -> None:
    client = simulate_one()
    client.simulator.fault("connection_drop", when=when, count=1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError, OSError)):
        client.put(CONFIG, memory=640)
    assert client.get(CONFIG)["memory"] == memory_mib
    assert client.put(CONFIG, memory=700) == (200, "OK")


def test_status_code_strikes_as_often_as_told_and_only_on_its_path(simulate_one) -> None:
    client = simulate_one()
    client.simulator.fault("status_code", status=596, count=2, path="/config$")
    assert client.get("/version")["release"] == "9.2"
    assert [client.send("GET", CONFIG)[0] for _try in range(3)] == [596, 596, 200]


def test_task_failure_ends_a_task_with_its_text(simulate_one) -> None:
    client = simulate_one()
    client.simulator.fault("task_failure", type="vzstop", text="broken", count=1)
    _status, _reason, body = client.send("POST", "/nodes/pve1/lxc/101/status/stop", {})
    assert client.finish(body["data"]) == "broken"
    assert client.simulator.guest(101)["status"] == "running"


def test_an_unknown_fault_is_refused_with_the_known_names(simulate_one) -> None:
    client = simulate_one()
    with pytest.raises(Exception, match="unknown fault 'nosuch'; known: config_readonly, pvestatd_stuck"):
        client.simulator.fault("nosuch")
