# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All settings of a container, and of all containers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .bounds import BoundsSettings
from .kinds import choice
from .policy import PolicySettings
from .threshold import ThresholdSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledSettings:
    """What only a window of the section ``schedules`` sets."""

    save_energy: str = field(
        default="none",
        metadata=choice(("none", "cpu", "cpu_and_memory"), "What is lowered to its present use while the window is open, and given back after it."),
    )


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """All settings of one container."""

    policy: PolicySettings = PolicySettings()
    bounds: BoundsSettings = BoundsSettings()
    threshold: ThresholdSettings = ThresholdSettings()
    scheduled: ScheduledSettings = ScheduledSettings()


@dataclass(frozen=True, slots=True)
class SettingsBook:
    """The settings of all containers.

    Attributes:
        general: for every container without an entry of its own.
        by_vmid: complete settings of the others.
    """

    general: ContainerSettings = ContainerSettings()
    by_vmid: Mapping[int, ContainerSettings] = field(default_factory=dict)

    def of(self, vmid: int) -> ContainerSettings:
        """Return the settings of one container."""
        return self.by_vmid.get(vmid, self.general)
