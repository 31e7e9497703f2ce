# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop's database after an upgrade, and what later schemas brought: notes, rollbacks, runs that failed."""

from __future__ import annotations

import os
import sqlite3
import threading

import pytest
from pve_lxc.autoscale.lock import hold_lock
from pve_lxc.backend.state import SqliteState
from pve_lxc.errors import StateError
from pve_lxc.model.allocation import Allocation
from pve_lxc.model.decision import Decision
from pve_lxc.model.reason import Reason

# As it was released; a file with it must be readable for ever.
FIRST_SCHEMA = """
    CREATE TABLE memory (vmid INTEGER PRIMARY KEY, updated REAL NOT NULL, body TEXT NOT NULL);
    CREATE TABLE run (
        run_id INTEGER PRIMARY KEY AUTOINCREMENT, mode TEXT NOT NULL, started REAL NOT NULL, ended REAL, result TEXT NOT NULL DEFAULT ''
    );
    CREATE TABLE decision (vmid INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, time REAL NOT NULL, body TEXT NOT NULL);
    CREATE TABLE change (
        change_id INTEGER PRIMARY KEY AUTOINCREMENT, run_id INTEGER NOT NULL, vmid INTEGER NOT NULL, name TEXT NOT NULL, node TEXT NOT NULL,
        begun REAL NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL, before_json TEXT NOT NULL, target_json TEXT NOT NULL,
        ended REAL, outcome_json TEXT
    );
    CREATE INDEX change_by_vmid ON change (vmid, change_id);
    CREATE INDEX change_open ON change (change_id) WHERE ended IS NULL;
    INSERT INTO memory VALUES (101, 9.0, '{"learnt": 7}');
    INSERT INTO run VALUES (1, 'apply', 1.0, 2.0, '1 changed, 0 failed');
    INSERT INTO run VALUES (2, 'apply', 3.0, 4.0, 'failed: connection refused');
    INSERT INTO decision VALUES (101, 1, 2.0, '{"reason": "grow_memory"}');
    INSERT INTO change VALUES (1, 1, 101, 'web', 'pve1', 1.5, 'grow_memory', 'm', '{"memory": 512}', '{"memory": 1024}', 1.6, '{"changed": true}');
    INSERT INTO change VALUES (2, 1, 102, 'db', 'pve1', 1.7, 'grow_cpu', 'm', '{"cores": null}', '{"cores": 2}', NULL, NULL);
    PRAGMA user_version = 1;
"""

CHANGE = Decision(101, "web", "pve1", Allocation(2, memory_mib=1024), Allocation(2, memory_mib=512), Reason.SHRINK_MEMORY, "m")


@pytest.fixture
def old_file(tmp_path):
    connection = sqlite3.connect(tmp_path / "s")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(FIRST_SCHEMA)
    connection.close()
    return tmp_path / "s"


def version_of(path):
    connection = sqlite3.connect(path)
    try:
        return connection.execute("PRAGMA user_version").fetchone()[0]
    finally:
        connection.close()


def require_old_content(state):
    assert state.read_memories() == {101: {"learnt": 7}}
    assert state.read_decisions() == {101: {"reason": "grow_memory", "run_id": 1, "time": 2.0}}
    newest, oldest = state.read_changes()
    assert (newest["change_id"], newest["before"], newest["outcome"], newest["undoes_from"], newest["identity"]) == (2, {"cores": None}, None, None, "")
    assert (oldest["change_id"], oldest["target"], oldest["outcome"]) == (1, {"memory": 1024}, {"changed": True})
    assert [change["change_id"] for change in state.read_open_changes()] == [2]


def test_file_of_the_first_schema_keeps_everything(old_file):
    state = SqliteState(str(old_file))
    require_old_content(state)
    state.close()
    assert version_of(old_file) == 2
    require_old_content(SqliteState(str(old_file)))


def test_runs_that_failed_under_the_first_schema_are_known_as_failed(old_file):
    state = SqliteState(str(old_file))
    assert state.read_last_run()["is_failed"] is True
    assert state.read_last_success()["run_id"] == 1


def test_numbers_go_on_after_an_upgrade(old_file):
    state = SqliteState(str(old_file))
    assert state.begin_run(9.0, "apply") == 3
    assert state.begin_change(3, 9.0, CHANGE) == 3


def test_status_right_after_an_upgrade_answers_and_leaves_the_file_as_it_was(old_file):
    state = SqliteState(str(old_file), is_read_only=True)
    require_old_content(state)
    assert state.read_note("anything") is None
    with pytest.raises(StateError):
        state.write_note("anything", {}, 1.0)
    state.close()
    assert version_of(old_file) == 1


def test_two_processes_may_upgrade_at_the_same_time(old_file):
    states = []
    threads = [threading.Thread(target=lambda: states.append(SqliteState(str(old_file)).read_last_run.__name__)) for dummy in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states == ["read_last_run"] * 4
    require_old_content(SqliteState(str(old_file)))


def test_file_of_a_newer_version_is_refused_for_reading_too(old_file):
    connection = sqlite3.connect(old_file)
    connection.execute("PRAGMA user_version = 3")
    connection.close()
    for is_read_only in (False, True):
        with pytest.raises(StateError, match=r"written by a newer version \(schema 3, this one knows 2\); install that version again"):
            SqliteState(str(old_file), is_read_only=is_read_only)
    assert version_of(old_file) == 3


def test_upgrade_that_breaks_off_leaves_the_old_schema(old_file):
    connection = sqlite3.connect(old_file)
    connection.execute("CREATE TABLE note (somebody TEXT)")
    connection.close()
    with pytest.raises(StateError, match="note already exists"):
        SqliteState(str(old_file))
    assert version_of(old_file) == 1
    connection = sqlite3.connect(old_file)
    connection.execute("DROP TABLE note")
    connection.close()
    require_old_content(SqliteState(str(old_file)))


def test_files_that_root_makes_belong_to_the_owner_of_the_folder(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda path, user, group: given.append((os.path.basename(path), user, group)))
    owner = os.stat(tmp_path)
    for _time in range(2):
        SqliteState(str(tmp_path / "s")).close()
        with hold_lock(str(tmp_path / "s.lock")):
            pass
    assert given == [("s", owner.st_uid, owner.st_gid), ("s.lock", owner.st_uid, owner.st_gid)]


def test_files_that_others_make_are_theirs(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "chown", lambda *arguments: given.append(arguments))
    SqliteState(str(tmp_path / "s")).close()
    with hold_lock(str(tmp_path / "s.lock")):
        assert given == []


def test_note_is_there_after_a_restart_and_the_newest_counts(tmp_path):
    state = SqliteState(str(tmp_path / "s"))
    assert state.read_note("told") is None
    state.write_note("told", {"at": 1.5}, 1.5)
    state.write_note("told", {"at": 2.5, "who": ["ntfy"]}, 2.5)
    state.write_note("other", {}, 2.5)
    state.close()
    again = SqliteState(str(tmp_path / "s"))
    assert again.read_note("told") == {"at": 2.5, "who": ["ntfy"]}
    assert again.read_note("other") == {}


def test_note_that_is_no_json_any_more_is_as_if_it_were_not_there(tmp_path):
    state = SqliteState(str(tmp_path / "s"))
    state.write_note("told", {"at": 1.5}, 1.5)
    connection = sqlite3.connect(tmp_path / "s")
    connection.execute("UPDATE note SET body = '{broken'")
    connection.commit()
    connection.close()
    assert state.read_note("told") is None


def test_rollback_is_no_cycle_but_has_its_run_and_says_what_it_undoes(tmp_path):
    state = SqliteState(str(tmp_path / "s"))
    cycle = state.begin_run(1.0, "apply")
    state.end_run(cycle, 2.0, [], "1 changed, 0 failed")
    rollback = state.begin_run(3.0, "rollback")
    state.begin_change(rollback, 3.0, CHANGE, identity="root|mac", undoes_from=7)
    state.end_run(rollback, 4.0, [], "1 put back")
    assert state.read_last_run()["run_id"] == cycle
    assert state.read_last_success()["run_id"] == cycle
    assert state.read_run(rollback) == {"run_id": rollback, "mode": "rollback", "started": 3.0, "ended": 4.0, "result": "1 put back", "is_failed": False}
    assert state.read_run(99) is None
    (change,) = state.read_changes()
    assert (change["undoes_from"], change["identity"]) == (7, "root|mac")


def test_cycle_that_failed_is_the_last_run_and_no_success(tmp_path):
    state = SqliteState(str(tmp_path / "s"))
    good = state.begin_run(1.0, "apply")
    state.end_run(good, 2.0, [], "0 changed, 2 failed")
    bad = state.begin_run(3.0, "apply")
    state.end_run(bad, 4.0, [], "failed: no route to host", is_failed=True)
    assert state.read_last_run()["run_id"] == bad
    assert state.read_last_success()["run_id"] == good


def test_changes_since_a_moment_and_without_a_limit(tmp_path):
    state = SqliteState(str(tmp_path / "s"))
    for begun in range(120):
        state.begin_change(1, float(begun), CHANGE)
    assert len(state.read_changes()) == 100
    assert len(state.read_changes(limit=None)) == 120
    assert [change["begun"] for change in state.read_changes(101, since=118.0)] == [119.0, 118.0]
    assert state.read_changes(102, limit=None) == []
