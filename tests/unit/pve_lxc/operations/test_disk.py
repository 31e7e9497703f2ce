# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks: what may be asked, and which steps lead from what a container has to what it is to have."""

from __future__ import annotations

import pytest
from pve_lxc.model.allocation import Allocation
from pve_lxc.model.guest import GuestConfig
from pve_lxc.operations.disk import DiskError, describe_disks, format_disk_size, parse_disk_wishes, plan_disks

VALUES = {"rootfs": "local:101/vm-101-disk-0.raw,size=8G", "mp0": "local:101/vm-101-disk-1.raw,mp=/data,size=1152M", "mp1": "/srv/share,mp=/share"}


def plan(*disks):
    problems = []
    wishes = parse_disk_wishes([dict(zip(("disk", "size"), disk)) for disk in disks], "disks", problems)
    assert problems == []
    return [(step.disk, format_disk_size(step.before_bytes), format_disk_size(step.after_bytes)) for step in plan_disks(wishes, config())]


def config():
    return GuestConfig(101, "pve1", "", Allocation(), values=VALUES)


def problems_of(*disks):
    problems = []
    parse_disk_wishes([dict(zip(("disk", "size"), disk)) for disk in disks], "disks", problems)
    return [(problem.place, problem.value) for problem in problems]


def test_an_absolute_size_and_one_on_top_are_the_same_step():
    assert plan(("rootfs", "10G")) == [("rootfs", "8G", "10G")]
    assert plan(("rootfs", "+2G")) == [("rootfs", "8G", "10G")]
    assert plan(("mp0", "+128M")) == [("mp0", "1152M", "1280M")]
    assert plan(("rootfs", "8.5G")) == [("rootfs", "8G", "8704M")]


def test_a_disk_that_has_the_size_needs_no_step():
    assert plan(("rootfs", "8192M"), ("mp0", "+0G")) == []


def test_a_smaller_size_is_refused_with_both_sizes():
    with pytest.raises(DiskError, match="rootfs has 8G and cannot shrink to 4G"):
        plan(("rootfs", "4G"))


def test_a_disk_that_is_not_there_is_named_beside_those_that_are():
    with pytest.raises(DiskError, match="no disk mp7; it has mp0, mp1, rootfs"):
        plan(("mp7", "4G"))


def test_a_bind_mount_has_no_size():
    with pytest.raises(DiskError, match="mp1 has no size of its own"):
        plan(("mp1", "+1G"))


def test_wrong_names_and_sizes_are_all_named():
    wrong = problems_of(("scsi0", "4G"), ("rootfs", "-1G"), ("mp0", "20"), ("mp256", "lots"), ("rootfs", "1G"))
    assert wrong == [
        ("disks[0].disk", "scsi0"),
        ("disks[1].size", "-1G"),
        ("disks[2].size", "20"),
        ("disks[3].disk", "mp256"),
        ("disks[3].size", "lots"),
        ("disks[4].disk", "rootfs"),
    ]


@pytest.mark.parametrize(("size_bytes", "shown"), [(1207959552, "1152M"), (10737418240, "10G"), (1099511627776, "1T"), (1536, "1536"), (2048, "2K")])
def test_sizes_are_shown_in_the_largest_whole_unit(size_bytes, shown):
    assert format_disk_size(size_bytes) == shown


def test_steps_are_described_with_before_and_after():
    problems = []
    steps = plan_disks(parse_disk_wishes([{"disk": "rootfs", "size": "+2G"}, {"disk": "mp0", "size": "2G"}], "disks", problems), config())
    assert describe_disks(steps) == "rootfs 8G -> 10G, mp0 1152M -> 2G"
