# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Round-robin data of a guest and of a node: 60 s rows for hour and day, 30 min rows beyond, as on PVE 9.

Recorded, fixture pve9/rrddata.json: ``time`` is always there, other keys are absent where nothing was written, and a
stopped container has only maxcpu, maxmem, disk and maxdisk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from .guest import Guest

ROW_SECONDS = 60
COARSE_ROW_SECONDS = 1800
# timeframe: length of a row, number of rows
TIMEFRAMES = {"hour": (60, 60), "day": (60, 1440), "week": (1800, 336), "month": (1800, 1440), "year": (21600, 1460)}

# The order of the figures in a stored row, after its time; the last says which share of the minute it ran.
FIELDS = ("cpu", "mem", "maxcpu", "maxmem", "disk", "maxdisk", "pressurecpusome", "pressurecpufull", "pressurememorysome", "pressurememoryfull", "ran")
ALWAYS_FIELDS = frozenset({"maxcpu", "maxmem", "disk", "maxdisk"})


def add_span(guest: Guest, start: float, end: float, figures: tuple[float, ...]) -> None:
    """Add constant figures for a span of simulated time and close every minute that ends in it.

    A row's time is the end of its minute: 0.5 cores for the first 30 s and 1.5 for the rest make a row of 1.0.
    """
    position = start
    while position < end:
        minute_end = (position // ROW_SECONDS + 1) * ROW_SECONDS
        stop = min(minute_end, end)
        share = (stop - position) / ROW_SECONDS
        row = guest.open_row
        if row is None:
            row = guest.open_row = [minute_end, *(0.0 for _field in FIELDS), 0.0]
        for index, figure in enumerate(figures, start=1):
            row[index] += figure * share
        row[-1] += share
        if stop == minute_end:
            covered = row[-1]
            if covered > 0.5:
                guest.minute_rows.append((row[0], *(value / covered for value in row[1:-1])))
                if minute_end % COARSE_ROW_SECONDS == 0:
                    minutes = _last_rows(guest.minute_rows, minute_end - COARSE_ROW_SECONDS)
                    guest.half_hour_rows.append(average_rows(minute_end, minutes))
                    guest.half_hour_highest_rows.append(highest_rows(minute_end, minutes))
            guest.open_row = None
        position = stop


def _last_rows(rows: deque[tuple[float, ...]], after: float) -> list[tuple[float, ...]]:
    """Return the newest rows later than a time, oldest first."""
    found: list[tuple[float, ...]] = []
    for row in reversed(rows):
        if row[0] <= after:
            break
        found.append(row)
    return found[::-1]


def average_rows(time: float, rows: list[tuple[float, ...]]) -> tuple[float, ...]:
    """Return one row with the means of several."""
    return (time, *(sum(column) / len(rows) for column in zip(*(row[1:] for row in rows))))


def highest_rows(time: float, rows: list[tuple[float, ...]]) -> tuple[float, ...]:
    """Return one row with the maxima of several."""
    return (time, *(max(column) for column in zip(*(row[1:] for row in rows))))


def pick_rows(stored: Iterable[tuple[float, ...]], timeframe: str, now: float, consolidation: str = "AVERAGE") -> list[tuple[float, tuple[float, ...] | None]]:
    """Return the rows of a timeframe, oldest first, None where nothing was written."""
    row_seconds, count = TIMEFRAMES[timeframe]
    newest = now // row_seconds * row_seconds
    oldest = newest - (count - 1) * row_seconds
    buckets: dict[float, list[tuple[float, ...]]] = {}
    for row in stored:
        bucket = -(-row[0] // row_seconds) * row_seconds
        if oldest <= bucket <= newest:
            buckets.setdefault(bucket, []).append(row)
    merge = highest_rows if consolidation == "MAX" else average_rows
    times = [oldest + index * row_seconds for index in range(count)]
    return [(time, merge(time, buckets[time]) if time in buckets else None) for time in times]


def read_guest_rows(guest: Guest, timeframe: str, now: float, consolidation: str) -> list[dict[str, object]]:
    """Return a guest's rows in the API's shape."""
    # As in Proxmox VE's archives: a coarse row of MAX holds the highest minute of its half hour, not the highest average.
    coarse = guest.half_hour_highest_rows if consolidation == "MAX" else guest.half_hour_rows
    stored = guest.minute_rows if timeframe in ("hour", "day") else coarse
    return [_guest_row(time, row) for time, row in pick_rows(stored, timeframe, now, consolidation)]


def _guest_row(time: float, row: tuple[float, ...] | None) -> dict[str, object]:
    """Return one row; keys without data are absent, never null."""
    shown: dict[str, object] = {"time": int(time)}
    if row is None:
        return shown
    figures = dict(zip(FIELDS, row[1:]))
    ran = figures.pop("ran")
    if ran <= 0:
        return shown | {name: figures[name] for name in ALWAYS_FIELDS}
    return shown | figures | {"netin": 0, "netout": 0, "diskread": 0, "diskwrite": 0, "pressureiosome": 0, "pressureiofull": 0}
