# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether it is off-peak, in the hours of a time zone."""

from __future__ import annotations

import datetime

from ...policy.settings.threshold import ThresholdSettings


def time_zone_of(name: str) -> datetime.tzinfo:
    """Return a time zone by its name; UTC is known on machines without tzdata, too.

    Raises:
        KeyError, OSError, ValueError: there is none of this name.
    """
    if name == "UTC":
        return datetime.UTC
    import zoneinfo

    return zoneinfo.ZoneInfo(name)


def is_off_peak(settings: ThresholdSettings, now: float) -> bool:
    """Return whether a moment lies in the off-peak hours; with 22 and 6 these are 22:00 to 05:59, with 1 and 5 they are 01:00 to 04:59."""
    hour = datetime.datetime.fromtimestamp(now, time_zone_of(settings.time_zone)).hour
    start, end = settings.off_peak_start_hour, settings.off_peak_end_hour
    return start <= hour < end if start < end else hour >= start or hour < end
