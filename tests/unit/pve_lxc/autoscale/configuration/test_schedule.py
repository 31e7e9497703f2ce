# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows of the section ``schedules``: when they are open, for whom, what they change, and what cannot be together."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

SECRET = {"PROXMOX_TOKEN_SECRET": "5ecret"}
MINIMAL = "connection: {token_id: 'lxc-autoscale@pve!node-pve1'}\n"
OFFICE = (
    MINIMAL
    + """
bounds: {max_memory_mib: 2048}
tiers:
  db: {vmids: [101], tags: [database], bounds: {max_memory_mib: 8192}}
overrides:
  102: {bounds: {min_memory_mib: 512}}
schedules:
  office:
    days: [mon, tue, wed, thu, fri]
    from: 08:00
    to: 18:00
    time_zone: Europe/Berlin
    bounds: {min_cpu_cores: 2}
    policy: {preset: safe}
  night:
    from: 22:00
    to: 06:00
    time_zone: Europe/Berlin
    tiers: [db]
    tags: [batch]
    save_energy: cpu
"""
)


def parse(text):
    from pve_lxc.autoscale.config_file import parse_config

    return parse_config(text, source="config.yaml", environment=SECRET)


def problems_of(schedules, more=""):
    from pve_lxc.errors import ConfigError

    with pytest.raises(ConfigError) as caught:
        parse(MINIMAL + more + "schedules:\n" + schedules)
    return {problem.place: (problem.value, problem.message) for problem in caught.value.problems}


def seconds(text):
    """Return a moment in UTC, ``2026-06-12 06:00`` (a Friday), as seconds since 1970."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC).timestamp()


def guest_of(vmid=120, **marks):
    from pve_lxc.model.guest import Guest

    return Guest(vmid, marks.get("name", "app"), "pve1", "running", tags=tuple(marks.get("tags", ())), pool=marks.get("pool", ""))


def window(*args):
    from pve_lxc.autoscale.configuration.schedule import Window

    return Window(*args)


def open_minutes(opened, day):
    """Return the minutes of a day of UTC, as numbers, in which a window is open."""
    return [minute for minute in range(1440) if opened.is_open(seconds(day) + 60 * minute)]


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-06-12 05:59", False),
        ("2026-06-12 06:00", True),
        ("2026-06-12 15:59:59", True),
        ("2026-06-12 16:00", False),
        ("2026-06-13 10:00", False),
    ],
)
def test_window_opens_and_closes_by_the_clock_of_its_time_zone_on_its_days(moment, is_open):
    # Summer time in Berlin is two hours before UTC; 13 June 2026 is a Saturday.
    assert window(("mon", "tue", "wed", "thu", "fri"), 480, 1080, "Europe/Berlin").is_open(seconds(moment)) is is_open


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [("2026-06-12 21:59", False), ("2026-06-12 22:00", True), ("2026-06-13 05:59", True), ("2026-06-13 06:00", False), ("2026-06-12 03:00", False)],
)
def test_window_over_midnight_belongs_to_the_day_on_which_it_opens(moment, is_open):
    assert window(("fri",), 1320, 360).is_open(seconds(moment)) is is_open


def test_window_with_the_same_start_and_end_is_open_for_a_whole_day():
    assert open_minutes(window(("fri",), 360, 360), "2026-06-12") == list(range(360, 1440))
    assert open_minutes(window(("fri",), 360, 360), "2026-06-13") == list(range(360))
    assert open_minutes(window(("fri",), 0, 1440), "2026-06-12") == list(range(1440))


def test_hour_that_is_left_out_in_spring_opens_no_window_that_lies_within_it():
    # On 29 March 2026 the clock in Berlin goes from 02:00 to 03:00, at 01:00 UTC.
    assert open_minutes(window(("sun",), 125, 170, "Europe/Berlin"), "2026-03-29") == []
    # One that begins within it opens at 03:00, and one around it is an hour shorter.
    assert open_minutes(window(("sun",), 150, 210, "Europe/Berlin"), "2026-03-29") == list(range(60, 90))
    assert open_minutes(window(("sun",), 60, 240, "Europe/Berlin"), "2026-03-29") == list(range(120))


def test_hour_that_comes_twice_in_autumn_opens_its_window_both_times():
    # On 25 October 2026 the clock in Berlin goes from 03:00 back to 02:00, at 01:00 UTC.
    assert open_minutes(window(("sun",), 120, 150, "Europe/Berlin"), "2026-10-25") == [*range(30), *range(60, 90)]


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ((("fri",), 1320, 360), (("sat",), 300, 400), True),
        ((("fri",), 1320, 360), (("sat",), 360, 400), False),
        ((("sun",), 1320, 360), (("mon",), 0, 10), True),
        ((("mon",), 480, 1080), (("tue",), 480, 1080), False),
        ((("mon",), 480, 1080), (("mon",), 1080, 1200), False),
        ((("mon",), 480, 1080, "Europe/Berlin"), (("mon",), 420, 430, "UTC"), True),
        ((("mon",), 480, 540, "Europe/Berlin"), (("mon",), 480, 540, "UTC"), False),
        ((("mon",), 480, 540, "Europe/Berlin"), (("mon",), 480, 540, "Europe/Paris"), True),
        ((("mon",), 0, 60, "Asia/Tokyo"), (("sun",), 900, 960, "UTC"), True),
    ],
)
def test_windows_overlap_where_both_are_open_in_one_minute_of_the_week(one, other, overlap):
    assert window(*one).overlaps(window(*other)) is overlap
    assert window(*other).overlaps(window(*one)) is overlap


def test_file_without_quotes_around_its_times_is_read():
    schedules = parse(OFFICE).roster.schedules
    assert [(one.name, one.window.start_minute, one.window.end_minute) for one in schedules] == [("office", 480, 1080), ("night", 1320, 360)]
    assert [one.window.describe() for one in schedules] == ["mon tue wed thu fri 08:00-18:00 Europe/Berlin", "daily 22:00-06:00 Europe/Berlin"]


@pytest.mark.parametrize(
    ("moment", "guest", "shown"),
    [
        ("2026-06-12 10:00", {}, (2.0, 2048, "safe", 0.4, "none")),
        ("2026-06-12 17:00", {}, (1.0, 2048, "balanced", 1.0, "none")),
        ("2026-06-12 10:00", {"vmid": 101}, (2.0, 8192, "safe", 0.4, "none")),
        ("2026-06-12 23:00", {"vmid": 101}, (1.0, 8192, "balanced", 1.0, "cpu")),
        ("2026-06-12 23:00", {"tags": ["Batch"]}, (1.0, 2048, "balanced", 1.0, "cpu")),
        ("2026-06-12 23:00", {}, (1.0, 2048, "balanced", 1.0, "none")),
    ],
)
def test_settings_at_a_moment_follow_from_the_file_the_container_and_the_time(moment, guest, shown):
    roster, container = parse(OFFICE).roster, guest_of(**guest)
    book, conflicts = roster.book([container], seconds(moment))
    settings = book.of(container.vmid)
    found = (
        settings.bounds.min_cpu_cores,
        settings.bounds.max_memory_mib,
        settings.policy.preset,
        settings.policy.cpu_tolerance,
        settings.scheduled.save_energy,
    )
    assert (found, conflicts) == (shown, {})
    assert roster.assign(container, seconds(moment)).effective.settings == settings


def test_explain_names_the_window_that_a_setting_came_from():
    from pve_lxc.autoscale.configuration.effective import format_assignment, format_assignment_lines

    config = parse(OFFICE)
    lines = format_assignment_lines(config, guest_of(101), seconds("2026-06-12 10:00"))
    assert "    bounds.min_cpu_cores: 2   from schedules.office.bounds.min_cpu_cores (line 14)" in lines
    assert "    policy.cpu_tolerance: 0.4   from schedules.office.policy.preset (line 15)" in lines
    assert "  window office (mon tue wed thu fri 08:00-18:00 Europe/Berlin): open now" in lines
    assert "  window night (daily 22:00-06:00 Europe/Berlin): closed now" in lines
    shown = format_assignment(config, guest_of(101), seconds("2026-06-12 23:00"))
    assert shown["schedules"] == {"office": {"is_open": False}, "night": {"is_open": True}}
    assert shown["origins"]["scheduled.save_energy"] == "schedules.night.save_energy (line 22)"
    assert max(map(len, lines)) <= 100


def test_whole_configuration_shows_its_windows():
    from pve_lxc.autoscale.configuration.effective import format_effective, format_effective_lines

    config = parse(OFFICE)
    lines = format_effective_lines(config, "api")
    assert "window night: daily 22:00-06:00 Europe/Berlin, for tiers db; tags batch" in lines
    assert "window office: mon tue wed thu fri 08:00-18:00 Europe/Berlin, for every container" in lines
    night = format_effective(config, "api")["schedules"]["night"]
    assert (night["from_minute"], night["to_minute"], night["scheduled"]) == (1320, 360, {"save_energy": "cpu"})


def test_tag_of_a_container_still_restricts_within_a_window():
    text = OFFICE.replace("save_energy: cpu", "save_energy: cpu\n    bounds: {min_memory_mib: 256}")
    roster = parse(text).roster
    settings = roster.assign(guest_of(tags=["batch", "autoscale-grow-only"]), seconds("2026-06-12 23:00")).effective.settings
    assert (settings.policy.cpu_grow_only, settings.scheduled.save_energy, settings.bounds.min_memory_mib) == (True, "cpu", 256)


@pytest.mark.parametrize(
    ("schedules", "more", "place", "value", "message"),
    [
        ("  a: {from: 22, to: 06:00, save_energy: cpu}", "", "schedules.a.from (line 3)", "22", "allowed is a time of day such as 08:30, up to 24:00"),
        ("  a: {from: 24:00, to: 06:00, save_energy: cpu}", "", "schedules.a.from (line 3)", "24:00", "a day begins with 00:00"),
        ("  a: {to: 06:00, save_energy: cpu}", "", "schedules.a.from", "", "it must be given, as a time of day such as 08:30"),
        ("  a: {from: 1:00, to: 6:00}", "", "schedules.a (line 3)", "", "it changes nothing: bounds, policy.preset or save_energy is wanted"),
        ("  a: {from: 1:00, to: 6:00, save_energy: on}", "", "schedules.a.save_energy (line 3)", "true", "allowed is one of none, cpu, cpu_and_memory"),
        (
            "  a: {from: 1:00, to: 6:00, save_energy: cpu, vmids: []}",
            "",
            "schedules.a.vmids (line 3)",
            "",
            "it names no container; without this key the window is for all",
        ),
        (
            "  a: {from: 1:00, to: 6:00, save_energy: cpu, days: []}",
            "",
            "schedules.a.days (line 3)",
            "",
            "it opens on no day; without this key it opens on every day",
        ),
        (
            "  a: {from: 1:00, to: 6:00, save_energy: cpu, tiers: [dbb]}",
            "tiers: {db: {}}\n",
            "schedules.a.tiers (line 4)",
            "dbb",
            "there is no such tier; is db meant?",
        ),
        (
            "  a: {from: 1:00, to: 6:00, policy: {cpu_tolerance: 2}}",
            "",
            "schedules.a.policy.cpu_tolerance (line 3)",
            "",
            "there is no such key; allowed are preset",
        ),
        ("  a: {from: 1:00, to: 6:00, bounds: {actuator: cores}}", "", "schedules.a.bounds.actuator (line 3)", "", "there is no such key; "),
        (
            "  a: {from: 1:00, to: 6:00, bounds: {max_memory_mib: 512}}",
            "bounds: {min_memory_mib: 1024}\n",
            "schedules.a.bounds.max_memory_mib (line 4)",
            "512",
            "min_memory_mib must be at most max_memory_mib (512); min_memory_mib is 1024 in bounds.min_memory_mib (line 2)",
        ),
        (
            "  a: {from: 1:00, to: 6:00, bounds: {max_memory_mib: 512}}",
            "overrides: {105: {bounds: {min_memory_mib: 1024}}}\n",
            "schedules.a.bounds.max_memory_mib (line 4)",
            "512",
            "min_memory_mib must be at most max_memory_mib (512); min_memory_mib is 1024 in overrides.105.bounds.min_memory_mib (line 2)",
        ),
    ],
)
def test_wrong_window_is_named_with_its_place(schedules, more, place, value, message):
    found = problems_of(schedules + "\n", more)
    assert place in found
    assert found[place][0] == value
    assert found[place][1].startswith(message)


@pytest.mark.parametrize(
    "who", ["", "vmids: [101], ", "tags: [web], ", "tiers: [db], ", "pools: [p], ", "names: ['w*'], "], ids=["all", "vmid", "tag", "tier", "pool", "name"]
)
def test_two_windows_that_set_the_same_key_at_the_same_time_are_an_error_that_names_both(who):
    schedules = f"""
  evening: {{{who}from: 18:00, to: 23:00, bounds: {{max_cpu_cores: 2}}}}
  night: {{{who}from: 22:00, to: 06:00, bounds: {{max_cpu_cores: 1}}}}
"""
    found = problems_of(schedules, "tiers: {db: {vmids: [101]}}\n")
    assert found == {
        "schedules.night.bounds.max_cpu_cores (line 6)": (
            "",
            "schedules.evening.bounds.max_cpu_cores (line 5) sets it as well, and both windows are open at the same time for the same container",
        )
    }


def test_id_and_its_tier_are_the_same_container():
    found = problems_of(
        "  a: {vmids: [101], from: 1:00, to: 6:00, save_energy: cpu}\n  b: {tiers: [db], from: 5:00, to: 7:00, save_energy: cpu}\n",
        "tiers: {db: {vmids: [101]}}\n",
    )
    assert list(found) == ["schedules.b.save_energy (line 5)"]


def test_two_windows_that_set_different_keys_may_be_open_together_unless_they_contradict_each_other():
    both = "  a: {from: 1:00, to: 6:00, bounds: {min_memory_mib: %d}}\n  b: {from: 5:00, to: 7:00, bounds: {max_memory_mib: 1024}}\n"
    assert len(parse(MINIMAL + "schedules:\n" + both % 512).roster.schedules) == 2
    assert problems_of(both % 2048)["schedules.b.bounds.max_memory_mib (line 4)"][1] == (
        "min_memory_mib must be at most max_memory_mib (1024); min_memory_mib is 2048 in schedules.a.bounds.min_memory_mib (line 3)"
    )


def test_windows_of_different_containers_may_set_the_same_key():
    text = "  a: {tags: [x], from: 1:00, to: 6:00, save_energy: cpu}\n  b: {tags: [y], from: 1:00, to: 6:00, save_energy: cpu_and_memory}\n"
    roster = parse(MINIMAL + "schedules:\n" + text).roster
    assert roster.assign(guest_of(tags=["x"]), seconds("2026-06-12 02:00")).effective.settings.scheduled.save_energy == "cpu"
    # What the file cannot show, a container with both tags does: it is left alone while both are open, with both places.
    both = guest_of(tags=["x", "y"])
    _book, conflicts = roster.book([both], seconds("2026-06-12 02:00"))
    assert str(conflicts[120].reason) == "schedule_conflict"
    assert conflicts[120].message == (
        "two windows that are open for it now set save_energy: schedules.a.save_energy (line 3) and schedules.b.save_energy (line 4)"
    )
    assert roster.book([both], seconds("2026-06-12 12:00"))[1] == {}


def test_cycle_names_a_pool_of_a_window_that_cannot_be_seen(tmp_path):
    from pve_lxc.autoscale.cycle import run_cycle
    from pve_lxc.errors import ConfigError
    from support.loop_fakes import FakeNode

    with FakeNode(tmp_path).closing() as node:
        roster = parse(MINIMAL + "schedules: {a: {pools: [p], from: 1:00, to: 6:00, save_energy: cpu}}\n").roster
        node.add(101, cpu_cores=0.5, memory_mib=300)
        with pytest.raises(ConfigError, match=r"schedules\.a\.pools"):
            run_cycle(replace(node.parts, roster=roster), "recommend")


def test_ten_thousand_containers_in_a_window_share_one_record():
    roster = parse(OFFICE).roster
    book, _conflicts = roster.book([guest_of(vmid) for vmid in range(200, 10200)], seconds("2026-06-12 10:00"))
    assert len({id(settings) for settings in book.by_vmid.values()}) == 1
