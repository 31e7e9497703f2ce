# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lxc_resize as a user runs it."""

from __future__ import annotations

import socket

import pytest
import yaml
from ansible_collections.autoscale.proxmox.plugins.modules import lxc_resize


def running(simulator, count):
    guests = [guest for guest in simulator.state()["guests"].values() if guest["type"] == "lxc" and guest["status"] == "running"]
    return [guest["vmid"] for guest in sorted(guests, key=lambda guest: guest["vmid"]) if not guest["config"].get("lock")][:count]


def cores(simulator, vmid):
    return int(simulator.guest(vmid)["config"]["cores"])


def test_check_mode_with_diff_shows_the_change_and_makes_none(simulator, run):
    [vmid] = running(simulator, 1)
    before, name = cores(simulator, vmid), simulator.guest(vmid)["name"]
    result = run("lxc_resize", is_check=True, is_diff=True, vmid=vmid, cores="+1")
    assert (result["changed"], result["msg"]) == (True, "1 of 1 container would be changed")
    assert result["diff"]["before"][f"{vmid} ({name})"]["cores"] == before
    assert result["diff"]["after"][f"{vmid} ({name})"]["cores"] == before + 1
    assert cores(simulator, vmid) == before


def test_doing_it_twice_changes_once(simulator, run):
    [vmid] = running(simulator, 1)
    wanted = cores(simulator, vmid) + 1
    first = run("lxc_resize", is_diff=True, vmid=vmid, cores=wanted)
    second = run("lxc_resize", is_diff=True, vmid=vmid, cores=wanted)
    assert (first["changed"], second["changed"]) == (True, False)
    assert (first["msg"], second["msg"]) == ("1 of 1 container changed", "0 of 1 container changed")
    assert (first["results"][0]["reason"], second["results"][0]["reason"]) == ("resized", "unchanged")
    assert second["diff"] == {"before": {}, "after": {}}


def test_growing_and_shrinking_back_within_the_lag_of_the_cluster_changes_both_times(simulator, run):
    [vmid] = running(simulator, 1)
    before = int(simulator.guest(vmid)["config"]["memory"])
    grown = run("lxc_resize", vmid=vmid, memory="+256")
    shrunk = run("lxc_resize", vmid=vmid, memory=str(before), force=True)
    assert (grown["changed"], shrunk["changed"]) == (True, True)
    assert shrunk["results"][0]["before"]["memory"] == before + 256
    assert simulator.guest(vmid)["live"]["memory_mib"] == before
    assert "memory shrinks by force" in shrunk["warnings"][0]


def test_some_failing_containers_fail_the_task_with_every_result(simulator, run):
    good, locked = running(simulator, 2)
    simulator.set_guest(locked, lock="backup")
    result = run("lxc_resize", cpuunits="55", containers=[{"vmid": good}, {"vmid": 999}, {"vmid": locked}])
    simulator.set_guest(locked, lock=None)
    assert (result["failed"], result["changed"]) == (True, True)
    assert [(entry["vmid"], entry["failed"], entry["reason"]) for entry in result["results"]] == [
        (good, False, "resized"),
        (999, True, "not_found"),
        (locked, True, "locked"),
    ]
    assert result["msg"].startswith("2 of 3 containers failed: 999: there is no container 999 among the ")
    assert "the container is locked (backup); try again when that is over" in result["msg"]


def test_every_mistake_in_a_request_is_named_and_nothing_is_requested(simulator, run):
    simulator.reset_requests()
    result = run("lxc_resize", containers=[{"vmid": 101, "cores": "0"}, {"name": "web", "memory": "12 GiBi"}])
    assert result["failed"] is True
    assert [problem["place"] for problem in result["problems"]] == ["containers[0].cores", "containers[1].memory"]
    assert result["msg"].splitlines()[:2] == ["2 problems", "  containers[0].cores = 0: Proxmox allows 1 to 8192"]
    assert simulator.requests() == []


def test_a_wrong_digest_writes_nothing(simulator, run):
    [vmid] = running(simulator, 1)
    before = cores(simulator, vmid)
    result = run("lxc_resize", vmid=vmid, cores="+1", digest="0" * 40)
    assert (result["failed"], result["results"][0]["reason"], cores(simulator, vmid)) == (True, "config_changed", before)


def test_a_digest_of_facts_lets_the_change_through(simulator, run):
    [vmid] = running(simulator, 1)
    facts = run("lxc_facts", vmids=[vmid], gather=["config"])
    digest = facts["ansible_facts"]["proxmox_lxc"]["containers"][str(vmid)]["config"]["digest"]
    assert run("lxc_resize", vmid=vmid, cores="+1", digest=digest)["changed"] is True


def test_a_configuration_that_cannot_be_saved_is_reported_as_half_applied(simulator, run):
    [vmid] = running(simulator, 1)
    simulator.fault("config_readonly", vmid=vmid)
    result = run("lxc_resize", vmid=vmid, memory="+64")
    assert (result["failed"], result["results"][0]["reason"]) == (True, "half_applied")


def test_a_container_of_a_node_that_is_down_fails_and_the_others_do_not(simulator, run):
    guests = [guest for guest in simulator.state()["guests"].values() if guest["type"] == "lxc" and guest["status"] == "running"]
    on_pve1, on_pve2 = (next(guest["vmid"] for guest in guests if guest["node"] == node) for node in ("pve1", "pve2"))
    simulator.fault("node_down", node="pve2")
    simulator.advance(20)
    result = run("lxc_resize", cpuunits="66", containers=[{"vmid": on_pve2}, {"vmid": on_pve1}])
    assert [entry["reason"] for entry in result["results"]] == ["node_unreachable", "resized"]


def test_a_wrong_secret_says_so_and_does_not_show_it(run):
    result = run("lxc_resize", vmid=101, cores="2", api_token_secret="not-the-secret")
    assert result["failed"] is True
    assert result["msg"].startswith("Authentication failed!")
    assert "not-the-secret" not in result["msg"]


def test_a_host_that_does_not_listen_is_named(run):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        result = run("lxc_resize", vmid=101, cores="2", api_port=port, api_retries=0)
    assert result["failed"] is True
    assert f"127.0.0.1:{port}" in result["msg"]


def test_a_wrong_fingerprint_is_refused(run):
    result = run("lxc_resize", vmid=101, cores="2", api_fingerprint=":".join(["AB"] * 32))
    assert result["failed"] is True
    assert "fingerprint" in result["msg"]


def test_missing_host_and_credentials_are_named(run):
    run.connection = {}
    assert run("lxc_resize", vmid=101, cores="2")["msg"].splitlines() == [
        "connection: 1 problem",
        "  api_host: is missing; allowed is a name or an address, without https:// and port",
    ]


def test_a_missing_package_is_named_for_pip_and_for_apt(run, tmp_path):
    (tmp_path / "proxmoxer").mkdir()
    (tmp_path / "proxmoxer" / "__init__.py").write_text('raise ImportError("hidden")\n', encoding="utf-8")
    run.environment["PYTHONPATH"] = f"{tmp_path}:{run.environment['PYTHONPATH']}"
    result = run("lxc_resize", vmid=101, cores="2")
    assert result["failed"] is True
    assert "pip install proxmoxer, or apt install python3-proxmoxer" in result["msg"]
    assert "Traceback" not in run.output


def test_the_connection_can_come_from_the_environment_and_empty_variables_count_as_unset(simulator, run):
    [vmid] = running(simulator, 1)
    run.environment |= {
        "PROXMOX_HOST": simulator.host,
        "PROXMOX_PORT": str(simulator.port),
        "PROXMOX_USER": "automation@pve",
        "PROXMOX_TOKEN_ID": "resize",
        "PROXMOX_TOKEN_SECRET": run.connection["api_token_secret"],
        "PROXMOX_CA_PATH": simulator.ca_path,
        "PROXMOX_PASSWORD": "",
        "PROXMOX_OTP": "",
        "PROXMOX_VALIDATE_CERTS": "",
        "PROXMOX_FINGERPRINT": "",
        "PROXMOX_API_TIMEOUT": "",
        "PROXMOX_API_RETRIES": "",
        "PROXMOX_TRANSPORT": "",
    }
    run.connection = {}
    assert run("lxc_resize", vmid=vmid, cores=cores(simulator, vmid))["changed"] is False


def test_the_secret_is_nowhere_in_the_output(simulator, run):
    run("lxc_resize", vmid=999, cores="2")
    assert simulator.tokens["automation@pve!resize"] not in run.output


@pytest.mark.parametrize("is_check", [False, True])
def test_a_result_has_exactly_the_documented_keys(simulator, run, is_check):
    [vmid] = running(simulator, 1)
    documented = yaml.safe_load(lxc_resize.RETURN)
    [entry] = run("lxc_resize", is_check=is_check, vmid=vmid, cores="+1")["results"]
    assert sorted(entry) == sorted(documented["results"]["contains"])
    assert sorted([*entry["before"], "disks"]) == sorted(documented["results"]["contains"]["before"]["contains"])
    assert sorted([*entry["after"], "disks", "snapshot"]) == sorted(documented["results"]["contains"]["after"]["contains"])


def test_a_disk_grows_once_and_the_result_shows_it(simulator, run):
    [vmid] = running(simulator, 1)
    disks = [{"disk": "rootfs", "size": "9G"}]
    first = run("lxc_resize", is_diff=True, vmid=vmid, disks=disks)
    second = run("lxc_resize", vmid=vmid, disks=disks)
    assert (first["changed"], second["changed"]) == (True, False)
    assert (first["results"][0]["before"]["disks"], first["results"][0]["after"]["disks"]) == ({"rootfs": "8G"}, {"rootfs": "9G"})
    assert [side["disks"] for key in ("before", "after") for side in first["diff"][key].values()] == [{"rootfs": "8G"}, {"rootfs": "9G"}]
    assert "size=9G" in simulator.guest(vmid)["config"]["rootfs"]


def test_a_snapshot_where_the_storage_has_none_changes_nothing(simulator, run):
    [vmid] = running(simulator, 1)
    before = cores(simulator, vmid)
    result = run("lxc_resize", vmid=vmid, cores="+1", snapshot=True)
    assert (result["failed"], result["results"][0]["reason"], cores(simulator, vmid)) == (True, "snapshot_impossible", before)
