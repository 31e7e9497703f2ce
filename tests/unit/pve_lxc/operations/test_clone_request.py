# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be asked of clones, and what is refused before anything is sent."""

from __future__ import annotations

import pytest


def parse(is_absent=False, **options):
    from pve_lxc.operations.clone_request import parse_clone_requests

    return parse_clone_requests(options, is_absent=is_absent)


def places(**options):
    from pve_lxc.errors import RequestError

    with pytest.raises(RequestError) as caught:
        parse(**options)
    return [problem.place for problem in caught.value.problems]


def test_a_count_with_a_placeholder_numbers_names_addresses_and_notes():
    requests = parse(source_vmid=9000, name="web-{number:02}", count=2, description="web server {number}", network={"ip": "192.0.2.1{number}/24"})
    assert [request.name for request in requests] == ["web-01", "web-02"]
    assert [request.description for request in requests] == ["web server 1", "web server 2"]
    assert [dict(request.network) for request in requests] == [{"ip": "192.0.2.11/24"}, {"ip": "192.0.2.12/24"}]


def test_a_count_without_a_placeholder_appends_the_number_even_for_one():
    assert [request.name for request in parse(source_vmid=9000, name="web", count=1)] == ["web-1"]
    assert [request.name for request in parse(source_vmid=9000, name="web", count=3)] == ["web-1", "web-2", "web-3"]


def test_no_count_takes_the_name_as_it_is():
    assert [request.name for request in parse(source_vmid=9000, name="web")] == ["web"]


def test_blank_answers_of_a_survey_count_as_not_given():
    [request] = parse(source_vmid=None, source_name="template", name="web", storage="", cores="", memory="", network={"ip": "", "tag": None}, vmid_range="")
    assert (request.source_name, request.storage, request.sizes, dict(request.network), request.vmid_range) == ("template", "", None, {}, None)


def test_entries_of_a_list_win_over_what_stands_beside_it():
    containers = [{"name": "a"}, {"name": "b", "source_name": "other", "memory": "2G", "network": {"ip": "dhcp"}}]
    first, second = parse(source_vmid=9000, memory="1G", network={"ip": "manual", "tag": 7}, containers=containers)
    assert (first.source_vmid, first.source_name, first.sizes.sizes["memory"].amount) == (9000, "", 1024)
    assert (second.source_vmid, second.source_name, second.sizes.sizes["memory"].amount) == (None, "other", 2048)
    assert dict(second.network) == {"ip": "dhcp", "tag": "7"}


def test_a_range_of_ids_is_first_and_last():
    assert parse(source_vmid=9000, name="web", vmid_range="200-299")[0].vmid_range == (200, 299)
    assert places(source_vmid=9000, name="web", vmid_range="299-200") == ["vmid_range"]
    assert places(source_vmid=9000, name="web", vmid_range="5-20") == ["vmid_range"]


def test_clones_that_could_not_be_found_again_are_refused():
    assert places(source_vmid=9000) == ["the request"]
    assert places(source_vmid=9000, count=2) == ["count", "the request"]


def test_a_vmid_cannot_be_counted():
    assert "vmid" in places(source_vmid=9000, vmid=200, name="web", count=2)


def test_every_problem_is_named_at_its_place():
    containers = [
        {"name": "under_score", "source_vmid": 9000, "cores": "many"},
        {"vmid": 12, "name": "web", "source_vmid": 9000, "tags": ["two words"]},
        {"name": "web", "network": {"ip": "192.0.2.300/24", "hwaddr": "01:00:00:00:00:01"}},
    ]
    assert places(containers=containers) == [
        "containers[0].cores",
        "containers[0].name",
        "containers[1].vmid",
        "containers[1].tags",
        "containers[2]",
        "containers[2].network.hwaddr",
        "containers[2].network.ip",
        "containers[2].name",
    ]


def test_a_wrong_size_beside_the_list_is_named_once():
    assert places(source_vmid=9000, memory="12 GiBi", containers=[{"name": "a"}, {"name": "b"}]) == ["memory"]


def test_two_clones_cannot_have_one_fixed_address_or_one_mac_address():
    assert places(source_vmid=9000, name="web", count=2, network={"ip": "192.0.2.10/24"}) == ["network.ip"]
    assert places(source_vmid=9000, name="web", count=2, network={"hwaddr": "BC:24:11:00:00:01"}) == ["network.hwaddr"]
    assert len(parse(source_vmid=9000, name="web", count=2, network={"ip": "dhcp"})) == 2


def test_a_linked_clone_cannot_be_put_on_another_storage():
    assert places(source_vmid=9000, name="web", full=False, storage="local") == ["storage"]


def test_removing_needs_neither_source_nor_sizes():
    [first, second] = parse(is_absent=True, name="web", count=2, memory="nonsense", force=True)
    assert (first.name, second.name, first.is_forced) == ("web-1", "web-2", True)


def test_a_source_is_named_once():
    assert places(name="web") == ["the request"]
    assert places(name="web", source_vmid=9000, source_name="template") == ["the request"]


@pytest.mark.parametrize(("key", "value"), [("timeout", 0), ("wait_timeout", -1), ("timeout", 90000)])
def test_deadlines_out_of_range_are_refused(key, value):
    from pve_lxc.errors import RequestError
    from pve_lxc.operations.clone_settings import parse_clone_settings

    with pytest.raises(RequestError) as caught:
        parse_clone_settings({"timeout": 600, "wait_timeout": 120, "concurrency": 4, key: value}, is_check=False)
    assert [problem.place for problem in caught.value.problems] == [key]
