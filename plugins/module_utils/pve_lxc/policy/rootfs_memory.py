# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered of a container's root file system: how its use rose, what was found, and when it was last grown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .kept_values import list_from, number_from, numbers_from, numbers_of

# So many points are kept of the time that the trend looks at: every six hours of a week.
POINTS = 28


@dataclass(frozen=True, slots=True)
class RootfsMemory:
    """What is remembered of one root file system.

    Attributes:
        points: (seconds since 1970, bytes in use), oldest first.
        baseline_bytes: the volume's size as it was found, or as somebody else has made it since.
        known_bytes: its size when we last looked or wrote; another one is somebody else's work.
        tried_seconds: when we last began to grow it, however that ended; 0 for never.
    """

    points: tuple[tuple[float, float], ...] = ()
    baseline_bytes: float = 0.0
    known_bytes: float = 0.0
    tried_seconds: float = 0.0

    def with_size(self, size_bytes: float) -> RootfsMemory:
        """Return the same after a look at the volume's size: one that we did not write is the new baseline."""
        if size_bytes == self.known_bytes:
            return self
        return replace(self, baseline_bytes=float(size_bytes), known_bytes=float(size_bytes))

    def with_use(self, now: float, used_bytes: float, window_seconds: float) -> RootfsMemory:
        """Return the same with the use of this moment, when the last point is old enough; points outside of the window are dropped."""
        kept = tuple(point for point in self.points if now - window_seconds <= point[0] <= now)
        if not kept or now - kept[-1][0] >= window_seconds / POINTS:
            kept = (*kept, (now, used_bytes))
        return self if kept == self.points else replace(self, points=kept)

    def rise_per_second(self, now: float, used_bytes: float, least_seconds: float) -> float | None:
        """Return the slope of the line through the points and this moment, in bytes per second; None when they span too little time.

        Least squares: 7 GiB two days ago, 8 GiB yesterday and 9 GiB now are 1 GiB a day.

        Args:
            now: seconds since 1970.
            used_bytes: of this moment.
            least_seconds: the least span that is a trend.
        """
        points = [point for point in self.points if point[0] < now]
        if not points or now - points[0][0] < least_seconds:
            return None
        points.append((now, used_bytes))
        mean_time = sum(time for time, _used in points) / len(points)
        mean_used = sum(used for _time, used in points) / len(points)
        spread = sum((time - mean_time) ** 2 for time, _used in points)
        return sum((time - mean_time) * (used - mean_used) for time, used in points) / spread

    def to_dict(self) -> dict[str, Any]:
        """Return JSON's types."""
        return {"points": [[round(time, 3), used] for time, used in self.points], **numbers_of(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RootfsMemory:
        """Return what ``to_dict`` made; what is damaged is as if never seen."""
        read = [point for point in list_from(values.get("points")) if isinstance(point, list) and len(point) == 2]
        points = tuple((number_from(time), number_from(used)) for time, used in read if number_from(time) > 0 and number_from(used) > 0)
        return cls(points=points[-POINTS - 1 :], **numbers_from(cls, values))
