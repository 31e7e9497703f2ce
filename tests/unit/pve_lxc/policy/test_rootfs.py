# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root file systems: what is remembered of their use, and how a storage is shared."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pve_lxc.model.allocation import Allocation
from pve_lxc.model.guest import Guest, GuestConfig
from pve_lxc.model.rootfs import Storage, format_disk_size, parse_volume_bytes
from pve_lxc.model.usage import HostUsage, MemorySource, UsageSample
from pve_lxc.policy.decide import decide
from pve_lxc.policy.observation import HostState, Observation
from pve_lxc.policy.remember import memory_from_dict, memory_to_dict, new_memory
from pve_lxc.policy.rootfs_memory import RootfsMemory
from pve_lxc.policy.settings.bounds import BoundsSettings
from pve_lxc.policy.settings.container import ContainerSettings, SettingsBook
from pve_lxc.policy.settings.policy import PolicySettings

GIB, DAY, NOW = 2**30, 86400.0, 1_800_000_000.0
HOST = HostState(None, HostUsage("pve1", cpus=16, memory_total_mib=65536, memory_available_mib=32768))
POLICY = PolicySettings(grow_rootfs=True)
WEEK = 7 * DAY


def watched(days, rise_gib_per_day, window_seconds=WEEK):
    """Return what is remembered after days of a steady rise from 1 GiB, looked at every five minutes."""
    memory = RootfsMemory()
    for step in range(int(days * 288)):
        memory = memory.with_use(NOW + step * 300, (1 + rise_gib_per_day * step / 288) * GIB, window_seconds)
    return memory


def test_month_of_looks_keeps_a_point_every_six_hours_of_the_last_week():
    memory = watched(30, 0.1)
    assert len(memory.points) == 28
    assert memory.points[-1][0] - memory.points[0][0] == 27 * 6 * 3600


def test_steady_rise_is_found_exactly():
    memory = watched(2, 0.5)
    rise = memory.rise_per_second(NOW + 2 * DAY, 2 * GIB, DAY)
    assert rise * DAY / GIB == pytest.approx(0.5)


def test_rise_over_less_than_a_day_is_no_trend():
    assert watched(0.9, 5).rise_per_second(NOW + 0.9 * DAY, 5.5 * GIB, DAY) is None
    assert RootfsMemory().rise_per_second(NOW, 5 * GIB, DAY) is None


def test_clock_that_was_set_back_forgets_what_is_to_come():
    memory = RootfsMemory(points=((NOW + DAY, 5.0 * GIB),)).with_use(NOW, 4.0 * GIB, WEEK)
    assert memory.points == ((NOW, 4.0 * GIB),)


def test_what_is_remembered_survives_a_restart():
    memory = replace(new_memory(POLICY), rootfs=replace(watched(3, 0.1), baseline_bytes=8.0 * GIB, known_bytes=10.0 * GIB, tried_seconds=NOW))
    assert memory_from_dict(json.loads(json.dumps(memory_to_dict(memory))), POLICY).rootfs == memory.rootfs


def test_memory_without_a_root_file_system_is_as_small_as_before():
    assert "rootfs" not in memory_to_dict(new_memory(POLICY))


@pytest.mark.parametrize("damaged", [{"points": "x"}, {"points": [[1], ["a", 2], [-1, 5], None]}, {"points": [], "tried_seconds": "soon", "known_bytes": None}])
def test_what_is_damaged_is_as_if_never_seen(damaged):
    assert RootfsMemory.from_dict(damaged) == RootfsMemory()


def test_size_that_somebody_else_has_set_is_the_new_baseline_and_ours_is_not():
    ours = RootfsMemory(baseline_bytes=8.0 * GIB, known_bytes=10.0 * GIB)
    assert ours.with_size(10 * GIB).baseline_bytes == 8 * GIB
    assert ours.with_size(20 * GIB).baseline_bytes == 20 * GIB


@pytest.mark.parametrize(
    ("volume", "size"),
    [("local:101/vm-101-disk-0.raw,size=8G", 8 * GIB), ("size=1152M,mountoptions=noatime", 1152 * 2**20), ("size=0T", 0), ("/mnt/data,mp=/data", None)],
)
def test_size_of_a_volume_is_read_as_proxmox_writes_it(volume, size):
    assert parse_volume_bytes(volume) == size


def observe(vmid, used_gib, size="8G"):
    guest = Guest(vmid, f"ct{vmid}", "pve1", "running", uptime_seconds=9e5, disk_bytes=used_gib * GIB, max_disk_bytes=0.95 * parse_volume_bytes(f"size={size}"))
    config = GuestConfig(vmid, "pve1", "", Allocation(2, None, None, 1024, 512), rootfs_volume=f"tank:subvol-{vmid}-disk-0", rootfs_options=f"size={size}")
    return Observation(guest, config, UsageSample(vmid, "pve1", NOW, 60, 0.5, None, 400, MemorySource.CGROUP))


def sizes(observations, used_gib, total_gib, settings=None):
    """Return what each root file system is to have, by vmid."""
    host = replace(HOST, storages={"tank": Storage("tank", "zfspool", True, used_gib * GIB, total_gib * GIB)})
    book = SettingsBook(settings or ContainerSettings(POLICY))
    decisions, _memories = decide(observations, {}, book, host, NOW)
    return {decision.vmid: format_disk_size(decision.rootfs.target_bytes) for decision in decisions}


def test_order_of_the_containers_decides_nothing():
    full = [observe(101, 7.30), observe(102, 7.50), observe(103, 7.40), observe(104, 61.0, "64G")]
    # 180 GiB are room, 175 are used: the two fullest of 8 GiB get 2 each. 7 for the large one are too many for what is left, and 2 for the third as well.
    expected = {101: "8G", 102: "10G", 103: "10G", 104: "64G"}
    assert sizes(full, 175, 200) == expected
    assert sizes(full[::-1], 175, 200) == expected


def test_what_was_found_bounds_the_growth():
    memory_of_two_growths = RootfsMemory(baseline_bytes=8.0 * GIB, known_bytes=15.0 * GIB)
    host = replace(HOST, storages={"tank": Storage("tank", "zfspool", True, 0.0, 200.0 * GIB)})
    seen = observe(101, 14.0, "15G")
    known = replace(new_memory(POLICY), identity=seen.config.identity, node="pve1", known=seen.config.allocation, baseline=seen.config.allocation)
    decisions, _memories = decide([seen], {101: replace(known, rootfs=memory_of_two_growths)}, SettingsBook(ContainerSettings(POLICY)), host, NOW)
    assert format_disk_size(decisions[0].rootfs.target_bytes) == "16G"


def test_maximum_of_the_configuration_goes_before_the_share():
    assert sizes([observe(101, 7.5)], 0, 200, ContainerSettings(POLICY, BoundsSettings(max_rootfs_mib=8704))) == {101: "8704M"}


def test_another_container_under_the_same_id_starts_anew():
    old = replace(new_memory(POLICY), identity="101|tank:old|", node="pve1", rootfs=replace(watched(3, 1.0), baseline_bytes=1.0 * GIB))
    _decisions, memories = decide([observe(101, 4.0)], {101: old}, SettingsBook(ContainerSettings(POLICY)), HOST, NOW)
    assert memories[101].rootfs.points == ((NOW, 4.0 * GIB),)
    assert memories[101].rootfs.baseline_bytes == 8 * GIB
