# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file system that is full: a small tmpfs holds the state, and less and less of it is free. Root only, for mounting it."""

from __future__ import annotations

import re
import subprocess

import pytest

GROWN = {101: 1792, 102: 1792}
SIZE_KIB = 512
# From a disk on which nothing more can be written to one that has room for half of the cycle.
FREE_KIB = (0, 4, 12, 24, 36, 48, 60, 72)


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    from support.safety.loop_room import loop_room

    with loop_room(tmp_path_factory.mktemp("room")) as room:
        yield room


@pytest.fixture
def disk(room):
    """Return a room whose state lies on a small disk, after a cycle with room enough."""
    room.begin()
    folder = room.state_path.parent
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_KIB}k", "tmpfs", str(folder)], check=True)
    try:
        room.cycle()
        room.wait()
        room.need_memory(101, 102)
        yield room
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder, free_kib):
    """Fill a file system until so much is left, and return the file that does it."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError as error:
            assert error.errno == 28  # noqa: PT017 "No space left on device", and nothing else
        file.truncate(file.tell() - free_kib * 1024)
    return ballast


@pytest.mark.parametrize("free_kib", FREE_KIB)
def test_full_disk_stops_the_run_before_a_write_that_is_not_written_down(disk, free_kib):
    room = disk
    ballast = fill(room.state_path.parent, free_kib)
    ended = room.run("run")
    sizes = room.sizes()
    assert "Traceback" not in ended.err
    if ended.exit_code:
        assert ended.exit_code == 2
        assert re.match(
            rf"lxc-autoscale: the state file {room.state_path} cannot be used: .* \(only \d+ KiB are free on its disk\)$", ended.err.splitlines()[0]
        )
    else:
        assert (ended.err, sizes) == ("", GROWN)
    # Room again, so that a reader can open the journal too: each container that was changed is in it.
    ballast.unlink()
    known = {change[0] for change in room.journal()}
    assert [vmid for vmid, size in sizes.items() if size != 1024 and vmid not in known] == []
    room.wait()
    result = room.cycle()
    assert "operator_changed" not in [one["reason"] for one in result["decisions"]]
    assert [change for change in room.journal() if change[1] == "open"] == []
    assert room.sizes() == GROWN
    assert (room.writes(101), room.writes(102)) == (1, 1)


def test_disk_without_any_room_changes_nothing(disk):
    fill(disk.state_path.parent, 0)
    ended = disk.run("run")
    assert (ended.exit_code, ended.out) == (2, "")
    assert ended.err.splitlines()[0].endswith("(only 0 KiB are free on its disk)")
    assert (disk.sizes(), disk.writes()) == ({101: 1024, 102: 1024}, 0)


def test_commands_that_only_read_work_on_a_full_disk(disk):
    disk.run("run")
    fill(disk.state_path.parent, 0)
    for command in ("history", "status"):
        ended = disk.run(command)
        assert (ended.exit_code, ended.err) == (0, ""), command
    assert "1024 -> 1792" in disk.run("history").out
