# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do one thing for many containers, some at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# pveproxy and pvedaemon have three workers each: more requests at a time to one node gain nothing. Source: PVE::Service::pvedaemon, max_workers.
MAX_CONCURRENCY = 4

# All of them pass through the one node that was named, each over a connection of its own.
MAX_THREADS = 16


def run_each(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    concurrency: int,
    node_of: Callable[[Item], str] | None = None,
) -> list[Result]:
    """Return what ``work`` returns for each item, in the order of the items.

    Args:
        work: called by several threads at once; what it raises is raised here, and what was not begun then never is.
        items: may be empty.
        concurrency: items at a time, of one node if ``node_of`` is given; 1 to 4 of them are used. 100 items of three nodes and a concurrency of
            64 are worked on by 4 threads, with ``node_of`` by 12; a concurrency of 1 is one at a time in any case.
        node_of: returns the node that an item keeps busy.
    """
    wanted = max(1, min(concurrency, MAX_CONCURRENCY))
    if wanted == 1 or len(items) < 2:
        return [work(item) for item in items]
    # Imported here, because a task with one container never needs it and each import delays the module's start.
    from concurrent.futures import ThreadPoolExecutor

    nodes = [node_of(item) if node_of is not None else "" for item in items]
    counts = Counter(nodes)
    per_node = max(1, min(wanted, MAX_THREADS // len(counts)))
    with ExitStack() as stack:
        executors = {name: stack.enter_context(ThreadPoolExecutor(min(per_node, count), "containers")) for name, count in counts.items()}
        futures = [executors[name].submit(work, item) for name, item in zip(nodes, items)]
        try:
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()
