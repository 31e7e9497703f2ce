# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the work on clones is done: deadlines, concurrency, check mode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import Problem, RequestError

_LONGEST_SECONDS = 86400


@dataclass(frozen=True, slots=True)
class CloneSettings:
    """How the work is done.

    Attributes:
        timeout_seconds: how long one step (a clone, a snapshot, a start) may take, waiting for locks included.
        wait_seconds: how long a started clone may take until it answers; 0 does not wait.
        concurrency: how many clones are worked on at a time, 1 to 4.
        is_check: only predict.
    """

    timeout_seconds: float = 600.0
    wait_seconds: float = 120.0
    concurrency: int = 4
    is_check: bool = False


def parse_clone_settings(options: Mapping[str, Any], *, is_check: bool) -> CloneSettings:
    """Return the settings of ``timeout``, ``wait_timeout`` (seconds) and ``concurrency``.

    Raises:
        RequestError: a number is out of its range.
    """
    problems = []
    for key, lowest in (("timeout", 1), ("wait_timeout", 0)):
        if not lowest <= options[key] <= _LONGEST_SECONDS:
            problems.append(Problem(key, str(options[key]), f"allowed are {lowest} to {_LONGEST_SECONDS} seconds"))
    if problems:
        raise RequestError(problems)
    return CloneSettings(float(options["timeout"]), float(options["wait_timeout"]), int(options["concurrency"]), is_check)
