# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many containers in one task."""

from __future__ import annotations

import collections

import pytest
from pve_lxc.errors import ProxmoxConnectionError, ProxmoxPermissionError, RequestError
from pve_lxc.model.node import Node
from pve_lxc.operations.request import parse_requests
from pve_lxc.operations.resize import resize_containers


def resize(backend, *containers, concurrency=4, is_check=False, is_fail_fast=False, **beside):
    requests = parse_requests({"containers": list(containers), **beside})
    return resize_containers(backend, requests, is_check=is_check, concurrency=concurrency, is_fail_fast=is_fail_fast)


def counted(backend):
    return dict(sorted(collections.Counter(call[0] for call in backend.calls).items()))


def test_fifty_changed_containers_cost_one_request_and_three_each(backend):
    for vmid in range(101, 151):
        backend.add(vmid, cores=1)
    outcomes = resize(backend, *({"vmid": vmid} for vmid in range(101, 151)), cores="2")
    assert counted(backend) == {"read_cluster": 1, "read_config": 50, "read_pending": 50, "write_config": 50}
    assert [outcome.vmid for outcome in outcomes] == list(range(101, 151))
    assert all(outcome.is_changed and not outcome.is_failed for outcome in outcomes)


def test_fifty_unchanged_containers_cost_one_request_and_one_each(backend):
    for vmid in range(101, 151):
        backend.add(vmid, cores=2)
    outcomes = resize(backend, *({"vmid": vmid} for vmid in range(101, 151)), cores="2")
    assert counted(backend) == {"read_cluster": 1, "read_config": 50}
    assert [str(outcome.reason) for outcome in outcomes] == ["unchanged"] * 50


def test_on_cgroup_one_cpu_and_memory_cost_five_requests_each(old_backend):
    for vmid in (101, 102):
        old_backend.add(vmid, cores=1)
    resize(old_backend, {"vmid": 101}, {"vmid": 102}, cores="2", memory="2G")
    assert counted(old_backend) == {"read_cluster": 1, "read_config": 4, "read_pending": 2, "write_config": 4}


def test_check_mode_predicts_and_writes_nothing(backend):
    backend.add(101, cores=1)
    [outcome] = resize(backend, {"vmid": 101, "cores": "+1"}, is_check=True)
    assert (outcome.is_changed, outcome.before.cores, outcome.after.cores, backend.writes) == (True, 1, 2, [])
    assert backend.values[101]["cores"] == 1


def test_check_mode_shows_refusals_too(backend):
    backend.add(101, memory=1024)
    [outcome] = resize(backend, {"vmid": 101, "memory": "512"}, is_check=True)
    assert (outcome.is_changed, outcome.is_failed, outcome.reason) == (False, True, "shmem_unknown")


def test_growing_and_shrinking_back_within_the_lag_of_the_cluster_sees_both_happen(backend):
    backend.add(101, cores=1, memory=1024)
    [grown] = resize(backend, {"vmid": 101, "cores": "2", "memory": "2048"})
    [shrunk] = resize(backend, {"vmid": 101, "cores": "1", "memory": "1024", "force": True})
    assert (grown.is_changed, shrunk.is_changed) == (True, True)
    assert (backend.values[101]["cores"], backend.values[101]["memory"]) == (1, 1024)


def test_one_failing_container_does_not_stop_the_others(backend):
    backend.add(101, cores=1)
    backend.add(102, cores=1, lock="backup")
    backend.add(103, cores=1)
    outcomes = resize(backend, {"vmid": 101}, {"vmid": 999}, {"vmid": 102}, {"vmid": 103}, cores="2")
    assert [str(outcome.reason) for outcome in outcomes] == ["resized", "not_found", "locked", "resized"]
    assert [outcome.is_failed for outcome in outcomes] == [False, True, True, False]


def test_fail_fast_leaves_the_rest_alone(backend):
    for vmid in (101, 102, 103):
        backend.add(vmid, cores=1)
    backend.fail("write_config", ProxmoxPermissionError("no", acl_path="/vms/101", privileges=["VM.Config.CPU"]))
    outcomes = resize(backend, {"vmid": 101}, {"vmid": 102}, {"vmid": 103}, cores="2", is_fail_fast=True)
    assert [str(outcome.reason) for outcome in outcomes] == ["permission_denied", "not_tried", "not_tried"]
    assert counted(backend) == {"read_cluster": 1, "read_config": 1, "write_config": 1}
    assert [(outcome.name, outcome.node) for outcome in outcomes[1:]] == [("ct102", "pve1"), ("ct103", "pve1")]


def test_a_container_is_found_by_its_name(backend):
    backend.add(101, "web", node="pve2", cores=1)
    [outcome] = resize(backend, {"name": "web", "cores": "2"})
    assert (outcome.vmid, outcome.node, outcome.is_changed) == (101, "pve2", True)


def test_a_name_that_two_containers_have_is_refused_with_their_ids(backend):
    backend.add(101, "web")
    backend.add(105, "web", node="pve2")
    [outcome] = resize(backend, {"name": "web", "cores": "2"})
    assert (outcome.vmid, outcome.name, outcome.is_failed, str(outcome.reason)) == (None, "web", True, "name_not_unique")
    assert outcome.message == "2 containers are named web (101 on pve1, 105 on pve2); name it by vmid"


def test_a_name_nobody_has_is_answered_with_near_ones(backend):
    backend.add(101, "webserver")
    backend.add(102, "database")
    [outcome] = resize(backend, {"name": "websever", "cores": "2"})
    assert outcome.message == "there is no container websever among the 2 that this user may see; near it: 101 (webserver)"


def test_a_vmid_nobody_has_is_answered_with_near_ones(backend):
    backend.add(101, "web")
    backend.add(250, "database")
    [outcome] = resize(backend, {"vmid": 110, "cores": "2"})
    assert (outcome.vmid, outcome.message) == (110, "there is no container 110 among the 2 that this user may see; near it: 101 (web)")


def test_an_empty_cluster_is_explained_by_the_missing_privilege(backend):
    [outcome] = resize(backend, {"vmid": 101, "cores": "2"})
    assert str(outcome.reason) == "not_found"
    assert "lacks VM.Audit on /vms" in outcome.message


def test_a_vmid_and_a_name_of_the_same_container_are_an_error_before_anything_is_written(backend):
    backend.add(101, "web", cores=1)
    with pytest.raises(RequestError) as caught:
        resize(backend, {"vmid": 101, "cores": "2"}, {"name": "web", "cores": "3"})
    assert [str(problem) for problem in caught.value.problems] == ["containers[1] = web: the same container (101, web) as containers[0]; name each one once"]
    assert counted(backend) == {"read_cluster": 1}


def test_a_container_on_a_node_that_is_down_is_not_asked_for(backend):
    backend.add(101, cores=1)
    backend.add(102, node="pve2", cores=1)
    backend.nodes["pve2"] = Node("pve2", "offline")
    outcomes = resize(backend, {"vmid": 101}, {"vmid": 102}, cores="2")
    assert [str(outcome.reason) for outcome in outcomes] == ["resized", "node_unreachable"]
    assert outcomes[1].message == "its node pve2 cannot be reached (Proxmox says offline)"
    assert ("read_config", 102) not in backend.calls


def test_a_configuration_that_cannot_be_read_fails_that_container_only(backend):
    backend.add(101, cores=1)
    backend.add(102, cores=1)
    backend.fail("read_config", ProxmoxPermissionError("no", acl_path="/vms/101", privileges=["VM.Audit"]))
    outcomes = resize(backend, {"vmid": 101}, {"vmid": 102}, cores="2", concurrency=1)
    assert [str(outcome.reason) for outcome in outcomes] == ["permission_denied", "resized"]


def test_a_cluster_that_cannot_be_read_ends_the_task(backend):
    backend.fail("read_cluster", ProxmoxConnectionError("connection refused", is_sent=False))
    with pytest.raises(ProxmoxConnectionError):
        resize(backend, {"vmid": 101, "cores": "2"})


def test_less_memory_for_a_stopped_container_costs_one_more_look(backend):
    backend.add(101, status="stopped", memory=1024)
    [outcome] = resize(backend, {"vmid": 101, "memory": "512"})
    assert (outcome.is_changed, backend.values[101]["memory"]) == (True, 512)
    assert counted(backend) == {"read_cluster": 1, "read_config": 1, "read_pending": 1, "read_status": 1, "write_config": 1}


def test_a_container_that_was_started_a_moment_ago_keeps_its_memory(backend):
    backend.add(101, status="stopped", memory=1024)
    backend.live_status[101] = "running"
    [outcome] = resize(backend, {"vmid": 101, "memory": "512"})
    assert (outcome.is_changed, outcome.is_failed, str(outcome.reason)) == (False, True, "not_measured")
    assert backend.values[101]["memory"] == 1024


def test_more_memory_for_a_stopped_container_needs_no_second_look(backend):
    backend.add(101, status="stopped", memory=1024)
    resize(backend, {"vmid": 101, "memory": "2048"})
    assert "read_status" not in counted(backend)
