# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the loop shows to Prometheus, all of it from its state, so that ``lxc-autoscale metrics`` and each cycle say the same."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ...model.form import cpu_of
from ...ports import StateStore
from ...version import VERSION
from ..configuration.loop_config import LoopConfig
from ..notify.plan import NOTIFY_NOTE, memory_from_dict
from .tally import Tally, read_tally
from .text import Family

_MIB = 1024.0 * 1024.0

# Metric -> what it is and where it stands in the usage of a decision; factor on it.
_USAGE = (
    ("container_cpu_usage_cores", "CPU used, average since the cycle before.", "cpu_cores", 1.0),
    ("container_cpu_peak_cores", "Highest CPU use within that time.", "cpu_peak_cores", 1.0),
    ("container_memory_usage_bytes", "Memory in use: the working set on the node, Proxmox's mem over the API.", "memory_mib", _MIB),
    ("container_swap_usage_bytes", "Swap in use.", "swap_mib", _MIB),
    ("container_cpu_pressure_ratio", "Share of the time in which something waited for CPU (PSI some).", "cpu_pressure_percent", 0.01),
    ("container_cpu_throttled_ratio", "Share of the scheduling periods in which the CPU quota ran out.", "cpu_throttled_ratio", 1.0),
    ("container_memory_pressure_ratio", "Share of the time in which something waited for memory (PSI some).", "memory_pressure_percent", 0.01),
)
_LAST = (
    ("last_cycle_duration_seconds", "How long the last complete cycle took.", "duration_seconds", 1.0),
    ("last_cycle_requests", "Requests that the process had sent to Proxmox by the end of the last complete cycle.", "requests", 1.0),
    ("node_cpus", "Logical CPUs of the node.", "cpus", 1.0),
    ("node_memory_bytes", "Memory of the node.", "memory_total_mib", _MIB),
    ("node_memory_available_bytes", "Memory of the node that is available.", "memory_available_mib", _MIB),
    ("node_memory_free_bytes", "The same with what ZFS could give back.", "memory_free_mib", _MIB),
    ("node_memory_head_room_bytes", "Memory that growth may still take: what is free, less the reserve.", "memory_head_room_mib", _MIB),
    ("node_memory_full_pressure_ratio", "Share of the time in which everything on the node waited for memory (PSI full).", "memory_full_percent", 0.01),
    ("node_cpu_pressure_ratio", "Share of the time in which something on the node waited for CPU (PSI some).", "cpu_pressure_percent", 0.01),
)
_COUNTED = (
    ("container_changes_total", "Changes that were made, by reason.", "changes", "reason"),
    ("container_failures_total", "Changes that failed, by reason.", "failures", "reason"),
    ("container_ooms_total", "Kills for want of memory: by its own limit, or foreign (by the node, or by a limit inside).", "ooms", "cause"),
)


def collect(state: StateStore, config: LoopConfig) -> list[Family]:
    """Return every metric.

    Raises:
        StateError: the state cannot be read.
    """
    tally = read_tally(state)
    decisions = list(state.read_decisions().values())
    # Decisions of containers that are gone stay in the state; those of one run belong together.
    newest = max((decision["run_id"] for decision in decisions), default=0)
    present = [decision for decision in decisions if decision["run_id"] == newest]
    return [*_loop(state, config, tally, present), *_notifiers(state, config), *_containers(present, tally)]


def _loop(state: StateStore, config: LoopConfig, tally: Tally, decisions: list[dict[str, Any]]) -> list[Family]:
    labels = {"node": config.node}
    last, success = state.read_last_run(), state.read_last_success()
    families = [
        _single("build_info", "The version; always 1.", 1.0, {**labels, "version": VERSION}),
        _single("mode_info", "What a cycle does, recommend or apply; always 1.", 1.0, {**labels, "mode": config.mode}),
        _single("cycle_interval_seconds", "Time between two cycles, as configured.", config.settings.general.policy.interval_seconds, labels),
        _single("last_cycle_timestamp_seconds", "When the last cycle ended, however.", last["ended"] if last else None, labels),
        _single("last_success_timestamp_seconds", "When the last complete cycle ended.", success["ended"] if success else None, labels),
        _single("last_cycle_failed", "1 when the last cycle failed as a whole.", float(last["is_failed"]) if last else None, labels),
        _single("state_size_bytes", "Size of the loop's database.", _size(config.state_path), labels),
    ]
    families += [_single(name, about, _scaled(tally.last.get(key), factor), labels) for name, about, key, factor in _LAST]
    cycles = Family("cycles_total", "counter", "Cycles, by result: done or failed as a whole.")
    for result in ("done", "failed"):
        cycles.add(tally.cycles.get(result, 0), {**labels, "result": result})
    containers = Family("containers", "gauge", "Containers by the reason of the last decision.")
    counts: dict[str, int] = {}
    for decision in decisions:
        counts[decision["reason"]] = counts.get(decision["reason"], 0) + 1
    for reason, count in sorted(counts.items()):
        containers.add(count, {**labels, "reason": reason})
    changes = Family("changes_total", "counter", "Changes that were made, of all containers.")
    changes.add(tally.totals.get("changes", 0), labels)
    failures = Family("failures_total", "counter", "Changes that failed, of all containers.")
    failures.add(tally.totals.get("failures", 0), labels)
    ooms = Family("ooms_total", "counter", "Kills for want of memory, of all containers: by their own limit, or foreign.")
    for cause in ("own", "foreign"):
        ooms.add(tally.totals.get(f"ooms_{cause}", 0), {**labels, "cause": cause})
    return [*families, cycles, changes, failures, ooms, containers]


def _notifiers(state: StateStore, config: LoopConfig) -> list[Family]:
    note = state.read_note(NOTIFY_NOTE) or {}
    failing = Family("notifier_failing", "gauge", "1 while a notifier does not take messages.")
    failures = Family("notifier_failures_total", "counter", "Messages that a notifier did not take.")
    messages = Family("notifier_messages_total", "counter", "Messages that a notifier took.")
    for notifier in config.notifiers:
        memory = memory_from_dict(note.get(notifier.name))
        labels = {"node": config.node, "notifier": notifier.name, "kind": notifier.kind}
        failing.add(float(memory.failures_in_a_row > 0 or bool(notifier.problem)), labels)
        failures.add(memory.failures, labels)
        messages.add(memory.messages, labels)
    return [failing, failures, messages]


def _containers(decisions: list[dict[str, Any]], tally: Tally) -> list[Family]:
    labelled = [(decision, _labels(decision)) for decision in decisions]
    families = []
    for name, about, key, factor in _USAGE:
        family = Family(name, "gauge", about)
        for decision, labels in labelled:
            family.add(_scaled(decision["usage"].get(key), factor), labels)
        families.append(family)
    for name, about, read in _SIZES:
        family = Family(name, "gauge", about)
        for decision, labels in labelled:
            family.add(read(decision), labels)
        families.append(family)
    for name, about, kind, label in _COUNTED:
        family = Family(name, "counter", about)
        for decision, labels in labelled:
            for key, count in sorted(tally.containers.get(decision["vmid"], {}).get(kind, {}).items()):
                family.add(count, {**labels, label: key})
        families.append(family)
    return [*families, *_reasons(labelled)]


def _reasons(labelled: list[tuple[dict[str, Any], dict[str, str]]]) -> list[Family]:
    first = Family("container_decision_info", "gauge", "The reason of the last decision; always 1.")
    every = Family("container_reason_info", "gauge", "Each reason that played a part in the last decision; always 1.")
    for decision, labels in labelled:
        first.add(1.0, {**labels, "reason": decision["reason"]})
        for reason in dict.fromkeys((decision["reason"], *decision["reasons"])):
            every.add(1.0, {**labels, "reason": reason})
    return [first, every]


def _labels(decision: Mapping[str, Any]) -> dict[str, str]:
    return {"vmid": str(decision["vmid"]), "name": str(decision["name"]), "node": str(decision["node"])}


def _single(name: str, about: str, value: float | None, labels: Mapping[str, str]) -> Family:
    family = Family(name, "gauge", about)
    family.add(value, labels)
    return family


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _bound(decision: Mapping[str, Any], key: str, end: int, factor: float) -> float | None:
    bounds = decision.get(key)
    return bounds[end] * factor if bounds else None


def _swap(decision: Mapping[str, Any], key: str) -> float | None:
    """Return a limit of swap, 0 where the key is absent; None where swap is not sized, and so no concern."""
    return None if decision.get("swap_bounds_mib") is None else float(decision[key].get("swap") or 0) * _MIB


_SIZES = (
    ("container_cpu_limit_cores", "CPU limit that the last cycle found; absent where there is none.", lambda one: cpu_of(one["before"])),
    ("container_cpu_target_cores", "CPU limit that the last decision wants.", lambda one: cpu_of(one["target"])),
    ("container_cpu_demand_cores", "CPU that it needs, before bounds and guards.", lambda one: one["cpu_demand_cores"]),
    ("container_cpu_min_cores", "Least CPU that it may be given.", lambda one: _bound(one, "cpu_bounds_cores", 0, 1.0)),
    ("container_cpu_max_cores", "Most CPU that it may be given.", lambda one: _bound(one, "cpu_bounds_cores", 1, 1.0)),
    ("container_memory_limit_bytes", "Memory limit that the last cycle found.", lambda one: _scaled(one["before"].get("memory"), _MIB)),
    ("container_memory_target_bytes", "Memory limit that the last decision wants.", lambda one: _scaled(one["target"].get("memory"), _MIB)),
    ("container_memory_demand_bytes", "Memory that it needs, before bounds and guards.", lambda one: _scaled(one["memory_demand_mib"], _MIB)),
    ("container_memory_min_bytes", "Least memory that it may be given.", lambda one: _bound(one, "memory_bounds_mib", 0, _MIB)),
    ("container_memory_max_bytes", "Most memory that it may be given.", lambda one: _bound(one, "memory_bounds_mib", 1, _MIB)),
    ("container_swap_limit_bytes", "Limit of swap that the last cycle found; only where swap is sized.", lambda one: _swap(one, "before")),
    ("container_swap_target_bytes", "Limit of swap that the last decision wants; only where swap is sized.", lambda one: _swap(one, "target")),
    ("container_swap_min_bytes", "Least swap that it may be given.", lambda one: _bound(one, "swap_bounds_mib", 0, _MIB)),
    ("container_swap_max_bytes", "Most swap that it may be given.", lambda one: _bound(one, "swap_bounds_mib", 1, _MIB)),
)


def _size(path: str) -> float | None:
    sizes = [os.path.getsize(name) for name in (path, f"{path}-wal") if os.path.exists(name)]
    return float(sum(sizes)) if sizes else None
