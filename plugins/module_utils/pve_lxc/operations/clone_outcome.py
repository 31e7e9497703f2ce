# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a clone, and the error that ends the work on one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import (
    ProxmoxAPIError,
    ProxmoxConflictError,
    ProxmoxConnectionError,
    ProxmoxNodeError,
    ProxmoxTaskError,
    ProxmoxTimeoutError,
    ProxmoxValidationError,
)
from ..model.form import format_allocation, format_outcome
from ..model.plan import Outcome
from ..model.reason import Reason
from .failure import describe_failure

# The proxy could not open a connection to the node: the request certainly did not arrive. Source: AnyEvent::HTTP 595.
_STATUS_NODE_NOT_CONNECTED = 595


class CloneFailedError(Exception):
    """The work on one clone cannot go on.

    Attributes:
        reason: why.
        message: the same as a sentence.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        """Keep both."""
        super().__init__(message)
        self.reason = reason
        self.message = message


class IdTakenError(CloneFailedError):
    """The id that was asked for went to somebody else in the meantime."""


@dataclass(frozen=True, slots=True)
class CloneState:
    """What a diff shows of a container; every field but the first is empty where there is none.

    Attributes:
        is_present: whether it exists.
        status: ``running`` or ``stopped``.
        full: True for a full copy, False for a linked clone; None where it was made before.
        net0: its first interface as Proxmox writes it; in check mode its new MAC address is not known.
        tags: sorted.
        addresses: what it answered with, loopback left out.
    """

    is_present: bool
    status: str = ""
    full: bool | None = None
    net0: str = ""
    tags: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


ABSENT = CloneState(is_present=False)


@dataclass(frozen=True, slots=True)
class CloneOutcome:
    """What became of one clone.

    Attributes:
        outcome: what every operation says.
        source_vmid: what it was cloned from; None when that is not known.
        before: what was there.
        after: what is there; in check mode what would be.
    """

    outcome: Outcome
    source_vmid: int | None = None
    before: CloneState = field(default_factory=lambda: ABSENT)
    after: CloneState = field(default_factory=lambda: ABSENT)


def format_clone_outcome(done: CloneOutcome) -> dict[str, Any]:
    """Return one element of lxc_clone's ``results``."""
    return {
        **format_outcome(done.outcome),
        "state": "present" if done.after.is_present else "absent",
        "status": done.after.status,
        "source_vmid": done.source_vmid,
        "full": done.after.full,
        "net0": done.after.net0,
        "tags": list(done.after.tags),
        "addresses": list(done.after.addresses),
    }


def format_clone_diff(done: CloneOutcome) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a diff shows before and after; what is not there is left out, so that it shows as a line gone."""
    outcome = done.outcome
    return _format_state(done.before, format_allocation(outcome.before)), _format_state(done.after, format_allocation(outcome.after))


def _format_state(state: CloneState, sizes: Mapping[str, Any]) -> dict[str, Any]:
    if not state.is_present:
        return {"state": "absent"}
    shown = {"state": "present", "status": state.status, "net0": state.net0, "tags": list(state.tags), **sizes}
    return {key: value for key, value in shown.items() if value not in (None, "", [])}


def is_uncertain(error: ProxmoxAPIError) -> bool:
    """Return whether nobody knows what became of the request, so that only reading can tell."""
    if isinstance(error, (ProxmoxConnectionError, ProxmoxTimeoutError)):
        return error.is_sent
    return isinstance(error, ProxmoxNodeError) and error.status != _STATUS_NODE_NOT_CONNECTED


def is_locked(error: ProxmoxAPIError) -> bool:
    """Return whether a lock of somebody's was in the way; some calls find out in their task only."""
    if isinstance(error, ProxmoxTaskError):
        return "is locked" in error.exit_status or "got timeout" in error.exit_status
    return isinstance(error, ProxmoxConflictError) and error.kind == "lock"


def is_taken(error: ProxmoxAPIError) -> bool:
    """Return whether the new id is in use; recorded on PVE 9.2.11, clone.json and nextid.json."""
    if isinstance(error, ProxmoxValidationError):
        return any("exists" in error.fields.get(name, "") for name in ("newid", "vmid"))
    return isinstance(error, ProxmoxConflictError) and error.kind == "exists"


def failure_from(error: ProxmoxAPIError, needed_privileges: frozenset[str] = frozenset(), doing: str = "") -> CloneFailedError:
    """Return what an answer of Proxmox means for a clone; ``doing`` begins the sentence: ``cloning 101``."""
    reason, message = describe_failure(error, needed_privileges)
    tail = f" ({'; '.join(error.log_tail[-2:])})" if isinstance(error, ProxmoxTaskError) and error.log_tail else ""
    return CloneFailedError(reason, f"{doing}: {message}{tail}" if doing else f"{message}{tail}")
