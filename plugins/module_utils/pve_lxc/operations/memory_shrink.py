# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request for less memory comes to, once the guard has been asked."""

from __future__ import annotations

from dataclasses import replace

from ..model.guest import Guest, GuestConfig
from ..model.plan import ResizePlan
from ..model.reason import Reason
from ..model.usage import MemorySource
from ..policy.memory_guard import refuse_memory_shrink
from ..units import mib_from_bytes
from .request import ResizeRequest
from .resize_plan import memory_of, plan_nothing


def guard_memory_shrink(plan: ResizePlan, request: ResizeRequest, guest: Guest, config: GuestConfig, working_set_mib: float | None) -> ResizePlan:
    """Return a plan that takes memory away as it is, with a warning when it was forced, or refused because memory in use could be taken away.

    Args:
        plan: lowers the memory.
        request: says whether it is forced.
        guest: says whether it runs, and what Proxmox shows as used.
        config: what the plan was made from.
        working_set_mib: what it really uses; None where only Proxmox's figure is known.
    """
    limit_mib, target_mib = memory_of(plan.before), memory_of(plan.after)
    shown_mib = None if guest.memory_bytes is None else mib_from_bytes(guest.memory_bytes)
    memory_mib, source = (shown_mib, MemorySource.API) if working_set_mib is None else (working_set_mib, MemorySource.CGROUP)
    # "unknown" is not stopped.
    is_running = guest.status != "stopped"
    reason = refuse_memory_shrink(target_mib, is_running=is_running, memory_mib=memory_mib, source=source)
    if reason is None:
        return plan
    sentence = shrink_sentence(reason, target_mib, memory_mib, source)
    if request.is_forced:
        return replace(plan, warnings=(*plan.warnings, f"memory shrinks by force: {sentence}"))
    message = f"memory is not lowered from {limit_mib} to {target_mib} MiB: {sentence}. Stop the container first, or give force"
    refused = plan_nothing(guest, config, reason=reason, message=message, is_refused=True)
    return replace(refused, warnings=plan.warnings)


def shrink_sentence(reason: Reason, target_mib: int, memory_mib: float | None, source: MemorySource) -> str:
    """Return why a running container's memory must not become ``target_mib``, as a sentence without an end; ``reason`` is the guard's."""
    if memory_mib is None:
        return "it runs and what it uses was not measured, so the kernel may kill inside it at once"
    used = f"its working set is {memory_mib:.0f} MiB" if source is MemorySource.CGROUP else f"Proxmox shows {memory_mib:.0f} MiB in use"
    if memory_mib >= target_mib:
        return f"{used}, more than {target_mib} MiB, so the kernel will kill inside it at once"
    if reason is Reason.BELOW_WORKING_SET:
        return f"{used}, too close to {target_mib} MiB"
    return f"{used}, but that leaves out shared memory and tmpfs, so over the API nobody can know whether {target_mib} MiB are enough"
