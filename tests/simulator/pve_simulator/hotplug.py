# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of a running container's kernel limits.

Order and texts recorded on PVE 9.2.11: fixtures pve9/partial_failure_and_pending.json, config_put_ok.json,
memory_shrink_below_usage_cgroupv1.json (cgroup v1) and cgroup_v2_pvesh.txt (cgroup v2).
"""

from __future__ import annotations

from .guest import Guest
from .guest_parts import MIB
from .memory_model import fits, hard_need_mib, kill_service, must_init_die, settle_levels
from .simulation import PLAIN_STEP_SECONDS
from .world import World

DEFAULT_CPUUNITS = 100
DEFAULT_MEMORY_MIB = 512


def apply_live(guest: Guest, world: World, changed: dict[str, str], gone: list[str]) -> dict[str, str]:
    """Change the live limits and return what could not be, option to text.

    Removals come first, then values by name. Memory and swap go together once: a removal of swap sends the old memory, and
    the new memory of the same request then stays away from the kernel (a bug of Proxmox VE that was seen).
    """
    errors: dict[str, str] = {}
    is_memory_done = False
    for name in sorted(gone):
        if name == "cpulimit":
            guest.limits.quota_cores = None
        elif name == "cpuunits":
            guest.limits.cpuunits = DEFAULT_CPUUNITS
        elif not is_memory_done:
            is_memory_done = True
            memory_mib = DEFAULT_MEMORY_MIB if name == "memory" else int(guest.config.get("memory", DEFAULT_MEMORY_MIB))
            _set_memory(guest, world, memory_mib, 0 if name == "swap" else int(guest.config.get("swap", 0)), name, errors)
    for name in sorted(changed):
        text = changed[name]
        if name == "cpulimit":
            _set_quota(guest, world, text, errors)
        elif name == "cpuunits":
            guest.limits.cpuunits = int(text)
        elif not is_memory_done:
            is_memory_done = True
            memory_mib = int(changed.get("memory", guest.config.get("memory", DEFAULT_MEMORY_MIB)))
            _set_memory(guest, world, memory_mib, int(changed.get("swap", guest.config.get("swap", 0))), name, errors)
    return errors


def _set_quota(guest: Guest, world: World, text: str, errors: dict[str, str]) -> None:
    """Set the CPU quota; the kernel refuses 0."""
    if float(text) > 0:
        guest.limits.quota_cores = float(text)
        return
    is_legacy = world.nodes[guest.node].cgroup_mode == 1
    path = f"/sys/fs/cgroup/cpu//lxc/{guest.vmid}/cpu.cfs_quota_us" if is_legacy else f"/sys/fs/cgroup/lxc/{guest.vmid}/cpu.max"
    errors["cpulimit"] = f"unable to hotplug cpulimit: closing file '{path}' failed - Invalid argument\n"


def _set_memory(guest: Guest, world: World, memory_mib: int, swap_mib: int, option: str, errors: dict[str, str]) -> None:
    """Set memory and swap; below what is in use cgroup v1 refuses and cgroup v2 kills."""
    node = world.nodes[guest.node]
    is_down = guest.service_down_until > world.now
    if node.cgroup_mode == 1 and memory_mib + (swap_mib if node.swap_mib else 0) < hard_need_mib(guest, is_down):
        path = f"/sys/fs/cgroup/memory//{node.memory_cgroup_prefix}lxc/{guest.vmid}/memory.limit_in_bytes"
        errors[option] = f"unable to hotplug memory: closing file '{path}' failed - Device or resource busy\n"
        return
    guest.limits.memory_bytes = memory_mib * MIB
    guest.limits.swap_bytes = swap_mib * MIB
    shrink_kills(guest, world)


def shrink_kills(guest: Guest, world: World) -> None:
    """Let the kernel kill at once what does not fit into a lowered limit; the container may stop."""
    is_down = guest.service_down_until > world.now
    if not fits(guest, is_down):
        step_end = (world.now // PLAIN_STEP_SECONDS + 1) * PLAIN_STEP_SECONDS
        init_dies = must_init_die(guest)
        kill_service(guest, step_end)
        if init_dies:
            guest.counters.oom_kills += 1
            stop_guest(guest)
            return
    guest.levels = settle_levels(guest, guest.service_down_until > world.now)


def start_guest(guest: Guest, world: World) -> None:
    """Start a container: pending changes take hold, limits come from the configuration, counters start anew."""
    for name, text in guest.pending.items():
        guest.config[name] = text
    for name in guest.pending_delete:
        guest.config.pop(name, None)
    guest.pending.clear()
    guest.pending_delete.clear()
    node = world.nodes[guest.node]
    guest.status = "running"
    guest.started_at = world.now
    guest.pid = world.take_pid()
    guest.limits.memory_bytes = int(guest.config.get("memory", DEFAULT_MEMORY_MIB)) * MIB
    guest.limits.swap_bytes = int(guest.config.get("swap", 0)) * MIB
    guest.limits.has_host_swap = node.swap_mib > 0
    limit = float(guest.config.get("cpulimit", "0"))
    guest.limits.quota_cores = limit if limit > 0 else None
    guest.limits.cpuunits = int(guest.config.get("cpuunits", DEFAULT_CPUUNITS))
    guest.limits.cpuset_cores = guest.cpuset_count(node.cpus)
    guest.counters.restart()
    guest.service_down_until = -1.0
    guest.levels = settle_levels(guest, False)


def stop_guest(guest: Guest) -> None:
    """Stop a container; what it held is free."""
    guest.status = "stopped"
    guest.started_at = None
    guest.pid = 0
    guest.is_frozen = False
    guest.cpu_used_cores = 0.0
    guest.levels = type(guest.levels)()
