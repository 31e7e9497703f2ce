# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Around the sizes: a snapshot before, disks, a restart after, and limits that a failed write left in force."""

from __future__ import annotations

import pytest
from pve_lxc.errors import ProxmoxAPIError, ProxmoxConnectionError, ProxmoxPermissionError
from pve_lxc.model.allocation import LiveLimits
from pve_lxc.operations.request import parse_requests
from pve_lxc.operations.resize import resize_containers
from support.fake_power import FakeClock, task_error
from support.fake_resize import FakeResizeBackend

ROOTFS = "local:101/vm-101-disk-0.raw,size=8G"
DATA = "local:101/vm-101-disk-1.raw,mp=/data,size=4G"
# FakeClock begins at second 1000 after 1970.
SNAPSHOT = "resize-19700101-001640"


@pytest.fixture
def backend():
    backend = FakeResizeBackend()
    backend.add(101, "web", cores=2, rootfs=ROOTFS, mp0=DATA)
    return backend


@pytest.fixture
def resize(backend):
    def resize(*, is_check=False, **options):
        return resize_containers(backend, parse_requests({"vmid": 101, **options}), is_check=is_check, clock=FakeClock())[0]

    return resize


def shown(outcome):
    return (outcome.is_changed, outcome.is_failed, str(outcome.reason))


def methods(backend):
    return [method for method, dummy in backend.calls]


def disks(*pairs):
    return [{"disk": disk, "size": size} for disk, size in pairs]


def test_disks_are_grown_to_absolute_sizes_and_read_back(backend, resize):
    outcome = resize(disks=disks(("rootfs", "+2G"), ("mp0", "6G")))
    assert shown(outcome) == (True, False, "resized")
    assert outcome.message == "rootfs 8G -> 10G, mp0 4G -> 6G"
    assert backend.grown == [(101, "rootfs", "10G"), (101, "mp0", "6G")]
    assert outcome.more_before == {"disks": {"rootfs": "8G", "mp0": "4G"}}
    assert outcome.more_after == {"disks": {"rootfs": "10G", "mp0": "6G"}}
    assert methods(backend) == ["read_cluster", "read_config", "resize_disk", "resize_disk", "read_pending"]


def test_a_disk_that_has_its_size_changes_nothing(backend, resize):
    outcome = resize(disks=disks(("rootfs", "8G")))
    assert shown(outcome) == (False, False, "unchanged")
    assert outcome.more_after == {"disks": {"rootfs": "8G"}}
    assert methods(backend) == ["read_cluster", "read_config"]


def test_a_disk_that_would_shrink_refuses_the_sizes_too_before_anything_is_sent(backend, resize):
    outcome = resize(cores="4", disks=disks(("mp0", "6G"), ("rootfs", "4G")))
    assert shown(outcome) == (False, True, "invalid_request")
    assert outcome.message == "rootfs has 8G and cannot shrink to 4G: Proxmox only grows disks"
    assert methods(backend) == ["read_cluster", "read_config"]


def test_a_refused_size_leaves_the_disks_alone(backend, resize):
    assert shown(resize(memory="512", disks=disks(("rootfs", "+2G")))) == (False, True, "shmem_unknown")
    assert backend.grown == []


def test_a_locked_container_keeps_its_disks(backend, resize):
    backend.values[101]["lock"] = "backup"
    assert shown(resize(disks=disks(("rootfs", "+2G")))) == (False, True, "locked")


def test_check_mode_shows_the_disks_as_they_would_be(backend, resize):
    outcome = resize(is_check=True, cores="4", disks=disks(("rootfs", "+2G")))
    assert shown(outcome) == (True, False, "resized")
    assert outcome.message == "cores 2 -> 4, rootfs 8G -> 10G"
    assert (outcome.after.cores, outcome.more_after) == (4, {"disks": {"rootfs": "10G"}})
    assert (backend.grown, backend.writes) == ([], [])


def test_a_disk_whose_task_fails_says_that_the_sizes_were_changed(backend, resize):
    backend.fail("resize_disk", task_error("resize", 101, "resize2fs failed: exit code 1"))
    outcome = resize(cores="4", disks=disks(("rootfs", "+2G"), ("mp0", "6G")))
    assert shown(outcome) == (True, True, "task_failed")
    assert outcome.message == "the sizes were changed, but rootfs was not grown to 10G: resize2fs failed: exit code 1"
    assert (outcome.after.cores, outcome.more_after) == (4, {"disks": {"rootfs": "8G", "mp0": "4G"}})
    assert backend.grown == []


def test_a_disk_that_somebody_else_has_grown_meanwhile_is_as_good(backend, resize):
    backend.fail("resize_disk", ProxmoxAPIError("500 disk is already at specified size", status=500))
    assert resize(disks=disks(("rootfs", "+2G"))).is_failed is False


def test_a_missing_privilege_on_the_storage_is_named(backend, resize):
    backend.fail("resize_disk", ProxmoxPermissionError("missing", acl_path="/storage/local", privileges=("Datastore.AllocateSpace",)))
    outcome = resize(disks=disks(("rootfs", "+2G")))
    assert shown(outcome) == (False, True, "permission_denied")
    assert outcome.message == "rootfs was not grown to 10G: missing privilege on /storage/local: Datastore.AllocateSpace"


def test_a_lost_answer_about_a_disk_is_settled_by_reading(backend, resize):
    backend.fail("resize_disk", ProxmoxConnectionError("connection reset", is_sent=True), when="after")
    outcome = resize(disks=disks(("rootfs", "+2G")))
    assert (shown(outcome), outcome.more_after) == ((True, False, "resized"), {"disks": {"rootfs": "10G"}})
    assert backend.grown == [(101, "rootfs", "10G")]


def test_a_lost_answer_about_a_disk_that_does_not_grow_is_unknown(backend, resize):
    backend.fail("resize_disk", ProxmoxConnectionError("connection reset", is_sent=True))
    assert shown(resize(disks=disks(("rootfs", "+2G")))) == (False, True, "outcome_unknown")


def test_a_snapshot_is_made_first_and_named(backend, resize):
    outcome = resize(cores="4", snapshot=True)
    assert shown(outcome) == (True, False, "resized")
    assert outcome.message == f"cores 2 -> 4; the snapshot {SNAPSHOT} was made before"
    assert outcome.more_after == {"snapshot": SNAPSHOT}
    assert backend.snapshots == [(101, SNAPSHOT, "before: cores 2 -> 4")]
    assert methods(backend) == ["read_cluster", "read_config", "has_feature", "create_snapshot", "read_config", "write_config", "read_pending"]


def test_an_unchanged_container_gets_no_snapshot(backend, resize):
    assert shown(resize(cores="2", snapshot=True)) == (False, False, "unchanged")
    assert backend.snapshots == []


@pytest.mark.parametrize("is_check", [True, False])
def test_a_storage_without_snapshots_refuses_before_anything_is_changed(backend, resize, is_check):
    backend.can_snapshot = False
    outcome = resize(is_check=is_check, cores="4", snapshot=True)
    assert shown(outcome) == (False, True, "snapshot_impossible")
    assert outcome.message == "nothing is resized: its storage cannot make the snapshot that was asked for before"
    assert (backend.snapshots, backend.writes) == ([], [])


def test_a_snapshot_that_fails_leaves_the_container_as_it_was(backend, resize):
    backend.fail("create_snapshot", task_error("vzsnapshot", 101, "snapshot feature is not available"))
    outcome = resize(cores="4", snapshot=True)
    assert shown(outcome) == (False, True, "task_failed")
    assert outcome.message == f"nothing was resized: the snapshot {SNAPSHOT} before it failed: snapshot feature is not available"
    assert backend.writes == []


def test_somebody_who_changes_it_while_the_snapshot_is_made_is_not_overwritten(backend, resize):
    original = backend.create_snapshot

    def create_and_be_interrupted(*arguments):
        result = original(*arguments)
        backend.values[101]["cores"] = 8
        return result

    backend.create_snapshot = create_and_be_interrupted
    assert shown(resize(cores="4", snapshot=True)) == (False, True, "config_changed")
    assert backend.values[101]["cores"] == 8


def test_what_waits_is_reported_and_left_unless_a_restart_is_allowed(backend, resize):
    backend.waits.add("cores")
    outcome = resize(cores="4")
    assert shown(outcome) == (True, False, "resized")
    assert (outcome.pending, outcome.is_restart_required, backend.power) == ({"cores": 4}, True, [])


def test_a_restart_happens_when_something_of_the_request_waits(backend, resize):
    backend.waits.add("cores")
    outcome = resize(cores="4", restart="if_needed")
    assert shown(outcome) == (True, False, "resized")
    assert outcome.message == "cores 2 -> 4; restarted"
    assert (outcome.after.cores, outcome.pending, outcome.is_restart_required) == (4, {}, False)
    assert backend.verbs() == [("shutdown", 101), ("start", 101)]


def test_nothing_is_restarted_for_what_somebody_else_left_waiting(backend, resize):
    backend.pending[101] = {"nameserver": "192.0.2.53"}
    outcome = resize(cores="4", restart="if_needed")
    assert (outcome.pending, outcome.is_restart_required, backend.power) == ({"nameserver": "192.0.2.53"}, True, [])


def test_nothing_is_restarted_when_everything_is_in_effect(backend, resize):
    assert shown(resize(cores="4", restart="if_needed")) == (True, False, "resized")
    assert backend.power == []


def test_a_container_that_was_started_a_moment_ago_is_not_interrupted(backend, resize):
    backend.waits.add("cores")
    backend.uptimes[101] = 20
    outcome = resize(cores="4", restart="if_needed")
    assert (shown(outcome), outcome.is_restart_required, backend.power) == ((True, False, "resized"), True, [])
    assert outcome.warnings == ("cores waits for a restart, but the container was started 20 s ago and is not interrupted",)


def test_a_restart_that_fails_says_what_was_done(backend, resize):
    backend.waits.add("cores")
    backend.deaf.add(101)
    outcome = resize(cores="4", restart="if_needed")
    assert shown(outcome) == (True, True, "did_not_stop")
    assert outcome.message.startswith("cores 2 -> 4; the restart that cores waits for failed: it did not shut down within 60 s")


def test_over_the_api_a_failed_write_may_be_half_applied_and_the_way_out_is_said(backend, resize):
    backend.unsaved = 1
    outcome = resize(memory="2048")
    assert shown(outcome) == (False, True, "half_applied")
    assert "write another value and then the wanted one" in outcome.message


def test_a_limit_that_a_failed_write_left_in_force_is_put_back(backend, resize):
    backend.live_limits[101] = LiveLimits(1024.0, None)
    backend.working_sets_mib[101] = 300.0
    backend.unsaved = 1
    outcome = resize(memory="2048")
    assert shown(outcome) == (False, True, "refused_by_proxmox")
    assert "memory is 2048 in force and 1024 in the configuration); it was put back to the configuration" in outcome.message
    assert [values for dummy, values, dummy2 in backend.writes] == [{"memory": 1025}, {"memory": 1024}]
    assert backend.live_limits[101] == LiveLimits(1024.0, None)


def test_an_unlimited_container_becomes_unlimited_again(backend, resize):
    backend.live_limits[101] = LiveLimits(1024.0, None)
    backend.unsaved = 1
    outcome = resize(cpulimit="0.5")
    assert shown(outcome) == (False, True, "refused_by_proxmox")
    assert [(values, delete) for dummy, values, delete in backend.writes] == [({"cpulimit": "1"}, ()), ({}, ("cpulimit",))]
    assert backend.live_limits[101] == LiveLimits(1024.0, None)


def test_memory_that_the_container_uses_by_now_is_not_taken_away_again(backend, resize):
    backend.live_limits[101] = LiveLimits(1024.0, None)
    backend.working_sets_mib[101] = 1500.0
    backend.unsaved = 1
    outcome = resize(memory="2048")
    assert shown(outcome) == (False, True, "half_applied")
    assert "what the container uses leaves no room to put it back" in outcome.message
    assert backend.writes == []


def test_a_repair_that_fails_too_leaves_the_container_half_applied(backend, resize):
    backend.live_limits[101] = LiveLimits(1024.0, None)
    backend.working_sets_mib[101] = 300.0
    backend.unsaved = 5
    outcome = resize(memory="2048")
    assert shown(outcome) == (False, True, "half_applied")
    assert "putting it back failed too" in outcome.message


def test_a_failed_write_that_changed_nothing_is_a_plain_refusal(backend, resize):
    backend.live_limits[101] = LiveLimits(1024.0, None)
    backend.fail("write_config", ProxmoxAPIError("500 got timeout", status=500))
    outcome = resize(memory="2048")
    assert shown(outcome) == (False, True, "refused_by_proxmox")
    assert outcome.message.endswith("the limits that are in force are those of the configuration")


def test_entries_take_disks_restart_and_snapshot_from_beside_the_list():
    first, second = parse_requests(
        {
            "disks": disks(("rootfs", "+1G")),
            "restart": "if_needed",
            "snapshot": True,
            "containers": [{"vmid": 101}, {"vmid": 102, "disks": disks(("mp0", "9G")), "restart": "never", "snapshot": False}],
        }
    )
    assert ([wish.disk for wish in first.disks], first.is_restart_allowed, first.is_snapshot_wanted) == (["rootfs"], True, True)
    assert ([wish.disk for wish in second.disks], second.is_restart_allowed, second.is_snapshot_wanted) == (["mp0"], False, False)


def test_the_first_failure_stops_the_ones_after_it():
    backend = FakeResizeBackend()
    for vmid in (101, 102, 103):
        backend.add(vmid, rootfs=ROOTFS)
    requests = parse_requests(
        {"disks": disks(("rootfs", "+1G")), "containers": [{"vmid": 101}, {"vmid": 102, "disks": disks(("rootfs", "1G"))}, {"vmid": 103}]}
    )
    outcomes = resize_containers(backend, requests, is_fail_fast=True, clock=FakeClock())
    assert [str(outcome.reason) for outcome in outcomes] == ["resized", "invalid_request", "not_tried"]
    assert backend.grown == [(101, "rootfs", "9G")]
