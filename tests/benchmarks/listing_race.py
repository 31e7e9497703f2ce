# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List 100 containers with their status, and once more with their configuration: our client against `pct list`, `pct status N`, `pct config N`.

Each contestant is a process of its own, from its start to its end.
"""

from __future__ import annotations

import pathlib
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from cluster import VENV_BIN, Target, process_environment
from figures import Figure, faster
from harness import Simulator

FOLDER = pathlib.Path(__file__).parent
ROUNDS = 5


def run_listing_race(simulator: Simulator, targets: Sequence[Target]) -> list[Figure]:
    """Return how we compare."""
    count = len(targets)
    started = time.monotonic()
    _pct("list")
    for target in targets:
        _pct("status", str(target.vmid))
        _pct("config", str(target.vmid))
    pct_seconds = time.monotonic() - started
    versus = f"pct list, {count} x (pct status, pct config) (modelled)"
    return [
        faster(f"list {count} containers with status", _client_seconds(simulator, "status", count), pct_seconds, versus, ">= 300"),
        faster(f"list {count} containers with status and configuration", _client_seconds(simulator, "config", count), pct_seconds, versus, ">= 300"),
    ]


def _pct(*arguments: str) -> None:
    subprocess.run([sys.executable, "-I", "-S", FOLDER / "pct_model.py", *arguments], stdin=subprocess.DEVNULL, check=True)


def _client_seconds(simulator: Simulator, what: str, count: int) -> float:
    """Return the median over some rounds; the first one, which compiles the library, is left out."""
    seconds = []
    for _round in range(ROUNDS + 1):
        started = time.monotonic()
        done = subprocess.run(
            [VENV_BIN / "python", FOLDER / "listing_client.py", what],
            env=process_environment(simulator, VENV_BIN),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
        seconds.append(time.monotonic() - started)
        if len(done.stdout.splitlines()) != count:
            raise RuntimeError(f"{count} lines were expected: {done.stdout[-500:]}")
    return statistics.median(seconds[1:])
