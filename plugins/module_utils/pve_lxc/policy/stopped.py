# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container that is found stopped gets back what it had at adoption, for its start.

Many programs look once, when they start, at how much memory and how many CPUs there are, and size themselves by it: a JVM its heap, PostgreSQL's and MongoDB's
caches, the workers of a web server. Started with what a quiet night had left it, such a program would stay small for good, or ask for more than it may have.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..model.allocation import CONFIG_KEYS, Allocation
from ..model.reason import Reason
from .adopt import differing_fields, managed_fields
from .observation import HostState, Observation
from .permit import Guard, guard_lock, guard_writing
from .remember import ContainerMemory
from .settings.policy import PolicySettings


def is_restorable(memory: ContainerMemory, policy: PolicySettings) -> bool:
    """Return whether a container has something of ours that a stop would end: what we know it to have is not what was found."""
    if policy.on_stop != "baseline" or memory.baseline is None or memory.known is None:
        return False
    return bool(differing_fields(_written(memory.baseline), _written(memory.known), managed_fields(memory)))


def restore_when_stopped(
    observation: Observation, memory: ContainerMemory, policy: PolicySettings, host: HostState, now: float
) -> tuple[Guard, Allocation] | None:
    """Return why and what a stopped container is given; None when it is left.

    What somebody else set is part of the baseline, so only values of ours go; and nothing goes while the container is locked, held, busy with HA, or while a
    change waits for its start.

    Args:
        observation: selected, and not a template.
        memory: what is remembered, with the configuration adopted.
        policy: validated.
        host: the node.
        now: seconds since 1970.
    """
    config = observation.config
    if observation.guest.status != "stopped" or config is None or memory.baseline is None or not is_restorable(memory, policy):
        return None
    fields = managed_fields(memory)
    if differing_fields(config.allocation, memory.known or config.allocation, fields):
        return None
    if guard_lock(observation) is not None or guard_writing(observation, memory, host, now) is not None:
        return None
    values: dict[str, Any] = {name: getattr(_written(memory.baseline), name) for name in fields}
    target = replace(config.allocation, **values)
    shown = ", ".join(_change(name, config.allocation, target) for name in differing_fields(config.allocation, target, fields))
    return Guard(Reason.RESTORED_WHILE_STOPPED, f"it is stopped, and gets back for its start what was found at adoption: {shown}"), target


def _written(allocation: Allocation) -> Allocation:
    """Return what a restored allocation is written as: memory cannot be deleted, so its absence is Proxmox's default."""
    return replace(allocation, memory_mib=allocation.memory_in_effect_mib)


def _change(name: str, before: Allocation, after: Allocation) -> str:
    return f"{CONFIG_KEYS[name]} {_shown(getattr(before, name))} -> {_shown(getattr(after, name))}"


def _shown(value: float | None) -> str:
    return "absent" if value is None else f"{value:g}"
