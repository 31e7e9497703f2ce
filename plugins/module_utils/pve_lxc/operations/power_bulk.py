# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start or shut down several containers with one call of the cluster, and look at each of them afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..clock import Clock
from ..errors import ProxmoxAPIError, ProxmoxPermissionError, ProxmoxTaskError, ProxmoxValidationError
from ..model.plan import Outcome
from ..model.reason import Reason
from .failure import describe_failure, is_certainly_not_done
from .parallel import MAX_CONCURRENCY, run_each
from .power_apply import TASK_SECONDS, StepEnd, apply_power, failed_outcome, look_at_end
from .power_plan import PowerPlan, node_of, power_outcome

if TYPE_CHECKING:
    from ..ports import LxcLifecycle

# Since pve-manager 9.0.16: POST /cluster/bulk-action/guest/{start,shutdown}. Its suspend leaves containers out, and a stop there is none.
FIRST_VERSION = (9, 0, 16)
VERBS = frozenset({"start", "shutdown"})

_STATUS_NOT_IMPLEMENTED = 501


def bulk_groups(plans: Sequence[PowerPlan]) -> list[list[PowerPlan]]:
    """Return the plans that one call can carry out together, two at least in each: the same single verb, force and timeout."""
    groups: dict[tuple[str, bool, int], list[PowerPlan]] = {}
    for plan in plans:
        if len(plan.verbs) == 1 and plan.verbs[0] in VERBS:
            groups.setdefault((plan.verbs[0], plan.wish.is_forced, plan.wish.timeout_seconds), []).append(plan)
    return [group for group in groups.values() if len(group) > 1]


def longest_seconds(plans: Sequence[PowerPlan], workers: int) -> float:
    """Return how long the task of these containers may take.

    Each may take its patience and its ``up=``; the workers share the sum, the longest one may begin last, and a minute is for the task itself.
    Four containers of 60 s with two workers: 240 / 2 + 60 + 60 = 240 s.
    """
    each = [plan.patience_seconds + plan.up_seconds for plan in plans]
    return sum(each) / workers + max(each) + TASK_SECONDS


def apply_power_of_many(backend: LxcLifecycle, plans: Sequence[PowerPlan], concurrency: int, clock: Clock) -> list[Outcome]:
    """Return what became of each plan, in their order.

    The call's task says nothing about a single container, so each is looked at on its node. One that was to start and did not is started by
    itself, which gives its own reason; so is everyone when Proxmox refuses the call as a whole, as it does when one privilege is missing.

    Args:
        backend: the way to Proxmox; used by several threads at once.
        plans: one of ``bulk_groups``; never empty.
        concurrency: containers at a time, for Proxmox and for looking.
        clock: for waiting.
    """
    verb = plans[0].verbs[0]
    workers = max(1, min(concurrency, MAX_CONCURRENCY))
    error: ProxmoxAPIError | None = None
    vmids = [plan.guest.vmid for plan in plans]
    try:
        backend.change_power_of_many(verb, vmids, _parameters(plans[0], workers), longest_seconds(plans, workers))
    except ProxmoxAPIError as caught:
        error = caught
    if error is not None and _is_refused_as_a_whole(error):
        return run_each(lambda plan: apply_power(backend, plan, clock), plans, concurrency, node_of)
    if error is not None and is_certainly_not_done(error):
        return [_failed(backend, plan, StepEnd(None, *describe_failure(error)), plan.before) for plan in plans]
    deadline = clock.monotonic() + max(plan.patience_seconds for plan in plans) + TASK_SECONDS
    return run_each(lambda plan: _look(backend, plan, error, deadline, clock), plans, concurrency, node_of)


def _parameters(plan: PowerPlan, workers: int) -> dict[str, int]:
    """Return the parameters of the call; force-stop is on by default, so it is always sent."""
    if plan.verbs[0] != "shutdown":
        return {"max-workers": workers}
    return {"max-workers": workers, "timeout": plan.wish.timeout_seconds, "force-stop": int(plan.wish.is_forced)}


def _is_refused_as_a_whole(error: ProxmoxAPIError) -> bool:
    return isinstance(error, (ProxmoxPermissionError, ProxmoxValidationError)) or error.status == _STATUS_NOT_IMPLEMENTED


def _look(backend: LxcLifecycle, plan: PowerPlan, error: ProxmoxAPIError | None, deadline: float, clock: Clock) -> Outcome:
    verb = plan.verbs[0]
    # How the whole task ended is nothing to say about this container, but an answer that was lost is.
    end = look_at_end(backend, plan, verb, None if isinstance(error, ProxmoxTaskError) else error, deadline, clock)
    if end.reason is None:
        return replace(power_outcome(plan, backend.transport), more_after={"status": end.status or plan.after}, warnings=end.warnings)
    was_left_out = (error is None and verb == "start") or isinstance(error, ProxmoxTaskError)
    if was_left_out and end.reason is not Reason.OUTCOME_UNKNOWN and not plan.is_managed_by_ha:
        return apply_power(backend, plan, clock)
    return _failed(backend, plan, end, end.status or "unknown")


def _failed(backend: LxcLifecycle, plan: PowerPlan, end: StepEnd, status: str) -> Outcome:
    return failed_outcome(plan, end, status, power_outcome(plan, backend.transport))
