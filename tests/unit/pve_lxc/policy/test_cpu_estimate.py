# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The estimators of CPU, each with numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

DAY_SECONDS = 86400.0


SIX_HOURS = 6 * 3600.0


def head_room_of(rises, largest_cores=4.0, interval_seconds=300.0):
    """Return the head-room after one rise in each interval."""
    from pve_lxc.policy.cpu_headroom import HeadRoom
    from pve_lxc.policy.histogram import DecayingHistogram

    head_room = HeadRoom(DecayingHistogram(4 * DAY_SECONDS))
    for number, rise in enumerate(rises):
        head_room = head_room.added(1e6 + number * interval_seconds, rise, interval_seconds, largest_cores)
    return head_room


def learnt_from(uses, interval_seconds=300.0, gap_before=None, gap_seconds=0.0):
    """Return what is known of the CPU after these uses in cores; the one with the number ``gap_before`` comes so much later."""
    from pve_lxc.model.usage import UsageSample
    from pve_lxc.policy.cpu import CpuScope, learn_cpu
    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings.policy import PolicySettings

    policy = PolicySettings()
    memory, now = new_memory(policy).cpu, 1e6
    for number, use in enumerate(uses):
        now += interval_seconds + (gap_seconds if number == gap_before else 0.0)
        memory = learn_cpu(memory, UsageSample(101, "pve1", now, cpu_cores=use), CpuScope(cap_cores=4.0, max_cores=4.0), policy, interval_seconds)
    return memory


def test_head_room_is_silent_until_there_are_six_hours_of_it():
    assert head_room_of([0.0] * 71).above(1.0, 0.01, 4.0, SIX_HOURS) is None
    assert head_room_of([0.0] * 72).above(1.0, 0.01, 4.0, SIX_HOURS) == 1.0
    assert head_room_of([0.0] * 359, interval_seconds=60.0).above(1.0, 0.01, 4.0, SIX_HOURS) is None
    assert head_room_of([0.0] * 360, interval_seconds=60.0).above(1.0, 0.01, 4.0, SIX_HOURS) == 1.0


def test_head_room_of_a_calm_container_is_none_and_of_a_restless_one_its_rise():
    assert head_room_of([0.0] * 200).above(1.0, 0.01, 4.0, SIX_HOURS) == 1.0
    # 0.37 of at most 4 cores is 9.25 of 100 buckets, so bucket 10, which ends at 0.4; it rises in half of the intervals.
    assert head_room_of([0.37, -0.37] * 100).above(1.37, 0.01, 4.0, SIX_HOURS) == pytest.approx(1.77)


def test_head_room_that_is_rarer_than_the_tolerance_is_not_given():
    # One rise of 2.0 among 300: 0.3 % of the time.
    rises = [0.0] * 150 + [2.0] + [0.0] * 149
    assert head_room_of(rises).above(1.0, 0.01, 4.0, SIX_HOURS) == 1.0
    assert head_room_of(rises).above(1.0, 0.001, 4.0, SIX_HOURS) == 3.0


def test_a_rise_is_the_use_above_the_highest_of_the_ten_minutes_before():
    # Of at most 4 cores a bucket is 0.04: 2.0 over 1.0 is bucket 25, 1.4 under 2.0 is bucket -15, and the same again while 2.0 is within ten minutes.
    assert learnt_from([1.0, 2.0, 1.4, 1.4]).head_room.rises.weights.keys() == {25, -15}
    assert learnt_from([1.0, 2.0, 1.4, 1.4]).head_room.seconds == 900.0
    # When the fifth interval began 2.0 was ten minutes ago, when the sixth did a quarter of an hour: that one is compared with 1.4.
    assert learnt_from([1.0, 2.0, 1.4, 1.4, 1.4]).head_room.rises.weights.keys() == {25, -15}
    assert learnt_from([1.0, 2.0, 1.4, 1.4, 1.4, 1.4]).head_room.rises.weights.keys() == {25, -15, 0}


def test_a_rise_across_a_gap_is_none():
    memory = learnt_from([1.0, 1.0, 3.0, 3.0, 3.0], gap_before=2, gap_seconds=2400.0)
    assert memory.head_room.seconds == 900.0
    assert memory.head_room.rises.weights.keys() == {0}


def test_use_that_climbs_slowly_needs_less_head_room_the_oftener_it_is_looked_at():
    """From 1 to 3 cores and back within four hours: a minute's climb is 0.0167 cores, five minutes' are 0.083."""

    def climb(minute):
        return 1.0 + 2.0 * (1 - abs(minute % 240 - 120) / 120)

    each_minute = learnt_from([climb(minute) for minute in range(2400)], interval_seconds=60.0)
    each_five = learnt_from([climb(minute) for minute in range(0, 2400, 5)], interval_seconds=300.0)
    # The buckets' ends: 0.04 and 0.12 cores.
    assert each_minute.head_room.above(2.0, 0.01, 4.0, SIX_HOURS) == pytest.approx(2.04)
    assert each_five.head_room.above(2.0, 0.01, 4.0, SIX_HOURS) == pytest.approx(2.12)


def test_head_room_through_json_goes_on_where_it_was():
    import json

    from pve_lxc.policy.cpu_headroom import HeadRoom

    for count in (1, 2, 100):
        head_room = head_room_of([0.0, 0.5] * count)
        read = HeadRoom.from_dict(json.loads(json.dumps(head_room.to_dict())), 4 * DAY_SECONDS)
        # Weights are written to nine digits.
        assert replace(read, rises=head_room.rises) == head_room
        assert read.rises.weights == pytest.approx(head_room.rises.weights)


RISES = {"half_life_seconds": DAY_SECONDS, "reference_seconds": 0.0, "first_bucket": 0, "unit": 1.0, "counts": [5]}


@pytest.mark.parametrize(
    "damage",
    # Nothing; no histogram; no number; not a number; and what an earlier version wrote, whose rises were others.
    [{}, {"rises": 5, "seconds": 9.0}, {"rises": RISES, "seconds": "x"}, {"rises": RISES, "seconds": float("nan")}, {"rises": RISES, "rise_count": 90.0}],
)
def test_head_room_that_is_damaged_reads_as_empty(damage):
    from pve_lxc.policy.cpu_headroom import HeadRoom

    assert HeadRoom.from_dict({"rises": RISES, "seconds": 9.0}, DAY_SECONDS).seconds == 9.0
    assert HeadRoom.from_dict(damage, DAY_SECONDS).seconds == 0.0


def test_quantile_above_is_the_worked_number_of_its_docstring():
    from pve_lxc.policy.histogram import DecayingHistogram

    histogram = DecayingHistogram(3600.0).added(0.0, ((0.5, 90.0), (1.0, 5.0), (2.0, 5.0)))
    # 0.01 * 1.05 ** 95 and 0.01 * 1.05 ** 109
    assert histogram.quantile_above(0.6, 0.3) == pytest.approx(1.0303, abs=1e-4)
    assert histogram.quantile_above(0.6, 0.7) == pytest.approx(2.0400, abs=1e-4)
    assert histogram.quantile_above(2.5, 0.3) is None


@pytest.mark.parametrize(
    ("history", "expected"),
    # Nothing above 1.0 known: 1.6. Often 1.3 (bucket end 1.3150). Often 1.02 (below 1.05 times the limit). Often 9.8 (above 8 times).
    [([], 1.6), ([(0.5, 90.0), (1.3, 10.0)], 1.3150), ([(0.5, 90.0), (1.035, 10.0)], 1.0819), ([(0.5, 90.0), (9.8, 10.0)], 8.0)],
)
def test_saturated_container_is_given_what_it_used_above_its_limit_before(history, expected):
    from pve_lxc.model.usage import UsageSample
    from pve_lxc.policy.cpu import CpuScope, learn_cpu
    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings.policy import PolicySettings

    policy = PolicySettings()
    memory = new_memory(policy).cpu
    if history:
        memory = replace(memory, histogram=memory.histogram.added(1e6, tuple(history)))
    sample = UsageSample(101, "pve1", 1e6 + 60, cpu_cores=1.0)
    learnt = learn_cpu(memory, sample, CpuScope(cap_cores=1.0, max_cores=16.0, host_pressure_percent=50.0), policy, 60.0)
    assert learnt.saturated_target_cores == pytest.approx(expected, abs=1e-4)
    assert learnt.saturated_until_seconds == 1e6 + 960


def test_estimate_is_the_worked_number_of_its_docstring():
    from pve_lxc.policy.cpu import CpuEstimate, estimate_cpu
    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings.policy import PolicySettings

    policy = PolicySettings()
    memory = new_memory(policy).cpu
    memory = replace(
        memory,
        recent=memory.recent.added(1e6, 1.0),
        histogram=memory.histogram.added(1e6, ((1.8, 1.0),)),
        head_room=head_room_of([0.37, -0.37] * 100),
        tolerance_share=0.01,
        largest_cores=4.0,
    )
    assert estimate_cpu(memory, 1e6, policy) == CpuEstimate(1.4, 1.4)
    # Without head-room learnt it is the quantile's bucket end, 0.01 * 1.05 ** 107.
    assert estimate_cpu(replace(memory, head_room=head_room_of([])), 1e6, policy).target_cores == pytest.approx(1.8503, abs=1e-4)


def test_answer_to_a_saturation_is_wanted_while_it_is_kept_and_not_waited_for():
    from pve_lxc.policy.cpu import CpuEstimate, estimate_cpu
    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings.policy import PolicySettings

    memory = new_memory(PolicySettings()).cpu
    memory = replace(memory, recent=memory.recent.added(1e6, 1.0), saturated_until_seconds=1e6 + 900, saturated_target_cores=3.0)
    assert estimate_cpu(memory, 1e6 + 599, PolicySettings()) == CpuEstimate(3.0, 1.05)
    assert estimate_cpu(memory, 1e6 + 599, PolicySettings(cpu_saturation_waits=True)) == CpuEstimate(3.0, 3.0)
    later = replace(memory, recent=memory.recent.added(1e6 + 900, 1.0))
    assert estimate_cpu(later, 1e6 + 900, PolicySettings()) == CpuEstimate(1.05, 1.05)
    assert estimate_cpu(new_memory(PolicySettings()).cpu, 1e6, PolicySettings()) is None


@pytest.mark.parametrize(("recent", "demand", "grown"), [(1.2, 2.15, None), (1.2, 2.3, 2.3), (1.95, 2.15, 2.2)])
def test_growth_for_mere_head_room_is_left_while_it_is_small(recent, demand, grown):
    from pve_lxc.model.allocation import Allocation
    from pve_lxc.model.guest import GuestConfig
    from pve_lxc.policy.bounds import Bounds
    from pve_lxc.policy.cpu_choice import choose_cpu
    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings.container import ContainerSettings

    settings = ContainerSettings()
    memory = new_memory(settings.policy).cpu
    memory = replace(memory, recent=memory.recent.added(1e6, recent))
    config = GuestConfig(101, "pve1", "", Allocation(cores=4, cpulimit=2.0, memory_mib=512))
    choice = choose_cpu(config, memory, demand, Bounds(0.1, 4.0), settings, 1e6)
    assert choice.changes.get("cpulimit") == grown
    assert str(choice.reason) == ("within_band" if grown is None else "grow_cpu")
