# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much CPU above its recent use a container is soon going to want: learnt from how that went before (conformal head-room).

With each interval, how far its use lay above the highest use of the minutes before (or below) is entered into a decaying histogram. What a
container wants next is then its recent highest use and a quantile of those rises, and the share of time that lies above that is the one that
is tolerated. A calm container gets little head-room and a restless one much, whatever their levels are; one that is looked at every minute
gets less than one that is looked at every five, for what rises slowly is followed in time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..units import whole_up
from .histogram import DecayingHistogram

# Rises are entered as buckets of this share of the container's largest CPU; a rise of 0 is in the middle of the histogram's 200 buckets.
# Source: the first policy of docs/sizing.md, which had 100 buckets for each sign.
BUCKETS_PER_SIGN = 100


@dataclass(frozen=True, slots=True)
class HeadRoom:
    """The rises.

    Attributes:
        rises: bucket -> decaying weight, in seconds; its buckets are these below, not those of a histogram of use.
        seconds: time behind them, none of it forgotten.
    """

    rises: DecayingHistogram
    seconds: float = 0.0

    def added(self, time_seconds: float, rise_cores: float, weight_seconds: float, largest_cores: float) -> HeadRoom:
        """Return the head-room with one interval entered: its use less the highest of the minutes before."""
        entry = (_bucket_of(rise_cores, largest_cores), weight_seconds)
        return HeadRoom(self.rises.with_buckets(time_seconds, (entry,)), self.seconds + weight_seconds)

    def above(self, recent_cores: float, tolerance_share: float, largest_cores: float, least_seconds: float) -> float | None:
        """Return what is wanted next, in cores; None while too little is known.

        With a recent use of 1.0, at most 4 cores and the wanted quantile of the rises in the bucket from 0.36 to 0.40, it is 1.4.
        """
        if self.seconds < least_seconds:
            return None
        bucket = self.rises.bucket_at(1.0 - tolerance_share)
        return None if bucket is None else recent_cores + bucket * largest_cores / BUCKETS_PER_SIGN

    def to_dict(self) -> dict[str, Any]:
        """Return JSON's types."""
        return {"rises": self.rises.to_dict(), "seconds": round(self.seconds, 3)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], half_life_seconds: float) -> HeadRoom:
        """Return the head-room of ``to_dict``; empty when it is damaged, or was made with another half-life."""
        empty = cls(DecayingHistogram(half_life_seconds))
        try:
            seconds = float(values["seconds"])
            rises = DecayingHistogram.from_dict(values["rises"], half_life_seconds)
        except (KeyError, TypeError, ValueError):
            return empty
        return cls(rises, seconds) if rises.row and math.isfinite(seconds) else empty


def _bucket_of(rise_cores: float, largest_cores: float) -> int:
    """Return the bucket whose end is not below the rise: 0.37 of at most 4 cores is in bucket 10, which ends at 0.40."""
    bucket = whole_up(rise_cores / largest_cores * BUCKETS_PER_SIGN)
    return max(-BUCKETS_PER_SIGN, min(BUCKETS_PER_SIGN, bucket))
