# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After a failed write: find out whether the limits in force are still those of the configuration, and put them back.

Proxmox hot-plugs before it saves. Seen on PVE 9.2: 500, live limit 640, configuration 512; a later write of 512 repairs nothing, because it
equals the configuration. So another value is written first, and then the one of the configuration.
"""

from __future__ import annotations

from typing import Any, Protocol

from ..errors import ProxmoxAPIError
from ..model.allocation import Allocation, LiveLimits
from ..model.guest import GuestConfig
from ..model.plan import ConfigWrite, ResizePlan
from ..model.usage import MemorySource
from ..policy.in_force import Apart, describe_apart, limits_apart
from ..policy.memory_guard import refuse_memory_shrink, refuse_swap_shrink
from ..units import format_number


def read_live_limits(backend: RepairRoad, plan: ResizePlan) -> LiveLimits | None:
    """Return what is in force, None where that cannot be read."""
    try:
        return backend.read_live_limits(plan.node, plan.vmid)
    except ProxmoxAPIError:
        return None


class RepairRoad(Protocol):
    """What putting limits back needs of a way to Proxmox; every LxcBackend is one."""

    def read_config(self, node: str, vmid: int) -> GuestConfig:
        """As LxcBackend's."""

    def write_config(self, node: str, vmid: int, write: ConfigWrite, digest: str) -> None:
        """As LxcBackend's."""

    def read_live_limits(self, node: str, vmid: int) -> LiveLimits | None:
        """As LxcBackend's."""

    def read_working_set_mib(self, node: str, vmid: int) -> float | None:
        """As LxcBackend's."""


def put_back(backend: RepairRoad, plan: ResizePlan, config: GuestConfig, apart: Apart) -> str | None:
    """Bring the limits in force back to the configuration; return why not, or None when they are.

    Memory is only taken away again when the working set leaves room, and swap when what is used of it does.
    """
    for key, (live, configured) in apart.items():
        may_take = {"memory": _may_take_memory, "swap": _may_take_swap}.get(key)
        if may_take is not None and configured is not None and not may_take(backend, plan, live, configured):
            return "what the container uses leaves no room to put it back"
        try:
            digest = config.digest
            # A swap that is absent is in force as 0, and is put back as absent.
            for write in _writes(key, config.allocation.swap_mib if key == "swap" else configured):
                backend.write_config(plan.node, plan.vmid, write, digest)
                digest = backend.read_config(plan.node, plan.vmid).digest
        except ProxmoxAPIError as error:
            return f"putting it back failed too ({str(error).strip()})"
    after = read_live_limits(backend, plan)
    still = {} if after is None else limits_apart(config.allocation, after, with_swap="swap" in apart)
    return f"putting it back did not help: {describe_apart(still)}" if still else None


def _may_take_memory(backend: RepairRoad, plan: ResizePlan, live_mib: float | None, configured_mib: float) -> bool:
    if live_mib is not None and live_mib <= configured_mib:
        return True
    try:
        in_use_mib = backend.read_working_set_mib(plan.node, plan.vmid)
    except ProxmoxAPIError:
        return False
    return refuse_memory_shrink(configured_mib, is_running=True, memory_mib=in_use_mib, source=MemorySource.CGROUP) is None


def _may_take_swap(backend: RepairRoad, plan: ResizePlan, live_mib: float | None, configured_mib: float) -> bool:
    if live_mib is not None and live_mib <= configured_mib:
        return True
    live = read_live_limits(backend, plan)
    return live is not None and refuse_swap_shrink(configured_mib, is_running=True, used_mib=live.swap_used_mib) is None


def is_in_midst(seen: Allocation, configured: Allocation, *, with_swap: bool) -> bool:
    """Return whether a configuration is what ``put_back`` leaves when it is stopped after its first write: 513 for 512, a cpulimit of 1 for unlimited."""
    quota = 1.0 if configured.cpulimit is None else configured.cpulimit + 1
    if with_swap and seen.swap_mib not in (configured.swap_mib, configured.swap_in_effect_mib + 1):
        return False
    midst = {configured.memory_in_effect_mib + 1: "memory", configured.memory_in_effect_mib: ""}.get(seen.memory_in_effect_mib)
    is_same_quota = seen.cpulimit == configured.cpulimit
    return seen != configured and midst is not None and (is_same_quota or seen.cpulimit == quota) and seen.cores == configured.cores


def _writes(key: str, configured: float | None) -> tuple[ConfigWrite, ConfigWrite]:
    """Return another value and then the configured one: 513 and 512; unlimited is restored by deleting the key."""
    if configured is None:
        return ConfigWrite({key: _value(key, 1.0)}), ConfigWrite(delete=(key,))
    return ConfigWrite({key: _value(key, configured + 1)}), ConfigWrite({key: _value(key, configured)})


def _value(key: str, value: float) -> Any:
    return format_number(value) if key == "cpulimit" else int(value)
