# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether virtual machines of a node balloon, and above which share of its memory pvestatd takes memory from them.

Growth of containers beyond that share would be paid by the virtual machines. Source: PVE 9.2, qemu-server PVE/QemuServer.pm (vmstatus), pve-manager
PVE/Service/pvestatd.pm (auto_balloning) and PVE/NodeConfig.pm; read, not recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .pve_json import number_or_none

# What pvestatd aims at unless the node's configuration says otherwise, in per cent.
DEFAULT_TARGET_PERCENT = 80.0


def read_target_share(node: str, get: Callable[[str], Any]) -> float | None:
    """Return where ballooning begins, 0-1; None when no running virtual machine balloons.

    Args:
        node: whose.
        get: path -> Proxmox's data; raises a ProxmoxAPIError.
    """
    if not has_ballooning(get(f"/nodes/{node}/qemu")):
        return None
    return parse_target_share(get(f"/nodes/{node}/config"))


def has_ballooning(rows: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether a running virtual machine may be given less than its maximum: ``balloon_min`` below ``maxmem``, and ``shares`` not 0."""
    for row in rows:
        least, largest = number_or_none(row.get("balloon_min")), number_or_none(row.get("maxmem"))
        shares = number_or_none(row.get("shares"))
        if row.get("status") == "running" and least and largest is not None and least < largest and shares != 0:
            return True
    return False


def parse_target_share(config: Mapping[str, Any]) -> float:
    """Return the share of ``{"ballooning-target": 90}``: 0.9; 0.8 where it is not set."""
    percent = number_or_none(config.get("ballooning-target"))
    return (DEFAULT_TARGET_PERCENT if percent is None else percent) / 100.0
