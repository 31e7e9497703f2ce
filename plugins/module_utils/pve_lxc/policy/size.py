# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One container: learn from the newest sample, and size its two resources."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..model.guest import GuestConfig
from ..model.reason import Reason
from ..model.usage import UsageSample
from .bounds import Bounds, cpu_bounds, memory_bounds
from .cpu import CpuScope, estimate_cpu_cores, learn_cpu
from .cpu_choice import Choice, choose_cpu, guard_cpu, keep
from .memory import estimate_memory, learn_memory
from .memory_choice import MemoryCase, choose_memory, guard_memory, limit_of
from .observation import HostState, Observation
from .permit import Guard, guard_shrinking
from .remember import ContainerMemory, CpuMemory, MemoryMemory
from .settings import ContainerSettings
from .threshold import choose_cpu_by_threshold, choose_memory_by_threshold

# A longer gap than so many intervals was no observation; a gap of a day makes the history start anew.
_LONGEST_GAP_INTERVALS = 3.0
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
    """

    cpu: Choice
    memory: Choice
    cpu_demand_cores: float | None = None
    memory_demand_mib: float | None = None
    cpu_bounds: Bounds | None = None
    memory_bounds: Bounds | None = None


@dataclass(frozen=True, slots=True)
class _Sized:
    """One resource: what is chosen, and what for."""

    choice: Choice
    demand: float | None = None
    bounds: Bounds | None = None


def learn(observation: Observation, memory: ContainerMemory, settings: ContainerSettings, host: HostState) -> ContainerMemory:
    """Return the memory with the newest sample entered; it must have passed the guards, and be newer than the last one."""
    sample, config = observation.sample, observation.config
    if sample is None or config is None:
        return memory
    policy = settings.policy
    gap = sample.time_seconds - memory.last_sample_seconds
    if memory.last_sample_seconds == 0.0 or gap <= 0:
        # The first sample, or the first after the clock was set back.
        gap = policy.interval_seconds
    seconds = min(gap, _LONGEST_GAP_INTERVALS * policy.interval_seconds)
    scope = _cpu_scope(memory, config, settings, host)
    largest_mib = memory_bounds(memory.baseline or config.allocation, host.memory_total_mib, settings.bounds).high
    cpu = memory.cpu
    if sample.cpu_cores is not None and scope is not None:
        cpu = learn_cpu(cpu, sample, scope, policy, seconds)
    return replace(
        memory,
        cpu=cpu,
        memory=learn_memory(memory.memory, sample, _limit_in_force(config, sample), largest_mib, policy, seconds),
        learnt_seconds=(0.0 if gap > _FORGET_GAP_SECONDS else memory.learnt_seconds) + seconds,
        last_sample_seconds=sample.time_seconds,
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
    cpu, cpu_memory = _size_cpu(observation, memory, settings, host, now)
    ram, memory_memory = _size_memory(observation, memory, settings, host, now, is_new=is_new)
    return Sizing(cpu.choice, ram.choice, cpu.demand, ram.demand, cpu.bounds, ram.bounds), replace(memory, cpu=cpu_memory, memory=memory_memory)


def _size_cpu(observation: Observation, memory: ContainerMemory, settings: ContainerSettings, host: HostState, now: float) -> tuple[_Sized, CpuMemory]:
    config, sample = observation.config, observation.sample
    if config is None or sample is None or memory.baseline is None:
        return _Sized(keep(Reason.NOT_MEASURED, "CPU kept: it was not measured")), memory.cpu
    guard = guard_cpu(config, settings)
    if guard is not None:
        return _Sized(keep(guard.reason, f"CPU kept: {guard.message}")), memory.cpu
    bounds = cpu_bounds(memory.baseline, host.cpus, settings.bounds)
    demand = estimate_cpu_cores(memory.cpu, now, settings.policy)
    if sample.cpu_cores is None or bounds is None or demand is None:
        return _Sized(keep(Reason.NOT_MEASURED, "CPU kept: its use over an interval is not known yet"), None, bounds), memory.cpu
    learnt = memory.cpu.with_target(now, demand)
    if settings.policy.algorithm == "threshold":
        choice = choose_cpu_by_threshold(config, sample, bounds, settings, host.cpus)
    else:
        choice = choose_cpu(config, learnt, demand, bounds, settings, now)
    if choice.reason is Reason.SHRINK_CPU:
        shrink_guard = guard_shrinking(observation, memory, settings.policy, now)
        if shrink_guard is None and settings.policy.cpu_grow_only:
            shrink_guard = Guard(Reason.GROW_ONLY, "it is only grown (cpu_grow_only)")
        if shrink_guard is not None:
            choice = keep(shrink_guard.reason, f"CPU kept although {demand:.2f} cores would do: {shrink_guard.message}")
    return _Sized(choice, demand, bounds), learnt


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
    estimate = estimate_memory(memory.memory, sample, limit, settings.policy, is_new=is_new)
    if estimate is None:
        return _Sized(keep(Reason.NOT_MEASURED, "memory kept: its use was not measured")), memory.memory
    bounds = memory_bounds(memory.baseline, host.memory_total_mib, settings.bounds)
    learnt = memory.memory.with_target(now, estimate.target_mib)
    case = MemoryCase(
        config=config,
        sample=sample,
        memory=learnt,
        estimate=estimate,
        bounds=bounds,
        policy=settings.policy,
        now=now,
        shrink_guard=guard_shrinking(observation, memory, settings.policy, now),
    )
    is_by_threshold = settings.policy.algorithm == "threshold"
    choice = choose_memory_by_threshold(case, settings.threshold) if is_by_threshold else choose_memory(case)
    return _Sized(choice, estimate.target_mib, bounds), learnt


def _limit_in_force(config: GuestConfig, sample: UsageSample) -> float:
    """Return the limit that the use stood against: the kernel's, where it can be read and is smaller than the configured one."""
    configured = float(limit_of(config))
    return configured if sample.live_memory_max_mib is None else min(configured, sample.live_memory_max_mib)


def _cpu_scope(memory: ContainerMemory, config: GuestConfig, settings: ContainerSettings, host: HostState) -> CpuScope | None:
    if memory.baseline is None:
        return None
    bounds = cpu_bounds(memory.baseline, host.cpus, settings.bounds)
    found = [value for value in (config.allocation.cores, config.allocation.cpulimit) if value is not None]
    if bounds is None or not found:
        return None
    return CpuScope(cap_cores=float(min(found)), max_cores=bounds.high, host_pressure_percent=host.usage.cpu_pressure_percent)
