# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The largest value of the last so many seconds, in bounded space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# A window keeps at most this many values: within one slot only the largest survives, stamped with the latest time, so that
# a value is remembered a little too long (by up to 1/32 of the window) and never too short.
SLOTS = 32


@dataclass(frozen=True, slots=True)
class WindowMaximum:
    """Those values of a window that are, or may still become, its largest.

    Attributes:
        window_seconds: how long a value counts.
        entries: ``(time, value)``, oldest first, values falling.
    """

    window_seconds: float
    entries: tuple[tuple[float, float], ...] = ()

    def added(self, time_seconds: float, value: float) -> WindowMaximum:
        """Return the window with one more value; with an hour between them, 5, then 3, then 4 keeps 5 and 4."""
        oldest = time_seconds - self.window_seconds
        entries = self.entries
        if entries and entries[-1][0] > time_seconds:
            # Times after this one come from a clock that was set back: they count as now, lest they stay for ever.
            entries = tuple((min(then, time_seconds), earlier) for then, earlier in entries)
        first, last = 0, len(entries)
        while first < last and entries[first][0] < oldest:
            first += 1
        while last > first and entries[last - 1][1] <= value:
            last -= 1
        slot_seconds = self.window_seconds / SLOTS
        newest = (time_seconds, value)
        if last > first and entries[last - 1][0] // slot_seconds == time_seconds // slot_seconds:
            last -= 1
            newest = (time_seconds, entries[last][1])
        return WindowMaximum(self.window_seconds, (*entries[first:last], newest))

    def largest(self, now: float) -> float | None:
        """Return the largest value of the window that ends now, its first moment included; None when there is none."""
        oldest = now - self.window_seconds
        for time_seconds, value in self.entries:
            if time_seconds >= oldest:
                return value
        return None

    @property
    def newest_seconds(self) -> float | None:
        """Return when the newest value was entered; None when there is none."""
        return self.entries[-1][0] if self.entries else None

    def to_list(self) -> list[list[float]]:
        """Return ``[[time, value], ...]``, oldest first."""
        return [[time_seconds, round(value, 4)] for time_seconds, value in self.entries]

    @classmethod
    def from_list(cls, values: Sequence[Any] | None, window_seconds: float) -> WindowMaximum:
        """Return the window of ``to_list``; what is not a pair of numbers is left out."""
        entries = []
        for pair in values or ():
            try:
                time_seconds, value = float(pair[0]), float(pair[1])
            except (TypeError, ValueError, IndexError):
                continue
            if math.isfinite(time_seconds) and math.isfinite(value):
                entries.append((time_seconds, value))
        return cls(window_seconds, tuple(entries))
