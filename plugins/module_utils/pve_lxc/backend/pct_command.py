# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ``pct`` and ``pvesh`` on a node, with sudo where that is asked for, and raises what the API would have raised."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import CommandError, ProxmoxAPIError, ProxmoxConnectionError, ProxmoxTimeoutError
from ..ports import CommandRunner
from .pct_text import error_from_command

# A call of pct or pvesh takes 0.5 to 1 s, most of it Perl's start. Measured on PVE 9.2.11.
DEFAULT_TIMEOUT_SECONDS = 60.0
_VERBS = {"GET": "get", "PUT": "set", "POST": "create", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended.

    Attributes:
        argv: the command, without sudo.
        exit_code: 0, or not 0; the number says nothing more.
        output: standard output.
        error_output: standard error; with exit code 0 warnings at most.
    """

    argv: tuple[str, ...]
    exit_code: int
    output: str
    error_output: str


class NodeCommands:
    """Commands on one node; safe for threads if the runner is."""

    def __init__(self, runner: CommandRunner, *, uses_sudo: bool = False, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        """Keep the runner.

        Args:
            runner: where commands are run.
            uses_sudo: whether ``pct`` and ``pvesh`` are run by ``sudo -n``, which never asks for a password.
            timeout_seconds: of a command that is given no other deadline.
        """
        self._runner = runner
        self._prefix = ("sudo", "-n") if uses_sudo else ()
        self._timeout_seconds = timeout_seconds
        self._local_node = ""
        self._lock = threading.Lock()

    def is_local(self, node: str) -> bool:
        """Return whether the commands run on this node: ``pct`` knows the containers of its own node only."""
        return node == self.read_local_node()

    def read_local_node(self) -> str:
        """Return the name of the node that the commands run on; asked for once.

        Source: PVE::INotify, nodename: the host's name up to the first dot.

        Raises:
            ProxmoxAPIError: it cannot be read.
        """
        with self._lock:
            if not self._local_node:
                finished = self.run_plain(["uname", "-n"])
                name = finished.output.strip().split(".", 1)[0]
                if finished.exit_code != 0 or not name:
                    raise ProxmoxAPIError(f"uname -n does not say the node's name: {finished.error_output.strip() or finished.exit_code}")
                self._local_node = name
            return self._local_node

    def run_plain(self, argv: Sequence[str]) -> Finished:
        """Return how a command ended that needs no rights.

        Raises:
            ProxmoxConnectionError: it could not be run.
            ProxmoxTimeoutError: it did not end in time.
        """
        return self._run(argv, (), self._timeout_seconds, "GET", "")

    def try_pct(self, words: Sequence[object], *, method: str, path: str, timeout_seconds: float | None = None) -> Finished:
        """Return how ``pct`` with these words ended, well or not.

        Args:
            words: after ``pct``.
            method: HTTP verb of the call of the API that does the same, for errors.
            path: its path.
            timeout_seconds: None for the usual deadline.

        Raises:
            ProxmoxConnectionError: it could not be run, or the connection was lost.
            ProxmoxTimeoutError: it did not end in time; it may still be running.
        """
        return self._run(["pct", *map(str, words)], self._prefix, timeout_seconds or self._timeout_seconds, method, path)

    def run_pct(self, words: Sequence[object], *, method: str, path: str) -> str:
        """Return what ``pct`` with these words printed.

        Raises:
            ProxmoxAPIError: one of its kinds, as if the API had answered.
        """
        return require_zero(self.try_pct(words, method=method, path=path), method, path).output

    def run_pvesh(self, method: str, path: str, parameters: Mapping[str, Any], timeout_seconds: float | None = None) -> str:
        """Return what the call of the API printed by ``pvesh``, which reaches the whole cluster.

        Its exit code says nothing about a task that it started: ask the task.

        Raises:
            ProxmoxAPIError: one of its kinds, as if the API had answered.
        """
        argv = ["pvesh", _VERBS[method], path, *format_options(parameters), "--output-format", "json"]
        return require_zero(self._run(argv, self._prefix, timeout_seconds or self._timeout_seconds, method, path), method, path).output

    def request(self, method: str, path: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """Return the ``data`` that the API would have answered; as HttpTransport.request.

        Raises:
            ProxmoxAPIError: one of its kinds, or the output is no JSON.
        """
        output = self.run_pvesh(method, path, parameters or {})
        try:
            return json.loads(output) if output.strip() else None
        except ValueError as error:
            raise ProxmoxAPIError(f"pvesh {_VERBS[method]} {path} did not print JSON: {output[:80]!r}", method=method, path=path) from error

    def close(self) -> None:
        """Let go of the connection, if the runner holds one."""
        self._runner.close()

    def _run(self, argv: Sequence[str], prefix: Sequence[str], timeout_seconds: float, method: str, path: str) -> Finished:
        try:
            exit_code, output, error_output = self._runner.run([*prefix, *argv], timeout_seconds)
        except CommandError as error:
            if error.is_deadline:
                raise ProxmoxTimeoutError(str(error), is_sent=error.is_started, method=method, path=path) from error
            raise ProxmoxConnectionError(str(error), is_sent=error.is_started, method=method, path=path) from error
        return Finished(tuple(argv), exit_code, output, error_output)


def require_zero(finished: Finished, method: str, path: str) -> Finished:
    """Return it when it ended with 0.

    Raises:
        ProxmoxAPIError: one of its kinds, as if the API had answered.
    """
    if finished.exit_code != 0:
        raise error_from_command(finished.argv, finished.exit_code, finished.error_output, method=method, path=path)
    return finished


def format_options(parameters: Mapping[str, Any]) -> list[str]:
    """Return ``["--memory", "1024", "--force", "1"]``; None is left out, a list repeats its option, booleans become 1 and 0."""
    words = []
    for name, value in parameters.items():
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if item is not None:
                words += [f"--{name}", str(int(item)) if isinstance(item, bool) else str(item)]
    return words
