# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cloning over the real client against the simulator: what comes to be, what is refused, and what is left when something goes wrong."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    from support.clone_runs import running_simulator

    with running_simulator(tmp_path_factory.mktemp("clone")) as simulator:
        yield simulator


@pytest.fixture
def simulator(cluster):
    yield cluster
    for name in ("connection_drop", "status_code", "task_failure", "slow", "config_readonly"):
        cluster.fault(name, on=False)
    for vmid in [int(vmid) for vmid in cluster.state()["guests"] if int(vmid) not in (5000, 9000, *range(101, 113))]:
        cluster.delete_guest(vmid)
    cluster.advance(20)
    cluster.reset_requests()


@pytest.fixture
def client(simulator):
    from support.clone_runs import connect

    client = connect(simulator)
    yield client
    client.close()


def shown(outcomes):
    return [(done.outcome.vmid, done.outcome.is_changed, done.outcome.is_failed, str(done.outcome.reason)) for done in outcomes]


def requested(simulator, *methods):
    return [f"{record['method']} {record['path']}" for record in simulator.requests() if record["method"] in methods]


def test_clones_of_a_template_are_made_completed_started_and_found_again(simulator, client):
    from support.clone_runs import clone

    wanted = {
        "source_name": "debian-template",
        "name": "web",
        "count": 2,
        "cores": "+1",
        "memory": "1G",
        "tags": ["web"],
        "vmid_range": "200-210",
        "start": True,
    }
    first = clone(client, **wanted)
    assert shown(first) == [(200, True, False, "cloned"), (201, True, False, "cloned")]
    config = simulator.guest(200)["config"]
    assert (config["hostname"], config["cores"], config["memory"], config["tags"]) == ("web-1", "2", "1024", "autoscale-clone;web")
    assert (simulator.guest(200)["status"], "unfinished" in config["description"]) == ("running", False)
    simulator.reset_requests()
    assert shown(clone(client, **wanted)) == [(200, False, False, "unchanged"), (201, False, False, "unchanged")]
    assert requested(simulator, "POST", "PUT", "DELETE") == []


def test_check_mode_predicts_what_is_done_then_and_sends_only_reads(simulator, client):
    from support.clone_runs import clone

    wanted = {"source_vmid": 102, "name": "copy", "network": {"ip": "10.99.1.77/24", "hwaddr": "BC:24:11:00:00:01"}, "cpulimit": "0.5", "start": True}
    [predicted] = clone(client, is_check=True, **wanted)
    assert requested(simulator, "POST", "PUT", "DELETE") == []
    [done] = clone(client, **wanted)
    assert (predicted.outcome.vmid, predicted.outcome.after, predicted.outcome.is_changed) == (done.outcome.vmid, done.outcome.after, True)
    assert (predicted.after.tags, predicted.after.full, predicted.after.status) == (done.after.tags, done.after.full, done.after.status)
    assert done.after.addresses == ("10.99.1.77",)
    assert sorted(predicted.after.net0.split(",")) == sorted(done.after.net0.split(","))


def test_a_running_source_is_cloned_through_a_snapshot_that_is_gone_afterwards(simulator, client):
    from support.clone_runs import clone, snapshots

    [first, second] = clone(client, source_vmid=102, name="copy-{number}", count=2)
    made = [path for path in requested(simulator, "POST", "DELETE") if "/snapshot" in path]
    assert (first.outcome.is_failed, second.outcome.is_failed, len(made)) == (False, False, 2)
    assert made[1].startswith("DELETE /nodes/pve2/lxc/102/snapshot/autoscale-clone-")
    assert (snapshots(simulator, "pve2", 102), simulator.guest(102)["status"]) == ([], "running")


def test_the_snapshot_is_gone_when_the_clone_fails(simulator, client):
    from support.clone_runs import clone, guests_named, snapshots

    simulator.fault("task_failure", type="vzclone", text="no space left", count=1)
    [failed] = clone(client, source_vmid=102, name="copy")
    assert shown([failed]) == [(None, False, True, "refused_by_proxmox")]
    assert "clone failed: no space left" in failed.outcome.message
    assert (snapshots(simulator, "pve2", 102), guests_named(simulator, "copy")) == ([], [])


def test_a_running_source_whose_storage_has_no_snapshots_is_refused_before_anything_is_sent(simulator, client):
    from support.clone_runs import clone

    [refused] = clone(client, source_vmid=101, name="copy")
    assert shown([refused]) == [(None, False, True, "snapshot_impossible")]
    assert requested(simulator, "POST", "PUT", "DELETE") == []


def test_a_snapshot_left_by_a_killed_run_is_deleted_when_its_time_is_over_and_the_source_is_not_locked(simulator, client):
    from pve_lxc.operations.clone_mark import format_snapshot_description, new_snapshot_name
    from pve_lxc.operations.clone_settings import CloneSettings
    from pve_lxc.operations.clone_source import read_source, remove_stale_snapshots
    from support.clone_runs import ShiftedClock, clone, snapshots

    now = ShiftedClock().now()
    left, fresh = new_snapshot_name(now - 4000), new_snapshot_name(now)
    client.create_snapshot("pve2", 102, left, format_snapshot_description(now - 10), 20)
    client.create_snapshot("pve2", 102, fresh, format_snapshot_description(now + 1000), 20)
    client.create_snapshot("pve2", 102, "before-upgrade", "", 20)
    simulator.set_guest(102, lock="disk")
    source = read_source(client, client.read_cluster().guests[102])
    assert (remove_stale_snapshots(client, source, CloneSettings(), ShiftedClock()), left in snapshots(simulator, "pve2", 102)) == ([], True)
    simulator.set_guest(102, lock=None)
    [predicted] = clone(client, is_check=True, source_vmid=102, name="copy")
    assert left in snapshots(simulator, "pve2", 102)
    assert f"the temporary snapshot {left} of 102 (api) was left by a run that did not end; it would be deleted" in predicted.outcome.warnings
    [done] = clone(client, source_vmid=102, name="copy")
    assert f"the temporary snapshot {left} of 102 (api) was left by a run that did not end; it was deleted" in done.outcome.warnings
    assert snapshots(simulator, "pve2", 102) == sorted([fresh, "before-upgrade"])
    for name in (fresh, "before-upgrade"):
        client.delete_snapshot("pve2", 102, name, 20)


def test_an_id_that_somebody_takes_first_is_replaced_by_the_next(simulator, client, monkeypatch):
    from support.clone_runs import clone, guests_named

    answers = iter([101, 102, 113])
    monkeypatch.setattr(client, "read_next_id", lambda: next(answers))
    # 5000 is a virtual machine's, which a container's list does not show.
    assert shown(clone(client, source_vmid=9000, name="a", vmid_range="5000-5001")) == [(5001, True, False, "cloned")]
    [done] = clone(client, source_vmid=9000, name="b")
    assert (done.outcome.is_failed, guests_named(simulator, "b")) == (False, [done.outcome.vmid])


def test_a_range_that_is_used_up_is_an_error_that_says_so(simulator, client):
    from support.clone_runs import clone

    [refused] = clone(client, source_vmid=9000, name="a", vmid_range="101-104")
    assert (shown([refused]), refused.outcome.message) == ([(None, False, True, "no_free_id")], "every vmid from 101 to 104 is in use")


def test_a_clone_whose_answer_was_lost_is_found_by_its_mark_and_completed(simulator, client):
    from support.clone_runs import clone, guests_named

    simulator.fault("connection_drop", when="after", count=1, path="/clone")
    [done] = clone(client, source_vmid=9000, name="lost", memory="768")
    assert (done.outcome.is_failed, done.outcome.after.memory_mib, len(guests_named(simulator, "lost"))) == (False, 768, 1)


def test_without_the_right_to_set_tags_nothing_is_left_and_the_privilege_is_named(simulator):
    from support.clone_runs import clone, connect, guests_named

    client = connect(simulator, "tagless@pve!clone")
    [failed] = clone(client, source_vmid=9000, name="tagless", cores="2")
    client.close()
    assert (failed.outcome.is_changed, str(failed.outcome.reason)) == (False, "permission_denied")
    assert failed.outcome.message.endswith("VM.Config.Options; the half-made clone was removed")
    assert guests_named(simulator, "tagless") == []


def test_what_has_the_id_but_is_another_making_is_never_undone(simulator, client):
    from pve_lxc.operations.clone_make import MadeClone, undo_clone
    from pve_lxc.operations.clone_mark import new_mark
    from pve_lxc.operations.clone_settings import CloneSettings
    from support.clone_runs import clone

    clone(client, source_vmid=9000, name="mine", vmid=300)
    node = simulator.guest(300)["node"]
    said = undo_clone(client, MadeClone(300, node, new_mark(1769000000.0, 9000, 300)), "mine", CloneSettings())
    assert (said, simulator.guest(300)["config"]["hostname"]) == ("container 300 is not the one that this run made, so it was left alone", "mine")


def test_a_clone_that_a_killed_run_left_half_made_is_completed_with_the_same_sizes(simulator, client):
    from pve_lxc.operations.clone_mark import format_notes, new_mark
    from support.clone_runs import clone

    notes = format_notes("", new_mark(1769000000.0, 9000, 300), is_finished=False)
    client.clone_guest("pve1", 9000, 300, {"hostname": "half", "description": notes}, 20)
    wanted = {"source_vmid": 9000, "name": "half", "memory": "+256"}
    assert shown(clone(client, **wanted)) == [(300, True, False, "cloned")]
    config = simulator.guest(300)["config"]
    assert (config["memory"], config["tags"], "unfinished" in config["description"]) == ("768", "autoscale-clone", False)
    assert shown(clone(client, **wanted)) == [(300, False, False, "unchanged")]


def test_a_container_of_that_name_that_is_no_clone_is_left_as_it_is_with_a_warning(simulator, client):
    from support.clone_runs import clone

    [kept] = clone(client, source_vmid=9000, name="web", memory="64")
    assert shown([kept]) == [(101, False, False, "unchanged")]
    assert kept.outcome.warnings == ("101 was there already and was not made as a clone here; it was left as it is",)


def test_an_id_that_belongs_to_another_name_is_refused(simulator, client):
    from support.clone_runs import clone

    [other, elsewhere] = clone(client, source_vmid=9000, containers=[{"vmid": 101, "name": "shop-2"}, {"vmid": 400, "name": "web"}])
    assert other.outcome.message == "101 is the container web on pve1, not shop-2"
    assert elsewhere.outcome.message == "web is there already, as 101 on pve1 and not as 400"
    assert requested(simulator, "POST", "PUT", "DELETE") == []


def test_one_clone_that_fails_does_not_stop_the_others(simulator, client):
    from support.clone_runs import clone

    containers = [{"name": "good", "vmid": 300}, {"name": "bad", "node": "pve9"}, {"name": "lost", "source_vmid": 998}, {"name": "pooled", "pool": "nope"}]
    done = clone(client, source_vmid=9000, containers=containers)
    assert shown(done) == [
        (300, True, False, "cloned"),
        (None, False, True, "not_found"),
        (None, False, True, "not_found"),
        (None, False, True, "permission_denied"),
    ]
    assert "pool 'nope' does not exist" in done[3].outcome.message


def test_a_clone_that_does_not_answer_in_time_is_kept_and_said_so(simulator, client):
    from support.clone_runs import clone

    # The simulator never hands out addresses by DHCP.
    [late] = clone(client, source_vmid=102, name="late", vmid=300, network={"ip": "dhcp"}, start=True, wait=1.0)
    assert shown([late]) == [(300, True, True, "not_ready")]
    assert late.outcome.message == "started, but not ready after 1 s: it is running, without an address"
    assert simulator.guest(300)["status"] == "running"


def test_a_source_that_another_run_clones_just_now_is_waited_for(simulator, client):
    import threading

    from support.clone_runs import clone

    simulator.set_guest(9000, lock="disk")
    threading.Timer(1.0, simulator.set_guest, (9000,), {"lock": None}).start()
    assert shown(clone(client, source_vmid=9000, name="patient", vmid=300)) == [(300, True, False, "cloned")]


def test_nothing_visible_is_no_reason_to_say_that_a_clone_is_gone(simulator):
    from support.clone_runs import connect, remove

    client = connect(simulator, "nobody@pve!none")
    [failed] = remove(client, name="web-1")
    client.close()
    assert (shown([failed]), "lacks VM.Audit" in failed.outcome.message) == ([(None, False, True, "not_found")], True)


def test_removing_destroys_what_was_cloned_here_even_if_it_runs_and_nothing_else(simulator, client):
    from support.clone_runs import clone, guests_named, remove

    clone(client, source_vmid=9000, name="web-{number}", count=2, vmid_range="300-310", start=True)
    predicted = remove(client, is_check=True, name="web-{number}", count=3)
    assert [(done.outcome.is_changed, done.outcome.message) for done in predicted] == [
        (True, "would be destroyed"),
        (True, "would be destroyed"),
        (False, "there is no such container"),
    ]
    assert len(guests_named(simulator, "web-1", "web-2")) == 2
    removed = remove(client, name="web-{number}", count=3)
    assert [str(done.outcome.reason) for done in removed] == ["destroyed", "destroyed", "unchanged"]
    assert guests_named(simulator, "web-1", "web-2") == []
    assert shown(remove(client, vmid=101)) == [(101, False, True, "not_a_clone")]
    assert simulator.guest(101)["status"] == "running"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"config": {"protection": 1}}, "protected"),
        ({"lock": "backup"}, "locked"),
        ({"hastate": "started"}, "ha_busy"),
    ],
)
def test_not_even_force_destroys_what_is_protected_locked_or_managed_by_ha(simulator, client, fields, reason):
    from support.clone_runs import clone, remove

    clone(client, source_vmid=9000, name="kept", vmid=300)
    simulator.set_guest(300, **fields)
    simulator.advance(20)
    assert shown(remove(client, name="kept", force=True)) == [(300, False, True, reason)]


def test_force_destroys_what_was_not_cloned_here(simulator, client):
    from support.clone_runs import remove

    client.clone_guest("pve1", 9000, 300, {"hostname": "by-hand"}, 20)
    assert shown(remove(client, vmid=300)) == [(300, False, True, "not_a_clone")]
    assert shown(remove(client, vmid=300, force=True)) == [(300, True, False, "destroyed")]


def test_a_copy_that_somebody_made_of_a_clone_by_hand_is_not_destroyed(simulator, client):
    from support.clone_runs import clone, remove

    clone(client, source_vmid=9000, name="ours", vmid=300)
    config = simulator.guest(300)["config"]
    client.clone_guest("pve1", 300, 301, {"hostname": "theirs", "description": config["description"]}, 20)
    assert simulator.guest(301)["config"]["tags"] == "autoscale-clone"
    [kept] = remove(client, name="theirs")
    assert shown([kept]) == [(301, False, True, "not_a_clone")]
    assert "its notes are those of the clone 300, of which it is a copy" in kept.outcome.message


def test_the_guide_lists_the_rights_that_these_tests_have_and_no_more():
    import re
    from pathlib import Path

    from support.clone_runs import PRIVILEGES

    guide = (Path(__file__).resolve().parents[4] / "docs" / "clone.md").read_text(encoding="utf-8")
    [role] = re.findall(r'pveum role add LxcClone --privs "([^"]+)"', guide)
    assert role.split(",") == PRIVILEGES
    table = guide[guide.index("## Rights") :]
    assert sorted(set(re.findall(r"`((?:VM|Datastore|SDN)\.[A-Za-z.]+)`", table))) == sorted(PRIVILEGES)
