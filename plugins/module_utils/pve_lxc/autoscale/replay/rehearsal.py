# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One container that exists on paper only: the loop's own policy sizes it, and every change is carried out at once.

Nothing is computed here: what is decided comes from ``policy.decide``, as in the loop. Guards against what a recording cannot show are
off: shared memory (``allow_blind_shrink``), the core that production always leaves (``min_cpu_cores``), bounds that follow what was
found at adoption, and "a leak is left to people" (there are none). All others hold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...model.allocation import Allocation
from ...model.decision import Decision
from ...model.guest import Guest, GuestConfig
from ...model.node import Node
from ...model.usage import HostUsage, UsageSample
from ...policy.adopt import record_write
from ...policy.decide import decide
from ...policy.observation import HostState, Observation
from ...policy.remember import ContainerMemory, new_memory
from ...policy.settings.bounds import BoundsSettings
from ...policy.settings.container import ContainerSettings, SettingsBook
from ...policy.settings.policy import PolicySettings

NODE = "rehearsal"

# A node that never is the reason for anything: what a recording of one container says nothing about.
_HOST_CPUS = 8192.0
_HOST_MEMORY_MIB = 2.0**30

# Time since its start that a recorded container is said to have had before its first row.
_UPTIME_BEFORE_SECONDS = 1_000_000.0


def rehearsal_host(cpu_pressure_percent: float | None = None) -> HostState:
    """Return a node with room for everything; its CPU pressure is not known unless it is given."""
    usage = HostUsage(
        NODE,
        cpus=_HOST_CPUS,
        memory_total_mib=_HOST_MEMORY_MIB,
        memory_available_mib=_HOST_MEMORY_MIB,
        memory_full_percent=0.0,
        cpu_pressure_percent=cpu_pressure_percent,
    )
    return HostState(Node(NODE, "online", cgroup_mode=2, cpus=_HOST_CPUS), usage)


def rehearsal_policy(policy: PolicySettings, interval_seconds: float) -> PolicySettings:
    """Return a policy without the guards that a recording cannot show, for samples so many seconds apart."""
    return replace(
        policy,
        interval_seconds=interval_seconds,
        allow_blind_shrink=True,
        memory_oom_answers=10,
        memory_probation_seconds=0.0,
        cpu_settle_seconds=0.0,
    )


def rehearsal_bounds(max_cpu_cores: float | None, max_memory_mib: float | None, *, actuator: str, cpu_step_cores: float) -> BoundsSettings:
    """Return bounds that leave everything up to the largest allowed open."""
    return BoundsSettings(
        actuator=actuator,
        min_cpu_cores=max(cpu_step_cores, 0.1),
        max_cpu_cores=max_cpu_cores,
        min_memory_mib=64,
        max_memory_mib=None if max_memory_mib is None else int(max_memory_mib),
        allow_below_half=True,
    )


@dataclass(slots=True)
class Rehearsal:
    """A container in closed loop.

    Attributes:
        vmid: whose.
        settings: of the container.
        host: its node.
        memory: what the policy remembers; begins as never seen.
    """

    vmid: int
    settings: ContainerSettings
    host: HostState
    memory: ContainerMemory

    @classmethod
    def begin(cls, vmid: int, settings: ContainerSettings, host: HostState) -> Rehearsal:
        """Return a container that was never seen."""
        return cls(vmid, settings, host, new_memory(settings.policy))

    def decide(self, sample: UsageSample, allocation: Allocation) -> Decision:
        """Return the decision after one interval in which ``allocation`` was in force.

        Args:
            sample: of this vmid on node ``NODE``.
            allocation: whoever made it; it is taken for our own work, never for an operator's.
        """
        now = sample.time_seconds
        if self.memory.known is not None:
            self.memory = record_write(self.memory, allocation, now)
        guest = Guest(self.vmid, f"ct{self.vmid}", NODE, "running", uptime_seconds=_UPTIME_BEFORE_SECONDS + now)
        observation = Observation(guest, GuestConfig(self.vmid, NODE, "", allocation), sample, record_age_seconds=0.0)
        decisions, memories = decide([observation], {self.vmid: self.memory}, SettingsBook(self.settings), self.host, now)
        self.memory = memories[self.vmid]
        return decisions[0]
