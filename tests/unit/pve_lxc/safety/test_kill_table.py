# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL at every boundary: `python -m pve_lxc` as a process, killed at each point where it touches the outside (support/safety/effects.py).

What is true afterwards, at every point: the lock is free and the next run ends with 0; each write that Proxmox carried out is one change in the
journal with what was there before and after; no change is in the journal as made that was not; nothing is done twice; nothing of ours is taken
for an operator's. Each test adds its part to the table in .cache/logs/kill-table.txt.
"""

from __future__ import annotations

from pathlib import Path

import pytest

TABLE = Path(__file__).resolve().parents[4] / ".cache" / "logs" / "kill-table.txt"
START_MIB = 1024
NOT_MADE = "an earlier run did not see the end of this change; it was not made"


@pytest.fixture(scope="module")
def table():
    """Return the list that becomes the table."""
    rows = []
    yield rows
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    width = max((len(row[1]) for row in rows), default=0)
    lines = [f"{command:9} {at:{width}}  {had:24}  {then}" for command, at, had, then in rows]
    TABLE.write_text("\n".join([f"{'killed':9} {'at':{width}}  {'Proxmox then had':24}  the next run", *lines]) + "\n", encoding="utf-8")


def said(result):
    """Return in a few words what a cycle did about what it found."""
    settled = [f"settled {one['vmid']}: {one['reason']}" for one in result["settled"]]
    changed = [f"changed {one['vmid']}: {one['reason']}" for one in result["outcomes"]]
    return ", ".join(settled + changed) or "nothing to do"


def wrong_in_journal(room):
    """Return what is wrong: changes that Proxmox made and the journal has not, the other way round, and those left open."""
    wrong = []
    for vmid, size in room.sizes().items():
        changes = [change for change in room.changes() if change["vmid"] == vmid]
        made = [change["outcome"] for change in changes if change["outcome"] and change["outcome"]["changed"]]
        chain = [START_MIB, *(one["after"]["memory"] for one in made)]
        if [one["before"]["memory"] for one in made] != chain[:-1] or chain[-1] != size:
            wrong.append(f"{vmid} has {size} MiB, the journal says {[(one['before']['memory'], one['after']['memory']) for one in made]}")
        if len(made) != room.writes(vmid):
            wrong.append(f"{vmid}: {room.writes(vmid)} writes, {len(made)} changes in the journal")
        wrong += [f"{vmid}: still open" for change in changes if change["ended"] is None]
        others = [change["outcome"] for change in changes if change["outcome"] and not change["outcome"]["changed"]]
        wrong += [f"{vmid}: {one['msg']}" for one in others if (one["reason"], one["msg"]) != ("not_tried", NOT_MADE)]
    return wrong


def hurried(room, count=1):
    """Return a room in which both containers need more memory than they have, after some runs."""
    room.begin()
    for _cycle in range(count):
        room.cycle()
        room.wait()
    room.need_memory(101, 102)


def grown(room):
    """Return a room in which both containers were given more memory and no longer need it."""
    hurried(room)
    room.cycle()
    room.need_memory(101, 102, anon_mib=200)


def killed_at(room, points, number, *argv):
    """Kill a run at a point and return the name of it, and what Proxmox has after a request that was on its way has arrived."""
    ended = room.run(*argv, act="kill", at=number)
    assert (ended.exit_code, ended.at, ended.err) == (-9, points[number], "")
    if ended.at.startswith("PUT") and ended.at.endswith("sent, not answered"):
        room.wait_for_put(ended.at.split()[1].rstrip(":"))
    at = f"{points[number + 1].split(', ')[0]}, before it begins" if ended.at == "state: before a transaction" else ended.at
    return at, " ".join(f"{vmid}: {size} MiB" for vmid, size in room.sizes().items())


def points_of(room, prepare, *argv):
    """Return the points that a run passes when nobody kills it."""
    prepare(room)
    ended = room.run(*argv)
    assert (ended.exit_code, ended.err) == (0, "")
    return ended.points


def wrong_after(room, at, result, sizes):
    """Return what is wrong when the run after the killed one has ended: in the journal, in the sizes, in the decisions."""
    wrong = [f"{at}: {text}" for text in wrong_in_journal(room)]
    if room.sizes() != sizes:
        wrong.append(f"{at}: {room.sizes()}")
    return wrong + [f"{at}: {one['vmid']} {one['reason']}" for one in result["decisions"] if "operator_changed" in one["reasons"]]


def wrong_in_the_end(room, at):
    """Return what the run after that one still has to do: nothing, for everything was settled and nothing is done twice."""
    room.wait()
    left = said(room.cycle())
    return [] if left == "nothing to do" else [f"{at}: the second run after it says {left}"]


def test_cycle_killed_anywhere_leaves_no_change_unrecorded(shared_room, table):
    room, wrong = shared_room, []
    points = points_of(room, hurried, "run")
    for number in range(len(points)):
        hurried(room)
        at, had = killed_at(room, points, number, "run")
        room.wait()
        result = room.cycle()
        table.append(("cycle", at, had, said(result)))
        wrong += wrong_after(room, at, result, {101: 1792, 102: 1792}) + wrong_in_the_end(room, at)
        if (room.folder / "metrics.prom").read_text()[-1:] != "\n":
            wrong.append(f"{at}: metrics are cut off")
    assert wrong == []
    assert len(points) >= 30
    assert [point for point in points if point.startswith("PUT")] == [
        "PUT /nodes/pve1/lxc/101/config: before it is sent",
        "PUT /nodes/pve1/lxc/101/config: sent, not answered",
        "PUT /nodes/pve1/lxc/102/config: before it is sent",
        "PUT /nodes/pve1/lxc/102/config: sent, not answered",
    ]
    assert {point.split(":")[0] for point in points} >= {"lock", "state", "file", "GET /cluster/resources", "GET /cluster/status", "POST /hook"}


def test_very_first_cycle_killed_anywhere_leaves_a_state_that_can_be_used(shared_room, table):
    room, wrong = shared_room, []
    points = points_of(room, lambda room: room.begin(), "run")
    for number in range(len(points)):
        room.begin()
        at, had = killed_at(room, points, number, "run")
        room.wait()
        result = room.cycle()
        table.append(("first run", at, had, said(result)))
        wrong += wrong_after(room, at, result, {101: 1024, 102: 1024})
        wrong += [f"{at}: {notice}" for notice in result["notices"]]
    assert wrong == []
    assert len(points) >= 16
    assert points[1].startswith("state: table memory")


def test_run_that_settles_killed_anywhere_is_settled_by_the_one_after_it(shared_room, table):
    def half_done(room):
        hurried(room)
        ended = room.run("run", act="kill", at="^PUT .*102/config: sent")
        assert ended.exit_code == -9
        room.wait_for_put("/lxc/102/config")
        room.wait()

    room, wrong = shared_room, []
    points = points_of(room, half_done, "run")
    for number in range(len(points)):
        half_done(room)
        at, had = killed_at(room, points, number, "run")
        room.wait()
        result = room.cycle()
        table.append(("settling", at, had, said(result)))
        wrong += wrong_after(room, at, result, {101: 1792, 102: 1792}) + wrong_in_the_end(room, at)
    assert wrong == []
    assert len(points) >= 12
    assert points[3:6] == (
        "GET /nodes/pve1/lxc/102/pending: before it is sent",
        "state: before a transaction",
        "state: memory and end of change written, before the commit",
    )


def test_rollback_killed_anywhere_is_recorded_and_can_be_repeated(shared_room, table):
    room, wrong = shared_room, []
    points = points_of(room, grown, "rollback", "--to", "2")
    for number in range(len(points)):
        grown(room)
        at, had = killed_at(room, points, number, "rollback", "--to", "2")
        killed_with = room.sizes()
        room.wait()
        result = room.cycle()
        table.append(("rollback", at, had, said(result)))
        # The cycle neither undoes what was put back nor takes it for an operator's.
        wrong += wrong_after(room, at, result, killed_with)
        repeated = room.run("rollback", "--to", "2")
        if (repeated.exit_code, repeated.err) != (0, ""):
            wrong.append(f"{at}: repeated, it ended with {repeated.exit_code}: {repeated.out}{repeated.err}")
        if room.sizes() != {101: 1024, 102: 1024} or (room.writes(101), room.writes(102)) != (2, 2):
            wrong.append(f"{at}: repeated, it left {room.sizes()} after {room.writes()} writes")
        room.wait()
        held = room.cycle()
        wrong += [f"{at}: {text}" for text in wrong_in_journal(room)]
        wrong += [f"{at}: {one['vmid']} is not held: {one['reason']}" for one in held["decisions"] if one["reason"] != "rolled_back"]
    assert wrong == []
    assert len(points) >= 28
    assert sum(point.startswith("PUT") for point in points) == 4


def test_release_killed_anywhere_is_done_or_not_and_can_be_repeated(shared_room, table):
    def held(room):
        grown(room)
        assert room.run("rollback", "101").exit_code == 0
        room.wait()

    room, wrong = shared_room, []
    points = points_of(room, held, "release", "101")
    for number in range(len(points)):
        held(room)
        at, had = killed_at(room, points, number, "release", "101")
        repeated = room.run("release", "101")
        table.append(("release", at, had, repeated.out.split(";")[-1].strip().replace("\n", " ")))
        room.wait()
        result = room.cycle()
        # Released it is sized again: it once needed 880 MiB, and has 1024.
        wrong += wrong_after(room, at, result, {101: 1216, 102: 1792})
        wrong += [f"{at}: {one['reason']}" for one in result["decisions"] if one["vmid"] == 101 and one["reason"] == "rolled_back"]
    assert wrong == []
    assert points == ("lock: before it is taken", "state: before a transaction", "state: memory written, before the commit")


def test_limits_being_put_back_killed_anywhere_are_those_of_the_configuration_in_the_end(shared_room, table):
    def apart(room):
        room.begin()
        room.set_by_operator(101, memory=1792)
        # As a write leaves it that fails between the hot-plug and the file: 1792 MiB in force, 1024 in the configuration.
        room.simulator.set_guest(101, config={"memory": START_MIB})
        room.wait()
        room.cycle()
        room.wait()

    room, wrong = shared_room, []
    points = points_of(room, apart, "run")
    for number in range(len(points)):
        apart(room)
        at, had = killed_at(room, points, number, "run")
        for _cycle in range(2):
            room.wait()
            result = room.cycle()
        limits = room.simulator.guest(101)
        table.append(("repair", at, had, f"limit {limits['live']['memory_mib']:.0f} MiB, configuration {limits['config']['memory']} MiB"))
        if limits["live"]["memory_mib"] != float(limits["config"]["memory"]):
            wrong.append(f"{at}: {limits['live']['memory_mib']} in force, {limits['config']['memory']} in the configuration")
        wrong += [f"{at}: still open" for change in room.changes() if change["ended"] is None]
        wrong += [f"{at}: {one['vmid']} {one['reason']}" for one in result["decisions"] if "operator_changed" in one["reasons"]]
    assert wrong == []
    assert sum(point.startswith("PUT") for point in points) == 4
