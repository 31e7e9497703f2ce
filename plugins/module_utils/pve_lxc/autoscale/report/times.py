# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of a report, in one zone that the page names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ...errors import Problem, RequestError

_TICKS = 5
# Of hours or of days.
_STEPS = (1, 2, 3, 6, 12)


class ReportTime:
    """Says times; a window of up to two days by the hour, a longer one by the day."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        """Take a zone; None is this machine's."""
        self._zone = zone

    def moment(self, seconds: float) -> str:
        """Return ``2026-11-23 14:05``."""
        return f"{self._local(seconds):%Y-%m-%d %H:%M}"

    def machine(self, seconds: float) -> str:
        """Return ``2026-11-23T14:05:00+01:00``, for the attribute ``datetime``."""
        return self._local(seconds).isoformat(timespec="seconds")

    def zone(self, seconds: float) -> str:
        """Return ``CET (UTC+01:00)``, or the zone's name where it has one."""
        local = self._local(seconds)
        offset = f"{local:%z}"
        name = self._zone.key if isinstance(self._zone, ZoneInfo) else f"{local:%Z}"
        return name if name == "UTC" else f"{name} (UTC{offset[:3]}:{offset[3:5]})"

    def ticks(self, begin: float, end: float) -> Sequence[tuple[float, str]]:
        """Return moments for a time axis with their texts: full hours or midnights, about five."""
        by_hour = end - begin <= 2 * 86400
        wanted = (end - begin) / (3600 if by_hour else 86400) / _TICKS
        step = next(step for step in _STEPS if step >= wanted or step == _STEPS[-1])
        local = self._local(begin).replace(hour=0, minute=0, second=0, microsecond=0)
        found = []
        while (moment := local.timestamp()) <= end:
            if moment >= begin:
                found.append((moment, f"{local:%H:%M}" if by_hour else f"{local:%b} {local.day}"))
            local = local + (timedelta(hours=step) if by_hour else timedelta(days=step))
        return found

    def _local(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(seconds, self._zone) if self._zone is not None else datetime.fromtimestamp(seconds).astimezone()


def parse_zone(name: str | None) -> ReportTime:
    """Return times in the zone of this name; None is this machine's.

    Raises:
        RequestError: there is no such zone.
    """
    if name is None:
        return ReportTime()
    try:
        return ReportTime(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise RequestError([Problem("--time-zone", name, "there is no such time zone; allowed is a name such as Europe/Berlin or UTC")]) from error
