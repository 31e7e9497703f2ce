# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures that no earlier look dates: the container's newest record is read, one request each, and none for those that are held anyway.

Containers whose records were just read to learn from them are dated by these. One that was seen in the last cycles costs nothing.
"""

from __future__ import annotations

from dataclasses import replace

from ..errors import ProxmoxAPIError
from ..operations.parallel import MAX_CONCURRENCY, run_each
from ..policy.freshness import is_undated, record_age_seconds
from ..policy.observation import Observation
from ..policy.permit import guard_learning
from .observe import Observed
from .parts import UNREACHABLE_ERRORS, CycleParts


def date_figures(parts: CycleParts, observed: Observed, now: float) -> Observed:
    """Return the look at the node with the age of the newest record where nothing else tells whether figures are alive."""
    due = [observation for observation in observed.observations if _is_due(observation, observed, now)]
    if not due:
        return observed
    dated = {observation.guest.vmid: observation for observation in _read_all(parts, due)}
    return replace(observed, observations=tuple(dated.get(one.guest.vmid, one) for one in observed.observations))


def _is_due(observation: Observation, observed: Observed, now: float) -> bool:
    """Return whether only a record can tell of this container, and whether it would be decided about if it told."""
    if observation.record_age_seconds is not None or observation.record_problem:
        return False
    memory, policy = observed.remembered[observation.guest.vmid].memory, observed.settings.of(observation.guest.vmid).policy
    if not is_undated(observation, memory, policy, now):
        return False
    return guard_learning(replace(observation, record_age_seconds=0.0), memory, observed.host, policy, now) is None


def _read_all(parts: CycleParts, due: list[Observation]) -> list[Observation]:
    """Return each container with the age of its newest record, some read at a time; after an error that concerns all, the rest is not asked for."""
    failures: list[str] = []

    def read(observation: Observation) -> Observation:
        if failures:
            return replace(observation, record_problem=failures[0])
        try:
            rows = parts.backend.read_history(observation.guest.node, observation.guest.vmid, "hour", "AVERAGE")
        except ProxmoxAPIError as error:
            problem = f"its records could not be read: {str(error).strip()}"
            if isinstance(error, UNREACHABLE_ERRORS):
                failures.append(problem)
            return replace(observation, record_problem=problem)
        return replace(observation, record_age_seconds=record_age_seconds(rows), record_problem="" if rows else "there are no records of it")

    return run_each(read, due, MAX_CONCURRENCY)
