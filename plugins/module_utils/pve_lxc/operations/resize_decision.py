# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide what a resize request means for one container: pure."""

from __future__ import annotations

from dataclasses import replace

from ..model.allocation import ABSENT_SWAP_MIB, DEFAULT_MEMORY_MIB, Allocation
from ..model.guest import Guest, GuestConfig
from ..model.plan import ResizePlan
from ..model.reason import Reason
from ..units import Quantity, format_number
from .request import SIZE_KEYS, ResizeRequest
from .resize_plan import memory_of, plan_nothing, plan_to

MANAGED_TAG = "autoscale-managed"

# Raw line of the configuration -> option that it overrides. Source: lxc.container.conf(5); PVE writes them into the container's file as they are.
_RAW_LINES = {"cpuset.cpus": "cores", "cpu.max": "cpulimit", "cpu.weight": "cpuunits", "memory.": "memory"}

_ABSENT = {
    "cores": "no cores are set, which means all of the node's",
    "cpulimit": "no cpulimit is set, which means unlimited",
    "cpuunits": "no cpuunits are set, which means the node's default (100 on cgroup 2, 1024 on cgroup 1)",
}
# Option -> MiB when the key is absent.
_DEFAULTS = {"memory": DEFAULT_MEMORY_MIB, "swap": ABSENT_SWAP_MIB}


class _ImpossibleError(Exception):
    """The request cannot be carried out for this container; the text says why."""


def plan_resize(
    request: ResizeRequest,
    guest: Guest,
    config: GuestConfig,
    cgroup_mode: int | None,
    working_set_mib: float | None = None,
) -> ResizePlan:
    """Return the plan for one container.

    The digest asked for is compared first. Whether anything differs is decided on ``config`` alone, because the cluster's
    figures are up to ten seconds old. What differs is refused for a locked container, and a smaller memory limit by the one
    guard of ``policy.memory_guard``, unless the request is forced.

    Args:
        request: checked by ``parse_requests``.
        guest: from one reading of the cluster.
        config: read after it.
        cgroup_mode: of the node, None when not known.
        working_set_mib: what a running container needs, read on its node just now; None when only the API's figure is known.

    Returns:
        A plan that is refused, without writes, or with writes; never None.
    """
    if request.digest and request.digest != config.digest:
        message = f"the configuration has digest {config.digest}, not {request.digest}: somebody changed it since you read it"
        return plan_nothing(guest, config, reason=Reason.CONFIG_CHANGED, message=message, is_refused=True)
    try:
        after, notes = _target(request, config)
    except _ImpossibleError as error:
        return plan_nothing(guest, config, reason=Reason.INVALID_REQUEST, message=str(error), is_refused=True)
    plan = plan_to(guest, config, after, cgroup_mode=cgroup_mode, reason=Reason.RESIZED, message="")
    if not plan.is_change:
        message = "; ".join(["it already has what was asked for", *notes])
        return plan_nothing(guest, config, reason=Reason.UNCHANGED, message=message)
    lock = config.lock or guest.lock
    if lock:
        message = f"the container is locked ({lock}); try again when that is over"
        return plan_nothing(guest, config, reason=Reason.LOCKED, message=message, is_refused=True)
    return _guard(replace(plan, message="; ".join([_describe(plan), *notes])), request, guest, config, working_set_mib)


def is_memory_shrink(plan: ResizePlan) -> bool:
    """Return whether the plan leaves the container less memory; an absent limit counts as Proxmox's default of 512 MiB."""
    return memory_of(plan.after) < memory_of(plan.before)


def _target(request: ResizeRequest, config: GuestConfig) -> tuple[Allocation, list[str]]:
    """Return the allocation wanted and what has to be said about the way there."""
    changes: dict[str, float | None] = {}
    notes = []
    for option, key in SIZE_KEYS.items():
        size = request.sizes.get(option)
        if size is None:
            continue
        wanted = _wanted(size, option, getattr(config.allocation, key.field))
        held, note = _held_between(option, wanted, request.minimums.get(option), request.maximums.get(option))
        if not key.is_allowed(held):
            raise _ImpossibleError(f"{option} would become {format_number(held)}; Proxmox allows {key.allowed}")
        changes[key.field] = held if option == "cpulimit" else int(held)
        notes += note
    return replace(config.allocation, **changes), notes  # type: ignore[arg-type]  # one field of each type, written by name


def _wanted(size: Quantity, option: str, current: float | None) -> float:
    """Return the size before the bounds: 1024 and ``+512`` give 1536."""
    if not size.is_relative:
        return size.amount
    start = _DEFAULTS.get(option) if current is None else current
    if start is None:
        asked = f"{size.sign}{format_number(size.amount)}"
        raise _ImpossibleError(f"{_ABSENT[option]}: {asked} has nothing to start from; give {option} as an absolute size")
    return round(size.applied_to(start), 6)


def _held_between(option: str, wanted: float, low: float | None, high: float | None) -> tuple[float, list[str]]:
    """Return the size between the bounds and a note when they changed it: 5000 with a maximum of 4096 is 4096."""
    # 0 is unlimited: above every maximum, not below every minimum.
    is_unlimited = option == "cpulimit" and wanted == 0
    if high is not None and (wanted > high or is_unlimited):
        return high, [f"{option} is held at max_{option} {format_number(high)} instead of {'unlimited' if is_unlimited else format_number(wanted)}"]
    if low is not None and wanted < low and not is_unlimited:
        return low, [f"{option} is held at min_{option} {format_number(low)} instead of {format_number(wanted)}"]
    return wanted, []


def _guard(plan: ResizePlan, request: ResizeRequest, guest: Guest, config: GuestConfig, working_set_mib: float | None) -> ResizePlan:
    """Return the plan with its warnings, or refused because memory in use could be taken away."""
    warnings = _warnings(plan, config)
    if not is_memory_shrink(plan):
        return replace(plan, warnings=warnings)
    # Imported here, because most tasks take no memory away and each import delays the module's start.
    from .memory_shrink import guard_memory_shrink

    return guard_memory_shrink(replace(plan, warnings=warnings), request, guest, config, working_set_mib)


def _warnings(plan: ResizePlan, config: GuestConfig) -> tuple[str, ...]:
    warnings = []
    if MANAGED_TAG in config.tags:
        warnings.append(f"the container has the tag {MANAGED_TAG}: the autoscale loop will take this change as an operator's")
    changed = {key for write in plan.writes for key in (*write.values, *write.delete)}
    for line in config.raw_lxc_keys:
        controller = line.rpartition("cgroup2.")[2]
        for start, option in _RAW_LINES.items():
            if controller.startswith(start) and option in changed:
                warnings.append(f"the line {line} of the configuration overrides {option}: the change has no effect while it is there")
    return tuple(warnings)


def _describe(plan: ResizePlan) -> str:
    """Return ``cores 2 -> 4, memory 1024 -> 2048``."""
    parts = []
    for option, key in SIZE_KEYS.items():
        before, after = getattr(plan.before, key.field), getattr(plan.after, key.field)
        if before != after:
            parts.append(f"{option} {_shown(before)} -> {_shown(after)}")
    return ", ".join(parts)


def _shown(value: float | None) -> str:
    return "unset" if value is None else format_number(value)
