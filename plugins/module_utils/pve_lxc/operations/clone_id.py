# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose an id for a clone: given, from a range, or the lowest free one. Nothing is reserved, so a choice may turn out to be taken."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import TYPE_CHECKING

from ..model.reason import Reason
from .clone_outcome import CloneFailedError
from .clone_request import HIGHEST_VMID, CloneRequest

if TYPE_CHECKING:
    from ..ports import LxcLifecycle

# More refusals than other runs could cause: then something else is wrong.
_MAX_REFUSALS = 1000


class IdChooser:
    """Hands out ids, none twice; safe for threads."""

    def __init__(self, backend: LxcLifecycle, known: Collection[int], given: Collection[int]) -> None:
        """Start.

        Args:
            backend: asked for the next free id.
            known: ids of the containers that were seen; virtual machines have ids too, which Proxmox tells only when they are asked for.
            given: ids that requests of this run ask for, which no other request may get.
        """
        self._backend = backend
        self._used = {*known, *given}
        self._refusals = 0
        self._lock = threading.Lock()

    def choose(self, request: CloneRequest) -> int:
        """Return an id to try.

        Raises:
            CloneFailedError: the range is used up.
            ProxmoxAPIError: Proxmox did not say which id is free.
        """
        if request.vmid is not None:
            return request.vmid
        with self._lock:
            if request.vmid_range is None:
                vmid = self._first_unused(self._backend.read_next_id(), HIGHEST_VMID, "there is no free vmid")
            else:
                first, last = request.vmid_range
                vmid = self._first_unused(first, last, f"every vmid from {first} to {last} is in use")
            self._used.add(vmid)
            return vmid

    def note_refusal(self) -> None:
        """Count an id that turned out to be taken; it is never handed out again.

        Raises:
            CloneFailedError: that happened too often.
        """
        with self._lock:
            self._refusals += 1
            if self._refusals > _MAX_REFUSALS:
                raise CloneFailedError(Reason.NO_FREE_ID, f"Proxmox refused {_MAX_REFUSALS} ids as taken; something else must be wrong")

    def _first_unused(self, first: int, last: int, message: str) -> int:
        vmid = next((number for number in range(first, last + 1) if number not in self._used), None)
        if vmid is None:
            raise CloneFailedError(Reason.NO_FREE_ID, message)
        return vmid
