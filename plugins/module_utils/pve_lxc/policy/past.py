# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container that was never seen is learnt from Proxmox's own records before its first decision.

What records cannot say is not taken from them:

* Whose they are. A re-used id serves the rows of the container that had it before, so only rows since the last start count: from then on it
  was this one.
* Shared memory. The records leave it out, so of memory only rises are learnt, never that there were none; the time behind them does not
  count, and memory is taken away only after the loop's own day. CPU is counted by the same counter as the loop's, so there the time counts,
  back to the last change of the limit: before it somebody else was still trying.
* Kills. What went beyond the limit then is not there; nothing is called a kill.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ..model.allocation import Allocation
from ..model.guest import GuestConfig
from ..model.usage import MemorySource, UsageSample
from .bounds import cpu_bounds, memory_bounds
from .cpu import CpuScope, estimate_cpu, learn_cpu
from .demand import DemandRow, condense_demand
from .memory import learn_memory
from .observation import HostState, Observation
from .remember import ContainerMemory, new_memory
from .resource_memory import CpuMemory
from .settings.container import ContainerSettings
from .settings.policy import PolicySettings

# More CPU than the limit of that time is a wrong figure; a tenth is left for the two clocks that it comes from.
_PLAUSIBLE_SHARE = 1.1

# Rows of a minute are learnt from five at a time: a day of them for each container is much to begin with, and the highest of each is kept.
_BLOCK_SECONDS = 300.0


def is_unseen(memory: ContainerMemory) -> bool:
    """Return whether nothing was ever learnt about a container, and its records were not read either."""
    return memory.last_sample_seconds == 0.0 and memory.records_read_seconds == 0.0


def forget_learnt(memory: ContainerMemory, settings: PolicySettings) -> ContainerMemory:
    """Return the memory of a container that is to be learnt from its records anew.

    What records cannot tell stays: whose it is, what was found and what is ours, holds, kills, and when memory was last taken away.
    """
    fresh = new_memory(settings)
    kept = replace(fresh.memory, oom_times=memory.memory.oom_times, last_shrink_seconds=memory.memory.last_shrink_seconds)
    return replace(memory, cpu=fresh.cpu, memory=kept, recorded_seconds=0.0, last_sample_seconds=0.0, records_read_seconds=0.0)


def earliest_record_seconds(observation: Observation, settings: PolicySettings, now: float) -> float:
    """Return from when on records are this container's, and worth to be learnt from: 5 minutes after its start. Unknown uptime: none is."""
    uptime = observation.guest.uptime_seconds
    return math.inf if uptime is None else now - uptime + settings.learn_after_uptime_seconds


def learn_past(
    memory: ContainerMemory, rows: Sequence[DemandRow], observation: Observation, settings: ContainerSettings, host: HostState, now: float
) -> ContainerMemory:
    """Return the memory of an unseen container with its records entered; marked as read even when there is nothing to enter.

    Args:
        memory: of the container; is_unseen.
        rows: its records, oldest first.
        observation: of this moment, with configuration and sample.
        settings: of this container.
        host: the node.
        now: seconds since 1970.
    """
    memory = replace(memory, records_read_seconds=now)
    config, sample = observation.config, observation.sample
    earliest = earliest_record_seconds(observation, settings.policy, now)
    # A row that ends now would make the sample of now look like one that was seen before.
    kept = [row for row in rows if row.time_seconds - row.interval_seconds >= earliest and row.time_seconds < now and _is_plausible(row)]
    if config is None or sample is None or not kept:
        return memory
    recorded_seconds = _seconds_under_present_limit(kept)
    kept = condense_demand(kept, _BLOCK_SECONDS)
    memory = _learn_memory(memory, kept, config, sample, settings, host)
    if any(row.cpu_cores is not None for row in kept):
        memory = replace(memory, cpu=_learn_cpu(memory.cpu, kept, config, settings, host), recorded_seconds=recorded_seconds)
    return replace(memory, last_sample_seconds=kept[-1].time_seconds)


def _is_plausible(row: DemandRow) -> bool:
    numbers = [value for value in (row.cpu_cores, row.cpu_peak_cores, row.memory_mib) if value is not None]
    if not all(math.isfinite(value) and value >= 0 for value in numbers):
        return False
    return row.cpu_peak_cores is None or row.limit_cores is None or row.cpu_peak_cores <= row.limit_cores * _PLAUSIBLE_SHARE


def _seconds_under_present_limit(rows: Sequence[DemandRow]) -> float:
    """Return the recorded time since the CPU limit was last changed: rows with 4, 2, 2 cores of a minute each are 120 s."""
    seconds = 0.0
    for row in reversed(rows):
        if row.limit_cores is None or row.limit_cores != rows[-1].limit_cores:
            break
        seconds += row.interval_seconds if row.cpu_cores is not None else 0.0
    return seconds


def _learn_cpu(cpu: CpuMemory, rows: Sequence[DemandRow], config: GuestConfig, settings: ContainerSettings, host: HostState) -> CpuMemory:
    """Return what is known of the CPU, with the targets of the last hour as the loop would have had them."""
    policy = settings.policy
    bounds = cpu_bounds(config.allocation, host.cpus, settings.bounds)
    if bounds is None:
        return cpu
    shown_since = rows[-1].time_seconds - policy.cpu_shrink_wait_seconds
    for row in rows:
        cap = _cap_cores(row, config.allocation)
        if row.cpu_cores is None or cap is None:
            continue
        sample = UsageSample(
            config.vmid, config.node, row.time_seconds, row.interval_seconds, cpu_cores=min(row.cpu_cores, cap), cpu_peak_cores=row.cpu_peak_cores
        )
        cpu = learn_cpu(cpu, sample, CpuScope(cap, bounds.high), policy, row.interval_seconds)
        estimate = estimate_cpu(cpu, row.time_seconds, policy) if row.time_seconds >= shown_since else None
        cpu = cpu if estimate is None else cpu.with_target(row.time_seconds, estimate.lasting_cores)
    return cpu


def _cap_cores(row: DemandRow, allocation: Allocation) -> float | None:
    """Return what limited the CPU then. Records show a cpulimit only where there are no cores, so the present one stands for it."""
    if row.limit_cores is None:
        return None
    return row.limit_cores if allocation.cpulimit is None else min(row.limit_cores, allocation.cpulimit)


def _learn_memory(
    memory: ContainerMemory, rows: Sequence[DemandRow], config: GuestConfig, sample: UsageSample, settings: ContainerSettings, host: HostState
) -> ContainerMemory:
    """Return the memory with the rises of the records.

    The records' figure lies below the working set by what is shared or mapped; today's distance stands for all of them, lest the first true
    figure look like a rise: with 300 MiB recorded last and 1800 now, a recorded 400 counts as 1900.
    """
    recorded = [row.memory_mib for row in rows if row.memory_mib is not None]
    if sample.memory_mib is None or not recorded:
        return memory
    unseen_mib = max(0.0, sample.memory_mib - recorded[-1]) if sample.memory_source is MemorySource.CGROUP else 0.0
    largest_mib = memory_bounds(config.allocation, host.memory_total_mib, settings.bounds).high
    learnt = memory.memory
    for row in rows:
        if row.memory_mib is None:
            continue
        use_mib = row.memory_mib + unseen_mib
        past = UsageSample(config.vmid, config.node, row.time_seconds, row.interval_seconds, memory_mib=use_mib, own_oom_kills=0)
        # A weight of 0: time in which shared memory was not seen makes no rise less likely.
        learnt = learn_memory(learnt, past, largest_mib, largest_mib, settings.policy, 0.0)
    return replace(memory, memory=learnt)
