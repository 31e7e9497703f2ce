# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop's own memory on disk: one SQLite file in WAL mode.

A change is written down durably before it is made (synchronous=FULL: the disk has it before Proxmox is asked). What was learnt and decided is
written without waiting for the disk: losing the last minute of it to a power cut costs nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..model import form
from ..model.decision import Decision
from ..model.plan import Outcome
from .state_file import open_for_reading, open_for_writing, state_errors
from .state_schema import ROLLBACK_MODE, RUN_KEPT_SECONDS

# Two machines' clocks, or a correction of the own one, differ by less.
_CLOCK_TOLERANCE_SECONDS = 60.0

_WRITE_MEMORY = "INSERT OR REPLACE INTO memory (vmid, updated, body) VALUES (?, ?, ?)"


class SqliteState:
    """A StateStore in one file.

    Attributes:
        notices: what the user should know, for example that a damaged file was set aside.
    """

    def __init__(self, path: str, *, is_read_only: bool = False) -> None:
        """Open the file, or make it; a damaged one is renamed to ``<path>.damaged-N`` and a new one begun.

        Args:
            path: of the database; its folder must exist.
            is_read_only: for ``status`` and the like: nothing is made or changed.

        Raises:
            StateError: it cannot be opened, or was written by a newer version.
        """
        self.notices: list[str] = []
        self._path = path
        self._pruned_at = 0.0
        with state_errors(path):
            if is_read_only:
                self._connection = open_for_reading(path)
            else:
                self._connection, self.notices = open_for_writing(path)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def read_memories(self) -> dict[int, dict[str, Any]]:
        """Return what was learnt, by vmid; an unreadable entry is left out, as if the container were new."""
        return dict(self.each_memory())

    def each_memory(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield what ``read_memories`` returns, one container at a time."""
        with state_errors(self._path):
            for vmid, body in self._connection.execute("SELECT vmid, body FROM memory"):
                value = _parse_json(body)
                if isinstance(value, dict):
                    yield int(vmid), value
                else:
                    self.notices.append(f"what was learnt about container {vmid} is damaged, and begun anew: it is only grown until a day is known again")

    def write_memories(self, memories: Mapping[int, Mapping[str, Any]], now: float) -> None:
        """Replace what was learnt about these containers, in one transaction."""
        rows = _memory_rows(memories, now)
        with self._transaction(is_durable=False) as connection:
            connection.executemany(_WRITE_MEMORY, rows)

    def begin_run(self, now: float, mode: str) -> int:
        """Open a run and return its number; a clock that went back since the last one is a notice."""
        with self._transaction(is_durable=False) as connection:
            last = connection.execute("SELECT run_id, started FROM run ORDER BY run_id DESC LIMIT 1").fetchone()
            if last is not None and last[1] - now > _CLOCK_TOLERANCE_SECONDS:
                back = f"the clock went back by {(last[1] - now) / 3600:.1f} h since run {last[0]}"
                self.notices.append(f"{back}: what was set to last until a time may last so much longer (see: lxc-autoscale status, release)")
            return int(connection.execute("INSERT INTO run (mode, started) VALUES (?, ?)", (mode, now)).lastrowid or 0)

    def end_run(self, run_id: int, now: float, decisions: Iterable[Decision], result: str, *, is_failed: bool = False) -> None:
        """Close a run with the decision about every container; old runs without changes are dropped now and then, but for the first."""
        rows = ((decision.vmid, run_id, now, _to_json(form.format_decision(decision))) for decision in decisions)
        with self._transaction(is_durable=False) as connection:
            connection.execute("UPDATE run SET ended = ?, result = ?, is_failed = ? WHERE run_id = ?", (now, result, is_failed, run_id))
            connection.executemany("INSERT OR REPLACE INTO decision (vmid, run_id, time, body) VALUES (?, ?, ?, ?)", rows)
            if now - self._pruned_at > 3600:
                self._pruned_at = now
                connection.execute(
                    "DELETE FROM run WHERE started < ? AND run_id NOT IN (SELECT run_id FROM change) AND run_id > (SELECT MIN(run_id) FROM run)",
                    (now - RUN_KEPT_SECONDS,),
                )

    def begin_change(self, run_id: int, now: float, decision: Decision, *, identity: str = "", undoes_from: int | None = None) -> int:
        """Write down a change before it is made, durably, and return its number."""
        before, target = form.format_change(decision)
        values = (
            run_id,
            decision.vmid,
            decision.name,
            decision.node,
            now,
            str(decision.reason),
            decision.message,
            _to_json(before),
            _to_json(target),
            identity,
            undoes_from,
        )
        with self._transaction(is_durable=True) as connection:
            columns = "run_id, vmid, name, node, begun, reason, message, before_json, target_json, identity, undoes_from"
            cursor = connection.execute(f"INSERT INTO change ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
            return int(cursor.lastrowid or 0)

    def end_change(self, change_id: int, now: float, outcome: Outcome, memories: Mapping[int, Mapping[str, Any]] | None = None) -> None:
        """Write down what became of a change, and in the same transaction what is known of its container by now, by vmid."""
        rows = _memory_rows(memories or {}, now)
        with self._transaction(is_durable=True) as connection:
            connection.executemany(_WRITE_MEMORY, rows)
            connection.execute(
                "UPDATE change SET ended = ?, outcome_json = ? WHERE change_id = ?",
                (now, _to_json(form.format_outcome(outcome)), change_id),
            )

    def read_open_changes(self) -> list[dict[str, Any]]:
        """Return changes that were begun and never ended, oldest first."""
        return self._changes("WHERE ended IS NULL ORDER BY change_id", ())

    def read_changes(self, vmid: int | None = None, limit: int | None = 100, since: float = 0.0, *, only_rollbacks: bool = False) -> list[dict[str, Any]]:
        """Return changes begun at ``since`` or later, newest first; ``before`` and ``target`` have Proxmox's keys, None for an absent one."""
        kind = " AND undoes_from IS NOT NULL" if only_rollbacks else ""
        chosen = f"WHERE begun >= ? AND (? IS NULL OR vmid = ?){kind} ORDER BY change_id DESC LIMIT ?"
        return self._changes(chosen, (since, vmid, vmid, -1 if limit is None else limit))

    def read_last_run(self) -> dict[str, Any] | None:
        """Return the newest cycle that ended; None before the first."""
        return self._run("WHERE ended IS NOT NULL AND mode <> ? ORDER BY run_id DESC LIMIT 1", ROLLBACK_MODE)

    def read_last_success(self) -> dict[str, Any] | None:
        """Return the newest cycle that came to its end, be it that single containers failed; None before the first."""
        return self._run("WHERE ended IS NOT NULL AND NOT is_failed AND mode <> ? ORDER BY run_id DESC LIMIT 1", ROLLBACK_MODE)

    def read_run(self, run_id: int) -> dict[str, Any] | None:
        """Return a run by its number, a rollback as well; None when it is not known (any more)."""
        return self._run("WHERE run_id = ?", run_id)

    def read_run_span(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return the first run and the newest, be it not ended; None when there is none."""
        first = self._run("WHERE run_id >= ? ORDER BY run_id LIMIT 1", 0)
        newest = self._run("WHERE run_id >= ? ORDER BY run_id DESC LIMIT 1", 0)
        return None if first is None or newest is None else (first, newest)

    def read_note(self, name: str) -> dict[str, Any] | None:
        """Return what ``write_note`` kept under a name; None when there is nothing, or nothing readable."""
        with state_errors(self._path):
            row = self._connection.execute("SELECT body FROM note WHERE name = ?", (name,)).fetchone()
        value = None if row is None else _parse_json(row[0])
        return value if isinstance(value, dict) else None

    def write_note(self, name: str, values: Mapping[str, Any], now: float) -> None:
        """Keep a few values under a name, in place of those of before."""
        with self._transaction(is_durable=False) as connection:
            connection.execute("INSERT OR REPLACE INTO note (name, updated, body) VALUES (?, ?, ?)", (name, now, _to_json(values)))

    def read_decisions(self) -> dict[int, dict[str, Any]]:
        """Return the newest decision about each container, by ascending vmid."""
        decisions = {}
        with state_errors(self._path):
            for vmid, run_id, time, body in self._connection.execute("SELECT vmid, run_id, time, body FROM decision ORDER BY vmid"):
                value = _parse_json(body)
                if isinstance(value, dict):
                    decisions[int(vmid)] = {**value, "run_id": run_id, "time": time}
        return decisions

    def _run(self, rest: str, parameter: int | str) -> dict[str, Any] | None:
        names = ("run_id", "mode", "started", "ended", "result", "is_failed")
        with state_errors(self._path):
            row = self._connection.execute(f"SELECT {', '.join(names)} FROM run {rest}", (parameter,)).fetchone()
        if row is None:
            return None
        run = dict(zip(names, row, strict=True))
        return {**run, "is_failed": bool(run["is_failed"])}

    def _changes(self, rest: str, parameters: tuple[Any, ...]) -> list[dict[str, Any]]:
        names = ("change_id", "run_id", "vmid", "name", "node", "begun", "reason", "message", "ended", "identity", "undoes_from")
        texts = ("before", "target", "outcome")
        columns = ", ".join((*names, *(f"{name}_json" for name in texts)))
        with state_errors(self._path):
            rows = self._connection.execute(f"SELECT {columns} FROM change {rest}", parameters).fetchall()
        changes = [dict(zip((*names, *texts), row, strict=True)) for row in rows]
        for change in changes:
            for name in texts:
                change[name] = None if change[name] is None else _parse_json(change[name])
        return changes

    @contextmanager
    def _transaction(self, *, is_durable: bool) -> Iterator[sqlite3.Connection]:
        with state_errors(self._path):
            # The level may only be changed between transactions; it is a setting of the connection, not of the file.
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if is_durable else 'NORMAL'}")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


def _memory_rows(memories: Mapping[int, Mapping[str, Any]], now: float) -> Iterator[tuple[int, float, str]]:
    """Yield one row at a time: all texts at once would be a good part of the memory that a cycle needs."""
    return ((vmid, now, _to_json(memory)) for vmid, memory in memories.items())


def _to_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
