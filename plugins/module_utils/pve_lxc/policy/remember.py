# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the policy remembers about one container: small, bounded, and readable after an upgrade.

Missing or damaged parts read as "nothing known", which makes the container grow-only again: never as "no use seen".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..model.allocation import Allocation
from .contest import Contest, contest_from_dict, contest_to_dict
from .cpu_headroom import HeadRoom
from .histogram import DecayingHistogram
from .hold import Hold, hold_from_dict, hold_to_dict
from .kept_values import allocation_from_dict, allocation_to_dict, list_from, mapping_from, numbers_from, numbers_of, times_from
from .loan import Boost, Saving, boost_from_dict, boost_to_dict, saving_from_dict, saving_to_dict
from .memory_room import Surprise, surprises_from_list
from .probation import Probation, probation_from_dict, probation_to_dict
from .season import Season, season_from_dict, season_to_dict
from .settings import PolicySettings
from .swap_use import SwapUse
from .window import WindowMaximum


@dataclass(frozen=True, slots=True)
class CpuMemory:
    """What was learnt about a container's CPU.

    Attributes:
        histogram: of the use, in cores.
        head_room: how much it rises above its recent use.
        mean_cores: decaying mean of the average use.
        mean_weight_seconds: how much that mean stands on.
        recent: the use, in cores.
        targets: the targets, in cores, before bounds.
        saturated_until_seconds: until when the answer to a saturation is kept; 0 when there is none.
        saturated_target_cores: that answer.
        tolerance_share: share of time that may lie above the limit, from the mean before the newest sample.
        largest_cores: the largest CPU it may be given.
    """

    histogram: DecayingHistogram
    head_room: HeadRoom
    recent: WindowMaximum
    targets: WindowMaximum
    mean_cores: float = 0.0
    mean_weight_seconds: float = 0.0
    saturated_until_seconds: float = 0.0
    saturated_target_cores: float = 0.0
    tolerance_share: float = 0.0
    largest_cores: float = 0.0

    def with_target(self, now: float, target_cores: float) -> CpuMemory:
        """Return the same with one target more."""
        return CpuMemory(
            self.histogram,
            self.head_room,
            self.recent,
            self.targets.added(now, target_cores),
            self.mean_cores,
            self.mean_weight_seconds,
            self.saturated_until_seconds,
            self.saturated_target_cores,
            self.tolerance_share,
            self.largest_cores,
        )


@dataclass(frozen=True, slots=True)
class MemoryMemory:
    """What was learnt about a container's memory.

    Attributes:
        recent: the use, in MiB.
        held: the same over the window that a shrink waits.
        lows: the use with its sign turned, so that its largest is the least use.
        rises: how much the use rose, in MiB.
        targets: the targets, in MiB, before bounds.
        surprises: climbs that a limit without room would not have borne, oldest first.
        oom_times: when its own limit killed, seconds since 1970, oldest first, only those still held against shrinking.
        last_shrink_seconds: when memory was last taken away; 0 for never.
        observed_seconds: time of observation, decaying as the surprises do.
        room_mib: how much room it is left to rise into.
        room_time_seconds: when that was chosen; 0 for never.
    """

    recent: WindowMaximum
    held: WindowMaximum
    lows: WindowMaximum
    rises: WindowMaximum
    targets: WindowMaximum
    surprises: tuple[Surprise, ...] = ()
    oom_times: tuple[float, ...] = ()
    last_shrink_seconds: float = 0.0
    observed_seconds: float = 0.0
    room_mib: float = 0.0
    room_time_seconds: float = 0.0

    def with_target(self, now: float, target_mib: float) -> MemoryMemory:
        """Return the same with one target more."""
        return MemoryMemory(
            self.recent,
            self.held,
            self.lows,
            self.rises,
            self.targets.added(now, target_mib),
            self.surprises,
            self.oom_times,
            self.last_shrink_seconds,
            self.observed_seconds,
            self.room_mib,
            self.room_time_seconds,
        )


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


def new_memory(settings: PolicySettings) -> ContainerMemory:
    """Return the memory of a container that was never seen."""
    return memory_from_dict({}, settings)


def memory_to_dict(memory: ContainerMemory) -> dict[str, Any]:
    """Return JSON's types, about 2 KiB of them."""
    return {
        "cpu": {
            "histogram": memory.cpu.histogram.to_dict(),
            "head_room": memory.cpu.head_room.to_dict(),
            "recent": memory.cpu.recent.to_list(),
            "targets": memory.cpu.targets.to_list(),
            **numbers_of(memory.cpu),
        },
        "memory": {
            **{name: getattr(memory.memory, name).to_list() for name in ("recent", "held", "lows", "rises", "targets")},
            "surprises": [[one.time_seconds, round(one.excess_mib, 4), round(one.limit_mib, 4)] for one in memory.memory.surprises],
            "oom_times": list(memory.memory.oom_times),
            **numbers_of(memory.memory),
        },
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


def memory_from_dict(values: Mapping[str, Any], settings: PolicySettings) -> ContainerMemory:
    """Return the memory of ``memory_to_dict``; each part that is missing or damaged is empty."""
    cpu = mapping_from(values.get("cpu"))
    memory = mapping_from(values.get("memory"))
    long_window = settings.memory_long_window_seconds
    read = ContainerMemory(
        cpu=CpuMemory(
            histogram=DecayingHistogram.from_dict(mapping_from(cpu.get("histogram")), settings.cpu_half_life_seconds),
            head_room=HeadRoom.from_dict(mapping_from(cpu.get("head_room")), settings.cpu_head_room_half_life_seconds),
            recent=WindowMaximum.from_list(list_from(cpu.get("recent")), settings.cpu_recent_window_seconds),
            targets=WindowMaximum.from_list(list_from(cpu.get("targets")), settings.cpu_shrink_wait_seconds),
        ),
        memory=MemoryMemory(
            recent=WindowMaximum.from_list(list_from(memory.get("recent")), settings.memory_recent_window_seconds),
            held=WindowMaximum.from_list(list_from(memory.get("held")), settings.memory_shrink_wait_seconds),
            lows=WindowMaximum.from_list(list_from(memory.get("lows")), settings.memory_rise_window_seconds),
            rises=WindowMaximum.from_list(list_from(memory.get("rises")), long_window),
            targets=WindowMaximum.from_list(list_from(memory.get("targets")), settings.memory_shrink_wait_seconds),
            surprises=surprises_from_list(list_from(memory.get("surprises"))),
            oom_times=times_from(memory.get("oom_times")),
        ),
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
        swap=SwapUse(**numbers_from(SwapUse(), mapping_from(values.get("swap")))),
    )
    return replace(
        read,
        cpu=replace(read.cpu, **numbers_from(read.cpu, cpu)),
        memory=replace(read.memory, **numbers_from(read.memory, memory)),
        **numbers_from(read, values),
    )
