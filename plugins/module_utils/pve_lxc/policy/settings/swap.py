# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether and how swap is sized. Source: safety; how long lowering waits, and what forbids it, stands with memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from .kinds import number, switch, whole


@dataclass(frozen=True, kw_only=True)
class SwapSettings:
    """What is done with the limit of swap where the administrator has it sized."""

    size_swap: bool = field(default=False, metadata=switch("Whether swap is sized, from bounds.min_swap_mib to bounds.max_swap_mib, on a node that has any."))
    swap_near_limit_share: float = field(default=0.8, metadata=number(0.5, 1, "At this share of its limit swap is nearly full, and grows."))
    swap_head_room: float = field(
        default=1.5, metadata=number(1, 8, "Swap is grown and lowered to so many times its use, and so far that it is not nearly full.")
    )
    swap_shrink_band: float = field(default=0.5, metadata=number(0, 0.9, "Swap is lowered only to a size that is this share below the limit."))
    swap_step_mib: int = field(default=64, metadata=whole(1, 4096, "Step of swap; lowering leaves one of it free beside the head-room."))
