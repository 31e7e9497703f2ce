# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal G10: all containers with memory on one node that has 80 % of what they ask for; the loop against first come first served.

Both see the same demand and ask with the same policy; only the giving differs. Ours is ``policy.decide`` with all containers and the node at once, as in
the loop, so limits come down as slowly as there, and growth waits until what it needs was seen to be free. What there is for the containers is 80 % of
the largest sum of what they would be given on a node with room; the reserve that the loop leaves in any case is beside it.

* First come first served is a rule about limits: their sum never exceeds what the node has.
* Ours goes by what is free (the default), or by the sum of limits as well (``overcommit_ratio``).

A step in which a container wants more than its limit is one OOM step; so is each kill by the node itself, largest first, when the use of all exceeds what
it has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import judge
from pve_lxc.autoscale.replay.rehearsal import NODE, rehearsal_bounds, rehearsal_policy
from pve_lxc.model.allocation import Allocation
from pve_lxc.model.guest import Guest, GuestConfig
from pve_lxc.model.node import Node
from pve_lxc.model.usage import HostUsage, MemorySource, UsageSample
from pve_lxc.policy.adopt import record_write
from pve_lxc.policy.decide import decide
from pve_lxc.policy.observation import HostState, Observation
from pve_lxc.policy.remember import ContainerMemory
from pve_lxc.policy.settings.container import ContainerSettings, SettingsBook
from pve_lxc.policy.settings.policy import PolicySettings

SHORT_SHARE = 0.8
STEP_SECONDS = 300
GRANULE_MIB = 32
ROOM_MIB = 2.0**30
RESERVE_SHARE = PolicySettings().host_memory_reserve_share
# Time 0 means "never" to the policy; before the first step a container is said to have run for long.
START_SECONDS = 1_000_000_000.0
UPTIME_SECONDS = 1_000_000.0

Limits = dict[int, int]
Give = Callable[[Limits, Limits], Limits]


@dataclass(frozen=True)
class Counted:
    """OOM steps by the containers' own limits, kills by the node, and the largest sum that was asked for."""

    own: int
    by_node: int
    largest_mib: float

    @property
    def ooms(self) -> int:
        return self.own + self.by_node


def first_come_first_served(budget_mib: float) -> Give:
    """Return the rule by which each in turn takes what it wants, as far as the limits leave any of the node."""

    def give(limits: Limits, wanted: Limits) -> Limits:
        given = dict(limits)
        for vmid, size in wanted.items():
            free = budget_mib - sum(given.values())
            given[vmid] = int(min(size, given[vmid] + max(free, 0.0)))
        return given

    return give


def as_decided(_limits: Limits, wanted: Limits) -> Limits:
    """Return what was decided: the loop held it to the node already."""
    return wanted


def count_oom_steps(paths: list[str]) -> dict[str, Counted]:
    """Return what was counted: with ``room`` on the node, ``fcfs``, ``ours``, and ours with the sum of ``limits`` as a budget."""
    traces = {100 + number: trace for number, trace in enumerate(short_traces(paths))}
    room = run(traces, ROOM_MIB, PolicySettings(), as_decided)
    budget = SHORT_SHARE * room.largest_mib
    return {
        "room": room,
        "fcfs": run(traces, ROOM_MIB, PolicySettings(), first_come_first_served(budget), start_mib=budget / len(traces)),
        "ours": run(traces, budget, PolicySettings(), as_decided, start_mib=budget / len(traces)),
        "limits": run(traces, budget, PolicySettings(overcommit_ratio=1 - RESERVE_SHARE), as_decided, start_mib=budget / len(traces)),
    }


def short_traces(paths: list[str]) -> list[judge.Trace]:
    """Return the traces with memory in steps of five minutes."""
    return [trace for trace in (judge.Trace(path) for path in paths) if trace.has_mem and trace.step == STEP_SECONDS]


def run(traces: Mapping[int, judge.Trace], budget_mib: float, policy: PolicySettings, give: Give, start_mib: float = ROOM_MIB) -> Counted:
    """Return what happens to the containers on a node with so much for them, each beginning with its maximum or ``start_mib``, whichever is less."""
    node_mib = budget_mib / (1 - RESERVE_SHARE)
    policy = replace(rehearsal_policy(policy, STEP_SECONDS), memory_step_mib=GRANULE_MIB, grow_only_history_seconds=0.0, memory_oom_answers=length(traces))
    bounds = {vmid: rehearsal_bounds(None, trace.max_mem, actuator="none", cpu_step_cores=0.1) for vmid, trace in traces.items()}
    book = SettingsBook(ContainerSettings(policy), {vmid: ContainerSettings(policy, own) for vmid, own in bounds.items()})
    limits = {vmid: int(min(trace.max_mem, start_mib)) for vmid, trace in traces.items()}
    memories: dict[int, ContainerMemory] = {}
    own, by_node, largest = 0, 0, 0.0
    for step in range(length(traces)):
        now = START_SECONDS + step * STEP_SECONDS
        demands = {vmid: float(trace.m[step]) for vmid, trace in traces.items()}
        own += sum(demand > limits[vmid] + 1e-6 for vmid, demand in demands.items())
        used = {vmid: min(demand, limits[vmid]) for vmid, demand in demands.items()}
        by_node += kills_by_node(used, budget_mib)
        host = HostState(Node(NODE, "online", cgroup_mode=2), HostUsage(NODE, 8192.0, node_mib, max(0.0, node_mib - sum(used.values())), 0.0))
        observations = [_look(vmid, now, demands[vmid], limits[vmid]) for vmid in traces]
        decisions, memories = decide(observations, memories, book, host, now)
        wanted = {decision.vmid: decision.target.memory_mib for decision in decisions}
        # The first day begins at the maxima: what is asked there is not asked by the policy.
        largest = max(largest, sum(wanted.values())) if step >= 288 else largest
        limits = give(limits, wanted)
        memories = {vmid: record_write(memory, Allocation(cores=1, memory_mib=limits[vmid]), now) for vmid, memory in memories.items()}
    return Counted(own, by_node, largest)


def length(traces: Mapping[int, judge.Trace]) -> int:
    """Return how many steps all traces have."""
    return min(trace.n for trace in traces.values())


def kills_by_node(used: Mapping[int, float], budget_mib: float) -> int:
    """Return how many containers the kernel has to kill, largest first, until the rest fits."""
    over, kills = sum(used.values()) - budget_mib, 0
    for size in sorted(used.values(), reverse=True):
        if over <= 0:
            break
        over, kills = over - size, kills + 1
    return kills


def _look(vmid: int, now: float, demand: float, limit: int) -> Observation:
    """Return what the API would show; a kill has to be guessed from it, as elsewhere in the judge."""
    is_oom = demand > limit + 1e-6
    sample = UsageSample(
        vmid,
        NODE,
        now,
        STEP_SECONDS,
        memory_mib=float(round(min(demand, limit))),
        memory_source=MemorySource.API,
        memory_pressure_percent=50.0 if is_oom else judge.mem_psi(demand, limit),
        memory_full_percent=25.0 if is_oom else 0.0,
    )
    guest = Guest(vmid, f"ct{vmid}", NODE, "running", uptime_seconds=UPTIME_SECONDS + now - START_SECONDS)
    return Observation(guest, GuestConfig(vmid, NODE, "", Allocation(cores=1, memory_mib=limit)), sample, record_age_seconds=0.0)
