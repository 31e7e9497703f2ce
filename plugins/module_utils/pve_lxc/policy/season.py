# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's week: the highest use of each half hour, so that what comes back at the same time can be met before it begins.

Half hours are those of UTC, so a job at a fixed local time moves by an hour twice a year and is learnt anew within days. The week is only ever used
to raise. It is kept for those containers only whose ``policy.season`` is ``weekly``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .settings.policy import PolicySettings

SLOT_SECONDS = 1800.0
_DAY_SLOTS = 48
WEEK_SLOTS = 7 * _DAY_SLOTS


@dataclass(frozen=True, slots=True)
class WeekOfUse:
    """The highest use of one resource in each half hour of the week.

    Attributes:
        highest: one for each half hour, the first begins on Thursday 00:00 UTC, as 1970 did; empty when nothing is known.
        slot: number of the half hour entered last, counted from 1970.
        before: what was known of that half hour before it began this time.
    """

    highest: tuple[float, ...] = ()
    slot: float = 0.0
    before: float = 0.0

    def added(self, time_seconds: float, use: float, fade: float) -> WeekOfUse:
        """Return the week with a use entered.

        When a half hour comes again, what it was the last time counts by ``fade``: 4.0 cores a week ago and 1.0 now are max(0.5 * 4.0, 1.0) = 2.0.
        """
        slot = math.floor(time_seconds / SLOT_SECONDS)
        highest = self.highest or (0.0,) * WEEK_SLOTS
        index = slot % WEEK_SLOTS
        is_same = slot == self.slot
        known = highest[index] if is_same else fade * highest[index]
        before = self.before if is_same else highest[index]
        return WeekOfUse((*highest[:index], max(known, use), *highest[index + 1 :]), float(slot), before)

    def expected(self, time_seconds: float) -> float:
        """Return the highest use that is to be expected in the half hour of a moment.

        The larger of what was used in it a week ago, and of what was used at this time of day on two of the last seven days at least: 0.5, 3.0, 0.4,
        2.8, 0.5, 0.5 and 0.6 cores on the days before are 2.8.
        """
        if not self.highest:
            return 0.0
        slot = math.floor(time_seconds / SLOT_SECONDS)
        days = [self.highest[(slot + day * _DAY_SLOTS) % WEEK_SLOTS] for day in range(7)]
        if slot == self.slot:
            # What this half hour was a week ago stays in force until it is over, although it has begun to be entered anew.
            days[0] = max(days[0], self.before)
        return max(days[0], sorted(days)[-2])

    def to_dict(self) -> dict[str, Any]:
        """Return JSON's types, about 2 KiB of them."""
        return {"highest": [round(value, 3) for value in self.highest], "slot": self.slot, "before": round(self.before, 3)}

    @classmethod
    def from_dict(cls, values: Any) -> WeekOfUse:
        """Return the week of ``to_dict``; a damaged one is empty."""
        if not isinstance(values, Mapping) or not isinstance(values.get("highest"), list):
            return cls()
        numbers = [*values["highest"], values.get("slot"), values.get("before")]
        are_good = all(isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) for value in numbers)
        if not are_good or len(values["highest"]) not in (0, WEEK_SLOTS):
            return cls()
        return cls(tuple(map(float, values["highest"])), float(values["slot"]), float(values["before"]))


@dataclass(frozen=True, slots=True)
class Season:
    """The week of both resources.

    Attributes:
        cpu: in cores.
        memory: in MiB.
    """

    cpu: WeekOfUse = WeekOfUse()
    memory: WeekOfUse = WeekOfUse()


def learn_season(season: Season | None, time_seconds: float, cpu_cores: float | None, memory_mib: float | None, settings: PolicySettings) -> Season | None:
    """Return the season with what was measured entered; None where the container has none."""
    if settings.season == "none":
        return None
    known = season or Season()
    fade = settings.season_fade
    return Season(
        known.cpu if cpu_cores is None else known.cpu.added(time_seconds, cpu_cores, fade),
        known.memory if memory_mib is None else known.memory.added(time_seconds, memory_mib, fade),
    )


def expected_ahead(week: WeekOfUse, now: float, settings: PolicySettings) -> float:
    """Return the highest use to be expected now or shortly: at 01:50 with 15 minutes ahead it is that of 01:30 and of 02:00, the larger."""
    return max(week.expected(now), week.expected(now + settings.season_ahead_seconds))


def season_to_dict(season: Season | None) -> dict[str, Any] | None:
    """Return JSON's types."""
    return None if season is None else {"cpu": season.cpu.to_dict(), "memory": season.memory.to_dict()}


def season_from_dict(values: Any) -> Season | None:
    """Return the season of ``season_to_dict``; None when there is none."""
    return Season(WeekOfUse.from_dict(values.get("cpu")), WeekOfUse.from_dict(values.get("memory"))) if isinstance(values, Mapping) else None
