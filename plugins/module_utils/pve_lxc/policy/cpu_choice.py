# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is chosen for one resource of one container, and its CPU: worth it, and permitted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..model.allocation import Allocation
from ..model.guest import GuestConfig
from ..model.reason import Reason
from ..units import clamp, format_number, whole_down, whole_up
from .bounds import Bounds
from .loan import cap_of
from .permit import Guard
from .resource_memory import CpuMemory
from .settings.container import ContainerSettings
from .settings.policy import PolicySettings

_CPUSET_LINES = ("lxc.cgroup2.cpuset.cpus", "lxc.cgroup.cpuset.cpus")
_CPU_LINES = ("lxc.cgroup2.cpu.", "lxc.cgroup.cpu.")


@dataclass(frozen=True, slots=True)
class Choice:
    """What one resource is to have.

    Attributes:
        changes: field of Allocation -> new value; empty to keep.
        reason: the first reason.
        message: a clause with the figures.
        others: further reasons that played a part.
    """

    changes: Mapping[str, float]
    reason: Reason
    message: str
    others: tuple[Reason, ...] = field(default=())


def keep(reason: Reason, message: str, *others: Reason) -> Choice:
    """Return the choice to change nothing."""
    return Choice({}, reason, message, others)


def cpu_actuator(allocation: Allocation, wanted: str) -> str:
    """Return ``cpulimit``, ``cores``, ``both`` or ``none``: which key carries the CPU of this container."""
    if wanted != "auto":
        return wanted
    return "cpulimit" if allocation.cpulimit is not None else "cores"


def is_pinned(config: GuestConfig) -> bool:
    """Return whether a raw line pins the container to CPUs, so that Proxmox never places its ``cores``."""
    return config.has_raw_line(_CPUSET_LINES)


def guard_cpu(config: GuestConfig, settings: ContainerSettings) -> Guard | None:
    """Return why this container's CPU is left whatever it uses; None when it is managed."""
    allocation = config.allocation
    actuator = cpu_actuator(allocation, settings.bounds.actuator)
    if actuator == "none":
        return Guard(Reason.NOT_SELECTED, "its CPU is not managed (actuator none)")
    if allocation.cores is None and allocation.cpulimit is None:
        return Guard(Reason.CPU_UNLIMITED_BY_OPERATOR, "it has neither cores nor cpulimit, so its CPU is left unlimited")
    if config.has_raw_line(_CPU_LINES):
        return Guard(Reason.RAW_LIMIT, "its configuration has raw lxc.cgroup lines for the CPU")
    if actuator == "cores" and is_pinned(config):
        return Guard(Reason.PINNED, "it is pinned to CPUs by a raw cpuset line")
    return None


def choose_cpu(config: GuestConfig, memory: CpuMemory, demand_cores: float, bounds: Bounds, settings: ContainerSettings, now: float) -> Choice:
    """Return the CPU to have: up at once, down only to the largest target of the window and only when it is worth it.

    With cores 4, a demand of 1.3 and a largest target of 1.9 in the last hour: 2 cores, for 2 is more than 0.21 below 4.
    """
    policy = settings.policy
    allocation = config.allocation
    actuator = cpu_actuator(allocation, settings.bounds.actuator)
    step = 1.0 if actuator == "cores" else policy.cpu_step_cores
    high = reachable_high(config, bounds.high, actuator)
    cap = cap_of(allocation)
    now_wanted = stepped_cores(demand_cores, bounds.low, high, step)
    if now_wanted > cap + step / 2:
        if _is_mere_head_room(memory, demand_cores, cap, step, policy, now):
            return keep(Reason.WITHIN_BAND, f"CPU kept at {_shown(cap)}: {demand_cores:.2f} cores would leave more head-room, too little to be worth a change")
        why = "it was using all it had" if now < memory.saturated_until_seconds else f"{demand_cores:.2f} cores are wanted"
        return grow_cpu(config, now_wanted, cap, actuator, why)
    if demand_cores > high and cap <= high + 1e-9:
        return keep(Reason.AT_BOUND, f"CPU kept at {_shown(cap)}: {demand_cores:.2f} cores are wanted, {_shown(high)} is the largest allowed")
    held = max(demand_cores, memory.targets.largest(now) or demand_cores)
    wanted = stepped_cores(held, bounds.low, high, step)
    largest_worth = cap * (1 - policy.cpu_shrink_band)
    if wanted <= largest_worth + 1e-9:
        why = f"no more than {held:.2f} cores were wanted for {policy.cpu_shrink_wait_seconds / 60:.0f} min"
        return Choice(cpu_shrink_changes(config, wanted, actuator), Reason.SHRINK_CPU, f"CPU {_shown(cap)} -> {_shown(wanted)}: {why}")
    if now_wanted <= largest_worth + 1e-9:
        return keep(Reason.STABILISING, f"CPU kept at {_shown(cap)}: {demand_cores:.2f} cores are wanted now, but {held:.2f} were a while ago")
    if wanted < cap - 1e-9:
        return keep(Reason.WITHIN_BAND, f"CPU kept at {_shown(cap)}: {held:.2f} cores are wanted, too near to be worth a change")
    return keep(Reason.UNCHANGED, f"CPU kept at {_shown(cap)}: {held:.2f} cores are wanted")


def _is_mere_head_room(memory: CpuMemory, demand_cores: float, cap: float, step: float, policy: PolicySettings, now: float) -> bool:
    """Return whether growth can be left: little is wanted, and the use is not near the limit. With 2 cores used to 1.2, 2.15 are left, 2.3 are not."""
    if now < memory.saturated_until_seconds or (memory.recent.largest(now) or 0.0) >= policy.cpu_grow_band_use_share * cap:
        return False
    return demand_cores - cap < max(policy.cpu_grow_band * cap, step) - 1e-9


def reachable_high(config: GuestConfig, high: float, actuator: str) -> float:
    """Return the largest CPU that this actuator can give: the other key, where it must stay, limits it too."""
    allocation = config.allocation
    if actuator == "cores" and allocation.cpulimit is not None:
        return min(high, allocation.cpulimit)
    if actuator != "cores" and allocation.cores is not None and is_pinned(config):
        return min(high, allocation.cores)
    return high


def stepped_cores(cores: float, low: float, high: float, step: float) -> float:
    """Return cores rounded up to the step, within the bounds; the largest is rounded down, but to one step at least."""
    steps = min(whole_up(clamp(cores, low, high) / step), max(whole_down(high / step), 1))
    return round(steps * step, 6)


def grow_cpu(config: GuestConfig, wanted: float, cap: float, actuator: str, why: str) -> Choice:
    """Return the choice of more CPU; a cpulimit that grows above the cores takes them along."""
    allocation = config.allocation
    changes: dict[str, float] = {}
    if actuator == "cores":
        changes["cores"] = int(wanted)
    else:
        if allocation.cpulimit is None or allocation.cpulimit < wanted:
            changes["cpulimit"] = wanted
        # A cpulimit above the cores would have no effect, so the cores follow it upwards.
        if allocation.cores is not None and allocation.cores < wanted:
            changes["cores"] = math.ceil(wanted)
    return Choice(changes, Reason.GROW_CPU, f"CPU {_shown(cap)} -> {_shown(wanted)}: {why}")


def cpu_shrink_changes(config: GuestConfig, wanted: float, actuator: str) -> dict[str, float]:
    """Return what is written for less CPU.

    ``both`` keeps the cores at what the cpulimit needs, or one above, so that they seldom change: from 4 and 4 to a cpulimit of 1.2 the cores go to
    ceil(1.2) + 1 = 3, and from there to a cpulimit of 1.8 they stay. Cores that were never set, and those of a pinned container, stay as they are.
    """
    if actuator == "cores":
        return {"cores": int(wanted)}
    changes: dict[str, float] = {"cpulimit": wanted}
    cores, most = config.allocation.cores, math.ceil(wanted) + 1
    if actuator == "both" and cores is not None and cores > most and not is_pinned(config):
        changes["cores"] = most
    return changes


def _shown(cores: float) -> str:
    return format_number(round(cores, 2))
