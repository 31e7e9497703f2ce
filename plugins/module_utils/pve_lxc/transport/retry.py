# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When to try again, and how long to wait before it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import ProxmoxAPIError, ProxmoxConnectionError, ProxmoxTimeoutError

# A proxy in between, or a worker of pveproxy that just restarts: the request was not carried out by the node.
TRANSIENT_STATUSES = frozenset({502, 503, 504, 596, 599})
FIRST_DELAY_SECONDS = 0.25
LONGEST_DELAY_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how far apart.

    Attributes:
        retries: tries after the first.
        uniform: ``random.uniform``, or a fixed one in tests.
    """

    retries: int
    uniform: Callable[[float, float], float] = random.uniform

    def delay_seconds(self, attempt: int) -> float:
        """Return the wait before try ``attempt + 2``: doubling from 0.25 s up to 4 s, of which a random half is taken off.

        Attempt 0 waits 0.125-0.25 s, attempt 2 waits 0.5-1.0 s.
        """
        longest: float = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0**attempt)
        return self.uniform(longest / 2, longest)


def may_retry(error: ProxmoxAPIError, method: str) -> bool:
    """Return whether the same request may be sent again without asking anybody.

    A read may after every failure to answer. A write may only when it certainly was not sent; one that may have
    arrived is settled by reading first, which is the operation's to do.
    """
    if isinstance(error, ProxmoxConnectionError):
        return method == "GET" or not error.is_sent
    if isinstance(error, ProxmoxTimeoutError):
        return not error.is_sent
    return method == "GET" and error.status in TRANSIENT_STATUSES
