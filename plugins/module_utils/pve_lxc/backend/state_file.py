# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of the loop's database: opened, brought to the newest schema, set aside when damaged."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from ..errors import StateError
from .state_schema import MIGRATIONS, SCHEMA_VERSION

_BUSY_TIMEOUT_SECONDS = 10.0

# The index of SQLite's log alone takes 32 KiB, and the log itself some hundred.
_FEW_KIB = 1024

_EMPTIED = "the state file {path} was empty: if the loop has run before, what it knew is lost; containers are only grown until a day is known again"


@contextmanager
def state_errors(path: str) -> Iterator[None]:
    """Turn what SQLite and the file system say within the context into a StateError that names the file."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        if os.path.isdir(path):
            raise StateError(
                f"the state file {path} cannot be used: it is a folder; give the path of a file, as in {os.path.join(path, 'state.sqlite')}"
            ) from error
        raise StateError(f"the state file {path} cannot be used: {error}{_free_space(path)}") from error


def _free_space(path: str) -> str:
    """Return how little room there is on the file's disk, where that may be the reason: SQLite calls a full disk an I/O error now and then."""
    try:
        disk = os.statvfs(os.path.dirname(os.path.abspath(path)))
    except OSError:
        return ""
    if disk.f_flag & os.ST_RDONLY:
        return " (its disk is mounted read-only)"
    free_kib = disk.f_bavail * disk.f_frsize // 1024
    return f" (only {free_kib} KiB are free on its disk)" if free_kib < _FEW_KIB else ""


def hand_over(path: str) -> None:
    """Give a file that root has made to whoever owns its folder: root's own would lock the service out. Nothing happens for others."""
    if os.geteuid() == 0:
        folder = os.stat(os.path.dirname(os.path.abspath(path)))
        os.chown(path, folder.st_uid, folder.st_gid)


def open_for_writing(path: str) -> tuple[sqlite3.Connection, list[str]]:
    """Return the database, made or brought to the newest schema where needed, and what the user should know.

    A damaged file is renamed to ``<path>.damaged-N`` and a new one begun.

    Raises:
        StateError: it was written by a newer version.
        sqlite3.Error: it cannot be opened.
    """
    existed = os.path.exists(path) and os.path.getsize(path) > 0
    is_emptied = os.path.exists(path) and not existed
    _make(path)
    connection = _connect(path)
    try:
        if existed and connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("quick_check found damage")
        _begin(connection, path)
    except sqlite3.OperationalError:
        connection.close()
        raise
    except StateError:
        connection.close()
        raise
    except sqlite3.DatabaseError as error:
        connection.close()
        notice = _set_aside(path, error)
        _make(path)
        connection = _connect(path)
        _begin(connection, path)
        return connection, [notice]
    return connection, [_EMPTIED.format(path=path)] if is_emptied else []


def open_for_reading(path: str) -> sqlite3.Connection:
    """Return the database for reading only; nothing is made or changed on disk.

    One of an older schema is read as a copy in memory that was brought to the newest, so that ``status`` answers right after an upgrade.

    Raises:
        StateError: there is none, or it was written by a newer version.
        sqlite3.Error: it cannot be opened.
    """
    if not os.path.exists(path):
        raise StateError(f"the state file {path} does not exist yet: has the loop run?")
    connection = _connect_for_reading(path)
    try:
        if _version(connection) < SCHEMA_VERSION:
            connection = _copy_of(connection)
        _migrate(connection, path)
        connection.execute("PRAGMA query_only = ON")
    except (sqlite3.Error, StateError):
        connection.close()
        raise
    return connection


def _copy_of(connection: sqlite3.Connection) -> sqlite3.Connection:
    copy = _connect(":memory:")
    connection.backup(copy)
    connection.close()
    return copy


def _connect(path: str, *, is_uri: bool = False) -> sqlite3.Connection:
    # Transactions are begun and ended here by name, never by the module on its own.
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_SECONDS, isolation_level=None, uri=is_uri)
    # A text with damaged bytes is one entry that cannot be understood, and no reason never to run again.
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    return connection


def _connect_for_reading(path: str) -> sqlite3.Connection:
    """Return a connection also where nothing can be written, on a full or a read-only disk: just then somebody wants to know what was done.

    SQLite needs an index beside its log and makes it even for reading. Where it cannot be made nobody is at work, and where there is no log either
    the file is all there is. Source: "WAL-mode File Format" and "Read-Only Databases" in SQLite's documentation.
    """
    connection = _connect(path)
    try:
        _version(connection)
    except sqlite3.OperationalError:
        connection.close()
        log = f"{path}-wal"
        if os.path.exists(log) and os.path.getsize(log):
            raise
        return _connect(f"file:{quote(os.path.abspath(path))}?immutable=1", is_uri=True)
    return connection


def _make(path: str) -> None:
    """Make the file where there is none; SQLite gives the two beside it to its owner."""
    if not os.path.exists(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640))
        hand_over(path)


def _begin(connection: sqlite3.Connection, path: str) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    _migrate(connection, path)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring the schema to the newest in one transaction; a second process that comes at the same time waits and finds it done."""
    if _version(connection) == SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)
        if version > SCHEMA_VERSION:
            message = f"the state file {path} was written by a newer version (schema {version}, this one knows {SCHEMA_VERSION})"
            raise StateError(f"{message}; install that version again, or move the file away to begin anew")
        for script in MIGRATIONS[version:]:
            for statement in script.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _set_aside(path: str, error: sqlite3.Error) -> str:
    """Rename a damaged file and its companions to the first free name, and return what to tell the user."""
    number = 1
    while os.path.exists(f"{path}.damaged-{number}"):
        number += 1
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(path + suffix):
            os.rename(path + suffix, f"{path}.damaged-{number}{suffix}")
    return f"the state file was damaged ({error}) and set aside as {path}.damaged-{number}; containers are only grown until a day is known again"
