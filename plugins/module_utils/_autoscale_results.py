# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``lxc_autoscale`` returns: one entry for each container, sums, and the diff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .pve_lxc.model.form import format_decision, format_outcome

if TYPE_CHECKING:
    from ._autoscale import NodeRun
    from .pve_lxc.autoscale.parts import CycleResult
    from .pve_lxc.autoscale.rollback.put_back import RollbackResult
    from .pve_lxc.model.decision import Decision
    from .pve_lxc.model.plan import Outcome

_DECISION_KEYS = ("reasons", "target", "usage", "cpu_demand_cores", "memory_demand_mib", "cpu_bounds_cores", "memory_bounds_mib")
_NAMED_FAILURES = 3


def format_runs(runs: Sequence[NodeRun], *, applies: bool, is_check: bool) -> dict[str, Any]:
    """Return the cycles of all nodes as one result.

    Args:
        runs: one for each node.
        applies: whether changes were made, or in check mode would be.
        is_check: whether nothing was made.
    """
    results = []
    for run in runs:
        results += [] if run.result is None else _format_cycle(run.result, is_expected=applies and is_check)
    results.sort(key=lambda one: int(one["vmid"]))
    failures = [f"{run.node}: {run.error}" for run in runs if run.error] + [f"{one['vmid']}: {one['msg']}" for one in results if one["failed"]]
    changed = sum(one["changed"] for one in results)
    differing = sum(one["should_change"] for one in results)
    return {
        "changed": changed > 0,
        "failed": bool(failures),
        "msg": _message(failures, len(results), changed if applies else differing, applies=applies, is_check=is_check),
        "results": results,
        "totals": _totals(results),
        "nodes": [_format_node(run) for run in runs],
        "settled": [format_outcome(outcome) for run in runs if run.result is not None for outcome in run.result.settled],
    }


def format_diff(results: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return before and after of containers that were changed or should be; what is not set is left out."""
    differing = [one for one in results if one["changed"] or one.get("should_change", False)]
    return {
        "before": {f"{one['vmid']} ({one['name']})": _set_values(one["before"]) for one in differing},
        "after": {f"{one['vmid']} ({one['name']})": _set_values(one["after"] if one["changed"] else one["target"]) for one in differing},
    }


def format_rollback(result: RollbackResult) -> dict[str, Any]:
    """Return what became of putting containers back."""
    failed = [outcome for outcome in result.outcomes if outcome.is_failed]
    verb = "would be put back" if result.is_dry_run else "put back"
    named = "; ".join(f"{outcome.vmid}: {outcome.message}" for outcome in failed[:_NAMED_FAILURES])
    return {
        "changed": result.changed_count > 0,
        "failed": bool(failed),
        "msg": f"{len(failed)} of {len(result.outcomes)} containers failed: {named}"
        if failed
        else f"{result.changed_count} of {len(result.outcomes)} containers {verb}",
        "results": [format_outcome(outcome) for outcome in result.outcomes],
        "settled": [format_outcome(outcome) for outcome in result.settled],
    }


def _format_cycle(result: CycleResult, *, is_expected: bool) -> list[dict[str, Any]]:
    outcomes = {outcome.vmid: outcome for outcome in result.outcomes}
    disks = {outcome.vmid: outcome for outcome in result.disk_outcomes}
    shown = []
    for decision in result.decisions:
        entry = _format_container(decision, outcomes.get(decision.vmid), is_expected=is_expected)
        shown.append(_with_rootfs(entry, decision, disks.get(decision.vmid), is_expected=is_expected) if decision.grows_rootfs else entry)
    return shown


def _with_rootfs(entry: dict[str, Any], decision: Decision, outcome: Outcome | None, *, is_expected: bool) -> dict[str, Any]:
    """Return a container's result with its root file system, which is to grow, beside its sizes."""
    choice = format_decision(decision)["rootfs"]
    after = choice["target"] if is_expected else choice["before"]
    done: dict[str, Any] = {} if outcome is None else format_outcome(outcome)
    if done:
        after = done["after"].get("rootfs", after)
    if done.get("failed") and not entry["failed"]:
        entry = {**entry, "failed": True, "reason": done["reason"], "msg": done["msg"]}
    return {
        **entry,
        "should_change": True,
        "changed": entry["changed"] or is_expected or done.get("changed", False),
        "before": {**entry["before"], "rootfs": choice["before"]},
        "target": {**entry["target"], "rootfs": choice["target"]},
        "after": {**entry["after"], "rootfs": after},
    }


def _format_container(decision: Decision, outcome: Outcome | None, *, is_expected: bool) -> dict[str, Any]:
    """Return one container: its decision, and what became of it where something was to be done."""
    decided = format_decision(decision)
    is_expected = is_expected and decision.is_change
    entry = {
        "vmid": decision.vmid,
        "name": decision.name,
        "node": decision.node,
        "should_change": decision.is_change,
        "changed": is_expected,
        "failed": False,
        "reason": decided["reason"],
        "msg": decided["msg"],
        "before": decided["before"],
        "after": decided["target"] if is_expected else decided["before"],
        "pending": {},
        "restart_required": False,
        **{key: decided[key] for key in _DECISION_KEYS},
    }
    if "swap_bounds_mib" in decided:
        entry["swap_bounds_mib"] = decided["swap_bounds_mib"]
    if outcome is not None:
        done = format_outcome(outcome)
        entry |= {key: done[key] for key in ("changed", "failed", "reason", "msg", "after", "pending", "restart_required")}
    return entry


def _format_node(run: NodeRun) -> dict[str, Any]:
    result = run.result
    return {
        "node": run.node,
        "failed": bool(run.error),
        "msg": run.error,
        "run_id": None if result is None else result.run_id,
        "mode": "" if result is None else result.mode,
        "containers": 0 if result is None else len(result.decisions),
        "changed": 0 if result is None else result.changed_count,
        "duration_seconds": 0.0 if result is None else round(result.duration_seconds, 3),
        "notices": [] if result is None else list(result.notices),
    }


def _totals(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what all containers with known sizes have and should have: memory in MiB, CPU in cores where it is limited."""
    known = [one for one in results if one["before"] and one["target"]]
    limited = [one for one in known if _cpu(one["before"]) is not None and _cpu(one["target"]) is not None]
    return {
        "containers": len(results),
        "should_change": sum(one["should_change"] for one in results),
        "cores_before": round(sum(_cpu(one["before"]) or 0.0 for one in limited), 2),
        "cores_target": round(sum(_cpu(one["target"]) or 0.0 for one in limited), 2),
        "memory_before_mib": sum(one["before"]["memory"] or 0 for one in known),
        "memory_target_mib": sum(one["target"]["memory"] or 0 for one in known),
    }


def _cpu(allocation: Mapping[str, Any]) -> float | None:
    found = [float(allocation[key]) for key in ("cores", "cpulimit") if allocation.get(key) is not None]
    return min(found) if found else None


def _message(failures: Sequence[str], count: int, differing: int, *, applies: bool, is_check: bool) -> str:
    containers = f"{count} container{'' if count == 1 else 's'}"
    if failures:
        more = f"; and {len(failures) - _NAMED_FAILURES} more, see results and nodes" if len(failures) > _NAMED_FAILURES else ""
        return f"{len(failures)} failed: {'; '.join(failures[:_NAMED_FAILURES])}{more}"
    if not applies:
        return f"{differing} of {containers} should have other sizes; nothing was changed"
    return f"{differing} of {containers} {'would be changed' if is_check else 'changed'}"


def _set_values(allocation: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in allocation.items() if value is not None}
