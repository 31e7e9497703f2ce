# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a power request means for one container: pure."""

from __future__ import annotations

import pytest


def plan(state, status, *, force=False, timeout=60, row=None, **guest):
    from pve_lxc.model.guest import Guest
    from pve_lxc.operations.power_plan import plan_power
    from pve_lxc.operations.power_request import PowerState, PowerWish

    made = plan_power(PowerWish(PowerState(state), force, timeout), Guest(101, "web", "pve1", status, **guest), {"status": status, **(row or {})})
    return (made.verbs, made.after, str(made.reason), made.is_refused)


@pytest.mark.parametrize(
    ("state", "status", "verbs", "after", "reason"),
    [
        ("started", "stopped", ("start",), "running", "started"),
        ("started", "running", (), "running", "unchanged"),
        ("stopped", "running", ("shutdown",), "stopped", "stopped"),
        ("stopped", "stopped", (), "stopped", "unchanged"),
        ("shutdown", "running", ("shutdown",), "stopped", "stopped"),
        ("shutdown", "stopped", (), "stopped", "unchanged"),
        ("restarted", "running", ("shutdown", "start"), "running", "restarted"),
        ("restarted", "stopped", ("start",), "running", "restarted"),
        ("suspended", "running", ("suspend",), "stopped", "suspended"),
        ("suspended", "stopped", (), "stopped", "unchanged"),
    ],
)
def test_each_state_leads_to_the_verbs_of_proxmox(state, status, verbs, after, reason):
    assert plan(state, status) == (verbs, after, reason, False)


def test_only_force_without_any_time_stops_at_once():
    assert plan("stopped", "running", force=True)[0] == ("shutdown",)
    assert plan("stopped", "running", force=True, timeout=0)[0] == ("stop",)
    assert plan("stopped", "running", timeout=0)[0] == ("shutdown",)
    assert plan("restarted", "running", force=True, timeout=0)[0] == ("stop", "start")


def test_what_the_node_says_counts_and_not_what_the_cluster_showed():
    assert plan("started", "running", row={"status": "stopped"}) == (("start",), "running", "started", False)


def test_a_template_cannot_be_started_but_is_stopped_already():
    assert plan("started", "stopped", is_template=True) == ((), "stopped", "template", True)
    assert plan("stopped", "stopped", is_template=True) == ((), "stopped", "unchanged", False)


def test_a_locked_container_is_left_alone_unless_it_is_there_already():
    assert plan("stopped", "running", row={"lock": "backup"}) == ((), "running", "locked", True)
    assert plan("stopped", "running", lock="migrate") == ((), "running", "locked", True)
    assert plan("started", "running", lock="backup") == ((), "running", "unchanged", False)


def test_an_unknown_status_is_neither_running_nor_stopped():
    assert plan("stopped", "unknown") == ((), "unknown", "status_unknown", True)


@pytest.mark.parametrize("hastate", ["error", "fence", "freeze", "migrate", "recovery", "relocate"])
def test_a_service_that_high_availability_is_busy_with_is_left_alone(hastate):
    assert plan("started", "stopped", hastate=hastate) == ((), "stopped", "ha_busy", True)


@pytest.mark.parametrize(("hastate", "expected"), [("", False), ("ignored", False), ("started", True), ("stopped", True)])
def test_high_availability_manages_what_it_does_not_ignore(hastate, expected):
    from pve_lxc.model.guest import Guest
    from pve_lxc.operations.power_plan import plan_power
    from pve_lxc.operations.power_request import PowerState, PowerWish

    made = plan_power(PowerWish(PowerState.STARTED), Guest(101, "web", "pve1", "stopped", hastate=hastate), {"status": "stopped"})
    assert made.is_managed_by_ha is expected


def test_a_container_that_its_node_no_longer_has_was_moved():
    from pve_lxc.model.guest import Guest
    from pve_lxc.operations.power_plan import plan_power
    from pve_lxc.operations.power_request import PowerState, PowerWish

    made = plan_power(PowerWish(PowerState.STARTED), Guest(101, "web", "pve1", "stopped"), None)
    assert (made.is_refused, str(made.reason), made.message) == (
        True,
        "not_found",
        "its node pve1 does not have it any more: it was moved or destroyed a moment ago",
    )


@pytest.mark.parametrize(
    ("startup", "up", "patience"),
    [("order=2,up=30,down=120", 30.0, 120.0), ("order=1", 0.0, 60.0), ("down=5", 0.0, 5.0), (None, 0.0, 60.0)],
)
def test_its_own_startup_goes_before_the_timeout(startup, up, patience):
    from pve_lxc.model.allocation import Allocation
    from pve_lxc.model.guest import Guest, GuestConfig
    from pve_lxc.operations.power_plan import plan_power, with_startup
    from pve_lxc.operations.power_request import PowerState, PowerWish

    made = plan_power(PowerWish(PowerState.STOPPED), Guest(101, "web", "pve1", "running"), {"status": "running"})
    values = {} if startup is None else {"startup": startup}
    made = with_startup(made, GuestConfig(101, "pve1", "", Allocation(), values=values))
    assert (made.up_seconds, made.patience_seconds) == (up, patience)


def test_four_containers_of_a_minute_with_two_workers_may_take_four_minutes():
    from pve_lxc.model.guest import Guest
    from pve_lxc.operations.power_bulk import longest_seconds
    from pve_lxc.operations.power_plan import plan_power
    from pve_lxc.operations.power_request import PowerState, PowerWish

    plans = [plan_power(PowerWish(PowerState.STOPPED), Guest(vmid, "", "pve1", "running"), {"status": "running"}) for vmid in (101, 102, 103, 104)]
    assert longest_seconds(plans, 2) == 240.0
