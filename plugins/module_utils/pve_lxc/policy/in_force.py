# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the limits that the kernel enforces are those of the configuration.

Proxmox hot-plugs before it saves, so a write that failed may have changed the one and not the other. Seen on PVE 9.2: 500, live limit 640, configuration 512.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeAlias

from ..model.allocation import Allocation, LiveLimits
from ..model.guest import GuestConfig
from ..model.usage import MemorySource, UsageSample
from ..units import format_number

# Key -> (in force, configured), for limits that differ; None is unlimited.
Apart: TypeAlias = Mapping[str, "tuple[float | None, float | None]"]

# cpu.max is in whole microseconds of a tenth of a second.
_CPU_TOLERANCE_CORES = 0.001

_RAW_LINES = {
    "memory": ("lxc.cgroup2.memory.", "lxc.cgroup.memory."),
    "swap": ("lxc.cgroup2.memory.", "lxc.cgroup.memory."),
    "cpulimit": ("lxc.cgroup2.cpu.", "lxc.cgroup.cpu."),
}


def limits_apart(allocation: Allocation, live: LiveLimits, *, with_swap: bool = False) -> dict[str, tuple[float | None, float | None]]:
    """Return key -> (in force, configured) for each limit that differs; 640 MiB in force and 512 configured is ``{"memory": (640.0, 512)}``.

    Swap is looked at only where it is ours, and only where it could be read.
    """
    apart: dict[str, tuple[float | None, float | None]] = {}
    if live.memory_mib != allocation.memory_in_effect_mib:
        apart["memory"] = (live.memory_mib, allocation.memory_in_effect_mib)
    if not _is_same_quota(live.cpulimit, allocation.cpulimit):
        apart["cpulimit"] = (live.cpulimit, allocation.cpulimit)
    if with_swap and live.swap_mib is not None and live.swap_mib != allocation.swap_in_effect_mib:
        apart["swap"] = (None if math.isinf(live.swap_mib) else live.swap_mib, allocation.swap_in_effect_mib)
    return apart


def managed_limits_apart(config: GuestConfig, live: LiveLimits, *, with_swap: bool) -> dict[str, tuple[float | None, float | None]]:
    """Return the same without what raw lines of the configuration set, and without what waits for a restart."""
    apart = limits_apart(config.allocation, live, with_swap=with_swap)
    return {key: values for key, values in apart.items() if key not in config.pending and not config.has_raw_line(_RAW_LINES[key])}


def sampled_limits_apart(config: GuestConfig, sample: UsageSample, *, with_swap: bool) -> dict[str, tuple[float | None, float | None]]:
    """Return the same for what was measured on the node; empty where only the API was asked, which shows the configuration.

    A quota that is not there is one that is unlimited only if the memory limit beside it could be read.
    """
    if sample.memory_source is not MemorySource.CGROUP or sample.live_memory_max_mib is None:
        return {}
    live = LiveLimits(sample.live_memory_max_mib, sample.live_cpu_max_cores, sample.live_swap_max_mib)
    return managed_limits_apart(config, live, with_swap=with_swap)


def describe_apart(apart: Apart) -> str:
    """Return ``memory is 640 in force and 512 in the configuration``."""
    return ", ".join(f"{key} is {_shown(live)} in force and {_shown(configured)} in the configuration" for key, (live, configured) in apart.items())


def _is_same_quota(live_cores: float | None, configured_cores: float | None) -> bool:
    """Return whether a live quota is the configured one; None is unlimited. The kernel keeps it in microseconds, so a trace may be off."""
    if live_cores is None or configured_cores is None:
        return live_cores is configured_cores
    return abs(live_cores - configured_cores) <= _CPU_TOLERANCE_CORES


def _shown(value: float | None) -> str:
    return "unlimited" if value is None else format_number(value)
