# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing power over a back end in memory: what is called, what is waited for, and what each thing that goes wrong leads to."""

from __future__ import annotations

import pytest


@pytest.fixture
def backend():
    from support.fake_power import FakePowerBackend

    return FakePowerBackend()


@pytest.fixture
def clock():
    from support.fake_power import FakeClock

    return FakeClock()


@pytest.fixture
def change(backend, clock):
    from pve_lxc.operations.power import change_power_of_containers
    from pve_lxc.operations.power_request import parse_power_targets

    def change(*, is_check=False, concurrency=4, **options):
        return change_power_of_containers(backend, parse_power_targets(options), is_check=is_check, concurrency=concurrency, clock=clock).outcomes

    return change


def shown(outcome):
    return (outcome.is_changed, outcome.is_failed, str(outcome.reason), outcome.more_after.get("status"))


def methods(backend):
    return [method for method, dummy in backend.calls]


def test_a_stopped_container_is_started_with_four_requests(backend, change):
    backend.add(101, status="stopped")
    [outcome] = change(vmid=101, state="started")
    assert shown(outcome) == (True, False, "started", "running")
    assert outcome.message == "stopped -> running"
    assert methods(backend) == ["read_cluster", "read_live_guests", "change_power", "read_status"]


def test_a_container_that_is_there_already_costs_two_requests_and_changes_nothing(backend, change):
    backend.add(101, status="running")
    [outcome] = change(vmid=101, state="started")
    assert shown(outcome) == (False, False, "unchanged", "running")
    assert methods(backend) == ["read_cluster", "read_live_guests"]


def test_check_mode_predicts_and_calls_nothing(backend, change):
    backend.add(101, status="running")
    [outcome] = change(is_check=True, vmid=101, state="stopped")
    assert shown(outcome) == (True, False, "stopped", "stopped")
    assert backend.power == []


def test_a_container_that_was_stopped_within_the_lag_of_the_cluster_is_started(backend, change):
    backend.add(101, status="running")
    backend.live_status[101] = "stopped"
    [outcome] = change(vmid=101, state="started")
    assert shown(outcome) == (True, False, "started", "running")


def test_a_graceful_shutdown_sends_the_timeout_and_no_force(backend, change):
    backend.add(101)
    change(vmid=101, state="stopped", timeout=20)
    assert backend.power == [("shutdown", 101, {"timeout": 20}, 80.0)]


def test_force_is_left_to_proxmox_after_the_timeout(backend, change):
    backend.add(104)
    backend.deaf.add(104)
    [outcome] = change(vmid=104, state="stopped", timeout=3, force=True)
    assert shown(outcome) == (True, False, "stopped", "stopped")
    assert backend.power == [("shutdown", 104, {"timeout": 3, "forceStop": 1}, 63.0)]


def test_its_own_down_goes_before_the_timeout_in_the_call_and_in_the_wait(backend, change):
    backend.add(101, startup="order=1,down=300")
    change(vmid=101, state="stopped", timeout=20)
    assert backend.power == [("shutdown", 101, {"timeout": 300}, 360.0)]


def test_a_container_deaf_to_shutdown_goes_on_running_and_the_way_out_is_named(backend, change):
    backend.add(104)
    backend.deaf.add(104)
    [outcome] = change(vmid=104, state="stopped", timeout=3)
    assert shown(outcome) == (False, True, "did_not_stop", "running")
    assert outcome.message == "it did not shut down within 3 s; with force it is stopped the hard way then"


def test_a_restart_is_a_shutdown_and_a_start(backend, change):
    backend.add(101)
    [outcome] = change(vmid=101, state="restarted")
    assert shown(outcome) == (True, False, "restarted", "running")
    assert outcome.message == "running -> stopped -> running"
    assert backend.verbs() == [("shutdown", 101), ("start", 101)]


def test_a_restart_of_a_deaf_container_without_force_starts_nothing(backend, change):
    backend.add(104)
    backend.deaf.add(104)
    [outcome] = change(vmid=104, state="restarted", timeout=3)
    assert shown(outcome) == (False, True, "did_not_stop", "running")
    assert backend.verbs() == [("shutdown", 104)]


def test_a_restart_whose_start_fails_says_that_it_was_stopped(backend, change):
    backend.add(101)
    backend.unwilling[101] = "startup for container '101' failed"
    [outcome] = change(vmid=101, state="restarted")
    assert shown(outcome) == (True, True, "task_failed", "stopped")
    assert outcome.message == "it was stopped, but then: the start failed: startup for container '101' failed"


def test_a_lock_that_came_after_the_reading_is_a_lock(backend, change):
    backend.add(101, status="stopped")
    backend.unwilling[101] = "CT is locked (backup)"
    [outcome] = change(vmid=101, state="started")
    assert (shown(outcome), outcome.message) == ((False, True, "locked", "stopped"), "CT is locked (backup); try again when that is over")


def test_suspending_without_criu_shows_what_the_log_says(backend, change):
    from support.fake_power import task_error

    backend.add(101)
    backend.fail("change_power", task_error("vzsuspend", 101, "command 'lxc-checkpoint' failed: exit code 1", "execing criu failed, is it installed?"))
    [outcome] = change(vmid=101, state="suspended")
    assert shown(outcome) == (False, True, "task_failed", "running")
    assert outcome.message == "the suspend failed: command 'lxc-checkpoint' failed: exit code 1 (its log: execing criu failed, is it installed?)"


def test_somebody_who_was_faster_is_no_failure_and_no_change_of_ours(backend, change):
    from pve_lxc.errors import ProxmoxAPIError

    backend.add(101, status="stopped")
    backend.fail("change_power", ProxmoxAPIError("500 CT 101 already running", status=500))
    original = backend.read_live_guests

    def read_then_somebody_starts_it(node):
        rows = original(node)
        backend.live_status[101] = "running"
        return rows

    backend.read_live_guests = read_then_somebody_starts_it
    [outcome] = change(vmid=101, state="started")
    assert shown(outcome) == (False, False, "unchanged", "running")
    assert outcome.message == "somebody else was faster: it is running already"


def test_an_answer_that_was_lost_is_settled_by_looking_and_nothing_is_sent_twice(backend, change):
    from pve_lxc.errors import ProxmoxConnectionError

    backend.add(101, status="stopped")
    backend.fail("change_power", ProxmoxConnectionError("connection reset", is_sent=True), when="after")
    [outcome] = change(vmid=101, state="started")
    assert shown(outcome) == (True, False, "started", "running")
    assert backend.verbs() == [("start", 101)]


def test_an_answer_that_was_lost_and_nothing_seen_is_unknown(backend, change, clock):
    from pve_lxc.errors import ProxmoxConnectionError

    backend.add(101, status="stopped")
    backend.fail("change_power", ProxmoxConnectionError("connection reset", is_sent=True))
    [outcome] = change(vmid=101, state="started")
    assert shown(outcome) == (False, True, "outcome_unknown", "stopped")
    assert 1118.0 <= clock.seconds <= 1120.0
    assert len(backend.power) == 0


def test_a_missing_privilege_is_named_without_a_look(backend, change):
    from pve_lxc.errors import ProxmoxPermissionError

    backend.add(101, status="stopped")
    backend.fail("change_power", ProxmoxPermissionError("missing", acl_path="/vms/101", privileges=("VM.PowerMgmt",)))
    [outcome] = change(vmid=101, state="started")
    assert (shown(outcome), outcome.message) == ((False, True, "permission_denied", "stopped"), "missing privilege on /vms/101: VM.PowerMgmt")
    assert "read_status" not in methods(backend)


def test_a_status_that_cannot_be_read_afterwards_is_unknown(backend, change):
    from pve_lxc.errors import ProxmoxAPIError

    backend.add(101, status="stopped")
    backend.fail("read_status", ProxmoxAPIError("500 got timeout", status=500))
    [outcome] = change(vmid=101, state="started")
    assert shown(outcome) == (False, True, "outcome_unknown", "stopped")


def test_high_availability_is_waited_for_because_its_task_says_nothing(backend, change, clock):
    backend.add(101, status="stopped", hastate="stopped")
    backend.by_ha.add(101)
    clock.after_sleep = lambda seconds: backend.live_status.update({101: "running"}) if seconds > 1007 else None
    [outcome] = change(vmid=101, state="started")
    assert shown(outcome) == (True, False, "started", "running")
    assert 1007 < clock.seconds < 1011


def test_high_availability_that_does_not_act_is_a_failure_after_the_time(backend, change):
    backend.add(101, status="stopped", hastate="stopped")
    backend.by_ha.add(101)
    [outcome] = change(vmid=101, state="started", timeout=30)
    assert shown(outcome) == (False, True, "not_in_effect", "stopped")
    assert outcome.message == "high availability was asked, but after 90 s it is still stopped; see ha-manager status"


def test_high_availability_may_start_it_on_another_node(backend, change, clock):
    from dataclasses import replace

    backend.add(101, status="stopped", hastate="stopped")
    backend.by_ha.add(101)

    def move(seconds):
        backend.guests[101] = replace(backend.guests[101], node="pve2")
        backend.live_status[101] = "running"

    clock.after_sleep = move
    [outcome] = change(vmid=101, state="started")
    assert shown(outcome) == (True, False, "started", "running")
    assert backend.status_reads[-1] == ("pve2", 101)


def test_a_node_that_is_down_fails_its_containers_only(backend, change):
    from pve_lxc.model.node import Node

    backend.add(101, status="stopped")
    backend.add(102, status="unknown", node="pve2")
    backend.nodes["pve2"] = Node("pve2", "offline")
    first, second = change(state="started", containers=[{"vmid": 102}, {"vmid": 101}])
    assert shown(first) == (False, True, "node_unreachable", "unknown")
    assert shown(second) == (True, False, "started", "running")


def test_a_container_that_does_not_exist_fails_alone(backend, change):
    backend.add(101, status="stopped")
    first, second = change(state="started", containers=[{"vmid": 999}, {"vmid": 101}])
    assert shown(first) == (False, True, "not_found", None)
    assert shown(second) == (True, False, "started", "running")
