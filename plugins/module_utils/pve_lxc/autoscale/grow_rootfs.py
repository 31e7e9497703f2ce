# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Grow root file systems: look again, write it down, grow, look at it, write down what became of it. And settle one that a killed run had begun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import ProxmoxAPIError
from ..model.decision import Decision
from ..model.guest import Guest, GuestConfig
from ..model.plan import Outcome
from ..model.reason import Reason
from ..model.rootfs import RootfsChoice, format_disk_size, parse_volume_bytes
from ..operations.disk import DiskStep
from ..operations.disk_grow import DISK_SECONDS, PartFailedError, grow_disk
from ..operations.failure import describe_failure
from ..policy.rootfs_memory import RootfsMemory
from .carry_out import Carried, left_outcome, read_again
from .parts import UNREACHABLE_ERRORS, CycleParts
from .remembered import Remembered, remembered_to_dict

# After so long a growth that a killed run had begun is over, whatever became of it.
_SETTLED_AFTER_SECONDS = 2 * DISK_SECONDS

# After one of these a task may be at work that nobody has seen the end of.
_MAY_STILL_GROW = (Reason.OUTCOME_UNKNOWN, Reason.NODE_UNREACHABLE)


def grow_all(
    parts: CycleParts, run_id: int, decisions: Sequence[Decision], guests: Mapping[int, Guest], results: tuple[dict[int, Remembered], list[Outcome]]
) -> ProxmoxAPIError | None:
    """Grow each, and return the error after which nothing more could be asked; None when all was tried.

    Args:
        parts: of the cycle.
        run_id: its number.
        decisions: those that grow a root file system.
        guests: by vmid.
        results: what is remembered by vmid, brought up to date, and the outcomes, added to.

    Raises:
        StateError: one could not be written down, so it was not made.
    """
    entries, outcomes = results
    if not parts.backend.is_quorate():
        message = "the cluster has no quorum, so nothing can be written; this is a recommendation only"
        outcomes += [_left(parts, decision, Reason.NO_QUORUM, message, is_failed=False) for decision in decisions]
        return None
    for position, decision in enumerate(decisions):
        try:
            carried = _grow(parts, run_id, decision, guests[decision.vmid], entries[decision.vmid])
        except UNREACHABLE_ERRORS as error:
            message = f"not tried, because Proxmox could not be reached any more: {str(error).strip()}"
            outcomes += [_left(parts, left, Reason.NOT_TRIED, message, is_failed=True) for left in decisions[position:]]
            return error
        outcomes.append(carried.outcome)
        entries[decision.vmid] = carried.remembered
    return None


def _grow(parts: CycleParts, run_id: int, decision: Decision, guest: Guest, remembered: Remembered) -> Carried:
    choice, adopted = decision.rootfs, remembered.memory.identity
    config = read_again(parts, decision, guest)
    if isinstance(config, Outcome):
        return Carried(_only_disk(config), remembered)
    found = parse_volume_bytes(config.rootfs_options)
    if config.lock:
        return Carried(_left(parts, decision, Reason.LOCKED, f"it was locked in the meantime ({config.lock})", is_failed=False), remembered)
    if choice is None or found is None or found != choice.size_bytes or config.identity != adopted:
        message = "somebody changed its root file system in the meantime; what they made of it is kept"
        # It is looked at anew in the next cycle.
        remembered = replace(remembered, config=None, config_read_seconds=0.0)
        return Carried(_left(parts, decision, Reason.OPERATOR_CHANGED, message, is_failed=False), remembered)
    return _write(parts, run_id, decision, (guest, config, choice), remembered)


def _write(parts: CycleParts, run_id: int, decision: Decision, case: tuple[Guest, GuestConfig, RootfsChoice], remembered: Remembered) -> Carried:
    guest, config, choice = case
    step = DiskStep("rootfs", choice.size_bytes or 0, choice.target_bytes or 0)
    # Its own entry in the journal: it cannot be taken back, and sizes of the same cycle can.
    entry = replace(decision, current=None, target=None, reason=Reason.GROW_ROOTFS, message=choice.message)
    change_id = parts.state.begin_change(run_id, parts.clock.now(), entry, identity=config.identity)
    reason, message = Reason.GROW_ROOTFS, choice.message
    is_failed = False
    try:
        grow_disk(parts.backend, guest, step, parts.clock)
    except PartFailedError as failure:
        reason, message, is_failed = failure.reason, failure.message, True
    size = _read_size(parts, guest)
    outcome = _outcome(parts, decision, (step.before_bytes, size), reason, message, is_failed=is_failed)
    now = parts.clock.now()
    memory = replace(remembered.memory.rootfs or RootfsMemory(), tried_seconds=now)
    # What was remembered of the configuration is older than this: it is read anew in the next cycle.
    remembered = _remembering(replace(remembered, config=None, config_read_seconds=0.0), _with_written(memory, size, step.after_bytes))
    if reason not in _MAY_STILL_GROW and size is not None:
        # What nobody has seen the end of stays open: a later cycle settles it by reading.
        parts.state.end_change(change_id, now, outcome, {guest.vmid: remembered_to_dict(remembered)})
    return Carried(outcome, remembered)


def _read_size(parts: CycleParts, guest: Guest) -> int | None:
    """Return the size that the configuration has now; None when that cannot be read."""
    try:
        return parse_volume_bytes(parts.backend.read_config(guest.node, guest.vmid).rootfs_options)
    except ProxmoxAPIError:
        return None


def settle_rootfs(parts: CycleParts, change: Mapping[str, Any]) -> Outcome | None:
    """Return what a look says of a growth that was begun and never ended; None to leave it open.

    Proxmox writes the new size when the volume has grown; until the time that a growth may take is over, an old size says nothing.
    """
    vmid, node = int(change["vmid"]), str(change["node"])
    before, target = _bytes_of(change["before"]), _bytes_of(change["target"])
    decision = Decision(vmid, str(change["name"]), node, None, None, Reason.GROW_ROOTFS, "")
    told = "an earlier run was stopped while the root file system grew"
    try:
        config = parts.backend.read_config(node, vmid)
    except UNREACHABLE_ERRORS:
        raise
    except ProxmoxAPIError as error:
        reason, message = describe_failure(error)
        if reason in (Reason.NODE_UNREACHABLE, Reason.REFUSED_BY_PROXMOX):
            return None
        return _left(parts, decision, reason, f"{told}: {message}", is_failed=True)
    if change["identity"] and config.identity != change["identity"]:
        return _left(parts, decision, Reason.OPERATOR_CHANGED, f"{told}; the id belongs to another container now", is_failed=True)
    size = parse_volume_bytes(config.rootfs_options)
    if size is not None and size >= target:
        return _outcome(parts, decision, (before, size), Reason.GROW_ROOTFS, f"{told}; it is done", is_failed=False)
    if config.lock or 0 <= parts.clock.now() - float(change["begun"]) < _SETTLED_AFTER_SECONDS:
        return None
    shown = "its size cannot be seen any more" if size is None else f"it has {format_disk_size(size)}"
    return _outcome(parts, decision, (before, size), Reason.NOT_TRIED, f"{told}; {shown}", is_failed=True)


def remember_settled(entry: Remembered, change: Mapping[str, Any], outcome: Outcome | None) -> Remembered:
    """Return what is remembered of the container of an open growth: that it was tried, and what came of it when that is known."""
    memory = entry.memory.rootfs or RootfsMemory()
    memory = replace(memory, tried_seconds=max(memory.tried_seconds, float(change["begun"])))
    if outcome is not None and outcome.is_changed:
        memory = _with_written(memory, _bytes_of(outcome.more_after), _bytes_of(change["target"]))
    return _remembering(replace(entry, config=None, config_read_seconds=0.0), memory)


def _with_written(memory: RootfsMemory, size: int | None, written: int) -> RootfsMemory:
    """Return the memory after a write of ours: the size written is ours, and no new baseline."""
    return replace(memory, known_bytes=float(written)) if size == written else memory


def _remembering(entry: Remembered, memory: RootfsMemory) -> Remembered:
    return replace(entry, memory=replace(entry.memory, rootfs=memory))


def _outcome(parts: CycleParts, decision: Decision, sizes: tuple[int, int | None], reason: Reason, message: str, *, is_failed: bool) -> Outcome:
    before, after = sizes
    left = _left(parts, decision, reason, message, is_failed=is_failed)
    shown = {"rootfs": None if after is None else format_disk_size(after)}
    return replace(left, is_changed=after is not None and after > before, more_before={"rootfs": format_disk_size(before)}, more_after=shown)


def _left(parts: CycleParts, decision: Decision, reason: Reason, message: str, *, is_failed: bool) -> Outcome:
    return _only_disk(left_outcome(parts, decision, reason, message, is_failed=is_failed))


def _only_disk(outcome: Outcome) -> Outcome:
    """Return the outcome without sizes of CPU and memory, which it says nothing about."""
    return replace(outcome, before=None, after=None)


def _bytes_of(values: Mapping[str, Any]) -> int:
    """Return the size of ``{"rootfs": "8G"}``; 0 where there is none."""
    return parse_volume_bytes(f"size={values.get('rootfs') or 0}") or 0
