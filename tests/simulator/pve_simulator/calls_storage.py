# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storages, and growing a container's disk. Recorded on PVE 9.2.11, fixtures pve9/storage.json and resize.json."""

from __future__ import annotations

import re

from .answer import ApiError, died, parameter_error
from .guest import SIZE_UNITS, format_volume_size, parse_volume_size
from .history import pick_rows
from .parameters import FLAG, TEXT, Parameter
from .router import Call, route
from .tasks import Task
from .world import Storage, World

DISKS = ("rootfs", *(f"mp{number}" for number in range(256)))
SIZE_PATTERN = re.compile(r"\+?\d+(?:\.\d+)?[KMGT]?")
RESIZE_PARAMETERS = {
    "disk": Parameter(required=True, choices=DISKS),
    "size": Parameter(required=True, pattern=SIZE_PATTERN),
    "digest": Parameter(max_length=40),
}
STORAGE_PRIVILEGES = ("Datastore.Audit", "Datastore.AllocateSpace")
BYTES_USED_PER_VOLUME = 36777984


@route("PUT", "/nodes/{node}/lxc/{vmid}/resize", parameters=RESIZE_PARAMETERS, privileges=("/vms/{vmid}", ("VM.Config.Disk",)))
def resize(call: Call) -> str:
    """Grow a disk; a smaller size and the size it has are refused."""
    guest = call.guest()
    disk, size = call.values["disk"], call.values["size"]
    if guest.lock is not None:
        raise died(f"CT is locked ({guest.lock})")
    if "digest" in call.values and call.values["digest"] != guest.digest():
        raise died("detected modified configuration - file changed by other user? Try again.")
    if disk not in guest.config:
        missing = "property is missing and it is not optional"
        raise ApiError(500, "format error", errors={"volume": missing, "mp": missing})
    storage = guest.config[disk].partition(":")[0]
    call.require(f"/storage/{storage}", "Datastore.AllocateSpace")
    present = parse_volume_size(guest.config[disk])
    match = re.fullmatch(r"(\+?)([0-9.]+)([KMGT]?)", size)
    given = int(float(match[2]) * SIZE_UNITS[match[3]]) if match else 0
    wanted = present + given if size.startswith("+") else given
    if wanted < present:
        raise died("unable to shrink disk size")
    if wanted == present:
        raise died("disk is already at specified size")

    def work(task: Task) -> None:
        task.log.append("Image resized.")
        guest.config[disk] = re.sub(r"size=[0-9.]+[KMGT]?", f"size={format_volume_size(wanted)}", guest.config[disk])

    return call.core.tasks.start(call.node, "resize", str(guest.vmid), call.who or "", work)


def _figures(storage: Storage) -> dict[str, object]:
    """Return the figures of a storage that list and status have in common."""
    free = storage.total_bytes - storage.used_bytes if storage.available_bytes is None else storage.available_bytes
    return {
        "type": storage.plugin,
        "content": ",".join(storage.content),
        "active": 1,
        "enabled": 1,
        "shared": int(storage.is_shared),
        "total": storage.total_bytes,
        "used": storage.used_bytes,
        "avail": free,
    }


@route("GET", "/nodes/{node}/storage", parameters={"content": TEXT, "enabled": FLAG, "format": FLAG, "storage": TEXT, "target": TEXT})
def list_storages(call: Call) -> list[dict[str, object]]:
    """Return the storages the caller may see."""
    rows: list[dict[str, object]] = []
    for storage in call.core.world.storages.values():
        is_wanted = call.values.get("storage", storage.name) == storage.name and call.values.get("content", storage.content[0]) in storage.content
        if is_wanted and call.has(f"/storage/{storage.name}", *STORAGE_PRIVILEGES):
            rows.append(_figures(storage) | {"storage": storage.name, "used_fraction": storage.used_bytes / storage.total_bytes})
    return rows


def _find_storage(call: Call) -> Storage:
    """Return the storage of the path."""
    storage = call.core.world.storages.get(call.path_values["storage"])
    if storage is None:
        raise parameter_error({"storage": "No such storage."})
    return storage


@route("GET", "/nodes/{node}/storage/{storage}/status", privileges=("/storage/{storage}", STORAGE_PRIVILEGES))
def read_storage_status(call: Call) -> dict[str, object]:
    """Return one storage's figures."""
    return _figures(_find_storage(call))


@route("GET", "/nodes/{node}/storage/{storage}/content", parameters={"content": TEXT, "vmid": TEXT}, privileges=("/storage/{storage}", STORAGE_PRIVILEGES))
def list_content(call: Call) -> list[dict[str, object]]:
    """Return the volumes and archives on a storage."""
    storage = _find_storage(call)
    rows = [*_volume_rows(call.core.world, storage, call.node), *_archive_rows(call.core.world, storage)]
    wanted = call.values.get("content")
    return [row for row in rows if wanted is None or row["content"] == wanted]


def _volume_rows(world: World, storage: Storage, node: str) -> list[dict[str, object]]:
    """Return the root file systems that lie on a storage."""
    rows: list[dict[str, object]] = []
    for guest in world.guests_of(node):
        volume = guest.config.get("rootfs", "").partition(",")[0]
        if guest.type == "lxc" and volume.partition(":")[0] == storage.name:
            form = "subvol" if volume.endswith(".subvol") else "raw"
            size = parse_volume_size(guest.config["rootfs"])
            used = BYTES_USED_PER_VOLUME if form == "raw" else 0
            rows.append(
                {"volid": volume, "vmid": guest.vmid, "content": "rootdir", "format": form, "size": size, "used": used, "parent": None, "ctime": int(world.now)}
            )
    return rows


def _archive_rows(world: World, storage: Storage) -> list[dict[str, object]]:
    """Return the container archives on a storage."""
    return [{"volid": volume, "content": "vztmpl", "format": "tgz", "size": 1072262, "ctime": int(world.now)} for volume in storage.templates]


@route(
    "GET",
    "/nodes/{node}/storage/{storage}/rrddata",
    parameters={"timeframe": Parameter(required=True, choices=("hour", "day", "week", "month", "year")), "cf": Parameter(choices=("AVERAGE", "MAX"))},
    privileges=("/storage/{storage}", STORAGE_PRIVILEGES),
)
def read_storage_history(call: Call) -> list[dict[str, object]]:
    """Return a storage's rows: the same figures as long as any guest has rows."""
    storage = _find_storage(call)
    newest = max((guest.minute_rows for guest in call.core.world.guests_of(call.node)), key=len, default=())
    figures: dict[str, object] = {"total": storage.total_bytes, "used": storage.used_bytes}
    return [{"time": int(time)} | (figures if row is not None else {}) for time, row in pick_rows(newest, call.values["timeframe"], call.core.world.now)]
