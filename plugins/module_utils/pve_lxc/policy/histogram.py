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
        if not self.weights:
            return self._entered(time_seconds, {}, 1.0, samples)
        exponent = (time_seconds - self.reference_seconds) / self.half_life_seconds
        if abs(exponent) <= _LARGEST_EXPONENT:
            return self._entered(self.reference_seconds, dict(self.weights), 2.0**exponent, samples)
        faded = 2.0 ** -min(exponent, 1000.0) if exponent > 0 else 1.0
        kept = {bucket: weight * faded for bucket, weight in self.weights.items()}
        return self._entered(time_seconds, kept, 1.0, samples)._pruned()

    def _entered(self, reference: float, weights: dict[int, float], factor: float, samples: tuple[tuple[float, float], ...]) -> DecayingHistogram:
        for value, weight in samples:
            bucket = bucket_of(value)
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
        total = sum(self.weights.values())
        if total <= 0:
            return None
        wanted = share * total * (1 - 1e-12)
        reached = 0.0
        last = 0
        for last in sorted(self.weights):
            reached += self.weights[last]
            if reached >= wanted:
                break
        return bucket_end(last)

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
