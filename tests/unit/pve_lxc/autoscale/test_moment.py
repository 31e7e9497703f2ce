# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments as people type them."""

from __future__ import annotations

import time

import pytest
from pve_lxc.autoscale.moment import Moment, parse_moment
from pve_lxc.errors import RequestError

# 2026-11-23 10:00:00 in Berlin, in winter time.
NOW = 1_795_424_400.0


@pytest.fixture(autouse=True)
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds_ago"),
    [
        ("30s", 30),
        ("15m", 900),
        ("15 min", 900),
        ("2h", 7200),
        ("1.5h", 5400),
        ("2h ago", 7200),
        ("3d", 259_200),
        ("09:00", 3600),
        ("9:30", 1800),
        ("today 09:00", 3600),
        ("yesterday 10:00", 86_400),
        ("  yesterday   10:00 ", 86_400),
        ("2026-11-23 08:00", 7200),
        ("2026-11-23 08:00:30", 7170),
        ("2026-11-23T08:00", 7200),
        ("2026-11-23T08:00Z", 3600),
        ("2026-11-23", 36_000),
    ],
)
def test_moment_of_the_past(text, seconds_ago):
    assert parse_moment(text, NOW, "--to") == Moment(seconds=NOW - seconds_ago)


@pytest.mark.parametrize(("text", "run_id"), [("7", 7), ("0", 0), ("123456789", 123456789)])
def test_digits_are_a_run(text, run_id):
    assert parse_moment(text, NOW, "--to") == Moment(run_id=run_id)


def test_yesterday_over_the_end_of_summer_time_is_by_the_clock_on_the_wall():
    # 2026-10-25 12:00 in Berlin; the night before had 25 hours between the same times.
    noon = 1_792_926_000.0
    assert parse_moment("yesterday 12:00", noon, "--to").seconds == noon - 25 * 3600


@pytest.mark.parametrize("text", ["", "soon", "2x", "-2h", "25:00", "12:60", "2026-13-01", "last week", "99999999999", "٣h", "nan", "1e9h"])
def test_what_is_no_moment_is_an_error_that_says_what_is(text):
    with pytest.raises(RequestError, match="this is no moment; allowed is 2h") as caught:
        parse_moment(text, NOW, "--to")
    assert "--to" in str(caught.value)


@pytest.mark.parametrize("text", ["11:00", "2026-11-23 10:01", "2099-01-01"])
def test_future_is_an_error(text):
    with pytest.raises(RequestError, match="this has not come yet"):
        parse_moment(text, NOW, "--since")
