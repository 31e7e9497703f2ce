# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lxc_autoscale as a user runs it, on a cluster whose containers have run for more than a day."""

from __future__ import annotations

import importlib.util
import json
import os
import pathlib
import socket
import sqlite3

import pytest

GUESTS = (
    # vmid, name, node, cores used, memory used; each has 4 cores and 2048 MiB.
    (101, "idle", "pve1", 0.2, 300),
    (102, "full", "pve1", 1.0, 2030),
    (201, "calm", "pve2", 3.0, 300),
)


def load_harness():
    path = pathlib.Path(__file__).resolve().parents[3] / "simulator" / "harness.py"
    specification = importlib.util.spec_from_file_location("harness", path)
    harness = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(harness)
    return harness


@pytest.fixture
def simulator():
    """A cluster of its own for each test: what was changed an hour ago is part of what is decided."""
    world = {
        "nodes": [{"name": name, "cpus": 16, "memory_mib": 65536} for name in ("pve1", "pve2", "pve3")],
        "guests": [
            {"vmid": vmid, "name": name, "node": node, "status": "running", "cpu_cores": cpu, "anon_mib": memory, "cache_mib": 0, "slab_mib": 0}
            | {"config": {"cores": 4, "memory": 2048, "swap": 0}}
            for vmid, name, node, cpu, memory in GUESTS
        ],
    }
    with load_harness().Simulator(world=world, auth_delay=0.1, history_hours=26) as running:
        yield running


def sizes(simulator, vmid):
    config = simulator.guest(vmid)["config"]
    return int(config["cores"]), int(config["memory"])


def by_vmid(result):
    return {entry["vmid"]: entry for entry in result["results"]}


def writes(simulator):
    return [request for request in simulator.requests() if request["method"] != "GET"]


def test_single_read_sees_that_pvestatd_is_stuck_and_recommends_nothing(simulator, run):
    simulator.fault("pvestatd_stuck")
    simulator.advance(200)
    result = run("lxc_autoscale")
    assert {entry["vmid"]: entry["reason"] for entry in result["results"]} == {101: "stale_sample", 102: "stale_sample", 201: "stale_sample"}
    assert [entry["should_change"] for entry in result["results"]] == [False, False, False]
    assert "pvestatd may be stuck" in by_vmid(result)[102]["msg"]


def test_without_any_option_it_recommends_for_every_online_node_and_writes_nothing(simulator, run):
    simulator.reset_requests()
    result = run("lxc_autoscale")
    assert (result["changed"], result.get("failed", False)) == (False, False)
    assert result["msg"] == "2 of 3 containers should have other sizes; nothing was changed"
    found = by_vmid(result)
    assert (found[101]["reason"], found[101]["before"]["cores"], found[101]["target"]["cores"], found[101]["after"]["cores"]) == ("shrink_cpu", 4, 1, 4)
    assert (found[102]["reason"], found[102]["target"]["memory"] > 2048) == ("grow_memory", True)
    assert found[201]["target"] == found[201]["before"]
    assert [(node["node"], node["containers"], node["mode"]) for node in result["nodes"]] == [
        ("pve1", 2, "recommend"),
        ("pve2", 1, "recommend"),
        ("pve3", 0, "recommend"),
    ]
    assert writes(simulator) == []
    assert result["totals"]["cores_before"] == 12.0
    assert result["totals"]["memory_before_mib"] == 6144


def test_memory_is_never_lowered_over_the_api(simulator, run):
    entry = by_vmid(run("lxc_autoscale"))[101]
    assert entry["target"]["memory"] == 2048
    assert "shmem_unknown" in entry["reasons"] or "too_little_history" in entry["reasons"]


def test_apply_without_a_lasting_state_recommends_and_says_so(simulator, run):
    simulator.reset_requests()
    result = run("lxc_autoscale", mode="apply")
    assert result["changed"] is False
    assert [warning for warning in result["warnings"] if "mode apply needs state_path" in warning]
    assert (writes(simulator), sizes(simulator, 101)) == ([], (4, 2048))


def test_apply_recommends_when_it_makes_the_state_and_applies_when_it_finds_it(simulator, run, tmp_path):
    path = tmp_path / "state" / "loop.sqlite"
    first = run("lxc_autoscale", mode="apply", state_path=str(path))
    assert (first["changed"], path.exists(), sizes(simulator, 101)) == (False, True, (4, 2048))
    assert [warning for warning in first["warnings"] if "the next one that finds it applies" in warning]

    second = run("lxc_autoscale", mode="apply", state_path=str(path), is_diff=True)
    assert (second["changed"], second["msg"]) == (True, "2 of 3 containers changed")
    found = by_vmid(second)
    assert (found[101]["before"]["cores"], found[101]["after"]["cores"], sizes(simulator, 101)[0]) == (4, 1, 1)
    assert found[102]["after"]["memory"] == sizes(simulator, 102)[1] > 2048
    assert second["diff"]["before"]["101 (idle)"]["cores"] == 4
    assert second["diff"]["after"]["101 (idle)"]["cores"] == 1

    simulator.advance(10)
    third = run("lxc_autoscale", mode="apply", state_path=str(path))
    assert by_vmid(third)[101]["after"]["cores"] == 1

    checked = run("lxc_autoscale", mode="rollback", state_path=str(path), vmid=101, is_check=True)
    assert (checked["changed"], sizes(simulator, 101)[0]) == (True, 1)
    back = run("lxc_autoscale", mode="rollback", state_path=str(path), vmid=101)
    assert (back["changed"], back["results"][0]["reason"], sizes(simulator, 101)) == (True, "rolled_back", (4, 2048))

    simulator.advance(10)
    held = run("lxc_autoscale", mode="apply", state_path=str(path))
    assert (by_vmid(held)[101]["reason"], sizes(simulator, 101)[0]) == ("rolled_back", 4)


def test_check_mode_of_apply_shows_what_would_change_and_leaves_the_state_as_it_is(simulator, run, tmp_path):
    path = tmp_path / "loop.sqlite"
    run("lxc_autoscale", state_path=str(path))
    before = sqlite3.connect(path).execute("select count(*) from run").fetchone()
    names = sorted(os.listdir(tmp_path))
    result = run("lxc_autoscale", mode="apply", state_path=str(path), is_check=True, is_diff=True)
    assert (result["changed"], result["msg"], sizes(simulator, 101)) == (True, "2 of 3 containers would be changed", (4, 2048))
    assert by_vmid(result)[101]["after"]["cores"] == 1
    assert result["diff"]["after"]["101 (idle)"]["cores"] == 1
    assert sqlite3.connect(path).execute("select count(*) from run").fetchone() == before
    assert [name for name in sorted(os.listdir(tmp_path)) if name not in names and not name.endswith(("-wal", "-shm"))] == []


def test_check_mode_of_recommend_would_change_nothing_and_the_diff_shows_the_decisions(simulator, run, tmp_path):
    result = run("lxc_autoscale", is_check=True, is_diff=True)
    assert result["changed"] is False
    assert (result["diff"]["before"]["101 (idle)"]["cores"], result["diff"]["after"]["101 (idle)"]["cores"]) == (4, 1)


def test_selection_and_bounds_come_from_the_inline_configuration(simulator, run):
    config = {"selection": {"vmids": [101]}, "bounds": {"min_cpu_cores": 2}, "overrides": {"101": {"policy": {"preset": "safe"}}}}
    found = by_vmid(run("lxc_autoscale", nodes=["pve1"], config=config))
    assert (found[101]["target"]["cores"], found[102]["reason"]) == (2, "not_selected")
    assert 201 not in found


def test_file_of_a_node_can_be_used_and_what_it_says_about_the_node_is_passed_over(simulator, run, tmp_path):
    path = tmp_path / "node.yaml"
    path.write_text(
        "node: elsewhere\nmode: apply\nconnection: {host: 192.0.2.1, token_id: a@pve!b, token_secret_file: /nowhere}\n"
        "state: {path: /nowhere/state.sqlite}\nselection: {vmids: [101]}\n",
        encoding="utf-8",
    )
    found = by_vmid(run("lxc_autoscale", config_file=str(path)))
    assert (found[101]["reason"], found[102]["reason"]) == ("shrink_cpu", "not_selected")


def test_missing_file_is_named_with_the_machine_on_which_it_was_looked_for(simulator, run, tmp_path):
    simulator.reset_requests()
    result = run("lxc_autoscale", config_file=str(tmp_path / "none.yaml"))
    advice = "config_file is looked for on the machine where the module runs: copy the file there, give its path there, or write the settings into config"
    message = f"there is no file {tmp_path / 'none.yaml'} on the machine {socket.gethostname()}; {advice}"
    assert result["problems"] == [{"place": "the file", "value": "", "msg": message}]
    assert (message in result["msg"], "Errno" in result["msg"], simulator.requests()) == (True, False, [])


def test_every_problem_of_the_configuration_is_named_and_nothing_is_asked(simulator, run):
    simulator.reset_requests()
    result = run("lxc_autoscale", config={"policy": {"preset": "fast"}, "bound": {}})
    assert result["failed"] is True
    assert [problem["place"] for problem in result["problems"]] == ["bound", "policy.preset"]
    assert simulator.requests() == []


def test_keys_that_the_options_say_are_refused_inline(run):
    result = run("lxc_autoscale", config={"mode": "apply", "connection": {}})
    assert [problem["place"] for problem in result["problems"]] == ["config.connection", "config.mode"]


def test_relative_state_path_is_refused_because_it_would_lie_beside_the_playbook(run):
    result = run("lxc_autoscale", state_path="autoscale/state.sqlite")
    assert [problem["place"] for problem in result["problems"]] == ["state_path"]
    assert "an absolute path is needed" in result["msg"]


@pytest.mark.parametrize("mode", ["recommend", "apply"])
def test_option_of_a_rollback_is_refused_where_it_would_be_passed_over(simulator, run, tmp_path, mode):
    simulator.reset_requests()
    result = run("lxc_autoscale", mode=mode, state_path=str(tmp_path / "loop.sqlite"), vmid=101, to="2h", force=True)
    assert [problem["place"] for problem in result["problems"]] == ["vmid", "to", "force"]
    assert f"this is for mode rollback only, and the mode is {mode}; which containers are looked at says selection in config" in result["msg"]
    assert simulator.requests() == []


def test_node_that_is_not_there_is_named_with_those_that_are(run):
    result = run("lxc_autoscale", nodes=["pve9"])
    assert result["failed"] is True
    assert "there is no such node; there are pve1, pve2, pve3" in result["msg"]


def test_offline_node_is_left_out_and_named(simulator, run):
    simulator.fault("node_down", node="pve2")
    simulator.advance(10)
    result = run("lxc_autoscale")
    assert (result["unreachable_nodes"], [node["node"] for node in result["nodes"]]) == (["pve2"], ["pve1", "pve3"])
    assert result.get("failed", False) is False


def test_cluster_without_quorum_is_left_as_it_is(simulator, run, tmp_path):
    path = str(tmp_path / "loop.sqlite")
    run("lxc_autoscale", state_path=path)
    simulator.fault("no_quorum")
    result = run("lxc_autoscale", mode="apply", state_path=path)
    assert (result["changed"], by_vmid(result)[101]["reason"], sizes(simulator, 101)) == (False, "no_quorum", (4, 2048))


def test_rollback_without_a_state_says_that_nothing_is_known(run, tmp_path):
    result = run("lxc_autoscale", mode="rollback", state_path=str(tmp_path / "none.sqlite"), vmid=101)
    assert result["failed"] is True
    assert "nothing is known of changes from here" in result["msg"]


def test_rollback_wants_to_know_what(run, tmp_path):
    path = str(tmp_path / "loop.sqlite")
    run("lxc_autoscale", state_path=path)
    result = run("lxc_autoscale", mode="rollback", state_path=path)
    assert result["problems"] == [{"place": "mode", "value": "rollback", "msg": "give vmid, or to, or both"}]


def test_no_secret_is_in_what_it_returns(simulator, run):
    result = run("lxc_autoscale", is_diff=True)
    assert simulator.tokens["automation@pve!resize"] not in json.dumps(result["results"]) + run.output.replace(json.dumps(result["results"]), "")


def test_root_file_system_that_is_full_grows_where_the_configuration_asks_for_it(simulator, run, tmp_path):
    simulator.set_guest(201, disk_bytes=int(3.75 * 2**30), config={"cores": 4, "memory": 2048, "swap": 0, "rootfs": "local:201/vm-201-disk-0.raw,size=4G"})
    simulator.advance(30)
    options = {"mode": "apply", "state_path": str(tmp_path / "loop.sqlite"), "nodes": ["pve2"], "config": {"policy": {"grow_rootfs": True}}}
    first = run("lxc_autoscale", **options)
    entry = by_vmid(first)[201]
    assert (first["changed"], entry["should_change"], entry["before"]["rootfs"], entry["target"]["rootfs"]) == (False, True, "4G", "6G")
    checked = by_vmid(run("lxc_autoscale", is_check=True, **options))[201]
    assert (checked["changed"], checked["after"]["rootfs"]) == (True, "6G")
    assert "size=4G" in simulator.guest(201)["config"]["rootfs"]

    second = run("lxc_autoscale", is_diff=True, **options)
    entry = by_vmid(second)[201]
    assert (second["changed"], entry["changed"], entry["reason"], entry["after"]["rootfs"]) == (True, True, "grow_rootfs", "6G")
    assert "size=6G" in simulator.guest(201)["config"]["rootfs"]
    assert (second["diff"]["before"]["201 (calm)"]["rootfs"], second["diff"]["after"]["201 (calm)"]["rootfs"]) == ("4G", "6G")
    assert (sizes(simulator, 201), run("lxc_autoscale", **options)["changed"]) == ((4, 2048), False)


def test_swap_is_returned_with_its_bounds_where_it_is_sized_and_kept_because_nobody_says_whether_the_node_has_any(simulator, run):
    config = {"policy": {"size_swap": True}, "bounds": {"min_swap_mib": 4096, "max_swap_mib": 8192}}
    entry = next(one for one in run("lxc_autoscale", nodes=["pve2"], config=config)["results"] if one["vmid"] == 201)
    assert (entry["swap_bounds_mib"], entry["target"]["swap"]) == ([4096.0, 8192.0], entry["before"]["swap"])
    assert "not_measured" in entry["reasons"]
    assert all("swap_bounds_mib" not in one for one in run("lxc_autoscale", nodes=["pve2"])["results"])
