# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls about the cluster: resources, status, next free id, bulk power, high availability, pools.

Recorded on PVE 9.2.11: fixtures pve9/cluster_resources.json, cluster_status.json, nextid.json, pools.json. Bulk power and high
availability are from the source.
"""

from __future__ import annotations

from .answer import died, parameter_error
from .broadcast import is_report_old
from .guest import Guest
from .parameters import Parameter, check_vmid
from .power import shut_down, start_work
from .router import Call, route
from .tasks import Task

RESOURCE_TYPES = ("vm", "storage", "node", "sdn")
FIRST_FREE_VMID = 100
BULK_START = {"vms": Parameter("array"), "timeout": Parameter("integer", minimum=0), "max-workers": Parameter("integer", minimum=1, maximum=64)}
BULK_SHUTDOWN = {**BULK_START, "force-stop": Parameter("boolean")}


@route("GET", "/cluster/resources", parameters={"type": Parameter(choices=RESOURCE_TYPES)})
def list_resources(call: Call) -> list[dict[str, object]]:
    """Return what the caller may see; somebody without rights gets an empty list, not an error."""
    wanted = call.values.get("type")
    rows: list[dict[str, object]] = []
    if wanted is None:
        rows += [{"id": f"/pool/{pool}", "pool": pool, "type": "pool"} for pool in call.core.world.pools if call.has(f"/pool/{pool}", "Pool.Audit")]
    if wanted in (None, "vm"):
        rows += [guest_row(call, guest) for guest in call.core.world.guests.values() if call.has(f"/vms/{guest.vmid}", "VM.Audit")]
    if wanted in (None, "node"):
        rows += node_rows(call)
    if wanted in (None, "storage"):
        rows += storage_rows(call)
    if wanted in (None, "sdn") and call.has("/sdn/zones/localnetwork", "SDN.Audit", "SDN.Use"):
        rows += [_zone_row(node.name) for node in call.core.world.nodes.values() if node.is_listed]
    return rows


def _zone_row(node: str) -> dict[str, object]:
    return {"id": f"network/{node}/zone/localnetwork", "network": "localnetwork", "network-type": "zone", "node": node, "status": "ok", "type": "network"}


def guest_row(call: Call, guest: Guest) -> dict[str, object]:
    """Return a guest's row: pvestatd's last report, with tags, lock, pool and HA state of this moment."""
    world = call.core.world
    row: dict[str, object] = {"id": f"{guest.type}/{guest.vmid}", "node": guest.node, "type": guest.type, "vmid": guest.vmid}
    is_known = guest.broadcast is not None and world.nodes[guest.node].is_reachable and not is_report_old(world)
    row |= guest.broadcast if is_known and guest.broadcast is not None else {"status": "unknown"}
    for key, value in (("tags", guest.config.get("tags")), ("lock", guest.lock), ("hastate", guest.hastate)):
        if value is not None:
            row[key] = value
    if guest.pool is not None and call.has(f"/pool/{guest.pool}", "Pool.Audit"):
        row["pool"] = guest.pool
    return row


def node_rows(call: Call) -> list[dict[str, object]]:
    """Return the nodes as the resource list shows them; figures only with Sys.Audit."""
    world = call.core.world
    rows: list[dict[str, object]] = []
    for node in world.nodes.values():
        if not node.is_listed:
            continue
        row: dict[str, object] = {"id": f"node/{node.name}", "node": node.name, "type": "node", "status": "online" if node.is_reachable else "offline"}
        if node.hastate is not None:
            row["hastate"] = node.hastate
        if is_report_old(world) and node.is_reachable:
            row["status"] = "unknown"
        elif call.has(f"/nodes/{node.name}", "Sys.Audit") and node.is_reachable:
            row |= (node.broadcast or {}) | {"cgroup-mode": node.cgroup_mode}
        rows.append(row)
    return rows if any(call.privileges(f"/nodes/{node}") for node in world.nodes) or call.has("/", "Sys.Audit") else []


def storage_rows(call: Call) -> list[dict[str, object]]:
    """Return every storage once per node."""
    world = call.core.world
    return [
        {
            "id": f"storage/{node.name}/{storage.name}",
            "storage": storage.name,
            "node": node.name,
            "type": "storage",
            "plugintype": storage.plugin,
            "content": ",".join(storage.content),
            "shared": int(storage.is_shared),
            "status": "available" if node.is_reachable else "unknown",
            "disk": storage.used_bytes,
            "maxdisk": storage.total_bytes,
        }
        for node in world.nodes.values()
        for storage in world.storages.values()
        if node.is_listed and call.has(f"/storage/{storage.name}", "Datastore.Audit", "Datastore.AllocateSpace")
    ]


@route("GET", "/cluster/status", privileges=("/", ("Sys.Audit",)))
def read_cluster_status(call: Call) -> list[dict[str, object]]:
    """Return the cluster's row, where there is a cluster, and one row per node."""
    world = call.core.world
    nodes = [node for node in world.nodes.values() if node.is_listed]
    rows: list[dict[str, object]] = []
    if world.cluster_name is not None:
        rows.append({"type": "cluster", "id": "cluster", "name": world.cluster_name, "nodes": len(nodes), "quorate": int(world.quorate), "version": len(nodes)})
    for number, node in enumerate(nodes, start=1 if world.cluster_name is not None else 0):
        rows.append(
            {
                "type": "node",
                "id": f"node/{node.name}",
                "name": node.name,
                "nodeid": number,
                "ip": node.address,
                "online": int(node.is_reachable),
                "local": int(node.name == call.local_node),
                "level": "",
            }
        )
    return rows


@route("GET", "/cluster/nextid", parameters={"vmid": Parameter("integer", check=check_vmid)})
def next_id(call: Call) -> str:
    """Return the lowest free id as a text; nothing is reserved, so two callers may get the same."""
    guests = call.core.world.guests
    if "vmid" in call.values:
        if int(call.values["vmid"]) in guests:
            raise parameter_error({"vmid": f"VM {call.values['vmid']} already exists"})
        return call.values["vmid"]
    vmid = FIRST_FREE_VMID
    while vmid in guests:
        vmid += 1
    return str(vmid)


def _bulk_guests(call: Call) -> list[Guest]:
    """Return the guests of a bulk call; without ``vms``, or with an empty list, that is every guest, as in Proxmox VE."""
    given = [int(text) for text in call.values.get("vms", "").replace(";", ",").split(",") if text.strip()]
    guests = call.core.world.guests
    chosen = [guests[vmid] for vmid in given if vmid in guests] if given else list(guests.values())
    for guest in chosen:
        call.require(f"/vms/{guest.vmid}", "VM.PowerMgmt")
    return [guest for guest in chosen if not guest.is_template]


@route("POST", "/cluster/bulk-action/guest/start", parameters=BULK_START)
def bulk_start(call: Call) -> str:
    """Start many guests; those that run already are left out."""
    chosen = [guest for guest in _bulk_guests(call) if not guest.is_running]

    def work(task: Task) -> None:
        for guest in chosen:
            task.log.append(f"starting guest {guest.vmid}")
            start_work(call.core, guest.node, guest.vmid)(task)

    return call.core.tasks.start(call.local_node, "bulkstart", "", call.who or "", work)


@route("POST", "/cluster/bulk-action/guest/shutdown", parameters=BULK_SHUTDOWN)
def bulk_shutdown(call: Call) -> str:
    """Shut many guests down; force-stop is on unless it is sent as 0."""
    chosen = [guest for guest in _bulk_guests(call) if guest.is_running]
    force = call.values.get("force-stop", "1") == "1"

    def work(task: Task) -> None:
        for guest in chosen:
            task.log.append(f"stopping guest {guest.vmid}")
            if not guest.is_deaf_to_shutdown or force:
                shut_down(call.core, guest)

    return call.core.tasks.start(call.local_node, "bulkshutdown", "", call.who or "", work)


@route("GET", "/cluster/ha/resources", privileges=("/", ("Sys.Audit",)))
def list_ha_resources(call: Call) -> list[dict[str, object]]:
    """Return what high availability manages."""
    return [{"sid": sid, **resource} for sid, resource in sorted(call.core.world.ha_resources.items())]


@route("GET", "/cluster/ha/status/current", privileges=("/", ("Sys.Audit",)))
def read_ha_status(call: Call) -> list[dict[str, object]]:
    """Return the quorum row and one row per managed guest."""
    world = call.core.world
    rows: list[dict[str, object]] = [{"id": "quorum", "type": "quorum", "node": call.local_node, "quorate": int(world.quorate), "status": "OK"}]
    for guest in world.guests.values():
        if guest.hastate is not None:
            sid = f"{'ct' if guest.type == 'lxc' else 'vm'}:{guest.vmid}"
            rows.append({"id": f"service:{sid}", "type": "service", "sid": sid, "node": guest.node, "state": guest.hastate})
    return rows


@route("GET", "/pools", parameters={"poolid": Parameter(), "type": Parameter(choices=("qemu", "lxc", "storage"))})
def list_pools(call: Call) -> list[dict[str, object]]:
    """Return the pools the caller may see; with ``poolid`` one pool with its members."""
    world = call.core.world
    if "poolid" in call.values:
        return [_pool_with_members(call, call.values["poolid"])]
    visible = [pool for pool in world.pools if call.has(f"/pool/{pool}", "Pool.Audit")]
    return [{"poolid": pool, **({"comment": world.pools[pool]} if world.pools[pool] else {})} for pool in visible]


@route("GET", "/pools/{poolid}", privileges=("/pool/{poolid}", ("Pool.Audit",)))
def read_pool(call: Call) -> dict[str, object]:
    """Return one pool with its members."""
    return _pool_with_members(call, call.path_values["poolid"])


def _pool_with_members(call: Call, poolid: str) -> dict[str, object]:
    """Return a pool and its members' rows."""
    world = call.core.world
    if poolid not in world.pools:
        raise died(f"pool '{poolid}' does not exist")
    members = [guest_row(call, guest) for guest in world.guests.values() if guest.pool == poolid]
    for member in members:
        member.pop("pool", None)
    pool: dict[str, object] = {"poolid": poolid, "members": members}
    return pool | ({"comment": world.pools[poolid]} if world.pools[poolid] else {})
