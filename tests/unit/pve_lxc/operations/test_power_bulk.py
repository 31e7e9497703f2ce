# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several containers at a time: when the cluster's bulk action is used, with what, and what is made of its end."""

from __future__ import annotations

import pytest


@pytest.fixture
def backend():
    from support.fake_power import FakePowerBackend

    backend = FakePowerBackend()
    for vmid in (101, 102, 103):
        backend.add(vmid, tags="prod")
    return backend


@pytest.fixture
def change(backend):
    from pve_lxc.operations.power import change_power_of_containers
    from pve_lxc.operations.power_request import parse_power_targets
    from support.fake_power import FakeClock

    def change(*, concurrency=4, **options):
        return change_power_of_containers(backend, parse_power_targets(options), concurrency=concurrency, clock=FakeClock()).outcomes

    return change


def reasons(outcomes):
    return [str(outcome.reason) for outcome in outcomes]


def methods(backend):
    return [method for method, dummy in backend.calls]


def test_several_are_shut_down_with_one_call_that_never_forces_by_default(backend, change):
    outcomes = change(tags=["prod"], state="stopped", timeout=30)
    assert reasons(outcomes) == ["stopped", "stopped", "stopped"]
    assert backend.power == [("shutdown", (101, 102, 103), {"max-workers": 4, "timeout": 30, "force-stop": 0}, 112.5)]
    assert methods(backend).count("read_version") == 1
    assert methods(backend).count("read_status") == 3


def test_force_is_said_to_the_bulk_action(backend, change):
    backend.deaf.add(102)
    outcomes = change(tags=["prod"], state="stopped", force=True, concurrency=2)
    assert reasons(outcomes) == ["stopped", "stopped", "stopped"]
    assert backend.power[0][2] == {"max-workers": 2, "timeout": 60, "force-stop": 1}


def test_the_wait_for_the_bulk_action_allows_for_the_down_of_each(backend, change):
    backend.values[102]["startup"] = "down=400"
    change(tags=["prod"], state="stopped", concurrency=1)
    # 60 + 400 + 60 one after the other, the longest once more, and a minute.
    assert backend.power[0][3] == 980.0


def test_several_are_started_with_one_call(backend, change):
    backend.live_status.update({101: "stopped", 103: "stopped"})
    outcomes = change(tags=["prod"], state="started")
    assert reasons(outcomes) == ["started", "unchanged", "started"]
    assert backend.verbs() == [("start", (101, 103))]
    assert backend.power[0][2] == {"max-workers": 4}


def test_one_to_be_changed_asks_for_no_version_and_no_bulk_action(backend, change):
    backend.live_status.update({101: "stopped", 102: "stopped"})
    assert reasons(change(tags=["prod"], state="stopped")) == ["unchanged", "unchanged", "stopped"]
    assert backend.verbs() == [("shutdown", 103)]
    assert "read_version" not in methods(backend)


def test_none_to_be_changed_sends_nothing_at_all(backend, change):
    assert reasons(change(tags=["prod"], state="started")) == ["unchanged", "unchanged", "unchanged"]
    assert methods(backend) == ["read_cluster", "read_live_guests"]


def test_a_version_before_the_bulk_action_is_done_one_by_one(backend, change):
    backend.version = (9, 0, 15)
    assert reasons(change(tags=["prod"], state="stopped")) == ["stopped", "stopped", "stopped"]
    assert sorted(backend.verbs()) == [("shutdown", 101), ("shutdown", 102), ("shutdown", 103)]


def test_the_first_version_with_the_bulk_action_uses_it(backend, change):
    backend.version = (9, 0, 16)
    change(tags=["prod"], state="stopped")
    assert backend.verbs() == [("shutdown", (101, 102, 103))]


def test_suspending_is_never_a_bulk_action_which_would_leave_containers_out(backend, change):
    assert reasons(change(tags=["prod"], state="suspended")) == ["suspended", "suspended", "suspended"]
    assert sorted(backend.verbs()) == [("suspend", 101), ("suspend", 102), ("suspend", 103)]


def test_restarting_goes_from_container_to_container(backend, change):
    assert reasons(change(tags=["prod"], state="restarted", concurrency=1)) == ["restarted", "restarted", "restarted"]
    assert backend.verbs() == [("shutdown", 101), ("start", 101), ("shutdown", 102), ("start", 102), ("shutdown", 103), ("start", 103)]


def test_different_wishes_are_different_calls(backend, change):
    backend.live_status[101] = "stopped"
    backend.add(104)
    containers = [{"vmid": 101, "state": "started"}, {"vmid": 102, "timeout": 5}, {"vmid": 103}, {"vmid": 104}]
    assert reasons(change(state="stopped", containers=containers)) == ["started", "stopped", "stopped", "stopped"]
    assert sorted(backend.verbs(), key=str) == [("shutdown", (103, 104)), ("shutdown", 102), ("start", 101)]


def test_a_deaf_one_in_the_bulk_fails_alone(backend, change):
    backend.deaf.add(102)
    outcomes = change(tags=["prod"], state="stopped", timeout=3)
    assert reasons(outcomes) == ["stopped", "did_not_stop", "stopped"]
    assert outcomes[1].message == "it did not shut down within 3 s; with force it is stopped the hard way then"
    assert backend.verbs() == [("shutdown", (101, 102, 103))]


def test_one_that_the_bulk_did_not_start_is_asked_for_its_own_reason(backend, change):
    backend.live_status.update({101: "stopped", 102: "stopped", 103: "stopped"})
    backend.unwilling[102] = "startup for container '102' failed"
    outcomes = change(tags=["prod"], state="started")
    assert reasons(outcomes) == ["started", "task_failed", "started"]
    assert outcomes[1].message == "the start failed: startup for container '102' failed"


def test_a_bulk_task_that_broke_off_is_finished_one_by_one(backend, change):
    from support.fake_power import task_error

    backend.fail("change_power_of_many", task_error("bulkshutdown", "", "interrupted by signal"))
    assert reasons(change(tags=["prod"], state="stopped")) == ["stopped", "stopped", "stopped"]
    assert sorted(backend.verbs()) == [("shutdown", 101), ("shutdown", 102), ("shutdown", 103)]


def test_a_missing_privilege_for_one_does_not_stop_the_others(backend, change):
    from pve_lxc.errors import ProxmoxPermissionError

    refusal = ProxmoxPermissionError("missing", acl_path="/vms/101", privileges=("VM.PowerMgmt",))
    backend.fail("change_power_of_many", refusal)
    backend.fail("change_power", refusal)
    outcomes = change(tags=["prod"], state="stopped", concurrency=1)
    assert reasons(outcomes) == ["permission_denied", "stopped", "stopped"]


def test_a_bulk_call_whose_answer_was_lost_is_settled_by_looking(backend, change):
    from pve_lxc.errors import ProxmoxConnectionError

    backend.fail("change_power_of_many", ProxmoxConnectionError("connection reset", is_sent=True), when="after")
    assert reasons(change(tags=["prod"], state="stopped")) == ["stopped", "stopped", "stopped"]
    assert backend.verbs() == [("shutdown", (101, 102, 103))]


def test_a_bulk_call_that_was_never_sent_fails_each_and_sends_no_other(backend, change):
    from pve_lxc.errors import ProxmoxConnectionError

    backend.fail("change_power_of_many", ProxmoxConnectionError("connection refused", is_sent=False))
    assert reasons(change(tags=["prod"], state="stopped")) == ["connection_lost", "connection_lost", "connection_lost"]
    assert backend.power == []


def test_a_configuration_that_cannot_be_read_fails_its_container_only(backend, change):
    from pve_lxc.errors import ProxmoxAPIError

    backend.fail("read_config", ProxmoxAPIError("500 got timeout", status=500))
    outcomes = change(tags=["prod"], state="stopped", concurrency=1)
    assert reasons(outcomes) == ["refused_by_proxmox", "stopped", "stopped"]
    assert backend.verbs() == [("shutdown", (102, 103))]


def test_the_client_never_sends_an_empty_list():
    from pve_lxc.backend.api_lifecycle import LifecycleCalls

    with pytest.raises(ValueError, match="never sent"):
        LifecycleCalls().change_power_of_many("shutdown", [], {}, 60.0)
