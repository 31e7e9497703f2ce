# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a container's figures are alive: told by its uptime since an earlier look, and where there is none by Proxmox's newest record.

Only the API's figures are in question. They are what pvestatd said last; the node's cgroup files are read at the moment of the look.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..model.usage import MemorySource, RrdRow
from .observation import Observation
from .remember import ContainerMemory
from .settings.policy import PolicySettings

# Rows of records that end at most so far apart date figures. Source: PVE 8 and 9, timeframe hour; of PVE 9 day as well.
RECORD_ROW_SECONDS = 60.0


def is_stale(uptime_seconds: float, memory: ContainerMemory, settings: PolicySettings, now: float) -> bool:
    """Return whether a running container's uptime stands still since a look more than 20 s ago.

    With pvestatd stuck the cluster's list repeats every figure for 300 s without a sign; the uptime gives it away.
    """
    if memory.last_look_seconds == 0.0 or uptime_seconds != memory.last_uptime_seconds:
        return False
    return now - memory.last_look_seconds > settings.stale_after_seconds


def is_undated(observation: Observation, memory: ContainerMemory, settings: PolicySettings, now: float) -> bool:
    """Return whether no earlier look tells that the figures are alive, so that only the newest record can.

    An uptime that advanced since a look of the last three intervals tells it, and one that did not is ``is_stale``'s. Since a look longer ago it
    must have advanced by as much as the time: with 86000 s more after 86400 s the container was started anew, or pvestatd is stuck for 400 s.

    Args:
        observation: of this moment.
        memory: before or after this look is entered.
        settings: of this container.
        now: seconds since 1970.
    """
    sample, config = observation.sample, observation.config
    if sample is None or sample.memory_source is not MemorySource.API:
        return False
    if config is not None and memory.identity not in ("", config.identity):
        # A container with a re-used id: what was seen was another one.
        return True
    if memory.last_look_seconds == 0.0:
        return True
    seconds, advanced = now - memory.last_look_seconds, (observation.guest.uptime_seconds or 0.0) - memory.last_uptime_seconds
    if advanced == 0.0 or 0 <= seconds <= max(settings.longest_gap_seconds, settings.stale_record_seconds):
        return False
    return abs(seconds - advanced) > settings.stale_record_seconds


def record_age_seconds(rows: Sequence[RrdRow]) -> float | None:
    """Return how far the newest row with figures lies behind Proxmox's own clock; None when rows of these lengths cannot tell.

    ``time`` is in every row up to the present one, the figures only in those in which pvestatd reported: rows that end at 60, 120, 180 and
    240 s, the last two without figures, are 120 s old. So it does not matter how this machine's clock goes. Without any figures it is
    infinite.

    Args:
        rows: ``rrddata`` with AVERAGE, oldest first.
    """
    if len(rows) < 2 or rows[-1].time_seconds - rows[-2].time_seconds > RECORD_ROW_SECONDS:
        return None
    newest = next((row.time_seconds for row in reversed(rows) if row.cpu_ratio is not None or row.memory_bytes is not None), -math.inf)
    return rows[-1].time_seconds - newest
