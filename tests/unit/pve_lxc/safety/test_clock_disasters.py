# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock that jumps, forward and backward: nothing is done because of it, what is needed is still done, and the journal keeps its order."""

from __future__ import annotations

import json
import re

import pytest

HOUR, YEAR = 3600.0, 365 * 86400.0
JUMPS = [HOUR, YEAR, -HOUR, -YEAR]


@pytest.fixture
def grown(room):
    """Return a room in which both containers were given memory."""
    room.cycle()
    room.need_memory(101, 102)
    room.cycle()
    room.wait()
    return room


@pytest.mark.parametrize("jump_seconds", JUMPS)
def test_jump_changes_nothing_and_need_is_met_after_it(grown, jump_seconds):
    room = grown
    now = room.now
    first = room.cycle(now=now + jump_seconds)
    assert (first["changed"], first["failed"]) == (0, 0)
    went_back = ["the clock went back by 8760.0 h since run 2" if jump_seconds == -YEAR else "the clock went back by 1.0 h since run 2"]
    assert [notice.split(":")[0] for notice in first["notices"]] == (went_back if jump_seconds < 0 else [])
    room.simulator.set_guest(101, anon_mib=1650)
    room.wait()
    second = room.cycle(now=now + jump_seconds + 60)
    assert [(one["vmid"], one["reason"]) for one in second["outcomes"]] == [(101, "grow_memory")]
    assert second["notices"] == []
    # And back to the right time.
    room.wait()
    third = room.cycle(now=now + 120)
    assert (third["changed"], third["failed"]) == (0, 0)
    assert room.sizes() == {101: 2048, 102: 1792}
    assert [(change[0], change[3]) for change in room.journal()] == [(101, 1024), (102, 1024), (101, 1792)]
    # Numbers say what came first, whatever the clock shows. A run without a change that seems to be a year old is dropped as such.
    assert [row["run_id"] for row in room.rows("run", "run_id")] == ([1, 2, 4, 5] if jump_seconds == -YEAR else [1, 2, 3, 4, 5])


@pytest.mark.parametrize("jump_seconds", JUMPS)
def test_container_that_was_put_back_stays_so_through_a_jump_within_its_time(grown, jump_seconds):
    room = grown
    room.need_memory(101, 102, anon_mib=200)
    assert room.run("rollback", "--to", "2").exit_code == 0
    room.wait()
    result = room.cycle(now=room.now + jump_seconds)
    reasons = {one["reason"] for one in result["decisions"]}
    # A year later its day is over; nobody's change is seen in it all the same.
    assert reasons == ({"too_little_history"} if jump_seconds == YEAR else {"rolled_back"})
    assert room.sizes() == {101: 1024, 102: 1024} or (jump_seconds == YEAR and "grow_memory" in reasons)


def test_hold_of_a_time_that_never_came_is_shown_and_can_be_released(grown):
    """The clock was a year ahead when it was put back; it is held for that year now, and says so, until somebody releases it."""
    room = grown
    room.need_memory(101, 102, anon_mib=200)
    assert room.run("rollback", "101", now=room.now + YEAR).exit_code == 0
    room.wait()
    result = room.cycle()
    assert "may last so much longer (see: lxc-autoscale status, release)" in result["notices"][0]
    assert {one["vmid"]: one["reason"] for one in result["decisions"]}[101] == "rolled_back"
    assert room.run("release", "101").exit_code == 0
    room.wait()
    assert {one["vmid"]: one["reason"] for one in room.cycle()["decisions"]}[101] != "rolled_back"


@pytest.mark.parametrize("jump_seconds", JUMPS)
def test_change_that_was_left_open_is_settled_whatever_the_clock_shows(room, jump_seconds):
    room.cycle()
    room.need_memory(101, 102)
    assert room.run("run", act="kill", at="^GET .*101/pending: before").exit_code == -9
    room.wait()
    result = room.cycle(now=room.now + jump_seconds)
    assert [(one["vmid"], one["reason"]) for one in result["settled"]] == [(101, "resized")]
    assert [change for change in room.journal() if change[1] == "open"] == []
    assert room.sizes()[101] == 1792


@pytest.mark.parametrize("jump_seconds", [-HOUR, -YEAR])
def test_boost_that_was_begun_in_the_future_is_over(grown, jump_seconds):
    room = grown
    assert room.run("boost", "101", "--for", "30m", "--memory-mib", "2000").exit_code == 0
    room.wait()
    assert [one["reason"] for one in room.cycle()["outcomes"]] == ["boosted"]
    room.wait()
    room.cycle(now=room.now + jump_seconds)
    decided = room.cycle(now=room.now + jump_seconds + 60)["decisions"]
    assert "boosted" not in json.dumps([one["reasons"] for one in decided])


@pytest.mark.parametrize("jump_seconds", JUMPS)
def test_status_and_history_are_readable_after_a_jump(grown, jump_seconds):
    room = grown
    room.cycle(now=room.now + jump_seconds)
    for command in ("status", "history"):
        ended = room.run(command, now=room.now + jump_seconds + 60)
        assert (ended.exit_code, ended.err) == (0, "")
        assert max(len(line) for line in ended.out.splitlines()) <= 100
        assert re.search(r"-\d+ (s|min|h|d)\b", ended.out) is None
