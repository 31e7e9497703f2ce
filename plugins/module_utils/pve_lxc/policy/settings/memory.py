# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How memory is sized. Source: traces, see policy; the vetoes: safety."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...units import DAY_SECONDS, HOUR_SECONDS
from .kinds import number, switch, whole


@dataclass(frozen=True, kw_only=True)
class MemorySettings:
    """What is known of the use of memory, what follows from it, and when nothing is taken away."""

    memory_recent_window_seconds: float = field(default=HOUR_SECONDS, metadata=number(60, DAY_SECONDS, "The highest use within this window is always served."))
    memory_recent_margin: float = field(default=1.03, metadata=number(1, 3, "Factor on the highest use of that window, and on the present use."))
    memory_long_window_seconds: float = field(
        default=7 * DAY_SECONDS, metadata=number(HOUR_SECONDS, 60 * DAY_SECONDS, "How long the largest rise is remembered.")
    )
    memory_kill_worth_hours: float = field(
        default=50.0,
        metadata=number(1, 10000, "So many hours of all its memory lying idle are as bad as one kill: 120 is safe, 50 balanced, 18 lean."),
    )
    memory_surprise_margin: float = field(default=1.8, metadata=number(1, 5, "Factor on a surprise of the past: the next may be larger."))
    memory_surprise_half_life_seconds: float = field(
        default=7 * DAY_SECONDS, metadata=number(HOUR_SECONDS, 60 * DAY_SECONDS, "A surprise this old counts half.")
    )
    memory_general_hours: float = field(
        default=200.0, metadata=number(1, 10000, "What is known of containers in general counts as so many hours of a container's own history.")
    )
    memory_rise_window_seconds: float = field(default=300.0, metadata=number(60, DAY_SECONDS, "A rise is the present use less the least use of this window."))
    memory_near_limit_share: float = field(default=0.97, metadata=number(0.5, 1, "At this share of its limit a container gets more memory."))
    memory_near_limit_growth: float = field(default=1.15, metadata=number(1, 4, "Factor on the limit of such a container."))
    memory_oom_growth: float = field(default=2.0, metadata=number(1.1, 8, "Factor on the limit after the container's own limit killed a process."))
    memory_oom_least_growth_mib: int = field(default=128, metadata=whole(16, 65536, "Least growth after such a kill."))
    memory_oom_hold_seconds: float = field(
        default=DAY_SECONDS, metadata=number(0, 30 * DAY_SECONDS, "No memory is taken away for this long after such a kill.")
    )
    memory_oom_answers: int = field(
        default=2, metadata=whole(1, 10, "So many kills are answered within that time; then it is called a leak and left to people.")
    )
    memory_shrink_wait_seconds: float = field(
        default=6 * HOUR_SECONDS, metadata=number(0, 30 * DAY_SECONDS, "Memory is lowered only to the largest target of this window.")
    )
    memory_grow_least_share: float = field(default=0.04, metadata=number(0, 1, "Memory that grows grows by this share of the limit at least."))
    memory_shrink_band: float = field(default=0.08, metadata=number(0, 0.9, "Memory is lowered only if the target is this share below the limit."))
    memory_shrink_largest_step: float = field(default=0.25, metadata=number(0.01, 0.9, "Largest share of the limit that is taken away at once."))
    memory_shrink_pause_seconds: float = field(default=600.0, metadata=number(0, DAY_SECONDS, "Time between two takings, in which pressure would show."))
    memory_pressure_percent: float = field(
        default=1.0, metadata=number(0, 100, "No memory is taken away above this memory pressure (PSI some), or at any PSI full.")
    )
    memory_probation_seconds: float = field(
        default=600.0, metadata=number(0, DAY_SECONDS, "So long it is watched whether memory that was taken away is missed; 0 switches that off.")
    )
    memory_probation_refaults_per_second: float = field(
        default=100.0, metadata=number(0, 1e6, "It is missed when so many more file pages per second are read again than before.")
    )
    memory_probation_pressure_percent: float = field(default=1.0, metadata=number(0, 100, "It is missed when its memory pressure (PSI some) is above this."))
    memory_probation_swap_ins_per_second: float = field(
        default=1.0, metadata=number(0, 1e6, "It is missed when so many more pages per second come back from swap than before.")
    )
    memory_probation_pause_seconds: float = field(
        default=DAY_SECONDS, metadata=number(0, 30 * DAY_SECONDS, "No memory is taken away for this long after it was missed; twice as long each time again.")
    )
    memory_probation_longest_pause_seconds: float = field(
        default=30 * DAY_SECONDS, metadata=number(0, 365 * DAY_SECONDS, "That pause gets no longer than this.")
    )
    memory_probation_forget_seconds: float = field(
        default=7 * DAY_SECONDS, metadata=number(HOUR_SECONDS, 365 * DAY_SECONDS, "So much quiet time after a pause undoes one doubling.")
    )
    memory_swap_growth_mib: float = field(
        default=16.0, metadata=number(0.1, 65536, "Growth of swap use within an interval that counts as memory pressure; less is the kernel tidying up.")
    )
    memory_step_mib: int = field(default=32, metadata=whole(1, 4096, "Step of memory."))
    allow_blind_shrink: bool = field(
        default=False, metadata=switch("Whether memory may be lowered by the API's figure, which leaves out shared memory and tmpfs.")
    )
