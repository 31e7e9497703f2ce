# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``policy`` of the configuration: every constant of the policy, with its unit in its name, its limits and its source."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...units import DAY_SECONDS, HOUR_SECONDS
from .basic import BasicSettings
from .cpu import CpuSettings
from .kinds import choice, number, of_node, switch, whole
from .memory import MemorySettings
from .swap import SwapSettings

# So many times of our own changes are remembered of a container; no budget can be larger.
LARGEST_CHANGES_PER_DAY = 288


# The file's order is that of the bases from right to left, and then what stands here.
@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings(SwapSettings, MemorySettings, CpuSettings, BasicSettings):
    """How one container is sized; ``metadata["about"]`` of each field says what it is for.

    Sources: "traces" were chosen by replaying real load traces, docs/sizing.md says how; "safety" are the rules of docs/policy.md that
    came from trying things on Proxmox VE 9.2. Windows are in seconds, never in steps, so a timer of 60 s and one of 300 s mean the same.
    """

    # Season, boost and hours in which energy is saved. Source: the season bought nothing on the traces, so it is off; safety.
    season: str = field(
        default="none", metadata=choice(("none", "weekly"), "Whether what comes back at the same time of the week is met before it begins: for nightly jobs.")
    )
    season_ahead_seconds: float = field(default=900.0, metadata=number(0, 6 * HOUR_SECONDS, "How long before it begins."))
    season_fade: float = field(default=0.5, metadata=number(0, 1, "What was seen a week ago and does not come back counts by this share from then on."))
    boost_longest_seconds: float = field(default=7 * DAY_SECONDS, metadata=number(60, 30 * DAY_SECONDS, "Longest time of a boost."))
    give_back_seconds: float = field(
        default=6 * HOUR_SECONDS, metadata=number(0, 30 * DAY_SECONDS, "How long after energy hours it is tried to give back what they took.")
    )

    # Node. Source: traces.
    host_memory_reserve_share: float = field(default=0.05, metadata=of_node(number(0, 0.9, "Share of the node's memory that growth never touches.")))
    host_memory_reserve_mib: int = field(default=0, metadata=of_node(whole(0, 16777216, "The same in MiB; the larger of the two holds.")))
    host_memory_pressure_percent: float = field(
        default=1.0, metadata=of_node(number(0, 100, "Above this memory pressure of the node (PSI full over 5 minutes) it counts as short of memory."))
    )
    failover_reserve_share: float = field(
        default=0.0,
        metadata=of_node(number(0, 0.9, "Share of the node's memory that growth leaves free for the guests of a node that fails, beside the reserve.")),
    )
    ballooning_target_share: float | None = field(
        default=None,
        metadata=of_node(
            number(0.1, 1, "Growth keeps the node's use below this share; default: the node's own target where virtual machines balloon, else none.")
        ),
    )
    overcommit_ratio: float | None = field(
        default=None,
        metadata=of_node(number(0.1, 64, "Largest sum of the limits of all running guests, as a share of the node's memory; default: no such budget.")),
    )
    weight: float = field(default=1.0, metadata=number(0.01, 100, "On a node that is short: weight of this container's need against the others'."))

    # Disruption. Source: safety.
    changes_per_hour: int = field(
        default=12, metadata=whole(1, LARGEST_CHANGES_PER_DAY, "Largest number of changes of one container in an hour; emergencies are exempt.")
    )
    changes_per_day: int = field(default=96, metadata=whole(1, LARGEST_CHANGES_PER_DAY, "The same in a day."))
    cycle_changes: int = field(default=50, metadata=of_node(whole(1, 100000, "Largest number of containers that one cycle changes; emergencies are exempt.")))
    cycle_memory_mib: int | None = field(
        default=None, metadata=of_node(whole(16, 16777216, "Largest sum of memory that one cycle gives and takes; emergencies are exempt; default: no limit."))
    )

    # Root file system. Source: safety.
    grow_rootfs: bool = field(default=False, metadata=switch("Whether the root file system is grown before it is full; it can never be made smaller again."))
    rootfs_above_share: float = field(default=0.85, metadata=number(0.1, 1, "It is only grown while more than this share of it is used."))
    rootfs_full_share: float = field(default=0.95, metadata=number(0.1, 1, "At this share it counts as full."))
    rootfs_full_within_seconds: float = field(
        default=3 * DAY_SECONDS, metadata=number(0, 90 * DAY_SECONDS, "It is grown when it will be full within this time, or is.")
    )
    rootfs_trend_seconds: float = field(
        default=7 * DAY_SECONDS, metadata=number(DAY_SECONDS, 90 * DAY_SECONDS, "When that is follows from how its use rose in this time.")
    )
    rootfs_least_trend_seconds: float = field(
        default=DAY_SECONDS, metadata=number(HOUR_SECONDS, 90 * DAY_SECONDS, "Of one observed for less nobody knows that; it is only grown when it is full.")
    )
    rootfs_step_share: float = field(default=0.10, metadata=number(0.01, 4, "It grows by this share of its size."))
    rootfs_least_step_mib: int = field(default=2048, metadata=whole(64, 16777216, "It grows by this much at least."))
    rootfs_pause_seconds: float = field(default=HOUR_SECONDS, metadata=number(60, 30 * DAY_SECONDS, "Time between two growths, and after one that failed."))
    cycle_rootfs: int = field(default=5, metadata=of_node(whole(1, 1000, "Largest number of root file systems that one cycle grows, the fullest first.")))
    storage_reserve_share: float = field(default=0.10, metadata=number(0, 0.9, "Share of a storage that this growth leaves free."))
