# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container was lent for a time, or gave up for a time, and what it had before: a boost, and hours in which energy is saved.

Both are remembered with what was there before, so that it can be put back by whichever run comes first after the end, also when the loop stood
still then. What somebody else changes in between is theirs: that part of the record is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..model.allocation import Allocation
from ..model.reason import Reason
from .hold import current_hold
from .kept_values import allocation_from_dict, allocation_to_dict, number_from, numbers_from, numbers_of

# Only named here: what is remembered holds both.
if TYPE_CHECKING:
    from ..model.guest import GuestConfig
    from .remember import ContainerMemory

# The keys that carry the CPU, and how far a clock may be set back without ending a boost.
CPU_FIELDS = ("cores", "cpulimit")
_CLOCK_TOLERANCE_SECONDS = 300.0

# In these holds people have the last word about what the container has.
_FINAL_HOLDS = (Reason.CONTESTED, Reason.ROLLED_BACK)


@dataclass(frozen=True, slots=True)
class Boost:
    """A raise for a time, asked for by an operator.

    Attributes:
        before: what the container had.
        began_seconds: when it was asked for, seconds since 1970.
        until_seconds: when it ends.
        cpu_cores: what it has at least until then; 0 when its CPU is not boosted.
        memory_mib: the same of memory.
    """

    before: Allocation
    began_seconds: float
    until_seconds: float
    cpu_cores: float = 0.0
    memory_mib: float = 0.0

    def is_active(self, now: float) -> bool:
        """Return whether it is in force; a clock that was set back by more than five minutes ends it, for nobody knows how long it would last."""
        return self.began_seconds - _CLOCK_TOLERANCE_SECONDS <= now < self.until_seconds


@dataclass(frozen=True, slots=True)
class Saving:
    """Hours in which energy is saved.

    Attributes:
        before: what the container had when they began.
        has_cpu: whether its CPU is, or was, lowered for them.
        has_memory: the same of its memory.
        ended_seconds: when they were first seen to be over; 0 while they last.
    """

    before: Allocation
    has_cpu: bool
    has_memory: bool
    ended_seconds: float = 0.0


def cap_of(allocation: Allocation) -> float:
    """Return the CPU that an allocation allows, in cores: the smaller of cores and cpulimit; infinity without both."""
    limit = allocation.cpu_limit_cores
    return math.inf if limit is None else float(limit)


def follow_window(memory: ContainerMemory, config: GuestConfig | None, save_energy: str, now: float) -> ContainerMemory:
    """Return the memory with the beginning or the end of energy hours noted.

    Args:
        memory: before.
        config: what the container has now; None when that is not known.
        save_energy: ``none``, ``cpu`` or ``cpu_and_memory``: what the windows that are open now say.
        now: seconds since 1970.
    """
    # Where people have the last word, nothing is put back.
    memory = forget_changed(memory, (), now)
    saving = memory.saving
    if config is None:
        return memory
    allocation = config.allocation
    if save_energy == "none":
        is_over = saving is not None and saving.ended_seconds == 0.0
        return replace(memory, saving=replace(saving, ended_seconds=now)) if saving is not None and is_over else memory
    with_memory = save_energy == "cpu_and_memory"
    if saving is None:
        return replace(memory, saving=Saving(allocation, has_cpu=True, has_memory=with_memory))
    if saving.ended_seconds == 0.0 and (saving.has_memory or not with_memory):
        return memory
    # Another window has opened before everything was given back, or a window that lowers memory as well: what was there before the first counts.
    before = saving.before if saving.has_memory else replace(saving.before, memory_mib=allocation.memory_mib)
    return replace(memory, saving=replace(saving, before=before, has_memory=saving.has_memory or with_memory, ended_seconds=0.0))


def forget_changed(memory: ContainerMemory, changed: Collection[str], now: float) -> ContainerMemory:
    """Return the memory without what somebody else has changed: theirs stays, so nothing of it is put back.

    Args:
        memory: before.
        changed: fields of Allocation; a change of one key of the CPU is one of its CPU.
        now: seconds since 1970.
    """
    if memory.boost is None and memory.saving is None:
        return memory
    is_cpu, is_memory = bool(set(CPU_FIELDS) & set(changed)), "memory_mib" in changed
    held = current_hold(memory, now)
    if held is not None and held.reason in _FINAL_HOLDS:
        is_cpu = is_memory = True
    return without_saving(without_boost(memory, cpu=is_cpu, memory_too=is_memory), cpu=is_cpu, memory_too=is_memory)


def without_boost(memory: ContainerMemory, *, cpu: bool = False, memory_too: bool = False) -> ContainerMemory:
    """Return the memory with the boost of one resource, or of both, forgotten."""
    boost = memory.boost
    if boost is None or not (cpu or memory_too):
        return memory
    left = replace(boost, cpu_cores=0.0 if cpu else boost.cpu_cores, memory_mib=0.0 if memory_too else boost.memory_mib)
    return replace(memory, boost=left if left.cpu_cores or left.memory_mib else None)


def without_saving(memory: ContainerMemory, *, cpu: bool = False, memory_too: bool = False) -> ContainerMemory:
    """Return the memory with nothing left to be given back of one resource, or of both."""
    saving = memory.saving
    if saving is None or not (cpu or memory_too):
        return memory
    left = replace(saving, has_cpu=saving.has_cpu and not cpu, has_memory=saving.has_memory and not memory_too)
    # While the hours last the record stays, for it says that they have begun.
    return replace(memory, saving=left if left.has_cpu or left.has_memory or left.ended_seconds == 0.0 else None)


def boost_to_dict(boost: Boost | None) -> dict[str, Any] | None:
    """Return JSON's types."""
    return None if boost is None else {"before": allocation_to_dict(boost.before), **numbers_of(boost)}


def boost_from_dict(values: Any) -> Boost | None:
    """Return the boost of ``boost_to_dict``; None when there is none or it is damaged."""
    before = allocation_from_dict(values.get("before")) if isinstance(values, Mapping) else None
    if before is None:
        return None
    boost = Boost(before, 0.0, 0.0)
    boost = replace(boost, **numbers_from(Boost, values))
    return boost if boost.cpu_cores > 0 or boost.memory_mib > 0 else None


def saving_to_dict(saving: Saving | None) -> dict[str, Any] | None:
    """Return JSON's types."""
    if saving is None:
        return None
    return {"before": allocation_to_dict(saving.before), "has_cpu": saving.has_cpu, "has_memory": saving.has_memory, **numbers_of(saving)}


def saving_from_dict(values: Any) -> Saving | None:
    """Return the record of ``saving_to_dict``; None when there is none or it is damaged."""
    before = allocation_from_dict(values.get("before")) if isinstance(values, Mapping) else None
    if before is None:
        return None
    return Saving(before, values.get("has_cpu") is True, values.get("has_memory") is True, number_from(values.get("ended_seconds")))
