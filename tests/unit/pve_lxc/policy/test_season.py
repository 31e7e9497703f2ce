# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's week: what comes back is expected, what came once is expected a week later, what stays away fades."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

# Thursday 1970-01-01 00:00 UTC begins the first half hour of a week; this is a later Thursday.
THURSDAY = 2900 * 7 * 86400.0
HOUR, DAY = 3600.0, 86400.0


def week(uses, fade=0.5):
    """Return a week with ``(day, hour, use)`` entered."""
    from pve_lxc.policy.season import WeekOfUse

    known = WeekOfUse()
    for day, hour, use in uses:
        known = known.added(THURSDAY + day * DAY + hour * HOUR, use, fade)
    return known


def expected(known, day, hour):
    return known.expected(THURSDAY + day * DAY + hour * HOUR)


def test_nothing_known_expects_nothing():
    assert expected(week([]), 0, 2) == 0.0


def test_job_of_two_nights_is_expected_on_every_night():
    known = week([(0, 2, 3.0), (1, 2, 2.8)])
    assert [expected(known, day, 2.25) for day in range(2, 7)] == [2.8] * 5
    assert expected(known, 2, 2.5) == 0.0
    assert expected(known, 2, 1.9) == 0.0


def test_job_of_one_night_is_expected_a_week_later_only():
    known = week([(0, 2, 3.0)])
    assert [expected(known, day, 2) for day in (1, 2, 6)] == [0.0, 0.0, 0.0]
    assert expected(known, 7, 2) == 3.0


def test_half_hour_that_comes_again_stays_expected_until_it_is_over():
    known = week([(0, 2, 4.0), (7, 2, 1.0)])
    assert expected(known, 7, 2.4) == 4.0
    # What did not come back counts half from then on, and a quarter a week later.
    assert expected(known, 14, 2) == 2.0
    assert expected(week([(0, 2, 4.0), (7, 2, 1.0), (14, 2, 0.1)]), 21, 2) == 1.0


def test_highest_use_of_a_half_hour_counts():
    assert expected(week([(0, 2.0, 1.0), (0, 2.2, 3.0), (0, 2.4, 0.5)]), 7, 2) == 3.0


@pytest.mark.parametrize(("hour", "found"), [(1.70, 0.0), (1.80, 2.0), (2.4, 2.0), (2.6, 0.0)])
def test_it_is_met_fifteen_minutes_before_it_begins(hour, found):
    from pve_lxc.policy.season import expected_ahead
    from pve_lxc.policy.settings.policy import PolicySettings

    known = week([(0, 2, 2.0), (1, 2, 2.0)])
    assert expected_ahead(known, THURSDAY + 2 * DAY + hour * HOUR, PolicySettings()) == found


def test_week_is_bounded_and_survives_being_written_and_read():
    from pve_lxc.policy.season import WeekOfUse

    known = week([(day, hour / 4, float(day + hour % 7) / 3) for day in range(20) for hour in range(96)])
    assert len(known.highest) == 336
    text = json.dumps(known.to_dict())
    assert len(text) < 3000
    read = WeekOfUse.from_dict(json.loads(text))
    assert read.slot == known.slot
    assert max(abs(one - other) for one, other in zip(read.highest, known.highest, strict=True)) <= 0.0005


@pytest.mark.parametrize("damage", [None, 5, [], {}, {"highest": [1.0], "slot": 1, "before": 0}, {"highest": ["x"] * 336, "slot": 1, "before": 0}])
def test_damaged_week_is_empty(damage):
    from pve_lxc.policy.season import WeekOfUse

    assert WeekOfUse.from_dict(damage) == WeekOfUse()


def test_season_is_kept_where_it_is_wanted_and_dropped_where_not():
    from pve_lxc.policy.season import Season, learn_season
    from pve_lxc.policy.settings.policy import PolicySettings

    weekly = PolicySettings(season="weekly")
    season = learn_season(None, THURSDAY, 1.0, None, weekly)
    assert (season.cpu.expected(THURSDAY + 7 * DAY), season.memory.highest) == (1.0, ())
    assert learn_season(season, THURSDAY, 1.0, 500.0, PolicySettings()) is None
    assert learn_season(Season(), THURSDAY, None, 500.0, weekly).memory.expected(THURSDAY + 7 * DAY) == 500.0


def test_nightly_job_seen_on_past_nights_raises_the_container_before_it_begins(tmp_path):
    from pve_lxc.autoscale.cycle import run_cycle
    from pve_lxc.policy.settings.bounds import BoundsSettings
    from pve_lxc.policy.settings.container import ContainerSettings, SettingsBook
    from pve_lxc.policy.settings.policy import PolicySettings
    from support.loop_fakes import START, FakeNode

    # A lean container of the kind that a season is for: by itself it leaves no room for what happens in twenty minutes of a day.
    policy = PolicySettings(interval_seconds=600, season="weekly", cpu_tolerance=10, memory_kill_worth_hours=1, memory_probation_seconds=0)

    def nights(settings):
        """Return the CPU and memory it has at 01:50 of the fifth night; each night at 02:00 a job uses 3 cores and 1500 MiB for twenty minutes."""
        folder = tmp_path / settings.season
        folder.mkdir()
        with FakeNode(folder, SettingsBook(ContainerSettings(settings, BoundsSettings(max_cpu_cores=8, max_memory_mib=4096)))).closing() as node:
            node.add(101, cpu_cores=0.2, memory_mib=300, cores=4, memory=2048)
            # START is 08:00 UTC; 01:50 is 17 h 50 min later.
            while node.clock.seconds < START + 4 * DAY + 17 * HOUR + 50 * 60:
                node.clock.seconds += 600
                hour = (node.clock.seconds - START + 8 * HOUR) % DAY / HOUR
                node.usage.cpu_cores[101], node.usage.memory_mib[101] = (3.0, 1500) if 2 <= hour < 2.3 else (0.2, 300)
                run_cycle(node.parts, "apply")
            return node.backend.values[101]["cores"], node.backend.values[101]["memory"]

    with_season, without = nights(policy), nights(replace(policy, season="none"))
    assert with_season[0] >= 4
    assert with_season[1] >= 1545
    assert without[0] < 4
    assert without[1] < 1545
