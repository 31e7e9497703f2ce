# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing power over the real client against the simulator, which answers as the recordings of PVE 9.2.11 do."""

from __future__ import annotations

import collections

import pytest

NODE = {"name": "pve1", "cpus": 4, "memory_mib": 8192}


@pytest.fixture(scope="module")
def cluster():
    from harness import Simulator

    # A shutdown that nobody hears takes its timeout and six seconds more; a hundredth of that here.
    with Simulator(nodes=3, containers=12, auth_delay=0.1, task_seconds=0.05, wait_scale=0.01) as simulator:
        yield simulator


@pytest.fixture
def simulator(cluster):
    yield cluster
    for name in ("node_down", "connection_drop", "status_code", "task_failure"):
        cluster.fault(name, on=False)
    for vmid in range(101, 113):
        cluster.set_guest(vmid, status="running", lock=None, hastate=None, is_deaf_to_shutdown=False)
    cluster.advance(20)


@pytest.fixture
def change(simulator):
    return lambda **options: change_power(simulator, **options)


def connect(simulator, token):
    from pve_lxc.backend.api import ProxmoxAPIClient
    from pve_lxc.transport.settings import ConnectionSettings

    return ProxmoxAPIClient.connect(
        ConnectionSettings(host=simulator.host, port=simulator.port, ca_path=simulator.ca_path, token_id=token, token_secret=simulator.tokens[token])
    )


def change_power(simulator, *, token="automation@pve!resize", is_check=False, **options):
    from pve_lxc.operations.power import change_power_of_containers
    from pve_lxc.operations.power_request import parse_power_targets

    client = connect(simulator, token)
    simulator.reset_requests()
    try:
        return change_power_of_containers(client, parse_power_targets(options), is_check=is_check).outcomes
    finally:
        client.close()


def reasons(outcomes):
    return [str(outcome.reason) for outcome in outcomes]


def statuses(simulator, *vmids):
    return [simulator.guest(vmid)["status"] for vmid in vmids]


def counted(simulator):
    """Return how many requests of each kind were made, the looks at tasks left out."""
    records = [record for record in simulator.requests() if "/tasks/" not in record["path"]]
    return dict(collections.Counter(f"{record['method']} /{record['path'].rsplit('/', 1)[-1]}" for record in records))


def test_a_container_is_stopped_and_started_and_each_again_changes_nothing(simulator, change):
    assert reasons(change(vmid=101, state="stopped")) == ["stopped"]
    assert statuses(simulator, 101) == ["stopped"]
    assert reasons(change(vmid=101, state="stopped")) == ["unchanged"]
    assert counted(simulator) == {"GET /resources": 1, "GET /lxc": 1}
    assert reasons(change(vmid=101, state="started")) == ["started"]
    assert statuses(simulator, 101) == ["running"]
    assert reasons(change(vmid=101, state="started")) == ["unchanged"]


def test_twelve_containers_of_three_nodes_are_shut_down_with_one_call(simulator, change):
    outcomes = change(vmids=list(range(101, 113)), state="stopped")
    assert reasons(outcomes) == ["stopped"] * 12
    assert statuses(simulator, *range(101, 113)) == ["stopped"] * 12
    assert counted(simulator) == {
        "GET /resources": 1, "GET /lxc": 3, "GET /config": 12, "GET /version": 1, "POST /shutdown": 1, "GET /current": 12,
    }  # fmt: skip
    [call] = [record for record in simulator.requests() if record["method"] == "POST"]
    assert call["path"].endswith("/cluster/bulk-action/guest/shutdown")
    assert sorted(call["parameters"]) == ["force-stop", "max-workers", "timeout", "vms"]
    assert simulator.guest(5000)["status"] == "running"

    outcomes = change(vmids=list(range(101, 113)), state="started")
    assert reasons(outcomes) == ["started"] * 12
    assert statuses(simulator, *range(101, 113)) == ["running"] * 12


def test_a_selection_in_which_all_are_there_already_calls_nothing(simulator, change):
    assert set(reasons(change(tags=["prod"], state="started"))) == {"unchanged"}
    assert [record for record in simulator.requests() if record["method"] != "GET"] == []


def test_a_container_deaf_to_shutdown_fails_and_stops_by_force(simulator, change):
    simulator.set_guest(104, is_deaf_to_shutdown=True)
    [outcome] = change(vmid=104, state="stopped", timeout=3)
    assert (str(outcome.reason), outcome.is_changed, statuses(simulator, 104)) == ("did_not_stop", False, ["running"])
    assert reasons(change(vmid=104, state="stopped", timeout=3, force=True)) == ["stopped"]
    assert statuses(simulator, 104) == ["stopped"]


def test_a_deaf_one_among_several_fails_alone(simulator, change):
    simulator.set_guest(104, is_deaf_to_shutdown=True)
    assert reasons(change(vmids=[103, 104, 105], state="stopped", timeout=3)) == ["stopped", "did_not_stop", "stopped"]
    assert reasons(change(vmids=[103, 104, 105], state="stopped", timeout=3, force=True)) == ["unchanged", "stopped", "unchanged"]


def test_force_without_any_time_is_the_hard_stop_of_proxmox(simulator, change):
    assert reasons(change(vmid=101, state="stopped", force=True, timeout=0)) == ["stopped"]
    assert counted(simulator)["POST /stop"] == 1


def test_a_restart_puts_pending_changes_into_effect(simulator, change):
    client = connect(simulator, "root@pam!all")
    client.update_container_config("pve2", 102, nameserver="192.0.2.53")
    client.close()
    assert simulator.guest(102)["pending"] == {"nameserver": "192.0.2.53"}
    [outcome] = change(vmid=102, state="restarted")
    assert (str(outcome.reason), outcome.is_changed) == ("restarted", True)
    assert simulator.guest(102)["pending"] == {}
    assert simulator.guest(102)["config"]["nameserver"] == "192.0.2.53"


def test_suspending_on_a_node_without_criu_says_what_is_missing(simulator, change):
    [outcome] = change(vmid=101, state="suspended")
    assert (str(outcome.reason), statuses(simulator, 101)) == ("task_failed", ["running"])
    assert "execing criu failed, is it installed?" in outcome.message


def test_high_availability_is_verified_by_status_and_not_by_its_task(simulator, change):
    simulator.set_guest(103, hastate="started")
    assert reasons(change(vmid=103, state="stopped", force=True, timeout=0)) == ["stopped"]
    assert statuses(simulator, 103) == ["stopped"]
    simulator.advance(20)
    assert reasons(change(vmid=103, state="started")) == ["started"]
    assert statuses(simulator, 103) == ["running"]
    assert counted(simulator)["GET /current"] > 1


def test_templates_and_locks_are_refused_each_with_its_reason(simulator, change):
    simulator.set_guest(105, lock="backup")
    outcomes = change(containers=[{"vmid": 9000}, {"vmid": 105, "state": "stopped"}, {"vmid": 777}], state="started")
    assert reasons(outcomes) == ["template", "locked", "not_found"]
    assert [record for record in simulator.requests() if record["method"] != "GET"] == []


def test_a_node_that_is_down_fails_its_containers_only(simulator, change):
    simulator.fault("node_down", node="pve2")
    simulator.advance(20)
    outcomes = change(containers=[{"vmid": 102}, {"vmid": 101}], state="stopped")
    assert reasons(outcomes) == ["node_unreachable", "stopped"]


def test_a_connection_that_drops_after_the_call_is_settled_by_looking(simulator, change):
    simulator.fault("connection_drop", when="after", count=1)
    [outcome] = change(vmid=101, state="stopped")
    assert (str(outcome.reason), outcome.is_changed) == ("stopped", True)
    assert counted(simulator)["POST /shutdown"] == 1


def test_somebody_who_may_only_read_is_told_the_privilege(simulator, change):
    outcomes = change(token="auditor@pve!read", vmids=[101, 102], state="stopped")
    assert [outcome.message for outcome in outcomes] == [f"missing privilege on /vms/{vmid}: VM.PowerMgmt" for vmid in (101, 102)]


def test_before_the_bulk_action_it_is_done_one_by_one():
    from harness import Simulator

    guests = [{"vmid": vmid, "name": f"ct{vmid}", "status": "stopped"} for vmid in (101, 102, 103)]
    with Simulator(world={"version": "9.0.15", "nodes": [NODE], "guests": guests}, task_seconds=0.05) as old:
        assert reasons(change_power(old, vmids=[101, 102, 103], state="started")) == ["started"] * 3
        calls = sorted(record["path"] for record in old.requests() if record["method"] == "POST")
        assert [path.split("/nodes/")[-1] for path in calls] == [f"pve1/lxc/{vmid}/status/start" for vmid in (101, 102, 103)]
