# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What memory a guest holds under its limit, and when the kernel kills in it.

Order of reclaim when memory.max is short: page cache and slab (free), then mapped files (they come back as refaults and
show as pressure), then swap; what still does not fit is an out-of-memory kill. Anonymous memory and shmem never just go.
"""

from __future__ import annotations

from .guest import Guest
from .guest_parts import MIB, Levels

# What is left of a container's anonymous memory when its largest process was killed: init, shells, small daemons.
SURVIVING_SHARE = 0.1
# Recorded in fixture pve9/cgroup_v2_oom_kill.txt: 32 MiB against 78 MiB in use killed the process and then init.
INIT_DIES_BELOW_SHARE = 0.5
# The kernel reads back evicted mapped pages again and again; one page is 4 KiB.
REFAULT_PAGES_PER_MISSING_MIB_SECOND = 20.0


def hard_need_mib(guest: Guest, is_service_down: bool) -> float:
    """Return memory that no reclaim can free: anonymous memory and shmem, in MiB."""
    anon = guest.demand.anon_mib * (SURVIVING_SHARE if is_service_down else 1.0)
    return anon + guest.demand.shmem_mib


def settle_levels(guest: Guest, is_service_down: bool) -> Levels:
    """Return what the guest holds under its live limits; the caller has dealt with kills.

    With 100 MiB anonymous, 20 MiB mapped files, 50 MiB cache and a limit of 128 MiB: 100 + 20 fit, 8 MiB of cache stay.
    """
    demand = guest.demand
    limit = guest.limits.memory_bytes / MIB
    anon = demand.anon_mib * (SURVIVING_SHARE if is_service_down else 1.0)
    room = limit - anon - demand.shmem_mib
    swapped = min(max(0.0, -room), guest.limits.usable_swap_bytes / MIB, anon)
    anon -= swapped
    room = max(0.0, limit - anon - demand.shmem_mib)
    unshared_mapped = min(max(0.0, demand.mapped_mib - demand.shmem_mib), room)
    room -= unshared_mapped
    slab = min(demand.slab_mib, room)
    cache = min(demand.cache_mib, room - slab)
    shmem = min(demand.shmem_mib, limit)
    mapped_shmem = min(demand.mapped_mib, shmem)
    return Levels(
        anon_mib=max(0.0, min(anon, limit - shmem)),
        shmem_mib=shmem,
        mapped_mib=mapped_shmem + unshared_mapped,
        file_mib=shmem + unshared_mapped + cache,
        slab_mib=slab,
        swap_mib=swapped,
        needed_mib=demand.anon_mib + max(demand.shmem_mib, demand.mapped_mib),
    )


def missing_mapped_mib(guest: Guest) -> float:
    """Return the mapped files that the limit pushed out, in MiB."""
    return max(0.0, guest.demand.mapped_mib - max(guest.levels.mapped_mib, guest.levels.shmem_mib))


def fits(guest: Guest, is_service_down: bool) -> bool:
    """Return whether the unreclaimable memory fits into memory.max plus swap.max."""
    room = (guest.limits.memory_bytes + guest.limits.usable_swap_bytes) / MIB
    return hard_need_mib(guest, is_service_down) <= room


def kill_service(guest: Guest, back_at: float) -> None:
    """Kill the largest process: it counts, and the service is down until its next trace step."""
    counters = guest.counters
    counters.oom_kills += 1
    counters.cgroup_oom += 1
    counters.cgroup_oom_kill += 1
    guest.service_down_until = back_at


def must_init_die(guest: Guest) -> bool:
    """Return whether a shrink kills init as well, so that the container stops.

    It does when even a restarted service could not fit: below half of what cannot be freed, or below shmem alone.
    """
    room = (guest.limits.memory_bytes + guest.limits.usable_swap_bytes) / MIB
    return room < INIT_DIES_BELOW_SHARE * hard_need_mib(guest, False) or room < guest.demand.shmem_mib


def memory_some_percent(needed_mib: float, limit_mib: float) -> float:
    """Return a stated stand-in for memory pressure: 10 x clamp((use/limit - 0.90) / 0.10, 0, 1) squared.

    95 MiB in 100 MiB give 10 x 0.5 squared = 2.5 %.
    """
    over = (needed_mib / limit_mib - 0.90) / 0.10 if limit_mib > 0 else 1.0
    return round(10.0 * min(max(over, 0.0), 1.0) ** 2, 2)
