# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After memory was taken away: what is watched, what it is compared with, and how long nothing is tried again."""

from __future__ import annotations

from dataclasses import replace

import pytest

NOW = 1_800_000_000.0
DAY = 86400.0


def watched(probation, seconds, *, swap_growth_mib=0.0, is_killed=False, policy=None, **sample):
    """Return the probation after a minute that ends so many seconds after NOW."""
    from pve_lxc.model.usage import UsageSample
    from pve_lxc.policy.probation import watch
    from pve_lxc.policy.settings.policy import PolicySettings

    measured = UsageSample(101, "pve1", NOW + seconds, 60.0, **sample)
    return watch(probation, measured, policy or PolicySettings(), 60.0, swap_growth_mib=swap_growth_mib, is_killed=is_killed)


def begun(previous_mib=2048.0, **values):
    from pve_lxc.policy.probation import Probation, begin_probation

    return begin_probation(Probation(**values), previous_mib, NOW)


def test_usual_rate_is_a_mean_that_fades():
    from pve_lxc.policy.probation import Probation

    usual = Probation(refaults_per_second=10.0, calm_weight_seconds=300.0)
    after = watched(usual, 60, refault_pages_per_second=40.0)
    # 300 * 0.5 ** 0.1 = 279.9; (279.9 * 10 + 60 * 40) / 339.9 = 15.30
    assert after.refaults_per_second == pytest.approx(15.296, abs=1e-3)
    assert after.swap_ins_per_second == 0.0


@pytest.mark.parametrize(
    ("sample", "sign"),
    [
        ({"refault_pages_per_second": 121.0}, "121 file pages per second were read again, 20 before"),
        ({"refault_pages_per_second": 120.0}, ""),
        ({"memory_pressure_percent": 1.1}, "tasks waited for memory (PSI some 1.1 %)"),
        ({"memory_pressure_percent": 1.0}, ""),
        ({"swap_in_pages_per_second": 2.5}, "2 pages per second came back from swap, 1 before"),
        ({"swap_in_pages_per_second": 2.0}, ""),
        ({"swap_growth_mib": 40.0}, "its swap grew by 40 MiB"),
        ({"is_killed": True}, "its own limit killed a process"),
        ({}, ""),
    ],
)
def test_what_is_missed_has_a_sign_and_what_was_not_measured_has_none(sample, sign):
    after = watched(begun(refaults_per_second=20.0, swap_ins_per_second=1.0), 60, **sample)
    assert after.sign == sign
    assert after.restore_mib == (2048.0 if sign else 0.0)


def test_signs_after_ten_minutes_and_the_last_interval_are_another_matter():
    assert watched(begun(), 660, memory_pressure_percent=5.0).restore_mib == 2048.0
    late = watched(begun(), 661, memory_pressure_percent=5.0)
    assert (late.restore_mib, late.started_seconds) == (0.0, 0.0)


def test_interval_before_it_and_a_clock_set_back_say_nothing():
    assert watched(begun(), 0, memory_pressure_percent=5.0) == begun()
    assert watched(begun(), -3600, memory_pressure_percent=5.0) == begun()


def test_pause_doubles_with_each_failure_and_has_a_largest():
    from pve_lxc.policy.probation import pause_seconds
    from pve_lxc.policy.settings.policy import PolicySettings

    policy = PolicySettings()
    assert [pause_seconds(failures, policy) / DAY for failures in (1, 2, 3, 5, 6, 1e6)] == [1, 2, 4, 16, 30, 30]


def test_failures_in_succession_double_and_quiet_weeks_undo_one_each():
    first = watched(begun(), 60, is_killed=True)
    assert (first.failures, first.pause_until_seconds) == (1.0, NOW + 60 + DAY)
    # A second one right after the pause counts as the second, one two weeks after it as the first again.
    for days, failures, pause in ((2, 2.0, 2 * DAY), (16, 1.0, DAY)):
        again = watched(replace(first, started_seconds=NOW + days * DAY), days * DAY + 60, is_killed=True)
        assert (again.failures, again.pause_until_seconds) == (failures, NOW + days * DAY + 60 + pause)


def test_shrink_in_the_midst_of_a_probation_owes_the_larger_limit():
    from pve_lxc.policy.probation import begin_probation

    again = begin_probation(begun(2048.0), 1536.0, NOW + 300)
    assert (again.previous_mib, again.started_seconds) == (2048.0, NOW + 300)


def test_growth_ends_a_probation_and_what_is_owed():
    from pve_lxc.policy.probation import end_probation

    owed = watched(begun(), 60, is_killed=True)
    assert end_probation(owed, 1536.0).restore_mib == 2048.0
    assert end_probation(owed, 2048.0).restore_mib == 0.0
    assert end_probation(begun(), 2048.0).started_seconds == 0.0


def test_probation_that_is_switched_off_owes_nothing():
    from pve_lxc.policy.settings.policy import PolicySettings

    off = PolicySettings(memory_probation_seconds=0.0)
    assert watched(begun(), 60, policy=off, is_killed=True).restore_mib == 0.0


def test_shrink_of_ours_begins_one_and_that_of_a_stopped_container_does_not():
    from pve_lxc.model.allocation import Allocation
    from pve_lxc.policy.adopt import record_write
    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings.policy import PolicySettings

    known = replace(new_memory(PolicySettings()), known=Allocation(cores=2, memory_mib=1024))
    shrunk = record_write(known, Allocation(cores=2, memory_mib=768), NOW)
    assert (shrunk.probation.started_seconds, shrunk.probation.previous_mib, shrunk.memory.last_shrink_seconds) == (NOW, 1024.0, NOW)
    stopped = record_write(known, Allocation(cores=2, memory_mib=768), NOW, is_running=False)
    assert (stopped.probation.started_seconds, stopped.memory.last_shrink_seconds) == (0.0, 0.0)


def test_restored_limit_stays_within_a_bound_that_was_lowered_since():
    from support.situations import build_situation

    situation = build_situation(
        {
            "settings": {"bounds": {"max_memory_mib": 1200}},
            "containers": [{"memory": {"probation": {"restore_mib": 1365, "sign": "its own limit killed a process"}}}],
        }
    )
    decision = situation.decide()[101]
    assert (str(decision.reason), decision.target.memory_mib) == ("probation_failed", 1200)


def test_probation_survives_being_remembered():
    from pve_lxc.policy.probation import probation_from_dict, probation_to_dict

    owed = watched(begun(), 60, is_killed=True)
    assert probation_from_dict(probation_to_dict(owed)) == owed
    assert probation_from_dict({"started_seconds": "soon", "failures": None, "sign": 0}) == probation_from_dict({})
