# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real autoscale loop, one for each node, in one process and on the simulator's clock."""

from __future__ import annotations

import pathlib
import time
from typing import Any

import yaml
from harness import Simulator
from pve_lxc.autoscale.assembly import assemble
from pve_lxc.autoscale.config_file import read_config
from pve_lxc.autoscale.cycle import run_cycle
from pve_lxc.autoscale.metrics.tally import count_cycle
from pve_lxc.autoscale.parts import CycleParts, CycleResult

CYCLE_SECONDS = 300


class SimulatedClock:
    """The simulator's time for decisions; the machine's for waiting."""

    def __init__(self, now_seconds: float) -> None:
        self.now_seconds = now_seconds

    def now(self) -> float:
        return self.now_seconds

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def make_config(simulator: Simulator, node: str, folder: pathlib.Path) -> dict[str, Any]:
    """Return the configuration of one node's loop, as a file on that node would have it.

    Every loop has the least-privilege token of its own node and reads that node's cgroup files, which the simulator keeps.
    """
    token = f"lxc-autoscale@pve!node-{node}"
    secret_file = folder / f"{node}.token"
    secret_file.write_text(simulator.tokens[token], encoding="utf-8")
    secret_file.chmod(0o600)
    root = pathlib.Path(str(simulator.cgroup_root)) / node
    return {
        "node": node,
        "mode": "apply",
        "interval_seconds": CYCLE_SECONDS,
        "connection": {
            "host": simulator.host,
            "port": simulator.port,
            "token_id": token,
            "token_secret_file": str(secret_file),
            "fingerprint": simulator.fingerprint,
        },
        # The demo shows what the containers need, not what a first month in a home would dare: no floor at half of what was given,
        # and none at one core of CPU time.
        "bounds": {"allow_below_half": True, "min_cpu_cores": 0.2},
        "observe": {"source": "cgroup", "cgroup_root": str(root), "proc_root": str(root / "proc")},
        "state": {"path": str(folder / f"{node}.sqlite")},
    }


class Loops:
    """One loop for each node."""

    def __init__(self, simulator: Simulator, folder: pathlib.Path) -> None:
        self._simulator = simulator
        self.clock = SimulatedClock(simulator.state()["now"])
        self.config_paths: list[pathlib.Path] = []
        self._parts: list[CycleParts] = []
        for node in simulator.nodes:
            path = folder / f"{node}.yml"
            path.write_text(yaml.safe_dump(make_config(simulator, node, folder), sort_keys=False), encoding="utf-8")
            self.config_paths.append(path)
            self._parts.append(assemble(read_config(str(path)), self.clock))

    def step(self) -> list[CycleResult]:
        """Let five simulated minutes pass, then run one cycle on every node."""
        self.clock.now_seconds = self._simulator.advance(CYCLE_SECONDS)
        results = []
        for parts in self._parts:
            result = run_cycle(parts, "apply")
            # As the command `run` does: the report shows the kills that were counted.
            count_cycle(parts.state, result, parts.settings.general.policy, self.clock.now_seconds)
            results.append(result)
        return results

    def close(self) -> None:
        for parts in self._parts:
            parts.close()
