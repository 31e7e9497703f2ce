# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the policy remembers about one container: small, bounded, and readable after an upgrade.

Missing or damaged parts read as "nothing known", which makes the container grow-only again: never as "no use seen".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from ..model.allocation import Allocation
from .contest import Contest, contest_from_dict, contest_to_dict
from .hold import Hold, hold_from_dict, hold_to_dict
from .kept_values import allocation_from_dict, allocation_to_dict, mapping_from, numbers_from, numbers_of, times_from
from .loan import Boost, Saving, boost_from_dict, boost_to_dict, saving_from_dict, saving_to_dict
from .probation import Probation, probation_from_dict, probation_to_dict
from .resource_memory import CpuMemory, MemoryMemory, cpu_from_dict, cpu_to_dict, ram_from_dict, ram_to_dict
from .season import Season, season_from_dict, season_to_dict
from .settings.policy import PolicySettings
from .swap_use import SwapUse

if TYPE_CHECKING:
    from .rootfs_memory import RootfsMemory
    from .swap_memory import SwapMemory


@dataclass(frozen=True, slots=True)
class ContainerMemory:
    """Everything that is remembered about one container.

    Attributes:
        cpu: see CpuMemory.
        memory: see MemoryMemory.
        identity: of its configuration; empty before that was first read.
        node: where it was last seen.
        baseline: what was found at adoption, or set by an operator since; None before the configuration was first read.
        known: what it had when we last looked or wrote; a difference to it is somebody else's work.
        hold: why and until when it is left to people (hold.py); None when it is not.
        grow_only_until_seconds: until when it is only grown (after a move from another node).
        probation: whether memory was taken away a moment ago, and how that went before.
        contest: what became of our own writes.
        swap: see SwapUse.
        cpu_changed_seconds: when its CPU was last changed, by us or by somebody else; 0 for never.
        apart_since_seconds: since when its limits in force are not those of its configuration; 0 while they
            are, and a time to come after a try to put them back has failed.
        learnt_seconds: time of observation behind all this, gaps left out.
        recorded_seconds: time before it that Proxmox's own records tell of, for the CPU only (past.py).
        records_read_seconds: when they were read; 0 for never.
        last_sample_seconds: end of the last interval learnt from; 0 for none.
        last_uptime_seconds: uptime at the last look; 0 for none.
        last_look_seconds: when ``last_uptime_seconds`` was first seen.
        boost: a raise for a time, or what is left of it to take back; None when there is none.
        saving: hours in which energy is saved, or what is left to give back; None when there is none.
        season: its week; None where it is not kept.
        write_times: when we changed it, seconds since 1970, oldest first, those of the last day only.
        rootfs: of its root file system; None where that is not grown.
        swap_sizing: of the sizing of its swap; None where that is not sized, and so no key of ours.
    """

    cpu: CpuMemory
    memory: MemoryMemory
    identity: str = ""
    node: str = ""
    baseline: Allocation | None = None
    known: Allocation | None = None
    hold: Hold | None = None
    grow_only_until_seconds: float = 0.0
    learnt_seconds: float = 0.0
    recorded_seconds: float = 0.0
    records_read_seconds: float = 0.0
    last_sample_seconds: float = 0.0
    last_uptime_seconds: float = 0.0
    last_look_seconds: float = 0.0
    write_times: tuple[float, ...] = ()
    boost: Boost | None = None
    saving: Saving | None = None
    season: Season | None = None
    probation: Probation = Probation()
    contest: Contest = Contest()
    swap: SwapUse = SwapUse()
    cpu_changed_seconds: float = 0.0
    apart_since_seconds: float = 0.0
    rootfs: RootfsMemory | None = None
    swap_sizing: SwapMemory | None = None

    def with_changes(self, **changes: Any) -> ContainerMemory:
        """Return the same with some fields changed: as ``replace`` does it, in half the time, because every pass does it for every container."""
        values = list(_VALUES(self))
        for name, value in changes.items():
            values[_PLACES[name]] = value
        return ContainerMemory(*values)


_PLACES = {field.name: place for place, field in enumerate(fields(ContainerMemory))}
_VALUES = attrgetter(*_PLACES)


def new_memory(settings: PolicySettings) -> ContainerMemory:
    """Return the memory of a container that was never seen."""
    return memory_from_dict({}, settings)


def memory_to_dict(memory: ContainerMemory) -> dict[str, Any]:
    """Return JSON's types, about 2 KiB of them."""
    shown = {
        "cpu": cpu_to_dict(memory.cpu),
        "memory": ram_to_dict(memory.memory),
        "identity": memory.identity,
        "node": memory.node,
        "baseline": allocation_to_dict(memory.baseline),
        "known": allocation_to_dict(memory.known),
        "hold": hold_to_dict(memory.hold),
        "write_times": list(memory.write_times),
        "boost": boost_to_dict(memory.boost),
        "saving": saving_to_dict(memory.saving),
        "season": season_to_dict(memory.season),
        "probation": probation_to_dict(memory.probation),
        "contest": contest_to_dict(memory.contest),
        "swap": numbers_of(memory.swap),
        **numbers_of(memory),
    }
    if memory.swap_sizing is not None:
        shown["swap_sizing"] = memory.swap_sizing.to_dict()
    return shown if memory.rootfs is None else {**shown, "rootfs": memory.rootfs.to_dict()}


def memory_from_dict(values: Mapping[str, Any], settings: PolicySettings) -> ContainerMemory:
    """Return the memory of ``memory_to_dict``; each part that is missing or damaged is empty."""
    return ContainerMemory(
        cpu=cpu_from_dict(mapping_from(values.get("cpu")), settings),
        memory=ram_from_dict(mapping_from(values.get("memory")), settings),
        identity=str(values.get("identity", "")),
        node=str(values.get("node", "")),
        baseline=allocation_from_dict(values.get("baseline")),
        known=allocation_from_dict(values.get("known")),
        hold=hold_from_dict(values),
        write_times=times_from(values.get("write_times")),
        boost=boost_from_dict(values.get("boost")),
        saving=saving_from_dict(values.get("saving")),
        season=season_from_dict(values.get("season")),
        probation=probation_from_dict(mapping_from(values.get("probation"))),
        contest=contest_from_dict(values.get("contest")),
        swap=SwapUse(**numbers_from(SwapUse, mapping_from(values.get("swap")))),
        rootfs=_rootfs(values["rootfs"]) if isinstance(values.get("rootfs"), Mapping) else None,
        swap_sizing=_swap_sizing(values["swap_sizing"], settings) if isinstance(values.get("swap_sizing"), Mapping) else None,
        **numbers_from(ContainerMemory, values),
    )


def _rootfs(values: Mapping[str, Any]) -> RootfsMemory:
    # Imported here, because hardly any container has its disk grown and every cycle would start later.
    from .rootfs_memory import RootfsMemory

    return RootfsMemory.from_dict(values)


def _swap_sizing(values: Mapping[str, Any], settings: PolicySettings) -> SwapMemory:
    # Imported here for the same reason.
    from .swap_memory import SwapMemory

    return SwapMemory.from_dict(values, settings)
