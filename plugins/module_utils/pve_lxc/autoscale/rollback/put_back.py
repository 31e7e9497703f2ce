# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put containers back to what they had: planned from the journal, carried out and written down as the loop's own changes are.

A container that was put back is held, so that the next cycle does not undo it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from ...backend.state_schema import ROLLBACK_MODE
from ...errors import LxcAutoscaleError, Problem, RequestError
from ...model.node import Cluster
from ...model.plan import Outcome
from ...model.reason import Reason
from ...policy.hold import hold
from ...policy.loan import without_boost, without_saving
from ...policy.probation import end_probation
from ...policy.remember import ContainerMemory, new_memory
from ...policy.settings.policy import PolicySettings
from ...ports import StateStore
from ..carry_out import Carried, Errand, carry_out, left_outcome
from ..moment import Moment
from ..parts import UNREACHABLE_ERRORS, CycleParts
from ..remembered import Remembered, RememberedValues, remembered_from_dict
from ..settle import settle_open_changes
from ..terminal.words import say_clock
from .draft import RollbackRequest, draft, guard_shrinks, wishes_of


@dataclass(frozen=True, slots=True)
class RollbackResult:
    """What became of it.

    Attributes:
        run_id: its number in the journal; None for a dry run.
        is_dry_run: whether nothing was written.
        outcomes: one for each container that was looked at, by ascending vmid.
        settled: what became of changes that an earlier, killed run had begun.
        held_until: vmid -> until when the loop leaves it, in seconds since 1970; of those put back.
    """

    run_id: int | None
    is_dry_run: bool
    outcomes: tuple[Outcome, ...]
    settled: tuple[Outcome, ...]
    held_until: Mapping[int, float]

    @property
    def failed_count(self) -> int:
        """Return how many containers were not put back although they should have been."""
        return sum(outcome.is_failed for outcome in self.outcomes)

    @property
    def changed_count(self) -> int:
        """Return how many containers were put back, or in a dry run would be."""
        return sum(outcome.is_changed for outcome in self.outcomes)


def run_rollback(parts: CycleParts, request: RollbackRequest, lock: Callable[[], AbstractContextManager[None]]) -> RollbackResult:
    """Return what became of a rollback.

    Args:
        parts: from assembly.py.
        request: what is asked for.
        lock: makes the context in which no cycle runs; a dry run does without.

    Raises:
        RequestError: there is no such run, or the moment lies before the journal.
        LockHeldError: a cycle is at work.
        ProxmoxAPIError: Proxmox cannot be reached.
        StateError: the state cannot be used; nothing was changed that is not written down.
    """
    require_known_moment(parts.state, request.moment)
    if request.is_dry_run:
        return _predict(parts, request)
    with lock():
        now = parts.clock.now()
        run_id = parts.state.begin_run(now, ROLLBACK_MODE)
        try:
            return _run(parts, request, run_id, now)
        except LxcAutoscaleError as error:
            parts.state.end_run(run_id, parts.clock.now(), (), f"failed: {str(error).strip()}", is_failed=True)
            raise


def require_known_moment(state: StateStore, moment: Moment | None) -> None:
    """Refuse a run or a moment of which the journal knows nothing.

    Raises:
        RequestError: and what there is.
    """
    span = state.read_run_span()
    if span is None:
        raise RequestError([Problem("rollback", "", "the journal is empty: the loop has not run yet, so there is nothing to put back")])
    first, newest = span
    known = f"the journal has runs {first['run_id']} ({say_clock(first['started'])}) to {newest['run_id']} ({say_clock(newest['started'])})"
    if moment is None:
        return
    if moment.run_id is not None and not first["run_id"] <= moment.run_id <= newest["run_id"]:
        raise RequestError([Problem("--to", str(moment.run_id), f"there is no such run; {known}")])
    if moment.seconds is not None and moment.seconds < first["started"]:
        begin = f"--to {first['run_id']} goes back to its beginning"
        raise RequestError([Problem("--to", say_clock(moment.seconds), f"nobody wrote down what was there then; {known}; {begin}")])


def _predict(parts: CycleParts, request: RollbackRequest) -> RollbackResult:
    drafts = _draft_all(_with_all_settings(parts, cluster := parts.backend.read_cluster()), request, cluster)
    outcomes = [one if isinstance(one, Outcome) else _predicted(parts, one) for one in drafts]
    return RollbackResult(None, True, tuple(outcomes), (), {})


def _predicted(parts: CycleParts, errand: Errand) -> Outcome:
    would_be = left_outcome(parts, errand.decision, Reason.ROLLED_BACK, errand.decision.message, is_failed=False)
    return replace(would_be, is_changed=True, after=errand.decision.target)


def _run(parts: CycleParts, request: RollbackRequest, run_id: int, now: float) -> RollbackResult:
    stored = parts.state.read_memories()
    remembered = {vmid: remembered_from_dict(vmid, values, parts.settings.of(vmid).policy) for vmid, values in stored.items()}
    settled = settle_open_changes(parts, remembered)
    _save(parts, {int(outcome.vmid): remembered[outcome.vmid] for outcome in settled if outcome.vmid in remembered}, now)
    cluster = parts.backend.read_cluster()
    parts = _with_all_settings(parts, cluster)
    drafts = _draft_all(parts, request, cluster)
    errands = [one for one in drafts if isinstance(one, Errand)]
    outcomes = [one for one in drafts if isinstance(one, Outcome)]
    entries = {errand.guest.vmid: remembered.get(errand.guest.vmid) or _new(parts, errand.guest.vmid) for errand in errands}
    done = _carry_out_all(parts, run_id, errands, entries, now)
    outcomes = sorted([*outcomes, *done], key=lambda outcome: outcome.vmid or 0)
    held = {int(outcome.vmid or 0): entries[int(outcome.vmid or 0)].memory.hold for outcome in done if outcome.is_changed}
    result = RollbackResult(run_id, False, tuple(outcomes), settled, {vmid: one.until_seconds for vmid, one in held.items() if one is not None})
    parts.state.end_run(run_id, parts.clock.now(), (), f"{result.changed_count} put back, {result.failed_count} failed")
    return result


def _draft_all(parts: CycleParts, request: RollbackRequest, cluster: Cluster) -> list[Errand | Outcome]:
    """Return what is to be done with each container that was asked for, by ascending vmid."""
    parts.usage.note_cluster(cluster)
    drafts = [draft(parts, cluster, wish) for wish in wishes_of(parts.state, request, cluster)]
    errands = iter(guard_shrinks(parts, [one for one in drafts if isinstance(one, Errand)], parts.clock.now()))
    return [next(errands) if isinstance(one, Errand) else one for one in drafts]


def _carry_out_all(parts: CycleParts, run_id: int, errands: Sequence[Errand], entries: dict[int, Remembered], now: float) -> list[Outcome]:
    """Return what became of each, growth last; ``entries`` is brought up to date and saved."""
    if errands and not parts.backend.is_quorate():
        message = "the cluster has no quorum, so nothing can be written"
        return [left_outcome(parts, errand.decision, Reason.NO_QUORUM, message, is_failed=True) for errand in errands]
    before = dict(entries)
    for vmid, entry in entries.items():
        entries[vmid] = replace(entry, memory=_left_to_people(entry.memory, now, parts.settings.of(vmid).policy))
    # On disk before the first write: after a kill in the midst the next cycle must neither undo it nor take it for an operator's.
    _save(parts, entries, now)
    outcomes: list[Outcome] = []
    try:
        for position, errand in enumerate(ordered := sorted(errands, key=_growth_last)):
            vmid = errand.guest.vmid
            try:
                carried = carry_out(parts, run_id, errand, entries[vmid])
            except UNREACHABLE_ERRORS as error:
                message = f"not tried, because Proxmox could not be reached any more: {str(error).strip()}"
                for left in ordered[position:]:
                    entries[left.guest.vmid] = before[left.guest.vmid]
                    outcomes.append(left_outcome(parts, left.decision, Reason.NOT_TRIED, message, is_failed=True))
                break
            outcome = carried.outcome if carried.outcome.is_changed else replace(carried.outcome, is_failed=True)
            entries[vmid] = _after(carried, before[vmid].memory, entries[vmid].memory)
            outcomes.append(outcome)
    finally:
        _save(parts, entries, now)
    return outcomes


def _left_to_people(memory: ContainerMemory, now: float, policy: PolicySettings) -> ContainerMemory:
    """Return the memory of a container that is going to be put back: held, and with nothing lent that would be given or taken later."""
    held = hold(memory, Reason.ROLLED_BACK, now + policy.operator_pause_seconds, since_seconds=now)
    return without_saving(without_boost(held, cpu=True, memory_too=True), cpu=True, memory_too=True)


def _after(carried: Carried, before: ContainerMemory, held: ContainerMemory) -> Remembered:
    """Return what is remembered: as it was before, where certainly nothing was written and nobody else's change was found."""
    outcome, memory = carried.outcome, carried.remembered.memory
    if outcome.is_changed or outcome.reason in (Reason.OUTCOME_UNKNOWN, Reason.HALF_APPLIED):
        # What the operator took away is not owed, whatever signs of missing it there are.
        return replace(carried.remembered, memory=replace(memory, probation=end_probation(memory.probation, math.inf)))
    if memory.hold != held.hold:
        return carried.remembered
    return replace(carried.remembered, memory=replace(memory, hold=before.hold, boost=before.boost, saving=before.saving))


def _growth_last(errand: Errand) -> tuple[bool, int]:
    current, target = errand.decision.current, errand.decision.target
    is_growth = current is not None and target is not None and (target.memory_mib or 0) > (current.memory_mib or 0)
    return is_growth, errand.guest.vmid


def _with_all_settings(parts: CycleParts, cluster: Cluster) -> CycleParts:
    """Return the parts with the settings that tags, pools and names give."""
    if parts.roster is None:
        return parts
    book, _conflicts = parts.roster.book(list(cluster.guests.values()), parts.clock.now())
    return replace(parts, settings=book)


def _new(parts: CycleParts, vmid: int) -> Remembered:
    return Remembered(new_memory(parts.settings.of(vmid).policy))


def _save(parts: CycleParts, entries: Mapping[int, Remembered], now: float) -> None:
    parts.state.write_memories(RememberedValues(entries), now)
