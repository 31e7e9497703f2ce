# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a run touches the world outside of its own memory, seen without the run's help, and a way to kill or stop it there.

Between two of these points a process only computes: whether it dies a moment sooner or later there, nobody can tell. So one kill at each point is
a kill at every boundary. They are seen where Python and SQLite themselves offer it, not in our code:

* locks and renames: audit events (`fcntl.flock`, `os.rename`);
* transactions: SQLite's trace of statements, which comes before a statement runs: `BEGIN IMMEDIATE` and `COMMIT`;
* requests: `http.client` before a request is put together, and again when it is sent and its answer is not yet read. Of what only reads the second
  is left out: to the outside it is the same as the first.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import sqlite3
import sys
from collections.abc import Callable
from typing import Any

# What a test wants to know stands in these; the answers of the server go through the first standard output.
_say_descriptor = os.dup(1)
_points: list[str] = []

_VERBS = {"INSERT OR REPLACE INTO": "", "INSERT INTO": "new ", "UPDATE": "end of ", "CREATE TABLE": "table "}


def say(values: dict[str, Any]) -> None:
    """Tell the test, past the run's own standard output."""
    os.write(_say_descriptor, json.dumps(values).encode() + b"\n")


def close() -> None:
    """Tell the points that the run has passed."""
    say({"points": _points})


def install(act: str | None, at: str | int | None, path_prefix: str) -> None:
    """Watch.

    Args:
        act: ``kill`` or ``stop``; None only to list the points.
        at: number of the point, from 0, or a regular expression that its name matches.
        path_prefix: renames are of interest below it only.
    """
    watch = _Watch(act, at)
    sys.addaudithook(_audit(watch, path_prefix))
    _watch_databases(watch)
    _watch_requests(watch)


class _Watch:
    """Counts points, and acts at one of them, once."""

    def __init__(self, act: str | None, at: str | int | None) -> None:
        self.act, self.at = act, at
        self.is_busy = False

    def __call__(self, name: str) -> None:
        if self.is_busy:
            return
        self.is_busy = True
        number = len(_points)
        _points.append(name)
        is_meant = number == self.at if isinstance(self.at, int) else self.at is not None and re.search(self.at, name) is not None
        if self.act and is_meant:
            say({"at": name, "number": number})
            if self.act == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            os.read(0, 1)
            self.act = None
        self.is_busy = False


def _audit(watch: _Watch, path_prefix: str) -> Callable[[str, tuple[Any, ...]], None]:
    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "fcntl.flock":
            watch("lock: before it is taken")
        elif event == "os.rename" and str(arguments[1]).startswith(path_prefix):
            watch(f"file: before {os.path.basename(str(arguments[1]))} is replaced")

    return hook


def _watch_databases(watch: _Watch) -> None:
    connect = sqlite3.connect

    def telling_connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        _watch_statements(watch, connection)
        return connection

    sqlite3.connect = telling_connect  # type: ignore[assignment]


def _watch_statements(watch: _Watch, connection: sqlite3.Connection) -> None:
    written: list[str] = []

    def trace(statement: str) -> None:
        if statement.startswith(("BEGIN", "COMMIT")):
            if statement.startswith("COMMIT"):
                watch(f"state: {' and '.join(dict.fromkeys(written)) or 'nothing'} written, before the commit")
                written.clear()
            else:
                watch("state: before a transaction")
        elif found := re.match(r"(INSERT OR REPLACE INTO|INSERT INTO|UPDATE|CREATE TABLE) (\w+)", statement.strip()):
            written.append(f"{_VERBS[found.group(1)]}{found.group(2)}")

    connection.set_trace_callback(trace)


def _watch_requests(watch: _Watch) -> None:
    """Replace two methods of the standard library by ones that tell."""
    put_request, get_response = http.client.HTTPConnection.putrequest, http.client.HTTPConnection.getresponse
    names: dict[int, str] = {}

    def telling_put_request(self: Any, method: str, url: str, *rest: Any, **more: Any) -> None:
        name = names[id(self)] = f"{method} {url.split('?')[0].removeprefix('/api2/json')}"
        watch(f"{name}: before it is sent")
        put_request(self, method, url, *rest, **more)

    def telling_get_response(self: Any, *rest: Any, **more: Any) -> Any:
        if not names[id(self)].startswith("GET"):
            watch(f"{names[id(self)]}: sent, not answered")
        return get_response(self, *rest, **more)

    http.client.HTTPConnection.putrequest = telling_put_request  # type: ignore[method-assign]
    http.client.HTTPConnection.getresponse = telling_get_response  # type: ignore[method-assign]
