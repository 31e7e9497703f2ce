# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LXC AutoScale's rule: a step up above one threshold, a step down below another; for those who bring its configuration.

The rule is that of its version 2.0.2, held to figures which that version produced (tests/unit/pve_lxc/policy/test_threshold.py), except that

* a step that would cross a bound ends at the bound: there it was dropped (CPU up), or went below the least (memory down);
* nothing goes below what is used, with room up to the upper threshold: there a cut could be followed by a raise in the next cycle, for ever;
* energy mode makes no second change against the first, and never cuts below what is used;
* the off-peak factor holds in off-peak hours only: there it held at every hour when these did not cross midnight.

Everything else (guards, the node's memory, the journal) is as for the other algorithm.
"""

from __future__ import annotations

import math

from ..model.guest import GuestConfig
from ..model.reason import Reason
from ..model.usage import UsageSample
from ..units import format_number
from .bounds import Bounds
from .cpu_choice import Choice, cpu_actuator, cpu_shrink_changes, grow_cpu, keep, reachable_high
from .loan import cap_of
from .memory_choice import MemoryCase, choose_memory, guard_memory_shrink, signs_of
from .memory_guard import smallest_safe_memory_mib
from .settings.container import ContainerSettings
from .settings.threshold import ThresholdSettings


def cpu_by_threshold(limit_cores: float, use_cores: float, bounds: Bounds, settings: ThresholdSettings) -> float:
    """Return the CPU to have, in cores.

    2 cores used to 84 % with the thresholds 80 and 20: int((84 - 80) / 2) = 2 more, so 4. To 12 % of 4 cores: int((20 - 12) / 2) = 4 less, so 1, the least.

    Args:
        limit_cores: what the container has.
        use_cores: what it uses.
        bounds: whole cores.
        settings: validated.
    """
    percent = _percent(use_cores, limit_cores)
    if percent > settings.cpu_upper_percent:
        wanted = int((percent - settings.cpu_upper_percent) / settings.cpu_percent_per_core)
        step = min(max(settings.cpu_least_step_cores, wanted), settings.cpu_largest_step_cores)
        return min(limit_cores + step, max(bounds.high, limit_cores))
    needed = math.ceil(_needed(use_cores, settings.cpu_upper_percent))
    reached = limit_cores
    if percent < settings.cpu_lower_percent:
        step = max(settings.cpu_least_step_cores, 1, int((settings.cpu_lower_percent - percent) / settings.cpu_percent_per_core))
        reached = limit_cores - step
    if settings.save_energy and settings.is_off_peak:
        reached = min(reached, needed)
    return min(max(reached, bounds.low, needed), limit_cores)


def memory_by_threshold(limit_mib: int, use_mib: float, bounds: Bounds, settings: ThresholdSettings) -> int:
    """Return the memory to have, in MiB.

    2048 MiB used to 85 % with the upper threshold 80: int((85 - 80) * 256 / 1.5) = 853 more, so 2901. To 19 % with the lower one 20: 128 less, so 1920.
    """
    percent = _percent(use_mib, limit_mib)
    factor = settings.step_factor * (settings.off_peak_step_factor if settings.is_off_peak else 1.0)
    if percent > settings.memory_upper_percent:
        by_use = int((percent - settings.memory_upper_percent) * settings.memory_growth_step_mib / settings.memory_percent_per_step)
        step = max(int(settings.memory_growth_step_mib * factor), by_use)
        return int(min(limit_mib + step, max(bounds.high, limit_mib)))
    needed = max(_needed(use_mib, settings.memory_upper_percent), smallest_safe_memory_mib(use_mib))
    reached = float(limit_mib)
    if percent < settings.memory_lower_percent:
        reached = limit_mib - int(settings.memory_shrink_step_mib * factor)
    if settings.save_energy and settings.is_off_peak:
        reached = min(reached, needed)
    return min(math.ceil(max(reached, bounds.low, needed)), limit_mib)


def choose_cpu_by_threshold(config: GuestConfig, sample: UsageSample, bounds: Bounds, settings: ContainerSettings, host_cpus: float | None) -> Choice:
    """Return the rule's CPU as a choice with its reason, in whole cores."""
    allocation = config.allocation
    use = sample.cpu_cores or 0.0
    cap = cap_of(allocation)
    actuator = cpu_actuator(allocation, settings.bounds.actuator)
    high = min(reachable_high(config, bounds.high, actuator), host_cpus if host_cpus is not None else math.inf)
    whole = Bounds(max(1.0, math.ceil(min(bounds.low, high))), max(1.0, math.floor(high)))
    wanted = cpu_by_threshold(cap, use, whole, settings.threshold)
    used = f"{use:.2f} cores ({_percent(use, cap):.0f} %) are used"
    if wanted > cap:
        return grow_cpu(config, wanted, cap, actuator, f"{used}, the upper threshold is {settings.threshold.cpu_upper_percent:g} %")
    if wanted < cap:
        return Choice(cpu_shrink_changes(config, wanted, actuator), Reason.SHRINK_CPU, f"CPU {format_number(cap)} -> {format_number(wanted)}: {used}")
    if _percent(use, cap) > settings.threshold.cpu_upper_percent:
        return keep(Reason.AT_BOUND, f"CPU kept at {format_number(cap)}: {used}, {format_number(whole.high)} is the largest allowed")
    return keep(Reason.UNCHANGED, f"CPU kept at {format_number(cap)}: {used}")


def choose_memory_by_threshold(case: MemoryCase, settings: ThresholdSettings) -> Choice:
    """Return the rule's memory as a choice with its reason; a kill by the container's own limit is answered as the other algorithm does."""
    if case.estimate.is_kill_answered or case.estimate.is_leak_suspected:
        return choose_memory(case)
    limit, use = case.limit_mib, case.sample.memory_mib or 0.0
    inside = signs_of(case)
    # What was pushed out to swap a moment ago is still wanted.
    wanted = memory_by_threshold(limit, use + case.swap_growth_mib, case.bounds, settings)
    used = f"{use:.0f} MiB ({_percent(use, limit):.0f} %) are used"
    if wanted > limit:
        message = f"memory {limit} -> {wanted} MiB: {used}, the upper threshold is {settings.memory_upper_percent:g} %"
        return Choice({"memory_mib": wanted}, Reason.GROW_MEMORY, message, inside)
    if wanted < limit:
        guard = guard_memory_shrink(case, wanted)
        if guard is not None:
            return keep(guard.reason, f"memory kept at {limit} MiB instead of {wanted}: {guard.message}", *inside)
        reached = max(wanted, math.ceil(limit * (1 - case.policy.memory_shrink_largest_step)))
        return Choice({"memory_mib": reached}, Reason.SHRINK_MEMORY, f"memory {limit} -> {reached} MiB: {used}", inside)
    if _percent(use, limit) > settings.memory_upper_percent:
        return keep(Reason.AT_BOUND, f"memory kept at {limit} MiB: {used}, {case.bounds.high:.0f} MiB is the largest allowed", *inside)
    return keep(Reason.UNCHANGED, f"memory kept at {limit} MiB: {used}", *inside)


def _percent(use: float, limit: float) -> float:
    # Rounded, so that 0.48 of 4 cores are 12 % and not 11.999999999999998.
    return round(100.0 * use / limit, 6) if limit > 0 else 0.0


def _needed(use: float, upper_percent: float) -> float:
    """Return what the use would fill up to the upper threshold: 1.0 core at 80 % is 1.25."""
    return round(use * 100.0 / upper_percent, 6) if upper_percent > 0 else use
