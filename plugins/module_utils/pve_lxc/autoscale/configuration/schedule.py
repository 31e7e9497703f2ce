# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hours of the week in which some containers have other bounds, another preset, or save energy.

A window is what the clock on the wall of its time zone shows. So it is an hour short or long when that clock is changed: one that lies
within the hour that is left out in spring does not open on that day, one within the hour that comes twice in autumn is open both times.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ...model.guest import Guest
from .keys import DAYS
from .layers import Layer
from .off_peak import time_zone_of
from .selection import Match

_DAY_MINUTES = 1440
_WEEK_MINUTES = 7 * _DAY_MINUTES

# Two windows of different time zones are compared as they lie in winter and in summer.
_COMPARED = (datetime.datetime(2026, 1, 15, 12, tzinfo=datetime.UTC), datetime.datetime(2026, 7, 15, 12, tzinfo=datetime.UTC))


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of the week.

    Attributes:
        days: on which it opens.
        start_minute: of the day, 0 to 1440.
        end_minute: the first minute after it; where it is not after the start it is one of the next day.
        time_zone: whose clock counts.
    """

    days: tuple[str, ...] = DAYS
    start_minute: int = 0
    end_minute: int = _DAY_MINUTES
    time_zone: str = "UTC"

    def is_open(self, now: float) -> bool:
        """Return whether a moment lies in it; fri 22:00 to 06:00 holds Friday 22:00 and Saturday 05:59."""
        local = datetime.datetime.fromtimestamp(now, time_zone_of(self.time_zone))
        minute = local.hour * 60 + local.minute
        opens_today = DAYS[local.weekday()] in self.days
        if self.start_minute < self.end_minute:
            return opens_today and self.start_minute <= minute < self.end_minute
        opened_yesterday = DAYS[local.weekday() - 1] in self.days
        return (opens_today and minute >= self.start_minute) or (opened_yesterday and minute < self.end_minute)

    def overlaps(self, other: Window) -> bool:
        """Return whether there is a minute of the week in which both are open."""
        if self.time_zone == other.time_zone:
            return self._meets(other, 0)
        zones = time_zone_of(self.time_zone), time_zone_of(other.time_zone)
        offsets = [[moment.astimezone(zone).utcoffset() or datetime.timedelta() for zone in zones] for moment in _COMPARED]
        return any(self._meets(other, int((mine - theirs).total_seconds() // 60)) for mine, theirs in offsets)

    def describe(self) -> str:
        """Return it as ``mon tue 22:00-06:00 Europe/Berlin``; all seven days are ``daily``."""
        days = "daily" if len(self.days) == len(DAYS) else " ".join(self.days)
        return f"{days} {_shown(self.start_minute)}-{_shown(self.end_minute)} {self.time_zone}"

    def _meets(self, other: Window, shift_minutes: int) -> bool:
        """Return whether both are open at once, the other one moved into this one's time zone."""
        theirs = [((start + shift_minutes) % _WEEK_MINUTES, length) for start, length in other._spans()]
        return any(
            (start - their) % _WEEK_MINUTES < long or (their - start) % _WEEK_MINUTES < length for start, length in self._spans() for their, long in theirs
        )

    def _spans(self) -> Iterator[tuple[int, int]]:
        """Yield the first minute of the week and the length in minutes of each opening."""
        length = (self.end_minute - self.start_minute) % _DAY_MINUTES or _DAY_MINUTES
        for day in self.days:
            yield DAYS.index(day) * _DAY_MINUTES + self.start_minute, length


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is different within a window, and for whom.

    Attributes:
        name: of the window.
        window: when.
        match: for which containers.
        tiers: for those of these tiers as well; with neither it is for all.
        layer: what is different.
        keys: which keys the file sets there, as ``bounds.max_cpu_cores``.
    """

    name: str
    window: Window
    match: Match = Match()
    tiers: frozenset[str] = frozenset()
    layer: Layer = Layer()
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_for_all(self) -> bool:
        """Return whether it names no container at all."""
        return self.match.is_empty and not self.tiers

    def is_for(self, guest: Guest, tier: str) -> bool:
        """Return whether it is for a container of this tier."""
        return self.is_for_all or tier in self.tiers or bool(self.match.kinds_of(guest))

    def can_meet(self, other: Schedule, vmids_of_tiers: Mapping[str, frozenset[int]]) -> bool:
        """Return whether the file itself shows that both are for the same container."""
        if self.is_for_all or other.is_for_all or self.tiers & other.tiers:
            return True
        if self._vmids(vmids_of_tiers) & other._vmids(vmids_of_tiers):
            return True
        return any(getattr(self.match, kind) & getattr(other.match, kind) for kind in ("tags", "pools", "names"))

    def _vmids(self, vmids_of_tiers: Mapping[str, frozenset[int]]) -> frozenset[int]:
        return self.match.vmids.union(*(vmids_of_tiers.get(tier, frozenset()) for tier in self.tiers))


def find_clash(schedules: Iterable[Schedule]) -> str:
    """Return how two of the windows that are open for a container contradict each other, naming both places; empty when they do not."""
    first: dict[str, str] = {}
    for schedule in schedules:
        for key, place in schedule.keys.items():
            if key in first:
                return f"two windows that are open for it now set {key}: {first[key]} and {place}"
            first[key] = place
    return ""


def _shown(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
