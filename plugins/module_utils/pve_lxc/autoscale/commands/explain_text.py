# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of ``explain``: what was done and why come first, the figures behind it after that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...model.form import is_of_disk
from ...policy.hold import describe_hold, hold_from_dict
from ...policy.loan import boost_from_dict
from ..terminal.table import format_table
from ..terminal.words import field_lines, say_age, say_boost, say_change, say_clock, say_cpu, say_mib, say_number, say_range, say_sizes, say_step


def format_explanation_lines(decision: Mapping[str, Any], memory: Mapping[str, Any], changes: Sequence[Mapping[str, Any]], now: float) -> list[str]:
    """Return the lines of ``explain``.

    Args:
        decision: as the state keeps it.
        memory: the policy's memory of the container as JSON, empty when there is none.
        changes: of this container, newest first.
        now: seconds since 1970.
    """
    vmid, age = int(decision["vmid"]), say_age(now - decision["time"])
    lines = [f"container {vmid} ({decision['name']}) on {decision['node']}, decided {age} ago in run {decision['run_id']}", ""]
    lines += field_lines("decided", _verdict(decision, changes))
    lines += field_lines("why", ", ".join(decision["reasons"]))
    lines += field_lines("", decision["msg"])
    lines += [*_hold_lines(vmid, memory, now), *_trial_lines(memory, now)]
    lines += _rootfs_lines(decision, changes)
    lines += _swap_lines(decision)
    lines += ["", *_figures(decision), "", *field_lines("measured", _measured(decision["usage"]))]
    lines += _memory_lines(memory, now)
    if changes:
        lines += ["", "  its last changes:", *(line for change in changes for line in say_change(change, now))]
        lines += [f"    all of them: lxc-autoscale history {vmid}   to undo the newest: lxc-autoscale rollback {vmid}"]
    return lines


def _verdict(decision: Mapping[str, Any], changes: Sequence[Mapping[str, Any]]) -> str:
    """Return what the last run did with it, and not only what it wanted."""
    if not decision["change"]:
        return "it keeps what it has"
    made = next((change for change in changes if change["run_id"] == decision["run_id"] and not is_of_disk(change)), None)
    return _made(say_sizes(decision["before"], decision["target"]), made)


def _rootfs_lines(decision: Mapping[str, Any], changes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return how the root file system fares; nothing where it is not grown."""
    choice = decision.get("rootfs")
    if choice is None:
        return []
    has = "" if choice["before"] is None else f"{choice['before']}; "
    lines = field_lines("disk", f"{choice['reason']}: {has}{choice['msg']}")
    if choice["change"]:
        made = next((change for change in changes if change["run_id"] == decision["run_id"] and is_of_disk(change)), None)
        lines += field_lines("", _made(f"{choice['before']} -> {choice['target']}", made))
    return lines


def _swap_lines(decision: Mapping[str, Any]) -> list[str]:
    """Return how its swap fares; nothing where that is not sized."""
    bounds = decision.get("swap_bounds_mib")
    if bounds is None:
        return []
    used = decision["usage"].get("swap_mib")
    size = say_step(say_mib(decision["before"], "swap"), say_mib(decision["target"], "swap"))
    return field_lines("swap", f"{size} MiB, {'an unknown amount' if used is None else say_number(used, 0)} of it in use; may have {say_range(bounds)}")


def _made(sizes: str, made: Mapping[str, Any] | None) -> str:
    """Return what became of a change that was decided; None for one that the journal does not have."""
    if made is None:
        return f"{sizes}: recommended, not made (mode recommend, or it was refused at the last moment: see status)"
    outcome = made["outcome"]
    if outcome is None:
        return f"{sizes}: begun, and nobody knows yet what became of it; the next run looks"
    return f"{sizes}: FAILED, {outcome['reason']}: {outcome['msg']}" if outcome["failed"] else f"{sizes}: done"


def _hold_lines(vmid: int, memory: Mapping[str, Any], now: float) -> list[str]:
    held = hold_from_dict(memory)
    if held is None or now >= held.until_seconds:
        return []
    begun = "" if held.since_seconds is None else f", since {say_clock(held.since_seconds)} ({say_age(now - held.since_seconds)})"
    lines = field_lines("held", f"{held.reason}{begun}: {describe_hold(held, vmid, now)}")
    if held.until_seconds != float("inf"):
        lines += field_lines("", f"until {say_clock(held.until_seconds)}, or until lxc-autoscale release {vmid}")
    return lines


def _trial_lines(memory: Mapping[str, Any], now: float) -> list[str]:
    """Return what is only for a time: a boost, and memory that was taken away a moment ago and comes back if it is missed."""
    boost = boost_from_dict(memory.get("boost"))
    lines = [] if boost is None else field_lines("boosted", say_boost(boost, now))
    probation = memory.get("probation") or {}
    started = probation.get("started_seconds") or 0.0
    if started:
        previous = say_number(probation.get("previous_mib"), 0)
        lines += field_lines("on trial", f"memory was lowered from {previous} MiB {say_age(now - started)} ago and comes back at once if it is missed")
    paused = (probation.get("pause_until_seconds") or 0.0) - now
    if paused > 0:
        lines += field_lines("on trial", f"memory that was taken away was missed ({probation.get('sign')}), so none is for {say_age(paused)} more")
    return lines


def _figures(decision: Mapping[str, Any]) -> list[str]:
    """Return the table of both resources: what is used, had, needed, allowed and given."""
    usage, before, target = decision["usage"], decision["before"], decision["target"]
    rows = [
        ["uses", f"{say_number(usage.get('cpu_cores'), 2)} (peak {say_number(usage.get('cpu_peak_cores'), 2)})", say_number(usage.get("memory_mib"), 0)],
        ["had", say_cpu(before), say_mib(before)],
        ["needs", say_number(decision["cpu_demand_cores"], 2), say_number(decision["memory_demand_mib"], 0)],
        ["may have", say_range(decision.get("cpu_bounds_cores")), say_range(decision.get("memory_bounds_mib"))],
        ["gets", say_cpu(target), say_mib(target)],
    ]
    notes = {"needs": "estimated, before bounds and guards", "may have": "bounds"}
    return format_table(["", "CPU in cores", "memory in MiB", ""], [[f"  {row[0]:<9}", *row[1:], notes.get(row[0], "")] for row in rows])


def _measured(usage: Mapping[str, Any]) -> str:
    if not usage:
        return "nothing"
    source = "cgroup files of the node" if usage["memory_source"] == "cgroup" else "the API, whose memory leaves out shared memory"
    pressure = f"memory pressure {_percent(usage['memory_pressure_percent'])}, CPU pressure {_percent(usage['cpu_pressure_percent'])}"
    swap = "" if usage.get("swap_mib") is None else f", swap {say_number(usage['swap_mib'], 0)} MiB"
    up = usage.get("uptime_seconds")
    return f"from {source}; {pressure}{swap}" + ("" if up is None else f"; up {say_age(up)}")


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f} %"


def _memory_lines(memory: Mapping[str, Any], now: float) -> list[str]:
    if not memory:
        return ["  nothing is remembered about it"]
    baseline = memory.get("baseline") or {}
    found = baseline.get("cpulimit") if baseline.get("cpulimit") is not None else baseline.get("cores")
    adopted = f"CPU {say_number(found, 2)}, memory {baseline.get('memory_mib') or '-'} MiB"
    if memory.get("swap_sizing"):
        adopted += f", swap {say_mib(baseline, 'swap_mib')} MiB"
    lines = field_lines("remembers", f"{memory.get('learnt_seconds', 0) / 3600:.1f} h of observation; found at adoption: {adopted}")
    ooms = memory.get("memory", {}).get("oom_times", [])
    if ooms:
        lines += field_lines("", f"{len(ooms)} kills by its own memory limit, the last {say_age(now - ooms[-1])} ago")
    return lines
