# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated time: demand, the cpuset placement and pvestatd's reports move only when an advance is asked for.

Within a trace step nothing changes, so a whole step is integrated at once instead of in ten-second ticks.
"""

from __future__ import annotations

import math
import zlib

from . import history
from .broadcast import report
from .guest import Guest
from .guest_parts import GIB, MIB, TraceUse
from .memory_model import REFAULT_PAGES_PER_MISSING_MIB_SECOND, fits, kill_service, memory_some_percent, missing_mapped_mib, settle_levels
from .world import World

TICK_SECONDS = 10
PLAIN_STEP_SECONDS = 300
PEAK_SECONDS = 60
# Rounding of a fractional trace offset must never make a span of no length.
SHORTEST_SPAN_SECONDS = 0.001
MEMORY_SOME_AFTER_KILL_PERCENT = 50.0
MEMORY_FULL_AFTER_KILL_PERCENT = 25.0
PERIOD_SECONDS = 0.1


class Simulation:
    """Moves a world through simulated time.

    Attributes:
        world: what moves.
        trace_origin: simulated time at which every trace stands at its offset.
    """

    def __init__(self, world: World, trace_origin: float) -> None:
        """Start at the world's time."""
        self.world = world
        self.trace_origin = trace_origin

    def begin(self) -> None:
        """Give every running guest the demand of this moment, so that the first report is not empty, and the minute before it, as one that runs has."""
        minute = math.floor(self.world.now / history.ROW_SECONDS) * history.ROW_SECONDS
        for guest in self.world.guests.values():
            if guest.is_running:
                _stop, guest.cpu_demand_cores = self._cpu_at(guest, self.world.now)
                self._memory_at(guest, self.world.now)
                guest.cpu_used_cores = min(guest.cpu_demand_cores, effective_cores(guest))
                guest.levels = settle_levels(guest, guest.service_down_until > self.world.now)
                if guest.started_at is not None and guest.started_at <= minute - history.ROW_SECONDS:
                    guest.minute_rows.append((minute, *self._figures(guest, 0.0, 0.0, 0.0)))
        report(self.world, self.world.now)

    def advance(self, seconds: float) -> float:
        """Move by a number of seconds and return the new simulated time."""
        start, end = self.world.now, self.world.now + seconds
        for guest in list(self.world.guests.values()):
            if guest.is_running:
                self._run(guest, start, end)
            elif not self._is_report_stuck():
                self._idle(guest, start, end)
        self.world.now = end
        self.take_reports(start, end)
        return end

    def take_reports(self, start: float, end: float) -> None:
        """Let pvestatd report when a ten-second tick lies in (start, end]."""
        tick = math.floor(end / TICK_SECONDS) * TICK_SECONDS
        if tick > start and not self._is_report_stuck():
            report(self.world, tick)

    def _is_report_stuck(self) -> bool:
        return self.world.broadcast_stuck_since is not None

    def _run(self, guest: Guest, start: float, end: float) -> None:
        """Integrate one running guest over a span in which nobody writes to it."""
        node = self.world.nodes[guest.node]
        position = start
        while position < end:
            stop, cpu_cores = self._cpu_at(guest, position)
            stop = min(max(min(stop, self._memory_at(guest, position)), position + SHORTEST_SPAN_SECONDS), end)
            cpuset_cores = guest.cpuset_count(node.cpus)
            must_place = cpuset_cores != guest.limits.cpuset_cores and not self._is_report_stuck() and not has_own_cpuset(guest)
            if must_place:
                stop = min(stop, math.floor(position / TICK_SECONDS) * TICK_SECONDS + TICK_SECONDS)
            self._integrate(guest, position, stop, cpu_cores)
            if must_place and stop % TICK_SECONDS == 0:
                guest.limits.cpuset_cores = cpuset_cores
            position = stop

    def _cpu_at(self, guest: Guest, time: float) -> tuple[float, float]:
        """Return when the CPU demand changes next, and the demand in cores until then.

        A recorded peak takes one pseudo-random minute of its step; the rest is lowered so that the mean stays: mean 1.0 and
        peak 3.0 in 300 s give one minute of 3.0 and four of 0.5.
        """
        use = guest.cpu_trace
        if use is None:
            return math.inf, guest.demand.cpu_cores
        index, begin, stop = self._step(use, time)
        trace = use.trace
        mean = trace.cpu_cores[index] * use.scale
        guest.demand.cpu_cores = mean
        peak = trace.peak_cores[index] * use.scale if trace.peak_cores else mean
        minutes = trace.step_seconds // PEAK_SECONDS
        if peak <= mean or minutes < 2:
            return stop, mean
        peak = min(peak, mean * minutes)
        rest = max((mean * minutes - peak) / (minutes - 1), 0.0)
        place = zlib.crc32(f"{self.world.seed}:{guest.vmid}:{index}".encode()) % minutes
        minute = int((time - begin) // PEAK_SECONDS)
        if minute < place:
            return begin + place * PEAK_SECONDS, rest
        if minute == place:
            return begin + (place + 1) * PEAK_SECONDS, peak
        return stop, rest

    def _memory_at(self, guest: Guest, time: float) -> float:
        """Set the memory demand of a time, let the kernel kill what does not fit, and return when it changes next."""
        use = guest.memory_trace
        if use is None:
            stop = (time // PLAIN_STEP_SECONDS + 1) * PLAIN_STEP_SECONDS
        else:
            index, _begin, stop = self._step(use, time)
            shared = max(guest.demand.shmem_mib, guest.demand.mapped_mib)
            guest.demand.anon_mib = max(1.0, use.trace.memory_mib[index] * use.scale - shared)
        if guest.service_down_until <= time and not fits(guest, False):
            kill_service(guest, stop)
        if guest.service_down_until > time:
            stop = min(stop, guest.service_down_until)
        return stop

    def _step(self, use: TraceUse, time: float) -> tuple[int, float, float]:
        """Return the index, the begin and the end of the trace step at a time; a trace that ends begins again."""
        seconds = use.trace.step_seconds
        length = len(use.trace.cpu_cores or use.trace.memory_mib)
        since = time - self.trace_origin + use.offset_seconds
        number = math.floor(since / seconds)
        begin = time - (since - number * seconds)
        return number % length, begin, begin + seconds

    def _integrate(self, guest: Guest, start: float, stop: float, cpu_cores: float) -> None:
        """Account for a span in which demand and limits are constant."""
        seconds = stop - start
        is_down = guest.service_down_until > start
        levels = guest.levels = settle_levels(guest, is_down)
        limit = effective_cores(guest)
        served = min(cpu_cores, limit)
        counters = guest.counters
        counters.demand_core_seconds += cpu_cores * seconds
        counters.served_core_seconds += served * seconds
        counters.unmet_core_seconds += (cpu_cores - served) * seconds
        counters.allocated_core_seconds += limit * seconds
        counters.allocated_gib_seconds += guest.limits.memory_bytes / GIB * seconds
        counters.used_gib_seconds += levels.working_set_mib / 1024 * seconds
        is_throttled = cpu_cores > limit + 1e-9
        cpu_some = 100.0 if is_throttled else 0.0
        memory_some = MEMORY_SOME_AFTER_KILL_PERCENT if is_down else memory_some_percent(levels.needed_mib, guest.limits.memory_bytes / MIB)
        memory_full = MEMORY_FULL_AFTER_KILL_PERCENT if is_down else 0.0
        if is_throttled:
            counters.throttled_seconds += seconds
            counters.cgroup_throttled_seconds += seconds
        counters.cgroup_periods += int(seconds / PERIOD_SECONDS)
        counters.cgroup_cpu_seconds += served * seconds
        counters.cgroup_cpu_some_seconds += cpu_some / 100 * seconds
        counters.cgroup_memory_some_seconds += memory_some / 100 * seconds
        counters.cgroup_memory_full_seconds += memory_full / 100 * seconds
        counters.cgroup_refaults += missing_mapped_mib(guest) * REFAULT_PAGES_PER_MISSING_MIB_SECOND * seconds
        pressure = guest.pressure
        for averages, percent in ((pressure.cpu_some, cpu_some), (pressure.memory_some, memory_some), (pressure.memory_full, memory_full)):
            for window in averages:
                averages[window] = percent + (averages[window] - percent) * math.exp(-seconds / window)
        guest.cpu_used_cores = served
        guest.cpu_demand_cores = cpu_cores
        if not self._is_report_stuck():
            history.add_span(guest, start, stop, self._figures(guest, cpu_some, memory_some, memory_full))

    def _figures(self, guest: Guest, cpu_some: float, memory_some: float, memory_full: float) -> tuple[float, ...]:
        """Return what stands in a row about a running guest: ``history.FIELDS``, of what it uses now."""
        cpus = guest.cpu_count(self.world.nodes[guest.node].cpus)
        memory = int(guest.config.get("memory", "512")) * MIB
        use = (guest.cpu_used_cores / cpus, guest.levels.api_mib * MIB, cpus, memory, guest.disk_bytes, guest.shown_disk_bytes())
        return (*use, cpu_some, cpu_some, memory_some, memory_full, 1.0)

    def _idle(self, guest: Guest, start: float, end: float) -> None:
        """Write the rows of a stopped guest: only what the configuration says."""
        cpus = guest.cpu_count(self.world.nodes[guest.node].cpus)
        memory = int(guest.config.get("memory", "512")) * MIB
        history.add_span(guest, start, end, (0.0, 0.0, cpus, memory, 0.0, guest.rootfs_bytes(), 0.0, 0.0, 0.0, 0.0, 0.0))


def effective_cores(guest: Guest) -> float:
    """Return the cores a guest may use at once: the cpuset's size or the quota, whichever is less."""
    quota = guest.limits.quota_cores
    return guest.limits.cpuset_cores if quota is None else min(quota, guest.limits.cpuset_cores)


def has_own_cpuset(guest: Guest) -> bool:
    """Return whether raw lines pin the guest; pvestatd never places such a container."""
    return any(name in ("lxc.cgroup2.cpuset.cpus", "lxc.cgroup.cpuset.cpus") for name, _value in guest.raw_lxc)
