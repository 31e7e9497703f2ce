# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

from pve_lxc.errors import ProxmoxAPIError, ProxmoxPermissionError
from pve_lxc.model.node import Node
from pve_lxc.model.usage import RrdRow
from pve_lxc.operations.facts import Gathering, gather_facts
from pve_lxc.operations.find import Selection


def vmids(backend, **marks):
    return list(gather_facts(backend, Selection(**marks), Gathering()).containers)


def fill(backend):
    backend.add(103, "cache", node="pve2", status="stopped", tags="prod")
    backend.add(101, "web", tags="prod;web")
    backend.add(102, "database")
    backend.guests[102] = replace(backend.guests[102], pool="customers")


def test_the_basic_facts_of_all_containers_cost_one_request(backend):
    fill(backend)
    facts = gather_facts(backend, Selection(), Gathering(frozenset({"metrics"})))
    assert backend.calls == [("read_cluster", None)]
    assert list(facts.containers) == ["101", "102", "103"]
    assert facts.containers["101"] == {
        "vmid": 101,
        "name": "web",
        "node": "pve1",
        "status": "running",
        "template": False,
        "lock": "",
        "tags": ["prod", "web"],
        "pool": "",
        "hastate": "",
        "uptime": None,
        "maxcpu": None,
        "maxmem": None,
        "maxdisk": None,
        "errors": {},
        "metrics": {"cpu": None, "cpu_cores": None, "mem": 104857600, "disk": None},
    }
    assert list(facts.nodes) == ["pve1", "pve2"]
    assert (facts.unreachable_nodes, facts.warnings) == ((), ())


def test_every_mark_that_is_given_must_fit_and_one_value_of_it_is_enough(backend):
    fill(backend)
    assert vmids(backend, vmids=(101, 103)) == ["101", "103"]
    assert vmids(backend, names=("web", "database")) == ["101", "102"]
    assert vmids(backend, nodes=("pve2",)) == ["103"]
    assert vmids(backend, tags=("prod",)) == ["101", "103"]
    assert vmids(backend, tags=("web", "prod"), statuses=("running",)) == ["101"]
    assert vmids(backend, pools=("customers",)) == ["102"]
    assert vmids(backend, tags=("prod",), pools=("customers",)) == []


def test_a_vmid_name_or_node_that_does_not_exist_is_warned_about(backend):
    fill(backend)
    facts = gather_facts(backend, Selection(vmids=(101, 999), names=("web", "wob"), nodes=("pve1", "pve9")), Gathering())
    assert facts.warnings == (
        "there is no container 999 among the 3 that this user may see",
        "there is no container wob among the 3 that this user may see; near it: 101 (web)",
        "there is no node pve9; this cluster has pve1, pve2",
    )


def test_an_empty_cluster_is_warned_about(backend):
    facts = gather_facts(backend, Selection(), Gathering())
    assert facts.containers == {}
    assert len(facts.warnings) == 1
    assert "lacks VM.Audit on /vms" in facts.warnings[0]


def test_pools_that_nobody_shows_are_warned_about(backend):
    backend.add(101)
    facts = gather_facts(backend, Selection(pools=("customers",)), Gathering())
    assert facts.warnings == ("no container shows a pool: Proxmox leaves the pool out, without an error, when Pool.Audit on /pool is missing",)


def test_configuration_and_pending_changes_together_cost_one_request_each(backend):
    backend.add(101, "web", cores=2)
    backend.pending[101] = {"nameserver": "192.0.2.53"}
    facts = gather_facts(backend, Selection(), Gathering(frozenset({"config", "pending"})))
    assert backend.calls == [("read_cluster", None), ("read_pending", 101)]
    assert facts.containers["101"]["config"] == {"memory": 1024, "swap": 512, "hostname": "web", "cores": 2, "digest": backend.digest(101)}
    assert facts.containers["101"]["pending"] == {"nameserver": "192.0.2.53"}


def test_configuration_alone_is_the_one_in_force(backend):
    backend.add(101)
    facts = gather_facts(backend, Selection(), Gathering(frozenset({"config"})))
    assert backend.calls == [("read_cluster", None), ("read_config", 101)]
    assert "pending" not in facts.containers["101"]


def test_history_snapshots_and_interfaces_cost_a_request_each(backend):
    backend.add(101)
    backend.history = [RrdRow(time_seconds=60.0, cpu_ratio=0.5)]
    gathering = Gathering(frozenset({"history", "snapshots", "interfaces"}), "day", "MAX")
    container = gather_facts(backend, Selection(), gathering).containers["101"]
    assert backend.calls == [("read_cluster", None), ("read_history day MAX", 101), ("read_snapshots", 101), ("read_interfaces", 101)]
    assert (container["history"][0]["time"], container["history"][0]["cpu"], container["history"][0]["mem"]) == (60.0, 0.5, None)
    assert (container["snapshots"], container["interfaces"]) == ([{"name": "fresh"}], [{"name": "eth0"}])


def test_a_stopped_container_is_not_asked_for_its_interfaces(backend):
    backend.add(101, status="stopped")
    facts = gather_facts(backend, Selection(), Gathering(frozenset({"interfaces"})))
    assert (facts.containers["101"]["interfaces"], backend.calls) == ([], [("read_cluster", None)])


def test_a_container_that_fails_says_so_and_the_others_go_on(backend):
    backend.add(101)
    backend.add(102)
    backend.fail("read_pending", ProxmoxPermissionError("no", acl_path="/vms/101", privileges=["VM.Audit"]))
    backend.fail("read_snapshots", ProxmoxAPIError("snapshot feature is not available", status=500))
    facts = gather_facts(backend, Selection(), Gathering(frozenset({"config", "pending", "snapshots"})), concurrency=1)
    sentence = "missing privilege on /vms/101: VM.Audit"
    assert facts.containers["101"]["errors"] == {"config": sentence, "pending": sentence, "snapshots": "snapshot feature is not available"}
    assert "config" not in facts.containers["101"]
    assert facts.containers["102"]["errors"] == {}
    assert facts.containers["102"]["config"]["memory"] == 1024


def test_a_node_that_is_down_is_named_and_not_asked(backend):
    backend.add(101)
    backend.add(102, node="pve2", status="unknown")
    backend.nodes["pve2"] = Node("pve2", "offline")
    facts = gather_facts(backend, Selection(), Gathering(frozenset({"config", "history"})), concurrency=1)
    assert facts.unreachable_nodes == ("pve2",)
    assert facts.containers["102"]["errors"] == {"config": "its node pve2 cannot be reached", "history": "its node pve2 cannot be reached"}
    assert [call[1] for call in backend.calls] == [None, 101, 101]
