# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop's database: what is kept, and what happens to a damaged one."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

MODULE_UTILS = Path(__file__).resolve().parents[4] / "plugins" / "module_utils"


@pytest.fixture
def decision():
    from pve_lxc.model.allocation import Allocation
    from pve_lxc.model.decision import Decision
    from pve_lxc.model.reason import Reason

    before, after = Allocation(cores=2, memory_mib=1024), Allocation(cores=2, memory_mib=2048)
    return Decision(101, "web", "pve1", before, after, Reason.GROW_MEMORY, "memory 1024 -> 2048 MiB", (Reason.GROW_MEMORY,))


def open_state(path, **options):
    from pve_lxc.backend.state import SqliteState

    return SqliteState(str(path), **options)


def outcome_of(decision):
    from pve_lxc.model.plan import Outcome

    return Outcome(101, "web", "pve1", True, False, decision.reason, "done", before=decision.current, after=decision.target)


def test_what_was_learnt_is_there_after_a_restart(tmp_path):
    state = open_state(tmp_path / "s")
    state.write_memories({101: {"a": 1}, 102: {"b": None}}, 1.0)
    state.write_memories({101: {"a": 2}}, 2.0)
    state.close()
    assert open_state(tmp_path / "s").read_memories() == {101: {"a": 2}, 102: {"b": None}}


def test_change_is_open_until_it_is_ended(tmp_path, decision):
    state = open_state(tmp_path / "s")
    run_id = state.begin_run(1.0, "apply")
    change_id = state.begin_change(run_id, 2.0, decision)
    (open_change,) = state.read_open_changes()
    assert open_change["change_id"] == change_id
    assert open_change["before"] == {"cores": 2, "cpulimit": None, "cpuunits": None, "memory": 1024, "swap": None}
    assert open_change["target"]["memory"] == 2048
    state.end_change(change_id, 3.0, outcome_of(decision))
    assert state.read_open_changes() == []
    (change,) = state.read_changes(101)
    assert (change["reason"], change["ended"], change["outcome"]["changed"]) == ("grow_memory", 3.0, True)
    assert state.read_changes(102) == []


def test_changes_come_newest_first_and_no_more_than_asked_for(tmp_path, decision):
    state = open_state(tmp_path / "s")
    for time in (1.0, 2.0, 3.0):
        state.begin_change(state.begin_run(time, "apply"), time, decision)
    assert [change["begun"] for change in state.read_changes(limit=2)] == [3.0, 2.0]


def test_last_run_is_the_newest_that_ended(tmp_path, decision):
    state = open_state(tmp_path / "s")
    assert state.read_last_run() is None
    first = state.begin_run(1.0, "apply")
    state.begin_run(2.0, "apply")
    state.end_run(first, 3.0, [decision], "1 changed, 0 failed")
    assert state.read_last_run() == {"run_id": first, "mode": "apply", "started": 1.0, "ended": 3.0, "result": "1 changed, 0 failed", "is_failed": False}
    kept = state.read_decisions()[101]
    assert (kept["reason"], kept["target"]["memory"], kept["time"], kept["run_id"]) == ("grow_memory", 2048, 3.0, first)


def test_old_runs_without_changes_are_dropped_and_those_with_changes_are_kept(tmp_path, decision):
    state = open_state(tmp_path / "s")
    with_change = state.begin_run(0.0, "apply")
    state.begin_change(with_change, 0.0, decision)
    without_change = state.begin_run(1.0, "apply")
    now = 40 * 86400.0
    newest = state.begin_run(now, "apply")
    state.end_run(newest, now, [], "")
    state.close()
    runs = [row[0] for row in sqlite3.connect(tmp_path / "s").execute("SELECT run_id FROM run ORDER BY run_id")]
    assert with_change in runs
    assert without_change not in runs
    assert newest in runs


@pytest.mark.parametrize("damage", [b"this is no database at all", b"SQLite format 3\x00" + b"\xff" * 4096])
def test_damaged_file_is_set_aside_and_said(tmp_path, damage):
    (tmp_path / "s").write_bytes(damage)
    state = open_state(tmp_path / "s")
    assert state.read_memories() == {}
    assert (tmp_path / "s.damaged-1").read_bytes() == damage
    assert "set aside" in state.notices[0]
    state.close()
    (tmp_path / "s").write_bytes(damage)
    open_state(tmp_path / "s")
    assert (tmp_path / "s.damaged-2").exists()


def test_damaged_page_in_the_midst_is_found(tmp_path):
    state = open_state(tmp_path / "s")
    state.write_memories({vmid: {"text": "x" * 3000} for vmid in range(100, 200)}, 1.0)
    state.close()
    content = bytearray((tmp_path / "s").read_bytes())
    content[40960:45056] = b"\x55" * 4096
    (tmp_path / "s").write_bytes(content)
    assert open_state(tmp_path / "s").notices[0].startswith("the state file was damaged")


def test_file_of_a_newer_version_is_refused_and_untouched(tmp_path):
    from pve_lxc.errors import StateError

    open_state(tmp_path / "s").close()
    connection = sqlite3.connect(tmp_path / "s")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StateError, match="newer version"):
        open_state(tmp_path / "s")
    assert not (tmp_path / "s.damaged-1").exists()


def test_folder_in_the_place_of_the_file_is_called_one(tmp_path):
    from pve_lxc.errors import StateError

    with pytest.raises(StateError) as caught:
        open_state(tmp_path)
    assert str(caught.value) == f"the state file {tmp_path} cannot be used: it is a folder; give the path of a file, as in {tmp_path}/state.sqlite"


def test_missing_folder_is_a_state_error(tmp_path):
    from pve_lxc.errors import StateError

    with pytest.raises(StateError, match="cannot be used"):
        open_state(tmp_path / "nowhere" / "s")


def test_reading_only_needs_a_file_and_makes_none(tmp_path):
    from pve_lxc.errors import StateError

    with pytest.raises(StateError, match="has the loop run"):
        open_state(tmp_path / "s", is_read_only=True)
    assert not (tmp_path / "s").exists()


def test_reading_only_cannot_write(tmp_path):
    from pve_lxc.errors import StateError

    open_state(tmp_path / "s").close()
    with pytest.raises(StateError):
        open_state(tmp_path / "s", is_read_only=True).begin_run(1.0, "apply")


def test_change_that_was_begun_outlives_sigkill(tmp_path):
    program = textwrap.dedent(
        f"""
        import os, signal, sys
        sys.path.insert(0, {str(MODULE_UTILS)!r})
        from pve_lxc.backend.state import SqliteState
        from pve_lxc.model.allocation import Allocation
        from pve_lxc.model.decision import Decision
        from pve_lxc.model.reason import Reason
        state = SqliteState({str(tmp_path / "s")!r})
        decision = Decision(101, "web", "pve1", Allocation(2, memory_mib=1024), Allocation(2, memory_mib=2048), Reason.GROW_MEMORY, "m")
        state.begin_change(state.begin_run(1.0, "apply"), 2.0, decision)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    ended = subprocess.run([sys.executable, "-c", program], check=False, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert ended.returncode == -signal.SIGKILL
    (change,) = open_state(tmp_path / "s").read_open_changes()
    assert (change["vmid"], change["target"]["memory"]) == (101, 2048)
