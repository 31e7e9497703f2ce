# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resize many containers, each on its own: one failing container does not stop the others.

Requests: one reading of the cluster for all; then per container one reading of its configuration, and for a changed one
a write and a reading back. A stopped container that is to have less memory costs one more. On a cgroup 1 node where
memory and CPU change there are two writes with a reading between.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from ..errors import ProxmoxAPIError
from ..model.guest import Guest
from ..model.node import Cluster
from ..model.plan import Outcome, ResizePlan
from ..model.reason import Reason
from ..ports import LxcBackend
from .failure import describe_failure
from .find import NotFound, find_guest, require_distinct
from .request import ResizeRequest
from .resize_apply import apply_resize
from .resize_decision import is_memory_shrink, plan_resize
from .resize_outcome import predict_resize
from .resize_plan import plan_to

__all__ = ["apply_resize", "plan_resize", "plan_to", "predict_resize", "resize_containers"]

# pveproxy and pvedaemon have three workers each: more requests at a time gain nothing. Source: PVE::Service::pvedaemon, max_workers.
MAX_CONCURRENCY = 4


def resize_containers(
    backend: LxcBackend,
    requests: Sequence[ResizeRequest],
    *,
    is_check: bool = False,
    concurrency: int = MAX_CONCURRENCY,
    is_fail_fast: bool = False,
) -> list[Outcome]:
    """Return what became of each container, in the order of the requests.

    Args:
        backend: the way to Proxmox; used by several threads at once.
        requests: from ``parse_requests``.
        is_check: only predict.
        concurrency: containers at a time, 1 to 4.
        is_fail_fast: leave those alone that were not begun when one failed; reason ``not_tried``. One container at a time then.

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
        outcome = _resize_one(backend, cluster, requests[position], found[position], is_check)
        if outcome.is_failed:
            has_failed.set()
        return outcome

    workers = 1 if is_fail_fast else max(1, min(concurrency, MAX_CONCURRENCY, len(requests)))
    return _map(resize, len(requests), workers)


def _map(work: Callable[[int], Outcome], count: int, workers: int) -> list[Outcome]:
    if workers == 1:
        return [work(position) for position in range(count)]
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="resize") as executor:
        return list(executor.map(work, range(count)))


def _resize_one(backend: LxcBackend, cluster: Cluster, request: ResizeRequest, guest: Guest | NotFound, is_check: bool) -> Outcome:
    if isinstance(guest, NotFound):
        return _without_plan(request, guest, guest.reason, guest.message, backend)
    node = cluster.nodes.get(guest.node)
    if node is not None and not node.is_online:
        message = f"its node {guest.node} cannot be reached (Proxmox says {node.status})"
        return _without_plan(request, guest, Reason.NODE_UNREACHABLE, message, backend)
    try:
        plan = _plan_one(backend, request, guest, node.cgroup_mode if node is not None else None)
    except ProxmoxAPIError as error:
        return _without_plan(request, guest, *describe_failure(error), backend)
    return predict_resize(plan, backend.transport) if is_check else apply_resize(backend, plan)


def _plan_one(backend: LxcBackend, request: ResizeRequest, guest: Guest, cgroup_mode: int | None) -> ResizePlan:
    """Return the plan for the configuration as it is now.

    The cluster's figures lag by ten seconds. Whoever was started a moment ago is still listed as stopped, and less memory would kill inside it:
    so a stopped container that is to have less is looked at once more, which costs one request.
    """
    config = backend.read_config(guest.node, guest.vmid)
    plan = plan_resize(request, guest, config, cgroup_mode)
    if guest.status != "stopped" or guest.is_template or not is_memory_shrink(plan):
        return plan
    status = backend.read_live_guests(guest.node).get(guest.vmid, {}).get("status")
    if status == "stopped":
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
