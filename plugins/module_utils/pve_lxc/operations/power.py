# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, stop, restart or suspend containers, each on its own: one failing container does not stop the others.

Requests: one reading of the cluster, and one of each node concerned, whose status is not ten seconds old. Then for each container that is
not what it should be one call, the looks at its task, and one look at the end; one more reading where its own ``startup`` matters. Where two
or more are to be started or shut down, the version is asked once, and the cluster's bulk action is one call for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..clock import Clock, SystemClock
from ..errors import ProxmoxAPIError
from ..model.guest import Guest
from ..model.node import Cluster
from ..model.plan import Outcome
from ..model.reason import Reason
from .failure import describe_failure
from .find import NotFound
from .parallel import MAX_CONCURRENCY, run_each
from .power_apply import apply_power
from .power_bulk import FIRST_VERSION, apply_power_of_many, bulk_groups
from .power_plan import PowerPlan, node_of, plan_power, power_outcome, refuse_power, with_startup
from .power_request import PowerRequest, PowerTargets, find_targets

if TYPE_CHECKING:
    from ..ports import LxcLifecycle


@dataclass(frozen=True, slots=True)
class PowerReport:
    """What became of a request.

    Attributes:
        outcomes: of each container, in the order given; of a selection in ascending order of vmid.
        warnings: sentences the user should read that are not about one container.
    """

    outcomes: tuple[Outcome, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _NodeFailure:
    """Why a node cannot be asked."""

    reason: Reason
    message: str


def change_power_of_containers(
    backend: LxcLifecycle,
    targets: PowerTargets,
    *,
    is_check: bool = False,
    concurrency: int = MAX_CONCURRENCY,
    clock: Clock | None = None,
) -> PowerReport:
    """Return what became of each container.

    Args:
        backend: the way to Proxmox; used by several threads at once.
        targets: from ``parse_power_targets``.
        is_check: only predict.
        concurrency: containers of one node at a time, 1 to 4; 1 is one at a time in all.
        clock: for waiting.

    Raises:
        RequestError: two requests mean the same container; nothing was changed.
        ProxmoxAPIError: the cluster could not be read; nothing was changed.
    """
    cluster = backend.read_cluster()
    found, warnings = find_targets(cluster, targets)
    answers = _ask_nodes(backend, cluster, found, concurrency)
    plans = {guest.vmid: _plan(request, guest, answers[guest.node]) for request, guest in found if isinstance(guest, Guest)}
    if not is_check:
        done = _carry_out(backend, [plan for plan in plans.values() if plan.is_change], concurrency, clock or SystemClock())
    else:
        done = {}
    outcomes = [_outcome(backend, request, guest, plans, done) for request, guest in found]
    return PowerReport(tuple(outcomes), tuple(warnings))


def _ask_nodes(
    backend: LxcLifecycle, cluster: Cluster, found: Sequence[tuple[PowerRequest, Guest | NotFound]], concurrency: int
) -> dict[str, Mapping[int, Mapping[str, Any]] | _NodeFailure]:
    """Return what each node concerned says of its containers."""

    def ask(name: str) -> Mapping[int, Mapping[str, Any]] | _NodeFailure:
        node = cluster.nodes.get(name)
        if node is not None and node.status == "offline":
            return _NodeFailure(Reason.NODE_UNREACHABLE, f"its node {name} cannot be reached (Proxmox says {node.status})")
        try:
            return backend.read_live_guests(name)
        except ProxmoxAPIError as error:
            return _NodeFailure(*describe_failure(error))

    names = sorted({guest.node for dummy, guest in found if isinstance(guest, Guest)})
    return dict(zip(names, run_each(ask, names, concurrency)))


def _plan(request: PowerRequest, guest: Guest, answer: Mapping[int, Mapping[str, Any]] | _NodeFailure) -> PowerPlan:
    if isinstance(answer, _NodeFailure):
        return refuse_power(request.wish, guest, answer.reason, answer.message)
    return plan_power(request.wish, guest, answer.get(guest.vmid))


def _carry_out(backend: LxcLifecycle, plans: Sequence[PowerPlan], concurrency: int, clock: Clock) -> dict[int, Outcome]:
    """Return the outcome of each plan by vmid."""
    # A lone start has nothing to wait for but itself.
    if len(plans) > 1 or any("shutdown" in plan.verbs for plan in plans):
        plans = run_each(partial(_read_startup, backend), plans, concurrency, node_of)
    done: dict[int, Outcome] = {}
    groups = bulk_groups(plans)
    for group in groups if groups and _has_bulk_action(backend) else []:
        outcomes = apply_power_of_many(backend, group, concurrency, clock)
        done.update({plan.guest.vmid: outcome for plan, outcome in zip(group, outcomes)})
    singles = [plan for plan in plans if plan.guest.vmid not in done]
    outcomes = run_each(lambda plan: apply_power(backend, plan, clock), singles, concurrency, node_of)
    done.update({plan.guest.vmid: outcome for plan, outcome in zip(singles, outcomes)})
    return done


def _read_startup(backend: LxcLifecycle, plan: PowerPlan) -> PowerPlan:
    """Return the plan with the container's own delays, or refused when its configuration cannot be read."""
    try:
        return with_startup(plan, backend.read_config(plan.guest.node, plan.guest.vmid))
    except ProxmoxAPIError as error:
        reason, message = describe_failure(error)
        return replace(plan, verbs=(), after=plan.before, is_refused=True, reason=reason, message=message)


def _has_bulk_action(backend: LxcLifecycle) -> bool:
    """Return whether the cluster knows the bulk action; where the version cannot be read it is done one by one."""
    try:
        return backend.read_version() >= FIRST_VERSION
    except ProxmoxAPIError:
        return False


def _outcome(
    backend: LxcLifecycle,
    request: PowerRequest,
    guest: Guest | NotFound,
    plans: Mapping[int, PowerPlan],
    done: Mapping[int, Outcome],
) -> Outcome:
    if isinstance(guest, NotFound):
        return Outcome(
            vmid=request.vmid,
            name=request.name,
            node="",
            is_changed=False,
            is_failed=True,
            reason=guest.reason,
            message=guest.message,
            transport=backend.transport,
        )
    return done.get(guest.vmid) or power_outcome(plans[guest.vmid], backend.transport)
