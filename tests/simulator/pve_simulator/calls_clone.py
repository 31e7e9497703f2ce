# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making and destroying containers: clone, create, destroy.

Recorded on PVE 9.2.11, fixtures pve9/clone.json, create.json and delete.json. The new id is taken in the call itself, so of two
callers with the same free id one is refused.
"""

from __future__ import annotations

import re
from dataclasses import replace

from .answer import ApiError, TaskFailure, died, forbidden
from .guest import Guest
from .guest_parts import GIB
from .lxc_options import CHANGE_PARAMETERS
from .parameters import FLAG, TEXT, VMID, Parameter, check_config_id, check_dns_name
from .power import shut_down
from .router import Call, route
from .tasks import Task
from .world import Storage

CLONE_PARAMETERS = {
    "newid": VMID,
    "bwlimit": Parameter("number", minimum=0),
    "description": TEXT,
    "full": FLAG,
    "hostname": Parameter(check=check_dns_name),
    "pool": TEXT,
    "snapname": Parameter(max_length=40, check=check_config_id),
    "storage": TEXT,
    "target": TEXT,
}
CREATE_EXTRAS = ("bwlimit", "force", "ha-managed", "ignore-unpack-errors", "password", "restore", "ssh-public-keys", "start", "storage", "unique")
CREATE_PARAMETERS = {
    **{name: option for name, option in CHANGE_PARAMETERS.items() if name not in ("delete", "revert", "digest")},
    **dict.fromkeys(CREATE_EXTRAS, TEXT),
    "vmid": VMID,
    "ostemplate": Parameter(required=True, max_length=255),
    "pool": TEXT,
}
DESTROY_PARAMETERS = {"force": FLAG, "purge": FLAG, "destroy-unreferenced-disks": FLAG}
NOT_CLONED = ("template", "lock", "parent", "snaptime")
EXT4_LOG = (
    "Creating filesystem with {blocks} 4k blocks and {inodes} inodes",
    "Filesystem UUID: {uuid}",
    "Superblock backups stored on blocks: ",
    "\t32768, 98304, 163840, 229376",
)


@route("POST", "/nodes/{node}/lxc/{vmid}/clone", parameters=CLONE_PARAMETERS, privileges=("/vms/{vmid}", ("VM.Clone",)))
def clone(call: Call) -> str:
    """Clone a container; a template without ``full`` is linked, anything else is copied in full."""
    values = call.values
    newid = int(values["newid"])
    pool = values.get("pool")
    world = call.core.world
    if pool is not None and pool not in world.pools:
        raise forbidden(f"pool '{pool}' does not exist")
    if not call.has(f"/vms/{newid}", "VM.Allocate") and not (pool and call.has(f"/pool/{pool}", "VM.Allocate")):
        raise forbidden(f"/vms/{newid}, VM.Allocate")
    target = values.get("target", call.node)
    if target not in world.nodes:
        raise died(f"no such cluster node '{target}'")
    source = call.guest()
    _require_free(call, newid)
    if source.lock is not None:
        raise died(f"CT is locked ({source.lock})")
    is_linked = source.is_template and values.get("full") != "1"
    storage = _target_storage(call, source, is_linked)
    config = _source_config(source, values.get("snapname"))
    if source.is_running and "snapname" not in values:
        raise died("Full clone of a running container is only possible from a snapshot")
    call.require(f"/storage/{storage.name}", "Datastore.AllocateSpace")
    made = _make_clone(call, source, config, storage, target)
    world.guests[newid] = made
    made_volume = source.config.get("rootfs", "").partition(",")[0]
    # Read in PVE::API2::LXC, clone_vm: whoever wants to clone the same source, or change it, meets this lock until the task ends.
    source.config["lock"] = "disk"

    def work(task: Task) -> None:
        source.config.pop("lock", None)
        task.log.append(f"creating a clone of container {source.vmid} with ID {newid}")
        if (text := call.core.faults.task_failure("vzclone")) is not None:
            world.guests.pop(newid, None)
            raise TaskFailure(f"clone failed: {text}")
        if is_linked:
            task.log.append(f"create linked clone of mount point rootfs ({made_volume})")
        else:
            task.log.append(f"create full clone of mountpoint rootfs ({made_volume})")
            task.log += _format_log(call, storage, newid, made.rootfs_bytes())
        made.config.pop("lock", None)

    return call.core.tasks.start(call.node, "vzclone", str(source.vmid), call.who or "", work)


def _require_free(call: Call, vmid: int) -> None:
    """Raise the 500 for an id that is taken."""
    taken = call.core.world.guests.get(vmid)
    if taken is not None:
        raise died(f"{'CT' if taken.type == 'lxc' else 'VM'} {vmid} already exists on node '{taken.node}'")


def _source_config(source: Guest, snapshot: str | None) -> dict[str, str]:
    """Return the configuration to clone."""
    if snapshot is None:
        return source.config
    if snapshot not in source.snapshots:
        raise died(f"snapshot '{snapshot}' does not exist")
    return source.snapshots[snapshot]


def _target_storage(call: Call, source: Guest, is_linked: bool) -> Storage:
    """Return the storage a clone goes to, with the refusals of both kinds of clone."""
    storages = call.core.world.storages
    volume = source.config.get("rootfs", "").partition(",")[0]
    own = storages[volume.partition(":")[0]]
    if is_linked:
        if "storage" in call.values:
            raise died("parameter 'storage' not allowed for linked clones")
        if not own.can_snapshot:
            raise died(f"Linked clone feature for '{volume}' is not available")
        return own
    wanted = call.values.get("storage", own.name)
    if wanted not in storages:
        raise died(f"storage '{wanted}' does not exist")
    return storages[wanted]


def _make_clone(call: Call, source: Guest, config: dict[str, str], storage: Storage, target: str) -> Guest:
    """Return the new container as it stands while the task copies: locked, with a volume and addresses of its own."""
    newid = int(call.values["newid"])
    own = {name: text for name, text in config.items() if name not in NOT_CLONED and name != "description"}
    size = re.search(r"size=[0-9.]+[KMGT]?", own.get("rootfs", "size=4G"))
    own["rootfs"] = f"{storage.name}:{newid}/vm-{newid}-disk-0.raw,{size[0] if size else 'size=4G'}"
    for name in own:
        if re.fullmatch(r"net[0-9]+", name):
            own[name] = re.sub(r"hwaddr=[0-9A-Fa-f:]+", f"hwaddr={new_address(call)}", own[name])
    own["lock"] = "create"
    for name in ("hostname", "description"):
        if name in call.values:
            own[name] = call.values[name].removesuffix("\n")
    return Guest(newid, target, config=own, pool=call.values.get("pool"), demand=replace(source.demand), raw_lxc=list(source.raw_lxc))


def new_address(call: Call) -> str:
    """Return a hardware address with Proxmox's prefix."""
    digits = call.core.world.random
    return "BC:24:11:" + ":".join(f"{digits.randrange(256):02X}" for _part in range(3))


def _format_log(call: Call, storage: Storage, vmid: int, size_bytes: int) -> list[str]:
    """Return the log lines of a new file system."""
    blocks = size_bytes // 4096
    digits = f"{call.core.world.random.getrandbits(128):032x}"
    uuid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    lines = [line.format(blocks=blocks, inodes=blocks // 4, uuid=uuid) for line in EXT4_LOG]
    if storage.plugin == "dir":
        lines.insert(0, f"Formatting '/var/lib/vz/images/{vmid}/vm-{vmid}-disk-0.raw', fmt=raw size={size_bytes} preallocation=off")
    return lines


@route("POST", "/nodes/{node}/lxc", parameters=CREATE_PARAMETERS)
def create(call: Call) -> str:
    """Create a container from an archive; one that does not exist fails in the task."""
    vmid = int(call.values["vmid"])
    pool = call.values.get("pool")
    if not call.has(f"/vms/{vmid}", "VM.Allocate") and not (pool and call.has(f"/pool/{pool}", "VM.Allocate")):
        raise forbidden("")
    _require_free(call, vmid)
    config = {"arch": "amd64", "ostype": "debian", "memory": "512", "swap": "512"}
    config |= {name: text for name, text in call.values.items() if name in CHANGE_PARAMETERS and name != "rootfs"}
    storage_name, _separator, size = call.values.get("rootfs", "local:4").partition(":")
    storage = call.core.world.storages.get(storage_name)
    if storage is None:
        raise died(f"storage '{storage_name}' does not exist")
    config["rootfs"] = f"{storage_name}:{vmid}/vm-{vmid}-disk-0.raw,size={size}G"
    made = Guest(vmid, call.node, config=config | {"lock": "create"}, pool=pool)
    call.core.world.guests[vmid] = made
    template = call.values["ostemplate"]

    def work(task: Task) -> None:
        task.log += _format_log(call, storage, vmid, int(float(size) * GIB))
        if template not in [volume for known in call.core.world.storages.values() for volume in known.templates]:
            call.core.world.guests.pop(vmid, None)
            task.log.append(f"volume '{template}' does not exist")
            raise TaskFailure(f"unable to create CT {vmid} - volume '{template}' does not exist")
        task.log.append(f"extracting archive '/var/lib/vz/template/cache/{template.rpartition('/')[2]}'")
        made.config.pop("lock", None)

    return call.core.tasks.start(call.node, "vzcreate", str(vmid), call.who or "", work)


@route("DELETE", "/nodes/{node}/lxc/{vmid}", parameters=DESTROY_PARAMETERS, privileges=("/vms/{vmid}", ("VM.Allocate",)))
def destroy(call: Call) -> str:
    """Destroy a container; a running one only by force."""
    guest = call.guest()
    refusal = _destroy_refusal(call, guest)
    if refusal is not None:
        raise refusal
    was_running = guest.is_running

    def work(task: Task) -> None:
        if was_running:
            task.log.append(f"forced to stop CT {guest.vmid} before destroying!")
            shut_down(call.core, guest)
        if call.values.get("purge") == "1":
            task.log.append(f"purging CT {guest.vmid} from related configurations..")
        call.core.world.guests.pop(guest.vmid, None)
        call.core.guest_changed(guest.vmid)

    return call.core.tasks.start(call.node, "vzdestroy", str(guest.vmid), call.who or "", work)


def _destroy_refusal(call: Call, guest: Guest) -> ApiError | None:
    """Return why a container may not be destroyed now."""
    if guest.config.get("protection") == "1":
        return died(f"can't remove CT {guest.vmid} - protection mode enabled")
    if guest.lock is not None and call.values.get("force") != "1":
        return died(f"CT is locked ({guest.lock})")
    if guest.is_running and call.values.get("force") != "1":
        return died(f"unable to destroy CT {guest.vmid} - container is running")
    return None
