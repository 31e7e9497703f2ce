# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that were never seen: their records are read from Proxmox before their first decision, so many in a cycle.

Where the cycles are far apart, as from a controller, what lies between two of them is seen by nobody but Proxmox: every container is then learnt
from its records in every cycle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import ProxmoxAPIError
from ..operations.parallel import MAX_CONCURRENCY, run_each
from ..policy.demand import DemandRow, join_demand, read_demand
from ..policy.freshness import record_age_seconds
from ..policy.observation import Observation
from ..policy.past import earliest_record_seconds, forget_learnt, is_unseen, learn_past
from ..ports import LxcBackend
from .observe import Observed
from .parts import UNREACHABLE_ERRORS, CycleParts

# Rows of a minute and less are one average each: there is no higher value within. Source: PVE::RRD, archives of one step.
_ONE_STEP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Records:
    """What was read of one container.

    Attributes:
        rows: oldest first.
        problem: why there are none; empty when they were read.
        is_asked: whether they were asked for; False after nothing more could be asked.
        age_seconds: of the newest; None where they cannot tell.
    """

    rows: Sequence[DemandRow] = ()
    problem: str = ""
    is_asked: bool = True
    age_seconds: float | None = None


def learn_records(parts: CycleParts, observed: Observed, now: float) -> Observed:
    """Return the look at the node with the records of unseen containers learnt; those whose turn comes later are marked as waiting.

    What cannot be read is named once; that container is learnt by observation alone, and only grown until a day is known.
    """
    unseen = [observation for observation in observed.observations if _is_due(parts, observation, observed)]
    if parts.records_per_cycle == 0 or not unseen:
        return observed
    turn, later = unseen[: parts.records_per_cycle], unseen[parts.records_per_cycle :]
    read = _read_all(parts, turn, observed, now)
    waiting = {observation.guest.vmid for observation in later}
    remembered, notices = dict(observed.remembered), list(observed.notices)
    dated = {}
    for observation, records in zip(turn, read):
        vmid = observation.guest.vmid
        if not records.is_asked:
            waiting.add(vmid)
            continue
        unread = f"its records could not be read: {records.problem}" if records.problem else ""
        dated[vmid] = replace(observation, record_age_seconds=records.age_seconds, record_problem=unread)
        if records.problem:
            notices.append(f"Proxmox's records of {vmid} could not be read, so it is only grown until a day is known: {records.problem}")
        entry, settings = remembered[vmid], observed.settings.of(vmid)
        # What was learnt last time is better than nothing, where nothing could be read now.
        memory = forget_learnt(entry.memory, settings.policy) if records.rows else replace(entry.memory, recorded_seconds=0.0)
        remembered[vmid] = replace(entry, memory=learn_past(memory, records.rows, observation, settings, observed.host, now))
    marked = tuple(replace(one, waits_for_records=True) if one.guest.vmid in waiting else dated.get(one.guest.vmid, one) for one in observed.observations)
    return replace(observed, observations=marked, remembered=remembered, notices=tuple(notices))


def _is_due(parts: CycleParts, observation: Observation, observed: Observed) -> bool:
    """Return whether this container can be learnt from now, and never was or is to be anew."""
    guest = observation.guest
    is_readable = observation.is_selected and guest.is_running and not guest.is_template and not observation.conflict
    is_measured = observation.config is not None and observation.sample is not None and guest.uptime_seconds is not None
    return is_readable and is_measured and (parts.learns_anew or is_unseen(observed.remembered[guest.vmid].memory))


def _read_all(parts: CycleParts, turn: Sequence[Observation], observed: Observed, now: float) -> list[_Records]:
    """Return the records of each container, some read at a time; after an error that concerns all, the rest is not asked for."""
    failures: list[str] = []

    def read(observation: Observation) -> _Records:
        if failures:
            return _Records(is_asked=False)
        earliest = earliest_record_seconds(observation, observed.settings.of(observation.guest.vmid).policy, now)
        if now - earliest < _ONE_STEP_SECONDS:
            return _Records()
        try:
            return _read_rows(parts.backend, observation, parts.records_timeframe, earliest)
        except UNREACHABLE_ERRORS as error:
            failures.append(str(error))
            return _Records(problem=str(error).strip())
        except ProxmoxAPIError as error:
            return _Records(problem=str(error).strip())

    return run_each(read, turn, MAX_CONCURRENCY)


def _read_rows(backend: LxcBackend, observation: Observation, timeframe: str, earliest: float) -> _Records:
    """Return what Proxmox recorded: the last day in rows of a minute (PVE 8: half an hour), what lies before it in coarser ones.

    One request for a container that started today, three for others; one more where the day's rows are coarse as well.
    """
    node, vmid = observation.guest.node, observation.guest.vmid
    averages = backend.read_history(node, vmid, "day", "AVERAGE")
    row_seconds = averages[1].time_seconds - averages[0].time_seconds if len(averages) > 1 else 0.0
    peaks = backend.read_history(node, vmid, "day", "MAX") if row_seconds > _ONE_STEP_SECONDS else averages
    fine = read_demand(averages, peaks)
    age = record_age_seconds(averages)
    if timeframe == "day" or (averages and averages[0].time_seconds <= earliest):
        return _Records(fine, age_seconds=age)
    coarse = read_demand(*(backend.read_history(node, vmid, timeframe, consolidation) for consolidation in ("AVERAGE", "MAX")))
    return _Records(join_demand(coarse, fine), age_seconds=age)
