# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lxc_facts and lxc_info as a user runs them."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.autoscale.proxmox.plugins.modules import lxc_facts, lxc_info

EVERYTHING = ["config", "pending", "metrics", "history", "snapshots", "interfaces"]


def running(simulator):
    guests = simulator.state()["guests"].values()
    return min(guest["vmid"] for guest in guests if guest["type"] == "lxc" and guest["status"] == "running")


def test_facts_returns_facts_and_nothing_else(run):
    result = run("lxc_facts")
    assert sorted(result) == ["ansible_facts", "invocation", "warnings"]
    assert result["warnings"] == []
    assert sorted(result["ansible_facts"]) == ["proxmox_lxc"]
    assert sorted(result["ansible_facts"]["proxmox_lxc"]) == ["containers", "nodes", "unreachable_nodes"]


def test_facts_of_the_whole_cluster_are_one_request_and_leave_out_virtual_machines(simulator, run):
    simulator.reset_requests()
    facts = run("lxc_facts", gather=["metrics"])["ansible_facts"]["proxmox_lxc"]
    assert [(record["method"], record["path"]) for record in simulator.requests()] == [("GET", "/cluster/resources")]
    expected = sorted(str(guest["vmid"]) for guest in simulator.state()["guests"].values() if guest["type"] == "lxc")
    assert sorted(facts["containers"]) == expected


def test_info_returns_the_same_as_plain_values(run):
    info = run("lxc_info", gather=["config"])
    facts = run("lxc_facts", gather=["config"])["ansible_facts"]["proxmox_lxc"]
    assert {key: info[key] for key in ("containers", "nodes", "unreachable_nodes")} == facts
    assert info["changed"] is False


@pytest.mark.parametrize("name", ["lxc_facts", "lxc_info"])
def test_check_mode_returns_the_same(run, name):
    with_check, without = run(name, is_check=True), run(name)
    with_check.pop("invocation"), without.pop("invocation")
    assert with_check == without


def test_selection_by_tag_and_state(simulator, run):
    containers = run("lxc_info", tags=["web"], status=["running"])["containers"]
    expected = sorted(
        str(guest["vmid"])
        for guest in simulator.state()["guests"].values()
        if guest["type"] == "lxc" and guest["status"] == "running" and "web" in guest["config"].get("tags", "").split(";")
    )
    assert expected
    assert sorted(containers) == expected


def test_a_node_that_is_down_is_reported_and_is_no_failure(simulator, run):
    simulator.fault("node_down", node="pve2")
    simulator.advance(20)
    info = run("lxc_info", gather=["config"])
    assert info["unreachable_nodes"] == ["pve2"]
    on_pve2 = [container for container in info["containers"].values() if container["node"] == "pve2"]
    assert on_pve2
    assert {container["errors"]["config"] for container in on_pve2} == {"its node pve2 cannot be reached"}
    assert {container["status"] for container in on_pve2} == {"unknown"}


def test_a_token_that_sees_nothing_warns(simulator, run):
    result = run("lxc_info", api_token_id="nobody@pve!none", api_token_secret=simulator.tokens["nobody@pve!none"])
    assert result["containers"] == {}
    assert "lacks VM.Audit on /vms" in result["warnings"][0]


def test_a_vmid_that_does_not_exist_warns(run):
    result = run("lxc_info", vmids=[999])
    assert result["containers"] == {}
    assert result["warnings"][0].startswith("there is no container 999 among the ")


def test_a_wrong_secret_is_one_clear_sentence(run):
    result = run("lxc_info", api_token_secret="not-the-secret")
    assert result["failed"] is True
    assert result["msg"].startswith("Authentication failed!")


def test_the_returned_keys_are_the_documented_ones(simulator, run):
    documented = yaml.safe_load(lxc_info.RETURN)
    simulator.advance(120)
    container = run("lxc_info", vmids=[running(simulator)], gather=EVERYTHING)["containers"][str(running(simulator))]
    described = documented["containers"]["contains"]["<vmid>"]["contains"]
    assert sorted(container) == sorted(described)
    assert sorted(container["metrics"]) == sorted(described["metrics"]["contains"])
    assert sorted(container["history"][0]) == sorted(described["history"]["contains"])
    node = run("lxc_info")["nodes"]["pve1"]
    assert sorted(node) == sorted(documented["nodes"]["contains"]["<node>"]["contains"])


def test_both_modules_document_the_same_values():
    facts = yaml.safe_load(lxc_facts.RETURN)["ansible_facts"]["contains"]["proxmox_lxc"]["contains"]
    assert facts == yaml.safe_load(lxc_info.RETURN)


def test_every_documented_value_has_type_returned_and_a_sample_or_contents():
    def leaves_without(values, path):
        for name, value in values.items():
            here = f"{path}.{name}"
            if not {"description", "type", "returned"} <= value.keys() or not {"sample", "contains"} & value.keys():
                yield here
            yield from leaves_without(value.get("contains", {}), here)

    assert list(leaves_without(yaml.safe_load(lxc_facts.RETURN), "")) == []
