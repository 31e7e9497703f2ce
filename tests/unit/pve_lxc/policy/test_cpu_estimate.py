# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The estimators of CPU, each with numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

DAY_SECONDS = 86400.0


def head_room_of(uses, largest_cores=4.0, block_seconds=300.0):
    """Return the head-room after one use per block."""
    from pve_lxc.policy.cpu_headroom import HeadRoom
    from pve_lxc.policy.histogram import DecayingHistogram

    head_room = HeadRoom(DecayingHistogram(4 * DAY_SECONDS))
    for block, use in enumerate(uses):
        head_room = head_room.added(1e6 + block * block_seconds, use, block_seconds, largest_cores)
    return head_room


def test_head_room_is_silent_until_72_rises_are_known():
    assert head_room_of([1.0] * 73).rise_count == 71.0
    assert head_room_of([1.0] * 73).above(1.0, 0.01, 4.0) is None
    assert head_room_of([1.0] * 74).above(1.0, 0.01, 4.0) == 1.0


def test_head_room_of_a_calm_container_is_none_and_of_a_restless_one_its_rise():
    assert head_room_of([1.0] * 200).above(1.0, 0.01, 4.0) == 1.0
    # 0.37 of at most 4 cores is 9.25 of 100 buckets, so bucket 10, which ends at 0.4; it rises in half of the blocks.
    assert head_room_of([1.0, 1.37] * 100).above(1.37, 0.01, 4.0) == pytest.approx(1.77)


def test_head_room_that_is_rarer_than_the_tolerance_is_not_given():
    # One rise of 2.0 among 299: 0.3 % of the time.
    uses = [1.0] * 150 + [3.0] + [1.0] * 149
    assert head_room_of(uses).above(1.0, 0.01, 4.0) == 1.0
    assert head_room_of(uses).above(1.0, 0.001, 4.0) == 3.0


def test_head_room_leaves_out_rises_across_a_gap():
    from pve_lxc.policy.cpu_headroom import HeadRoom
    from pve_lxc.policy.histogram import DecayingHistogram

    head_room = HeadRoom(DecayingHistogram(4 * DAY_SECONDS))
    for time_seconds, use in [(0.0, 1.0), (300.0, 1.0), (3000.0, 3.0), (3300.0, 3.0), (3600.0, 3.0)]:
        head_room = head_room.added(1e6 + time_seconds, use, 300.0, 4.0)
    assert head_room.rise_count == 2.0
    assert set(head_room.rises.weights) == {0}


def test_head_room_through_json_goes_on_where_it_was():
    import json

    from pve_lxc.policy.cpu_headroom import HeadRoom

    for count in (1, 2, 100):
        head_room = head_room_of([1.0, 1.5] * count)
        read = HeadRoom.from_dict(json.loads(json.dumps(head_room.to_dict())), 4 * DAY_SECONDS)
        # Weights are written to nine digits.
        assert replace(read, rises=head_room.rises) == head_room
        assert read.rises.weights == pytest.approx(head_room.rises.weights)


@pytest.mark.parametrize("damage", [{}, {"rises": 5}, {"rises": {}, "rise_count": "x"}, {"rises": {}, "rise_count": 1, "block": float("nan")}])
def test_head_room_that_is_damaged_reads_as_empty(damage):
    from pve_lxc.policy.cpu_headroom import HeadRoom

    assert HeadRoom.from_dict(damage, DAY_SECONDS).rise_count == 0.0


def test_quantile_above_is_the_worked_number_of_its_docstring():
    from pve_lxc.policy.histogram import DecayingHistogram

    histogram = DecayingHistogram(3600.0).added(0.0, ((0.5, 90.0), (1.0, 5.0), (2.0, 5.0)))
    # 0.01 * 1.05 ** 95 and 0.01 * 1.05 ** 109
    assert histogram.quantile_above(0.6, 0.3) == pytest.approx(1.0303, abs=1e-4)
    assert histogram.quantile_above(0.6, 0.7) == pytest.approx(2.0400, abs=1e-4)
    assert histogram.quantile_above(2.5, 0.3) is None


@pytest.mark.parametrize(
    ("history", "expected"),
    # Nothing above 1.0 known: 1.6. Often 1.3 (bucket end 1.3150). Often 1.02 (below 1.05 times the limit). Often 3.8 (above 3 times).
    [([], 1.6), ([(0.5, 90.0), (1.3, 10.0)], 1.3150), ([(0.5, 90.0), (1.035, 10.0)], 1.0819), ([(0.5, 90.0), (3.8, 10.0)], 3.0)],
)
def test_saturated_container_is_given_what_it_used_above_its_limit_before(history, expected):
    from pve_lxc.model.usage import UsageSample
    from pve_lxc.policy.cpu import CpuScope, learn_cpu
    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings import PolicySettings

    policy = PolicySettings()
    memory = new_memory(policy).cpu
    if history:
        memory = replace(memory, histogram=memory.histogram.added(1e6, tuple(history)))
    sample = UsageSample(101, "pve1", 1e6 + 60, cpu_cores=1.0)
    learnt = learn_cpu(memory, sample, CpuScope(cap_cores=1.0, max_cores=8.0, host_pressure_percent=50.0), policy, 60.0)
    assert learnt.saturated_target_cores == pytest.approx(expected, abs=1e-4)
    assert learnt.saturated_until_seconds == 1e6 + 360


def test_estimate_is_the_worked_number_of_its_docstring():
    from pve_lxc.policy.cpu import estimate_cpu_cores
    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings import PolicySettings

    policy = PolicySettings()
    memory = new_memory(policy).cpu
    memory = replace(
        memory,
        recent=memory.recent.added(1e6, 1.0),
        histogram=memory.histogram.added(1e6, ((1.8, 1.0),)),
        head_room=head_room_of([1.0, 1.37] * 100),
        tolerance_share=0.01,
        largest_cores=4.0,
    )
    assert estimate_cpu_cores(memory, 1e6, policy) == pytest.approx(1.4)
    # Without head-room learnt it is the quantile's bucket end, 0.01 * 1.05 ** 107.
    assert estimate_cpu_cores(replace(memory, head_room=head_room_of([])), 1e6, policy) == pytest.approx(1.8503, abs=1e-4)


@pytest.mark.parametrize(("recent", "demand", "grown"), [(1.2, 2.15, None), (1.2, 2.3, 2.3), (1.85, 2.15, 2.2)])
def test_growth_for_mere_head_room_is_left_while_it_is_small(recent, demand, grown):
    from pve_lxc.model.allocation import Allocation
    from pve_lxc.model.guest import GuestConfig
    from pve_lxc.policy.bounds import Bounds
    from pve_lxc.policy.cpu_choice import choose_cpu
    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings import ContainerSettings

    settings = ContainerSettings()
    memory = new_memory(settings.policy).cpu
    memory = replace(memory, recent=memory.recent.added(1e6, recent))
    config = GuestConfig(101, "pve1", "", Allocation(cores=4, cpulimit=2.0, memory_mib=512))
    choice = choose_cpu(config, memory, demand, Bounds(0.1, 4.0), settings, 1e6)
    assert choice.changes.get("cpulimit") == grown
    assert str(choice.reason) == ("within_band" if grown is None else "grow_cpu")
