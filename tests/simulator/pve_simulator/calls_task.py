# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls about worker tasks: status, log, list, stop.

Recorded on PVE 9.2.11, fixture pve9/tasks.json. In a list ``status`` holds the exit text; in a task's own status it is
``running`` or ``stopped`` and ``exitstatus`` appears only at the end.
"""

from __future__ import annotations

import re

from .answer import parameter_error
from .parameters import Parameter
from .router import Call, Reply, route
from .tasks import Task

UPID_PATTERN = re.compile(r"UPID:[^:\s]+:[0-9A-Fa-f]{8}:[0-9A-Fa-f]{8,9}:[0-9A-Fa-f]{8}:[^:\s]+:[^:\s]*:[^:\s]+:")
LIST_PARAMETERS = {
    "limit": Parameter("integer", minimum=0),
    "start": Parameter("integer", minimum=0),
    "errors": Parameter("boolean"),
    "vmid": Parameter("integer"),
    "since": Parameter("integer"),
    "until": Parameter("integer"),
    "source": Parameter(choices=("archive", "active", "all")),
    "typefilter": Parameter(),
    "userfilter": Parameter(),
    "statusfilter": Parameter(),
}


def _find_task(call: Call) -> Task:
    """Return the task of the path; somebody else's needs Sys.Audit on the node."""
    upid = call.path_values["upid"]
    if not UPID_PATTERN.fullmatch(upid):
        raise parameter_error({"upid": "unable to parse worker upid"})
    task = call.core.tasks.tasks.get(upid)
    owner = upid.split(":")[7]
    if owner != call.who and owner.partition("!")[0] != call.who:
        call.require(f"/nodes/{call.node}", "Sys.Audit")
    if task is None:
        raise parameter_error({"upid": "no such task"})
    return task


@route("GET", "/nodes/{node}/tasks/{upid}/status")
def read_task_status(call: Call) -> dict[str, object]:
    """Return whether a task runs, and how it ended."""
    task = _find_task(call)
    if task.exit_status is None:
        return task.to_dict() | {"status": "running"}
    return task.to_dict() | {"status": "stopped", "exitstatus": task.exit_status}


@route(
    "GET",
    "/nodes/{node}/tasks/{upid}/log",
    parameters={"start": Parameter("integer", minimum=0), "limit": Parameter("integer", minimum=0), "download": Parameter("boolean")},
)
def read_task_log(call: Call) -> Reply:
    """Return the lines of a task's log with their numbers; ``total`` stands beside ``data``."""
    lines = _find_task(call).log or ["no content"]
    start = int(call.values.get("start", "0"))
    limit = int(call.values.get("limit", "50")) or len(lines)
    rows = [{"n": number, "t": text} for number, text in enumerate(lines, start=1)]
    return Reply(rows[start : start + limit], {"total": len(lines)})


@route("DELETE", "/nodes/{node}/tasks/{upid}")
def stop_task(call: Call) -> None:
    """Interrupt a task."""
    task = _find_task(call)
    if task.owner != call.who:
        call.require(f"/nodes/{call.node}", "Sys.Modify")
    call.core.tasks.stop(task)


def _visible_tasks(call: Call, node: str | None) -> list[Task]:
    """Return the finished and running tasks the caller may see, newest first."""
    user = (call.who or "").partition("!")[0]
    found = [task for task in call.core.tasks.tasks.values() if node is None or task.node == node]
    return [task for task in found if task.user == user or call.has(f"/nodes/{task.node}", "Sys.Audit")]


def _is_wanted(call: Call, task: Task) -> bool:
    """Return whether a task passes the filters of a list call."""
    values = call.values
    return not (
        (values.get("errors") == "1" and task.exit_status in (None, "OK"))
        or ("vmid" in values and task.id != values["vmid"])
        or ("typefilter" in values and task.type != values["typefilter"])
        or ("userfilter" in values and values["userfilter"] not in task.user)
        or ("since" in values and task.start_time < int(values["since"]))
        or ("until" in values and task.start_time > int(values["until"]))
    )


@route("GET", "/nodes/{node}/tasks", parameters=LIST_PARAMETERS)
def list_tasks(call: Call) -> Reply:
    """Return finished tasks, or running ones with ``source=active``."""
    source = call.values.get("source", "archive")
    wanted = [task for task in _visible_tasks(call, call.node) if _is_wanted(call, task)]
    if source != "all":
        wanted = [task for task in wanted if (task.exit_status is None) == (source == "active")]
    start = int(call.values.get("start", "0"))
    limit = int(call.values.get("limit", "50"))
    rows = [task.to_dict() | _list_keys(task) for task in wanted[start : start + limit]]
    return Reply(rows, {"total": len(wanted)})


def _list_keys(task: Task) -> dict[str, object]:
    """Return what a list adds for a finished task."""
    return {} if task.exit_status is None else {"status": task.exit_status, "endtime": task.end_time}


@route("GET", "/cluster/tasks")
def list_cluster_tasks(call: Call) -> list[dict[str, object]]:
    """Return the newest tasks of every node."""
    rows: list[dict[str, object]] = []
    for task in _visible_tasks(call, None)[:25]:
        row = {key: value for key, value in task.to_dict().items() if key not in ("pid", "pstart")} | _list_keys(task)
        rows.append(row | ({"saved": "1"} if task.exit_status is not None else {}))
    return rows
