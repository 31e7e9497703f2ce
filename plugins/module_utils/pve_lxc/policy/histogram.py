# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A histogram that forgets: old samples weigh less, and its size is bounded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Source: the recommender of Kubernetes' vertical-pod-autoscaler at 55c37cd: first bucket 0.01 core, each 5 % wider than the last.
FIRST_BUCKET = 0.01
BUCKET_RATIO = 1.05
_LOG_RATIO = math.log(BUCKET_RATIO)

# Weights grow by 2 per half-life instead of shrinking the old ones at each step; they are brought back to 1 before they get large.
_LARGEST_EXPONENT = 16.0
# Buckets below this share of the whole cannot move any quantile that is asked for, and are dropped.
_FORGOTTEN_SHARE = 1e-5
# Below this share of the whole, what lies above a value says nothing about what else may.
_LEAST_SHARE_ABOVE = 1e-4


def bucket_of(value: float) -> int:
    """Return the number of the bucket: 0 up to 0.01, then 5 % each; 1.0 is in bucket 95."""
    if value <= FIRST_BUCKET:
        return 0
    return math.ceil(round(math.log(value / FIRST_BUCKET) / _LOG_RATIO, 9))


def bucket_end(bucket: int) -> float:
    """Return the largest value of a bucket: bucket 95 ends at 1.0303."""
    return FIRST_BUCKET * BUCKET_RATIO**bucket


@dataclass(frozen=True, slots=True)
class DecayingHistogram:
    """Weights by bucket.

    Attributes:
        half_life_seconds: a sample this old weighs half.
        reference_seconds: the time at which a weight of 1 is entered as 1.
        weights: weight by bucket, in any order.
    """

    half_life_seconds: float
    reference_seconds: float = 0.0
    weights: Mapping[int, float] = field(default_factory=dict)

    def added(self, time_seconds: float, samples: tuple[tuple[float, float], ...]) -> DecayingHistogram:
        """Return the histogram with ``(value, weight)`` pairs entered at one time; a time before the last one is entered as it is."""
        return self.with_buckets(time_seconds, tuple((bucket_of(value), weight) for value, weight in samples))

    def with_buckets(self, time_seconds: float, entries: tuple[tuple[int, float], ...]) -> DecayingHistogram:
        """Return the histogram with ``(bucket, weight)`` pairs entered at one time."""
        if not self.weights:
            return self._entered(time_seconds, {}, 1.0, entries)
        exponent = (time_seconds - self.reference_seconds) / self.half_life_seconds
        if abs(exponent) <= _LARGEST_EXPONENT:
            return self._entered(self.reference_seconds, dict(self.weights), 2.0**exponent, entries)
        faded = 2.0 ** -min(exponent, 1000.0) if exponent > 0 else 1.0
        kept = {bucket: weight * faded for bucket, weight in self.weights.items()}
        return self._entered(time_seconds, kept, 1.0, entries)._pruned()

    def _entered(self, reference: float, weights: dict[int, float], factor: float, entries: tuple[tuple[int, float], ...]) -> DecayingHistogram:
        for bucket, weight in entries:
            weights[bucket] = weights.get(bucket, 0.0) + weight * factor
        return DecayingHistogram(self.half_life_seconds, reference, weights)

    def _pruned(self) -> DecayingHistogram:
        least = _FORGOTTEN_SHARE * sum(self.weights.values())
        kept = {bucket: weight for bucket, weight in self.weights.items() if weight > least}
        return DecayingHistogram(self.half_life_seconds, self.reference_seconds, kept)

    def quantile(self, share: float) -> float | None:
        """Return the end of the bucket below which ``share`` of the weight lies; None while it is empty.

        With one sample of 0.5 of weight 99 and one of 2.0 of weight 1, the 0.9 quantile is the end of 0.5's bucket, 0.5122.
        """
        bucket = self.bucket_at(share)
        return None if bucket is None else bucket_end(bucket)

    def bucket_at(self, share: float) -> int | None:
        """Return the bucket that holds this quantile; None while it is empty."""
        total = sum(self.weights.values())
        if total <= 0:
            return None
        # Counted from above, for high quantiles are what is asked for.
        wanted = (1.0 - share) * total * (1 + 1e-12)
        above = 0.0
        bucket = 0
        for bucket in sorted(self.weights, reverse=True):
            above += self.weights[bucket]
            if above > wanted:
                break
        return bucket

    def quantile_above(self, value: float, share: float) -> float | None:
        """Return the quantile of what lies above a value; None when next to nothing does.

        With weights 90 at 0.5, 5 at 1.0 and 5 at 2.0, the 0.3 quantile of what lies above 0.6 is the end of 1.0's bucket, 1.0303.
        """
        floor = bucket_of(value)
        higher = sorted(bucket for bucket in self.weights if bucket > floor)
        total = sum(self.weights[bucket] for bucket in higher)
        if total <= _LEAST_SHARE_ABOVE * sum(self.weights.values()):
            return None
        reached = 0.0
        for bucket in higher:
            reached += self.weights[bucket]
            if reached >= share * total:
                break
        return bucket_end(bucket)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON's types; weights to nine digits."""
        return {
            "half_life_seconds": self.half_life_seconds,
            "reference_seconds": self.reference_seconds,
            "weights": {str(bucket): float(f"{weight:.9g}") for bucket, weight in self.weights.items()},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], half_life_seconds: float) -> DecayingHistogram:
        """Return the histogram of ``to_dict``; empty when it was made with another half-life or is not one."""
        empty = cls(half_life_seconds)
        try:
            if float(values["half_life_seconds"]) != half_life_seconds:
                return empty
            weights = {int(bucket): float(weight) for bucket, weight in values["weights"].items()}
            if not all(math.isfinite(weight) and weight >= 0 for weight in weights.values()):
                return empty
            return cls(half_life_seconds, float(values["reference_seconds"]), weights)
        except (KeyError, TypeError, ValueError, AttributeError):
            return empty
