# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out one decision: look again, write it down, write it, look at it, write down what became of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..errors import ProxmoxAPIError
from ..model.allocation import Allocation
from ..model.decision import Decision
from ..model.guest import Guest, GuestConfig
from ..model.plan import Outcome
from ..model.reason import Reason
from ..model.usage import MemorySource
from ..operations.failure import describe_failure
from ..operations.resize_apply import apply_resize
from ..operations.resize_plan import plan_to
from ..policy.adopt import adopt, differing_fields, record_write, written_fields
from ..policy.memory_guard import refuse_memory_shrink, refuse_swap_shrink
from ..policy.remember import ContainerMemory
from .parts import UNREACHABLE_ERRORS, CycleParts
from .remembered import Remembered, remembered_to_dict


@dataclass(frozen=True, slots=True)
class Undo:
    """What is different when the change is an operator's rollback.

    Attributes:
        undoes_from: number of the change that it goes back before.
        is_forced: whether memory in use may be taken away.
    """

    undoes_from: int
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class Errand:
    """One change to be made.

    Attributes:
        decision: from what to what, and why.
        guest: the container.
        cgroup_mode: of its node; None when that is not known.
        undo: set when it is a rollback.
    """

    decision: Decision
    guest: Guest
    cgroup_mode: int | None
    undo: Undo | None = None


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of one decision.

    Attributes:
        outcome: what became of it.
        remembered: with what is known of the container afterwards.
    """

    outcome: Outcome
    remembered: Remembered


def carry_out(parts: CycleParts, run_id: int, errand: Errand, remembered: Remembered) -> Carried:
    """Return what became of a decision that changes something; the one way to a container for the loop and for a rollback.

    The order is: the journal has it on disk, Proxmox is asked, the journal has on disk what became of it.

    Raises:
        ProxmoxAPIError: one of UNREACHABLE_ERRORS before anything was written.
        StateError: the change could not be written down, so it was not made.
    """
    decision, guest = errand.decision, errand.guest
    config = read_again(parts, decision, guest)
    if isinstance(config, Outcome):
        return Carried(config, remembered)
    refusal = left_to_operator(parts, decision, config, remembered.memory) or _look_again(parts, errand, config)
    if refusal is not None:
        policy = parts.settings.of(guest.vmid).policy
        memory = adopt(remembered.memory, guest, config, policy, parts.clock.now())
        return Carried(replace(refusal, before=config.allocation, after=config.allocation), replace(remembered, memory=memory))
    return _write(parts, run_id, errand, config, remembered)


def read_again(parts: CycleParts, decision: Decision, guest: Guest) -> GuestConfig | Outcome:
    """Return the configuration right before a write; where this one cannot be read, or what is only for a stopped container no longer holds, what to say.

    Raises:
        ProxmoxAPIError: one of UNREACHABLE_ERRORS.
    """
    try:
        if decision.reason is Reason.RESTORED_WHILE_STOPPED and parts.backend.read_status(guest.node, guest.vmid) != "stopped":
            return left_outcome(parts, decision, Reason.TOO_YOUNG, "it was started in the meantime, so it keeps what it has for now", is_failed=False)
        return parts.backend.read_config(guest.node, guest.vmid)
    except UNREACHABLE_ERRORS:
        raise
    except ProxmoxAPIError as error:
        reason, message = describe_failure(error)
        return left_outcome(parts, decision, reason, message, is_failed=True)


def left_outcome(parts: CycleParts, decision: Decision, reason: Reason, message: str, *, is_failed: bool) -> Outcome:
    """Return the outcome of a decision that was not carried out."""
    return Outcome(
        vmid=decision.vmid,
        name=decision.name,
        node=decision.node,
        is_changed=False,
        is_failed=is_failed,
        reason=reason,
        message=message,
        before=decision.current,
        after=decision.current,
        transport=parts.backend.transport,
    )


def left_to_operator(parts: CycleParts, decision: Decision, config: GuestConfig, memory: ContainerMemory) -> Outcome | None:
    """Return that somebody else is or was at work on it since the decision; None when nobody was."""
    if config.lock:
        return left_outcome(parts, decision, Reason.LOCKED, f"it was locked in the meantime ({config.lock})", is_failed=False)
    if decision.current is None or differing_fields(config.allocation, decision.current, _fields_of(decision, memory)):
        return left_outcome(parts, decision, Reason.OPERATOR_CHANGED, "somebody changed it in the meantime; their values are kept", is_failed=False)
    return None


def _fields_of(decision: Decision, memory: ContainerMemory) -> tuple[str, ...]:
    """Return the fields that a decision is about."""
    return written_fields(memory, decision.current or Allocation(), decision.target or decision.current or Allocation())


def _look_again(parts: CycleParts, errand: Errand, config: GuestConfig) -> Outcome | None:
    """Return why the decision no longer holds, now that what is in use is measured again; None when it does."""
    if errand.decision.target is None or (errand.undo is not None and errand.undo.is_forced):
        return None
    return _look_at_memory(parts, errand, config) or _look_at_swap(parts, errand, config)


def _look_at_swap(parts: CycleParts, errand: Errand, config: GuestConfig) -> Outcome | None:
    """Return why swap must not be lowered; None when it may, or is not to be."""
    decision, guest = errand.decision, errand.guest
    target = decision.target or config.allocation
    if target.swap_mib == (decision.current or target).swap_mib or target.swap_in_effect_mib >= config.allocation.swap_in_effect_mib:
        return None
    is_running = guest.status != "stopped"
    live = parts.usage.read_live_limits(guest) if is_running else None
    used_mib = None if live is None else live.swap_used_mib
    reason = refuse_swap_shrink(target.swap_in_effect_mib, is_running=is_running, used_mib=used_mib)
    if reason is None:
        return None
    shown = "an unknown amount" if used_mib is None else f"{used_mib:.0f} MiB"
    message = f"swap kept: {shown} of it is in use by now, too much for {target.swap_in_effect_mib} MiB"
    return left_outcome(parts, decision, reason, message, is_failed=False)


def _look_at_memory(parts: CycleParts, errand: Errand, config: GuestConfig) -> Outcome | None:
    """Return why memory must not be lowered; None when it may, or is not to be."""
    decision, guest = errand.decision, errand.guest
    target_mib = decision.target.memory_mib if decision.target else None
    if target_mib is None or config.allocation.memory_mib is None or target_mib >= config.allocation.memory_mib:
        return None
    # Memory in use is measured once more right before it is taken away: the decision may be a second old, and a second fills a gigabyte.
    is_blind_allowed = parts.settings.of(guest.vmid).policy.allow_blind_shrink
    source = MemorySource.CGROUP if is_blind_allowed or decision.sample is None else decision.sample.memory_source
    in_use_mib = parts.usage.read_memory_mib(guest)
    # "unknown" is not stopped.
    reason = refuse_memory_shrink(target_mib, is_running=guest.status != "stopped", memory_mib=in_use_mib, source=source)
    if reason is None:
        return None
    shown = "an unknown amount" if in_use_mib is None else f"{in_use_mib:.0f} MiB"
    return left_outcome(parts, decision, reason, f"memory kept: {shown} is in use by now, too much for {target_mib} MiB", is_failed=False)


def _write(parts: CycleParts, run_id: int, errand: Errand, config: GuestConfig, remembered: Remembered) -> Carried:
    decision, guest, undo = errand.decision, errand.guest, errand.undo
    target = decision.target if decision.target is not None else config.allocation
    # What is not ours (cpuunits, and swap unless it is sized) stays as it was just read.
    after = replace(config.allocation, **{name: getattr(target, name) for name in _fields_of(decision, remembered.memory)})
    plan = plan_to(guest, config, after, cgroup_mode=errand.cgroup_mode, reason=decision.reason, message=decision.message)
    change_id = parts.state.begin_change(
        run_id,
        parts.clock.now(),
        replace(decision, current=config.allocation, target=plan.after),
        identity=config.identity,
        undoes_from=undo.undoes_from if undo is not None else None,
    )
    outcome = apply_resize(parts.backend, plan)
    now = parts.clock.now()
    if outcome.after is None:
        # What nobody has seen the end of stays open: the next cycle settles it by reading.
        return Carried(outcome, replace(remembered, config=None, config_read_seconds=0.0))
    memory = record_write(remembered.memory, outcome.after, now, is_running=guest.status != "stopped")
    kept = replace(config, allocation=outcome.after, pending=dict(outcome.pending), lock="", digest="", values={})
    remembered = replace(remembered, memory=memory, config=kept, config_read_seconds=now)
    if outcome.reason is not Reason.OUTCOME_UNKNOWN:
        parts.state.end_change(change_id, now, outcome, {guest.vmid: remembered_to_dict(remembered)})
    return Carried(outcome, remembered)
