# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be asked of containers' power, and what is refused before anything is read."""

from __future__ import annotations

import pytest


def parse(**options):
    from pve_lxc.operations.power_request import parse_power_targets

    return parse_power_targets(options)


def problems(**options):
    from pve_lxc.errors import RequestError

    with pytest.raises(RequestError) as caught:
        parse(**options)
    return [(problem.place, problem.value, problem.message) for problem in caught.value.problems]


def test_one_container_by_vmid_gets_sixty_seconds_and_no_force():
    [request] = parse(vmid=101, state="stopped").requests
    assert (request.vmid, request.shown_name, request.wish.state.value) == (101, "101", "stopped")
    assert (request.wish.is_forced, request.wish.timeout_seconds) == (False, 60)


def test_entries_of_a_list_take_what_they_leave_out_from_beside_it():
    first, second = parse(state="stopped", timeout=30, containers=[{"vmid": 101}, {"name": "web", "state": "started", "timeout": 0, "force": True}]).requests
    assert (first.wish.state.value, first.wish.timeout_seconds, first.wish.is_forced) == ("stopped", 30, False)
    assert (second.shown_name, second.wish.state.value, second.wish.timeout_seconds, second.wish.is_forced) == ("web", "started", 0, True)


def test_force_false_in_an_entry_is_not_overruled_by_force_beside_the_list():
    [request] = parse(state="stopped", force=True, containers=[{"vmid": 101, "force": False}]).requests
    assert request.wish.is_forced is False


def test_every_mistake_is_named_at_once():
    assert problems(containers=[{"vmid": 101, "timeout": -5}, {"state": "started"}, {"vmid": 99, "state": "started"}, {"vmid": 101, "state": "paused"}]) == [
        ("containers[0].state", "", "is missing; allowed are started, stopped, shutdown, restarted, suspended"),
        ("containers[0].timeout", "-5", "allowed are seconds, 0 to 7200"),
        ("containers[1]", "", "name the container by vmid or by name, and by one of them only"),
        ("containers[2].vmid", "99", "no vmid; allowed are whole numbers from 100 on"),
        ("containers[3].state", "paused", "allowed are started, stopped, shutdown, restarted, suspended"),
        ("containers[3].vmid", "101", "the same container as containers[0]; name each one once"),
    ]


def test_nothing_named_is_refused_and_never_means_everything():
    message = "name containers by vmid or name, by containers, or by marks, and in one way only"
    assert problems(state="stopped") == [("the request", "", message)]
    assert problems(state="stopped", vmid=101, tags=["web"]) == [("the request", "vmid or name and marks", message)]


def test_an_empty_list_of_containers_is_refused():
    assert problems(state="stopped", containers=[]) == [("containers", "[]", "the list is empty; name at least one container")]


def test_an_empty_mark_is_refused_because_it_would_select_more():
    assert problems(state="stopped", nodes=["pve1"], tags=[]) == [("tags", "[]", "the list is empty; leave it out, or give at least one value")]


def test_a_status_alone_does_not_select_half_the_cluster():
    assert problems(state="stopped", status=["running"]) == [
        ("status", "", "is not enough to select by; give at least one of vmids, names, nodes, tags, pools")
    ]


def test_a_selection_leaves_templates_out_and_names_what_does_not_exist():
    from pve_lxc.operations.power_request import find_targets
    from support.fake_power import FakePowerBackend

    backend = FakePowerBackend()
    backend.add(101, "web", tags="prod")
    backend.add(102, "api", tags="prod")
    backend.add(900, "base", tags="prod", is_template=True)
    found, warnings = find_targets(backend.read_cluster(), parse(state="started", vmids=[102, 900, 777], tags=["prod"]))
    assert [(request.shown_name, getattr(guest, "vmid", None)) for request, guest in found] == [("102", 102), ("777", None)]
    assert str(found[1][1].reason) == "not_found"
    assert warnings == []


def test_a_selection_that_fits_nothing_says_so():
    from pve_lxc.operations.power_request import find_targets
    from support.fake_power import FakePowerBackend

    backend = FakePowerBackend()
    backend.add(101, "web", tags="prod")
    assert find_targets(backend.read_cluster(), parse(state="started", tags=["dev"])) == ([], ["no container fits the selection; nothing was done"])


def test_a_vmid_and_a_name_of_the_same_container_are_refused():
    from pve_lxc.errors import RequestError
    from pve_lxc.operations.power_request import find_targets
    from support.fake_power import FakePowerBackend

    backend = FakePowerBackend()
    backend.add(101, "web")
    with pytest.raises(RequestError, match="the same container"):
        find_targets(backend.read_cluster(), parse(state="started", containers=[{"vmid": 101}, {"name": "web"}]))
