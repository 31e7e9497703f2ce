# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clone containers: find those that are there, make those that are not, complete, start and wait; each clone gets an outcome.

Requests for a clone of a template: one reading of the cluster for all, two of the source, the clone and its task, another reading of the
cluster (has another run made the same one?), then the clone's configuration, one or two writes and a reading back. Clones of one source
are made one after the other, because Proxmox locks it meanwhile; different sources, and all completing and starting, run at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from ..clock import Clock, SystemClock
from ..errors import ProxmoxAPIError
from ..model.guest import Guest
from ..model.node import Cluster
from ..model.reason import Reason
from .clone_id import IdChooser
from .clone_item import CloneItem, failed_outcome, finish_item, predict_item
from .clone_make import MadeClone, find_earlier_twin, find_same, make_clone, undo_clone
from .clone_outcome import CloneFailedError, CloneOutcome, IdTakenError
from .clone_plan import Source, plan_clone
from .clone_request import CloneRequest
from .clone_settings import CloneSettings
from .clone_source import read_source, remove_stale_snapshots, require_online, temporary_snapshot
from .failure import describe_failure
from .find import NotFound, find_guest
from .parallel import run_each

if TYPE_CHECKING:
    from ..ports import LxcLifecycle


def clone_containers(
    backend: LxcLifecycle,
    requests: Sequence[CloneRequest],
    settings: CloneSettings,
    clock: Clock | None = None,
) -> list[CloneOutcome]:
    """Return what became of each clone, in the order of the requests.

    Args:
        backend: the way to Proxmox; used by several threads at once.
        requests: from ``parse_clone_requests``.
        settings: deadlines, concurrency, check mode.
        clock: time.

    Raises:
        ProxmoxAPIError: the cluster could not be read; nothing was written.
    """
    return _CloneRun(backend, requests, settings, clock or SystemClock()).run()


class _CloneRun:
    """One run over all requests."""

    def __init__(self, backend: LxcLifecycle, requests: Sequence[CloneRequest], settings: CloneSettings, clock: Clock) -> None:
        self._backend = backend
        self._settings = settings
        self._clock = clock
        self._cluster = with_names(backend, backend.read_cluster())
        self._known = frozenset(self._cluster.guests)
        given = {request.vmid for request in requests if request.vmid is not None}
        self._chooser = IdChooser(backend, self._known, given)
        self._items = [CloneItem(request) for request in requests]

    def run(self) -> list[CloneOutcome]:
        groups: dict[int, list[CloneItem]] = {}
        for item in self._items:
            self._look_up(item)
            if item.source_guest is not None:
                groups.setdefault(item.source_guest.vmid, []).append(item)
        run_each(self._work_on_source, list(groups.values()), self._settings.concurrency)
        run_each(self._finish, self._items, self._settings.concurrency)
        return [item.outcome or failed_outcome(self._backend, item, Reason.NOT_TRIED, "not tried") for item in self._items]

    def _look_up(self, item: CloneItem) -> None:
        """Find the clone, if it is there already, and its source."""
        request = item.request
        try:
            item.guest = find_existing(self._cluster, request)
            item.is_found = item.guest is not None
            source = find_guest(self._cluster, request.source_vmid, request.source_name)
            if not isinstance(source, NotFound):
                item.source_guest = source
            elif item.guest is None:
                raise CloneFailedError(source.reason, f"the source: {source.message}")
            if item.guest is not None:
                require_online(self._is_online(item.guest.node), item.guest)
        except CloneFailedError as failure:
            item.outcome = failed_outcome(self._backend, item, failure.reason, failure.message)

    def _is_online(self, node: str) -> bool:
        return node not in self._cluster.unreachable_nodes

    def _work_on_source(self, items: Sequence[CloneItem]) -> None:
        """Make all clones of one source; a temporary snapshot, where one is needed, serves them all."""
        guest = items[0].source_guest
        if guest is None:
            return
        try:
            require_online(self._is_online(guest.node), guest)
            source = read_source(self._backend, guest)
        except CloneFailedError as failure:
            self._fail_new(items, failure)
            return
        items[0].warnings += remove_stale_snapshots(self._backend, source, self._settings, self._clock)
        for item in items:
            self._plan(item, source)
        wanted = [item for item in items if item.outcome is None and item.guest is None]
        if wanted and not self._settings.is_check:
            self._make_all(wanted, source)

    def _fail_new(self, items: Sequence[CloneItem], failure: CloneFailedError) -> None:
        for item in items:
            if item.outcome is None and item.guest is None:
                item.outcome = failed_outcome(self._backend, item, failure.reason, failure.message)

    def _plan(self, item: CloneItem, source: Source) -> None:
        """Plan a clone; one that is there needs no plan unless it turns out to be half made."""
        try:
            item.plan = plan_clone(item.request, source, self._cluster)
        except CloneFailedError as failure:
            item.plan_failure = failure
            self._fail_new([item], failure)

    def _make_all(self, items: Sequence[CloneItem], source: Source) -> None:
        through_snapshot = [item for item in items if item.plan is not None and item.plan.needs_snapshot]
        directly = [item for item in items if item not in through_snapshot]
        for item in directly:
            self._make(item, "")
        if through_snapshot:
            warnings: list[str] = []
            try:
                with ExitStack() as stack:
                    count = len(through_snapshot)
                    name, warnings = stack.enter_context(temporary_snapshot(self._backend, source, self._settings, self._clock, count=count))
                    for item in through_snapshot:
                        self._make(item, name)
            except CloneFailedError as failure:
                self._fail_new(through_snapshot, failure)
            through_snapshot[0].warnings += warnings
        for item in items:
            self._give_way(item)

    def _make(self, item: CloneItem, snapshot: str) -> None:
        if item.plan is None:
            return
        try:
            item.made = make_clone(self._backend, item.plan, self._chooser, snapshot, self._settings, self._clock)
        except IdTakenError as failure:
            self._take_over(item, failure)
            return
        except CloneFailedError as failure:
            item.outcome = failed_outcome(self._backend, item, failure.reason, failure.message)
            return
        item.warnings += [*item.plan.warnings, *item.made.warnings]
        item.guest = _guest_of(item.made, item.plan.hostname)

    def _take_over(self, item: CloneItem, failure: CloneFailedError) -> None:
        """Go on with what another run has made under the id asked for, provided that it is the same clone."""
        if item.plan is not None and item.request.vmid is not None:
            try:
                item.guest = find_same(self._backend, item.plan, item.request.vmid, self._clock)
            except ProxmoxAPIError as error:
                item.warnings.append(f"{item.request.vmid} could not be looked at: {describe_failure(error)[1]}")
        item.is_found = item.guest is not None
        if item.guest is None:
            item.outcome = failed_outcome(self._backend, item, failure.reason, failure.message)

    def _give_way(self, item: CloneItem) -> None:
        """Take over the same clone of another run that was earlier, and remove the own one."""
        if item.made is None or item.plan is None or not item.request.name:
            return
        try:
            twin = find_earlier_twin(self._backend, item.made, item.plan.hostname, self._known, self._clock)
        except ProxmoxAPIError as error:
            item.warnings.append(f"whether another run made {item.request.name} at the same time could not be read: {describe_failure(error)[1]}")
            return
        if twin is None:
            return
        left = undo_clone(self._backend, item.made, item.plan.hostname, self._settings)
        if left:
            item.warnings.append(left)
        vmid, node = twin
        item.made, item.guest, item.is_found = None, Guest(vmid, item.plan.hostname, node, "stopped"), True

    def _finish(self, item: CloneItem) -> None:
        if item.outcome is not None:
            return
        node = self._cluster.nodes.get(item.guest.node) if item.guest is not None else None
        cgroup_mode = node.cgroup_mode if node is not None else None
        if self._settings.is_check:
            item.outcome = predict_item(self._backend, item, self._chooser)
        else:
            item.outcome = finish_item(self._backend, item, cgroup_mode, self._settings, self._clock)


def find_existing(cluster: Cluster, request: CloneRequest) -> Guest | None:
    """Return the container that is already what is asked for, or None.

    Raises:
        CloneFailedError: what has the id has another name, what has the name has another id, or several have the name.
    """
    if request.vmid is not None and (guest := cluster.guests.get(request.vmid)) is not None:
        if request.name and guest.name and guest.name != request.name:
            raise CloneFailedError(Reason.INVALID_REQUEST, f"{guest.vmid} is the container {guest.name} on {guest.node}, not {request.name}")
        return guest
    if not request.name:
        return None
    found = find_guest(cluster, None, request.name)
    if isinstance(found, NotFound):
        if found.reason is Reason.NAME_NOT_UNIQUE:
            raise CloneFailedError(found.reason, found.message)
        return None
    if request.vmid is not None:
        message = f"{request.name} is there already, as {found.vmid} on {found.node} and not as {request.vmid}"
        raise CloneFailedError(Reason.INVALID_REQUEST, message)
    return found


def _guest_of(made: MadeClone, hostname: str) -> Guest:
    return Guest(made.vmid, hostname, made.node, "stopped")


def with_names(backend: LxcLifecycle, cluster: Cluster) -> Cluster:
    """Return the cluster with the hostnames of containers that were made a moment ago, which the cluster's list shows late."""
    nameless = {guest.node for guest in cluster.guests.values() if not guest.name} - set(cluster.unreachable_nodes)
    if not nameless:
        return cluster
    names = {vmid: str(row.get("name") or "") for node in sorted(nameless) for vmid, row in backend.read_live_guests(node).items()}
    guests = {vmid: guest if guest.name else replace(guest, name=names.get(vmid, "")) for vmid, guest in cluster.guests.items()}
    return replace(cluster, guests=guests)
