# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much room a container's memory is left to rise into: as much as is worth it.

A *surprise* is a rise above what a limit without any room would have been: it would have been a kill. A container's own surprises, and how
often containers in general have had one, say how likely a kill is with each size of room; room costs memory that lies idle. The room is
the one that costs least, so a container with large but rare rises gets less of it than one whose rises come back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .settings.policy import PolicySettings

# Surprises per 100 hours that are larger than so many times the largest rise a container had had within 5 minutes before.
# Source: counted over 10,408 hours of 36 recordings, which are among those that docs/sizing.md measures the policy on.
_GENERAL_SURPRISES = (
    (0.0, 7.9),
    (0.33, 2.4),
    (0.67, 1.3),
    (1.0, 0.46),
    (1.3, 0.22),
    (1.6, 0.15),
    (2.0, 0.12),
    (3.0, 0.07),
    (5.0, 0.05),
)

# So many surprises are kept, the newest; more would say no more about how often they come.
MOST_SURPRISES = 32

# Surprises within this time after each other are one climb in several steps: it counts as a whole.
_ONE_CLIMB_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Surprise:
    """One climb above what a limit without room would have been.

    Attributes:
        time_seconds: its newest step.
        excess_mib: how far it went above that limit.
        limit_mib: that limit, when it began.
    """

    time_seconds: float
    excess_mib: float
    limit_mib: float


def with_surprise(surprises: tuple[Surprise, ...], now: float, wanted_mib: float, limit_mib: float) -> tuple[Surprise, ...]:
    """Return the surprises, oldest first, with one more; 1300 over 1000 and half an hour later 1500 over 1365 are one of 500.

    Args:
        surprises: before.
        now: seconds since 1970.
        wanted_mib: the use, above ``limit_mib``.
        limit_mib: what a limit without room would be now.
    """
    last = surprises[-1] if surprises else None
    if last is not None and abs(now - last.time_seconds) < _ONE_CLIMB_SECONDS:
        return (*surprises[:-1], Surprise(now, max(wanted_mib - last.limit_mib, last.excess_mib), last.limit_mib))
    return (*surprises[-MOST_SURPRISES + 1 :], Surprise(now, wanted_mib - limit_mib, limit_mib))


def surprises_from_list(values: Sequence[Any]) -> tuple[Surprise, ...]:
    """Return the surprises of ``[time, excess, limit]`` each; what is not three numbers is left out."""
    read = []
    for entry in values:
        try:
            numbers = [float(number) for number in entry]
        except (TypeError, ValueError):
            continue
        if len(numbers) == 3 and all(math.isfinite(number) for number in numbers):
            read.append(Surprise(*numbers))
    return tuple(read)


def choose_room_mib(surprises: tuple[Surprise, ...], rise_mib: float, observed_hours: float, largest_mib: float, settings: PolicySettings, now: float) -> float:
    """Return the room that costs least, in MiB.

    The cost of an hour with a room is the room's share of the largest memory, and ``memory_kill_worth_hours`` for each kill expected in
    that hour. Without a surprise of its own in 100 hours, with a largest rise of 100 MiB and at most 1000 MiB: 1.6 times the rise costs
    0.160 + 50 * 0.0015 * 200 / 300 = 0.210, 1.3 times 0.130 + 50 * 0.0022 * 200 / 300 = 0.203, the rise itself 0.253; so 130 MiB.

    Args:
        surprises: the container's own.
        rise_mib: the largest rise remembered.
        observed_hours: behind all this, old ones counting less.
        largest_mib: what the container may be given at most.
        settings: validated.
        now: seconds since 1970.
    """
    half_life, margin = settings.memory_surprise_half_life_seconds, settings.memory_surprise_margin
    own = [(0.5 ** (max(now - one.time_seconds, 0.0) / half_life), margin * one.excess_mib) for one in surprises]
    rise_mib = max(rise_mib, 1.0)
    general_hours = settings.memory_general_hours
    hours = observed_hours + general_hours
    best_cost, best_room = float("inf"), 0.0
    for room in (*(share * rise_mib for share, _count in _GENERAL_SURPRISES), *(excess for _weight, excess in own)):
        per_hour = [count / 100.0 for share, count in _GENERAL_SURPRISES if share * rise_mib <= room + 1e-9][-1]
        kills = sum(weight for weight, excess in own if excess > room + 1e-9) + per_hour * general_hours
        cost = room / largest_mib + settings.memory_kill_worth_hours * kills / hours
        if cost < best_cost:
            best_cost, best_room = cost, room
    return best_room
