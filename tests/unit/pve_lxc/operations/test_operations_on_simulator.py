# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resizing over the real client against the simulator: what is requested, and what each thing that goes wrong leads to."""

from __future__ import annotations

import collections
import socket

import pytest

COUNT = 60


@pytest.fixture(scope="module")
def cluster():
    from harness import Simulator

    with Simulator(nodes=3, containers=COUNT, auth_delay=0.1, task_seconds=0.1) as simulator:
        yield simulator


@pytest.fixture
def simulator(cluster):
    yield cluster
    for name in ("config_readonly", "node_down", "connection_drop", "status_code", "slow"):
        cluster.fault(name, on=False)
    for node in cluster.nodes:
        cluster.set_node(node, cgroup_mode=2, is_reachable=True)
    cluster.advance(20)


@pytest.fixture
def connect(simulator):
    from pve_lxc.backend.api import ProxmoxAPIClient
    from pve_lxc.transport.settings import ConnectionSettings

    clients = []

    def connect(**changes):
        token = changes.pop("token", "automation@pve!resize")
        settings = {"host": simulator.host, "port": simulator.port, "ca_path": simulator.ca_path, "token_id": token, "token_secret": simulator.tokens[token]}
        clients.append(ProxmoxAPIClient.connect(ConnectionSettings(**{**settings, **changes})))
        simulator.reset_requests()
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def resize(client, **options):
    from pve_lxc.operations.request import parse_requests
    from pve_lxc.operations.resize import resize_containers

    return resize_containers(client, parse_requests(options))


def counted(simulator):
    """Return how many requests of each kind were made: ``GET /config``."""
    records = simulator.requests()
    return dict(collections.Counter(f"{record['method']} /{record['path'].rsplit('/', 1)[-1]}" for record in records))


def running_vmids(simulator, count):
    guests = simulator.state()["guests"].values()
    fitting = [guest["vmid"] for guest in guests if guest["type"] == "lxc" and guest["status"] == "running" and not guest["config"].get("lock")]
    return sorted(fitting)[:count]


def test_fifty_containers_cost_three_requests_each_when_changed_and_one_when_unchanged(simulator, connect):
    containers = [{"vmid": vmid} for vmid in running_vmids(simulator, 50)]
    assert len(containers) == 50
    client = connect()
    outcomes = resize(client, containers=containers, cpuunits="321")
    changed = counted(simulator)
    print(f"50 changed: {sum(changed.values())} requests {changed}")
    assert [(outcome.is_changed, outcome.is_failed) for outcome in outcomes] == [(True, False)] * 50
    assert changed == {"GET /resources": 1, "GET /config": 50, "PUT /config": 50, "GET /pending": 50}

    simulator.reset_requests()
    outcomes = resize(client, containers=containers, cpuunits="321")
    unchanged = counted(simulator)
    print(f"50 unchanged: {sum(unchanged.values())} requests {unchanged}")
    assert [str(outcome.reason) for outcome in outcomes] == ["unchanged"] * 50
    assert unchanged == {"GET /resources": 1, "GET /config": 50}


def test_on_a_cgroup_one_node_memory_and_cpu_cost_five_requests(simulator, connect):
    vmid = running_vmids(simulator, 1)[0]
    for node in simulator.nodes:
        simulator.set_node(node, cgroup_mode=1)
    simulator.advance(20)
    client = connect()
    [outcome] = resize(client, vmid=vmid, memory="+64", cpulimit="1.5")
    assert (outcome.is_changed, outcome.is_failed) == (True, False)
    assert counted(simulator) == {"GET /resources": 1, "GET /config": 2, "PUT /config": 2, "GET /pending": 1}
    puts = [record["parameters"] for record in simulator.requests() if record["method"] == "PUT"]
    assert [sorted(names) for names in puts] == [["digest", "memory"], ["cpulimit", "digest"]]


def test_growing_and_shrinking_back_within_ten_seconds_sees_both_happen(simulator, connect):
    simulator.advance(20)
    vmid = running_vmids(simulator, 1)[0]
    before = int(simulator.guest(vmid)["config"]["memory"])
    [grown] = resize(connect(), vmid=vmid, memory="+256")
    [shrunk] = resize(connect(), vmid=vmid, memory=str(before), force=True)
    assert (grown.is_changed, grown.after.memory_mib) == (True, before + 256)
    assert (shrunk.is_changed, shrunk.before.memory_mib, shrunk.after.memory_mib) == (True, before + 256, before)
    assert simulator.guest(vmid)["live"]["memory_mib"] == before


def test_a_container_that_was_started_within_the_lag_keeps_its_memory(simulator, connect):
    vmid = running_vmids(simulator, 1)[0]
    simulator.set_guest(vmid, status="stopped")
    simulator.advance(20)
    simulator.set_guest(vmid, status="running")
    client = connect()
    assert client.read_cluster().guests[vmid].status == "stopped"
    [outcome] = resize(client, vmid=vmid, memory="-64")
    assert (outcome.is_changed, outcome.is_failed, str(outcome.reason)) == (False, True, "not_measured")


def test_a_connection_that_drops_after_the_write_changes_once(simulator, connect):
    vmid = running_vmids(simulator, 1)[0]
    before = int(simulator.guest(vmid)["config"]["memory"])
    client = connect()
    simulator.fault("connection_drop", when="after", count=1)
    [outcome] = resize(client, vmid=vmid, memory="+128")
    assert (outcome.is_changed, outcome.is_failed, outcome.after.memory_mib) == (True, False, before + 128)
    assert simulator.guest(vmid)["config"]["memory"] == str(before + 128)
    assert counted(simulator)["PUT /config"] == 1


def test_a_connection_that_drops_before_the_write_is_written_once_more(simulator, connect):
    vmid = running_vmids(simulator, 1)[0]
    before = int(simulator.guest(vmid)["config"]["memory"])
    client = connect()
    simulator.fault("connection_drop", when="before", count=1)
    [outcome] = resize(client, vmid=vmid, memory="+128")
    assert (outcome.is_changed, outcome.is_failed, outcome.after.memory_mib) == (True, False, before + 128)
    assert simulator.guest(vmid)["config"]["memory"] == str(before + 128)


def test_a_configuration_that_cannot_be_saved_is_half_applied(simulator, connect):
    vmid = running_vmids(simulator, 1)[0]
    before = int(simulator.guest(vmid)["config"]["memory"])
    simulator.fault("config_readonly", vmid=vmid)
    [outcome] = resize(connect(), vmid=vmid, memory="+128")
    assert (outcome.is_changed, outcome.is_failed, str(outcome.reason)) == (False, True, "half_applied")
    assert outcome.after.memory_mib == before
    assert simulator.guest(vmid)["live"]["memory_mib"] == before + 128


def test_an_operator_who_writes_after_the_reading_is_not_overwritten(simulator, connect):
    from pve_lxc.operations.request import parse_requests
    from pve_lxc.operations.resize import plan_resize
    from pve_lxc.operations.resize_apply import apply_resize

    vmid = running_vmids(simulator, 1)[0]
    client = connect()
    guest = client.read_cluster().guests[vmid]
    [request] = parse_requests({"vmid": vmid, "memory": "+128"})
    plan = plan_resize(request, guest, client.read_config(guest.node, vmid), 2)
    simulator.set_guest(vmid, config={"description": "mine"})
    outcome = apply_resize(client, plan)
    assert (outcome.is_changed, outcome.is_failed, str(outcome.reason)) == (False, True, "config_changed")
    assert simulator.guest(vmid)["config"]["memory"] == str(plan.before.memory_mib)


def test_a_locked_container_is_left_alone_with_the_name_of_its_lock(simulator, connect):
    vmid = running_vmids(simulator, 1)[0]
    simulator.set_guest(vmid, lock="backup")
    [outcome] = resize(connect(), vmid=vmid, memory="+128")
    simulator.set_guest(vmid, lock=None)
    assert (outcome.is_failed, str(outcome.reason)) == (True, "locked")
    assert outcome.message == "the container is locked (backup); try again when that is over"


def test_a_lock_that_comes_after_the_reading_is_reported_as_a_lock(simulator, connect):
    from pve_lxc.operations.request import parse_requests
    from pve_lxc.operations.resize import plan_resize
    from pve_lxc.operations.resize_apply import apply_resize

    vmid = running_vmids(simulator, 1)[0]
    client = connect()
    guest = client.read_cluster().guests[vmid]
    [request] = parse_requests({"vmid": vmid, "memory": "+128"})
    plan = plan_resize(request, guest, client.read_config(guest.node, vmid), 2)
    simulator.set_guest(vmid, lock="backup")
    outcome = apply_resize(client, plan)
    simulator.set_guest(vmid, lock=None)
    assert (outcome.is_changed, outcome.is_failed) == (False, True)
    assert str(outcome.reason) == "locked"


def test_a_node_that_is_down_fails_its_containers_only(simulator, connect):
    by_node = {}
    for guest in simulator.state()["guests"].values():
        if guest["type"] == "lxc" and guest["status"] == "running":
            by_node.setdefault(guest["node"], guest["vmid"])
    simulator.fault("node_down", node="pve2")
    simulator.advance(20)
    outcomes = resize(connect(), containers=[{"vmid": by_node["pve2"]}, {"vmid": by_node["pve1"]}], cpuunits="77")
    assert [str(outcome.reason) for outcome in outcomes] == ["node_unreachable", "resized"]


def test_a_node_that_went_down_a_moment_ago_fails_its_containers_only(simulator, connect):
    guest = next(guest for guest in simulator.state()["guests"].values() if guest["type"] == "lxc" and guest["node"] == "pve2")
    client = connect()
    simulator.fault("status_code", status=595, count=1, path="/config")
    [outcome] = resize(client, vmid=guest["vmid"], cpuunits="78")
    assert (outcome.is_failed, str(outcome.reason)) == (True, "node_unreachable")


def test_a_token_without_the_right_to_write_names_privilege_and_path(simulator, connect):
    vmid = running_vmids(simulator, 1)[0]
    [outcome] = resize(connect(token="auditor@pve!read"), vmid=vmid, memory="+128")
    assert (outcome.is_failed, str(outcome.reason)) == (True, "permission_denied")
    assert outcome.message == f"missing privilege on /vms/{vmid}: VM.Config.Memory"


def test_a_token_that_sees_nothing_is_told_so(simulator, connect):
    [outcome] = resize(connect(token="nobody@pve!none"), vmid=101, memory="+128")
    assert str(outcome.reason) == "not_found"
    assert "lacks VM.Audit on /vms" in outcome.message


def test_a_wrong_secret_is_an_authentication_error(connect):
    from pve_lxc.errors import ProxmoxAuthenticationError

    with pytest.raises(ProxmoxAuthenticationError):
        resize(connect(token_secret="wrong"), vmid=101, memory="+128")


def test_a_host_that_does_not_listen_is_a_connection_error_with_nothing_sent(connect):
    from pve_lxc.errors import ProxmoxConnectionError

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ProxmoxConnectionError) as caught:
            resize(connect(port=unused.getsockname()[1], retries=0), vmid=101, memory="+128")
    assert caught.value.is_sent is False


def test_a_wrong_fingerprint_is_a_tls_error(connect):
    from pve_lxc.errors import ProxmoxTLSError

    with pytest.raises(ProxmoxTLSError):
        resize(connect(fingerprint=":".join(["AB"] * 32)), vmid=101, memory="+128")


def test_facts_of_the_whole_cluster_cost_one_request(simulator, connect):
    from pve_lxc.operations.facts import Gathering, gather_facts
    from pve_lxc.operations.find import Selection

    facts = gather_facts(connect(), Selection(statuses=("running",)), Gathering(frozenset({"metrics"})))
    assert counted(simulator) == {"GET /resources": 1}
    assert sorted(facts.nodes) == ["pve1", "pve2", "pve3"]
    assert {facts["status"] for facts in facts.containers.values()} == {"running"}


def test_facts_of_a_cluster_with_a_node_down_name_it_and_go_on(simulator, connect):
    from pve_lxc.operations.facts import Gathering, gather_facts
    from pve_lxc.operations.find import Selection

    simulator.fault("node_down", node="pve2")
    simulator.advance(20)
    facts = gather_facts(connect(), Selection(), Gathering(frozenset({"config", "pending"})))
    assert facts.unreachable_nodes == ("pve2",)
    on_pve2 = [container for container in facts.containers.values() if container["node"] == "pve2"]
    others = [container for container in facts.containers.values() if container["node"] != "pve2"]
    assert on_pve2 and all(container["errors"]["config"] == "its node pve2 cannot be reached" for container in on_pve2)
    assert others and all(container["errors"] == {} and container["config"]["digest"] for container in others)
