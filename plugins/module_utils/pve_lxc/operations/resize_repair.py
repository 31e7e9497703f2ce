# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After a failed write: find out whether the limits in force are still those of the configuration, and put them back.

Proxmox hot-plugs before it saves. Seen on PVE 9.2: 500, live limit 640, configuration 512; a later write of 512 repairs nothing, because it
equals the configuration. So another value is written first, and then the one of the configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ProxmoxAPIError
from ..model.allocation import Allocation, LiveLimits
from ..model.guest import GuestConfig
from ..model.plan import ConfigWrite, ResizePlan
from ..model.usage import MemorySource
from ..policy.memory_guard import refuse_memory_shrink
from ..units import format_number
from .resize_plan import memory_of

if TYPE_CHECKING:
    from ..ports import LxcBackend

# cpu.max is in whole microseconds of a tenth of a second.
_CPU_TOLERANCE_CORES = 0.001


def read_live_limits(backend: LxcBackend, plan: ResizePlan) -> LiveLimits | None:
    """Return what is in force, None where that cannot be read."""
    try:
        return backend.read_live_limits(plan.node, plan.vmid)
    except ProxmoxAPIError:
        return None


def limits_apart(allocation: Allocation, live: LiveLimits) -> dict[str, tuple[float | None, float | None]]:
    """Return key -> (in force, configured) for each limit that differs; 640 MiB in force and 512 configured is ``{"memory": (640.0, 512)}``."""
    apart: dict[str, tuple[float | None, float | None]] = {}
    memory_mib = memory_of(allocation)
    if live.memory_mib != memory_mib:
        apart["memory"] = (live.memory_mib, memory_mib)
    if not _is_same_quota(live.cpulimit, allocation.cpulimit):
        apart["cpulimit"] = (live.cpulimit, allocation.cpulimit)
    return apart


def _is_same_quota(live_cores: float | None, configured_cores: float | None) -> bool:
    """Return whether a live quota is the configured one; None is unlimited. The kernel keeps it in microseconds, so a trace may be off."""
    if live_cores is None or configured_cores is None:
        return live_cores is configured_cores
    return abs(live_cores - configured_cores) <= _CPU_TOLERANCE_CORES


def describe_apart(apart: dict[str, tuple[float | None, float | None]]) -> str:
    """Return ``memory is 640 in force and 512 in the configuration``."""
    return ", ".join(f"{key} is {_shown(live)} in force and {_shown(configured)} in the configuration" for key, (live, configured) in apart.items())


def put_back(backend: LxcBackend, plan: ResizePlan, config: GuestConfig, apart: dict[str, tuple[float | None, float | None]]) -> str | None:
    """Bring the limits in force back to the configuration; return why not, or None when they are.

    Memory is only taken away again when the working set leaves room.
    """
    for key, (live, configured) in apart.items():
        if key == "memory" and configured is not None and not _may_take_memory(backend, plan, live, configured):
            return "what the container uses leaves no room to put it back"
        try:
            digest = config.digest
            for write in _writes(key, configured):
                backend.write_config(plan.node, plan.vmid, write, digest)
                digest = backend.read_config(plan.node, plan.vmid).digest
        except ProxmoxAPIError as error:
            return f"putting it back failed too ({str(error).strip()})"
    after = read_live_limits(backend, plan)
    still = {} if after is None else limits_apart(config.allocation, after)
    return f"putting it back did not help: {describe_apart(still)}" if still else None


def _may_take_memory(backend: LxcBackend, plan: ResizePlan, live_mib: float | None, configured_mib: float) -> bool:
    if live_mib is not None and live_mib <= configured_mib:
        return True
    try:
        in_use_mib = backend.read_working_set_mib(plan.node, plan.vmid)
    except ProxmoxAPIError:
        return False
    return refuse_memory_shrink(configured_mib, is_running=True, memory_mib=in_use_mib, source=MemorySource.CGROUP) is None


def _writes(key: str, configured: float | None) -> tuple[ConfigWrite, ConfigWrite]:
    """Return another value and then the configured one: 513 and 512; unlimited is restored by deleting the key."""
    if configured is None:
        return ConfigWrite({key: "1"}), ConfigWrite(delete=(key,))
    return ConfigWrite({key: _value(key, configured + 1)}), ConfigWrite({key: _value(key, configured)})


def _value(key: str, value: float) -> Any:
    return int(value) if key == "memory" else format_number(value)


def _shown(value: float | None) -> str:
    return "unlimited" if value is None else format_number(value)
