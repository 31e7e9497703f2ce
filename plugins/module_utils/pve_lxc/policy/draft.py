# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container in the midst of a pass: sized by itself, before the node as a whole is looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..model.allocation import Allocation
from .cpu_choice import Choice
from .observation import Observation
from .permit import Guard
from .remember import ContainerMemory
from .settings.container import ContainerSettings
from .size import Sizing

if TYPE_CHECKING:
    from ..model.rootfs import RootfsChoice


@dataclass(frozen=True, slots=True)
class Draft:
    """One container before the node as a whole was looked at.

    Attributes:
        observation: what it is and uses.
        memory: what is remembered of it, with this pass entered.
        settings: of this container.
        guard: why it is left; None when it may be changed.
        sizing: what is chosen for it; None when it could not be sized.
        restored: what it is given although it is not sized, for the reason of the guard: a stopped container; None for every other.
        rootfs: what is chosen for its root file system; None where that is not grown, or nothing can be said of it now.
    """

    observation: Observation
    memory: ContainerMemory
    settings: ContainerSettings
    guard: Guard | None
    sizing: Sizing | None
    restored: Allocation | None = None
    rootfs: RootfsChoice | None = None

    @property
    def vmid(self) -> int:
        """Return whose."""
        return self.observation.guest.vmid

    def with_memory_choice(self, choice: Choice) -> Draft:
        """Return the same with another choice of memory."""
        return self if self.sizing is None else replace(self, sizing=replace(self.sizing, memory=choice))
