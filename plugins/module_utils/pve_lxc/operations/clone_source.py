# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at what is to be cloned, keep a temporary snapshot of a running source for as long as it is needed, and clear away old ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ..clock import Clock
from ..errors import ProxmoxAPIError, ProxmoxNotFoundError
from ..model.guest import Guest
from ..model.reason import Reason
from ..model.task import TaskResult
from .clone_mark import format_snapshot_description, is_stale_snapshot, new_snapshot_name
from .clone_outcome import CloneFailedError, failure_from, is_locked, is_uncertain
from .clone_plan import Source
from .clone_settings import CloneSettings

if TYPE_CHECKING:
    from ..ports import LxcLifecycle

_FIRST_INTERVAL_SECONDS = 0.5
_LONGEST_INTERVAL_SECONDS = 5.0
# Added to the time in which the clones must be ready, before a later run may take the snapshot for a leftover.
_SNAPSHOT_MARGIN_SECONDS = 300.0
_SNAPSHOT_PRIVILEGES = frozenset({"VM.Snapshot"})


def read_source(backend: LxcLifecycle, guest: Guest) -> Source:
    """Return what can be cloned, with what its storage can do; two or three requests.

    Raises:
        CloneFailedError: it cannot be read.
    """
    try:
        config = backend.read_config(guest.node, guest.vmid)
        if guest.is_template:
            return Source(guest, config, can_link=backend.has_feature(guest.node, guest.vmid, "clone"))
        # The cluster's list is up to ten seconds old.
        guest = replace(guest, status=backend.read_status(guest.node, guest.vmid))
        return Source(guest, config, can_snapshot=guest.is_running and backend.has_feature(guest.node, guest.vmid, "snapshot"))
    except ProxmoxAPIError as error:
        raise failure_from(error, doing=f"reading the source {guest.vmid}") from error


def retry_while_locked(work: Callable[[], TaskResult], clock: Clock, timeout_seconds: float) -> TaskResult:
    """Return what the work returns; while a lock is in the way, try again at intervals that grow from 0.5 s to 5 s.

    Proxmox locks a source while it is cloned or its snapshots change, so two runs with one source get in each other's way for a moment.

    Raises:
        ProxmoxAPIError: something else is wrong, or the lock is still there after ``timeout_seconds``.
    """
    deadline = clock.monotonic() + timeout_seconds
    interval = _FIRST_INTERVAL_SECONDS
    while True:
        try:
            return work()
        except ProxmoxAPIError as error:
            if not is_locked(error) or clock.monotonic() + interval > deadline:
                raise
        clock.sleep(interval)
        interval = min(interval * 1.5, _LONGEST_INTERVAL_SECONDS)


@contextmanager
def temporary_snapshot(backend: LxcLifecycle, source: Source, settings: CloneSettings, clock: Clock, *, count: int) -> Iterator[tuple[str, list[str]]]:
    """Make a snapshot of a running source, give its name and a list for warnings, and delete it whatever happened in between.

    A process that is killed in between leaves it; the next run with this source deletes it (``remove_stale_snapshots``).

    Args:
        backend: the way to Proxmox.
        source: what runs.
        settings: deadlines.
        clock: time.
        count: how many clones are made of it.

    Raises:
        CloneFailedError: it could not be made.
    """
    guest = source.guest
    name = new_snapshot_name(clock.now())
    expiry = clock.now() + settings.timeout_seconds * (count + 1) + _SNAPSHOT_MARGIN_SECONDS
    warnings: list[str] = []
    try:
        _create(backend, guest, name, expiry, settings, clock)
        yield name, warnings
    finally:
        warnings += _delete(backend, guest, name, settings, clock)


def _create(backend: LxcLifecycle, guest: Guest, name: str, expiry: float, settings: CloneSettings, clock: Clock) -> None:
    def create() -> TaskResult:
        return backend.create_snapshot(guest.node, guest.vmid, name, format_snapshot_description(expiry), settings.timeout_seconds)

    try:
        retry_while_locked(create, clock, settings.timeout_seconds)
    except ProxmoxAPIError as error:
        if is_uncertain(error) and _has_snapshot(backend, guest, name):
            return
        raise failure_from(error, _SNAPSHOT_PRIVILEGES, f"making a snapshot of the running source {guest.vmid}") from error


def _delete(backend: LxcLifecycle, guest: Guest, name: str, settings: CloneSettings, clock: Clock) -> list[str]:
    """Return warnings; a snapshot that is not there counts as deleted."""

    def delete() -> TaskResult:
        return backend.delete_snapshot(guest.node, guest.vmid, name, settings.timeout_seconds)

    try:
        retry_while_locked(delete, clock, settings.timeout_seconds)
    except ProxmoxNotFoundError:
        return []
    except ProxmoxAPIError as error:
        if "does not exist" in str(error) or not _has_snapshot(backend, guest, name, unknown=True):
            return []
        failure = failure_from(error, _SNAPSHOT_PRIVILEGES)
        return [f"the temporary snapshot {name} of {guest.vmid} could not be deleted ({failure.message}); a later run does it, or delete it by hand"]
    return []


def _has_snapshot(backend: LxcLifecycle, guest: Guest, name: str, *, unknown: bool = False) -> bool:
    """Return whether it is there; ``unknown`` when that cannot be read."""
    try:
        return any(row.get("name") == name for row in backend.read_snapshots(guest.node, guest.vmid))
    except ProxmoxAPIError:
        return unknown


def remove_stale_snapshots(backend: LxcLifecycle, source: Source, settings: CloneSettings, clock: Clock) -> list[str]:
    """Delete the temporary snapshots that killed runs left of this source, and return a sentence about each.

    Only those whose time is over, and none while the source is locked: Proxmox holds a lock for as long as a clone is copied.
    """
    guest = source.guest
    if guest.is_template or source.config.lock:
        return []
    try:
        rows = backend.read_snapshots(guest.node, guest.vmid)
    except ProxmoxAPIError:
        # Clearing away is a courtesy; who may not see snapshots can still clone.
        return []
    said = []
    for row in rows:
        if not is_stale_snapshot(row, clock.now()):
            continue
        name = str(row["name"])
        left = f"the temporary snapshot {name} of {source.shown} was left by a run that did not end"
        if settings.is_check:
            said.append(f"{left}; it would be deleted")
            continue
        said += _delete(backend, guest, name, settings, clock) or [f"{left}; it was deleted"]
    return said


def require_online(is_online: bool, guest: Guest) -> None:
    """Raise when a container's node does not answer."""
    if not is_online:
        raise CloneFailedError(Reason.NODE_UNREACHABLE, f"the node {guest.node} of container {guest.vmid} cannot be reached")
