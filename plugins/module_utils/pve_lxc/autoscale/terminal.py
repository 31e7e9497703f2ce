# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command line shows: written for somebody who was woken up."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..units import format_number
from .cycle import summarise
from .parts import CycleResult, format_cycle
from .table import format_table, wrap

_LONGEST_NAME = 24


def format_cycle_lines(result: CycleResult) -> list[str]:
    """Return the lines of one cycle: what changed and why, what failed, and how many were kept for which reason."""
    shown = format_cycle(result)
    changes = [decision for decision in shown["decisions"] if decision["change"]]
    lines = [f"notice: {notice}" for notice in result.notices]
    lines += [f"settled: container {outcome.vmid}: {outcome.message}" for outcome in result.settled]
    done = f"{result.changed_count} changed, {result.failed_count} failed" if result.mode == "apply" else f"{len(changes)} would change"
    lines.append(f"node {result.node}, mode {result.mode}: {len(result.decisions)} containers, {done} (run {result.run_id})")
    outcomes = {outcome["vmid"]: outcome for outcome in shown["outcomes"]}
    for decision in changes:
        lines += _change_lines(decision, outcomes.get(decision["vmid"]))
    kept = summarise([decision for decision in result.decisions if not decision.is_change])
    if kept:
        lines += wrap("kept: " + ", ".join(f"{count} {reason}" for reason, count in kept.items()), 2)
    return lines


def format_status_lines(run: Mapping[str, Any] | None, decisions: Sequence[Mapping[str, Any]], changes: Sequence[Mapping[str, Any]], now: float) -> list[str]:
    """Return the lines of ``status``: the last run, a table of all containers, the last changes.

    Args:
        run: the last run, None when there was none.
        decisions: as the state keeps them, by ascending vmid.
        changes: as the state keeps them, newest first.
        now: seconds since 1970.
    """
    if run is None:
        return ["no run has ended yet"]
    lines = [f"last run {run['run_id']} (mode {run['mode']}) ended {_age(now - run['ended'])} ago: {run['result']}", ""]
    rows = [
        [
            str(decision["vmid"]),
            decision["name"][:_LONGEST_NAME],
            _cpu(decision["before"]),
            _number(decision["usage"].get("cpu_cores"), 2),
            _mib(decision["before"], "memory"),
            _number(decision["usage"].get("memory_mib"), 0),
            decision["reason"],
        ]
        for decision in decisions
    ]
    lines += format_table(["VMID", "NAME", "CPU", "USED", "MEMORY MiB", "USED", "LAST DECISION"], rows, right=frozenset({0, 2, 3, 4, 5}))
    if changes:
        lines += ["", "last changes:"]
        lines += [line for change in changes for line in _journal_lines(change, now)]
    return lines


def format_explanation_lines(decision: Mapping[str, Any], memory: Mapping[str, Any], changes: Sequence[Mapping[str, Any]], now: float) -> list[str]:
    """Return the lines of ``explain``: what was measured, what is wanted, what is allowed, what was decided and why.

    Args:
        decision: as the state keeps it.
        memory: the policy's memory of the container as JSON, empty when there is none.
        changes: of this container, newest first.
        now: seconds since 1970.
    """
    usage, before, target = decision["usage"], decision["before"], decision["target"]
    wants = f"CPU {_number(decision['cpu_demand_cores'], 2)}, memory {_number(decision['memory_demand_mib'], 0)} MiB (before bounds and guards)"
    allowed = f"CPU {_range(decision.get('cpu_bounds_cores'))}, memory {_range(decision.get('memory_bounds_mib'))} MiB"
    lines = wrap(
        f"container {decision['vmid']} ({decision['name']}) on {decision['node']}, decided {_age(now - decision['time'])} ago in run {decision['run_id']}", 0
    )
    lines += ["", *_field("has", f"CPU {_cpu(before)}, memory {_mib(before, 'memory')} MiB, swap {_mib(before, 'swap')} MiB")]
    lines += _field("measured", _measured(usage))
    lines += _field("wants", wants)
    lines += _field("allowed", allowed)
    lines += _field("gets", f"CPU {_cpu(target)}, memory {_mib(target, 'memory')} MiB")
    lines += ["", *_field("why", ", ".join(decision["reasons"])), *_field("", decision["msg"])]
    lines += ["", *_memory_lines(memory, now)]
    if changes:
        lines += ["", "  its last changes:"]
        lines += [line for change in changes for line in _journal_lines(change, now)]
    return lines


def _memory_lines(memory: Mapping[str, Any], now: float) -> list[str]:
    if not memory:
        return ["  nothing is remembered about it"]
    baseline = memory.get("baseline") or {}
    found = baseline.get("cpulimit") if baseline.get("cpulimit") is not None else baseline.get("cores")
    adopted = f"CPU {_number(found, 2)}, memory {baseline.get('memory_mib') or '-'} MiB"
    lines = _field("remembers", f"{memory.get('learnt_seconds', 0) / 3600:.1f} h of observation; found at adoption: {adopted}")
    ooms = memory.get("memory", {}).get("oom_times", [])
    if ooms:
        lines += _field("", f"{len(ooms)} kills by its own memory limit, the last {_age(now - ooms[-1])} ago")
    paused_seconds = memory.get("paused_until_seconds", 0) - now
    if paused_seconds > 0:
        lines += _field("paused", f"for {_age(paused_seconds)} more, because somebody changed it")
    return lines


def _field(name: str, text: str) -> list[str]:
    """Return a named text, wrapped, with the name in a column of its own."""
    first, *rest = wrap(text, 13)
    return [f"  {name:<11}{first.strip()}", *rest]


def _change_lines(decision: Mapping[str, Any], outcome: Mapping[str, Any] | None) -> list[str]:
    verdict = "would be" if outcome is None else "FAILED" if outcome["failed"] else "done" if outcome["changed"] else "left"
    sizes = _sizes(decision["before"], decision["target"])
    lines = wrap(f"{decision['vmid']} {decision['name']}: {sizes}: {verdict} ({decision['reason']})", 2)
    lines += wrap(decision["msg"], 6)
    if outcome is not None and (outcome["failed"] or not outcome["changed"]):
        lines += wrap(f"{outcome['reason']}: {outcome['msg']}", 6)
    return lines


def _journal_lines(change: Mapping[str, Any], now: float) -> list[str]:
    outcome = change["outcome"]
    end = "not ended" if outcome is None else "failed: " + outcome["reason"] if outcome["failed"] else "done"
    sizes = _sizes(change["before"], change["target"])
    return wrap(f"{_clock(change['begun'])} ({_age(now - change['begun'])} ago) {change['vmid']} {change['name']}: {sizes}: {change['reason']}, {end}", 4)


def _sizes(before: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    """Return what changes and nothing else: ``CPU 2 -> 4, memory 512 -> 1024 MiB``."""
    parts = []
    if _cpu(before) != _cpu(target):
        parts.append(f"CPU {_cpu(before)} -> {_cpu(target)}")
    if before.get("memory") != target.get("memory"):
        parts.append(f"memory {_mib(before, 'memory')} -> {_mib(target, 'memory')} MiB")
    return ", ".join(parts)


def _mib(allocation: Mapping[str, Any], key: str) -> str:
    value = allocation.get(key)
    return "-" if value is None else str(value)


def _measured(usage: Mapping[str, Any]) -> str:
    if not usage:
        return "nothing"
    memory = f"{_number(usage['memory_mib'], 0)} MiB by {usage['memory_source']}"
    pressure = f"memory pressure {_number(usage['memory_pressure_percent'], 1)} %, CPU pressure {_number(usage['cpu_pressure_percent'], 1)} %"
    return f"CPU {_number(usage['cpu_cores'], 2)} (peak {_number(usage['cpu_peak_cores'], 2)}), memory {memory}; {pressure}"


def _cpu(allocation: Mapping[str, Any]) -> str:
    """Return what limits the CPU: ``2``, or ``1.5 of 4`` with a cpulimit on four cores; ``all`` without any limit."""
    cores, cpulimit = allocation.get("cores"), allocation.get("cpulimit")
    if cpulimit is None:
        return "all" if cores is None else format_number(cores)
    return format_number(cpulimit) if cores is None else f"{format_number(cpulimit)} of {format_number(cores)}"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _range(bounds: Sequence[float] | None) -> str:
    return "-" if not bounds else f"{format_number(bounds[0])} to {format_number(bounds[1])}"


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _age(seconds: float) -> str:
    """Return a duration for people: ``45 s``, ``12 min``, ``5 h``, ``3 d``."""
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{max(seconds, 0):.0f} s"
