# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CPU a container should have, before any bound or guard."""

from __future__ import annotations

from dataclasses import dataclass

from ..model.usage import UsageSample
from ..units import clamp
from .resource_memory import CpuMemory
from .settings.policy import PolicySettings


@dataclass(frozen=True, slots=True)
class CpuScope:
    """Between what the estimator works.

    Attributes:
        cap_cores: what the container can use at most now.
        max_cores: the largest it may be given.
        host_pressure_percent: CPU pressure of the node; None when not measured.
    """

    cap_cores: float
    max_cores: float
    host_pressure_percent: float | None = None


def is_throttled(sample: UsageSample, settings: PolicySettings) -> bool:
    """Return whether the quota ran out often enough to matter: the use was at the limit then, which an average over minutes hides."""
    return sample.cpu_throttled_ratio is not None and sample.cpu_throttled_ratio >= settings.cpu_throttled_share


def peak_cores(sample: UsageSample, cap_cores: float, settings: PolicySettings) -> float:
    """Return the highest use within the interval: what was measured, and the whole limit when the quota ran out."""
    known = [value for value in (sample.cpu_cores, sample.cpu_peak_cores) if value is not None]
    if is_throttled(sample, settings):
        known.append(cap_cores)
    return max(known, default=0.0)


def use_cores(sample: UsageSample, cap_cores: float, settings: PolicySettings) -> float:
    """Return the use that counts: the average and 0.7 of the distance to the peak; 1.0 with a peak of 2.0 is 1.7."""
    average = sample.cpu_cores or 0.0
    return average + settings.cpu_peak_share * (peak_cores(sample, cap_cores, settings) - average)


def is_saturated(sample: UsageSample, use: float, cap_cores: float, settings: PolicySettings) -> bool:
    """Return whether the container may want more than it can show: at 0.98 of its limit, or at 0.8 with CPU pressure."""
    if use >= settings.cpu_saturated_share * cap_cores:
        return True
    pressure = sample.cpu_pressure_percent
    return pressure is not None and pressure >= settings.cpu_pressure_percent and use >= settings.cpu_pressure_share * cap_cores


def learn_cpu(memory: CpuMemory, sample: UsageSample, scope: CpuScope, settings: PolicySettings, weight_seconds: float) -> CpuMemory:
    """Return the memory with one interval entered.

    A fifth of the interval is entered at its peak and the rest such that the average stays. A use of 0.985 of the limit and more is
    censored by the limit, so it is entered 1.6 times as high: percentiles alone can never learn that more was wanted. So is the peak of an
    interval in which the quota ran out.
    """
    average = sample.cpu_cores or 0.0
    use, peak = use_cores(sample, scope.cap_cores, settings), peak_cores(sample, scope.cap_cores, settings)
    if is_throttled(sample, settings):
        peak = settings.cpu_saturation_growth * scope.cap_cores
    if average >= settings.cpu_censored_share * scope.cap_cores:
        entries: tuple[tuple[float, float], ...] = ((settings.cpu_saturation_growth * scope.cap_cores, weight_seconds),)
    elif peak == average:
        entries = ((average, weight_seconds),)
    else:
        entries = ((max(average - 0.2 * peak, 0.0) / 0.8, 0.8 * weight_seconds), (peak, 0.2 * weight_seconds))
    time_seconds = sample.time_seconds
    # The mean fades by the time entered, which is the time passed unless the loop stood still: nothing is known of that time.
    faded = memory.mean_weight_seconds * 2.0 ** (-weight_seconds / settings.cpu_half_life_seconds)
    # The answer follows from what was known before this sample, so that more use can never yield less.
    answer = _answer_to_saturation(memory, sample, use, scope, settings)
    until_seconds, answer_cores = memory.saturated_until_seconds, memory.saturated_target_cores
    if answer is not None:
        answer_cores = max(answer, answer_cores) if time_seconds < until_seconds else answer
        until_seconds = time_seconds + settings.cpu_saturation_hold_seconds
    before = _recent_before(memory, time_seconds)
    head_room = memory.head_room if before is None else memory.head_room.added(time_seconds, use - before, weight_seconds, scope.max_cores)
    return CpuMemory(
        histogram=memory.histogram.added(time_seconds, entries),
        head_room=head_room,
        recent=memory.recent.added(time_seconds, use),
        targets=memory.targets,
        mean_cores=(memory.mean_cores * faded + average * weight_seconds) / (faded + weight_seconds),
        mean_weight_seconds=faded + weight_seconds,
        saturated_until_seconds=until_seconds,
        saturated_target_cores=answer_cores,
        # From the mean *before* this sample, for the same reason.
        tolerance_share=tolerated_share(memory, scope.max_cores, settings),
        largest_cores=scope.max_cores,
    )


def _recent_before(memory: CpuMemory, time_seconds: float) -> float | None:
    """Return the highest recent use as it was known when the interval began, in cores; None after a longer gap. What was estimated then stood on this."""
    began = memory.recent.newest_seconds
    if began is None or time_seconds - began > memory.recent.window_seconds:
        return None
    return memory.recent.largest(began)


def _answer_to_saturation(memory: CpuMemory, sample: UsageSample, use: float, scope: CpuScope, settings: PolicySettings) -> float | None:
    """Return what to give to a container that wanted more than it had, in cores; None when it did not.

    One that is at its limit all the time goes straight to its maximum while the node has CPU to spare. Otherwise its own history says
    how much it uses once it uses more than this; where that is not known it gets 1.6 times as much: of 2.0 cores 3.2.
    """
    is_full = is_saturated(sample, use, scope.cap_cores, settings)
    if not is_full and not is_throttled(sample, settings):
        return None
    known = memory.histogram.quantile_above(scope.cap_cores, settings.cpu_saturation_share)
    grown = settings.cpu_saturation_growth * scope.cap_cores
    if known is not None:
        grown = clamp(known, settings.cpu_saturation_least_growth * scope.cap_cores, settings.cpu_saturation_largest_growth * scope.cap_cores)
    has_spare_cpu = scope.host_pressure_percent is not None and scope.host_pressure_percent < settings.cpu_jump_below_host_pressure_percent
    return max(grown, scope.max_cores) if is_full and settings.cpu_jump_to_maximum and has_spare_cpu else grown


def tolerated_share(memory: CpuMemory, max_cores: float, settings: PolicySettings) -> float:
    """Return the share of time that may lie above the limit: 0.15 of the mean use as a share of the largest CPU.

    A mean of 0.32 cores with at most 4 gives 0.15 * 0.32 / 4 = 0.012; it is held between 0.003 and 0.05. A container that uses little
    of its maximum is sized at a higher quantile, because head-room is cheap for it.
    """
    share = settings.cpu_tolerance_per_use * memory.mean_cores / max_cores
    return settings.cpu_tolerance * clamp(share, settings.cpu_tolerance_smallest, settings.cpu_tolerance_largest)


@dataclass(frozen=True, slots=True)
class CpuEstimate:
    """What CPU is wanted, in cores, before bounds.

    Attributes:
        target_cores: now.
        lasting_cores: the same without the answer to a saturation. That answer is a try: when its time is over, the use has shown how much of it was
            needed, so what was not is not waited for.
    """

    target_cores: float
    lasting_cores: float


def estimate_cpu(memory: CpuMemory, now: float, settings: PolicySettings) -> CpuEstimate | None:
    """Return the CPU wanted; None when nothing was ever learnt.

    The larger of 1.05 times the highest use of the last 10 minutes, and of two views of what comes the smaller: the quantile of all that
    is remembered, and the recent use with the head-room that it has needed before; a saturation's answer on top while it is kept. With a
    recent maximum of 1.0, a quantile of 1.8 and a head-room of 0.4 it is max(1.05, min(1.8, 1.4)) = 1.4.

    Args:
        memory: with the newest sample entered.
        now: seconds since 1970.
        settings: validated.
    """
    tolerance = min(memory.tolerance_share, 1.0)
    recent = memory.recent.largest(now)
    expected = memory.histogram.quantile(1.0 - tolerance)
    if recent is not None and expected is not None and expected > recent:
        above = memory.head_room.above(recent, tolerance, memory.largest_cores, settings.cpu_head_room_least_seconds)
        expected = expected if above is None else min(expected, above)
    candidates = [None if recent is None else settings.cpu_recent_margin * recent, expected]
    known = [candidate for candidate in candidates if candidate is not None]
    is_answered = now < memory.saturated_until_seconds
    if not known:
        return CpuEstimate(memory.saturated_target_cores, memory.saturated_target_cores) if is_answered else None
    lasting = max(known)
    target = max(lasting, memory.saturated_target_cores) if is_answered else lasting
    return CpuEstimate(target, target if settings.cpu_saturation_waits else lasting)
