# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop's own memory on disk: one SQLite file in WAL mode.

A change is written down durably before it is made (synchronous=FULL: the disk has it before Proxmox is asked). What was learnt and decided is
written without waiting for the disk: losing the last minute of it to a power cut costs nothing.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..errors import StateError
from ..model import form
from ..model.decision import Decision
from ..model.plan import Outcome
from .state_schema import MIGRATIONS, RUN_KEPT_SECONDS, SCHEMA_VERSION

_BUSY_TIMEOUT_SECONDS = 10.0


class SqliteState:
    """A StateStore in one file.

    Attributes:
        notices: what the user should know, for example that a damaged file was set aside.
    """

    def __init__(self, path: str, *, is_read_only: bool = False) -> None:
        """Open the file, or make it; a damaged one is renamed to ``<path>.damaged-N`` and a new one begun.

        Args:
            path: of the database; its folder must exist.
            is_read_only: for ``status`` and ``explain``: nothing is made or changed.

        Raises:
            StateError: it cannot be opened, or was written by a newer version.
        """
        self.notices: list[str] = []
        self._path = path
        self._pruned_at = 0.0
        with _state_errors(path):
            self._connection = _open_read_only(path) if is_read_only else self._open()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def read_memories(self) -> dict[int, dict[str, Any]]:
        """Return what was learnt, by vmid; an unreadable entry is left out, as if the container were new."""
        memories = {}
        with _state_errors(self._path):
            for vmid, body in self._connection.execute("SELECT vmid, body FROM memory"):
                value = _parse_json(body)
                if isinstance(value, dict):
                    memories[int(vmid)] = value
        return memories

    def write_memories(self, memories: Mapping[int, Mapping[str, Any]], now: float) -> None:
        """Replace what was learnt about these containers, in one transaction."""
        rows = [(vmid, now, _to_json(memory)) for vmid, memory in memories.items()]
        with self._transaction(is_durable=False) as connection:
            connection.executemany("INSERT OR REPLACE INTO memory (vmid, updated, body) VALUES (?, ?, ?)", rows)

    def begin_run(self, now: float, mode: str) -> int:
        """Open a run and return its number."""
        with self._transaction(is_durable=False) as connection:
            return int(connection.execute("INSERT INTO run (mode, started) VALUES (?, ?)", (mode, now)).lastrowid or 0)

    def end_run(self, run_id: int, now: float, decisions: Iterable[Decision], result: str) -> None:
        """Close a run with the decision about every container; old runs without changes are dropped now and then."""
        rows = [(decision.vmid, run_id, now, _to_json(form.format_decision(decision))) for decision in decisions]
        with self._transaction(is_durable=False) as connection:
            connection.execute("UPDATE run SET ended = ?, result = ? WHERE run_id = ?", (now, result, run_id))
            connection.executemany("INSERT OR REPLACE INTO decision (vmid, run_id, time, body) VALUES (?, ?, ?, ?)", rows)
            if now - self._pruned_at > 3600:
                self._pruned_at = now
                connection.execute(
                    "DELETE FROM run WHERE started < ? AND run_id NOT IN (SELECT run_id FROM change)",
                    (now - RUN_KEPT_SECONDS,),
                )

    def begin_change(self, run_id: int, now: float, decision: Decision) -> int:
        """Write down a change before it is made, durably, and return its number."""
        values = (
            run_id,
            decision.vmid,
            decision.name,
            decision.node,
            now,
            str(decision.reason),
            decision.message,
            _to_json(form.format_allocation(decision.current)),
            _to_json(form.format_allocation(decision.target)),
        )
        with self._transaction(is_durable=True) as connection:
            cursor = connection.execute(
                "INSERT INTO change (run_id, vmid, name, node, begun, reason, message, before_json, target_json) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )
            return int(cursor.lastrowid or 0)

    def end_change(self, change_id: int, now: float, outcome: Outcome) -> None:
        """Write down what became of a change."""
        with self._transaction(is_durable=True) as connection:
            connection.execute(
                "UPDATE change SET ended = ?, outcome_json = ? WHERE change_id = ?",
                (now, _to_json(form.format_outcome(outcome)), change_id),
            )

    def read_open_changes(self) -> list[dict[str, Any]]:
        """Return changes that were begun and never ended, oldest first."""
        return self._changes("WHERE ended IS NULL ORDER BY change_id", ())

    def read_changes(self, vmid: int | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """Return changes, newest first; ``before`` and ``target`` have Proxmox's keys, None for an absent one."""
        if vmid is None:
            return self._changes("ORDER BY change_id DESC LIMIT ?", (limit,))
        return self._changes("WHERE vmid = ? ORDER BY change_id DESC LIMIT ?", (vmid, limit))

    def read_last_run(self) -> dict[str, Any] | None:
        """Return the newest run that ended; None before the first."""
        with _state_errors(self._path):
            row = self._connection.execute(
                "SELECT run_id, mode, started, ended, result FROM run WHERE ended IS NOT NULL ORDER BY run_id DESC LIMIT 1"
            ).fetchone()
        return None if row is None else dict(zip(("run_id", "mode", "started", "ended", "result"), row, strict=True))

    def read_decisions(self) -> dict[int, dict[str, Any]]:
        """Return the newest decision about each container, by ascending vmid."""
        decisions = {}
        with _state_errors(self._path):
            for vmid, run_id, time, body in self._connection.execute("SELECT vmid, run_id, time, body FROM decision ORDER BY vmid"):
                value = _parse_json(body)
                if isinstance(value, dict):
                    decisions[int(vmid)] = {**value, "run_id": run_id, "time": time}
        return decisions

    def _changes(self, rest: str, parameters: tuple[int, ...]) -> list[dict[str, Any]]:
        names = ("change_id", "run_id", "vmid", "name", "node", "begun", "reason", "message", "ended", "before", "target", "outcome")
        columns = "change_id, run_id, vmid, name, node, begun, reason, message, ended, before_json, target_json, outcome_json"
        with _state_errors(self._path):
            rows = self._connection.execute(f"SELECT {columns} FROM change {rest}", parameters).fetchall()
        changes = [dict(zip(names, row, strict=True)) for row in rows]
        for change in changes:
            for name in ("before", "target", "outcome"):
                change[name] = None if change[name] is None else _parse_json(change[name])
        return changes

    def _open(self) -> sqlite3.Connection:
        existed = os.path.exists(self._path) and os.path.getsize(self._path) > 0
        connection = _connect(self._path)
        try:
            if existed and connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("quick_check found damage")
            connection.execute("PRAGMA journal_mode = WAL")
            _migrate(connection, self._path)
        except sqlite3.OperationalError:
            connection.close()
            raise
        except sqlite3.DatabaseError as error:
            connection.close()
            self.notices.append(_set_aside(self._path, error))
            connection = _connect(self._path)
            connection.execute("PRAGMA journal_mode = WAL")
            _migrate(connection, self._path)
        return connection

    @contextmanager
    def _transaction(self, *, is_durable: bool) -> Iterator[sqlite3.Connection]:
        with _state_errors(self._path):
            # The level may only be changed between transactions; it is a setting of the connection, not of the file.
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if is_durable else 'NORMAL'}")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


@contextmanager
def _state_errors(path: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StateError(f"the state file {path} cannot be used: {error}") from error


def _connect(path: str) -> sqlite3.Connection:
    # Transactions are begun and ended here by name, never by the module on its own.
    return sqlite3.connect(path, timeout=_BUSY_TIMEOUT_SECONDS, isolation_level=None)


def _open_read_only(path: str) -> sqlite3.Connection:
    if not os.path.exists(path):
        raise StateError(f"the state file {path} does not exist yet: has the loop run?")
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_SECONDS, isolation_level=None)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _migrate(connection: sqlite3.Connection, path: str) -> None:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise StateError(f"the state file {path} was written by a newer version (schema {version}, this one knows {SCHEMA_VERSION})")
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;{script};PRAGMA user_version = {number};COMMIT;")


def _set_aside(path: str, error: sqlite3.Error) -> str:
    """Rename a damaged file and its companions to the first free name, and return what to tell the user."""
    number = 1
    while os.path.exists(f"{path}.damaged-{number}"):
        number += 1
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(path + suffix):
            os.rename(path + suffix, f"{path}.damaged-{number}{suffix}")
    return f"the state file was damaged ({error}) and set aside as {path}.damaged-{number}; containers are only grown until a day is known again"


def _to_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
