# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may become of the state on disk: no room, no right to write, damage. No write to Proxmox without a line in the journal, and none of it lost silently.

Room ends by the kernel's limit on the size of a file here, so that it needs no root; tests/system/disk has a file system that really is full.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

GROWN = {101: 1792, 102: 1792}
DONE_101, DONE_102 = (101, "grow_memory", True, 1024, 1792), (102, "grow_memory", True, 1024, 1792)


@pytest.fixture
def hurried(room):
    """Return a room in which both containers need more memory than they have."""
    room.cycle()
    room.wait()
    room.need_memory(101, 102)
    return room


def unrecorded(room):
    """Return the containers that have another size than before and no change in the journal, ended or open."""
    known = {change[0] for change in room.journal()}
    return [vmid for vmid, size in room.sizes().items() if size != 1024 and vmid not in known]


def test_state_that_cannot_grow_any_more_stops_the_run_before_an_unrecorded_write(shared_room):
    room, ends = shared_room, set()
    for limit_bytes in (4096, 12000, 24000, 36000, 48000, 60000, 72000, 84000):
        room.begin()
        room.cycle()
        room.wait()
        room.need_memory(101, 102)
        ended = room.run("run", file_size_limit=limit_bytes)
        assert ended.exit_code == 2, (limit_bytes, ended)
        assert ended.err.startswith(f"lxc-autoscale: the state file {room.state_path} cannot be used: ")
        assert "Traceback" not in ended.err
        assert unrecorded(room) == []
        ends.add(tuple(room.sizes().values()))
        room.wait()
        result = room.cycle()
        assert "operator_changed" not in [one["reason"] for one in result["decisions"]]
        assert [change for change in room.journal() if change[1] == "open"] == []
        assert room.sizes() == GROWN
        assert (room.writes(101), room.writes(102)) == (1, 1)
    # It ended before the first write, between the two, and after both.
    assert ends == {(1024, 1024), (1792, 1024), (1792, 1792)}


def test_first_run_without_room_says_so_and_leaves_nothing_that_hinders_the_next(room):
    ended = room.run("run", file_size_limit=8000)
    assert ended.exit_code == 2
    assert ended.err.startswith(f"lxc-autoscale: the state file {room.state_path} cannot be used: ")
    assert room.cycle()["failed"] == 0


def test_status_and_history_can_be_read_where_nothing_can_be_written(hurried):
    room = hurried
    room.cycle()
    files = list(room.state_path.parent.iterdir())
    for path in files:
        path.chmod(0o400)
    room.state_path.parent.chmod(0o500)
    shown = {command: room.run(command, without_root=True) for command in ("status", "history")}
    room.state_path.parent.chmod(0o750)
    for path in files:
        path.chmod(0o600)
    assert {command: (ended.exit_code, ended.err) for command, ended in shown.items()} == {"status": (0, ""), "history": (0, "")}
    assert shown["history"].out.count("1024 -> 1792") == 2


@pytest.mark.parametrize("command", [("run",), ("rollback", "101"), ("release", "101")])
def test_state_folder_that_may_not_be_written_to_stops_every_command_that_would(hurried, command):
    room = hurried
    files = list(room.state_path.parent.iterdir())
    for path in files:
        path.chmod(0o400)
    room.state_path.parent.chmod(0o500)
    ended = room.run(*command, without_root=True)
    room.state_path.parent.chmod(0o750)
    for path in files:
        path.chmod(0o600)
    assert (ended.exit_code, ended.out) == (2, "")
    assert ended.err.splitlines()[0].startswith("lxc-autoscale: the ")
    assert "Traceback" not in ended.err
    assert (room.journal(), room.sizes()) == ([], {101: 1024, 102: 1024})
    room.cycle()
    assert room.sizes() == GROWN


def test_state_folder_that_is_a_file_stops_the_run(room):
    room.state_path.parent.write_text("")
    ended = room.run("run")
    assert (ended.exit_code, ended.out) == (2, "")
    assert ended.err == f"lxc-autoscale: the folder {room.state_path.parent} of the state file cannot be made: File exists\n"


def flip(path, offset, count=64):
    content = bytearray(path.read_bytes())
    content[offset : offset + count] = bytes(byte ^ 0xFF for byte in content[offset : offset + count])
    path.write_bytes(content)


def swap(path, old, new):
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))


SET_ASIDE = [
    ("no database", lambda path: path.write_text("hello"), "file is not a database"),
    ("header", lambda path: flip(path, 0), "file is not a database"),
    ("page size", lambda path: flip(path, 16, 2), "file is not a database"),
    ("first page", lambda path: flip(path, 200, 3000), "malformed"),
    ("cut in half", lambda path: os.truncate(path, path.stat().st_size // 2), "malformed"),
    ("cut in a page", lambda path: os.truncate(path, 5000), "malformed"),
]


@pytest.mark.parametrize(("what", "damage", "said"), SET_ASIDE)
def test_damaged_state_is_set_aside_named_and_told(hurried, what, damage, said):
    room = hurried
    room.cycle()
    room.wait()
    damage(room.state_path)
    broken = room.state_path.read_bytes()
    room.told.arrived.clear()
    result = room.cycle()
    aside = Path(f"{room.state_path}.damaged-1")
    assert aside.read_bytes() == broken, what
    assert f"set aside as {aside}" in result["notices"][0]
    assert said in result["notices"][0]
    # Nothing of before is known, so nothing is made smaller, and nothing is taken for anybody's change.
    assert {one["reason"] for one in result["decisions"]} == {"too_little_history"}
    assert room.sizes() == GROWN
    assert any(str(aside) in str(arrived.body) for arrived in room.told.arrived)
    assert f"{aside}" in room.run("status").out.replace("\n", " ")


def test_state_that_was_emptied_is_said(hurried):
    room = hurried
    room.cycle()
    room.wait()
    room.state_path.write_bytes(b"")
    result = room.cycle()
    assert result["notices"] == [
        f"the state file {room.state_path} was empty: if the loop has run before, what it knew is lost; containers are only grown until a day is known again"
    ]
    assert room.sizes() == GROWN


def test_first_run_of_all_has_nothing_to_say_about_its_state(room):
    assert room.cycle()["notices"] == []


def test_damaged_text_of_one_container_begins_that_one_anew_and_says_so(hurried):
    room = hurried
    room.cycle()
    room.wait()
    swap(room.state_path, b'{"memory":{', b'{"memo\xff\xfe":{')
    swap(room.state_path, b'{"memory":{', b'{"memory":[')
    result = room.cycle()
    damaged = [notice for notice in result["notices"] if "is damaged, and begun anew: it is only grown until a day is known again" in notice]
    assert len(damaged) >= 1
    assert {one["reason"] for one in result["decisions"]} == {"too_little_history"}
    assert room.sizes() == GROWN
    assert room.journal() == [DONE_101, DONE_102]


@pytest.mark.parametrize(
    ("what", "damage"),
    [
        ("junk", lambda path: path.write_bytes(b"x" * 5000)),
        ("flipped", lambda path: flip(path, path.stat().st_size // 2, 500)),
        ("cut", lambda path: os.truncate(path, path.stat().st_size - 2000)),
        ("gone", lambda path: path.unlink()),
    ],
)
def test_damaged_log_of_a_killed_run_costs_what_it_held_and_no_more(hurried, what, damage):
    """SQLite checks every page of its log and goes back to the last transaction that is whole."""
    room = hurried
    assert room.run("run", act="kill", at="^PUT .*101/config: before").exit_code == -9
    damage(Path(f"{room.state_path}-wal"))
    room.wait()
    result = room.cycle()
    assert "operator_changed" not in [one["reason"] for one in result["decisions"]], what
    assert [change for change in room.journal() if change[1] != "not_tried"] == [DONE_101, DONE_102]
    assert room.sizes() == GROWN
