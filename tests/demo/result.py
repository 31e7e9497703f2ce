# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo measured, container by container: from the simulator, which knows what was wanted and what was had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class Row:
    """One container's two days.

    Attributes:
        cores_before: cpulimit at the start, in cores.
        core_hours_saved: what it was given at the start, less what it was given over time; negative when it needed more.
        gib_hours_saved: the same for memory.
        unmet_percent: CPU work that had to wait, of all that was wanted.
        oom_kills: processes killed because the memory did not suffice.
        changes: writes of the loop.
        cores_last_day: what it was allowed on average over the last day, in cores.
        memory_last_day_mib: the same for memory.
    """

    vmid: int
    name: str
    node: str
    cores_before: float
    cores_after: float
    memory_before_mib: int
    memory_after_mib: int
    core_hours_saved: float
    gib_hours_saved: float
    cores_last_day: float
    memory_last_day_mib: float
    unmet_percent: float
    oom_kills: int
    changes: int


def cpu_of(guest: Mapping[str, Any]) -> float:
    """Return the CPU time a container may use, in cores: the smaller of cores and cpulimit."""
    config = guest["config"]
    return min(float(config.get("cores", 1e9)), float(config.get("cpulimit") or 1e9))


def make_row(states: tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]], hours: tuple[float, float], changes: int) -> Row:
    """Return one container's result.

    Given 4 cores for 48 hours it would have had 192 core-hours; had it 60 over time, 132 are saved.

    Args:
        states: the simulator's, at the start, when the last day began, and at the end.
        hours: length of the whole, and of its last day, which is shorter in a shorter demo.
        changes: writes of the loop.
    """
    before, middle, after = states
    core_hours = after["allocated_core_hours"] - before["allocated_core_hours"]
    gib_hours = after["allocated_gib_hours"] - before["allocated_gib_hours"]
    all_hours, last_hours = hours
    wanted = after["demand_core_seconds"] - before["demand_core_seconds"]
    unmet = after["unmet_core_seconds"] - before["unmet_core_seconds"]
    memory_before = int(before["config"]["memory"])
    return Row(
        vmid=after["vmid"],
        name=after["name"],
        node=after["node"],
        cores_before=cpu_of(before),
        cores_after=cpu_of(after),
        memory_before_mib=memory_before,
        memory_after_mib=int(after["config"]["memory"]),
        core_hours_saved=cpu_of(before) * all_hours - core_hours,
        gib_hours_saved=memory_before / 1024 * all_hours - gib_hours,
        cores_last_day=(after["allocated_core_hours"] - middle["allocated_core_hours"]) / last_hours,
        memory_last_day_mib=(after["allocated_gib_hours"] - middle["allocated_gib_hours"]) / last_hours * 1024,
        unmet_percent=100 * unmet / wanted if wanted else 0.0,
        oom_kills=after["oom_kills"] - before["oom_kills"],
        changes=changes,
    )


@dataclass(frozen=True)
class Totals:
    """All containers together.

    Attributes:
        cores_before: given at the start.
        cores_last_day: given on average over the last day.
    """

    cores_before: float
    cores_last_day: float
    memory_before_mib: float
    memory_last_day_mib: float
    core_hours_saved: float
    gib_hours_saved: float
    oom_kills: int
    changes: int

    @property
    def cpu_freed_percent(self) -> float:
        """Return how much less CPU was given on the last day; 98 cores at the start and 49 are 50 %."""
        return 100 * (1 - self.cores_last_day / self.cores_before)

    @property
    def memory_freed_percent(self) -> float:
        """Return how much less memory was given on the last day."""
        return 100 * (1 - self.memory_last_day_mib / self.memory_before_mib)


def add_up(rows: list[Row]) -> Totals:
    """Return the sums."""
    return Totals(
        cores_before=sum(row.cores_before for row in rows),
        cores_last_day=sum(row.cores_last_day for row in rows),
        memory_before_mib=sum(row.memory_before_mib for row in rows),
        memory_last_day_mib=sum(row.memory_last_day_mib for row in rows),
        core_hours_saved=sum(row.core_hours_saved for row in rows),
        gib_hours_saved=sum(row.gib_hours_saved for row in rows),
        oom_kills=sum(row.oom_kills for row in rows),
        changes=sum(row.changes for row in rows),
    )
