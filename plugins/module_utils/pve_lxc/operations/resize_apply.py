# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out a resize plan, settle what is uncertain by reading, and look at the result."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import (
    ProxmoxAPIError,
    ProxmoxAuthenticationError,
    ProxmoxConflictError,
    ProxmoxConnectionError,
    ProxmoxNodeError,
    ProxmoxNotFoundError,
    ProxmoxPermissionError,
    ProxmoxTimeoutError,
    ProxmoxValidationError,
)
from ..model.allocation import CONFIG_KEYS, Allocation
from ..model.guest import GuestConfig
from ..model.plan import ConfigWrite, Outcome, ResizePlan
from ..model.reason import Reason
from ..policy.in_force import describe_apart, limits_apart
from ..units import format_number
from .failure import STATUS_NODE_NOT_CONNECTED, describe_failure
from .resize_outcome import outcome_of, outcome_without_write
from .resize_repair import put_back, read_live_limits

if TYPE_CHECKING:
    from ..ports import LxcBackend

_FIELD_OF_KEY = {key: field for field, key in CONFIG_KEYS.items()}

# Source: PVE::LXC::check_ct_modify_config_perm.
_PRIVILEGE_OF_KEY = {
    "cores": "VM.Config.CPU",
    "cpulimit": "VM.Config.CPU",
    "cpuunits": "VM.Config.CPU",
    "memory": "VM.Config.Memory",
    "swap": "VM.Config.Memory",
}

_STATUS_NOT_IMPLEMENTED = 501

# Proxmox checks these before it touches anything, and answers 500 for some of them.
_CERTAINLY_NOT_APPLIED = (ProxmoxConflictError, ProxmoxNotFoundError, ProxmoxPermissionError, ProxmoxAuthenticationError)


_UNSEEN_LIMITS = (
    "the limits that are in force may have changed although the configuration does not show it; write another value and then the wanted one to bring "
    "them together again"
)


class _StepFailedError(Exception):
    """A write did not do what it should.

    Attributes:
        reason: why.
        message: the same as a sentence.
        seen: the configuration read after it, None when it could not be read.
    """

    def __init__(self, reason: Reason, message: str, seen: GuestConfig | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.seen = seen


def apply_resize(backend: LxcBackend, plan: ResizePlan) -> Outcome:
    """Return what became of a plan after carrying it out; errors of Proxmox become failed outcomes.

    Every write sends the digest of the configuration read before it. A write whose answer was lost is settled by reading
    and never added again: the sizes of a plan are absolute, so writing them twice is writing them once.

    Args:
        backend: the way to Proxmox.
        plan: a refused plan gives a failed outcome and one without writes an unchanged one, both without any request.
    """
    if plan.is_refused or not plan.is_change:
        return outcome_without_write(plan, backend.transport)
    reached = plan.before
    digest = plan.digest
    try:
        for position, write in enumerate(plan.writes):
            if position:
                digest = _read_digest_between(backend, plan, reached)
            target = _allocation_after(reached, write)
            _write(backend, plan, write, digest, (reached, target))
            reached = target
    except _StepFailedError as failure:
        return _failed(backend, plan, failure, reached)
    return _look(backend, plan)


def _write(backend: LxcBackend, plan: ResizePlan, write: ConfigWrite, digest: str, step: tuple[Allocation, Allocation]) -> None:
    """Make one write; ``step`` is the allocation before and after it.

    Raises:
        _StepFailedError: it was not done, or nobody knows.
    """
    try:
        backend.write_config(plan.node, plan.vmid, write, digest)
    except (ProxmoxConnectionError, ProxmoxTimeoutError) as error:
        if not error.is_sent:
            raise _StepFailedError(*describe_failure(error)) from error
        _settle(backend, plan, write, digest, step, error)
    except ProxmoxNodeError as error:
        if error.status == STATUS_NODE_NOT_CONNECTED:
            raise _StepFailedError(*describe_failure(error)) from error
        _settle(backend, plan, write, digest, step, error)
    except ProxmoxAPIError as error:
        raise _refused(backend, plan, write, error) from error


def _settle(
    backend: LxcBackend,
    plan: ResizePlan,
    write: ConfigWrite,
    digest: str,
    step: tuple[Allocation, Allocation],
    error: ProxmoxAPIError,
) -> None:
    """Find out what became of a write whose answer was lost; write once more when it certainly is not there.

    The second write cannot undo anybody's work: it carries the same digest, so Proxmox refuses it once the content is another.

    Raises:
        _StepFailedError: it is not there, or nobody knows.
    """
    before, target = step
    lost = f"the answer to the write was lost ({str(error).strip()})"
    seen = _read_again(backend, plan, lost)
    if seen.allocation == target:
        return
    if seen.digest != digest or seen.allocation != before:
        raise _StepFailedError(Reason.OUTCOME_UNKNOWN, f"{lost}, and the configuration was changed by somebody else since", seen)
    if not isinstance(error, ProxmoxConnectionError):
        raise _StepFailedError(Reason.OUTCOME_UNKNOWN, f"{lost}; the configuration has not changed yet, but the write may still arrive", seen)
    try:
        backend.write_config(plan.node, plan.vmid, write, digest)
    except ProxmoxAPIError as second_error:
        seen = _read_again(backend, plan, lost)
        if seen.allocation == target:
            return
        if isinstance(second_error, ProxmoxConflictError):
            raise _StepFailedError(*describe_failure(second_error), seen) from second_error
        message = f"{lost}, and so did a second one ({str(second_error).strip()})"
        raise _StepFailedError(Reason.OUTCOME_UNKNOWN, message, seen) from second_error


def _refused(backend: LxcBackend, plan: ResizePlan, write: ConfigWrite, error: ProxmoxAPIError) -> _StepFailedError:
    """Return what an error answer to a write means.

    Proxmox hot-plugs before it saves: after a 5xx, or after a refused hot-plug of one of several values, the live limits may
    differ from the configuration, and reading the configuration again is no proof (seen on PVE 9.2).
    """
    reason, message = describe_failure(error, {_PRIVILEGE_OF_KEY[key] for key in (*write.values, *write.delete)})
    if not _may_be_half_applied(write, error):
        return _StepFailedError(reason, message)
    answered = f"Proxmox answered {error.status} ({message})"
    try:
        seen = backend.read_config(plan.node, plan.vmid)
    except ProxmoxAPIError:
        return _StepFailedError(Reason.HALF_APPLIED, f"{answered}: {_UNSEEN_LIMITS}")
    live, with_swap = read_live_limits(backend, plan), plan.before.swap_mib != plan.after.swap_mib
    if live is None or (with_swap and live.swap_mib is None):
        return _StepFailedError(Reason.HALF_APPLIED, f"{answered}: {_UNSEEN_LIMITS}", seen)
    apart = limits_apart(seen.allocation, live, with_swap=with_swap)
    if not apart:
        return _StepFailedError(Reason.REFUSED_BY_PROXMOX, f"{answered}; the limits that are in force are those of the configuration", seen)
    why_not = put_back(backend, plan, seen, apart)
    if why_not is None:
        text = f"{answered} and left a part of it in force ({describe_apart(apart)}); it was put back to the configuration"
        return _StepFailedError(Reason.REFUSED_BY_PROXMOX, text, seen)
    return _StepFailedError(Reason.HALF_APPLIED, f"{answered}, and {describe_apart(apart)}: {why_not}", seen)


def _may_be_half_applied(write: ConfigWrite, error: ProxmoxAPIError) -> bool:
    if isinstance(error, ProxmoxValidationError):
        return len(write.values) + len(write.delete) > 1 and any("hotplug" in text for text in error.fields.values())
    if isinstance(error, _CERTAINLY_NOT_APPLIED) or error.status is None:
        return False
    return error.status >= 500 and error.status != _STATUS_NOT_IMPLEMENTED


def _read_again(backend: LxcBackend, plan: ResizePlan, lost: str) -> GuestConfig:
    try:
        return backend.read_config(plan.node, plan.vmid)
    except ProxmoxAPIError as error:
        message = f"{lost}, and what became of it cannot be read ({str(error).strip()})"
        raise _StepFailedError(Reason.OUTCOME_UNKNOWN, message) from error


def _read_digest_between(backend: LxcBackend, plan: ResizePlan, reached: Allocation) -> str:
    """Return the digest for the next write, provided that the configuration is what the last one made it."""
    try:
        seen = backend.read_config(plan.node, plan.vmid)
    except ProxmoxAPIError as error:
        reason, message = describe_failure(error)
        raise _StepFailedError(reason, f"only a part was written, then the configuration could not be read: {message}") from error
    if seen.allocation != reached:
        message = "only a part was written: then somebody else changed the configuration"
        raise _StepFailedError(Reason.CONFIG_CHANGED, message, seen)
    return seen.digest


def _allocation_after(allocation: Allocation, write: ConfigWrite) -> Allocation:
    changes: dict[str, Any] = {_FIELD_OF_KEY[key]: value for key, value in write.values.items()}
    if "cpulimit" in changes:
        changes["cpulimit"] = float(changes["cpulimit"])
    changes.update({_FIELD_OF_KEY[key]: None for key in write.delete})
    return replace(allocation, **changes)


def _failed(backend: LxcBackend, plan: ResizePlan, failure: _StepFailedError, reached: Allocation) -> Outcome:
    last = failure.seen.allocation if failure.seen is not None else reached
    # A write that may have arrived, and nobody could look: what there is now was not measured.
    is_unseen = failure.seen is None and failure.reason in (Reason.OUTCOME_UNKNOWN, Reason.HALF_APPLIED)
    outcome = outcome_of(plan, is_changed=last != plan.before, is_failed=True, after=None if is_unseen else last, transport=backend.transport)
    return replace(outcome, reason=failure.reason, message=failure.message)


def _look(backend: LxcBackend, plan: ResizePlan) -> Outcome:
    """Read back and compare; a value that waits for a restart counts as done, and is reported as pending."""
    done = outcome_of(plan, is_changed=True, is_failed=False, after=None, transport=backend.transport)
    try:
        seen = backend.read_pending(plan.node, plan.vmid)
    except ProxmoxAPIError as error:
        reason, message = describe_failure(error)
        return replace(done, is_failed=True, reason=reason, message=f"written, but it could not be read back: {message}")
    done = replace(done, after=seen.allocation, pending=dict(seen.pending), is_restart_required=bool(seen.pending))
    missing = [name for name in plan.after.differences_to(seen.allocation) if CONFIG_KEYS[name] not in seen.pending]
    if not missing:
        return done
    shown = ", ".join(f"{CONFIG_KEYS[name]} is {_shown(getattr(seen.allocation, name))} instead of {_shown(getattr(plan.after, name))}" for name in missing)
    message = f"Proxmox accepted the write, but read back {shown}"
    return replace(done, is_failed=True, is_changed=seen.allocation != plan.before, reason=Reason.NOT_IN_EFFECT, message=message)


def _shown(value: float | None) -> str:
    return "absent" if value is None else format_number(value)
