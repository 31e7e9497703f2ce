# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Worker tasks: they take real time, can fail, have a log and can be stopped.

Recorded on PVE 9.2.11, fixtures pve9/tasks.json and power.json.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .answer import TaskFailure

MAX_TASKS = 1000


@dataclass
class Task:
    """One worker.

    Attributes:
        user: user part of who started it; ``token_id`` is the token's own part or None.
        exit_status: ``OK`` or the error's text, None while it runs.
        log: lines so far; empty shows as ``no content``.
        interrupted: the line that a stop leaves in the log.
    """

    upid: str
    node: str
    pid: int
    pstart: int
    start_time: int
    type: str
    id: str
    user: str
    token_id: str | None
    exit_status: str | None = None
    end_time: int | None = None
    log: list[str] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None
    interrupted: str | None = None

    @property
    def owner(self) -> str:
        """Return who started it, as in the UPID."""
        return f"{self.user}!{self.token_id}" if self.token_id else self.user

    def to_dict(self) -> dict[str, object]:
        """Return the keys that status and list have in common."""
        shown: dict[str, object] = {
            "upid": self.upid,
            "node": self.node,
            "pid": self.pid,
            "pstart": self.pstart,
            "starttime": self.start_time,
            "type": self.type,
            "id": self.id,
            "user": self.user,
        }
        if self.token_id:
            shown["tokenid"] = self.token_id
        return shown


class TaskRegistry:
    """Starts tasks and remembers them, newest first."""

    def __init__(self, task_seconds: float, take_pid: Callable[[], int]) -> None:
        """Take how long an ordinary task runs, in real seconds."""
        self.task_seconds = task_seconds
        self._take_pid = take_pid
        self.tasks: dict[str, Task] = {}

    def start(
        self,
        node: str,
        task_type: str,
        object_id: str,
        owner: str,
        work: Callable[[Task], None],
        *,
        seconds: float | None = None,
        interrupted: str | None = None,
    ) -> str:
        """Start a worker and return its UPID.

        Args:
            work: what it does when its time is over; raises TaskFailure to fail.
            seconds: real seconds, None for the ordinary time.
            interrupted: the line that a stop leaves in the log.
        """
        now = int(time.time())
        pid = self._take_pid()
        pstart = int(time.monotonic() * 100) & 0xFFFFFFFF
        user, _separator, token_id = owner.partition("!")
        upid = f"UPID:{node}:{pid:08X}:{pstart:08X}:{now:08X}:{task_type}:{object_id}:{owner}:"
        task = Task(upid, node, pid, pstart, now, task_type, object_id, user, token_id or None, interrupted=interrupted)
        self.tasks = {upid: task, **self.tasks}
        while len(self.tasks) > MAX_TASKS:
            self.tasks.pop(next(reversed(self.tasks)))
        delay = self.task_seconds if seconds is None else seconds
        task.timer = asyncio.get_running_loop().call_later(delay, self._finish, task, work)
        return upid

    def add(self, upid: str, exit_status: str | None, end_time: int | None, log: list[str], interrupted: str | None = None) -> None:
        """Add a task of earlier: one that ended, or one that runs until it is stopped.

        The UPID holds node, pid, pstart, start time, type, id and owner, the numbers in hexadecimal digits.
        """
        _mark, node, pid, pstart, start, task_type, object_id, owner, _end = upid.split(":")
        user, _separator, token_id = owner.partition("!")
        task = Task(upid, node, int(pid, 16), int(pstart, 16), int(start, 16), task_type, object_id, user, token_id or None)
        task.exit_status, task.end_time, task.log, task.interrupted = exit_status, end_time, list(log), interrupted
        self.tasks = {**self.tasks, upid: task}

    def _finish(self, task: Task, work: Callable[[Task], None]) -> None:
        """Do the work and note how it ended."""
        try:
            work(task)
        except TaskFailure as failure:
            task.exit_status = str(failure)
            task.log.append(f"TASK ERROR: {failure}")
        else:
            task.exit_status = "OK"
            task.log.append("TASK OK")
        task.end_time = int(time.time())

    def stop(self, task: Task) -> None:
        """Interrupt a running task; what it would have done does not happen."""
        if task.exit_status is not None:
            return
        if task.timer is not None:
            task.timer.cancel()
        task.exit_status = "unexpected status"
        task.end_time = int(time.time())
        if task.interrupted is not None:
            task.log.append(task.interrupted)
