# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of containers. Recorded on PVE 9.2.11, fixture pve9/snapshot.json."""

from __future__ import annotations

from collections.abc import Callable

from .answer import TaskFailure, died
from .calls_guest import storage_can_snapshot
from .guest import Guest, to_json_value
from .parameters import FLAG, TEXT, Parameter, check_config_id
from .power import shut_down, start_work
from .router import Call, route
from .tasks import Task

SNAPSHOT = "/nodes/{node}/lxc/{vmid}/snapshot"
READ_PRIVILEGES = ("VM.Snapshot", "VM.Snapshot.Rollback", "VM.Audit")
NOT_IN_SNAPSHOT = ("description", "lock", "parent")


@route("GET", SNAPSHOT, privileges=("/vms/{vmid}", ("VM.Audit",)))
def list_snapshots(call: Call) -> list[dict[str, object]]:
    """Return the snapshots, and the present state as ``current``."""
    guest = call.guest()
    rows: list[dict[str, object]] = []
    for name in sorted(guest.snapshots):
        kept = {option: to_json_value(option, text) for option, text in guest.snapshots[name].items() if option in ("snaptime", "parent", "description")}
        rows.append({"name": name, "description": "", **kept})
    current: dict[str, object] = {"name": "current", "description": "You are here!", "digest": guest.digest(), "running": int(guest.is_running)}
    if "parent" in guest.config:
        current["parent"] = guest.config["parent"]
    return [*rows, current]


@route(
    "POST",
    SNAPSHOT,
    parameters={"snapname": Parameter(required=True, max_length=40, check=check_config_id), "description": TEXT},
    privileges=("/vms/{vmid}", ("VM.Snapshot",)),
)
def make_snapshot(call: Call) -> str:
    """Make a snapshot; a storage that cannot, or a name in use, fails in the task."""
    name = call.values["snapname"]
    if name == "current":
        raise died("unable to use snapshot name 'current' (reserved name)")
    guest = call.guest()

    def work(task: Task) -> None:
        if guest.lock is not None:
            raise TaskFailure(f"CT is locked ({guest.lock})")
        if not storage_can_snapshot(call, guest):
            raise TaskFailure("snapshot feature is not available")
        if name in guest.snapshots:
            raise TaskFailure(f"snapshot name '{name}' already used")
        kept = {option: text for option, text in guest.config.items() if option not in NOT_IN_SNAPSHOT}
        kept["snaptime"] = str(task.start_time)
        if call.values.get("description"):
            kept["description"] = call.values["description"]
        if "parent" in guest.config:
            kept["parent"] = guest.config["parent"]
        guest.snapshots[name] = kept
        guest.config["parent"] = name

    return _spawn(call, "vzsnapshot", work)


def _spawn(call: Call, task_type: str, work: Callable[[Task], None]) -> str:
    return call.core.tasks.start(call.node, task_type, str(call.vmid), call.who or "", work)


def _require_snapshot(guest: Guest, name: str) -> dict[str, str]:
    """Return a snapshot inside a task."""
    if name not in guest.snapshots:
        raise TaskFailure(f"snapshot '{name}' does not exist")
    return guest.snapshots[name]


@route("GET", SNAPSHOT + "/{snapname}/config", privileges=("/vms/{vmid}", READ_PRIVILEGES))
def read_snapshot(call: Call) -> dict[str, object]:
    """Return a snapshot's configuration."""
    guest = call.guest()
    name = call.path_values["snapname"]
    if name not in guest.snapshots:
        raise died(f"snapshot '{name}' does not exist")
    return {option: to_json_value(option, text) for option, text in guest.snapshots[name].items()}


@route("PUT", SNAPSHOT + "/{snapname}/config", parameters={"description": TEXT}, privileges=("/vms/{vmid}", ("VM.Snapshot",)))
def change_snapshot(call: Call) -> None:
    """Change a snapshot's description."""
    guest = call.guest()
    name = call.path_values["snapname"]
    if name not in guest.snapshots:
        raise died(f"snapshot '{name}' does not exist")
    if "description" in call.values:
        guest.snapshots[name]["description"] = call.values["description"]


@route(
    "POST",
    SNAPSHOT + "/{snapname}/rollback",
    parameters={"start": FLAG},
    privileges=("/vms/{vmid}", ("VM.Snapshot", "VM.Snapshot.Rollback")),
)
def roll_back(call: Call) -> str:
    """Go back to a snapshot; a running container is stopped and stays so unless ``start`` is 1."""
    guest = call.guest()
    name = call.path_values["snapname"]

    def work(task: Task) -> None:
        kept = _require_snapshot(guest, name)
        if guest.is_running:
            shut_down(call.core, guest)
        guest.config = {option: text for option, text in kept.items() if option not in ("snaptime", "description")} | {"parent": name}
        guest.pending.clear()
        guest.pending_delete.clear()
        if call.values.get("start") == "1":
            start_work(call.core, guest.node, guest.vmid)(task)

    return _spawn(call, "vzrollback", work)


@route("DELETE", SNAPSHOT + "/{snapname}", parameters={"force": FLAG}, privileges=("/vms/{vmid}", ("VM.Snapshot",)))
def delete_snapshot(call: Call) -> str:
    """Delete a snapshot; its children get its parent."""
    guest = call.guest()
    name = call.path_values["snapname"]

    def work(task: Task) -> None:
        parent = _require_snapshot(guest, name).get("parent")
        del guest.snapshots[name]
        for options in (guest.config, *guest.snapshots.values()):
            if options.get("parent") == name:
                options.pop("parent")
                if parent is not None:
                    options["parent"] = parent

    return _spawn(call, "vzdelsnapshot", work)
