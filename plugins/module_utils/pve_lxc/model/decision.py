# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the autoscale loop decides about one container, and what one cycle did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .allocation import Allocation
from .reason import Reason
from .usage import UsageSample

if TYPE_CHECKING:
    from .rootfs import RootfsChoice


@dataclass(frozen=True, slots=True)
class Decision:
    """One container in one cycle; there is one for every container, also when it is "keep".

    Attributes:
        vmid: whose.
        name: its hostname.
        node: where it lives.
        current: what its configuration gives it; None when that could not be read.
        target: what it is to have; equal to ``current`` when it keeps; None when that is unknown.
        reason: the first and strongest reason, machine-readable.
        message: one sentence for a tired operator, with the figures.
        reasons: every reason that played a part, strongest first, ``reason`` among them.
        sample: what was measured; None when nothing was.
        cpu_demand_cores: what the estimator thinks it needs before guards and bounds; None when it cannot say.
        memory_demand_mib: the same for memory.
        cpu_bounds_cores: least and largest CPU it may be given; None when that is unknown or its CPU is not managed.
        memory_bounds_mib: the same for memory.
        rootfs: what is chosen for its root file system; None where that is not grown, or nothing can be said of it now.
        swap_bounds_mib: least and largest swap it may be given; None where swap is not sized.
    """

    vmid: int
    name: str
    node: str
    current: Allocation | None
    target: Allocation | None
    reason: Reason
    message: str
    reasons: tuple[Reason, ...] = ()
    sample: UsageSample | None = None
    cpu_demand_cores: float | None = None
    memory_demand_mib: float | None = None
    cpu_bounds_cores: tuple[float, float] | None = None
    memory_bounds_mib: tuple[float, float] | None = None
    rootfs: RootfsChoice | None = None
    swap_bounds_mib: tuple[float, float] | None = None

    @property
    def is_change(self) -> bool:
        """Return whether a size of CPU, memory or swap is to be written."""
        return self.current is not None and self.target is not None and self.current != self.target

    @property
    def grows_rootfs(self) -> bool:
        """Return whether its root file system is to grow."""
        return self.rootfs is not None and self.rootfs.is_change
