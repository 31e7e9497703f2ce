# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One command of a check: its output goes to the step's log while it runs, its input is empty, and it cannot run for ever."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import shlex
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import IO

from . import places

TIMEOUT_SECONDS = 900.0
_TIMED_OUT = 124  # as timeout(1) answers


class _Running:
    """The process groups that run, so that a thread can stop those of others; whoever comes too late is not started."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: set[int] = set()
        self._is_over = False

    def start(self, words: Sequence[str], cwd: pathlib.Path, environment: Mapping[str, str], output: IO[str]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._is_over:
                raise KeyboardInterrupt
            process = subprocess.Popen(
                words, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
            self._groups.add(process.pid)
            return process

    def forget(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._groups.discard(process.pid)

    def stop(self) -> None:
        with self._lock:
            self._is_over = True
            for group in self._groups:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)


_running = _Running()


def stop_commands() -> None:
    """Kill the commands of all threads with their children and let no further one start: the user has had enough."""
    _running.stop()


@dataclasses.dataclass(frozen=True)
class Finished:
    """How a command ended.

    Attributes:
        returncode: exit status; negative for a signal, 124 when it was stopped for taking too long.
        output: standard output and standard error, in the order they came.
    """

    returncode: int
    output: str

    @property
    def is_ok(self) -> bool:
        return self.returncode == 0


def run_command(
    arguments: Sequence[str | os.PathLike[str]],
    log: pathlib.Path,
    *,
    cwd: pathlib.Path = places.ROOT,
    environment: Mapping[str, str] | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Finished:
    """Run a command to its end, and all that it started with it.

    Args:
        arguments: the command and its arguments; no shell.
        log: file to which the command line and the output are appended.
        cwd: folder to run it in.
        environment: all its environment variables; by default those of places.tool_environment().
        timeout_seconds: after this time the command and its children are killed.
    """
    words = [os.fspath(argument) for argument in arguments]
    with open(log, "a", encoding="utf-8", errors="replace") as output:
        output.write(f"$ {shlex.join(words)}\n")
        output.flush()
        start = output.tell()
        process = _running.start(
            words,
            cwd=cwd,
            environment=places.tool_environment() if environment is None else environment,
            output=output,
        )
        try:
            returncode = process.wait(timeout=timeout_seconds)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            returncode = _TIMED_OUT
        finally:
            _running.forget(process)
    text = log.read_bytes()[start:].decode("utf-8", errors="replace")
    with open(log, "a", encoding="utf-8") as output:
        reason = f", stopped after {timeout_seconds:.0f} s" if returncode == _TIMED_OUT else ""
        output.write(f"[exit status {returncode}{reason}]\n")
    return Finished(returncode, text)
