# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one pass of the policy is given about each container and about the node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..model.guest import Guest, GuestConfig
from ..model.node import Node
from ..model.reason import Reason
from ..model.usage import HostUsage, UsageSample

if TYPE_CHECKING:
    from ..model.rootfs import Storage


@dataclass(frozen=True, slots=True)
class Observation:
    """One container in one pass.

    Attributes:
        guest: the row of the cluster's list.
        config: its configuration, up to an hour old but for values that were seen to change; None when it could not be read.
        sample: what was measured; None when nothing was.
        is_selected: whether the configuration file selects it.
        conflict: why the file does not say with which settings, naming both places; empty when it does.
        conflict_reason: which kind of conflict that is.
        waits_for_records: whether Proxmox's records of it are still to be read, in one of the next cycles.
        record_age_seconds: how old the newest of them is (``freshness.record_age_seconds``); None when they were not read, or cannot tell.
        record_problem: why they could not be read; empty when they were, or nobody asked.
    """

    guest: Guest
    config: GuestConfig | None
    sample: UsageSample | None
    is_selected: bool = True
    conflict: str = ""
    conflict_reason: Reason = Reason.TIER_CONFLICT
    waits_for_records: bool = False
    record_age_seconds: float | None = None
    record_problem: str = ""


@dataclass(frozen=True, slots=True)
class HostState:
    """The node in one pass.

    Attributes:
        node: the row of the cluster's list; None when the cluster does not know it.
        usage: what it has left.
        virtual_machines_mib: what its running virtual machines may use together.
        ballooning_target_share: above this share of its memory Proxmox takes memory from virtual machines; None when none of them balloons.
        storages: that it can see, by name; empty without a privilege on them.
    """

    node: Node | None
    usage: HostUsage
    virtual_machines_mib: float = 0.0
    ballooning_target_share: float | None = None
    storages: Mapping[str, Storage] = field(default_factory=dict)

    @property
    def cpus(self) -> float | None:
        """Return its logical CPUs; None when nobody said."""
        return self.usage.cpus if self.usage.cpus is not None else (self.node.cpus if self.node else None)

    @property
    def memory_total_mib(self) -> float | None:
        """Return its installed memory; None when nobody said."""
        return self.usage.memory_total_mib
