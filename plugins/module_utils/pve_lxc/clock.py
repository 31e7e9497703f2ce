# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time, in one place, so that it can be an argument."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What the library needs to know of time."""

    def now(self) -> float:
        """Return seconds since 1970 (UTC), as a wall clock shows them; may jump."""

    def monotonic(self) -> float:
        """Return seconds that only grow; for deadlines."""

    def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return seconds since 1970 (UTC)."""
        return time.time()

    def monotonic(self) -> float:
        """Return the kernel's monotonic seconds."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        time.sleep(seconds)
