# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settle changes that an earlier run had begun and never ended: it was killed, or the answer was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import ProxmoxAPIError
from ..model.allocation import CONFIG_KEYS, Allocation
from ..model.form import is_of_disk
from ..model.guest import Guest
from ..model.plan import Outcome
from ..model.reason import Reason
from ..operations.failure import describe_failure
from ..operations.resize_apply import apply_resize
from ..operations.resize_plan import plan_to
from ..operations.resize_repair import is_in_midst
from ..policy.adopt import differing_fields, record_write, written_fields
from ..policy.remember import ContainerMemory, new_memory
from .parts import UNREACHABLE_ERRORS, CycleParts
from .remembered import Remembered, remembered_to_dict


def settle_open_changes(parts: CycleParts, remembered: dict[int, Remembered]) -> tuple[Outcome, ...]:
    """Return what became of each open change, oldest first, and write it down; what turns out to be ours is remembered as ours.

    Raises:
        ProxmoxAPIError: Proxmox cannot be reached; the changes stay open.
    """
    outcomes = []
    for change in parts.state.read_open_changes():
        if is_of_disk(change):
            outcomes += _settle_rootfs(parts, change, remembered)
            continue
        vmid = int(change["vmid"])
        entry = remembered.get(vmid)
        outcome = _settle(parts, change, entry.memory if entry is not None else new_memory(parts.settings.of(vmid).policy))
        if outcome is None:
            continue
        now = parts.clock.now()
        if entry is not None:
            memory = entry.memory
            if outcome.after is not None and outcome.reason is not Reason.OPERATOR_CHANGED:
                memory = record_write(memory, outcome.after, now)
            # What was remembered of the configuration is older than the change: it is read anew in this cycle.
            entry = remembered[vmid] = replace(entry, memory=memory, config=None, config_read_seconds=0.0)
        parts.state.end_change(int(change["change_id"]), now, outcome, {} if entry is None else {vmid: remembered_to_dict(entry)})
        outcomes.append(outcome)
    return tuple(outcomes)


def _settle_rootfs(parts: CycleParts, change: Mapping[str, Any], remembered: dict[int, Remembered]) -> list[Outcome]:
    """Return what became of a root file system that was growing; empty while that is not known."""
    # Imported here, because hardly anybody has disks grown and every cycle would start later.
    from .grow_rootfs import remember_settled, settle_rootfs

    outcome, vmid = settle_rootfs(parts, change), int(change["vmid"])
    memories = {}
    if vmid in remembered:
        remembered[vmid] = remember_settled(remembered[vmid], change, outcome)
        memories = {vmid: remembered_to_dict(remembered[vmid])}
    if outcome is None:
        return []
    parts.state.end_change(int(change["change_id"]), parts.clock.now(), outcome, memories)
    return [outcome]


def _settle(parts: CycleParts, change: Mapping[str, Any], memory: ContainerMemory) -> Outcome | None:
    """Return what a look at the container says; None to leave the change open because it cannot be looked at now."""
    before, target = _allocation(change["before"]), _allocation(change["target"])
    fields = written_fields(memory, before, target)
    found = Outcome(
        vmid=int(change["vmid"]),
        name=str(change["name"]),
        node=str(change["node"]),
        is_changed=True,
        is_failed=False,
        reason=Reason.RESIZED,
        message="an earlier run did not see the end of this change; it is done",
        before=before,
        transport=parts.backend.transport,
    )
    try:
        seen = parts.backend.read_pending(found.node, int(change["vmid"]))
    except UNREACHABLE_ERRORS:
        raise
    except ProxmoxAPIError as error:
        reason, message = describe_failure(error)
        if reason in (Reason.NODE_UNREACHABLE, Reason.REFUSED_BY_PROXMOX):
            return None
        return replace(found, is_changed=False, is_failed=True, reason=reason, message=f"an earlier run did not see the end of this change: {message}")
    found = replace(found, after=seen.allocation, pending=dict(seen.pending), is_restart_required=bool(seen.pending))
    if not differing_fields(seen.allocation, target, fields):
        return found
    if change["reason"] == Reason.HALF_APPLIED and is_in_midst(seen.allocation, target, with_swap="swap_mib" in fields):
        # Limits in force were being put back, which takes two writes: the second is made now.
        plan = plan_to(Guest(int(change["vmid"]), found.name, found.node, ""), seen, target, cgroup_mode=2, reason=Reason.HALF_APPLIED, message="")
        done = apply_resize(parts.backend, plan)
        return replace(
            done, before=before, message=f"an earlier run did not see the end of putting limits back to the configuration; {done.message or 'it is done'}"
        )
    if not differing_fields(seen.allocation, before, fields):
        return replace(
            found, is_changed=False, is_failed=True, reason=Reason.NOT_TRIED, message="an earlier run did not see the end of this change; it was not made"
        )
    if _is_between(seen.allocation, before, target):
        return replace(found, is_failed=True, reason=Reason.HALF_APPLIED, message="an earlier run did not see the end of this change; a part of it was made")
    message = "an earlier run did not see the end of this change; somebody else has changed the container since"
    return replace(found, is_failed=True, reason=Reason.OPERATOR_CHANGED, message=message)


def _is_between(seen: Allocation, before: Allocation, target: Allocation) -> bool:
    """Return whether every value is the one before or the one wanted, as after the first of two writes."""
    return all(value in (getattr(before, name), getattr(target, name)) for name, value in seen.items())


def _allocation(values: Mapping[str, Any] | None) -> Allocation:
    given = values or {}
    return Allocation(**{field: given.get(key) for field, key in CONFIG_KEYS.items()})
