# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The room that memory is left, each with numbers worked out by hand."""

from __future__ import annotations

import pytest


def room(surprises=(), rise_mib=100.0, observed_hours=100.0, largest_mib=1000.0, **changes):
    from pve_lxc.policy.memory_room import Surprise, choose_room_mib
    from pve_lxc.policy.settings.policy import PolicySettings

    own = tuple(Surprise(1e6, excess, 400.0) for excess in surprises)
    return choose_room_mib(own, rise_mib, observed_hours, largest_mib, PolicySettings(**changes), 1e6)


def test_room_is_the_worked_number_of_its_docstring():
    assert room() == 130.0


def test_room_is_larger_where_it_is_cheap():
    # Of 100,000 MiB, five rises cost 0.005; a kill less in 10,000 hours is worth more than that.
    assert room(largest_mib=100_000.0) == 500.0


def test_room_grows_with_what_a_kill_is_worth():
    assert [room(memory_kill_worth_hours=worth) for worth in (1.0, 50.0, 250.0, 1000.0)] == pytest.approx([33.0, 130.0, 200.0, 300.0])


def test_large_rise_that_happened_once_is_not_waited_for_for_ever_but_one_that_comes_back_is():
    # 720 MiB of 1000 for a surprise of 400: once in 2000 hours it costs less to be killed.
    assert room([400.0], rise_mib=50.0, observed_hours=2000.0) < 720.0
    assert room([400.0] * 34, rise_mib=50.0, observed_hours=2000.0) == 720.0


def test_surprise_fades_by_half_in_a_week():
    from pve_lxc.policy.memory_room import Surprise, choose_room_mib
    from pve_lxc.policy.settings.policy import PolicySettings

    # 34 of them in 2200 hours are worth 50 * 34 / 2200 = 0.77 of all memory, more than the 0.72 that the room costs; a quarter of that is not.
    old = tuple(Surprise(1e6, 400.0, 400.0) for _number in range(34))
    rooms = [choose_room_mib(old, 50.0, 2000.0, 1000.0, PolicySettings(), 1e6 + weeks * 7 * 86400.0) for weeks in (0, 2)]
    assert rooms == [720.0, 50.0]


def test_climb_in_two_steps_is_one_surprise_of_the_whole():
    from pve_lxc.policy.memory_room import Surprise, with_surprise

    climbed = with_surprise(with_surprise((), 1e6, 1300.0, 1000.0), 1e6 + 1800, 1500.0, 1365.0)
    assert climbed == (Surprise(1e6 + 1800, 500.0, 1000.0),)
    later = with_surprise(climbed, 1e6 + 9000, 1700.0, 1575.0)
    assert later == (*climbed, Surprise(1e6 + 9000, 125.0, 1575.0))


def test_only_the_newest_32_surprises_are_kept():
    from pve_lxc.policy.memory_room import with_surprise

    surprises = ()
    for number in range(50):
        surprises = with_surprise(surprises, 1e6 + number * 7200, 1001.0 + number, 1000.0)
    assert [one.excess_mib for one in surprises] == [float(excess) for excess in range(19, 51)]


def test_damaged_surprises_are_left_out():
    from pve_lxc.policy.memory_room import Surprise, surprises_from_list

    assert surprises_from_list([[1, 2, 3], [1, 2], "abc", None, ["x", 2, 3], [float("inf"), 1, 1]]) == (Surprise(1.0, 2.0, 3.0),)


def learnt(uses, limit_mib=1024, kills=None):
    """Return the memory after one use every five minutes; ``kills`` names the position of a kill."""
    from pve_lxc.model.usage import MemorySource, UsageSample
    from pve_lxc.policy.memory import learn_memory
    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings.policy import PolicySettings

    policy = PolicySettings()
    memory = new_memory(policy).memory
    for number, use in enumerate(uses):
        sample = UsageSample(101, "pve1", 1e6 + 300 * number, memory_mib=use, memory_source=MemorySource.CGROUP, own_oom_kills=int(number == kills))
        memory = learn_memory(memory, sample, limit_mib, 4096.0, policy, 300.0)
    return memory


def test_rise_above_the_last_six_hours_is_a_surprise_and_makes_room_for_another_at_once():
    memory = learnt([400.0] * 12 + [900.0])
    assert [(one.excess_mib, one.limit_mib) for one in memory.surprises] == [(488.0, 412.0)]
    assert memory.room_mib == pytest.approx(878.4)


def test_use_within_the_margin_of_the_last_six_hours_is_no_surprise():
    assert learnt([400.0] * 12 + [411.0]).surprises == ()


def test_kill_is_a_surprise_above_the_limit_that_hid_it():
    # 1.5 * 1024 - 1.03 * 1000 = 506
    memory = learnt([1000.0] * 12 + [1024.0], kills=12)
    assert [one.excess_mib for one in memory.surprises] == [506.0]
    assert memory.oom_times == (1e6 + 3600,)


def test_observed_time_fades_as_the_surprises_do():
    assert learnt([400.0] * 12).observed_seconds == pytest.approx(3600.0, rel=0.002)
    assert learnt([400.0] * 12).observed_seconds < 3600.0
