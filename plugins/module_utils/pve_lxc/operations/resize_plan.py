# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which writes bring a container from what it has to what it is to have: pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from ..model.allocation import CONFIG_KEYS, DEFAULT_MEMORY_MIB, Allocation
from ..model.guest import Guest, GuestConfig
from ..model.plan import ConfigWrite, ResizePlan
from ..model.reason import Reason
from ..units import format_number

_MEMORY_FIELDS = frozenset({"memory_mib", "swap_mib"})


def memory_of(allocation: Allocation) -> int:
    """Return the memory in MiB; an absent key is Proxmox's 512."""
    return allocation.memory_in_effect_mib


def plan_to(
    guest: Guest,
    config: GuestConfig,
    after: Allocation,
    *,
    cgroup_mode: int | None,
    reason: Reason,
    message: str,
) -> ResizePlan:
    """Return the plan that gives a container the allocation ``after``; only what differs is written.

    From 2 cores and 1024 MiB to 4 cores and 1024 MiB it is one write, ``{"cores": 4}``. None in ``after`` deletes the key;
    memory cannot be deleted, so there it writes 512, Proxmox's default. No guard stands here: the callers ask theirs first.

    Args:
        guest: whose.
        config: read just now; its digest is sent with every write.
        after: what it is to have, all fields.
        cgroup_mode: of its node; None, not known, counts as 2.
        reason: why.
        message: the same as a sentence.

    Returns:
        A plan without writes when nothing differs.
    """
    target = _normalise(config.allocation, after)
    changed = config.allocation.differences_to(target)
    return ResizePlan(
        vmid=guest.vmid,
        name=guest.name,
        node=guest.node,
        digest=config.digest,
        before=config.allocation,
        after=target,
        writes=_plan_writes(frozenset(changed), target, cgroup_mode),
        reason=reason,
        message=message,
    )


def plan_nothing(guest: Guest, config: GuestConfig, *, reason: Reason, message: str, is_refused: bool = False) -> ResizePlan:
    """Return the plan that leaves a container as it is, because nothing differs or because the request is refused."""
    return ResizePlan(
        vmid=guest.vmid,
        name=guest.name,
        node=guest.node,
        digest=config.digest,
        before=config.allocation,
        after=config.allocation,
        writes=(),
        reason=reason,
        message=message,
        is_refused=is_refused,
    )


def _normalise(before: Allocation, after: Allocation) -> Allocation:
    """Return ``after`` as Proxmox will show it: cpulimit without rounding errors, 0 as absent, memory never absent."""
    cpulimit = None if after.cpulimit is None else round(after.cpulimit, 6) or None
    memory_mib = after.memory_mib
    if memory_mib is None and before.memory_mib is not None:
        memory_mib = DEFAULT_MEMORY_MIB
    return replace(after, cpulimit=cpulimit, memory_mib=memory_mib)


def _plan_writes(changed: Collection[str], after: Allocation, cgroup_mode: int | None) -> tuple[ConfigWrite, ...]:
    """Return the writes, memory before CPU where they are apart.

    * On cgroup 1 a refused memory limit leaves the CPU quota of the same request changed and unsaved (recorded on PVE
      9.2.11), so memory and CPU are two requests there.
    * ``delete=swap`` together with ``memory`` answers 200 and leaves the live limit as it was, so it is a request of its own.
    """
    memory = [name for name in changed if name in _MEMORY_FIELDS]
    cpu = [name for name in changed if name not in _MEMORY_FIELDS]
    steps = [memory, cpu] if cgroup_mode == 1 else [memory + cpu]
    if "swap_mib" in memory and after.swap_mib is None and "memory_mib" in memory:
        steps[0].remove("swap_mib")
        steps.insert(1, ["swap_mib"])
    return tuple(_to_write(step, after) for step in steps if step)


def _to_write(names: Collection[str], after: Allocation) -> ConfigWrite:
    values: dict[str, Any] = {}
    delete = []
    for name, value in after.items():
        if name not in names:
            continue
        if value is None:
            # Also how cpulimit becomes unlimited: cpulimit=0 is refused for a running container.
            delete.append(CONFIG_KEYS[name])
        else:
            values[CONFIG_KEYS[name]] = format_number(value) if name == "cpulimit" else int(value)
    return ConfigWrite(values=values, delete=tuple(delete))
