# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the policy remembers about one container: small, bounded, and readable after an upgrade.

Missing or damaged parts read as "nothing known", which makes the container grow-only again: never as "no use seen".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from ..model.allocation import Allocation
from .cpu_headroom import HeadRoom
from .histogram import DecayingHistogram
from .memory_room import Surprise, surprises_from_list
from .settings import PolicySettings
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
        paused_until_seconds: until when an operator's own change is left alone.
        grow_only_until_seconds: until when it is only grown (after a move from another node).
        learnt_seconds: time of observation behind all this, gaps left out.
        last_sample_seconds: end of the last interval learnt from; 0 for none.
        last_uptime_seconds: uptime at the last look; 0 for none.
        last_look_seconds: when ``last_uptime_seconds`` was first seen.
    """

    cpu: CpuMemory
    memory: MemoryMemory
    identity: str = ""
    node: str = ""
    baseline: Allocation | None = None
    known: Allocation | None = None
    paused_until_seconds: float = 0.0
    grow_only_until_seconds: float = 0.0
    learnt_seconds: float = 0.0
    last_sample_seconds: float = 0.0
    last_uptime_seconds: float = 0.0
    last_look_seconds: float = 0.0


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
            **_numbers_of(memory.cpu),
        },
        "memory": {
            **{name: getattr(memory.memory, name).to_list() for name in ("recent", "held", "lows", "rises", "targets")},
            "surprises": [[one.time_seconds, round(one.excess_mib, 4), round(one.limit_mib, 4)] for one in memory.memory.surprises],
            "oom_times": list(memory.memory.oom_times),
            **_numbers_of(memory.memory),
        },
        "identity": memory.identity,
        "node": memory.node,
        "baseline": allocation_to_dict(memory.baseline),
        "known": allocation_to_dict(memory.known),
        **_numbers_of(memory),
    }


def memory_from_dict(values: Mapping[str, Any], settings: PolicySettings) -> ContainerMemory:
    """Return the memory of ``memory_to_dict``; each part that is missing or damaged is empty."""
    cpu = _mapping(values.get("cpu"))
    memory = _mapping(values.get("memory"))
    long_window = settings.memory_long_window_seconds
    read = ContainerMemory(
        cpu=CpuMemory(
            histogram=DecayingHistogram.from_dict(_mapping(cpu.get("histogram")), settings.cpu_half_life_seconds),
            head_room=HeadRoom.from_dict(_mapping(cpu.get("head_room")), settings.cpu_head_room_half_life_seconds),
            recent=WindowMaximum.from_list(_list(cpu.get("recent")), settings.cpu_recent_window_seconds),
            targets=WindowMaximum.from_list(_list(cpu.get("targets")), settings.cpu_shrink_wait_seconds),
        ),
        memory=MemoryMemory(
            recent=WindowMaximum.from_list(_list(memory.get("recent")), settings.memory_recent_window_seconds),
            held=WindowMaximum.from_list(_list(memory.get("held")), settings.memory_shrink_wait_seconds),
            lows=WindowMaximum.from_list(_list(memory.get("lows")), settings.memory_rise_window_seconds),
            rises=WindowMaximum.from_list(_list(memory.get("rises")), long_window),
            targets=WindowMaximum.from_list(_list(memory.get("targets")), settings.memory_shrink_wait_seconds),
            surprises=surprises_from_list(_list(memory.get("surprises"))),
            oom_times=tuple(_number(time) for time in _list(memory.get("oom_times"))),
        ),
        identity=str(values.get("identity", "")),
        node=str(values.get("node", "")),
        baseline=allocation_from_dict(values.get("baseline")),
        known=allocation_from_dict(values.get("known")),
    )
    return replace(
        read,
        cpu=replace(read.cpu, **_numbers_from(read.cpu, cpu)),
        memory=replace(read.memory, **_numbers_from(read.memory, memory)),
        **_numbers_from(read, values),
    )


def allocation_to_dict(allocation: Allocation | None) -> dict[str, Any] | None:
    """Return field -> value, with None for an absent key; None for no allocation."""
    return None if allocation is None else dict(allocation.items())


def allocation_from_dict(values: Any) -> Allocation | None:
    """Return the allocation of ``allocation_to_dict``, None when there is none or it is damaged."""
    if not isinstance(values, Mapping) or "memory_mib" not in values:
        return None
    names = {field.name for field in fields(Allocation)}
    if not all(value is None or isinstance(value, int | float) for value in values.values()):
        return None
    return Allocation(**{name: value for name, value in values.items() if name in names})


def _number_names(record: Any) -> list[str]:
    return [field.name for field in fields(record) if field.type == "float"]


def _numbers_of(record: Any) -> dict[str, float]:
    return {name: round(getattr(record, name), 6) for name in _number_names(record)}


def _numbers_from(record: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _number(values.get(name)) for name in _number_names(record)}


def _number(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else 0.0


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
