# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Swap: never changed, but what was pushed out to it a moment ago is still wanted.

A container that is squeezed by its limit shows less use, not more: a part of what it wants has gone to the disk. So growth of its swap counts as pressure.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..model.usage import UsageSample
from .observation import HostState
from .settings.policy import PolicySettings


@dataclass(frozen=True, slots=True)
class SwapUse:
    """What is known of a container's swap.

    Attributes:
        mib: in use at the newest look.
        seen_seconds: of that look, seconds since 1970; 0 for never.
        growth_mib: by how much it grew in the newest interval; 0 where that is less than what counts.
    """

    mib: float = 0.0
    seen_seconds: float = 0.0
    growth_mib: float = 0.0


def learn_swap(swap: SwapUse, sample: UsageSample, host: HostState, settings: PolicySettings, longest_gap_seconds: float) -> SwapUse:
    """Return the swap with one interval entered: from 20 MiB to 120 MiB it grew by 100.

    Nothing is known of the growth after a gap, after a start, or at the first look; a few MiB are the kernel tidying up. On a node without swap (an
    installation on ZFS has none) nothing counts.

    Args:
        swap: before.
        sample: of the interval.
        host: says whether there is swap at all; where it cannot, growth itself says so.
        settings: validated.
        longest_gap_seconds: after which two looks have nothing to do with each other.
    """
    if sample.swap_mib is None or host.usage.swap_total_mib == 0.0:
        return SwapUse()
    gap = sample.time_seconds - swap.seen_seconds
    is_new_start = sample.uptime_seconds is not None and sample.uptime_seconds < gap
    growth = sample.swap_mib - swap.mib if 0 < gap <= longest_gap_seconds and not is_new_start else 0.0
    return SwapUse(sample.swap_mib, sample.time_seconds, growth if growth >= settings.memory_swap_growth_mib else 0.0)
