# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A moment of the past as people type it: ``2h``, ``14:00``, ``yesterday 14:00``, ``2026-11-22 14:00``; or the number of a run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..errors import Problem, RequestError

ALLOWED = "2h (30s, 15m and 3d likewise), 14:00, yesterday 14:00, 2026-11-22 14:00, all in this machine's time"

_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(s|m|min|h|d)")
_CLOCK = re.compile(r"(?:(today|yesterday) )?([0-9]{1,2}):([0-9]{2})")
_LONGEST_RUN_NUMBER = 9


@dataclass(frozen=True, slots=True)
class Moment:
    """To when a rollback goes; one of both is set.

    Attributes:
        run_id: to before this run.
        seconds: to this time, in seconds since 1970.
    """

    run_id: int | None = None
    seconds: float | None = None


def parse_moment(text: str, now: float, place: str) -> Moment:
    """Return a moment of the past, or a run.

    Args:
        text: as typed; nothing but digits is the number of a run.
        now: seconds since 1970.
        place: the option it was given with, for the error.

    Raises:
        RequestError: it is none, or not of the past.
    """
    words = " ".join(text.split())
    if words.isdecimal() and len(words) <= _LONGEST_RUN_NUMBER:
        return Moment(run_id=int(words))
    return Moment(seconds=parse_time(words, now, place))


def parse_time(text: str, now: float, place: str) -> float:
    """Return seconds since 1970; ``2h`` at 10000 is 2800. Raises as ``parse_moment``."""
    words = " ".join(text.split())
    seconds = _parse_age(words, now)
    if seconds is None:
        seconds = _parse_clock(words, now)
    if seconds is None:
        seconds = _parse_iso(words)
    if seconds is None:
        raise RequestError([Problem(place, text, f"this is no moment; allowed is {ALLOWED}")])
    if seconds > now:
        raise RequestError([Problem(place, text, "this has not come yet; a moment of the past is needed, such as 2h or yesterday 14:00")])
    return seconds


def duration_seconds(text: str) -> float | None:
    """Return a duration in seconds: ``1.5h`` is 5400; None when the text is none."""
    found = _DURATION.fullmatch(text)
    return None if found is None else float(found[1]) * _UNIT_SECONDS[found[2]]


def _parse_age(words: str, now: float) -> float | None:
    seconds = duration_seconds(words.removesuffix(" ago"))
    return None if seconds is None else now - seconds


def _parse_clock(words: str, now: float) -> float | None:
    """Return the time of day, of today unless it says yesterday."""
    found = _CLOCK.fullmatch(words)
    if found is None or int(found[2]) > 23 or int(found[3]) > 59:
        return None
    day = datetime.fromtimestamp(now).replace(hour=int(found[2]), minute=int(found[3]), second=0, microsecond=0)
    return (day - timedelta(days=1 if found[1] == "yesterday" else 0)).timestamp()


def _parse_iso(words: str) -> float | None:
    try:
        # Without a zone it is this machine's local time.
        return datetime.fromisoformat(words).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
