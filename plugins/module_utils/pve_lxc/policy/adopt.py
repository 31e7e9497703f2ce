# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose container it is and what it was given: adoption, an operator's own change, and our own writes."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from ..model.allocation import Allocation
from ..model.guest import Guest, GuestConfig
from ..model.reason import Reason
from ..units import DAY_SECONDS
from .contest import is_contested, note_change, note_write
from .hold import hold
from .loan import forget_changed
from .probation import begin_probation, end_probation
from .remember import ContainerMemory, new_memory
from .settings.policy import LARGEST_CHANGES_PER_DAY, PolicySettings

# What this loop always sizes, and all that it ever does; cpuunits are never changed. Somebody's change of what is not sized is no concern.
_ALWAYS_MANAGED = ("cores", "cpulimit", "memory_mib")
MANAGED_FIELDS = (*_ALWAYS_MANAGED, "swap_mib")
CPU_FIELDS = frozenset({"cores", "cpulimit"})


def managed_fields(memory: ContainerMemory) -> tuple[str, ...]:
    """Return the fields of a container that are ours to write; swap is one only while it is sized."""
    return _ALWAYS_MANAGED if memory.swap_sizing is None else MANAGED_FIELDS


def written_fields(memory: ContainerMemory, before: Allocation, target: Allocation) -> tuple[str, ...]:
    """Return the fields that a change of ours is about: the managed ones, and swap where it is put back after its sizing was switched off."""
    return managed_fields(memory) if before.swap_mib == target.swap_mib else MANAGED_FIELDS


def differing_fields(one: Allocation, other: Allocation, fields: Collection[str]) -> tuple[str, ...]:
    """Return which of some fields differ."""
    return tuple(name for name in fields if getattr(one, name) != getattr(other, name))


def adopt(memory: ContainerMemory, guest: Guest, config: GuestConfig, settings: PolicySettings, now: float) -> ContainerMemory:
    """Return the memory after a look at the configuration.

    * Another identity (root volume, MAC address) is another container with a re-used id: everything is forgotten.
    * At first sight what is found becomes the baseline, which the default bounds follow.
    * What somebody else changed since becomes the new baseline for those fields, and the container is left alone for a day.
    * Whose values come back a second time, though we had changed them, has them for good, until somebody releases it.
    * A container that came from another node is only grown for a day.
    * Swap is adopted when its sizing is switched on: what is found then is its baseline, whoever set it before.
    """
    is_same = memory.known == config.allocation and memory.identity == config.identity and memory.node == guest.node
    if is_same and (memory.swap_sizing is not None) is settings.size_swap:
        return memory
    if memory.identity and memory.identity != config.identity:
        # Nothing older than this sight is its own, not even what Proxmox recorded under the id.
        memory = replace(new_memory(settings), records_read_seconds=now)
    found = config.allocation
    if (memory.swap_sizing is not None) is not settings.size_swap:
        memory = _follow_switch_of_swap(memory, found, settings, now)
    moved = bool(memory.node) and memory.node != guest.node
    memory = replace(
        memory,
        identity=config.identity,
        node=guest.node,
        grow_only_until_seconds=now + settings.grow_only_history_seconds if moved else memory.grow_only_until_seconds,
    )
    if memory.baseline is None or memory.known is None:
        return replace(memory, baseline=found, known=found)
    changed = differing_fields(memory.known, found, managed_fields(memory))
    if not changed:
        return replace(memory, known=found)
    new_values: dict[str, Any] = {name: getattr(found, name) for name in changed}
    contest = note_change(memory.contest, memory.baseline, found, changed, settings, now)
    memory = replace(
        forget_changed(memory, changed, now),
        baseline=replace(memory.baseline, **new_values),
        known=found,
        contest=contest,
        probation=end_probation(memory.probation, math.inf) if "memory_mib" in changed else memory.probation,
        cpu_changed_seconds=now if CPU_FIELDS & set(changed) else memory.cpu_changed_seconds,
    )
    if is_contested(contest, settings, now):
        return hold(memory, Reason.CONTESTED, math.inf, since_seconds=now)
    return hold(memory, Reason.OPERATOR_CHANGED, now + settings.operator_pause_seconds, since_seconds=now)


def _follow_switch_of_swap(memory: ContainerMemory, found: Allocation, settings: PolicySettings, now: float) -> ContainerMemory:
    """Return the memory with swap taken over as it is found, or let go."""
    if not settings.size_swap:
        return replace(memory, swap_sizing=None)
    # Imported here, because hardly anybody has swap sized and every cycle would start later.
    from .swap_memory import SwapMemory

    overwritten = memory.contest.overwritten
    return replace(
        memory,
        swap_sizing=SwapMemory.begin(settings, now),
        baseline=None if memory.baseline is None else replace(memory.baseline, swap_mib=found.swap_mib),
        known=None if memory.known is None else replace(memory.known, swap_mib=found.swap_mib),
        contest=memory.contest if overwritten is None else replace(memory.contest, overwritten=replace(overwritten, swap_mib=found.swap_mib)),
    )


def record_write(memory: ContainerMemory, after: Allocation, now: float, *, is_running: bool = True) -> ContainerMemory:
    """Return the memory after a write of ours: what is there now is ours, and no operator's change.

    Args:
        memory: before.
        after: what there is now.
        now: seconds since 1970.
        is_running: False for a container that is stopped, which misses nothing that is taken away.
    """
    before = memory.known
    changed = () if before is None else differing_fields(before, after, managed_fields(memory))
    if before is None or not changed:
        return replace(memory, known=after)
    recent = tuple(time for time in memory.write_times if now - DAY_SECONDS < time <= now)
    memory = replace(
        memory,
        known=after,
        write_times=(*recent, now)[-LARGEST_CHANGES_PER_DAY:],
        contest=note_write(memory.contest, before, changed),
        cpu_changed_seconds=now if CPU_FIELDS & set(changed) else memory.cpu_changed_seconds,
    )
    if memory.swap_sizing is not None and "swap_mib" in changed:
        memory = replace(memory, swap_sizing=memory.swap_sizing.with_write(before.swap_in_effect_mib, after.swap_in_effect_mib, now))
    before_mib, after_mib = before.memory_in_effect_mib, after.memory_in_effect_mib
    if after_mib > before_mib:
        return replace(memory, probation=end_probation(memory.probation, after_mib))
    if after_mib < before_mib and is_running:
        learnt = replace(memory.memory, last_shrink_seconds=now)
        return replace(memory, memory=learnt, probation=begin_probation(memory.probation, before_mib, now))
    return memory
