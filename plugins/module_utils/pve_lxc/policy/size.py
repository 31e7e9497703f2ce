# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One container: learn from the newest sample, and size its two resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..model.guest import GuestConfig
from ..model.reason import Reason
from ..model.usage import UsageSample
from .adjust import adjust_cpu, adjust_memory
from .bounds import Bounds, cpu_bounds, memory_bounds
from .cpu import CpuScope, estimate_cpu, learn_cpu, use_cores
from .cpu_choice import Choice, choose_cpu, guard_cpu, keep
from .energy import memory_case_of_now, off_peak, saves_cpu, saves_memory, say_saving, use_of_now_cores, without_targets
from .floor import CpuCase
from .loan import follow_window
from .memory import estimate_memory, is_own_oom, learn_memory
from .memory_choice import MemoryCase, choose_memory, give_back, guard_memory, limit_of
from .observation import HostState, Observation
from .permit import Guard, guard_shrinking
from .probation import watch
from .remember import ContainerMemory
from .resource_memory import CpuMemory, MemoryMemory
from .season import learn_season
from .settings.container import ContainerSettings
from .settings.policy import PolicySettings
from .swap_use import learn_swap
from .threshold import choose_cpu_by_threshold, choose_memory_by_threshold

# A gap of a day makes the history start anew.
_FORGET_GAP_SECONDS = 86400.0


@dataclass(frozen=True, slots=True)
class Sizing:
    """What is chosen for one container before the node as a whole is looked at.

    Attributes:
        cpu: the choice for its CPU.
        memory: the choice for its memory.
        cpu_demand_cores: before bounds and guards; None when it cannot be said.
        memory_demand_mib: the same.
        cpu_bounds: of its CPU in cores; None when it is not managed.
        memory_bounds: of its memory in MiB; None when that is not managed.
        memory_case: what the choice of its memory depended on; None when that is not managed or not known.
        swap: the choice for its swap, made when the memory of all was shared out; None where swap is not sized.
        swap_bounds: of its swap in MiB; None where that is not sized.
    """

    cpu: Choice
    memory: Choice
    cpu_demand_cores: float | None = None
    memory_demand_mib: float | None = None
    cpu_bounds: Bounds | None = None
    memory_bounds: Bounds | None = None
    memory_case: MemoryCase | None = None
    swap: Choice | None = None
    swap_bounds: Bounds | None = None


@dataclass(frozen=True, slots=True)
class _Sized:
    """One resource: what is chosen, and what for."""

    choice: Choice
    demand: float | None = None
    bounds: Bounds | None = None
    case: MemoryCase | None = None
    cpu_case: CpuCase | None = None


def learn(observation: Observation, memory: ContainerMemory, settings: ContainerSettings, host: HostState, noted: Mapping[str, float]) -> ContainerMemory:
    """Return the memory with the newest sample entered; it must have passed the guards, and be newer than the last one.

    Args:
        observation: of this moment.
        memory: before.
        settings: of this container.
        host: the node.
        noted: fields of the memory, and what the look itself tells of them.
    """
    sample, config = observation.sample, observation.config
    if sample is None or config is None:
        return memory.with_changes(**noted)
    policy = settings.policy
    gap = sample.time_seconds - memory.last_sample_seconds
    if memory.last_sample_seconds == 0.0 or gap <= 0:
        # The first sample, or the first after the clock was set back.
        gap = policy.interval_seconds
    seconds = min(gap, policy.longest_gap_seconds)
    scope = _cpu_scope(memory, config, settings, host)
    largest_mib = memory_bounds(memory.baseline or config.allocation, host.memory_total_mib, settings.bounds).high
    cpu = memory.cpu
    if sample.cpu_cores is not None and scope is not None and not is_cpu_settling(memory, policy, sample.time_seconds):
        cpu = learn_cpu(cpu, sample, scope, policy, seconds)
    limit_mib = _limit_in_force(config, sample)
    swap = learn_swap(memory.swap, sample, host, policy, policy.longest_gap_seconds)
    is_killed = is_own_oom(sample, limit_mib)
    return memory.with_changes(
        **noted,
        cpu=cpu,
        memory=learn_memory(memory.memory, sample, limit_mib, largest_mib, policy, seconds),
        swap=swap,
        probation=watch(memory.probation, sample, policy, seconds, swap_growth_mib=swap.growth_mib, is_killed=is_killed),
        learnt_seconds=(0.0 if gap > _FORGET_GAP_SECONDS else memory.learnt_seconds) + seconds,
        recorded_seconds=0.0 if gap > _FORGET_GAP_SECONDS else memory.recorded_seconds,
        last_sample_seconds=sample.time_seconds,
        season=None
        if policy.season == "none"
        else learn_season(memory.season, sample.time_seconds, _season_cores(sample, scope, policy), sample.memory_mib, policy),
    )


def size(
    observation: Observation, memory: ContainerMemory, settings: ContainerSettings, host: HostState, now: float, *, is_new: bool
) -> tuple[Sizing, ContainerMemory]:
    """Return what is chosen for a container, and the memory with the targets entered.

    Args:
        observation: with configuration and sample.
        memory: with the sample learnt.
        settings: of this container.
        host: the node.
        now: seconds since 1970.
        is_new: False when the sample was seen before.
    """
    memory = follow_window(memory, observation.config, settings.scheduled.save_energy, now)
    cpu, cpu_memory = _size_cpu(observation, memory, settings, host, now)
    ram, memory_memory = _size_memory(observation, memory, settings, host, now, is_new=is_new)
    memory = memory.with_changes(cpu=cpu_memory, memory=memory_memory)
    cpu_choice, memory = adjust_cpu(cpu.choice, cpu.cpu_case, observation, memory)
    ram_choice, memory = adjust_memory(ram.choice, ram.case, observation, memory)
    return Sizing(cpu_choice, ram_choice, cpu.demand, ram.demand, cpu.bounds, ram.bounds, ram.case), memory


def _size_cpu(observation: Observation, memory: ContainerMemory, settings: ContainerSettings, host: HostState, now: float) -> tuple[_Sized, CpuMemory]:
    config, sample = observation.config, observation.sample
    if config is None or sample is None or memory.baseline is None:
        return _Sized(keep(Reason.NOT_MEASURED, "CPU kept: it was not measured")), memory.cpu
    guard = guard_cpu(config, settings)
    if guard is not None:
        return _Sized(keep(guard.reason, f"CPU kept: {guard.message}")), memory.cpu
    bounds = cpu_bounds(memory.baseline, host.cpus, settings.bounds)
    if is_cpu_settling(memory, settings.policy, now):
        message = f"CPU kept: it was changed {now - memory.cpu_changed_seconds:.0f} s ago, and figures may still be shares of the old one"
        return _Sized(keep(Reason.CPU_JUST_CHANGED, message), None, bounds), memory.cpu
    estimate = estimate_cpu(memory.cpu, now, settings.policy)
    if sample.cpu_cores is None or bounds is None or estimate is None:
        return _Sized(keep(Reason.NOT_MEASURED, "CPU kept: its use over an interval is not known yet"), None, bounds), memory.cpu
    demand = estimate.target_cores
    learnt = memory.cpu.with_target(now, estimate.lasting_cores)
    is_saving = saves_cpu(settings, sample)
    if settings.policy.algorithm == "threshold":
        rule = replace(settings, threshold=off_peak(settings.threshold)) if is_saving else settings
        choice = choose_cpu_by_threshold(config, sample, bounds, rule, host.cpus)
    elif is_saving:
        choice = choose_cpu(config, without_targets(learnt), use_of_now_cores(learnt, demand, settings.policy, now), bounds, settings, now)
    else:
        choice = choose_cpu(config, learnt, demand, bounds, settings, now)
    choice = say_saving(choice) if is_saving else choice
    if choice.reason is Reason.SHRINK_CPU:
        shrink_guard = guard_shrinking(observation, memory, settings.policy, now, recorded_seconds=memory.recorded_seconds)
        if shrink_guard is None and settings.policy.cpu_grow_only:
            shrink_guard = Guard(Reason.GROW_ONLY, "it is only grown (cpu_grow_only)")
        if shrink_guard is not None:
            choice = keep(shrink_guard.reason, f"CPU kept although {demand:.2f} cores would do: {shrink_guard.message}")
    return _Sized(choice, demand, bounds, cpu_case=CpuCase(config, bounds, settings, demand, now)), learnt


def _size_memory(
    observation: Observation, memory: ContainerMemory, settings: ContainerSettings, host: HostState, now: float, *, is_new: bool
) -> tuple[_Sized, MemoryMemory]:
    config, sample = observation.config, observation.sample
    if config is None or sample is None or memory.baseline is None:
        return _Sized(keep(Reason.NOT_MEASURED, "memory kept: it was not measured")), memory.memory
    guard = guard_memory(config)
    if guard is not None:
        return _Sized(keep(guard.reason, f"memory kept: {guard.message}")), memory.memory
    limit = _limit_in_force(config, sample)
    growth_mib = memory.swap.growth_mib if memory.swap.seen_seconds == sample.time_seconds else 0.0
    estimate = estimate_memory(memory.memory, sample, limit, settings.policy, is_new=is_new, swap_growth_mib=growth_mib)
    if estimate is None:
        return _Sized(keep(Reason.NOT_MEASURED, "memory kept: its use was not measured")), memory.memory
    bounds = memory_bounds(memory.baseline, host.memory_total_mib, settings.bounds)
    learnt = memory.memory.with_target(now, estimate.target_mib)
    case = MemoryCase(
        limit_mib=limit_of(config),
        sample=sample,
        memory=learnt,
        estimate=estimate,
        bounds=bounds,
        policy=settings.policy,
        now=now,
        shrink_guard=guard_shrinking(observation, memory, settings.policy, now),
        swap_growth_mib=growth_mib,
        probation=memory.probation,
    )
    is_by_threshold = settings.policy.algorithm == "threshold"
    is_saving = saves_memory(settings)
    if is_by_threshold:
        choice = choose_memory_by_threshold(case, off_peak(settings.threshold) if is_saving else settings.threshold)
    else:
        choice = choose_memory(memory_case_of_now(case) if is_saving else case)
    choice = say_saving(choice) if is_saving else choice
    choice = give_back(case, choice)
    return _Sized(choice, estimate.target_mib, bounds, case), learnt


def is_cpu_settling(memory: ContainerMemory, policy: PolicySettings, now: float) -> bool:
    """Return whether the CPU was changed so lately that Proxmox's figures may span the change: it shows use as a share of the cores of before."""
    return memory.cpu_changed_seconds > 0 and 0 <= now - memory.cpu_changed_seconds < policy.cpu_settle_seconds


def _season_cores(sample: UsageSample, scope: CpuScope | None, policy: PolicySettings) -> float | None:
    """Return the use that the season remembers; None when it was not measured."""
    return None if sample.cpu_cores is None or scope is None else use_cores(sample, scope.cap_cores, policy)


def _limit_in_force(config: GuestConfig, sample: UsageSample) -> float:
    """Return the limit that the use stood against: the kernel's, where it can be read and is smaller than the configured one."""
    configured = float(limit_of(config))
    return configured if sample.live_memory_max_mib is None else min(configured, sample.live_memory_max_mib)


def _cpu_scope(memory: ContainerMemory, config: GuestConfig, settings: ContainerSettings, host: HostState) -> CpuScope | None:
    if memory.baseline is None:
        return None
    bounds = cpu_bounds(memory.baseline, host.cpus, settings.bounds)
    cap = config.allocation.cpu_limit_cores
    if bounds is None or cap is None:
        return None
    return CpuScope(cap_cores=float(cap), max_cores=bounds.high, host_pressure_percent=host.usage.cpu_pressure_percent)
