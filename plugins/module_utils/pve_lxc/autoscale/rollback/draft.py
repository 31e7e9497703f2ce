# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollback would write for one container of today, or why it must not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...errors import ProxmoxAPIError
from ...model.allocation import CONFIG_KEYS
from ...model.decision import Decision
from ...model.guest import Guest, GuestConfig
from ...model.node import Cluster
from ...model.plan import Outcome
from ...model.reason import Reason
from ...model.usage import MemorySource, UsageSample
from ...operations.failure import describe_failure
from ...operations.memory_shrink import shrink_sentence
from ...operations.resize_plan import memory_of, plan_to
from ...policy.memory_guard import refuse_memory_shrink
from ...ports import StateStore
from ..carry_out import Errand, Undo, left_outcome
from ..moment import Moment
from ..parts import UNREACHABLE_ERRORS, CycleParts
from ..terminal.words import say_clock, say_keys
from .plan import Undoing, changes_to_undo, plan_undoing


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """What the operator asks for.

    Attributes:
        vmid: one container; None for all that the journal knows, which needs a moment.
        moment: to when; None for "to before its newest change".
        is_dry_run: whether it is only shown.
        is_forced: whether others' changes since, and memory in use, are no obstacle.
    """

    vmid: int | None
    moment: Moment | None
    is_dry_run: bool = False
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """One container that was asked for.

    Attributes:
        vmid: its id.
        name: as the journal knows it.
        node: the same.
        undoing: what is to be taken back; None when there is nothing.
        is_named: whether the operator named it; else the journal did.
        is_forced: whether others' changes and memory in use are no obstacle.
    """

    vmid: int
    name: str
    node: str
    undoing: Undoing | None
    is_named: bool
    is_forced: bool


def wishes_of(state: StateStore, request: RollbackRequest, cluster: Cluster) -> list[Wish]:
    """Return what the request means for each container, by ascending vmid; of those that were not named only where there is anything to take back."""
    by_vmid: dict[int, list[Mapping[str, Any]]] = {}
    # By time only what came after it is needed; by run the clock may have been set back in between, so the numbers are compared.
    since = request.moment.seconds if request.moment is not None and request.moment.seconds is not None else 0.0
    for change in state.read_changes(request.vmid, limit=None, since=since):
        by_vmid.setdefault(int(change["vmid"]), []).append(change)
    if request.vmid is not None:
        guest = cluster.guests.get(request.vmid)
        changes = by_vmid.get(request.vmid, [])
        name, node = (guest.name, guest.node) if guest else (changes[0]["name"], changes[0]["node"]) if changes else ("", "")
        undoing = plan_undoing(changes_to_undo(changes, request.moment))
        return [Wish(request.vmid, name, node, undoing, is_named=True, is_forced=request.is_forced)]
    wishes = []
    for vmid, changes in sorted(by_vmid.items()):
        undoing = plan_undoing(changes_to_undo(changes, request.moment))
        if undoing is not None:
            wishes.append(Wish(vmid, str(changes[0]["name"]), str(changes[0]["node"]), undoing, is_named=False, is_forced=request.is_forced))
    return wishes


def draft(parts: CycleParts, cluster: Cluster, wish: Wish) -> Errand | Outcome:
    """Return what is to be written, or the outcome of a container for which nothing is; memory in use is looked at by ``guard_shrinks``.

    Raises:
        ProxmoxAPIError: one of UNREACHABLE_ERRORS.
    """
    guest = cluster.guests.get(wish.vmid)
    if guest is None:
        return _left(parts, wish, Reason.NOT_FOUND, "there is no such container any more", is_failed=wish.is_named)
    if wish.undoing is None:
        return _left(parts, wish, Reason.UNCHANGED, "the loop has changed nothing of it since then", is_failed=False)
    if wish.undoing.disks and not wish.undoing.found:
        return _left(parts, wish, Reason.CANNOT_SHRINK, f"{wish.undoing.stays}; --to goes back further for its CPU and memory", is_failed=wish.is_named)
    try:
        config = parts.backend.read_config(guest.node, guest.vmid)
    except UNREACHABLE_ERRORS:
        raise
    except ProxmoxAPIError as error:
        return _left(parts, wish, *describe_failure(error), is_failed=True)
    node = cluster.nodes.get(guest.node)
    errand = _errand(wish, wish.undoing, guest, config, node.cgroup_mode if node else None)
    return _refusal(parts, wish, wish.undoing, config, errand) or errand


def guard_shrinks(parts: CycleParts, errands: Sequence[Errand], now: float) -> list[Errand | Outcome]:
    """Return each errand with what was measured, or why it would take memory away that is in use; forced ones are let through."""
    shrinking = [errand.guest for errand in errands if _shrink_of(errand) is not None and not _is_forced(errand)]
    samples = parts.usage.read_samples(shrinking, now) if shrinking else {}
    return [_guard_shrink(parts, errand, samples) for errand in errands]


def _guard_shrink(parts: CycleParts, errand: Errand, samples: Mapping[int, UsageSample]) -> Errand | Outcome:
    shrink = _shrink_of(errand)
    if shrink is None or _is_forced(errand):
        return errand
    sample = samples.get(errand.guest.vmid)
    memory_mib = None if sample is None else sample.memory_mib
    is_blind_allowed = parts.settings.of(errand.guest.vmid).policy.allow_blind_shrink
    source = MemorySource.CGROUP if sample is None or is_blind_allowed else sample.memory_source
    limit_mib, target_mib = shrink
    # "unknown" is not stopped.
    reason = refuse_memory_shrink(target_mib, is_running=errand.guest.status != "stopped", memory_mib=memory_mib, source=source)
    if reason is None:
        return replace(errand, decision=replace(errand.decision, sample=sample))
    sentence = shrink_sentence(reason, target_mib, memory_mib, source)
    message = f"memory is not lowered from {limit_mib} to {target_mib} MiB: {sentence}. Stop the container first, or give --force"
    return left_outcome(parts, errand.decision, reason, message, is_failed=True)


def _errand(wish: Wish, undoing: Undoing, guest: Guest, config: GuestConfig, cgroup_mode: int | None) -> Errand:
    present, target = config.allocation, undoing.target(config.allocation)
    sizes = say_keys(present, target)
    message = f"put back to before run {undoing.run_id} ({say_clock(undoing.begun_seconds)}): {sizes}" + (f"; {undoing.stays}" if undoing.stays else "")
    decision = Decision(guest.vmid, guest.name, guest.node, present, target, Reason.ROLLED_BACK, message, (Reason.ROLLED_BACK,))
    return Errand(decision, guest, cgroup_mode, Undo(undoing.undoes_from, is_forced=wish.is_forced))


def _refusal(parts: CycleParts, wish: Wish, undoing: Undoing, config: GuestConfig, errand: Errand) -> Outcome | None:
    """Return why the errand must not be done, or need not; None when it is due."""
    decision = errand.decision
    if undoing.identity and undoing.identity != config.identity and not wish.is_forced:
        message = "the id belongs to another container now, or its disk or network card was replaced; --force takes it for the same"
        return left_outcome(parts, decision, Reason.NOT_FOUND, message, is_failed=wish.is_named)
    target = decision.target if decision.target is not None else config.allocation
    plan = plan_to(errand.guest, config, target, cgroup_mode=errand.cgroup_mode, reason=decision.reason, message=decision.message)
    if not plan.is_change:
        message = "it has these values already" + (f"; {undoing.stays}" if undoing.stays else "")
        return left_outcome(parts, decision, Reason.UNCHANGED, message, is_failed=False)
    theirs = undoing.changed_since(config.allocation)
    if theirs and not wish.is_forced:
        names = ", ".join(CONFIG_KEYS[name] for name in theirs)
        sizes = say_keys(config.allocation, target)
        message = f"somebody has changed {names} since the loop did; their values are kept. --force puts it back all the same ({sizes})"
        return left_outcome(parts, decision, Reason.OPERATOR_CHANGED, message, is_failed=True)
    if config.lock:
        return left_outcome(parts, decision, Reason.LOCKED, f"it is locked ({config.lock}); try again when that is over", is_failed=True)
    return None


def _shrink_of(errand: Errand) -> tuple[int, int] | None:
    """Return the memory before and after in MiB; None when it does not become less."""
    current, target = errand.decision.current, errand.decision.target
    if current is None or target is None or memory_of(target) >= memory_of(current):
        return None
    return memory_of(current), memory_of(target)


def _is_forced(errand: Errand) -> bool:
    return errand.undo is not None and errand.undo.is_forced


def _left(parts: CycleParts, wish: Wish, reason: Reason, message: str, *, is_failed: bool) -> Outcome:
    nothing = Decision(wish.vmid, wish.name, wish.node, None, None, reason, message)
    return left_outcome(parts, nothing, reason, message, is_failed=is_failed)
