# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove clones: only what was made as a clone here, unless forced, and never what is protected, locked or managed by HA."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import ProxmoxAPIError, ProxmoxNotFoundError
from ..model.guest import Guest, GuestConfig
from ..model.node import Cluster
from ..model.plan import Outcome
from ..model.reason import Reason
from .clone import find_existing, with_names
from .clone_item import CloneItem, failed_outcome
from .clone_mark import CLONE_TAG, is_unfinished, parse_mark
from .clone_outcome import ABSENT, CloneFailedError, CloneOutcome, CloneState, failure_from
from .clone_request import CloneRequest
from .clone_settings import CloneSettings
from .clone_source import require_online
from .find import NOTHING_VISIBLE
from .parallel import run_each

if TYPE_CHECKING:
    from ..ports import LxcLifecycle

# Time for the services inside to end by themselves, before the container is stopped hard.
_SHUTDOWN_SECONDS = 30
_PRIVILEGES = frozenset({"VM.Allocate", "VM.PowerMgmt"})


def remove_clones(backend: LxcLifecycle, requests: Sequence[CloneRequest], settings: CloneSettings) -> list[CloneOutcome]:
    """Return what became of each clone that is to be gone, in the order of the requests.

    Args:
        backend: the way to Proxmox; used by several threads at once.
        requests: from ``parse_clone_requests`` with ``is_absent``.
        settings: deadlines, concurrency, check mode.

    Raises:
        ProxmoxAPIError: the cluster could not be read; nothing was removed.
    """
    cluster = with_names(backend, backend.read_cluster())
    return run_each(lambda request: _remove(backend, cluster, CloneItem(request), settings), requests, settings.concurrency)


def _remove(backend: LxcLifecycle, cluster: Cluster, item: CloneItem, settings: CloneSettings) -> CloneOutcome:
    try:
        if not cluster.guests:
            raise CloneFailedError(Reason.NOT_FOUND, NOTHING_VISIBLE)
        item.guest = find_existing(cluster, item.request)
        if item.guest is None:
            return _gone(backend, item, None, "there is no such container", is_changed=False)
        require_online(item.guest.node not in cluster.unreachable_nodes, item.guest)
        config = backend.read_config(item.guest.node, item.guest.vmid)
        require_removable(item.guest, config, is_forced=item.request.is_forced)
        if not settings.is_check:
            _destroy(backend, item.guest, config, settings)
        return _gone(backend, item, config, f"{'would be ' if settings.is_check else ''}destroyed", is_changed=True)
    except ProxmoxNotFoundError:
        return _gone(backend, item, None, "somebody else removed it a moment ago", is_changed=False)
    except ProxmoxAPIError as error:
        failure = failure_from(error, _PRIVILEGES)
        return failed_outcome(backend, item, failure.reason, failure.message)
    except CloneFailedError as failure:
        return failed_outcome(backend, item, failure.reason, failure.message)


def require_removable(guest: Guest, config: GuestConfig, *, is_forced: bool) -> None:
    """Raise unless a container may be destroyed; force lifts the first rule only.

    Raises:
        CloneFailedError: it was not made as a clone here, it is protected or locked, or HA would start it again.
    """
    if not is_forced and (why := _stranger(config)):
        raise CloneFailedError(Reason.NOT_A_CLONE, f"it was not made as a clone here ({why}), so it is not destroyed; give force: true if it is to be")
    if not is_forced and config.is_template:
        raise CloneFailedError(Reason.TEMPLATE, "it is a template, and others may be linked to it; give force: true if it is to be destroyed")
    if int(config.values.get("protection") or 0):
        message = "it is protected, and force does not change that: switch its option protection off first"
        raise CloneFailedError(Reason.PROTECTED, message)
    lock = config.lock or guest.lock
    if lock:
        raise CloneFailedError(Reason.LOCKED, f"it is locked ({lock}); try again when that is over")
    if guest.hastate and guest.hastate != "ignored":
        raise CloneFailedError(Reason.HA_BUSY, f"it is managed by HA, which would start it again: remove it there first (ha-manager remove ct:{guest.vmid})")


def _stranger(config: GuestConfig) -> str:
    """Return why a container is none of our clones, empty if it is one. Without the line in its notes the tag alone decides."""
    notes = config.values.get("description")
    mark = parse_mark(notes)
    if mark is not None and mark.vmid != config.vmid:
        return f"its notes are those of the clone {mark.vmid}, of which it is a copy"
    return "" if CLONE_TAG in config.tags or is_unfinished(notes, config.vmid) else f"it has no tag {CLONE_TAG}"


def _destroy(backend: LxcLifecycle, guest: Guest, config: GuestConfig, settings: CloneSettings) -> None:
    """Shut it down if it runs, look once more that it still is the same container, and destroy it."""
    if backend.read_status(guest.node, guest.vmid) == "running":
        parameters = {"timeout": _SHUTDOWN_SECONDS, "forceStop": 1}
        backend.change_power(guest.node, guest.vmid, "shutdown", parameters, settings.timeout_seconds)
    if backend.read_config(guest.node, guest.vmid).identity != config.identity:
        raise CloneFailedError(Reason.CONFIG_CHANGED, f"{guest.vmid} has become another container meanwhile; it was left alone")
    try:
        backend.delete_guest(guest.node, guest.vmid, {"purge": 1}, settings.timeout_seconds)
    except ProxmoxNotFoundError:
        return
    except ProxmoxAPIError as error:
        # A lost answer, or a task that failed at the very end: gone is gone.
        if not _is_gone(backend, guest):
            raise error from None


def _is_gone(backend: LxcLifecycle, guest: Guest) -> bool:
    try:
        backend.read_config(guest.node, guest.vmid)
    except ProxmoxNotFoundError:
        return True
    except ProxmoxAPIError:
        return False
    return False


def _gone(backend: LxcLifecycle, item: CloneItem, config: GuestConfig | None, message: str, *, is_changed: bool) -> CloneOutcome:
    guest = item.guest
    outcome = Outcome(
        vmid=guest.vmid if guest is not None else item.request.vmid,
        name=guest.name if guest is not None else item.request.name,
        node=guest.node if guest is not None else "",
        is_changed=is_changed,
        is_failed=False,
        reason=Reason.DESTROYED if is_changed else Reason.UNCHANGED,
        message=message,
        before=config.allocation if config is not None else None,
        transport=backend.transport,
    )
    if config is None or guest is None:
        return CloneOutcome(outcome)
    mark = parse_mark(config.values.get("description"))
    before = CloneState(True, guest.status, None, str(config.values.get("net0") or ""), config.tags)
    return CloneOutcome(outcome, mark.source_vmid if mark is not None else None, before, ABSENT)
