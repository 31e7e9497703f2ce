# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the policy remembers about each of a container's two resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .cpu_headroom import HeadRoom
from .histogram import DecayingHistogram
from .kept_values import list_from, mapping_from, numbers_from, numbers_of, times_from
from .memory_room import Surprise, surprises_from_list
from .settings.policy import PolicySettings
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


def cpu_to_dict(cpu: CpuMemory) -> dict[str, Any]:
    """Return JSON's types."""
    return {
        "histogram": cpu.histogram.to_dict(),
        "head_room": cpu.head_room.to_dict(),
        "recent": cpu.recent.to_list(),
        "targets": cpu.targets.to_list(),
        **numbers_of(cpu),
    }


def cpu_from_dict(values: Mapping[str, Any], settings: PolicySettings) -> CpuMemory:
    """Return what ``cpu_to_dict`` made; each part that is missing or damaged is empty."""
    return CpuMemory(
        histogram=DecayingHistogram.from_dict(mapping_from(values.get("histogram")), settings.cpu_half_life_seconds),
        head_room=HeadRoom.from_dict(mapping_from(values.get("head_room")), settings.cpu_head_room_half_life_seconds),
        recent=WindowMaximum.from_list(list_from(values.get("recent")), settings.cpu_recent_window_seconds),
        targets=WindowMaximum.from_list(list_from(values.get("targets")), settings.cpu_shrink_wait_seconds),
        **numbers_from(CpuMemory, values),
    )


def ram_to_dict(memory: MemoryMemory) -> dict[str, Any]:
    """Return JSON's types."""
    return {
        **{name: getattr(memory, name).to_list() for name in ("recent", "held", "lows", "rises", "targets")},
        "surprises": [[one.time_seconds, round(one.excess_mib, 4), round(one.limit_mib, 4)] for one in memory.surprises],
        "oom_times": list(memory.oom_times),
        **numbers_of(memory),
    }


def ram_from_dict(values: Mapping[str, Any], settings: PolicySettings) -> MemoryMemory:
    """Return what ``ram_to_dict`` made; each part that is missing or damaged is empty."""
    return MemoryMemory(
        recent=WindowMaximum.from_list(list_from(values.get("recent")), settings.memory_recent_window_seconds),
        held=WindowMaximum.from_list(list_from(values.get("held")), settings.memory_shrink_wait_seconds),
        lows=WindowMaximum.from_list(list_from(values.get("lows")), settings.memory_rise_window_seconds),
        rises=WindowMaximum.from_list(list_from(values.get("rises")), settings.memory_long_window_seconds),
        targets=WindowMaximum.from_list(list_from(values.get("targets")), settings.memory_shrink_wait_seconds),
        surprises=surprises_from_list(list_from(values.get("surprises"))),
        oom_times=times_from(values.get("oom_times")),
        **numbers_from(MemoryMemory, values),
    )
