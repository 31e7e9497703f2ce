# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long each kind of request takes on genuine Proxmox VE, for benchmarks: the simulator itself answers in a millisecond or two.

A file of service times is JSON: ``{"workers_per_node": 3, "requests": [{"method": "GET", "path": "REGULAR EXPRESSION", "milliseconds": [1, 2.5]}]}``.
The first entry that fits counts; the last should fit everything.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

NODE_PATTERN = re.compile(r"/nodes/([^/]+)")


@dataclass(frozen=True)
class Rule:
    """One kind of request with its shortest and longest time, in seconds."""

    method: str
    path: re.Pattern[str]
    shortest_seconds: float
    longest_seconds: float


class ServiceTimes:
    """Lets an answer take as long as the real one, counted from when a worker is free to what is sent."""

    def __init__(self, rules: list[Rule], workers_per_node: int | None, seed: int) -> None:
        """Take the rules; the same seed gives the same times in the same order of requests."""
        self._rules = rules
        self._workers_per_node = workers_per_node
        self._workers: dict[str, asyncio.Semaphore] = {}
        self._random = random.Random(seed)

    async def spend(self, method: str, path: str, respond: Callable[[], Awaitable[web.Response]]) -> web.Response:
        """Return what ``respond`` returns, no sooner than real Proxmox would."""
        async with self._worker(path):
            started = time.monotonic()
            response = await respond()
            await asyncio.sleep(max(0.0, self._seconds(method, path) - (time.monotonic() - started)))
            return response

    def _worker(self, path: str) -> AbstractAsyncContextManager[None]:
        if self._workers_per_node is None:
            return nullcontext()
        found = NODE_PATTERN.search(path)
        return self._workers.setdefault(found[1] if found else "", asyncio.Semaphore(self._workers_per_node))

    def _seconds(self, method: str, path: str) -> float:
        for rule in self._rules:
            if rule.method in (method, "*") and rule.path.search(path):
                return self._random.uniform(rule.shortest_seconds, rule.longest_seconds)
        return 0.0


def read_service_times(path: Path | None, seed: int) -> ServiceTimes:
    """Return the times in a file; without one every answer is sent at once.

    Raises:
        ValueError: it is no such file.
    """
    if path is None:
        return ServiceTimes([], None, seed)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rules = [Rule(entry["method"], re.compile(entry["path"]), *(float(value) / 1000 for value in entry["milliseconds"])) for entry in content["requests"]]
        return ServiceTimes(rules, int(content["workers_per_node"]), seed)
    except (KeyError, TypeError, re.error) as error:
        raise ValueError(f"{path}: not a file of service times: {error}") from None
