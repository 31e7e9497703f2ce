# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One clone on its way through a run: complete it, start it, and say what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..clock import Clock
from ..errors import ProxmoxAPIError
from ..model.guest import Guest, GuestConfig
from ..model.plan import Outcome
from ..model.reason import Reason
from .clone_finish import complete_clone, start_clone, wait_until_ready
from .clone_id import IdChooser
from .clone_make import MadeClone, undo_clone
from .clone_mark import CLONE_TAG, is_unfinished, parse_mark
from .clone_outcome import ABSENT, CloneFailedError, CloneOutcome, CloneState, failure_from
from .clone_plan import ClonePlan
from .clone_request import CloneRequest
from .clone_settings import CloneSettings

if TYPE_CHECKING:
    from ..ports import LxcLifecycle


@dataclass(slots=True)
class CloneItem:
    """What is known of one clone so far.

    Attributes:
        request: what was asked for.
        source_guest: what it is a clone of, where that can be found.
        guest: the clone, where it is there.
        is_found: whether it was there before this run, or another run made it.
        plan: how it is made or completed.
        plan_failure: why it cannot be made or completed.
        made: that this run made it, and how to recognise it.
        warnings: what the user should know.
        outcome: what became of it; None while that is open.
    """

    request: CloneRequest
    source_guest: Guest | None = None
    guest: Guest | None = None
    is_found: bool = False
    plan: ClonePlan | None = None
    plan_failure: CloneFailedError | None = None
    made: MadeClone | None = None
    warnings: list[str] = field(default_factory=list)
    outcome: CloneOutcome | None = None


def failed_outcome(backend: LxcLifecycle, item: CloneItem, reason: Reason, message: str, *, is_changed: bool = False) -> CloneOutcome:
    """Return the outcome of a clone that did not come to be what was asked for."""
    guest = item.guest
    outcome = Outcome(
        vmid=guest.vmid if guest is not None else item.request.vmid,
        name=guest.name if guest is not None and guest.name else item.request.name,
        node=guest.node if guest is not None else "",
        is_changed=is_changed,
        is_failed=True,
        reason=reason,
        message=message,
        transport=backend.transport,
        warnings=tuple(item.warnings),
    )
    is_present = guest is not None and (item.made is None or is_changed)
    return CloneOutcome(outcome, item.source_guest.vmid if item.source_guest is not None else None, after=CloneState(is_present))


def finish_item(backend: LxcLifecycle, item: CloneItem, cgroup_mode: int | None, settings: CloneSettings, clock: Clock) -> CloneOutcome:
    """Complete the clone if it is not, start it if that is asked for, and return its outcome.

    One that was made in this run and cannot be completed is removed again. One that was complete before keeps its sizes and network: they
    are given once, so that this never works against whoever changes them later.
    """
    guest = item.guest
    if guest is None:
        return failed_outcome(backend, item, Reason.NOT_TRIED, "not tried")
    try:
        before = backend.read_config(guest.node, guest.vmid)
    except ProxmoxAPIError as error:
        failure = failure_from(error, doing="reading it")
        return _undone(backend, item, failure, settings)
    is_open = item.made is not None or is_unfinished(before.values.get("description"), guest.vmid)
    after = before
    if is_open:
        try:
            after = complete_clone(backend, _plan_of(item), guest, cgroup_mode, settings, clock)
        except CloneFailedError as failure:
            return _undone(backend, item, failure, settings)
    elif parse_mark(before.values.get("description")) is None and CLONE_TAG not in before.tags:
        item.warnings.append(f"{guest.vmid} was there already and was not made as a clone here; it was left as it is")
    return _start_and_tell(backend, item, (before, after), is_open, settings, clock)


def _plan_of(item: CloneItem) -> ClonePlan:
    if item.plan is not None:
        return item.plan
    failure = item.plan_failure or CloneFailedError(Reason.NOT_FOUND, "its source cannot be found")
    raise CloneFailedError(failure.reason, f"an interrupted run left it half made, and it cannot be completed: {failure.message}")


def _undone(backend: LxcLifecycle, item: CloneItem, failure: CloneFailedError, settings: CloneSettings) -> CloneOutcome:
    """Return the failed outcome of a clone that could not be completed; what this run made is removed."""
    if item.made is None or item.plan is None:
        return failed_outcome(backend, item, failure.reason, failure.message)
    left = undo_clone(backend, item.made, item.plan.hostname, settings)
    return failed_outcome(backend, item, failure.reason, f"{failure.message}; {left or 'the half-made clone was removed'}", is_changed=bool(left))


def _start_and_tell(
    backend: LxcLifecycle,
    item: CloneItem,
    configs: tuple[GuestConfig, GuestConfig],
    is_open: bool,
    settings: CloneSettings,
    clock: Clock,
) -> CloneOutcome:
    before, after = configs
    guest = item.guest
    if guest is None:
        return failed_outcome(backend, item, Reason.NOT_TRIED, "not tried")
    status, is_started = _status(backend, guest), False
    addresses: tuple[str, ...] = ()
    failure: CloneFailedError | None = None
    if item.request.should_start:
        try:
            is_started, warnings = start_clone(backend, guest, settings)
            item.warnings += warnings
            status = "running"
            if settings.wait_seconds > 0:
                addresses = wait_until_ready(backend, guest, after, settings, clock)
        except CloneFailedError as error:
            failure = error
    is_changed = is_open or is_started
    state_before = ABSENT if item.made is not None else _state(before, "stopped" if is_started else status, None)
    full = item.plan.is_full if item.plan is not None and item.made is not None else None
    state_after = replace(_state(after, status, full), addresses=addresses)
    done = Outcome(
        vmid=guest.vmid,
        name=str(after.values.get("hostname") or guest.name),
        node=guest.node,
        is_changed=is_changed,
        is_failed=failure is not None,
        reason=failure.reason if failure is not None else _reason(is_open, is_started),
        message=failure.message if failure is not None else _message(item, is_open, is_started),
        before=None if item.made is not None else before.allocation,
        after=after.allocation,
        transport=backend.transport,
        warnings=tuple(item.warnings),
    )
    return CloneOutcome(done, _source_vmid(before), state_before, state_after)


def predict_item(backend: LxcLifecycle, item: CloneItem, chooser: IdChooser) -> CloneOutcome:
    """Return what ``finish_item`` would say if everything went well; for check mode."""
    try:
        return _predict_found(backend, item, item.guest) if item.guest is not None else _predict_new(backend, item, chooser)
    except ProxmoxAPIError as error:
        failure = failure_from(error)
        return failed_outcome(backend, item, failure.reason, failure.message)
    except CloneFailedError as failure:
        return failed_outcome(backend, item, failure.reason, failure.message)


def _predict_new(backend: LxcLifecycle, item: CloneItem, chooser: IdChooser) -> CloneOutcome:
    plan = _plan_of(item)
    item.warnings += plan.warnings
    status = "running" if item.request.should_start else "stopped"
    done = Outcome(
        vmid=chooser.choose(item.request),
        name=plan.hostname,
        node=plan.node,
        is_changed=True,
        is_failed=False,
        reason=Reason.CLONED,
        message=plan.message,
        after=plan.allocation,
        transport=backend.transport,
        warnings=tuple(item.warnings),
    )
    return CloneOutcome(done, plan.source.guest.vmid, ABSENT, CloneState(True, status, plan.is_full, plan.net0, plan.tags))


def _predict_found(backend: LxcLifecycle, item: CloneItem, guest: Guest) -> CloneOutcome:
    before = backend.read_config(guest.node, guest.vmid)
    is_open = is_unfinished(before.values.get("description"), guest.vmid)
    plan = _plan_of(item) if is_open else None
    status = backend.read_status(guest.node, guest.vmid) if item.request.should_start else _status(backend, guest)
    is_started = item.request.should_start and status != "running"
    state = _state(before, status, None)
    after = replace(state, status="running" if is_started else status)
    if plan is not None:
        after = replace(after, net0=plan.net0, tags=plan.tags)
    done = Outcome(
        vmid=guest.vmid,
        name=str(before.values.get("hostname") or guest.name),
        node=guest.node,
        is_changed=is_open or is_started,
        is_failed=False,
        reason=_reason(is_open, is_started),
        message=_message(item, is_open, is_started),
        before=before.allocation,
        after=plan.allocation if plan is not None else before.allocation,
        transport=backend.transport,
        warnings=tuple(item.warnings),
    )
    return CloneOutcome(done, _source_vmid(before), state, after)


def _state(config: GuestConfig, status: str, full: bool | None) -> CloneState:
    return CloneState(True, status, full, str(config.values.get("net0") or ""), config.tags)


def _status(backend: LxcLifecycle, guest: Guest) -> str:
    """Return the clone's status; of a new one the cluster does not know it yet."""
    if guest.status in ("running", "stopped"):
        return guest.status
    try:
        return backend.read_status(guest.node, guest.vmid)
    except ProxmoxAPIError:
        return guest.status


def _reason(is_open: bool, is_started: bool) -> Reason:
    if is_open:
        return Reason.CLONED
    return Reason.STARTED if is_started else Reason.UNCHANGED


def _message(item: CloneItem, is_open: bool, is_started: bool) -> str:
    if item.made is not None and item.plan is not None:
        return f"{item.plan.message}{', started' if is_started else ''}"
    if is_open:
        return f"completed what another run had begun{', started' if is_started else ''}"
    return "it was there, and was started" if is_started else "it is there already"


def _source_vmid(config: GuestConfig) -> int | None:
    """Return what the clone's own notes say; None where they say nothing."""
    mark = parse_mark(config.values.get("description"))
    return None if mark is None else mark.source_vmid
