# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of Proxmox: most calls that take time answer with a UPID at once, and 200 is not success."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..clock import Clock
from ..errors import ProxmoxAPIError, ProxmoxTaskError, ProxmoxTimeoutError
from ..model.task import TaskResult

FIRST_INTERVAL_SECONDS = 0.1
LONGEST_INTERVAL_SECONDS = 2.0
INTERVAL_GROWTH = 1.5
LOG_TAIL_LINES = 10
# A log is asked for in one piece; Proxmox returns 50 lines unless told otherwise.
LOG_LIMIT_LINES = 5000

Request = Callable[..., Any]
"""``(method, path, parameters) -> data``, as HttpTransport.request."""


def parse_upid_node(upid: str) -> str:
    """Return the node of ``UPID:pve1:000012B7:0003E3BA:6B037050:vzstart:103:admin@pve!adm:``: ``pve1``.

    Raises:
        ProxmoxAPIError: it is no UPID.
    """
    parts = upid.split(":") if isinstance(upid, str) else []
    if len(parts) < 8 or parts[0] != "UPID":
        raise ProxmoxAPIError(f"Proxmox answered {upid!r} where a task id (UPID) was expected")
    return parts[1]


def wait_for_task(request: Request, upid: str, *, clock: Clock, timeout_seconds: float) -> TaskResult:
    """Ask for a task's status until it has stopped, at intervals that grow from 0.1 s to 2 s.

    ``WARNINGS: n`` is success with warnings. A task of which nothing more is heard is not a failed one.

    Args:
        request: sends one request.
        upid: the task.
        clock: monotonic time and waiting.
        timeout_seconds: how long to wait at most; the task itself goes on afterwards.

    Raises:
        ProxmoxTaskError: it ended with anything but ``OK`` or warnings; carries the last lines of its log.
        ProxmoxTimeoutError: it still runs; carries the last state seen.
        ProxmoxAPIError: its status could not be read.
    """
    path = f"/nodes/{parse_upid_node(upid)}/tasks/{upid}"
    deadline = clock.monotonic() + timeout_seconds
    interval = FIRST_INTERVAL_SECONDS
    while True:
        status = request("GET", f"{path}/status")
        if status.get("status") == "stopped":
            return _read_end(request, path, upid, str(status.get("exitstatus") or ""))
        if clock.monotonic() + interval > deadline:
            raise ProxmoxTimeoutError(f"task {upid} did not end within {timeout_seconds:g} s; last state: {status.get('status')}", path=path)
        clock.sleep(interval)
        interval = min(interval * INTERVAL_GROWTH, LONGEST_INTERVAL_SECONDS)


def _read_end(request: Request, path: str, upid: str, exit_status: str) -> TaskResult:
    if exit_status == "OK":
        return TaskResult(upid, exit_status)
    lines = _read_log(request, path)
    if exit_status.startswith("WARNINGS"):
        return TaskResult(upid, exit_status, tuple(line for line in lines if line.startswith("WARN")))
    tail = lines[-LOG_TAIL_LINES:]
    raise ProxmoxTaskError(f"task {upid} failed: {exit_status}", upid=upid, exit_status=exit_status, log_tail=tail)


def _read_log(request: Request, path: str) -> tuple[str, ...]:
    """Return the log's lines, or none where they may not be read: the exit status is known either way."""
    try:
        rows = request("GET", f"{path}/log", {"start": 0, "limit": LOG_LIMIT_LINES})
    except ProxmoxAPIError:
        return ()
    return tuple(str(row.get("t", "")) for row in rows or [])
