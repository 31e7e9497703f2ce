# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual machines of a node, as far as whether they balloon, and the node's own settings.

From the source of PVE 9.2 (qemu-server PVE/QemuServer.pm vmstatus, pve-manager PVE/NodeConfig.pm), not recorded.
"""

from __future__ import annotations

from .broadcast import guest_report
from .guest_parts import MIB
from .router import Call, route

_DEFAULT_SHARES = 1000


@route("GET", "/nodes/{node}/qemu")
def list_machines(call: Call) -> list[dict[str, object]]:
    """Return the virtual machines that the caller may see; one without rights gets an empty list."""
    world = call.core.world
    rows: list[dict[str, object]] = []
    for guest in world.guests_of(call.node):
        if guest.type != "qemu" or not call.has(f"/vms/{guest.vmid}", "VM.Audit"):
            continue
        row = {"vmid": guest.vmid, **guest_report(world, guest, world.now)}
        if "balloon" in guest.config:
            row |= {"balloon_min": int(guest.config["balloon"]) * MIB, "shares": int(guest.config.get("shares", _DEFAULT_SHARES))}
        rows.append(row)
    return rows


@route("GET", "/nodes/{node}/config", privileges=("/", ("Sys.Audit",)))
def read_node_config(call: Call) -> dict[str, object]:
    """Return the node's settings: what is not set is absent."""
    return dict(call.core.world.nodes[call.node].settings)
