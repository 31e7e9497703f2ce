# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import pathlib
import select
import signal
import subprocess
import sys
import threading

import pytest
from ci import places
from ci.command import run_command
from ci.side_by_side import side_by_side

# Commands that would run for minutes; each says when it runs, and holds a pipe open as long as it or its child lives.
LONG = """
import pathlib, sys
sys.path.insert(0, sys.argv[1])
from ci.command import run_command
from ci.side_by_side import side_by_side
folder = pathlib.Path(sys.argv[2])
script = 'exec 3> pipe; echo begun > "$1.begun"; sleep 600 & wait'
side_by_side(["a", "b", "c"], lambda name, place, log: run_command(["sh", "-c", script, "sh", folder / name], log, cwd=folder), folder / "log")
"""


def test_results_and_logs_stand_in_the_order_of_the_parts_whichever_ends_first(tmp_path: pathlib.Path) -> None:
    second_is_done = threading.Event()

    def work(part: str, place: int, log: pathlib.Path) -> str:
        if part == "first":
            assert second_is_done.wait(60)
        log.write_text(f"log of {part}\n", encoding="utf-8")
        if part == "second":
            second_is_done.set()
        return part.upper()

    log = tmp_path / "step.log"
    log.write_text("begun\n", encoding="utf-8")
    assert side_by_side(["first", "second", "third"], work, log) == ["FIRST", "SECOND", "THIRD"]
    assert log.read_text(encoding="utf-8") == "begun\nlog of first\nlog of second\nlog of third\n"
    assert [path.name for path in tmp_path.iterdir()] == ["step.log"]


def test_two_parts_never_have_the_same_place_at_once(tmp_path: pathlib.Path) -> None:
    both_are_there = threading.Barrier(2, timeout=60)
    seen: list[int] = []

    def work(_part: int, place: int, log: pathlib.Path) -> int:
        both_are_there.wait()
        seen.append(place)
        both_are_there.wait()
        return place

    side_by_side([1, 2, 3, 4], work, tmp_path / "log")
    assert [sorted(seen[:2]), sorted(seen[2:])] == [[0, 1], [0, 1]]


def test_a_part_that_breaks_is_raised_after_the_others_have_ended_and_its_log_is_kept(tmp_path: pathlib.Path) -> None:
    def work(part: str, _place: int, log: pathlib.Path) -> None:
        log.write_text(f"{part}\n", encoding="utf-8")
        if part == "bad":
            raise RuntimeError("the check has a mistake")

    with pytest.raises(RuntimeError, match="the check has a mistake"):
        side_by_side(["bad", "good"], work, tmp_path / "log")
    assert (tmp_path / "log").read_text(encoding="utf-8") == "bad\ngood\n"


def test_an_interrupt_stops_the_commands_of_all_parts_and_begins_no_other(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    pipe = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    words = [sys.executable, "-c", LONG, str(places.ROOT / "tests"), str(tmp_path)]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    look = "until test -s a.begun -a -s b.begun; do sleep 0.05; done"
    assert run_command(["sh", "-c", look], tmp_path / "look", cwd=tmp_path, timeout_seconds=60).is_ok
    process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=60)[1]
    assert not (tmp_path / "c.begun").exists()
    watch = select.poll()
    watch.register(pipe, 0)
    assert watch.poll(60_000) == [(pipe, select.POLLHUP)]
    os.close(pipe)
