# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Grow one disk, and find out whether it grew when the answer was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..clock import Clock
from ..errors import ProxmoxAPIError, ProxmoxTaskError
from ..model.guest import Guest
from ..model.reason import Reason
from ..model.rootfs import format_disk_size
from .disk import DiskError, DiskStep, read_disk_bytes
from .failure import describe_failure, is_certainly_not_done

if TYPE_CHECKING:
    from ..ports import LxcLifecycle

DISK_SECONDS = 600.0
_LOOK_SECONDS = 2.0
_LOST_SECONDS = 60.0

_ALREADY_THAT_SIZE = "already at specified size"
_PRIVILEGES = {"VM.Config.Disk", "Datastore.AllocateSpace", "VM.Snapshot"}


class PartFailedError(Exception):
    """A part of the job did not do what it should.

    Attributes:
        reason: why.
        message: the same as a sentence.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def grow_disk(backend: LxcLifecycle, guest: Guest, step: DiskStep, clock: Clock) -> None:
    """Grow one disk and wait for it; one that has the size meanwhile is as good.

    Raises:
        PartFailedError: it did not grow, or nobody knows.
    """
    size = format_disk_size(step.after_bytes)
    try:
        backend.resize_disk(guest.node, guest.vmid, step.disk, size, DISK_SECONDS)
    except ProxmoxAPIError as error:
        if _ALREADY_THAT_SIZE in str(error):
            return
        is_known = isinstance(error, ProxmoxTaskError) or is_certainly_not_done(error) or error.status is not None
        if is_known or not _has_size_in_time(backend, guest, step, clock):
            raise part_failed(error, f"{step.disk} was not grown to {size}", is_known=is_known) from error


def _has_size_in_time(backend: LxcLifecycle, guest: Guest, step: DiskStep, clock: Clock) -> bool:
    """Return whether a disk whose answer was lost gets its size within a minute."""
    deadline = clock.monotonic() + _LOST_SECONDS
    while True:
        try:
            size_bytes = read_disk_bytes(backend.read_config(guest.node, guest.vmid), step.disk)
            if size_bytes is not None and size_bytes >= step.after_bytes:
                return True
        except (ProxmoxAPIError, DiskError):
            pass
        if clock.monotonic() + _LOOK_SECONDS > deadline:
            return False
        clock.sleep(_LOOK_SECONDS)


def part_failed(error: ProxmoxAPIError, head: str, *, is_known: bool = True) -> PartFailedError:
    """Return an error of Proxmox as the failure of a part; one whose answer was lost says so."""
    if not is_known:
        return PartFailedError(Reason.OUTCOME_UNKNOWN, f"{head} as far as can be seen; the answer was lost ({str(error).strip()})")
    if isinstance(error, ProxmoxTaskError):
        return PartFailedError(Reason.TASK_FAILED, f"{head}: {error.exit_status}")
    reason, message = describe_failure(error, _PRIVILEGES)
    return PartFailedError(reason, f"{head}: {message}")
