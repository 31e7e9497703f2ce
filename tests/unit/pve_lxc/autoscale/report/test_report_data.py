# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report counts: sizes over time from the journal, what was saved, time at the limit, and what needs somebody."""

from __future__ import annotations

import re

import pytest
from pve_lxc.autoscale.report.data import format_report, make_report, window_begin
from pve_lxc.autoscale.report.limits import Stretch, add_stretches, cpu_of, find_stretches, limited_hours, saved
from pve_lxc.autoscale.report.overview import find_attention, verdict
from pve_lxc.autoscale.report.times import parse_zone
from pve_lxc.errors import RequestError
from support.report_fakes import HOUR, NOW, baseline, change, decision, gathered, rolled_back, row, sizes

UTC = parse_zone("UTC")


def hours_of(stretches):
    return [((one.begin_seconds - NOW) / HOUR, (one.end_seconds - NOW) / HOUR, one.cpu_cores, one.memory_mib) for one in stretches]


def test_two_changes_make_three_stretches():
    changes = [change(101, 3, sizes(1024), sizes(2048)), change(101, 1, sizes(2048), sizes(1024))]
    stretches = find_stretches(changes, sizes(1024), NOW - 4 * HOUR, NOW)
    assert hours_of(stretches) == [(-4.0, -3.0, 4.0, 1024.0), (-3.0, -1.0, 4.0, 2048.0), (-1.0, 0.0, 4.0, 1024.0)]


def test_between_two_changes_that_do_not_meet_the_size_is_not_known():
    changes = [change(101, 3, sizes(1024), sizes(2048)), change(101, 1, sizes(4096), sizes(1024))]
    stretches = find_stretches(changes, sizes(1024), NOW - 4 * HOUR, NOW)
    assert hours_of(stretches)[1] == (-3.0, -1.0, None, None)


def test_a_change_by_somebody_else_after_ours_leaves_the_rest_unknown():
    stretches = find_stretches([change(101, 3, sizes(1024), sizes(2048))], sizes(512), NOW - 4 * HOUR, NOW)
    assert hours_of(stretches) == [(-4.0, -3.0, 4.0, 1024.0), (-3.0, 0.0, None, None)]


def test_a_failed_change_and_an_open_one_do_not_count_as_sizes():
    changes = [change(101, 3, sizes(1024), sizes(2048), failed=True), change(101, 1, sizes(1024), sizes(2048), is_open=True)]
    assert hours_of(find_stretches(changes, sizes(1024), NOW - 4 * HOUR, NOW)) == [(-4.0, 0.0, 4.0, 1024.0)]


def test_a_root_file_system_that_grew_changes_no_limit():
    changes = [change(101, 3, sizes(1024), sizes(2048)), change(101, 1, {"rootfs": "8G"}, {"rootfs": "10G"})]
    assert hours_of(find_stretches(changes, sizes(2048), NOW - 4 * HOUR, NOW)) == [(-4.0, -3.0, 4.0, 1024.0), (-3.0, 0.0, 4.0, 2048.0)]


def test_a_disk_that_grew_after_the_last_look_is_not_what_a_container_has():
    disk = change(101, 0, {"rootfs": "8G"}, {"rootfs": "10G"}, reason="grow_rootfs", run_id=7)
    one = make_report([gathered([decision(101, sizes(1024))], changes=[disk])], "day", NOW).containers[0]
    assert one.has["memory"] == 1024


def test_the_smaller_of_cores_and_cpulimit_is_the_cpu():
    assert [cpu_of(one) for one in (sizes(1, cores=4, cpulimit=1.5), sizes(1, cores=2), sizes(1, cores=None))] == [1.5, 2.0, None]


def test_saved_is_what_was_found_less_what_was_given():
    stretches = [Stretch(0.0, HOUR, 1.0, 2048.0), Stretch(HOUR, 2 * HOUR, 6.0, 8192.0), Stretch(2 * HOUR, 9 * HOUR, None, None)]
    assert saved(stretches, 4.0, 4096.0) == (1.0, -2.0)
    assert saved(stretches[:1], 4.0, 4096.0) == (3.0, 2.0)


def test_saved_is_not_known_without_what_was_found():
    assert saved([Stretch(0.0, HOUR, 1.0, 2048.0)], None, None) == (None, None)
    assert saved([Stretch(0.0, HOUR, None, None)], 4.0, 4096.0) == (None, None)


def test_the_sum_of_all_is_not_known_while_one_is_not():
    first = [Stretch(0.0, 2.0, 1.0, 100.0), Stretch(2.0, 4.0, 2.0, 200.0)]
    second = [Stretch(0.0, 3.0, 1.5, 50.0), Stretch(3.0, 4.0, None, None)]
    shown = [(one.begin_seconds, one.cpu_cores, one.memory_mib) for one in add_stretches([first, second])]
    assert shown == [(0.0, 2.5, 150.0), (2.0, 3.5, 250.0), (3.0, None, None)]


def test_a_container_without_cpu_limit_adds_its_memory_only():
    assert [(one.cpu_cores, one.memory_mib) for one in add_stretches([[Stretch(0.0, 2.0, None, 100.0)], [Stretch(0.0, 2.0, 2.0, 50.0)]])] == [(2.0, 150.0)]


def test_a_row_counts_as_at_the_limit_by_its_highest_use_against_the_largest_limit_within_it():
    stretches = [Stretch(0.0, 1.5 * HOUR, 1.0, 1000.0), Stretch(1.5 * HOUR, 4 * HOUR, 2.0, 1000.0)]
    rows = [row(0, 0.2, 969.0, peak=0.95), row(0, 0.2, 970.0, peak=1.0), row(0, 0.2, None, peak=1.8)]
    placed = [type(one)(HOUR * (place + 1), HOUR, one.cpu_cores, one.cpu_peak_cores, one.memory_mib) for place, one in enumerate(rows)]
    assert limited_hours(placed, stretches) == (1.0, 1.0)


def test_without_records_the_time_at_the_limit_is_not_known():
    assert limited_hours([], [Stretch(0.0, HOUR, 1.0, 1000.0)]) == (None, None)
    assert limited_hours([row(0, 0.2, 300.0)], [Stretch(NOW - HOUR, NOW, None, None)]) == (None, None)


def test_a_window_of_a_week_begins_seven_days_ago():
    assert [window_begin(name, 31 * 86400.0) / 86400.0 for name in ("day", "week", "month")] == [30.0, 24.0, 1.0]


def one_report(**more):
    found = gathered(
        [decision(101, sizes(1024)), decision(102, sizes(2048), reason="not_selected"), decision(99999, sizes(64), run_id=3)],
        changes=[change(101, 5, sizes(4096), sizes(1024))],
        memories={101: baseline(4096)},
        records={101: [row(3, 0.5, 300.0), row(2, 0.6, 310.0)]},
        kills={101: {"own": 2}},
        **more,
    )
    return make_report([found], "day", NOW)


def test_a_loop_shows_whom_it_manages_and_counts_the_others_but_not_those_that_are_gone():
    loop = one_report().loops[0]
    assert ([one.vmid for one in loop.containers], loop.unmanaged_count) == ([101], 1)


def test_a_container_shows_found_now_saved_and_kills():
    one = one_report().containers[0]
    assert (one.found["memory"], one.has["memory"], one.own_kills, one.foreign_kills) == (4096, 1024, 2, 0)
    # Five of the ten hours with 3 GiB less.
    assert (one.saved_core_hours, one.saved_gib_hours) == (0.0, 15.0)
    assert (one.cpu_limited_hours, one.memory_limited_hours) == (0.0, 0.0)


def test_what_was_written_after_the_last_look_is_what_it_has():
    found = gathered([decision(101, sizes(1024))], changes=[change(101, 0, sizes(1024), sizes(2048), run_id=7)], memories={101: baseline(1024)})
    assert make_report([found], "day", NOW).containers[0].has["memory"] == 2048


def test_a_container_whose_origin_is_not_known_has_nothing_saved():
    one = make_report([gathered([decision(101, sizes(1024))])], "day", NOW).containers[0]
    assert (dict(one.found), one.saved_core_hours, one.own_kills, one.cpu_limited_hours) == ({}, None, None, None)


def test_json_has_the_same_data_and_is_json():
    import json

    shown = json.loads(json.dumps(format_report(one_report())))
    container = shown["loops"][0]["containers"][0]
    assert (shown["timeframe"], shown["loops"][0]["node"], shown["loops"][0]["unmanaged"]) == ("day", "pve1", 1)
    assert (container["found"]["memory"], container["has"]["memory"], container["saved_gib_hours"]) == (4096, 1024, 15.0)
    assert [one["memory_mib"] for one in container["limits"]] == [4096.0, 1024.0]
    assert [one["cpu_cores"] for one in container["usage"]] == [0.5, 0.6]
    assert container["changes"][0]["outcome"]["changed"] is True


def text_of(html):
    return re.sub(r"<[^>]+>", "", html)


def test_a_loop_that_has_not_succeeded_is_the_first_thing_said():
    report = one_report(ended_ago=7200.0)
    assert text_of(verdict(report, UTC)) == "Not well: the loop of pve1 does not work; containers keep what they have."
    first = text_of(find_attention(report, UTC)[0])
    assert first == "no run has succeeded since 2026-11-23 10:00; lxc-autoscale check says what is missing"


def test_where_all_is_well_it_says_so():
    report = make_report([gathered([decision(101, sizes(1024))])], "day", NOW)
    assert text_of(verdict(report, UTC)) == "All well: the loop works (last run 60 s ago); nothing needs you."
    assert find_attention(report, UTC) == []


def test_failures_open_changes_kills_holds_and_missing_curves_are_listed():
    found = gathered(
        [decision(101, sizes(1024)), decision(102, sizes(1024), reason="leak_suspected", msg="more memory does not help")],
        changes=[change(101, 2, sizes(1024), sizes(2048), is_open=True), change(101, 3, sizes(1024), sizes(2048), failed=True, msg="disk is full")],
        kills={102: {"own": 1}},
        holds=rolled_back(101),
        problem="no route to host",
    )
    report = make_report([found], "day", NOW)
    assert [text_of(one) for one in find_attention(report, UTC)] == [
        "101 web: a change was begun at 2026-11-23 10:00 and never ended; the next run finds out what became of it",
        "101 web: a change failed, the last at 2026-11-23 09:00: disk is full",
        "102 web: more memory does not help",
        "102 web: its own limit has killed 1 process since the loop counts",
        "Proxmox&#x27;s records could not be read, so curves are missing: no route to host",
        "101 web: left to you: rolled_back: it was rolled back; what it has is kept until `lxc-autoscale release 101`",
    ]
    assert text_of(verdict(report, UTC)) == "Working: the loop works (last run 60 s ago); 6 things below for you to look at."


def test_times_are_of_the_zone_that_was_asked_for():
    berlin = parse_zone("Europe/Berlin")
    assert (berlin.moment(NOW), berlin.zone(NOW), berlin.machine(NOW)) == ("2026-11-23 13:00", "Europe/Berlin (UTC+01:00)", "2026-11-23T13:00:00+01:00")
    assert UTC.zone(NOW) == "UTC"


def test_a_zone_that_does_not_exist_is_named():
    with pytest.raises(RequestError, match="Mars/Olympus"):
        parse_zone("Mars/Olympus")


def test_ticks_are_hours_of_a_day_and_days_of_a_week():
    assert [text for _moment, text in UTC.ticks(NOW - 86400, NOW)] == ["12:00", "18:00", "00:00", "06:00", "12:00"]
    assert [text for _moment, text in UTC.ticks(NOW - 7 * 86400, NOW)] == ["Nov 18", "Nov 20", "Nov 22"]
