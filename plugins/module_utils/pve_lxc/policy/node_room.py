# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What memory the node has left: for growth, and whether it is so short that limits must come down."""

from __future__ import annotations

from dataclasses import dataclass

from .observation import HostState
from .settings.policy import PolicySettings

# ZFS gives back its cache more slowly than it is asked for, so half of what it could give counts. Source: docs/policy.md.
_ARC_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class NodeRoom:
    """What the node has left in one pass.

    Attributes:
        free_mib: what nobody uses; None when it is not known.
        growth_mib: by how much all limits together may grow; None when it is not known.
        growth_why: what holds the growth to that.
        limits_left_mib: what ``overcommit_ratio`` leaves for the sum of limits, below 0 when that is exceeded; None without that budget.
        memory_short_why: why the node counts as short of memory; empty when it is not.
        limits_short_why: why the sum of limits counts as too large; empty when it does not.
    """

    free_mib: float | None
    growth_mib: float | None
    growth_why: str = ""
    limits_left_mib: float | None = None
    memory_short_why: str = ""
    limits_short_why: str = ""

    @property
    def short_why(self) -> str:
        """Return why limits may come down; empty in normal times."""
        return self.memory_short_why or self.limits_short_why


def free_memory_mib(host: HostState) -> float | None:
    """Return what the node has that nobody uses: MemAvailable and half of what ZFS could give back.

    6000 MiB available beside a ZFS cache of 5000 MiB, of which it keeps 1000 in any case, are 6000 + (5000 - 1000) / 2 = 8000 MiB. Without ZFS, or
    where nobody says how much it keeps, the cache counts as used.
    """
    usage = host.usage
    if usage.memory_available_mib is None or usage.arc_size_mib is None or usage.arc_least_mib is None:
        return usage.memory_available_mib
    return usage.memory_available_mib + max(0.0, usage.arc_size_mib - usage.arc_least_mib) * _ARC_SHARE


def node_room(host: HostState, settings: PolicySettings, limits_mib: float) -> NodeRoom:
    """Return what the node has left.

    6000 MiB free of 32000 with a reserve of 0.05 leave 4400 MiB for growth. Where virtual machines balloon, Proxmox takes memory from them above
    0.8 of the node: 6000 MiB available then leave 0.8 * 32000 - 26000 < 0, so nothing. With an overcommit_ratio of 1.5 and limits of 47000 MiB:
    1.5 * 32000 - 47000 = 1000 MiB. The least of those that apply holds.

    Args:
        host: the node.
        settings: the general ones, for the node is one.
        limits_mib: sum of the limits of all its running guests; only looked at where overcommit_ratio is set.
    """
    free, total, available = free_memory_mib(host), host.memory_total_mib, host.usage.memory_available_mib
    if free is None or total is None or available is None:
        return NodeRoom(None, None)
    reserve = max(settings.host_memory_reserve_share * total, settings.host_memory_reserve_mib)
    rooms = [(free - reserve - settings.failover_reserve_share * total, "above its reserve")]
    target = settings.ballooning_target_share if settings.ballooning_target_share is not None else host.ballooning_target_share
    if target is not None:
        rooms.append((target * total - (total - available), f"below the {target:.0%} at which virtual machines are ballooned"))
    limits_left = None if settings.overcommit_ratio is None else settings.overcommit_ratio * total - limits_mib
    if limits_left is not None:
        rooms.append((limits_left, f"until the limits add up to {settings.overcommit_ratio:g} times its memory"))
    growth, why = min(rooms)
    return NodeRoom(
        free_mib=free,
        growth_mib=max(0.0, growth),
        growth_why=why,
        limits_left_mib=limits_left,
        memory_short_why=_memory_short(host, settings, free, reserve),
        limits_short_why=_limits_short(limits_mib, limits_left, reserve),
    )


def _memory_short(host: HostState, settings: PolicySettings, free: float, reserve: float) -> str:
    if free < reserve:
        return f"the node has {free:.0f} MiB left, less than its reserve of {reserve:.0f} MiB"
    full = host.usage.memory_full_percent
    if full is not None and full > settings.host_memory_pressure_percent:
        return f"the node is under memory pressure (PSI full {full:.1f} % over 5 minutes)"
    return ""


def _limits_short(limits_mib: float, limits_left: float | None, reserve: float) -> str:
    if limits_left is None or limits_left >= reserve:
        return ""
    return f"the limits of all guests add up to {limits_mib:.0f} of {limits_mib + limits_left:.0f} MiB (overcommit_ratio)"


def describe_sum_of_limits(host: HostState, limits_mib: float) -> str:
    """Return a sentence when the limits of the running guests add up to more than the node has; empty otherwise."""
    total = host.memory_total_mib
    if total is None or limits_mib <= total:
        return ""
    return f"the memory limits of the running guests add up to {limits_mib:.0f} MiB, {limits_mib / total:.2f} times what the node has"
