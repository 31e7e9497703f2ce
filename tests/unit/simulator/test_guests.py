# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from harness import Simulator, SimulatorError

CONFIG = "/nodes/pve1/lxc/101/config"
BULK = "/cluster/bulk-action/guest"


@pytest.fixture
def client(simulate):
    return simulate()


def test_the_default_cluster_has_containers_a_template_and_a_machine(client) -> None:
    rows = client.get("/cluster/resources", type="vm")
    assert {row["vmid"]: (row["type"], row["template"]) for row in rows} == {
        101: ("lxc", 0),
        102: ("lxc", 0),
        103: ("lxc", 0),
        104: ("lxc", 0),
        5000: ("qemu", 0),
        9000: ("lxc", 1),
    }


def test_pending_changes_take_hold_with_a_reboot(client) -> None:
    assert client.put(CONFIG, nameserver="10.99.0.1") == (200, "OK")
    assert "nameserver" not in client.get(CONFIG, current=1)
    assert client.get(CONFIG)["nameserver"] == "10.99.0.1"
    _status, _reason, body = client.send("POST", "/nodes/pve1/lxc/101/status/reboot", {})
    assert client.finish(body["data"]) == "OK"
    assert client.get(CONFIG, current=1)["nameserver"] == "10.99.0.1"


def test_a_removal_of_a_pending_kind_waits_too(client) -> None:
    client.put(CONFIG, nameserver="10.99.0.1")
    client.finish(client.send("POST", "/nodes/pve1/lxc/101/status/reboot", {})[2]["data"])
    client.put(CONFIG, delete="nameserver")
    row = next(row for row in client.get("/nodes/pve1/lxc/101/pending") if row["key"] == "nameserver")
    assert row == {"key": "nameserver", "value": "10.99.0.1", "delete": 1}
    client.put(CONFIG, revert="nameserver")
    assert client.get(CONFIG)["nameserver"] == "10.99.0.1"


def test_a_digest_from_before_an_operators_edit_is_refused(client) -> None:
    digest = client.get(CONFIG)["digest"]
    client.simulator.set_guest(101, config={"memory": 1000})
    text = "detected modified configuration - file changed by other user? Try again."
    assert client.put(CONFIG, memory=1200, digest=digest) == (500, text)
    assert client.put(CONFIG, memory=1200, digest=client.get(CONFIG)["digest"]) == (200, "OK")


def test_of_two_clones_to_one_free_id_the_second_is_refused(simulate) -> None:
    client = simulate(task_seconds=3600)
    newid = client.get("/cluster/nextid")
    clone = "/nodes/pve1/lxc/9000/clone"
    first = client.send("POST", clone, {"newid": newid, "hostname": "first"})
    second = client.send("POST", clone, {"newid": newid, "hostname": "second"})
    assert (newid, first[0], second[:2]) == ("100", 200, (500, "CT 100 already exists on node 'pve1'"))
    made = client.get("/nodes/pve1/lxc/100/config")
    assert (made["hostname"], made["lock"]) == ("first", "create")


def test_a_finished_clone_is_unlocked_no_template_and_has_a_volume_of_its_own(client) -> None:
    upid = client.send("POST", "/nodes/pve1/lxc/9000/clone", {"newid": 200, "hostname": "first"})[2]["data"]
    assert client.finish(upid) == "OK"
    made = client.get("/nodes/pve1/lxc/200/config")
    assert ("lock" in made, "template" in made, made["rootfs"]) == (False, False, "local-btrfs:200/vm-200-disk-0.raw,size=4G")


def test_a_failed_clone_leaves_nothing(client) -> None:
    client.simulator.fault("task_failure", type="vzclone", text="no space left", count=1)
    upid = client.send("POST", "/nodes/pve1/lxc/9000/clone", {"newid": 200})[2]["data"]
    assert client.finish(upid) == "clone failed: no space left"
    assert client.get("/cluster/nextid", vmid=200) == "200"


def test_bulk_shutdown_touches_the_given_guests_only(client) -> None:
    upid = client.send("POST", f"{BULK}/shutdown", {"vms": [101, 103]})[2]["data"]
    assert client.finish(upid) == "OK"
    states = {vmid: guest["status"] for vmid, guest in client.simulator.state()["guests"].items()}
    assert states == {"101": "stopped", "102": "running", "103": "stopped", "104": "running", "5000": "running", "9000": "stopped"}


@pytest.mark.parametrize("given", [{}, {"vms": ""}])
def test_bulk_shutdown_without_a_list_touches_every_guest_machines_included(client, given: dict[str, str]) -> None:
    client.finish(client.send("POST", f"{BULK}/shutdown", given)[2]["data"])
    assert {guest["status"] for guest in client.simulator.state()["guests"].values()} == {"stopped"}


def test_bulk_start_skips_what_runs_and_templates(client) -> None:
    client.simulator.set_guest(101, status="stopped")
    assert client.finish(client.send("POST", f"{BULK}/start", {"vms": "101,102,9000"})[2]["data"]) == "OK"
    assert client.simulator.guest(101)["status"] == "running"


def test_a_managed_guest_is_only_asked_to_stop(client) -> None:
    client.simulator.set_guest(101, hastate="started")
    upid = client.send("POST", "/nodes/pve1/lxc/101/status/stop", {})[2]["data"]
    assert upid.split(":")[5] == "hastop"
    assert client.finish(upid) == "OK"


def test_a_deaf_container_stops_only_by_force(client) -> None:
    client.simulator.set_guest(101, is_deaf_to_shutdown=True)
    path = "/nodes/pve1/lxc/101/status/shutdown"
    assert client.finish(client.send("POST", path, {"timeout": 3})[2]["data"]) == "container did not stop"
    assert client.finish(client.send("POST", path, {"timeout": 3, "forceStop": 1})[2]["data"]) == "OK"


def test_a_world_with_an_unknown_key_is_refused_with_its_name() -> None:
    with pytest.raises(SimulatorError, match="unknown guest keys memroy"):
        Simulator(world={"nodes": [{"name": "pve1"}], "guests": [{"vmid": 101, "memroy": 5}]})


def test_a_control_request_with_a_wrong_key_is_refused_with_its_name(client) -> None:
    with pytest.raises(SimulatorError, match="unknown guest keys nosuch"):
        client.simulator.set_guest(101, nosuch=1)
