# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between what and what a container may be sized."""

from __future__ import annotations

from dataclasses import dataclass

from ..model.allocation import Allocation
from .settings.bounds import BoundsSettings


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the largest, both allowed; ``low`` is never above ``high``.

    Attributes:
        low: in cores or in MiB.
        high: the same.
    """

    low: float
    high: float


def cpu_bounds(baseline: Allocation, host_cpus: float | None, settings: BoundsSettings) -> Bounds | None:
    """Return the bounds of the CPU in cores; None when the baseline has neither cores nor cpulimit.

    2 cores on a node of 16: from 1 to min(4, 8) = 4. On a node of 4: 2 * 2 is over half of it, but what was found stays allowed, so 2.
    When nobody says how many CPUs the node has, nothing above the baseline is known to be safe.
    """
    found = baseline.cpu_limit_cores
    if found is None:
        return None
    base = float(found)
    high = settings.max_cpu_cores
    if high is None:
        high = _default_high(base, host_cpus, settings)
    return Bounds(min(settings.min_cpu_cores, base, high), high)


def memory_bounds(baseline: Allocation, host_total_mib: float | None, settings: BoundsSettings) -> Bounds:
    """Return the bounds of the memory in MiB.

    1024 MiB on a node of 32 GiB: from max(128, 512) to min(2048, 16384), so 512 to 2048.
    """
    base = float(baseline.memory_in_effect_mib)
    high: float | None = settings.max_memory_mib
    if high is None:
        high = _default_high(base, host_total_mib, settings)
    low = float(settings.min_memory_mib if settings.min_memory_mib is not None else settings.smallest_memory_mib)
    if not settings.allow_below_half:
        low = max(low, base * settings.smallest_share_of_baseline)
    return Bounds(min(low, high), high)


def swap_bounds(baseline: Allocation, settings: BoundsSettings) -> Bounds:
    """Return the bounds of the swap in MiB; what is not set is what was found, so that without both it is left as it is.

    512 MiB found: from 512 to 512; with a largest of 2048 from 512 to 2048; with a least of 1024 alone from 1024 to 1024.
    """
    found = baseline.swap_in_effect_mib
    low = found if settings.min_swap_mib is None else settings.min_swap_mib
    high = max(found, low) if settings.max_swap_mib is None else settings.max_swap_mib
    return Bounds(float(min(low, high)), float(high))


def _default_high(base: float, host_total: float | None, settings: BoundsSettings) -> float:
    if host_total is None:
        return base
    return max(base, min(base * settings.largest_share_of_baseline, host_total * settings.largest_share_of_node))
