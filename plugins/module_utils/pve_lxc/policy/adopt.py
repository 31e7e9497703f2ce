# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose container it is and what it was given: adoption, an operator's own change, and our own writes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..model.allocation import Allocation
from ..model.guest import Guest, GuestConfig
from .remember import ContainerMemory, new_memory
from .settings import PolicySettings

# What this loop sizes; cpuunits and swap are never changed, so a change of them by somebody else is no concern.
MANAGED_FIELDS = ("cores", "cpulimit", "memory_mib")


def managed_differences(one: Allocation, other: Allocation) -> tuple[str, ...]:
    """Return which of cores, cpulimit and memory differ."""
    return tuple(name for name in MANAGED_FIELDS if getattr(one, name) != getattr(other, name))


def adopt(memory: ContainerMemory, guest: Guest, config: GuestConfig, settings: PolicySettings, now: float) -> ContainerMemory:
    """Return the memory after a look at the configuration.

    * Another identity (root volume, MAC address) is another container with a re-used id: everything is forgotten.
    * At first sight what is found becomes the baseline, which the default bounds follow.
    * What somebody else changed since becomes the new baseline for those fields, and the container is left alone for a day.
    * A container that came from another node is only grown for a day.
    """
    if memory.known == config.allocation and memory.identity == config.identity and memory.node == guest.node:
        return memory
    if memory.identity and memory.identity != config.identity:
        memory = new_memory(settings)
    found = config.allocation
    moved = bool(memory.node) and memory.node != guest.node
    memory = replace(
        memory,
        identity=config.identity,
        node=guest.node,
        grow_only_until_seconds=now + settings.grow_only_history_seconds if moved else memory.grow_only_until_seconds,
    )
    if memory.baseline is None or memory.known is None:
        return replace(memory, baseline=found, known=found)
    changed = managed_differences(memory.known, found)
    if not changed:
        return replace(memory, known=found)
    new_values: dict[str, Any] = {name: getattr(found, name) for name in changed}
    return replace(
        memory,
        baseline=replace(memory.baseline, **new_values),
        known=found,
        paused_until_seconds=now + settings.operator_pause_seconds,
    )


def record_write(memory: ContainerMemory, after: Allocation, now: float) -> ContainerMemory:
    """Return the memory after a write of ours: what is there now is ours, and no operator's change."""
    before = memory.known
    is_shrink = before is not None and before.memory_mib is not None and after.memory_mib is not None and after.memory_mib < before.memory_mib
    if is_shrink:
        memory = replace(memory, memory=replace(memory.memory, last_shrink_seconds=now))
    return replace(memory, known=after)
