# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much CPU above its present use a container is soon going to want: learnt from how that went before (conformal head-room).

Time is cut into blocks; the rise from the highest use of one block to the highest of the next is entered into a decaying histogram.
What a container wants next is then its recent highest use and a quantile of those rises. A calm container gets little head-room and a
restless one much, whatever their levels are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .histogram import DecayingHistogram

# Rises are entered as buckets of this share of the container's largest CPU; a rise of 0 is in the middle of the histogram's 200 buckets.
# Source: the first policy of docs/sizing.md, which had 100 buckets for each sign.
BUCKETS_PER_SIGN = 100

# Without so many rises a quantile of them means nothing. Source: half a day of blocks of 10 minutes, as the first policy had.
LEAST_RISES = 72


@dataclass(frozen=True, slots=True)
class HeadRoom:
    """The rises, and the two newest blocks.

    Attributes:
        rises: bucket -> decaying weight; its buckets are these below, not those of a histogram of use.
        rise_count: how many were entered.
        block: number of the newest block: its time divided by its length; 0 before the first.
        block_cores: highest use of the newest block so far.
        previous_cores: highest use of the block before; negative when that was not observed.
    """

    rises: DecayingHistogram
    rise_count: float = 0.0
    block: float = 0.0
    block_cores: float = 0.0
    previous_cores: float = -1.0

    def added(self, time_seconds: float, use_cores: float, block_seconds: float, largest_cores: float) -> HeadRoom:
        """Return the head-room with one use entered; a rise is entered when its second block is complete."""
        block = float(time_seconds // block_seconds)
        if block == self.block:
            if use_cores <= self.block_cores:
                return self
            return HeadRoom(self.rises, self.rise_count, block, use_cores, self.previous_cores)
        rises, count = self.rises, self.rise_count
        if self.previous_cores >= 0.0:
            rises = rises.with_buckets(self.block * block_seconds, ((_bucket_of(self.block_cores - self.previous_cores, largest_cores), 1.0),))
            count += 1.0
        is_next = block == self.block + 1.0
        return HeadRoom(rises, count, block, use_cores, self.block_cores if is_next else -1.0)

    def above(self, recent_cores: float, tolerance_share: float, largest_cores: float) -> float | None:
        """Return what is wanted next, in cores; None while too little is known.

        With a recent use of 1.0, at most 4 cores and the wanted quantile of the rises in the bucket from 0.36 to 0.40, it is 1.4.
        """
        if self.rise_count < LEAST_RISES:
            return None
        bucket = self.rises.bucket_at(1.0 - tolerance_share)
        return None if bucket is None else recent_cores + bucket * largest_cores / BUCKETS_PER_SIGN

    def to_dict(self) -> dict[str, Any]:
        """Return JSON's types."""
        return {
            "rises": self.rises.to_dict(),
            "rise_count": self.rise_count,
            "block": self.block,
            "block_cores": round(self.block_cores, 6),
            "previous_cores": round(self.previous_cores, 6),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], half_life_seconds: float) -> HeadRoom:
        """Return the head-room of ``to_dict``; empty when it is damaged, or was made with another half-life."""
        empty = cls(DecayingHistogram(half_life_seconds))
        try:
            numbers = [float(values[name]) for name in ("rise_count", "block", "block_cores", "previous_cores")]
            rises = DecayingHistogram.from_dict(values["rises"], half_life_seconds)
        except (KeyError, TypeError, ValueError):
            return empty
        if not all(math.isfinite(number) for number in numbers):
            return empty
        return cls(rises, numbers[0] if rises.row else 0.0, *numbers[1:])


def _bucket_of(rise_cores: float, largest_cores: float) -> int:
    """Return the bucket whose end is not below the rise: 0.37 of at most 4 cores is in bucket 10, which ends at 0.40."""
    bucket = math.ceil(round(rise_cores / largest_cores * BUCKETS_PER_SIGN, 9))
    return max(-BUCKETS_PER_SIGN, min(BUCKETS_PER_SIGN, bucket))
