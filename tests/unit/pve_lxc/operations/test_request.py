# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from pve_lxc.errors import RequestError
from pve_lxc.operations.request import ResizeRequest, parse_requests
from pve_lxc.units import Quantity


def problems_of(options: dict[str, object]) -> list[str]:
    with pytest.raises(RequestError) as caught:
        parse_requests(options)
    return [str(problem) for problem in caught.value.problems]


def test_one_container_at_the_top_is_one_request():
    assert parse_requests({"vmid": 101, "cores": "4", "memory": "+512", "swap": None, "containers": None}) == [
        ResizeRequest(vmid=101, sizes={"cores": Quantity(4), "memory": Quantity(512, "+")}),
    ]


def test_sizes_with_suffixes_are_mebibytes():
    [request] = parse_requests({"name": "web", "memory": "2G", "swap": "-256M"})
    assert request.sizes == {"memory": Quantity(2048), "swap": Quantity(256, "-")}


def test_a_listed_container_takes_what_stands_beside_the_list_unless_it_says_otherwise():
    requests = parse_requests(
        {"memory": "+512", "max_memory": "4G", "force": True, "containers": [{"vmid": 101}, {"vmid": 102, "memory": "1024", "force": False}]}
    )
    assert requests == [
        ResizeRequest(vmid=101, sizes={"memory": Quantity(512, "+")}, maximums={"memory": 4096}, is_forced=True),
        ResizeRequest(vmid=102, sizes={"memory": Quantity(1024)}, maximums={"memory": 4096}),
    ]


def test_a_bound_beside_the_list_is_ignored_for_a_container_without_that_size():
    requests = parse_requests({"max_memory": "4G", "containers": [{"vmid": 101, "memory": "+1G"}, {"vmid": 102, "cores": "2"}]})
    assert requests[1] == ResizeRequest(vmid=102, sizes={"cores": Quantity(2)})


def test_every_problem_of_every_container_is_named_at_once():
    assert problems_of(
        {
            "containers": [
                {"vmid": 101, "cores": "0", "cpulimit": "9000", "cpuunits": "500001"},
                {"vmid": 99, "memory": "12 GiBi", "swap": "1.5"},
                {"cores": "1.5"},
                {"vmid": 103, "name": "web", "cores": "2"},
            ]
        }
    ) == [
        "containers[0].cores = 0: Proxmox allows 1 to 8192",
        "containers[0].cpulimit = 9000: Proxmox allows 0 to 8192",
        "containers[0].cpuunits = 500001: Proxmox allows 0 to 500000",
        "containers[1].memory = 12 GiBi: not a size; allowed are MiB as in 1024, the suffixes M and G (1024 MiB), and + or - before it; "
        "Proxmox allows 16 MiB or more",
        "containers[1].swap = 1.5: not a whole number of MiB; Proxmox allows 0 MiB or more",
        "containers[1].vmid = 99: no vmid; allowed are whole numbers from 100 on",
        "containers[2].cores = 1.5: not a whole number; Proxmox allows 1 to 8192",
        "containers[2]: name the container by vmid or by name, and by one of them only",
        "containers[3] = vmid 103, name web: name the container by vmid or by name, and by one of them only",
    ]


def test_memory_below_sixteen_mebibytes_is_a_problem():
    assert problems_of({"vmid": 101, "memory": "15"}) == ["memory = 15: Proxmox allows 16 MiB or more"]


def test_a_wrong_default_is_named_once_and_not_for_each_container():
    assert problems_of({"cores": "many", "containers": [{"vmid": 101, "memory": "512"}, {"vmid": 102, "memory": "512"}]}) == [
        "cores = many: not a number; allowed are a number, or + or - and a number; Proxmox allows 1 to 8192",
    ]


def test_a_minimum_above_the_maximum_is_a_problem():
    assert problems_of({"vmid": 101, "memory": "+512", "min_memory": "2G", "max_memory": "1G"}) == ["min_memory = 2048: is above max_memory, 1024"]


def test_a_relative_bound_is_a_problem():
    assert problems_of({"vmid": 101, "cores": "2", "max_cores": "+2"}) == ["max_cores = +2: a bound is an absolute size, without + or -"]


def test_a_bound_without_its_size_is_a_problem():
    assert problems_of({"vmid": 101, "max_cores": "2"}) == [
        "cores: bounds are given for it, but no size; bounds hold a size; to hold what a container has, give the size +0",
    ]


def test_a_bound_that_no_listed_container_uses_is_a_problem():
    assert problems_of({"max_swap": "512", "containers": [{"vmid": 101, "cores": "2"}]}) == [
        "the bounds of swap: no container is given swap; bounds hold a size; to hold what a container has, give the size +0",
    ]


def test_nothing_asked_for_is_a_problem():
    assert problems_of({"vmid": 101}) == ["the request: nothing is asked for; give at least one of cores, cpulimit, cpuunits, memory, swap, disks"]


def test_the_same_container_twice_is_a_problem():
    assert problems_of({"cores": "2", "containers": [{"vmid": 101}, {"name": "web"}, {"vmid": 101}, {"name": "web"}]}) == [
        "containers[2].vmid = 101: the same container as containers[0]; name each one once",
        "containers[3].name = web: the same container as containers[1]; name each one once",
    ]


def test_an_empty_list_is_a_problem():
    assert problems_of({"cores": "2", "containers": []}) == ["containers = []: the list is empty; name at least one container"]


def test_a_vmid_or_digest_beside_the_list_is_a_problem():
    assert problems_of({"vmid": 101, "digest": "a" * 40, "containers": [{"vmid": 102, "cores": "2"}]}) == [
        "vmid = 101: belongs to one container; put it into the entries of containers",
        f"digest = {'a' * 40}: belongs to one container; put it into the entries of containers",
    ]
