# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cycle: look, decide, and in mode apply carry out; everything is left on disk, so each run may be a new process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..errors import LxcAutoscaleError, ProxmoxAPIError
from ..model.decision import Decision
from ..model.plan import Outcome
from ..model.reason import Reason
from ..policy.decide import decide
from .bootstrap import learn_records
from .carry_out import Errand, carry_out, left_outcome
from .collection import without_collection
from .date_figures import date_figures
from .observe import Observed, observe
from .parts import UNREACHABLE_ERRORS, CycleParts, CycleResult
from .remembered import Remembered, RememberedValues, remembered_from_dict
from .repair import repair, repairs_due
from .settle import settle_open_changes

RECOMMEND = "recommend"
APPLY = "apply"


def run_cycle(parts: CycleParts, mode: str) -> CycleResult:
    """Return what one cycle did.

    Args:
        parts: from assembly.py.
        mode: ``recommend`` or ``apply``.

    Raises:
        LockHeldError: another run of this loop is at work.
        ProxmoxAPIError: Proxmox cannot be reached, or refuses to be looked at; what was done until then is on disk.
        StateError: the state cannot be used; nothing was changed that is not written down.
    """
    with parts.lock(), without_collection():
        now = parts.clock.now()
        run_id = parts.state.begin_run(now, mode)
        try:
            return _run(parts, mode, run_id, now)
        except LxcAutoscaleError as error:
            parts.state.end_run(run_id, parts.clock.now(), (), f"failed: {str(error).strip()}", is_failed=True)
            raise


def _run(parts: CycleParts, mode: str, run_id: int, now: float) -> CycleResult:
    start = parts.clock.monotonic()
    remembered = {vmid: remembered_from_dict(vmid, values, parts.settings.of(vmid).policy) for vmid, values in parts.state.each_memory()}
    settled = settle_open_changes(parts, remembered)
    observed = date_figures(parts, learn_records(parts, observe(parts, remembered, now), now), now)
    parts = replace(parts, settings=observed.settings)
    memories = {vmid: entry.memory for vmid, entry in observed.remembered.items()}
    decisions, learnt = decide(observed.observations, memories, parts.settings, observed.host, now)
    entries = {vmid: replace(entry, memory=learnt.get(vmid, entry.memory)) for vmid, entry in observed.remembered.items()}
    outcomes: list[Outcome] = []
    disk_outcomes: list[Outcome] = []
    unreachable: ProxmoxAPIError | None = None
    try:
        if mode == APPLY:
            growing = [decision for decision in decisions if decision.grows_rootfs]
            if growing or any(decision.is_change for decision in decisions) or repairs_due(decisions, entries, now):
                # On disk before the first write: a run killed in the midst must not take its own work for an operator's, or a baseline.
                _save(parts, entries, now)
            unreachable = _apply(parts, (run_id, now), decisions, observed, (entries, outcomes))
            if growing and unreachable is None:
                unreachable = _grow(parts, run_id, growing, observed, (entries, disk_outcomes))
    finally:
        # Also when the state failed in the midst: what was learnt and written until then must not be lost if it can be helped.
        _save(parts, entries, now)
    failed = sum(outcome.is_failed for outcome in (*outcomes, *disk_outcomes))
    changed = len({outcome.vmid for outcome in (*outcomes, *disk_outcomes) if outcome.is_changed})
    if unreachable is not None:
        raise unreachable
    parts.state.end_run(run_id, parts.clock.now(), decisions, f"{changed} changed, {failed} failed" if mode == APPLY else "recommended only")
    return CycleResult(
        run_id=run_id,
        mode=mode,
        node=parts.node,
        started_seconds=now,
        duration_seconds=parts.clock.monotonic() - start,
        decisions=decisions,
        outcomes=tuple(outcomes),
        disk_outcomes=tuple(disk_outcomes),
        settled=settled,
        notices=(*getattr(parts.state, "notices", ()), *observed.notices, *parts.warnings),
        host=observed.host,
        request_count=getattr(parts.backend, "request_count", None),
    )


def _save(parts: CycleParts, entries: Mapping[int, Remembered], now: float) -> None:
    parts.state.write_memories(RememberedValues(entries), now)


def _apply(
    parts: CycleParts,
    run: tuple[int, float],
    decisions: Sequence[Decision],
    observed: Observed,
    results: tuple[dict[int, Remembered], list[Outcome]],
) -> ProxmoxAPIError | None:
    """Carry out what is due, repairs first, shrinks before grows; return the error after which nothing more could be asked, None when all was tried."""
    run_id, now = run
    entries, outcomes = results
    repairs = repairs_due(decisions, entries, now)
    due = repairs + sorted((decision for decision in decisions if decision.is_change), key=_shrinks_first)
    if not due:
        return None
    if not parts.backend.is_quorate():
        message = "the cluster has no quorum, so nothing can be written; this is a recommendation only"
        outcomes += [left_outcome(parts, decision, Reason.NO_QUORUM, message, is_failed=False) for decision in due]
        return None
    for position, decision in enumerate(due):
        guest = observed.cluster.guests[decision.vmid]
        node = observed.cluster.nodes.get(guest.node)
        try:
            work = repair if decision in repairs else carry_out
            carried = work(parts, run_id, Errand(decision, guest, node.cgroup_mode if node else None), entries[decision.vmid])
        except UNREACHABLE_ERRORS as error:
            message = f"not tried, because Proxmox could not be reached any more: {str(error).strip()}"
            outcomes += [left_outcome(parts, left, Reason.NOT_TRIED, message, is_failed=True) for left in due[position:]]
            return error
        outcomes.append(carried.outcome)
        entries[decision.vmid] = carried.remembered
    return None


def _grow(
    parts: CycleParts, run_id: int, growing: Sequence[Decision], observed: Observed, results: tuple[dict[int, Remembered], list[Outcome]]
) -> ProxmoxAPIError | None:
    """Grow root file systems, after all else; return the error after which nothing more could be asked, None when all was tried."""
    # Imported here, because hardly anybody has disks grown and every cycle would start later.
    from .grow_rootfs import grow_all

    return grow_all(parts, run_id, growing, observed.cluster.guests, results)


def _shrinks_first(decision: Decision) -> tuple[bool, int]:
    current, target = decision.current, decision.target
    is_growth = current is not None and target is not None and (target.memory_mib or 0) > (current.memory_mib or 0)
    return is_growth, decision.vmid


def summarise(decisions: Sequence[Decision]) -> Mapping[str, int]:
    """Return how many containers have each reason, most frequent first."""
    counts: dict[str, int] = {}
    for decision in decisions:
        counts[str(decision.reason)] = counts.get(str(decision.reason), 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
