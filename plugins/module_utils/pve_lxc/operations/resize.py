# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resize many containers, each on its own: one failing container does not stop the others.

Requests: one reading of the cluster for all; then per container one reading of its configuration, and for a changed one
a write and a reading back. A stopped container that is to have less memory costs one more. On a cgroup 1 node where
memory and CPU change there are two writes with a reading between. A disk costs one write and the looks at its task, and a reading for all of
them; a snapshot before costs three and the looks at its task.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..clock import Clock, SystemClock
from ..errors import ProxmoxAPIError
from ..model.guest import Guest, GuestConfig
from ..model.node import Cluster
from ..model.plan import Outcome, ResizePlan
from ..model.reason import Reason
from .failure import describe_failure
from .find import NotFound, find_guest, require_distinct
from .parallel import MAX_CONCURRENCY, run_each
from .request import ResizeRequest
from .resize_decision import is_memory_shrink, plan_resize
from .resize_job import ResizeJob, plan_job, predict_job, refuse_job
from .resize_outcome import predict_resize
from .resize_plan import plan_to

if TYPE_CHECKING:
    from ..ports import LxcBackend, LxcLifecycle

__all__ = ["plan_resize", "plan_to", "predict_resize", "resize_containers"]

_SHRINK_REFUSALS = frozenset({Reason.NOT_MEASURED, Reason.SHMEM_UNKNOWN, Reason.BELOW_WORKING_SET})


def resize_containers(
    backend: LxcLifecycle,
    requests: Sequence[ResizeRequest],
    *,
    is_check: bool = False,
    concurrency: int = MAX_CONCURRENCY,
    is_fail_fast: bool = False,
    clock: Clock | None = None,
) -> list[Outcome]:
    """Return what became of each container, in the order of the requests.

    Args:
        backend: the way to Proxmox; used by several threads at once.
        requests: from ``parse_requests``.
        is_check: only predict.
        concurrency: containers of one node at a time, 1 to 4; 1 is one at a time in all.
        is_fail_fast: leave those alone that were not begun when one failed; reason ``not_tried``. One container at a time then.
        clock: for names of snapshots and for waiting.

    Raises:
        RequestError: two requests mean the same container; nothing was written.
        ProxmoxAPIError: the cluster could not be read; nothing was written.
    """
    cluster = backend.read_cluster()
    found = [find_guest(cluster, request.vmid, request.name) for request in requests]
    require_distinct(found, [request.shown_name for request in requests])
    has_failed = threading.Event()

    def resize(position: int) -> Outcome:
        if is_fail_fast and has_failed.is_set():
            return _without_plan(requests[position], found[position], Reason.NOT_TRIED, "not tried, because a container before it failed", backend)
        job = _plan_job(backend, cluster, requests[position], found[position])
        if isinstance(job, Outcome):
            outcome = job
        else:
            outcome = predict_job(job, backend.transport) if is_check or not job.is_change else _carry_out(backend, job, clock)
        if outcome.is_failed:
            has_failed.set()
        return outcome

    def node_of(position: int) -> str:
        return guest.node if isinstance(guest := found[position], Guest) else ""

    return run_each(resize, range(len(requests)), 1 if is_fail_fast else concurrency, node_of)


def _carry_out(backend: LxcLifecycle, job: ResizeJob, clock: Clock | None) -> Outcome:
    # Imported here, because a container that is as it should be never needs it and each import delays the module's start.
    from .resize_carry_out import carry_out_resize

    return carry_out_resize(backend, job, clock or SystemClock())


def _plan_job(backend: LxcLifecycle, cluster: Cluster, request: ResizeRequest, guest: Guest | NotFound) -> ResizeJob | Outcome:
    """Return what is to be done with one container, or the outcome of one about which nothing could be read."""
    if isinstance(guest, NotFound):
        return _without_plan(request, guest, guest.reason, guest.message, backend)
    node = cluster.nodes.get(guest.node)
    if node is not None and not node.is_online:
        message = f"its node {guest.node} cannot be reached (Proxmox says {node.status})"
        return _without_plan(request, guest, Reason.NODE_UNREACHABLE, message, backend)
    try:
        config = backend.read_config(guest.node, guest.vmid)
        plan = _plan_sizes(backend, request, guest, config, node.cgroup_mode if node is not None else None)
        job = plan_job(request, guest, config, plan)
        if job.is_change and request.is_snapshot_wanted and not backend.has_feature(guest.node, guest.vmid, "snapshot"):
            return refuse_job(job, Reason.SNAPSHOT_IMPOSSIBLE, "nothing is resized: its storage cannot make the snapshot that was asked for before")
    except ProxmoxAPIError as error:
        return _without_plan(request, guest, *describe_failure(error), backend)
    return job


def _plan_sizes(backend: LxcBackend, request: ResizeRequest, guest: Guest, config: GuestConfig, cgroup_mode: int | None) -> ResizePlan:
    """Return the plan for the sizes, for the configuration as it is now.

    The cluster's figures lag by ten seconds. Whoever was started a moment ago is still listed as stopped, and less memory would kill inside it:
    so a stopped container that is to have less is looked at once more, which costs one request. A running one is measured on its node where the
    way to it allows that: the API's figure leaves out shared memory.
    """
    plan = plan_resize(request, guest, config, cgroup_mode)
    if plan.reason in _SHRINK_REFUSALS:
        working_set_mib = backend.read_working_set_mib(guest.node, guest.vmid)
        return plan if working_set_mib is None else plan_resize(request, guest, config, cgroup_mode, working_set_mib)
    if guest.status != "stopped" or guest.is_template or not is_memory_shrink(plan):
        return plan
    if backend.read_status(guest.node, guest.vmid) == "stopped":
        return plan
    return plan_resize(request, replace(guest, status="unknown", memory_bytes=None), config, cgroup_mode)


def _without_plan(request: ResizeRequest, guest: Guest | NotFound, reason: Reason, message: str, backend: LxcBackend) -> Outcome:
    """Return the failed outcome of a container whose configuration was never read."""
    vmid, name, node = (guest.vmid, guest.name, guest.node) if isinstance(guest, Guest) else (request.vmid, request.name, "")
    return Outcome(
        vmid=vmid,
        name=name,
        node=node,
        is_changed=False,
        is_failed=True,
        reason=reason,
        message=message,
        transport=backend.transport,
    )
