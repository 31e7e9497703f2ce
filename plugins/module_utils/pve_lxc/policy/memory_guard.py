# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a container's memory may be made smaller: the one guard, for ``lxc_resize`` and for the loop.

On cgroup v2 a limit below what is in use is accepted and the kernel kills inside the container at once (recorded on PVE
9.2.11, cgroup_v2_oom_kill.txt). Proxmox's ``mem`` leaves out shmem and tmpfs, so over the API alone nobody can know what
is in use: a PostgreSQL with 400 MiB of shared buffers shows 65 MiB.
"""

from __future__ import annotations

import math

from ..model.reason import Reason
from ..model.usage import MemorySource

HEADROOM_RATIO = 1.05
HEADROOM_MIB = 32


def smallest_safe_memory_mib(working_set_mib: float) -> int:
    """Return the smallest limit that leaves the working set room: 1.05 times it and 32 MiB, rounded up.

    With 1000 MiB in use it is 1082 MiB. Both constants are the first policy's, found on the traces in tests/traces.
    """
    return math.ceil(round(working_set_mib * HEADROOM_RATIO + HEADROOM_MIB, 6))


def refuse_memory_shrink(target_mib: float, *, is_running: bool, memory_mib: float | None, source: MemorySource) -> Reason | None:
    """Return why a smaller limit must not be written, or None when it may.

    Args:
        target_mib: the limit wanted, below the present one.
        is_running: a stopped container uses nothing and may be shrunk.
        memory_mib: what it uses; None when not measured.
        source: where that figure comes from.

    Returns:
        ``not_measured``, ``shmem_unknown`` (only the API's figure is known), ``below_working_set``, or None.
    """
    if not is_running:
        return None
    if memory_mib is None:
        return Reason.NOT_MEASURED
    if target_mib < smallest_safe_memory_mib(memory_mib):
        return Reason.BELOW_WORKING_SET
    if source is not MemorySource.CGROUP:
        return Reason.SHMEM_UNKNOWN
    return None


def smallest_safe_swap_mib(used_mib: float) -> int:
    """Return the smallest limit of swap that may be written while so much is used: with the room of memory 137 MiB for 100 in use, and 0 for none."""
    return 0 if used_mib <= 0 else smallest_safe_memory_mib(used_mib)


def refuse_swap_shrink(target_mib: float, *, is_running: bool, used_mib: float | None) -> Reason | None:
    """Return why a smaller limit of swap must not be written, or None when it may.

    The kernel swaps nothing in for it, it only swaps nothing out any more: what is pushed out then is a process.

    Args:
        target_mib: the limit wanted, below the present one.
        is_running: a stopped container uses none.
        used_mib: what it uses; None when not measured.

    Returns:
        ``not_measured``, ``swap_in_use``, or None.
    """
    if not is_running:
        return None
    if used_mib is None:
        return Reason.NOT_MEASURED
    return Reason.SWAP_IN_USE if target_mib < smallest_safe_swap_mib(used_mib) else None
