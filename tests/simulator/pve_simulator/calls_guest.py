# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading containers: list, status, round-robin data, features, interfaces.

Recorded on PVE 9.2.11, fixtures pve9/lxc_list.json, status_current.json, rrddata.json, snapshot.json.
"""

from __future__ import annotations

import re

from .answer import died
from .guest import Guest
from .guest_parts import MIB
from .history import TIMEFRAMES, read_guest_rows
from .parameters import Parameter
from .router import Call, route

AUDIT = ("/vms/{vmid}", ("VM.Audit",))
HISTORY_PARAMETERS = {"timeframe": Parameter(required=True, choices=tuple(TIMEFRAMES)), "cf": Parameter(choices=("AVERAGE", "MAX"))}
GUEST_INDEX = (
    "config",
    "pending",
    "status",
    "vncproxy",
    "termproxy",
    "vncwebsocket",
    "spiceproxy",
    "migrate",
    "clone",
    "initlog",
    "rrd",
    "rrddata",
    "firewall",
)


def live_row(call: Call, guest: Guest) -> dict[str, object]:
    """Return a container's live figures as list and status show them; pressure is text and absent when it is stopped."""
    node = call.core.world.nodes[guest.node]
    cpus = guest.cpu_count(node.cpus)
    running = guest.is_running
    row: dict[str, object] = {
        "vmid": guest.vmid,
        "name": guest.config.get("hostname", f"CT{guest.vmid}"),
        "type": "lxc",
        "status": guest.status,
        "cpus": cpus,
        "cpu": guest.cpu_used_cores / cpus if running else 0,
        "mem": int(guest.levels.api_mib * MIB) if running else 0,
        "maxmem": int(guest.config.get("memory", "512")) * MIB,
        "swap": int(guest.levels.swap_mib * MIB) if running else 0,
        "maxswap": int(guest.config.get("swap", "0")) * MIB,
        "disk": guest.disk_bytes if running else 0,
        "maxdisk": guest.shown_disk_bytes(),
        "uptime": max(0, int(call.core.world.now - guest.started_at)) if running and guest.started_at is not None else 0,
        "diskread": 0,
        "diskwrite": 0,
        "netin": 0,
        "netout": 0,
    }
    for key in ("lock", "tags"):
        if key in guest.config:
            row[key] = guest.config[key]
    if guest.is_template:
        row["template"] = 1
    return row | _running_keys(guest) if running else row


def _running_keys(guest: Guest) -> dict[str, object]:
    """Return the keys that only a running container has."""
    pressure = guest.pressure
    return {
        "pid": guest.pid,
        "pressurecpusome": f"{pressure.cpu_some[10]:.2f}",
        "pressurecpufull": f"{pressure.cpu_some[10]:.2f}",
        "pressureiosome": "0.00",
        "pressureiofull": "0.00",
        "pressurememorysome": f"{pressure.memory_some[10]:.2f}",
        "pressurememoryfull": f"{pressure.memory_full[10]:.2f}",
    }


@route("GET", "/nodes/{node}/lxc")
def list_containers(call: Call) -> list[dict[str, object]]:
    """Return the containers the caller may see; nobody gets an error for lack of rights."""
    guests = call.core.world.guests_of(call.node)
    return [live_row(call, guest) for guest in guests if guest.type == "lxc" and call.has(f"/vms/{guest.vmid}", "VM.Audit")]


@route("GET", "/nodes/{node}/lxc/{vmid}")
def list_guest_index(call: Call) -> list[dict[str, object]]:
    """Return what lies below a container."""
    call.guest()
    return [{"subdir": name} for name in GUEST_INDEX]


@route("GET", "/nodes/{node}/lxc/{vmid}/status/current", privileges=AUDIT)
def read_status(call: Call) -> dict[str, object]:
    """Return a container's live figures."""
    guest = call.guest()
    managed: dict[str, object] = {"managed": int(guest.hastate is not None)}
    if guest.hastate is not None:
        managed["state"] = guest.hastate
    return live_row(call, guest) | {"ha": managed}


@route("GET", "/nodes/{node}/lxc/{vmid}/rrddata", parameters=HISTORY_PARAMETERS, privileges=AUDIT)
def read_history(call: Call) -> list[dict[str, object]]:
    """Return the round-robin rows of a timeframe."""
    guest = call.core.world.guests.get(call.vmid)
    if guest is None:
        path = f"/var/lib/rrdcached/db/pve-vm-9.0/{call.vmid}"
        raise died(f"RRD error: rrdcached@unix:/var/run/rrdcached.sock: rrd_fetch_r failed: opening '{path}': No such file or directory")
    return read_guest_rows(guest, call.values["timeframe"], call.core.world.now, call.values.get("cf", "AVERAGE"))


@route(
    "GET",
    "/nodes/{node}/lxc/{vmid}/feature",
    parameters={"feature": Parameter(required=True, choices=("snapshot", "clone", "copy")), "snapname": Parameter(max_length=40)},
    privileges=AUDIT,
)
def read_feature(call: Call) -> dict[str, object]:
    """Return whether the storage can do something; copying always works."""
    guest = call.guest()
    return {"hasFeature": int(call.values["feature"] == "copy" or storage_can_snapshot(call, guest))}


def storage_can_snapshot(call: Call, guest: Guest) -> bool:
    """Return whether the root file system's storage has snapshots."""
    storage = call.core.world.storages.get(guest.config.get("rootfs", "").partition(":")[0])
    return storage is not None and storage.can_snapshot


@route("GET", "/nodes/{node}/lxc/{vmid}/interfaces", privileges=AUDIT)
def list_interfaces(call: Call) -> list[dict[str, object]]:
    """Return the addresses of a running container, made from its configuration."""
    guest = call.guest()
    if not guest.is_running:
        return []
    rows: list[dict[str, object]] = [{"name": "lo", "hwaddr": "00:00:00:00:00:00", "inet": "127.0.0.1/8", "inet6": "::1/128"}]
    for option in sorted(guest.config):
        if re.fullmatch(r"net[0-9]+", option):
            parts = dict(part.partition("=")[::2] for part in guest.config[option].split(","))
            row: dict[str, object] = {"name": parts.get("name", "eth0"), "hwaddr": parts.get("hwaddr", "").lower()}
            address = parts.get("ip", "")
            if address not in ("", "dhcp", "manual"):
                row["inet"] = address
            rows.append(row)
    return rows
