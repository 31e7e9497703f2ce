# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probation: after memory was taken away its effect is watched, and what was taken is given back at once if it was missed.

The kernel's own signs tell of it before anything is killed: file pages that are read again soon after they were pushed out, tasks that wait for memory, pages
that come back from swap. Pressure merely above nothing is the page cache being tidied, and no sign.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..model.usage import UsageSample
from .kept_values import numbers_from, numbers_of
from .settings.policy import PolicySettings


@dataclass(frozen=True, slots=True)
class Probation:
    """Whether memory was taken away a moment ago, and how that went before.

    Attributes:
        started_seconds: when it was taken away, seconds since 1970; 0 when no probation runs.
        previous_mib: the limit before.
        restore_mib: the limit that is to be given back, until it is in force; 0 for none.
        failures: how often in succession it was missed; fades with quiet time.
        pause_until_seconds: until when none is taken away after it was missed.
        refaults_per_second: mean rate while no probation ran, in pages.
        swap_ins_per_second: the same of pages from swap.
        calm_weight_seconds: how much these means stand on.
        sign: by what it was last seen to be missed; empty for never.
    """

    started_seconds: float = 0.0
    previous_mib: float = 0.0
    restore_mib: float = 0.0
    failures: float = 0.0
    pause_until_seconds: float = 0.0
    refaults_per_second: float = 0.0
    swap_ins_per_second: float = 0.0
    calm_weight_seconds: float = 0.0
    sign: str = ""


def begin_probation(probation: Probation, previous_mib: float, now: float) -> Probation:
    """Return the probation after memory was taken away; while another still runs the larger of both limits is what may be given back."""
    if probation.started_seconds:
        previous_mib = max(previous_mib, probation.previous_mib)
    return replace(probation, started_seconds=now, previous_mib=previous_mib, restore_mib=0.0)


def end_probation(probation: Probation, limit_mib: float) -> Probation:
    """Return the probation after memory was given, by us or by somebody else: nothing is given back twice."""
    ended = replace(probation, started_seconds=0.0, previous_mib=0.0)
    return replace(ended, restore_mib=0.0) if limit_mib >= probation.restore_mib else ended


def watch(probation: Probation, sample: UsageSample, settings: PolicySettings, weight_seconds: float, *, swap_growth_mib: float, is_killed: bool) -> Probation:
    """Return the probation with one interval entered: the usual rates while none runs, else whether what was taken is missed.

    Args:
        probation: before.
        sample: of the interval.
        settings: validated.
        weight_seconds: length of the interval.
        swap_growth_mib: by how much its swap grew.
        is_killed: whether its own limit killed something.
    """
    if settings.memory_probation_seconds == 0.0:
        return replace(probation, started_seconds=0.0, previous_mib=0.0, restore_mib=0.0)
    if probation.started_seconds == 0.0:
        return _with_calm_rates(probation, sample, settings, weight_seconds)
    age = sample.time_seconds - probation.started_seconds
    if age <= 0:
        # The interval before it, or a clock that was set back: that says nothing.
        return probation
    if age > settings.memory_probation_seconds + weight_seconds:
        return replace(probation, started_seconds=0.0, previous_mib=0.0)
    sign = find_sign(probation, sample, settings, swap_growth_mib=swap_growth_mib, is_killed=is_killed)
    return _failed(probation, sign, settings, sample.time_seconds) if sign else probation


def find_sign(probation: Probation, sample: UsageSample, settings: PolicySettings, *, swap_growth_mib: float, is_killed: bool) -> str:
    """Return by what memory is missed, as a clause; empty when it is not. With 20 pages per second before, 130 are 110 more: above 100."""
    if is_killed:
        return "its own limit killed a process"
    refaults = sample.refault_pages_per_second
    if refaults is not None and refaults - probation.refaults_per_second > settings.memory_probation_refaults_per_second:
        return f"{refaults:.0f} file pages per second were read again, {probation.refaults_per_second:.0f} before"
    pressure = sample.memory_pressure_percent
    if pressure is not None and pressure > settings.memory_probation_pressure_percent:
        return f"tasks waited for memory (PSI some {pressure:.1f} %)"
    swap_ins = sample.swap_in_pages_per_second
    if swap_ins is not None and swap_ins - probation.swap_ins_per_second > settings.memory_probation_swap_ins_per_second:
        return f"{swap_ins:.0f} pages per second came back from swap, {probation.swap_ins_per_second:.0f} before"
    return f"its swap grew by {swap_growth_mib:.0f} MiB" if swap_growth_mib > 0 else ""


def pause_seconds(failures: float, settings: PolicySettings) -> float:
    """Return how long nothing is taken away: 24 h after the first failure, 48 h after the second, 96 h after the third, at most 30 days."""
    # The exponent is held, for a thousand doublings are no float.
    doublings = min(max(failures - 1.0, 0.0), 40.0)
    return min(settings.memory_probation_pause_seconds * math.exp2(doublings), settings.memory_probation_longest_pause_seconds)


def is_paused(probation: Probation, now: float) -> bool:
    """Return whether memory was missed so lately that none is taken away."""
    return now < probation.pause_until_seconds


def probation_to_dict(probation: Probation) -> dict[str, Any]:
    """Return JSON's types."""
    return {**numbers_of(probation), "sign": probation.sign}


def probation_from_dict(values: Mapping[str, Any]) -> Probation:
    """Return the probation of ``probation_to_dict``."""
    return replace(Probation(), **numbers_from(Probation, values), sign=str(values.get("sign") or ""))


def _failed(probation: Probation, sign: str, settings: PolicySettings, now: float) -> Probation:
    failures = _faded_failures(probation, settings, now) + 1.0
    return replace(
        probation,
        started_seconds=0.0,
        previous_mib=0.0,
        restore_mib=probation.previous_mib,
        failures=failures,
        pause_until_seconds=now + pause_seconds(failures, settings),
        sign=sign,
    )


def _faded_failures(probation: Probation, settings: PolicySettings, now: float) -> float:
    """Return the failures that still count: one is forgotten for each week that went well since the last pause; 3 after 15 days are 1."""
    quiet = max(0.0, now - probation.pause_until_seconds)
    return max(0.0, probation.failures - quiet // settings.memory_probation_forget_seconds)


def _with_calm_rates(probation: Probation, sample: UsageSample, settings: PolicySettings, weight_seconds: float) -> Probation:
    """Return the usual rates with one interval entered; an interval of ten minutes counts half as much after ten more.

    A mean of 10 pages per second over 300 s of weight, and 40 over the next 60: with 300 * 0.5 ** 0.1 = 280 left, (280 * 10 + 60 * 40) / 340 = 15.3.
    """
    if sample.refault_pages_per_second is None and sample.swap_in_pages_per_second is None:
        return probation
    half_life = max(settings.memory_probation_seconds, 1.0)
    faded = probation.calm_weight_seconds * 0.5 ** (weight_seconds / half_life)
    total = faded + weight_seconds

    def mean(before: float, rate: float | None) -> float:
        return before if rate is None or total <= 0 else (before * faded + rate * weight_seconds) / total

    # Written out, for this is done for every container in every cycle, and replace() takes three times as long.
    return Probation(
        probation.started_seconds,
        probation.previous_mib,
        probation.restore_mib,
        probation.failures,
        probation.pause_until_seconds,
        mean(probation.refaults_per_second, sample.refault_pages_per_second),
        mean(probation.swap_ins_per_second, sample.swap_in_pages_per_second),
        total,
        probation.sign,
    )
