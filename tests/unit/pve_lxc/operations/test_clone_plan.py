# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pure parts of cloning: net0, marks in notes, temporary snapshots' names, and the plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

NET0 = "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:0A:42:A4,ip=192.0.2.9/24,gw=192.0.2.1,type=veth"


def change(net0, **changes):
    from pve_lxc.operations.clone_network import change_net0

    return change_net0(net0, changes)


def test_only_what_was_asked_for_differs_in_net0():
    assert change(NET0, ip="192.0.2.10/24") == NET0.replace("192.0.2.9", "192.0.2.10")
    assert change(NET0, tag="7") == NET0 + ",tag=7"


def test_the_gateway_goes_with_a_fixed_address():
    assert change(NET0, ip="dhcp") == "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:0A:42:A4,ip=dhcp,type=veth"
    assert "gw=192.0.2.254" in change(NET0, ip="192.0.2.10/24", gw="192.0.2.254")


@pytest.mark.parametrize(
    ("key", "value"),
    [("ip", "192.0.2.10"), ("ip", "2001:db8::1/64"), ("ip6", "192.0.2.1/24"), ("gw", "192.0.2.0/24"), ("tag", "4095"), ("bridge", "vm br0"), ("mtu", "20")],
)
def test_values_that_proxmox_would_refuse_are_refused_before(key, value):
    from pve_lxc.operations.clone_network import parse_network

    problems = []
    assert parse_network({key: value}, "network", problems) == {}
    assert [(problem.place, problem.value) for problem in problems] == [(f"network.{key}", value)]


def test_network_values_are_written_as_proxmox_writes_them():
    from pve_lxc.operations.clone_network import parse_network

    given = {"hwaddr": "bc-24-11-00-00-0a", "firewall": False, "rate": 2.5, "tag": 7, "ip6": "AUTO"}
    problems = []
    assert parse_network(given, "network", problems) == {"hwaddr": "BC:24:11:00:00:0A", "firewall": "0", "rate": "2.5", "tag": "7", "ip6": "auto"}
    assert problems == []


def test_an_address_is_waited_for_only_where_one_is_to_be_expected():
    from pve_lxc.operations.clone_network import wants_address

    assert wants_address({"net0": NET0}) is True
    assert wants_address({"net0": "name=eth0,bridge=vmbr0,ip6=auto"}) is True
    assert wants_address({"net0": "name=eth0,bridge=vmbr0,ip=manual"}) is False
    assert wants_address({"net0": "name=eth0,bridge=vmbr0", "memory": 512}) is False


def test_notes_carry_the_mark_below_the_text_and_lose_only_the_word_unfinished():
    from pve_lxc.operations.clone_mark import CloneMark, finish_notes, format_notes, is_unfinished, parse_mark

    mark = CloneMark(1769000000250, "1a2b3c4d", 101, 200)
    notes = format_notes("the shop", mark, is_finished=False)
    assert notes == "the shop\n\nCloned by autoscale.proxmox from 101 as 200, mark 1769000000250-1a2b3c4d (unfinished)"
    # Proxmox adds a newline on reading.
    # A copy made by hand inherits the notes, but has another id.
    assert is_unfinished(notes, 201) is False
    assert (parse_mark(notes + "\n"), is_unfinished(notes + "\n", 200)) == (mark, True)
    finished = finish_notes(notes + "\n")
    assert finished == "the shop\n\nCloned by autoscale.proxmox from 101 as 200, mark 1769000000250-1a2b3c4d"
    assert (parse_mark(finished), is_unfinished(finished, 200)) == (mark, False)


def test_notes_of_somebody_else_have_no_mark():
    from pve_lxc.operations.clone_mark import is_unfinished, parse_mark

    for notes in (None, "", "cloned from 101", "Cloned by autoscale.proxmox from 101 as 200, mark soon"):
        assert (parse_mark(notes), is_unfinished(notes, 200)) == (None, False)


def test_marks_are_as_far_apart_as_their_moments():
    from pve_lxc.operations.clone_mark import new_mark

    earlier, later = new_mark(1769000000.25, 101, 200), new_mark(1769000000.5, 101, 200)
    assert (earlier.stamp_milliseconds, earlier < later, later < earlier) == (1769000000250, True, False)


def test_a_temporary_snapshot_is_stale_when_its_time_is_over_and_not_before():
    from pve_lxc.operations.clone_mark import format_snapshot_description, is_stale_snapshot, new_snapshot_name

    row = {"name": new_snapshot_name(1769000000.9), "description": format_snapshot_description(1769001000)}
    assert row["name"].startswith("autoscale-clone-1769000000-")
    assert (len(row["name"]) <= 40, is_stale_snapshot(row, 1769001000), is_stale_snapshot(row, 1769001001)) == (True, False, True)


def test_a_temporary_snapshot_without_its_description_is_stale_after_a_day():
    from pve_lxc.operations.clone_mark import is_stale_snapshot

    row = {"name": "autoscale-clone-1769000000-1a2b", "description": ""}
    assert (is_stale_snapshot(row, 1769086400), is_stale_snapshot(row, 1769086401)) == (False, True)


@pytest.mark.parametrize("name", ["before-upgrade", "autoscale-clone", "autoscale-clone-1769000000", "autoscale-clone-1769000000-1a2b-mine"])
def test_snapshots_of_somebody_else_are_never_stale(name):
    from pve_lxc.operations.clone_mark import is_stale_snapshot

    assert is_stale_snapshot({"name": name, "description": "not needed after 1"}, 9e9) is False


def source(*, is_template=False, status="stopped", can_link=False, can_snapshot=False, lock="", **values):
    from pve_lxc.model.allocation import Allocation
    from pve_lxc.model.guest import Guest, GuestConfig
    from pve_lxc.operations.clone_plan import Source

    guest = Guest(101, "web", "pve1", status, is_template=is_template)
    allocation = Allocation(cores=2, memory_mib=1024, swap_mib=512)
    config = GuestConfig(101, "pve1", "d", allocation, lock=lock, tags=("prod",), values={"hostname": "web", "net0": NET0, **values})
    return Source(guest, config, can_snapshot=can_snapshot, can_link=can_link)


def plan(origin, **options):
    from pve_lxc.model.node import Cluster, Node
    from pve_lxc.operations.clone_plan import plan_clone
    from pve_lxc.operations.clone_request import parse_clone_requests

    [request] = parse_clone_requests({"source_vmid": 101, "name": "copy", **options})
    return plan_clone(request, origin, Cluster({}, {"pve1": Node("pve1", "online"), "pve2": Node("pve2", "online"), "pve3": Node("pve3", "offline")}))


def refusal(origin, **options):
    from pve_lxc.operations.clone_outcome import CloneFailedError

    with pytest.raises(CloneFailedError) as caught:
        plan(origin, **options)
    return str(caught.value.reason), caught.value.message


def test_a_template_is_cloned_linked_where_its_storage_can_and_in_full_where_it_cannot():
    assert plan(source(is_template=True, can_link=True)).parameters == {"full": 0, "hostname": "copy"}
    assert plan(source(is_template=True, can_link=False)).parameters == {"full": 1, "hostname": "copy"}
    assert plan(source(is_template=True, can_link=True), storage="local").parameters == {"full": 1, "hostname": "copy", "storage": "local"}
    assert plan(source(is_template=True, can_link=True), node="pve2").parameters == {"full": 1, "hostname": "copy", "target": "pve2"}


def test_a_linked_clone_that_cannot_be_is_refused_with_what_would_help():
    reason, message = refusal(source(is_template=True, can_link=False), full=False)
    assert (reason, "give full: true" in message) == ("linked_clone_impossible", True)
    reason, message = refusal(source(), full=False)
    assert (reason, "is no template" in message) == ("linked_clone_impossible", True)


def test_a_running_source_needs_a_snapshot_unless_one_is_named():
    running = source(status="running", can_snapshot=True)
    assert (plan(running).needs_snapshot, plan(running, snapshot="fresh").needs_snapshot, plan(source()).needs_snapshot) == (True, False, False)
    reason, message = refusal(source(status="running", can_snapshot=False))
    assert (reason, "stop it first" in message) == ("snapshot_impossible", True)


def test_relative_sizes_start_from_the_source_even_if_it_runs_with_less_than_it_has():
    running = source(status="running", can_snapshot=True)
    allocation = plan(running, memory="-512", cores="+1").allocation
    assert (allocation.memory_mib, allocation.cores, allocation.swap_mib) == (512, 3, 512)


def test_tags_are_the_sources_those_asked_for_and_the_mark_of_a_clone():
    assert plan(source(), tags=["web", "prod"]).tags == ("autoscale-clone", "prod", "web")


def test_a_clone_would_not_start_with_the_address_of_its_source():
    reason, message = refusal(source(), start=True)
    assert (reason, "192.0.2.9/24" in message) == ("invalid_request", True)
    assert plan(source(), start=True, network={"ip": "192.0.2.10/24"}).warnings == ()
    assert plan(source(), start=True, network={"ip": "192.0.2.9/24"}).warnings == ()


def test_a_fixed_address_that_stays_is_warned_about():
    assert plan(source()).warnings == ("it keeps the fixed address 192.0.2.9/24 of 101 (web); change it before both run",)
    other = "name=eth1,bridge=vmbr1,ip=198.51.100.9/24"
    assert plan(source(net1=other), network={"ip": "dhcp"}).warnings == ("its net1 keeps the fixed address 198.51.100.9/24 of 101 (web)",)


def test_no_interface_is_invented():
    origin = source()
    bare = replace(origin, config=replace(origin.config, values={"hostname": "web"}))
    assert (plan(bare).net0, refusal(bare, network={"ip": "dhcp"})[0]) == ("", "invalid_request")


def test_the_mac_address_of_the_source_is_not_predicted_for_the_clone():
    assert plan(source(), network={"ip": "dhcp"}).net0 == "name=eth0,bridge=vmbr0,ip=dhcp,type=veth"


def test_nodes_that_are_unknown_or_down_are_refused():
    assert refusal(source(), node="pve9") == ("not_found", "there is no node pve9; this cluster has pve1, pve2, pve3")
    assert refusal(source(), node="pve3")[0] == "node_unreachable"


def test_a_source_in_backup_is_left_alone_and_one_that_is_cloned_by_others_is_waited_for():
    assert refusal(source(lock="backup"))[0] == "locked"
    assert plan(source(lock="disk")).message == "full clone of 101 (web) on pve1"


@pytest.mark.parametrize(
    ("rows", "addresses"),
    [
        ([{"name": "lo", "inet": "127.0.0.1/8"}], ()),
        ([{"name": "eth0", "inet": "192.0.2.10/24", "inet6": "fe80::1/64"}], ("192.0.2.10",)),
        ([{"name": "eth0", "ip-addresses": [{"ip-address": "2001:db8::5", "prefix": 64}]}], ("2001:db8::5",)),
        ([{"name": "eth0", "inet": "169.254.7.7/16"}], ()),
    ],
)
def test_loopback_and_link_local_addresses_are_no_answer(rows, addresses):
    from pve_lxc.operations.clone_finish import parse_addresses

    assert parse_addresses(rows) == addresses
