# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How figures, sizes and times are said on the command line, everywhere alike."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ...model.allocation import CONFIG_KEYS, Allocation, in_effect
from ...policy.adopt import MANAGED_FIELDS
from ...policy.loan import Boost
from ...units import format_number
from .table import wrap

LONGEST_NAME = 24

# Where the text after a field's name begins.
_FIELD_COLUMN = 13


def say_mib(allocation: Mapping[str, Any], key: str = "memory") -> str:
    """Return ``1024``, or ``-`` where nothing is known."""
    value = allocation.get(key)
    return "-" if value is None else str(value)


def say_cpu(allocation: Mapping[str, Any]) -> str:
    """Return what limits the CPU: ``2``, or ``1.5 of 4`` with a cpulimit on four cores; ``all`` without any limit."""
    cores, cpulimit = allocation.get("cores"), allocation.get("cpulimit")
    if cpulimit is None:
        return "all" if cores is None else format_number(cores)
    return format_number(cpulimit) if cores is None else f"{format_number(cpulimit)} of {format_number(cores)}"


def say_step(before: str, after: str) -> str:
    """Return ``2 -> 4``, or ``2`` where both are the same."""
    return before if before == after else f"{before} -> {after}"


def say_sizes(before: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    """Return what changes and nothing else: ``CPU 2 -> 4, memory 512 -> 1024 MiB``, or ``root file system 8G -> 10G``."""
    parts = []
    if say_cpu(before) != say_cpu(target):
        parts.append(f"CPU {say_cpu(before)} -> {say_cpu(target)}")
    if before.get("memory") != target.get("memory"):
        parts.append(f"memory {say_mib(before)} -> {say_mib(target)} MiB")
    if before.get("swap") != target.get("swap"):
        parts.append(f"swap {say_mib(before, 'swap')} -> {say_mib(target, 'swap')} MiB")
    if before.get("rootfs") != target.get("rootfs"):
        parts.append(f"root file system {say_mib(before, 'rootfs')} -> {say_mib(target, 'rootfs')}")
    return ", ".join(parts)


def say_keys(before: Allocation, after: Allocation) -> str:
    """Return the same by Proxmox's keys: ``cores 4 -> 2, cpulimit 2.5 -> unset, memory 1024 -> 512 MiB``; empty when nothing differs."""
    parts = []
    for name in MANAGED_FIELDS:
        old, new = in_effect(name, getattr(before, name)), in_effect(name, getattr(after, name))
        if old != new:
            said = ["unset" if value is None else format_number(value) for value in (old, new)]
            parts.append(f"{CONFIG_KEYS[name]} {said[0]} -> {said[1]}{' MiB' if name.endswith('_mib') else ''}")
    return ", ".join(parts)


def say_number(value: float | None, digits: int) -> str:
    """Return a figure, ``-`` where it is not known."""
    return "-" if value is None else f"{value:.{digits}f}"


def say_range(bounds: Sequence[float] | None) -> str:
    """Return ``1 to 4``, ``-`` where it is not known."""
    return "-" if not bounds else f"{format_number(bounds[0])} to {format_number(bounds[1])}"


def say_clock(seconds: float) -> str:
    """Return date and time in this machine's zone, as ``--to`` and ``--since`` take them."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def say_age(seconds: float) -> str:
    """Return a duration for people: ``45 s``, ``12 min``, ``5 h``, ``3 d``."""
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{max(seconds, 0):.0f} s"


def say_change(change: Mapping[str, Any], now: float) -> list[str]:
    """Return the lines of one change of the journal."""
    outcome = change["outcome"]
    end = "not ended" if outcome is None else "failed: " + outcome["reason"] if outcome["failed"] else "done"
    sizes = say_sizes(change["before"], change["target"])
    text = f"{say_clock(change['begun'])} ({say_age(now - change['begun'])} ago) {change['vmid']} {change['name']}: {sizes}: {change['reason']}, {end}"
    return wrap(text, 4)


def say_boost(boost: Boost, now: float) -> str:
    """Return ``at least 4 cores and 4096 MiB until 2026-11-23 14:00:00 (2 h more)``."""
    sizes = [f"{format_number(boost.cpu_cores)} cores"] if boost.cpu_cores else []
    sizes += [f"{boost.memory_mib:.0f} MiB"] if boost.memory_mib else []
    if not boost.is_active(now):
        return f"at least {' and '.join(sizes)} until {say_clock(boost.until_seconds)}; that is over, and what it gave is still to be taken back"
    return f"at least {' and '.join(sizes)} until {say_clock(boost.until_seconds)} ({say_age(boost.until_seconds - now)} more)"


def field_lines(name: str, text: str) -> list[str]:
    """Return a named text, wrapped, with the name in a column of its own."""
    first, *rest = wrap(text, _FIELD_COLUMN)
    return [f"  {name:<11}{first.strip()}", *rest]
