# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a step that know nothing of each other, two at a time; the log reads as if they had run one after the other."""

from __future__ import annotations

import pathlib
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .command import stop_commands

PLACES = 2

Part = TypeVar("Part")
Result = TypeVar("Result")


def side_by_side(parts: Sequence[Part], work: Callable[[Part, int, pathlib.Path], Result], log: pathlib.Path) -> list[Result]:
    """Do the same with each of several parts, and return the results in the order of the parts.

    Args:
        parts: what is worked on.
        work: gets a part, the number of the place that is free for it (0 or 1, for what two at a time must not share), and a log of its own.
        log: gets the logs of the parts in their order, when all have ended or one has broken off.

    Raises:
        Exception: the first that `work` raised, in the order of the parts; the others have come to their end by then.
        KeyboardInterrupt: the user's; the commands of all parts have been stopped.
    """
    free: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(PLACES):
        free.put(number)
    logs = [log.with_suffix(f".{number}.log") for number in range(len(parts))]

    def take(part: Part, own_log: pathlib.Path) -> Result:
        place = free.get()
        try:
            return work(part, place, own_log)
        finally:
            free.put(place)

    try:
        with ThreadPoolExecutor(PLACES) as pool:
            futures = [pool.submit(take, part, own_log) for part, own_log in zip(parts, logs, strict=True)]
            try:
                return [future.result() for future in futures]
            except KeyboardInterrupt:
                pool.shutdown(wait=False, cancel_futures=True)
                stop_commands()
                raise
    finally:
        _join_logs(logs, log)


def _join_logs(logs: Sequence[pathlib.Path], log: pathlib.Path) -> None:
    with open(log, "ab") as output:
        for own_log in logs:
            if own_log.exists():
                output.write(own_log.read_bytes())
                own_log.unlink()
