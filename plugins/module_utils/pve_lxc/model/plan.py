# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is going to be done to a container, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .allocation import Allocation
from .reason import Reason


@dataclass(frozen=True, slots=True)
class ConfigWrite:
    """One ``PUT .../config``.

    Attributes:
        values: key of Proxmox -> value, for example ``{"memory": 1024}``.
        delete: keys that go back to Proxmox's default, for example ``("cpulimit",)``.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    delete: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResizePlan:
    """One container's resize, made by a pure function; check mode and diff mode show it as it is.

    Attributes:
        vmid: whose.
        name: its hostname.
        node: where it lives.
        digest: of the configuration the plan was made from; every write sends it.
        before: what it has.
        after: what it is to have; equal to ``before`` when nothing is to be done.
        writes: in this order; empty when nothing is to be done.
        reason: why, or why not.
        message: the same as a sentence.
        is_refused: whether the request must not be carried out; ``reason`` says why.
        warnings: what the user should know although it is done.
    """

    vmid: int
    name: str
    node: str
    digest: str
    before: Allocation
    after: Allocation
    writes: tuple[ConfigWrite, ...]
    reason: Reason
    message: str
    is_refused: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def is_change(self) -> bool:
        """Return whether there is anything to write."""
        return bool(self.writes)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one container in one operation.

    Attributes:
        vmid: None when it could not be found.
        name: its hostname, or the name asked for.
        node: empty when it could not be found.
        is_changed: whether it was changed, or in check mode would be.
        is_failed: whether what was asked for did not happen.
        reason: machine-readable, why.
        message: the same as a sentence.
        before: None when it was never read.
        after: re-read; predicted in check mode; None when it was never read.
        pending: key -> value waiting for a restart.
        is_restart_required: whether anything waits for one.
        transport: ``api``, ``ssh`` or ``local``.
        warnings: what the user should know although it is done.
        more_before: what else of it was looked at, key as users see it -> value, for example ``{"status": "running"}``.
        more_after: the same afterwards, the same keys.
    """

    vmid: int | None
    name: str
    node: str
    is_changed: bool
    is_failed: bool
    reason: Reason
    message: str
    before: Allocation | None = None
    after: Allocation | None = None
    pending: Mapping[str, Any] = field(default_factory=dict)
    is_restart_required: bool = False
    transport: str = "api"
    warnings: tuple[str, ...] = ()
    more_before: Mapping[str, Any] = field(default_factory=dict)
    more_after: Mapping[str, Any] = field(default_factory=dict)
