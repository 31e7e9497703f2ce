# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change one container's power, and look at what came of it on its own node."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..clock import Clock
from ..errors import ProxmoxAPIError, ProxmoxConnectionError, ProxmoxNodeError, ProxmoxNotFoundError, ProxmoxTaskError, ProxmoxTimeoutError
from ..model.plan import Outcome
from ..model.reason import Reason
from .failure import describe_failure, is_certainly_not_done
from .power_plan import PowerPlan, power_outcome

if TYPE_CHECKING:
    from ..ports import LxcLifecycle

# What a task may take beside the time that its container is given: a shutdown with a timeout of 3 s took 11 (recorded on PVE 9.2.11, power.json).
TASK_SECONDS = 60.0
FIRST_INTERVAL_SECONDS = 0.2
LONGEST_INTERVAL_SECONDS = 2.0
INTERVAL_GROWTH = 1.5
_LOG_LINES_SHOWN = 3

# Exit statuses of tasks, recorded on PVE 9.2.11 (power.json).
_LOCKED = re.compile(r"(?:CT|VM) is locked")
_DID_NOT_STOP = re.compile(r"did not stop")


@dataclass(frozen=True, slots=True)
class StepEnd:
    """How one step ended.

    Attributes:
        status: what the container's node says after it; None when that was not read.
        reason: why it did not do what it should; None when it did.
        message: the same as a sentence.
        warnings: what the user should know although it is done.
        is_ours: whether it is what it should be through us; False when somebody else was faster and Proxmox refused our call.
    """

    status: str | None
    reason: Reason | None = None
    message: str = ""
    warnings: tuple[str, ...] = ()
    is_ours: bool = True


def apply_power(backend: LxcLifecycle, plan: PowerPlan, clock: Clock) -> Outcome:
    """Return what became of a plan after carrying it out; errors of Proxmox become failed outcomes.

    Args:
        backend: the way to Proxmox.
        plan: a refused plan, or one without anything to do, costs no request.
        clock: for waiting.
    """
    outcome = power_outcome(plan, backend.transport)
    status = plan.before
    is_ours = False
    for verb in plan.verbs:
        end = _take_step(backend, plan, verb, clock)
        status = end.status or status
        is_ours = is_ours or end.is_ours
        outcome = replace(outcome, warnings=(*outcome.warnings, *end.warnings))
        if end.reason is not None:
            return failed_outcome(plan, end, status, outcome)
    if plan.is_change and not is_ours:
        outcome = replace(outcome, is_changed=False, reason=Reason.UNCHANGED, message=f"somebody else was faster: it is {status} already")
    return replace(outcome, more_after={"status": status})


def failed_outcome(plan: PowerPlan, end: StepEnd, status: str, outcome: Outcome) -> Outcome:
    """Return the outcome of a container that is not what it should be; changed says whether it is what it was."""
    is_half_restarted = plan.before == "running" and status == "stopped" and plan.after == "running"
    message = f"it was stopped, but then: {end.message}" if is_half_restarted else end.message
    return replace(
        outcome,
        is_failed=True,
        is_changed=status != plan.before,
        reason=end.reason or Reason.NOT_IN_EFFECT,
        message=message,
        more_after={"status": status},
    )


def look_at_end(backend: LxcLifecycle, plan: PowerPlan, verb: str, error: ProxmoxAPIError | None, deadline: float, clock: Clock) -> StepEnd:
    """Return how a step ended, as the container's own node says.

    One look is enough, unless the high availability manager was only asked, or the answer was lost.

    Args:
        backend: the way to Proxmox.
        plan: of the container.
        verb: the step.
        error: what Proxmox answered to it, None when it says that it is done.
        deadline: monotonic time until which it may take where one look is not enough.
        clock: for waiting.
    """
    wanted = "running" if verb == "start" else "stopped"
    is_lost = isinstance(error, (ProxmoxConnectionError, ProxmoxTimeoutError, ProxmoxNodeError))
    has_to_wait = is_lost or (error is None and plan.is_managed_by_ha)
    try:
        status = wait_for_status(backend, plan, wanted, deadline if has_to_wait else clock.monotonic(), clock)
    except ProxmoxAPIError as look_error:
        before_it = f" after this: {str(error).strip()}" if error is not None else ""
        message = f"what became of it cannot be read: {str(look_error).strip()}{before_it}"
        return StepEnd(None, Reason.OUTCOME_UNKNOWN, message)
    if status == wanted:
        if isinstance(error, ProxmoxTaskError):
            return StepEnd(status, warnings=(f"it is {status}, although the task ended with: {error.exit_status}",))
        return StepEnd(status, is_ours=error is None or is_lost)
    reason, message = _explain(plan, verb, status, error)
    return StepEnd(status, reason, message)


def wait_for_status(backend: LxcLifecycle, plan: PowerPlan, wanted: str, deadline: float, clock: Clock) -> str:
    """Return the status by the container's node as soon as it is ``wanted``, or the last one when the deadline has passed.

    At least one look is made. High availability may start a container on another node, so where it is gone it is looked for.

    Raises:
        ProxmoxAPIError: the last look failed.
    """
    node = plan.guest.node
    interval = FIRST_INTERVAL_SECONDS
    while True:
        failure: ProxmoxAPIError | None = None
        status = ""
        try:
            status = backend.read_status(node, plan.guest.vmid)
        except ProxmoxNotFoundError as error:
            failure = error
            node = _find_node(backend, plan, node)
        except ProxmoxAPIError as error:
            failure = error
        if status == wanted:
            return status
        if clock.monotonic() + interval > deadline:
            if failure is not None:
                raise failure
            return status
        clock.sleep(interval)
        interval = min(interval * INTERVAL_GROWTH, LONGEST_INTERVAL_SECONDS)


def _find_node(backend: LxcLifecycle, plan: PowerPlan, node: str) -> str:
    guest = backend.read_cluster().guests.get(plan.guest.vmid)
    return node if guest is None else guest.node


def _take_step(backend: LxcLifecycle, plan: PowerPlan, verb: str, clock: Clock) -> StepEnd:
    error: ProxmoxAPIError | None = None
    warnings: tuple[str, ...] = ()
    allowed_seconds = plan.patience_seconds + TASK_SECONDS
    try:
        warnings = backend.change_power(plan.guest.node, plan.guest.vmid, verb, _parameters(plan, verb), allowed_seconds).warnings
    except ProxmoxAPIError as caught:
        if is_certainly_not_done(caught):
            return StepEnd(None, *describe_failure(caught, {"VM.PowerMgmt"}))
        error = caught
    end = look_at_end(backend, plan, verb, error, clock.monotonic() + allowed_seconds, clock)
    return replace(end, warnings=(*warnings, *end.warnings))


def _parameters(plan: PowerPlan, verb: str) -> dict[str, int]:
    if verb != "shutdown":
        return {}
    return {"timeout": int(plan.patience_seconds), **({"forceStop": 1} if plan.wish.is_forced else {})}


def _explain(plan: PowerPlan, verb: str, status: str, error: ProxmoxAPIError | None) -> tuple[Reason, str]:
    """Return why a container is not what it should be."""
    if isinstance(error, ProxmoxTaskError):
        return _explain_task(plan, verb, error)
    if isinstance(error, (ProxmoxConnectionError, ProxmoxTimeoutError, ProxmoxNodeError)):
        message = f"the end of the {verb} was not seen ({str(error).strip()}), and it is still {status}; it may still happen"
        return Reason.OUTCOME_UNKNOWN, message
    if error is not None:
        return describe_failure(error, {"VM.PowerMgmt"})
    if plan.is_managed_by_ha:
        waited = plan.patience_seconds + TASK_SECONDS
        return Reason.NOT_IN_EFFECT, f"high availability was asked, but after {waited:g} s it is still {status}; see ha-manager status"
    if verb == "shutdown":
        return _did_not_stop(plan)
    return Reason.NOT_IN_EFFECT, f"Proxmox says that the {verb} is done, but it is still {status}"


def _explain_task(plan: PowerPlan, verb: str, error: ProxmoxTaskError) -> tuple[Reason, str]:
    if _LOCKED.search(error.exit_status):
        return Reason.LOCKED, f"{error.exit_status}; try again when that is over"
    if _DID_NOT_STOP.search(error.exit_status):
        return _did_not_stop(plan)
    lines = [line for line in error.log_tail if not line.startswith("TASK ")][-_LOG_LINES_SHOWN:]
    log = f" (its log: {' | '.join(lines)})" if lines else ""
    return Reason.TASK_FAILED, f"the {verb} failed: {error.exit_status}{log}"


def _did_not_stop(plan: PowerPlan) -> tuple[Reason, str]:
    hint = "" if plan.wish.is_forced else "; with force it is stopped the hard way then"
    return Reason.DID_NOT_STOP, f"it did not shut down within {plan.patience_seconds:g} s{hint}"
