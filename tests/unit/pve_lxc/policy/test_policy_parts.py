# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small parts of the policy, each with numbers worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st


def test_histogram_quantile_is_the_end_of_the_bucket_that_holds_it():
    from pve_lxc.policy.histogram import DecayingHistogram

    histogram = DecayingHistogram(3600.0).added(0.0, ((0.5, 99.0), (2.0, 1.0)))
    # 0.01 * 1.05 ** 81 and 0.01 * 1.05 ** 109
    assert histogram.quantile(0.9) == pytest.approx(0.5204, abs=1e-4)
    assert histogram.quantile(0.995) == pytest.approx(2.0400, abs=1e-4)


def test_histogram_forgets_half_in_a_half_life():
    from pve_lxc.policy.histogram import DecayingHistogram, bucket_of

    histogram = DecayingHistogram(3600.0).added(0.0, ((1.0, 1.0),)).added(3600.0, ((2.0, 1.0),))
    assert histogram.weights[bucket_of(2.0)] / histogram.weights[bucket_of(1.0)] == 2.0


def test_histogram_stays_small_and_finite_over_a_year():
    from pve_lxc.policy.histogram import DecayingHistogram

    histogram = DecayingHistogram(86400.0)
    for day in range(365):
        histogram = histogram.added(day * 86400.0, ((0.01 * 1.05 ** (day % 180), 1.0),))
    assert len(histogram.weights) <= 181
    assert max(histogram.weights.values()) < 1e6


def test_histogram_survives_a_pause_of_a_thousand_years():
    from pve_lxc.policy.histogram import DecayingHistogram

    histogram = DecayingHistogram(86400.0).added(0.0, ((1.0, 1.0),)).added(3.2e10, ((0.1, 1.0),))
    assert histogram.quantile(1.0) == pytest.approx(0.1040, abs=1e-4)


@pytest.mark.parametrize(
    "damage", [{}, {"half_life_seconds": 1}, {"half_life_seconds": 3600.0, "weights": {"x": 1}}, {"half_life_seconds": 3600.0, "weights": [1]}]
)
def test_histogram_that_is_damaged_reads_as_empty(damage):
    from pve_lxc.policy.histogram import DecayingHistogram

    assert DecayingHistogram.from_dict(damage, 3600.0).quantile(0.5) is None


def test_histogram_in_the_first_form_of_the_state_is_still_read():
    from pve_lxc.policy.histogram import DecayingHistogram

    kept = {"half_life_seconds": 3600.0, "reference_seconds": 7200.0, "weights": {"81": 99.0, "109": 1.0, "-3": 0.5}}
    histogram = DecayingHistogram.from_dict(kept, 3600.0)
    assert histogram.weights == {-3: 0.5, 81: 99.0, 109: 1.0}
    assert histogram.reference_seconds == 7200.0


def test_histogram_is_kept_to_a_billionth_of_its_whole():
    from pve_lxc.policy.histogram import DecayingHistogram

    histogram = DecayingHistogram(3600.0).added(7200.0, ((0.02, 96.0), (0.0247, 4.0)))
    kept = histogram.to_dict()
    # 0.02 is in bucket 15 and 0.0247 in bucket 19; a billionth of 100.0 is 1e-7.
    assert kept == {
        "half_life_seconds": 3600.0,
        "reference_seconds": 7200.0,
        "first_bucket": 15,
        "unit": pytest.approx(1e-7),
        "counts": [960000000, 0, 0, 0, 40000000],
    }
    assert DecayingHistogram.from_dict(kept, 3600.0).weights == pytest.approx({15: 96.0, 19: 4.0})


def test_histogram_enters_values_below_and_above_what_it_has():
    from pve_lxc.policy.histogram import DecayingHistogram

    histogram = DecayingHistogram(3600.0).with_buckets(0.0, ((5, 1.0),)).with_buckets(0.0, ((2, 2.0), (7, 3.0), (5, 4.0)))
    assert histogram.weights == {2: 2.0, 5: 5.0, 7: 3.0}


def test_histogram_that_was_given_more_is_another_one():
    from pve_lxc.policy.histogram import DecayingHistogram

    first = DecayingHistogram(3600.0).with_buckets(0.0, ((5, 1.0),))
    first.with_buckets(0.0, ((5, 1.0), (6, 1.0)))
    assert first.weights == {5: 1.0}


@pytest.mark.parametrize(
    "part",
    [
        {"counts": [1, -1]},
        {"counts": [1, "x"]},
        {"counts": [1, None]},
        {"counts": 3},
        {"unit": float("nan")},
        {"unit": float("inf")},
        {"unit": None},
        {"first_bucket": "x"},
        {"reference_seconds": []},
    ],
)
def test_histogram_with_a_damaged_part_reads_as_empty(part):
    from pve_lxc.policy.histogram import DecayingHistogram

    whole = {"half_life_seconds": 3600.0, "reference_seconds": 0.0, "first_bucket": 10, "unit": 0.5, "counts": [1, 2]}
    assert DecayingHistogram.from_dict(whole, 3600.0).weights == {10: 0.5, 11: 1.0}
    assert DecayingHistogram.from_dict({**whole, **part}, 3600.0).weights == {}


def test_histogram_whose_first_form_names_buckets_that_cannot_be_reads_as_empty():
    from pve_lxc.policy.histogram import DecayingHistogram

    kept = {"half_life_seconds": 3600.0, "reference_seconds": 0.0, "weights": {"1": 1.0, "99999999999": 1.0}}
    assert DecayingHistogram.from_dict(kept, 3600.0).weights == {}


def test_window_keeps_only_what_may_still_become_the_largest():
    from pve_lxc.policy.window import WindowMaximum

    window = WindowMaximum(36000.0)
    for hour, value in enumerate([5.0, 3.0, 4.0]):
        window = window.added(hour * 3600.0, value)
    assert [value for _time, value in window.entries] == [5.0, 4.0]
    assert window.largest(7200.0) == 5.0
    assert window.largest(36001.0) == 4.0
    assert window.largest(100000.0) is None


@given(st.lists(st.tuples(st.floats(1, 600), st.floats(0, 100)), min_size=1, max_size=200))
def test_window_is_never_below_the_true_maximum_and_never_large(samples):
    from pve_lxc.policy.window import SLOTS, WindowMaximum

    window, now, all_samples = WindowMaximum(1800.0), 0.0, []
    for step, value in samples:
        now += step
        all_samples.append((now, value))
        window = window.added(now, value)
        true_maximum = max(value for time, value in all_samples if time >= now - 1800.0)
        with_slack = max(value for time, value in all_samples if time >= now - 1800.0 - 1800.0 / SLOTS)
        assert true_maximum <= window.largest(now) <= with_slack
        assert len(window.entries) <= SLOTS + 2


def test_share_growth_gives_the_small_ones_all_and_the_rest_alike():
    from pve_lxc.policy.admission import share_growth

    assert share_growth({1: 64, 2: 512, 3: 512}, 300, 32) == {1: 64, 2: 96, 3: 96}
    assert share_growth({3: 512, 1: 64, 2: 512}, 2000, 32) == {3: 512, 1: 64, 2: 512}
    assert share_growth({1: 64}, 0, 32) == {1: 0}


@pytest.mark.parametrize(
    ("cores", "host_cpus", "low", "high"),
    [(2, 16, 1.0, 4.0), (2, 4, 1.0, 2.0), (2, None, 1.0, 2.0), (12, 16, 1.0, 12.0)],
)
def test_cpu_bounds_follow_the_baseline_and_the_node(cores, host_cpus, low, high):
    from pve_lxc.model.allocation import Allocation
    from pve_lxc.policy.bounds import Bounds, cpu_bounds
    from pve_lxc.policy.settings.bounds import BoundsSettings

    assert cpu_bounds(Allocation(cores=cores), host_cpus, BoundsSettings()) == Bounds(low, high)


def test_cpu_floor_is_what_was_found_where_that_is_less_than_a_core():
    from pve_lxc.model.allocation import Allocation
    from pve_lxc.policy.bounds import Bounds, cpu_bounds
    from pve_lxc.policy.settings.bounds import BoundsSettings

    assert cpu_bounds(Allocation(cpulimit=0.5), 16, BoundsSettings()) == Bounds(0.5, 1.0)


def test_memory_bounds_follow_the_baseline_and_the_node():
    from pve_lxc.model.allocation import Allocation
    from pve_lxc.policy.bounds import Bounds, memory_bounds
    from pve_lxc.policy.settings.bounds import BoundsSettings

    assert memory_bounds(Allocation(memory_mib=1024), 32768, BoundsSettings()) == Bounds(512, 2048)
    assert memory_bounds(Allocation(memory_mib=200), 32768, BoundsSettings()) == Bounds(128, 400)
    assert memory_bounds(Allocation(memory_mib=1024), 3000, BoundsSettings()) == Bounds(512, 1500)
    assert memory_bounds(Allocation(memory_mib=1024), 32768, BoundsSettings(allow_below_half=True)) == Bounds(128, 2048)
    assert memory_bounds(Allocation(memory_mib=1024), 32768, BoundsSettings(max_memory_mib=4096, min_memory_mib=900)) == Bounds(900, 4096)


def test_memory_estimate_is_the_worked_number_of_its_docstring():
    from dataclasses import replace

    from pve_lxc.model.usage import UsageSample
    from pve_lxc.policy.memory import estimate_memory
    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings.policy import PolicySettings

    policy = PolicySettings()
    empty = new_memory(policy).memory
    memory = replace(empty, recent=empty.recent.added(1e6 - 600, 620).added(1e6, 600), room_mib=260.0)
    sample = UsageSample(101, "pve1", 1e6, memory_mib=600)
    assert estimate_memory(memory, sample, 1024, policy, is_new=True).target_mib == pytest.approx(878)
    assert estimate_memory(replace(memory, room_mib=0.0), sample, 1024, policy, is_new=True).target_mib == pytest.approx(638.6)


def test_tolerated_share_is_the_worked_number_of_its_docstring():
    from dataclasses import replace

    from pve_lxc.policy.cpu import tolerated_share
    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings.policy import PolicySettings

    memory = replace(new_memory(PolicySettings()).cpu, mean_cores=0.32)
    assert tolerated_share(memory, 4, PolicySettings()) == pytest.approx(0.012)
    assert tolerated_share(replace(memory, mean_cores=0.0), 4, PolicySettings()) == pytest.approx(0.003)


def test_rise_is_counted_from_the_least_use_of_the_window():
    from pve_lxc.model.usage import UsageSample
    from pve_lxc.policy.memory import learn_memory
    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings.policy import PolicySettings

    policy = PolicySettings()
    memory = new_memory(policy).memory
    for minute, use in enumerate([300.0, 500.0, 450.0]):
        memory = learn_memory(memory, UsageSample(101, "pve1", 1e6 + 60 * minute, memory_mib=use), 1024, 4096.0, policy, 60.0)
    assert memory.rises.largest(1e6 + 120) == 200.0


def test_migrated_container_is_only_grown_for_a_day():
    from pve_lxc.model.allocation import Allocation
    from pve_lxc.model.guest import Guest, GuestConfig
    from pve_lxc.policy.adopt import adopt
    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings.policy import PolicySettings

    policy = PolicySettings()
    config = GuestConfig(101, "pve1", "", Allocation(cores=2, memory_mib=1024), rootfs_volume="local:101/disk.raw")
    memory = adopt(new_memory(policy), Guest(101, "web", "pve1", "running"), config, policy, 1e6)
    moved = adopt(memory, Guest(101, "web", "pve2", "running"), config, policy, 2e6)
    assert moved.grow_only_until_seconds == 2e6 + 86400


def test_reused_id_is_another_container_and_everything_is_forgotten():
    from dataclasses import replace

    from pve_lxc.model.allocation import Allocation
    from pve_lxc.model.guest import Guest, GuestConfig
    from pve_lxc.policy.adopt import adopt
    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings.policy import PolicySettings

    policy = PolicySettings()
    guest = Guest(101, "web", "pve1", "running")
    old = GuestConfig(101, "pve1", "", Allocation(cores=2, memory_mib=1024), rootfs_volume="local:101/old.raw")
    memory = replace(adopt(new_memory(policy), guest, old, policy, 1e6), learnt_seconds=500_000.0)
    new = replace(old, rootfs_volume="local:101/new.raw", allocation=Allocation(cores=4, memory_mib=512))
    adopted = adopt(memory, guest, new, policy, 2e6)
    assert adopted.learnt_seconds == 0.0
    assert adopted.baseline == Allocation(cores=4, memory_mib=512)
    assert adopted.hold is None


@pytest.mark.parametrize("damage", [None, 5, "x", [], {"recent": 3}, {"recent": [["a", 1], [1]]}])
def test_memory_that_is_damaged_reads_as_never_seen(damage):
    from pve_lxc.policy.remember import memory_from_dict, new_memory
    from pve_lxc.policy.settings.policy import PolicySettings

    read = memory_from_dict({"cpu": damage, "memory": damage, "learnt_seconds": "soon", "baseline": damage, "known": damage}, PolicySettings())
    assert read == new_memory(PolicySettings())


def test_memory_with_changes_is_the_same_but_for_those_whichever_field_it_is():
    from dataclasses import fields, replace

    from pve_lxc.policy.remember import ContainerMemory

    # Each field holds its own name, so that a value in a wrong place shows.
    memory = ContainerMemory(**{field.name: field.name for field in fields(ContainerMemory)})
    for field in fields(ContainerMemory):
        assert memory.with_changes(**{field.name: 5.0}) == replace(memory, **{field.name: 5.0})
    assert memory.with_changes(node="pve2", cpu="other").identity == "identity"
