# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep Python's garbage collector out of a cycle."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """Leave the collector off for the time of a cycle.

    It looks for records that refer to each other in a circle. A cycle makes hundreds of thousands of records and none in a circle, so it looks again and
    again and finds nothing: a quarter to a third of the CPU time of a pass over 10,000 containers. What nobody refers to any more is freed at once as ever.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
