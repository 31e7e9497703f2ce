# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report says, before it is a page: of each loop, and of each container that it manages. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...model.form import cpu_of, format_allocation
from ...policy.demand import DemandRow
from ...policy.hold import describe_hold
from ...policy.kept_values import allocation_from_dict
from ..terminal.status_text import Status, format_status
from ..terminal.words import say_boost
from .limits import Stretch, find_stretches, is_resize, limited_hours, saved

# Nobody asked for them to be sized, so they are counted and nothing else.
UNMANAGED_REASONS = frozenset({"not_selected", "template"})

_TIMEFRAME_SECONDS = {"day": 86400.0, "week": 7 * 86400.0, "month": 30 * 86400.0}


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was read of one loop.

    Attributes:
        status: see Status.
        memories: as the state keeps them, by vmid.
        changes: of the window, newest first, as the state keeps them.
        kills: vmid -> processes killed by ``own`` limit and for ``foreign`` reasons, since the loop counts.
        began_seconds: when the loop's first run began; None before it.
        records: vmid -> what Proxmox recorded; absent when that was not read.
        problem: why records are missing; empty when they are not.
    """

    status: Status
    memories: Mapping[int, Mapping[str, Any]]
    changes: Sequence[Mapping[str, Any]]
    kills: Mapping[int, Mapping[str, int]]
    began_seconds: float | None
    records: Mapping[int, Sequence[DemandRow]]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ContainerReport:
    """One container.

    Attributes:
        decision: the last one, as the state keeps it.
        found: what it had at adoption, with Proxmox's keys; empty when that is not known.
        has: what it has now; empty when that is not known.
        stretches: its sizes over the window, from the loop's first run on.
        rows: what Proxmox recorded, oldest first.
        changes: of the window, oldest first.
        left_to_people: why it is held; empty when it is not.
        boost: what it is lent; empty when nothing is.
        own_kills: processes killed by its own limit since the loop counts; None when nothing was counted.
        foreign_kills: for another reason.
        saved_core_hours: within the window, against what was found; None when not known.
        saved_gib_hours: likewise.
        cpu_limited_hours: rows of the records in which the highest use came to the CPU limit, in hours; None when nothing was recorded.
        memory_limited_hours: the same of memory.
    """

    decision: Mapping[str, Any]
    found: Mapping[str, Any]
    has: Mapping[str, Any]
    stretches: Sequence[Stretch]
    rows: Sequence[DemandRow]
    changes: Sequence[Mapping[str, Any]]
    left_to_people: str
    boost: str
    own_kills: int | None
    foreign_kills: int | None
    saved_core_hours: float | None
    saved_gib_hours: float | None
    cpu_limited_hours: float | None
    memory_limited_hours: float | None

    @property
    def vmid(self) -> int:
        """Return its id."""
        return int(self.decision["vmid"])

    @property
    def name(self) -> str:
        """Return its name."""
        return str(self.decision["name"])


@dataclass(frozen=True, slots=True)
class LoopReport:
    """One node's loop.

    Attributes:
        status: see Status.
        containers: those that it manages, by ascending vmid.
        unmanaged_count: how many others there are.
        changes: of the window, newest first.
        problem: why Proxmox's records are missing; empty when they are not.
    """

    status: Status
    containers: Sequence[ContainerReport]
    unmanaged_count: int
    changes: Sequence[Mapping[str, Any]]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The whole.

    Attributes:
        loops: at least one.
        timeframe: day, week or month.
        begin_seconds: of the window.
        end_seconds: now.
    """

    loops: Sequence[LoopReport]
    timeframe: str
    begin_seconds: float
    end_seconds: float

    @property
    def containers(self) -> list[ContainerReport]:
        """Return those of all loops."""
        return [container for loop in self.loops for container in loop.containers]

    @property
    def axis_begin_seconds(self) -> float:
        """Return from when on there is something to draw; the begin of the window where there is nothing at all."""
        rows = [one.rows[0].time_seconds - one.rows[0].interval_seconds for one in self.containers if one.rows]
        stretches = [one.stretches[0].begin_seconds for one in self.containers if one.stretches]
        return max(self.begin_seconds, min((*rows, *stretches), default=self.begin_seconds))


def window_begin(timeframe: str, now: float) -> float:
    """Return when the window of a timeframe begins: a day before now for ``day``."""
    return now - _TIMEFRAME_SECONDS[timeframe]


def make_report(gathered: Sequence[Gathered], timeframe: str, now: float) -> Report:
    """Return the report of some loops for the time up to now."""
    begin = window_begin(timeframe, now)
    return Report(tuple(_loop(one, begin, now) for one in gathered), timeframe, begin, now)


def _loop(gathered: Gathered, begin: float, now: float) -> LoopReport:
    status = gathered.status
    # Decisions of containers that are gone stay in the state; those of one run belong together.
    newest = max((decision["run_id"] for decision in status.decisions), default=0)
    present = [decision for decision in status.decisions if decision["run_id"] == newest]
    managed = [decision for decision in present if decision["reason"] not in UNMANAGED_REASONS]
    containers = tuple(_container(decision, gathered, begin, now) for decision in managed)
    return LoopReport(status, containers, len(present) - len(managed), tuple(gathered.changes), gathered.problem)


def _container(decision: Mapping[str, Any], gathered: Gathered, begin: float, now: float) -> ContainerReport:
    vmid, status = int(decision["vmid"]), gathered.status
    changes = sorted((change for change in gathered.changes if change["vmid"] == vmid), key=lambda change: float(change["begun"]))
    done = [change for change in changes if is_resize(change)]
    memory = (gathered.memories.get(vmid) or {}).get("memory")
    found = format_allocation(allocation_from_dict(memory.get("baseline") if isinstance(memory, Mapping) else None))
    has = _has_now(decision, done)
    # Before its first run the loop cannot say what a container was allowed.
    since = max(begin, gathered.began_seconds) if gathered.began_seconds is not None else now
    stretches = find_stretches(changes, has, min(since, now), now)
    rows = [row for row in gathered.records.get(vmid, ()) if row.time_seconds > begin]
    memory_found = found.get("memory")
    core_hours, gib_hours = saved(stretches, cpu_of(found), None if memory_found is None else float(memory_found))
    held, boost, kills = status.holds.get(vmid), status.boosts.get(vmid), gathered.kills.get(vmid)
    cpu_hours, memory_hours = limited_hours(rows, stretches)
    return ContainerReport(
        decision=decision,
        found=found,
        has=has,
        stretches=tuple(stretches),
        rows=tuple(rows),
        changes=tuple(changes),
        left_to_people="" if held is None else f"{held.reason}: {describe_hold(held, vmid, now)}",
        boost="" if boost is None else say_boost(boost, now),
        own_kills=None if kills is None else kills.get("own", 0),
        foreign_kills=None if kills is None else kills.get("foreign", 0),
        saved_core_hours=core_hours,
        saved_gib_hours=gib_hours,
        cpu_limited_hours=cpu_hours,
        memory_limited_hours=memory_hours,
    )


def _has_now(decision: Mapping[str, Any], done: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return what a container has: what the last cycle found, or what was written after it had looked."""
    last = done[-1] if done else None
    if last is not None and (last["run_id"] == decision["run_id"] or float(last["begun"]) >= float(decision["time"])):
        return dict(last["outcome"].get("after") or last["target"])
    return dict(decision["before"])


def format_report(report: Report) -> dict[str, Any]:
    """Return the same for ``--json``."""
    return {
        "timeframe": report.timeframe,
        "begin": report.begin_seconds,
        "end": report.end_seconds,
        "loops": [_format_loop(loop) for loop in report.loops],
    }


def _format_loop(loop: LoopReport) -> dict[str, Any]:
    status = {key: value for key, value in format_status(loop.status).items() if key not in ("decisions", "changes")}
    containers = [_format_container(container) for container in loop.containers]
    return {**status, "problem": loop.problem, "unmanaged": loop.unmanaged_count, "containers": containers}


def _format_container(container: ContainerReport) -> dict[str, Any]:
    names = ("left_to_people", "boost", "own_kills", "foreign_kills", "saved_core_hours", "saved_gib_hours", "cpu_limited_hours", "memory_limited_hours")
    return {
        "vmid": container.vmid,
        "name": container.name,
        "found": dict(container.found),
        "has": dict(container.has),
        **{name: getattr(container, name) for name in names},
        "decision": dict(container.decision),
        "changes": [dict(change) for change in container.changes],
        "limits": [asdict(stretch) for stretch in container.stretches],
        "usage": [asdict(row) for row in container.rows],
    }
