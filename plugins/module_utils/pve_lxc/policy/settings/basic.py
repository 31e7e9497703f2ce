# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a container is sized at all, when a measurement counts, and when a container is left alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...units import DAY_SECONDS, HOUR_SECONDS
from .kinds import choice, number, switch, whole

# A cycle may be late once and miss once.
_LONGEST_GAP_INTERVALS = 3.0


@dataclass(frozen=True, kw_only=True)
class BasicSettings:
    """Time, algorithm and preset; whose measurements and whose values count."""

    interval_seconds: float = field(
        default=60.0, metadata=number(5, HOUR_SECONDS, "Time between two cycles; longer gaps than three of these do not count as history.")
    )

    algorithm: str = field(
        default="demand",
        metadata=choice(("demand", "threshold"), "How a container is sized: by what it will need, or by LXC AutoScale's rule (section threshold)."),
    )

    preset: str = field(
        default="balanced",
        metadata=choice(("safe", "balanced", "lean"), "Sets cpu_tolerance and memory_kill_worth_hours at once; either may still be set beside it."),
    )

    # When a measurement counts. Source: safety.
    stale_after_seconds: float = field(
        default=20.0, metadata=number(10, HOUR_SECONDS, "An uptime that has not advanced since a read this long ago makes the figures stale.")
    )
    stale_record_seconds: float = field(
        default=120.0,
        metadata=number(60, HOUR_SECONDS, "The same where there was no such read: figures whose newest record is older than this. Only over the API."),
    )
    learn_after_uptime_seconds: float = field(
        default=300.0, metadata=number(0, DAY_SECONDS, "A container younger than this is left alone and nothing is learnt from it.")
    )
    grow_only_uptime_seconds: float = field(default=900.0, metadata=number(0, DAY_SECONDS, "A container younger than this is only grown."))
    grow_only_history_seconds: float = field(
        default=DAY_SECONDS, metadata=number(0, 30 * DAY_SECONDS, "A container observed for less than this is only grown.")
    )
    operator_pause_seconds: float = field(
        default=DAY_SECONDS, metadata=number(0, 30 * DAY_SECONDS, "Pause after somebody else changed the container's CPU or memory, and after a rollback.")
    )

    contested_reversals: int = field(
        default=2, metadata=whole(1, 10, "So many times somebody may set our values back; then theirs are kept until they are released.")
    )
    contested_window_seconds: float = field(default=DAY_SECONDS, metadata=number(0, 30 * DAY_SECONDS, "Within this time, the pauses in between not counted."))
    on_stop: str = field(
        default="baseline",
        metadata=choice(("baseline", "keep"), "What a container that is found stopped gets: what it had at adoption, for its start; or what it has."),
    )
    cpu_settle_seconds: float = field(
        default=20.0, metadata=number(0, 3600, "No CPU figure is believed for this long after its CPU was changed: Proxmox shows a share of the old one.")
    )
    cpu_grow_only: bool = field(default=False, metadata=switch("Whether CPU is never lowered."))
    memory_grow_only: bool = field(default=False, metadata=switch("Whether memory is never lowered: for programs that size themselves at their start."))

    @property
    def longest_gap_seconds(self) -> float:
        """Return after how long what lies between two looks was not observed: three intervals, 180 s for cycles of 60 s."""
        return _LONGEST_GAP_INTERVALS * self.interval_seconds
