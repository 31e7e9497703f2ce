# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A histogram that forgets: old samples weigh less, and its size is bounded.

Its weights stand side by side in an array, because a node has thousands of histograms with a hundred buckets each: a tenth of the memory of a dict.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..units import whole_up

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
# Weights are kept on disk as whole numbers of this share of the whole, which are written and read faster than fractions.
_KEPT_SHARE = 1e-9
# No value that is ever entered is so far from another.
_MOST_BUCKETS = 2048
_DOUBLE_BYTES = 8


def bucket_of(value: float) -> int:
    """Return the number of the bucket: 0 up to 0.01, then 5 % each; 1.0 is in bucket 95."""
    if value <= FIRST_BUCKET:
        return 0
    return whole_up(math.log(value / FIRST_BUCKET) / _LOG_RATIO)


def bucket_end(bucket: int) -> float:
    """Return the largest value of a bucket: bucket 95 ends at 1.0303."""
    return FIRST_BUCKET * BUCKET_RATIO**bucket


@dataclass(frozen=True, slots=True)
class DecayingHistogram:
    """Weights by bucket.

    Attributes:
        half_life_seconds: a sample this old weighs half.
        reference_seconds: the time at which a weight of 1 is entered as 1.
        first_bucket: the bucket of the first weight.
        row: the weights of this bucket and those after it, one each; never changed once it is here.
    """

    half_life_seconds: float
    reference_seconds: float = 0.0
    first_bucket: int = 0
    row: array[float] = field(default_factory=lambda: array("d"))

    @property
    def weights(self) -> dict[int, float]:
        """Return the weight by bucket, of those that have one."""
        return {bucket: weight for bucket, weight in enumerate(self.row, self.first_bucket) if weight > 0}

    def added(self, time_seconds: float, samples: tuple[tuple[float, float], ...]) -> DecayingHistogram:
        """Return the histogram with ``(value, weight)`` pairs entered at one time; a time before the last one is entered as it is."""
        return self.with_buckets(time_seconds, tuple((bucket_of(value), weight) for value, weight in samples))

    def with_buckets(self, time_seconds: float, entries: tuple[tuple[int, float], ...]) -> DecayingHistogram:
        """Return the histogram with ``(bucket, weight)`` pairs entered at one time."""
        if not self.row:
            return self._entered(time_seconds, array("d"), 1.0, entries)
        exponent = (time_seconds - self.reference_seconds) / self.half_life_seconds
        if abs(exponent) <= _LARGEST_EXPONENT:
            return self._entered(self.reference_seconds, self.row[:], 2.0**exponent, entries)
        faded = 2.0 ** -min(exponent, 1000.0) if exponent > 0 else 1.0
        kept = array("d", [weight * faded for weight in self.row])
        return self._entered(time_seconds, kept, 1.0, entries)._pruned()

    def _entered(self, reference: float, row: array[float], factor: float, entries: tuple[tuple[int, float], ...]) -> DecayingHistogram:
        """Return the histogram with these entries put into a row that nobody else has yet."""
        first = self.first_bucket if row else entries[0][0] if entries else 0
        for bucket, weight in entries:
            if bucket < first:
                row = _zeros(first - bucket) + row
                first = bucket
            if bucket >= first + len(row):
                row.extend(_zeros(bucket + 1 - first - len(row)))
            row[bucket - first] += weight * factor
        return DecayingHistogram(self.half_life_seconds, reference, first, row)

    def _pruned(self) -> DecayingHistogram:
        least = _FORGOTTEN_SHARE * sum(self.row)
        kept = [place for place, weight in enumerate(self.row) if weight > least]
        if not kept:
            return DecayingHistogram(self.half_life_seconds, self.reference_seconds)
        row = array("d", [weight if weight > least else 0.0 for weight in self.row[kept[0] : kept[-1] + 1]])
        return DecayingHistogram(self.half_life_seconds, self.reference_seconds, self.first_bucket + kept[0], row)

    def quantile(self, share: float) -> float | None:
        """Return the end of the bucket below which ``share`` of the weight lies; None while it is empty.

        With one sample of 0.5 of weight 99 and one of 2.0 of weight 1, the 0.9 quantile is the end of 0.5's bucket, 0.5122.
        """
        bucket = self.bucket_at(share)
        return None if bucket is None else bucket_end(bucket)

    def bucket_at(self, share: float) -> int | None:
        """Return the bucket that holds this quantile; None while it is empty."""
        total = sum(self.row)
        if total <= 0:
            return None
        # Counted from above, for high quantiles are what is asked for.
        wanted = (1.0 - share) * total * (1 + 1e-12)
        above = 0.0
        bucket = self.first_bucket + len(self.row)
        for weight in reversed(self.row):
            bucket -= 1
            above += weight
            if above > wanted:
                break
        return bucket

    def quantile_above(self, value: float, share: float) -> float | None:
        """Return the quantile of what lies above a value; None when next to nothing does.

        With weights 90 at 0.5, 5 at 1.0 and 5 at 2.0, the 0.3 quantile of what lies above 0.6 is the end of 1.0's bucket, 1.0303.
        """
        start = max(bucket_of(value) + 1, self.first_bucket)
        higher = self.row[start - self.first_bucket :]
        total = sum(higher)
        if total <= _LEAST_SHARE_ABOVE * sum(self.row):
            return None
        reached = 0.0
        for bucket, weight in enumerate(higher, start):
            reached += weight
            if weight > 0 and reached >= share * total:
                return bucket_end(bucket)
        return bucket_end(start + len(higher) - 1)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON's types: each weight as a whole number of ``unit``, a billionth of all of them."""
        unit = _KEPT_SHARE * sum(self.row)
        return {
            "half_life_seconds": self.half_life_seconds,
            "reference_seconds": self.reference_seconds,
            "first_bucket": self.first_bucket,
            "unit": unit,
            "counts": [int(weight / unit + 0.5) for weight in self.row] if unit > 0 else [],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], half_life_seconds: float) -> DecayingHistogram:
        """Return the histogram of ``to_dict``; empty when it was made with another half-life or is not one."""
        empty = cls(half_life_seconds)
        try:
            if float(values["half_life_seconds"]) != half_life_seconds:
                return empty
            first, row = _row_from(values)
            if row and not (min(row) >= 0 and math.isfinite(sum(row))):
                return empty
            return cls(half_life_seconds, float(values["reference_seconds"]), first, row)
        except (KeyError, TypeError, ValueError, AttributeError):
            return empty


def _zeros(count: int) -> array[float]:
    return array("d", bytes(count * _DOUBLE_BYTES))


def _row_from(values: Mapping[str, Any]) -> tuple[int, array[float]]:
    """Return the first bucket and the weights from there on."""
    if "counts" in values:
        unit = float(values["unit"])
        return int(values["first_bucket"]), array("d", [count * unit for count in values["counts"]])
    # As it was written at first: the weight by bucket.
    weights = {int(bucket): float(weight) for bucket, weight in values["weights"].items()}
    if not weights:
        return 0, array("d")
    first, last = min(weights), max(weights)
    if last - first >= _MOST_BUCKETS:
        raise ValueError("these are no buckets")
    return first, array("d", [weights.get(bucket, 0.0) for bucket in range(first, last + 1)])
