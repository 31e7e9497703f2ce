# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A boost as an operator asks for it: read, checked against what the container has and may have, and made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...errors import Problem, RequestError
from ...model.allocation import Allocation
from ...model.guest import GuestConfig
from ...policy.adopt import differing_fields, managed_fields
from ...policy.cpu_choice import guard_cpu
from ...policy.hold import current_hold, describe_hold
from ...policy.loan import Boost, cap_of
from ...policy.memory_choice import guard_memory
from ...policy.remember import ContainerMemory
from ...policy.settings.container import ContainerSettings
from ...units import Quantity, format_number, parse_memory, parse_number
from ..moment import duration_seconds


@dataclass(frozen=True, slots=True)
class BoostRequest:
    """What was asked for.

    Attributes:
        memory: None to leave the memory.
        cpu: None to leave the CPU.
        duration_seconds: for how long.
    """

    memory: Quantity | None
    cpu: Quantity | None
    duration_seconds: float


def parse_request(memory_mib: str | None, cpu_cores: str | None, duration: str | None) -> BoostRequest:
    """Return what the options say.

    Raises:
        RequestError: with every problem at once.
    """
    problems: list[Problem] = []
    sizes: dict[str, Quantity | None] = {}
    for option, text, parse in (("--memory-mib", memory_mib, parse_memory), ("--cpu-cores", cpu_cores, lambda text: parse_number(text, is_whole=False))):
        sizes[option] = None
        if text is None:
            continue
        try:
            sizes[option] = parse(text)
        except ValueError as error:
            problems.append(Problem(option, text, str(error)))
            continue
        if text.strip().startswith("-"):
            problems.append(Problem(option, text, "a boost only raises; allowed is a size, or + and how much more"))
    if memory_mib is None and cpu_cores is None:
        problems.append(Problem("boost", "", "--memory-mib, --cpu-cores or both are needed; or --end, or --list"))
    seconds = duration_seconds((duration or "").strip())
    if not seconds:
        problems.append(Problem("--for", duration or "", "how long it lasts must be given, as in 90s, 30m, 2h or 1d"))
    if problems or not seconds:
        raise RequestError(problems)
    return BoostRequest(sizes["--memory-mib"], sizes["--cpu-cores"], seconds)


def refuse_boost(request: BoostRequest, memory: ContainerMemory, config: GuestConfig, settings: ContainerSettings, now: float) -> str:
    """Return why a container cannot be boosted, with what to do about it; empty when it can.

    Args:
        request: what was asked for.
        memory: what is remembered of it.
        config: its configuration, just read.
        settings: of this container.
        now: seconds since 1970.
    """
    held = current_hold(memory, now)
    if held is not None:
        return f"it would have no effect: {describe_hold(held, config.vmid, now)}. `lxc-autoscale release {config.vmid}` ends that"
    if memory.known is None or differing_fields(memory.known, config.allocation, managed_fields(memory)):
        return "somebody has changed it, and the loop has not seen that yet: try again after the next cycle"
    if config.lock:
        return f"it is locked ({config.lock})"
    cpu_guard = guard_cpu(config, settings) if request.cpu is not None else None
    guard = cpu_guard or (guard_memory(config) if request.memory is not None else None)
    if guard is not None:
        return f"it would have no effect: {guard.message} ({guard.reason})"
    longest = settings.policy.boost_longest_seconds
    return f"at most {longest / 3600:g} h are allowed (policy.boost_longest_seconds)" if request.duration_seconds > longest else ""


def make_boost(request: BoostRequest, former: Boost | None, found: Allocation, now: float) -> Boost | None:
    """Return the boost; None when it asks for no more than the container has.

    ``+512`` on 1024 MiB is at least 1536 MiB. A boost that is asked for during another one keeps what was there before the first, and what the
    first has raised of the other resource.

    Args:
        request: what was asked for.
        former: what is still remembered of another boost.
        found: what the container has now.
        now: seconds since 1970.
    """
    memory_now, cpu_now = _memory_of(found), cap_of(found)
    memory_mib = 0.0 if request.memory is None else request.memory.applied_to(memory_now)
    cpu_cores = 0.0 if request.cpu is None else request.cpu.applied_to(cpu_now)
    # A boost that is asked for again may be for longer, or for less: then what it has is no measure.
    is_memory_new = memory_mib > memory_now or (former is not None and former.memory_mib > 0 and memory_mib > _memory_of(former.before))
    is_cpu_new = cpu_cores > cpu_now or (former is not None and former.cpu_cores > 0 and cpu_cores > cap_of(former.before))
    memory_mib, cpu_cores = memory_mib if is_memory_new else 0.0, cpu_cores if is_cpu_new else 0.0
    if not memory_mib and not cpu_cores:
        return None
    until = now + request.duration_seconds
    if former is None:
        return Boost(found, now, until, cpu_cores, memory_mib)
    before = former.before if former.cpu_cores else replace(found, memory_mib=former.before.memory_mib)
    if not former.memory_mib:
        before = replace(before, memory_mib=found.memory_mib)
    return Boost(before, former.began_seconds, until, cpu_cores or former.cpu_cores, memory_mib or former.memory_mib)


def say_bounds(boost: Boost, decision: Mapping[str, Any]) -> str:
    """Return that the bounds of the last decision allow less than a boost asks for; empty when they allow it."""
    over = []
    memory_bounds, cpu_bounds = decision.get("memory_bounds_mib"), decision.get("cpu_bounds_cores")
    if memory_bounds and boost.memory_mib > memory_bounds[1]:
        over.append(f"{memory_bounds[1]:.0f} MiB (bounds.max_memory_mib)")
    if cpu_bounds and boost.cpu_cores > cpu_bounds[1]:
        over.append(f"{format_number(cpu_bounds[1])} cores (bounds.max_cpu_cores)")
    return f"its bounds allow no more than {' and '.join(over)}" if over else ""


def _memory_of(allocation: Allocation) -> float:
    return float(allocation.memory_in_effect_mib)
