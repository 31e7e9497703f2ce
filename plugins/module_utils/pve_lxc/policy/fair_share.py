# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets what of a node that cannot give everybody what they want: first what each needs to live, then the rest by weight."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from .memory_guard import smallest_safe_memory_mib


@dataclass(frozen=True, slots=True)
class Claim:
    """What one container claims.

    Attributes:
        used_mib: what it uses now.
        wanted_mib: what it would be given on a node with room.
        weight: its priority; what is left is shared by weight times what each lacks.
    """

    used_mib: float
    wanted_mib: float
    weight: float = 1.0


def share_memory(claims: Mapping[int, Claim], budget_mib: float) -> dict[int, float]:
    """Return what each container is given in MiB; nobody's share depends on the order in which they are given.

    Everybody is first given what is safe to run with (1.05 times its use and 32 MiB, at most what it wants), in equal proportion if even that
    is too much; the rest goes to those who want more, by weight and by how much more, and what one cannot use to the others. Two of the same
    weight that use 100 and want 400 and 200 of 500 MiB: 137 each; the 226 left for 263 + 63 more wanted are 0.693 of it: 319.3 and 180.7.

    Args:
        claims: by vmid.
        budget_mib: what there is.

    Returns:
        vmid -> MiB, never above what is wanted, in sum never above the budget.
    """
    # In the order of the ids: a sum of floats depends on its order, and a share may not.
    claims = dict(sorted(claims.items()))
    floors = {vmid: min(float(smallest_safe_memory_mib(claim.used_mib)), claim.wanted_mib) for vmid, claim in claims.items()}
    needed = sum(floors.values())
    if needed > budget_mib:
        return {vmid: floor * budget_mib / needed for vmid, floor in floors.items()}
    lacks = {vmid: claim.wanted_mib - floors[vmid] for vmid, claim in claims.items() if claim.wanted_mib > floors[vmid]}
    granted, left = dict(floors), budget_mib - needed
    parts_left = sum(claims[vmid].weight * lack for vmid, lack in lacks.items())
    # The heaviest are filled first: whoever comes after takes what they leave.
    for vmid in sorted(lacks, key=lambda vmid: (-claims[vmid].weight, vmid)):
        part = claims[vmid].weight * lacks[vmid]
        more = min(lacks[vmid], left * part / parts_left) if parts_left > 0 else 0.0
        granted[vmid] += more
        left -= more
        parts_left -= part
    return granted


def share_growth(wanted_mib: Mapping[int, float], budget_mib: float, step_mib: int) -> dict[int, int]:
    """Return what each container may grow by: all they want if it fits, else the small ones first and the rest alike.

    With 300 MiB for growths of 64, 512 and 512: the first gets its 64, the others (300 - 64) / 2 = 118 each, rounded down to 96 in steps of 32.
    Nobody's share depends on the order in which they are given.

    Args:
        wanted_mib: vmid -> growth in MiB, above 0.
        budget_mib: what all may grow by together.
        step_mib: shares that are not the whole of what is wanted are multiples of it.

    Returns:
        vmid -> MiB, 0 for those that get nothing; in sum never above the budget.
    """
    left = budget_mib
    level = math.inf
    waiting = sorted(wanted_mib.values())
    for position, wanted in enumerate(waiting):
        even = left / (len(waiting) - position)
        if wanted > even:
            level = even
            break
        left -= wanted
    return {vmid: int(wanted) if wanted <= level else int(level // step_mib) * step_mib for vmid, wanted in wanted_mib.items()}
