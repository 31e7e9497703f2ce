# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``bounds`` of the configuration."""

from __future__ import annotations

from dataclasses import dataclass, field

from .kinds import choice, number, switch, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundsSettings:
    """Between what and what a container may be sized; None means that it follows from what was found at adoption. Source: safety."""

    actuator: str = field(
        default="auto",
        metadata=choice(
            ("auto", "cpulimit", "cores", "both", "none"),
            "Which key carries the CPU; auto is cpulimit where it is set, else cores; both is cpulimit, and cores that follow it.",
        ),
    )
    min_cpu_cores: float = field(
        default=1.0, metadata=number(0.1, 8192, "Least CPU, in cores; a container that had less when it was adopted keeps that as its least.")
    )
    max_cpu_cores: float | None = field(default=None, metadata=number(0.1, 8192, "Largest CPU, in cores; default from the two shares below."))
    min_memory_mib: int | None = field(default=None, metadata=whole(16, 16777216, "Least memory; default from smallest_memory_mib and the baseline."))
    max_memory_mib: int | None = field(default=None, metadata=whole(16, 16777216, "Largest memory; default from the two shares below."))
    min_swap_mib: int | None = field(default=None, metadata=whole(0, 16777216, "Least swap, where size_swap is on; default: what was found at adoption."))
    max_swap_mib: int | None = field(
        default=None, metadata=whole(0, 16777216, "Largest swap, where size_swap is on; default: what was found at adoption, or the least if that is more.")
    )
    max_rootfs_mib: int | None = field(
        default=None, metadata=whole(64, 1073741824, "Largest root file system, where it is grown; default from largest_share_of_baseline.")
    )
    largest_share_of_baseline: float = field(default=2.0, metadata=number(1, 64, "Default maximum, as a share of what was found at adoption."))
    largest_share_of_node: float = field(
        default=0.5, metadata=number(0.01, 1, "Default maximum, as a share of the node; what was found at adoption stays allowed.")
    )
    smallest_share_of_baseline: float = field(default=0.5, metadata=number(0.01, 1, "Least memory, as a share of what was found at adoption."))
    smallest_memory_mib: int = field(default=128, metadata=whole(16, 65536, "Least memory of any container."))
    allow_below_half: bool = field(default=False, metadata=switch("Whether memory may go below that share of the baseline."))
