# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is counted from cycle to cycle for the metrics, in a note of the state: each run of the timer is a new process.

Changes are counted from the journal, which survives everything; failures, kills and cycles as they happen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...policy.node_room import free_memory_mib, node_room
from ...policy.settings.policy import PolicySettings
from ...ports import StateStore
from ..parts import CycleResult

NOTE = "metrics"

# Name of a counter -> what is counted under it -> how often; of one container.
Counts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted since the state was made.

    Attributes:
        containers: by vmid: ``changes`` by reason, ``failures`` by reason, ``ooms`` by ``own`` and ``foreign``.
        totals: ``changes``, ``failures``, ``ooms_own`` and ``ooms_foreign`` of all containers, of those that are gone as well: a counter never falls.
        cycles: ``done`` and ``failed``.
        counted_change: every change of the journal up to this number is counted, but for the open ones.
        open_changes: changes below that number which had not ended.
        last: figures of the last cycle that came to its end.
    """

    containers: Mapping[int, Counts] = field(default_factory=dict)
    totals: Mapping[str, int] = field(default_factory=dict)
    cycles: Mapping[str, int] = field(default_factory=dict)
    counted_change: int = 0
    open_changes: tuple[int, ...] = ()
    last: Mapping[str, float] = field(default_factory=dict)


def read_tally(state: StateStore) -> Tally:
    """Return what was counted; what is missing or damaged counts from zero, which Prometheus takes for a restart."""
    note = state.read_note(NOTE) or {}
    try:
        containers = {
            int(vmid): {kind: {str(key): int(count) for key, count in counts.items()} for kind, counts in kinds.items()}
            for vmid, kinds in note["containers"].items()
        }
        return Tally(
            containers,
            {str(key): int(count) for key, count in note["totals"].items()},
            {str(key): int(count) for key, count in note["cycles"].items()},
            int(note["counted_change"]),
            tuple(int(number) for number in note["open_changes"]),
            {str(key): float(value) for key, value in note["last"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return Tally()


def count_cycle(state: StateStore, result: CycleResult, policy: PolicySettings, now: float) -> Tally:
    """Count a cycle that came to its end, and keep it; containers that are gone from the node are forgotten.

    Args:
        state: where the tally and the journal are.
        result: of the cycle.
        policy: the general one, for the node's reserve.
        now: seconds since 1970.
    """
    tally = _with_changes(read_tally(state), state)
    found: list[tuple[int, str, str, int]] = []
    for outcome in (*result.settled, *result.outcomes):
        if outcome.is_failed and outcome.vmid is not None:
            found.append((outcome.vmid, "failures", str(outcome.reason), 1))
    for decision in result.decisions:
        if decision.sample is not None:
            found.append((decision.vmid, "ooms", "own", decision.sample.own_oom_kills or 0))
            found.append((decision.vmid, "ooms", "foreign", decision.sample.foreign_oom_kills or 0))
    present = {decision.vmid for decision in result.decisions}
    tally = _added(tally, found)
    kept = {vmid: counts for vmid, counts in tally.containers.items() if vmid in present}
    tally = replace(tally, containers=kept, cycles=_one_more(tally.cycles, "done"), last=_last(result, policy))
    _write(state, tally, now)
    return tally


def count_failed_cycle(state: StateStore, now: float) -> Tally:
    """Count a cycle that failed as a whole, and keep it."""
    tally = _with_changes(read_tally(state), state)
    tally = replace(tally, cycles=_one_more(tally.cycles, "failed"))
    _write(state, tally, now)
    return tally


def _with_changes(tally: Tally, state: StateStore) -> Tally:
    """Return the tally with the changes of the journal that it has not counted yet."""
    first = min((*tally.open_changes, tally.counted_change + 1))
    waiting = {change["change_id"]: change for change in _changes_from(state, first)}
    news = {number: change for number, change in waiting.items() if number > tally.counted_change or number in tally.open_changes}
    ended = [change for change in news.values() if change["outcome"] is not None]
    found = [(int(change["vmid"]), "changes", str(change["reason"]), 1) for change in ended if change["outcome"].get("changed")]
    return replace(
        _added(tally, found),
        counted_change=max((tally.counted_change, *news)),
        open_changes=tuple(sorted(number for number, change in news.items() if change["outcome"] is None)),
    )


def _changes_from(state: StateStore, first: int) -> Iterable[Mapping[str, Any]]:
    """Return the changes from this number on. The journal gives the newest, so as many are asked for as reach back to it."""
    limit = 20
    while True:
        changes = state.read_changes(limit=limit)
        if len(changes) < limit or changes[-1]["change_id"] <= first:
            return changes
        limit *= 8


def _added(tally: Tally, found: Iterable[tuple[int, str, str, int]]) -> Tally:
    """Return the tally with what was found: vmid, counter, key, how often."""
    containers: dict[int, dict[str, dict[str, int]]] = {
        vmid: {kind: dict(counts) for kind, counts in kinds.items()} for vmid, kinds in tally.containers.items()
    }
    totals = dict(tally.totals)
    for vmid, kind, key, count in found:
        if count:
            counts = containers.setdefault(vmid, {}).setdefault(kind, {})
            counts[key] = counts.get(key, 0) + count
            total = f"{kind}_{key}" if kind == "ooms" else kind
            totals[total] = totals.get(total, 0) + count
    return replace(tally, containers=dict(containers), totals=totals)


def _one_more(counts: Mapping[str, int], key: str) -> dict[str, int]:
    return {**counts, key: counts.get(key, 0) + 1}


def _last(result: CycleResult, policy: PolicySettings) -> dict[str, float]:
    """Return the figures of a cycle that the state has nowhere else; what was not measured is left out."""
    figures: dict[str, float | None] = {"duration_seconds": result.duration_seconds, "requests": result.request_count}
    if result.host is not None:
        # The sum of limits is another budget; what is shown here is memory.
        room = node_room(result.host, replace(policy, overcommit_ratio=None), 0.0)
        figures |= {
            "memory_total_mib": result.host.memory_total_mib,
            "memory_available_mib": result.host.usage.memory_available_mib,
            "memory_free_mib": free_memory_mib(result.host),
            "memory_head_room_mib": room.growth_mib,
            "memory_full_percent": result.host.usage.memory_full_percent,
            "cpu_pressure_percent": result.host.usage.cpu_pressure_percent,
            "cpus": result.host.cpus,
        }
    return {name: float(value) for name, value in figures.items() if value is not None}


def _write(state: StateStore, tally: Tally, now: float) -> None:
    values = {
        "containers": {str(vmid): counts for vmid, counts in tally.containers.items()},
        "totals": tally.totals,
        "cycles": tally.cycles,
        "counted_change": tally.counted_change,
        "open_changes": list(tally.open_changes),
        "last": tally.last,
    }
    state.write_note(NOTE, values, now)
