# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How CPU is sized. Source: traces, see policy."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...units import DAY_SECONDS, HOUR_SECONDS
from .kinds import number, switch


@dataclass(frozen=True, kw_only=True)
class CpuSettings:
    """What is known of the use of CPU, and what follows from it."""

    cpu_half_life_seconds: float = field(default=7 * DAY_SECONDS, metadata=number(HOUR_SECONDS, 30 * DAY_SECONDS, "A CPU sample this old counts half."))
    cpu_tolerance: float = field(
        default=1.0, metadata=number(0.1, 10, "Factor on the tolerated share of time above the limit: 0.4 is safe, 1 balanced, 4 lean.")
    )
    cpu_tolerance_per_use: float = field(
        default=0.15, metadata=number(0, 1, "Tolerated share of time for a container that uses all of its largest CPU on average.")
    )
    cpu_tolerance_smallest: float = field(default=0.003, metadata=number(0, 0.5, "Smallest tolerated share of time above the limit, before the factor."))
    cpu_tolerance_largest: float = field(default=0.05, metadata=number(0, 0.5, "Largest tolerated share of time above the limit, before the factor."))
    cpu_peak_share: float = field(default=0.7, metadata=number(0, 1, "How much of the distance from an interval's average to its peak counts as use."))
    cpu_head_room_half_life_seconds: float = field(
        default=DAY_SECONDS / 2,
        metadata=number(HOUR_SECONDS, 30 * DAY_SECONDS, "Head-room is learnt from rises above the recent use; one this old counts half."),
    )
    cpu_head_room_least_seconds: float = field(
        default=6 * HOUR_SECONDS, metadata=number(HOUR_SECONDS, 30 * DAY_SECONDS, "From less time than this no head-room is learnt.")
    )
    cpu_recent_window_seconds: float = field(default=600.0, metadata=number(60, DAY_SECONDS, "The highest use within this window is always served."))
    cpu_recent_margin: float = field(default=1.05, metadata=number(1, 3, "Factor on the highest use of that window."))
    cpu_saturated_share: float = field(
        default=0.98, metadata=number(0.5, 1, "At this share of its limit a container is saturated: it may want more than it can show.")
    )
    cpu_censored_share: float = field(default=0.985, metadata=number(0.5, 1, "At this share of the limit the use is not believed but entered higher."))
    cpu_pressure_percent: float = field(default=10.0, metadata=number(0, 100, "CPU pressure (PSI some) at which a busy container counts as saturated."))
    cpu_pressure_share: float = field(default=0.8, metadata=number(0.1, 1, "Share of the limit at which that pressure counts."))
    cpu_throttled_share: float = field(
        default=0.05, metadata=number(0.001, 1, "At this share of an interval's scheduling periods without quota left it is saturated too.")
    )
    cpu_saturation_growth: float = field(default=1.6, metadata=number(1.1, 10, "Factor on the limit of a saturated container that was never seen to use more."))
    cpu_saturation_share: float = field(
        default=0.5, metadata=number(0, 1, "Else it gets this quantile of what it used when it used more than its limit, within the two factors below.")
    )
    cpu_saturation_least_growth: float = field(default=1.05, metadata=number(1, 10, "Least factor on the limit then."))
    cpu_saturation_largest_growth: float = field(default=8.0, metadata=number(1.1, 64, "Largest factor on the limit then."))
    cpu_saturation_hold_seconds: float = field(default=900.0, metadata=number(0, DAY_SECONDS, "How long the answer to a saturation is kept."))
    cpu_saturation_waits: bool = field(
        default=False,
        metadata=switch("Whether what a saturated container was given and did not use is kept for cpu_shrink_wait_seconds too: calmer, with more idle."),
    )
    cpu_jump_to_maximum: bool = field(
        default=True, metadata=switch("Whether a saturated container goes straight to its largest CPU while the node has CPU to spare.")
    )
    cpu_jump_below_host_pressure_percent: float = field(
        default=25.0, metadata=number(0, 100, "The node has CPU to spare while its CPU pressure (PSI some) is below this.")
    )
    cpu_grow_band: float = field(
        default=0.10, metadata=number(0, 0.9, "For mere head-room CPU is not grown if the target is within this share (or one step) above the limit.")
    )
    cpu_grow_band_use_share: float = field(default=0.97, metadata=number(0, 1, "It is mere head-room while the recent use is below this share of the limit."))
    cpu_shrink_wait_seconds: float = field(default=3600.0, metadata=number(0, 30 * DAY_SECONDS, "CPU is lowered only to the largest target of this window."))
    cpu_shrink_band: float = field(default=0.21, metadata=number(0, 0.9, "CPU is lowered only if the target is this share below the limit."))
    cpu_step_cores: float = field(default=0.1, metadata=number(0.1, 8, "Step of cpulimit; cores are whole."))
