# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the node can bear: all growth of a pass together, so that the order of containers never matters."""

from __future__ import annotations

import math
from collections.abc import Mapping

from .observation import HostState
from .settings import PolicySettings


def growth_budget_mib(host: HostState, settings: PolicySettings) -> float | None:
    """Return how much memory limits may grow in this pass; None when the node's free memory is not known.

    Free memory less the reserve: 6000 MiB free of 32000 with a reserve of 0.05 give 4400. The sum of limits is no budget, for limits above
    what is used take nothing from anybody.
    """
    available, total = host.usage.memory_available_mib, host.memory_total_mib
    if available is None or total is None:
        return None
    return max(0.0, available - max(settings.host_memory_reserve_share * total, settings.host_memory_reserve_mib))


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
