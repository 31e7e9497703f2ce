# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out the clone call: win or lose the race for an id, settle what is uncertain by reading, undo what is half made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..clock import Clock
from ..errors import ProxmoxAPIError, ProxmoxNotFoundError
from ..model.guest import Guest, GuestConfig
from ..model.reason import Reason
from ..model.task import TaskResult
from .clone_id import IdChooser
from .clone_mark import CloneMark, format_notes, new_mark, parse_mark
from .clone_outcome import CloneFailedError, IdTakenError, failure_from, is_taken, is_uncertain
from .clone_plan import ClonePlan
from .clone_settings import CloneSettings
from .clone_source import retry_while_locked

if TYPE_CHECKING:
    from ..ports import LxcLifecycle

_POLL_SECONDS = 1.0
# A clone call writes an empty configuration first and its hostname a moment later, in the same call.
_POLLS_FOR_HOSTNAME = 10
# Source: PVE::API2::LXC, clone_vm and check_storage_access.
_CLONE_PRIVILEGES = frozenset({"VM.Clone", "VM.Allocate", "Datastore.AllocateSpace", "SDN.Use"})
# Proxmox's words -> what would help.
_REMEDIES = {
    "Linked clone feature": "give full: true",
    "running container": "the source was started just now; run again, or stop it",
    "local storage": "clone on the source's node, or onto a storage that both nodes share",
    "non-shared storage": "clone on the source's node, or onto a storage that both nodes share",
}


@dataclass(frozen=True, slots=True)
class MadeClone:
    """A container that this run made and has not completed yet.

    Attributes:
        vmid: its id.
        node: where it lives.
        mark: tells it from every other; in its notes.
        warnings: of Proxmox's task.
    """

    vmid: int
    node: str
    mark: CloneMark
    warnings: tuple[str, ...] = ()


def make_clone(backend: LxcLifecycle, plan: ClonePlan, chooser: IdChooser, snapshot: str, settings: CloneSettings, clock: Clock) -> MadeClone:
    """Clone, with another id whenever somebody else was faster, and return the clone.

    Args:
        backend: the way to Proxmox.
        plan: from ``plan_clone``.
        chooser: gives the ids.
        snapshot: the temporary snapshot to clone; empty for none.
        settings: deadlines.
        clock: time.

    Raises:
        CloneFailedError: it was not made, or nobody knows; nothing of it is left unless the message says so.
    """
    doing = f"cloning {plan.source.shown}"
    while True:
        try:
            vmid = chooser.choose(plan.request)
        except ProxmoxAPIError as error:
            raise failure_from(error, doing=doing) from error
        call = _CloneCall(backend, plan, vmid, snapshot, settings, clock)
        try:
            result = retry_while_locked(call.send, clock, settings.timeout_seconds)
        except ProxmoxAPIError as error:
            if is_taken(error) and plan.request.vmid is None:
                chooser.note_refusal()
                continue
            if is_uncertain(error):
                return _settle(backend, plan, call.made, error, settings, clock)
            raise _failed(backend, plan, call.made, error, settings) from error
        return replace(call.made, warnings=result.warnings)


class _CloneCall:
    """The clone call, which may have to be sent several times until the source is not locked; ``made`` is what the last one asked for.

    Each call has a mark of its own moment. With one from before the wait, a clone that came later would look earlier than the one for
    which the source was locked, and both would stay (find_earlier_twin).
    """

    def __init__(self, backend: LxcLifecycle, plan: ClonePlan, vmid: int, snapshot: str, settings: CloneSettings, clock: Clock) -> None:
        self._backend = backend
        self._plan = plan
        self._snapshot = snapshot
        self._settings = settings
        self._clock = clock
        self.made = MadeClone(vmid, plan.node, self._new_mark(vmid))

    def send(self) -> TaskResult:
        vmid, source = self.made.vmid, self._plan.source.guest
        self.made = replace(self.made, mark=self._new_mark(vmid))
        notes = format_notes(self._plan.request.description, self.made.mark, is_finished=False)
        parameters = {**self._plan.parameters, "description": notes, **({"snapname": self._snapshot} if self._snapshot else {})}
        return self._backend.clone_guest(source.node, source.vmid, vmid, parameters, self._settings.timeout_seconds)

    def _new_mark(self, vmid: int) -> CloneMark:
        return new_mark(self._clock.now(), self._plan.source.guest.vmid, vmid)


def _failed(backend: LxcLifecycle, plan: ClonePlan, made: MadeClone, error: ProxmoxAPIError, settings: CloneSettings) -> CloneFailedError:
    """Return why it was not made; what a failed task may have left is removed."""
    failure = failure_from(error, _CLONE_PRIVILEGES, f"cloning {plan.source.shown}")
    if is_taken(error):
        return IdTakenError(Reason.REFUSED_BY_PROXMOX, f"the id {made.vmid} was taken by somebody else in the meantime: {error}")
    remedy = next((text for words, text in _REMEDIES.items() if words in failure.message), "")
    left = undo_clone(backend, made, plan.hostname, settings)
    return CloneFailedError(failure.reason, "; ".join(filter(None, [failure.message, remedy, left])))


def _settle(backend: LxcLifecycle, plan: ClonePlan, made: MadeClone, error: ProxmoxAPIError, settings: CloneSettings, clock: Clock) -> MadeClone:
    """Find out what became of a clone whose answer was lost, by its mark, and wait until it is copied."""
    lost = f"the answer to the clone call was lost ({str(error).strip()})"
    deadline = clock.monotonic() + settings.timeout_seconds
    nodes = list(dict.fromkeys((made.node, plan.source.guest.node)))
    while True:
        found = _find_marked(backend, made, nodes, lost)
        if found is None:
            raise CloneFailedError(Reason.OUTCOME_UNKNOWN, f"{lost}, and no container {made.vmid} was made; run again")
        if not found.lock and found.node == made.node:
            return made
        if clock.monotonic() + _POLL_SECONDS > deadline:
            message = f"{lost}; {made.vmid} is still being copied. A later run completes it"
            raise CloneFailedError(Reason.OUTCOME_UNKNOWN, message)
        clock.sleep(_POLL_SECONDS)


def _find_marked(backend: LxcLifecycle, made: MadeClone, nodes: list[str], lost: str) -> GuestConfig | None:
    """Return the clone's configuration; while it is copied to another node it is still on the source's."""
    for node in nodes:
        try:
            config = backend.read_config(node, made.vmid)
        except ProxmoxNotFoundError:
            continue
        except ProxmoxAPIError as error:
            raise CloneFailedError(Reason.OUTCOME_UNKNOWN, f"{lost}, and what became of it cannot be read ({str(error).strip()})") from error
        return config if parse_mark(config.values.get("description")) == made.mark else None
    return None


def undo_clone(backend: LxcLifecycle, made: MadeClone, hostname: str, settings: CloneSettings) -> str:
    """Destroy a clone that this run made, and return what has to be said about it; empty when nothing is left.

    It must have the id, the hostname and the mark of this very making; anything else is left alone.
    """
    kept = f"container {made.vmid} is left half made"
    try:
        config = backend.read_config(made.node, made.vmid)
    except ProxmoxNotFoundError:
        return ""
    except ProxmoxAPIError as error:
        return f"{kept}, because it could not be read ({str(error).strip()})"
    if parse_mark(config.values.get("description")) != made.mark or (hostname and config.values.get("hostname") != hostname):
        return f"container {made.vmid} is not the one that this run made, so it was left alone"
    try:
        backend.delete_guest(made.node, made.vmid, {"purge": 1}, settings.timeout_seconds)
    except ProxmoxNotFoundError:
        return ""
    except ProxmoxAPIError as error:
        return f"{kept}, because it could not be removed ({failure_from(error, frozenset({'VM.Allocate'})).message}); a later run completes it"
    return ""


def find_earlier_twin(backend: LxcLifecycle, made: MadeClone, hostname: str, known: frozenset[int], clock: Clock) -> tuple[int, str] | None:
    """Return vmid and node of a clone with the same hostname that another run asked for earlier, or None.

    Proxmox allows two containers of one hostname, and two runs that start together both find none. So each one looks again after it has
    made its own: the earlier mark stays, and both runs see the same marks.

    Args:
        backend: the way to Proxmox.
        made: the own clone.
        hostname: its hostname.
        known: the ids that were there before this run, which it has looked at already.
        clock: time.

    Raises:
        ProxmoxAPIError: the cluster cannot be read.
    """
    earliest: tuple[CloneMark, int, str] | None = None
    for guest in backend.read_cluster().guests.values():
        # Proxmox shows the hostname of a new container some seconds late.
        if guest.vmid == made.vmid or guest.vmid in known or guest.name not in ("", hostname):
            continue
        try:
            config = _read_named(backend, guest, clock)
        except ProxmoxNotFoundError:
            continue
        mark = _own_mark(config)
        if config.values.get("hostname") == hostname and mark is not None and mark < made.mark and (earliest is None or mark < earliest[0]):
            earliest = (mark, guest.vmid, guest.node)
    return earliest[1:] if earliest is not None else None


def find_same(backend: LxcLifecycle, plan: ClonePlan, vmid: int, clock: Clock) -> Guest | None:
    """Return the container that has the id asked for, if another run made just this clone, or None.

    Raises:
        ProxmoxAPIError: it cannot be read.
    """
    guest = backend.read_cluster().guests.get(vmid)
    if guest is None:
        return None
    config = _read_named(backend, guest, clock)
    is_same = config.values.get("hostname") == plan.hostname and _own_mark(config) is not None
    return replace(guest, name=plan.hostname) if is_same else None


def _own_mark(config: GuestConfig) -> CloneMark | None:
    """Return the mark that was written for this container; a copy made by hand has that of its source."""
    mark = parse_mark(config.values.get("description"))
    return mark if mark is not None and mark.vmid == config.vmid else None


def _read_named(backend: LxcLifecycle, guest: Guest, clock: Clock) -> GuestConfig:
    """Return the configuration of a container that may just be coming into being, when it has a hostname or after ten readings."""
    polls = 0
    while True:
        config = backend.read_config(guest.node, guest.vmid)
        polls += 1
        if config.lock != "create" or "hostname" in config.values or polls > _POLLS_FOR_HOSTNAME:
            return config
        clock.sleep(_POLL_SECONDS)
