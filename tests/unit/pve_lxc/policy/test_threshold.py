# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The threshold policy against figures that LXC AutoScale 2.0.2 itself produced, and each place where it does better on purpose.

The figures: a node with 32 CPUs and 64 GiB, the old daemon's defaults unless the case says otherwise, one container, one poll.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

# case: hour, settings that differ, cores, memory, CPU %, memory %, cores and memory afterwards.
GOLDEN = {
    "peak": (12, {}, 2, 2048, 50, 50, 2, 2048),
    "cpu 80 exact": (12, {}, 2, 2048, 80, 50, 2, 2048),
    "cpu 80.01": (12, {}, 2, 2048, 80.01, 50, 3, 2048),
    "cpu 84": (12, {}, 1, 2048, 84, 50, 3, 2048),
    "cpu 100": (12, {}, 2, 2048, 100, 50, 4, 2048),
    "cpu 100 at 4=max": (12, {}, 4, 2048, 100, 50, 4, 2048),
    "cpu 19.99": (12, {}, 4, 2048, 19.99, 50, 3, 2048),
    "cpu 12": (12, {}, 4, 2048, 12, 50, 1, 2048),
    "cpu 0": (12, {}, 4, 2048, 0, 50, 1, 2048),
    "cpu 0, 16c": (12, {"max_cores": 16}, 16, 2048, 0, 50, 6, 2048),
    "mem 80 exact": (12, {}, 2, 2048, 50, 80, 2, 2048),
    "mem 80.5": (12, {}, 2, 2048, 50, 80.5, 2, 2304),
    "mem 82": (12, {}, 2, 2048, 50, 82, 2, 2389),
    "mem 85": (12, {}, 2, 2048, 50, 85, 2, 2901),
    "mem 99": (12, {}, 2, 2048, 50, 99, 2, 5290),
    "mem 100": (12, {}, 2, 2048, 50, 100, 2, 5461),
    "mem 19": (12, {}, 2, 2048, 50, 19, 2, 1920),
    "mem 0": (12, {}, 2, 2048, 50, 0, 2, 1920),
    "mem 0 at 512=min": (12, {}, 2, 512, 50, 0, 2, 512),
    "conservative mem 85": (12, {"behaviour": "conservative"}, 2, 2048, 50, 85, 2, 2901),
    "conservative mem 81": (12, {"behaviour": "conservative"}, 2, 2048, 50, 81, 2, 2218),
    "aggressive mem 81": (12, {"behaviour": "aggressive"}, 2, 2048, 50, 81, 2, 2560),
    "aggressive mem 10": (12, {"behaviour": "aggressive"}, 2, 2048, 50, 10, 2, 1792),
    "off-peak mem 81": (23, {}, 2, 2048, 50, 81, 2, 2252),
    "off-peak mem 10": (23, {}, 2, 2048, 50, 10, 2, 1946),
    "start<end bug mem 10": (3, {"off_peak_start": 1, "off_peak_end": 5}, 2, 2048, 50, 10, 2, 1946),
    "both": (12, {}, 2, 2048, 95, 95, 4, 4608),
    "energy off-peak at min, busy": (23, {"energy_mode": True}, 1, 512, 95, 95, 3, 3072),
}

# The same, where the old daemon's answer is one of its bugs: its cores and memory afterwards (the last write counts), then ours.
BUGS = {
    "cpu 100 at 3": (12, {}, 3, 2048, 100, 50, (3, 2048), (4, 2048)),
    "mem 0 at 600": (12, {}, 2, 600, 50, 0, (2, 472), (2, 512)),
    "start<end bug mem 10 h12": (12, {"off_peak_start": 1, "off_peak_end": 5}, 2, 2048, 50, 10, (2, 1946), (2, 1920)),
    "energy off-peak idle": (23, {"energy_mode": True}, 4, 4096, 50, 50, (1, 512), (3, 2560)),
    "energy off-peak busy": (23, {"energy_mode": True}, 2, 2048, 95, 50, (1, 512), (4, 1280)),
}

# 12 January 2026, 00:00 UTC.
MIDNIGHT = 1_768_176_000.0


def answer(hour, old_settings, cores, memory_mib, cpu_percent, memory_percent):
    """Return cores and memory afterwards, with the settings as the reader makes them of an old file."""
    import yaml
    from pve_lxc.autoscale.config_file import parse_config
    from pve_lxc.autoscale.configuration.roster import at_moment
    from pve_lxc.policy.bounds import Bounds
    from pve_lxc.policy.threshold import cpu_by_threshold, memory_by_threshold

    text = yaml.safe_dump({"DEFAULT": old_settings})
    general = parse_config(text, source="old", environment={"PROXMOX_TOKEN_SECRET": "x"}).settings.general
    settings = at_moment(general, MIDNIGHT + hour * 3600).threshold
    bounds = general.bounds
    cpu = cpu_by_threshold(cores, cpu_percent / 100 * cores, Bounds(bounds.min_cpu_cores, bounds.max_cpu_cores), settings)
    memory = memory_by_threshold(memory_mib, memory_percent / 100 * memory_mib, Bounds(bounds.min_memory_mib, 65536), settings)
    return cpu, memory


def test_there_are_33_figures_of_the_old_daemon():
    assert len(GOLDEN) + len(BUGS) == 33


@pytest.mark.parametrize("case", GOLDEN)
def test_rule_gives_what_the_old_daemon_gave(case):
    *situation, cores, memory_mib = GOLDEN[case]
    assert answer(*situation) == (cores, memory_mib)


def check_bug(case):
    *situation, theirs, ours = BUGS[case]
    assert answer(*situation) == ours
    assert theirs != ours


def test_step_over_the_maximum_ends_at_it_instead_of_being_dropped():
    check_bug("cpu 100 at 3")


def test_step_under_the_minimum_ends_at_it_instead_of_going_below():
    check_bug("mem 0 at 600")


def test_off_peak_factor_holds_in_off_peak_hours_only():
    check_bug("start<end bug mem 10 h12")


def test_energy_mode_never_cuts_below_what_is_used():
    check_bug("energy off-peak idle")


def test_energy_mode_does_not_undo_a_growth_of_the_same_cycle():
    check_bug("energy off-peak busy")


def test_energy_mode_cuts_an_idle_container_to_its_minimum():
    assert answer(23, {"energy_mode": True}, 4, 4096, 0, 0) == (1, 512)
    assert answer(12, {"energy_mode": True}, 4, 4096, 25, 25) == (4, 4096)


def test_constant_demand_does_not_saw():
    """One core of demand with the thresholds 70 and 40: the old daemon wrote 3, 1, 3, 1, ... in every poll."""
    thresholds = {"cpu_upper_threshold": 70, "cpu_lower_threshold": 40}
    cores, seen = 3, []
    for _poll in range(6):
        cores, _memory = answer(12, thresholds, cores, 2048, 100 * 1.0 / cores, 50)
        seen.append(cores)
    assert seen == [2, 2, 2, 2, 2, 2]


def test_memory_never_runs_past_its_maximum():
    assert answer(12, {}, 2, 65000, 50, 99) == (2, 65536)


@given(st.integers(1, 32), st.floats(0, 40), st.integers(1, 8), st.integers(0, 24), st.integers(1, 8), st.integers(1, 8), st.floats(0, 49), st.floats(50, 100))
def test_cpu_stays_within_bounds_and_above_what_is_used(cores, use_cores, low, more, least, largest, lower, upper):
    from pve_lxc.policy.bounds import Bounds
    from pve_lxc.policy.settings.threshold import ThresholdSettings
    from pve_lxc.policy.threshold import cpu_by_threshold

    steps = {"cpu_least_step_cores": min(least, largest), "cpu_largest_step_cores": largest}
    settings = ThresholdSettings(cpu_lower_percent=lower, cpu_upper_percent=upper, save_energy=True, is_off_peak=True, **steps)
    reached = cpu_by_threshold(cores, use_cores, Bounds(low, low + more), settings)
    if reached > cores:
        assert reached <= low + more
    if reached < cores:
        assert reached >= low
        assert reached >= use_cores


@given(st.integers(128, 8192), st.floats(0, 9000), st.integers(128, 2048), st.integers(0, 8192), st.booleans())
def test_memory_stays_within_bounds_and_above_what_is_used(memory_mib, use_mib, low, more, save_energy):
    from pve_lxc.policy.bounds import Bounds
    from pve_lxc.policy.settings.threshold import ThresholdSettings
    from pve_lxc.policy.threshold import memory_by_threshold

    settings = ThresholdSettings(save_energy=save_energy, is_off_peak=True)
    reached = memory_by_threshold(memory_mib, use_mib, Bounds(low, low + more), settings)
    if reached > memory_mib:
        assert reached <= low + more
    if reached < memory_mib:
        assert reached >= low
        assert reached >= 1.05 * use_mib + 32
