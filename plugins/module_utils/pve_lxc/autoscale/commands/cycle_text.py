# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``run`` and ``recommend`` show of one cycle: written for somebody who was woken up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..cycle import summarise
from ..parts import CycleResult, format_cycle
from ..terminal.table import wrap
from ..terminal.words import say_sizes


def format_cycle_lines(result: CycleResult) -> list[str]:
    """Return the lines of one cycle: what changed and why, what failed, and how many were kept for which reason."""
    shown = format_cycle(result)
    changes = [decision for decision in shown["decisions"] if decision["change"]]
    disks = [decision for decision in shown["decisions"] if decision.get("rootfs", {}).get("change")]
    lines = [f"notice: {notice}" for notice in result.notices]
    lines += [f"settled: container {outcome.vmid}: {outcome.message}" for outcome in result.settled]
    done = (
        f"{result.changed_count} changed, {result.failed_count} failed"
        if result.mode == "apply"
        else f"{len({one['vmid'] for one in (*changes, *disks)})} would change"
    )
    lines.append(f"node {result.node}, mode {result.mode}: {len(result.decisions)} containers, {done} (run {result.run_id})")
    outcomes = {outcome["vmid"]: outcome for outcome in shown["outcomes"]}
    for decision in changes:
        lines += _change_lines(decision, outcomes.get(decision["vmid"]))
    lines += _disk_lines(shown, disks)
    kept = summarise([decision for decision in result.decisions if not decision.is_change and not decision.grows_rootfs])
    if kept:
        lines += wrap("kept: " + ", ".join(f"{count} {reason}" for reason, count in kept.items()), 2)
    return lines


def format_news_lines(result: CycleResult) -> list[str]:
    """Return what is worth a line in a log that gets one every minute: what was changed, what failed and what needs attention; none on most runs."""
    lines = [f"notice: {notice}" for notice in result.notices]
    lines += [f"settled: container {outcome.vmid}: {outcome.message}" for outcome in result.settled]
    if not result.outcomes and not result.disk_outcomes:
        return lines
    shown = format_cycle(result)
    outcomes = {outcome["vmid"]: outcome for outcome in shown["outcomes"]}
    for decision in shown["decisions"]:
        if decision["vmid"] in outcomes:
            lines += _change_lines(decision, outcomes[decision["vmid"]])
    return lines + (_disk_lines(shown, shown["decisions"]) if result.disk_outcomes else [])


def _disk_lines(shown: Mapping[str, Any], decisions: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of root file systems that were grown, or would be."""
    lines = []
    outcomes = {outcome["vmid"]: outcome for outcome in shown["disk_outcomes"]}
    for decision in decisions:
        choice = decision.get("rootfs")
        if choice is not None and choice["change"]:
            of_disk = {**decision, **choice, "before": {"rootfs": choice["before"]}, "target": {"rootfs": choice["target"]}}
            lines += _change_lines(of_disk, outcomes.get(decision["vmid"]))
    return lines


def _change_lines(decision: Mapping[str, Any], outcome: Mapping[str, Any] | None) -> list[str]:
    verdict = "would be" if outcome is None else "FAILED" if outcome["failed"] else "done" if outcome["changed"] else "left"
    sizes = say_sizes(decision["before"], decision["target"])
    lines = wrap(f"{decision['vmid']} {decision['name']}: {sizes}: {verdict} ({decision['reason']})", 2)
    lines += wrap(decision["msg"], 6)
    if outcome is not None and (outcome["failed"] or not outcome["changed"]):
        lines += wrap(f"{outcome['reason']}: {outcome['msg']}", 6)
    return lines
