# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one cycle of the loop costs a node: the real command as a process, Python's start included.

``python tests/benchmarks/cycle_cost.py [COUNT ...]`` measures it alone. The process is started as on a node (compiled, ``python3 -I -B FOLDER run --quiet``),
reads a node's cgroup files on disk and talks TLS to a simulator in another process. Its state is warm: every container has two days of history with load of
all kinds, and its configuration is known. The mode is ``recommend``, so that each cycle finds the same.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

FOLDER = pathlib.Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
sys.path[:0] = [str(FOLDER), str(ROOT / "tests" / "simulator"), str(ROOT / "plugins" / "module_utils")]

from cluster import VENV_BIN  # noqa: E402  (found by the line above)
from decide_speed import grown, measure  # noqa: E402
from figures import Figure, format_table, needs  # noqa: E402
from harness import Simulator  # noqa: E402
from pve_lxc.policy.remember import memory_to_dict  # noqa: E402

COUNTS = (50, 100, 1_000, 10_000)
ROUNDS = 5
KINDS = 10
TOKEN = "lxc-autoscale@pve!node-pve1"
# Beside doing the same as the launcher on a node, it says at its end how much memory it held at most: what the kernel tells
# a parent (ru_maxrss) counts the parent's own memory too.
LAUNCHER = """\
import sys

from pve_lxc.cli import main

code = main()
sys.stderr.write(open("/proc/self/status", encoding="ascii").read())
raise SystemExit(code)
"""


@dataclass(frozen=True)
class Cost:
    """What one cycle took: seconds, seconds of CPU, MiB, requests to Proxmox."""

    wall_seconds: float
    cpu_seconds: float
    memory_mib: float
    requests: int


def run_cycle_cost(counts: tuple[int, ...] = COUNTS) -> list[Figure]:
    """Return what a cycle costs with so many containers, each figure against its goal or against the size before."""
    histories = [memory_to_dict(memory) for memory, _observation in grown(KINDS)]
    with tempfile.TemporaryDirectory(prefix="cycle-cost-") as folder:
        engine = _install(pathlib.Path(folder))
        costs = {count: _measure(pathlib.Path(folder) / str(count), engine, count, histories) for count in counts}
    figures: list[Figure] = []
    for count, cost in costs.items():
        figures += _figures_of(count, cost)
    for smaller, larger in zip(counts, counts[1:]):
        if smaller >= 100:
            times = larger / smaller
            name = f"growth from {smaller:,} to {larger:,} containers, CPU"
            figures.append(needs(name, costs[larger].cpu_seconds, times * costs[smaller].cpu_seconds, f"{times:.0f} cycles of {smaller:,}", "s", "<= 1"))
    return figures


def run_decide_cost(count: int = 10_000) -> list[Figure]:
    """Return what the policy alone takes for so many containers."""
    speed = measure(count)
    name = f"decide alone, {count:,} containers"
    return [
        needs(f"{name}, CPU", min(speed.seconds), 1.0, "the goal", "s", "<= 1"),
        needs(f"{name}, memory", speed.peak_mb, 100.0, "the goal", "MB", "<= 1"),
    ]


def _figures_of(count: int, cost: Cost) -> list[Figure]:
    name = f"cycle, {count:,} containers"
    goals = {50: (0.35, None, None), 1_000: (1.0, 60.0, 3)}.get(count, (None, None, None))
    figures = [needs(f"{name}, wall", cost.wall_seconds, cost.wall_seconds, "-", "s")]
    measured = (("CPU", cost.cpu_seconds, "s"), ("memory", cost.memory_mib, "MiB"), ("requests", float(cost.requests), ""))
    for (what, value, unit), goal in zip(measured, goals):
        if goal is None:
            figures.append(needs(f"{name}, {what}", value, value, "-", unit))
        else:
            figures.append(needs(f"{name}, {what}", value, goal, "the goal", unit, "<= 1"))
    return figures


def _install(folder: pathlib.Path) -> pathlib.Path:
    """Return a folder with the engine as the role leaves it on a node."""
    engine = folder / "engine"
    shutil.copytree(ROOT / "plugins" / "module_utils" / "pve_lxc", engine / "pve_lxc", ignore=shutil.ignore_patterns("__pycache__"))
    (engine / "__main__.py").write_text(LAUNCHER, encoding="utf-8")
    subprocess.run([VENV_BIN / "python", "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", engine / "pve_lxc"], check=True)
    return engine


def _measure(folder: pathlib.Path, engine: pathlib.Path, count: int, histories: list[dict[str, object]]) -> Cost:
    folder.mkdir()
    cgroup = folder / "cgroup"
    with Simulator(nodes=1, containers=count, auth_delay=0, cgroup_root=str(cgroup)) as simulator:
        config = _configure(folder, simulator)
        _run_one(engine, config)
        _age(folder / "state.sqlite", histories)
        costs = []
        for _round in range(ROUNDS + 1):
            simulator.advance(max(0.0, time.time() - simulator.advance(0)))
            simulator.reset_requests()
            wall, cpu, memory = _run_one(engine, config)
            costs.append(Cost(wall, cpu, memory, len(simulator.requests())))
    # The first of them wrote all rows anew. The least is the machine's own speed, what is more is the noise of others.
    warm = costs[1:]
    return Cost(*(min(getattr(cost, name) for cost in warm) for name in ("wall_seconds", "cpu_seconds", "memory_mib", "requests")))


def _configure(folder: pathlib.Path, simulator: Simulator) -> pathlib.Path:
    secret, config = folder / "secret", folder / "config.yaml"
    secret.write_text(simulator.tokens[TOKEN], encoding="utf-8")
    cgroup = folder / "cgroup" / "pve1"
    connection = {"host": "127.0.0.1", "port": simulator.port, "token_id": TOKEN, "token_secret_file": str(secret), "ca_file": simulator.ca_path}
    values = {
        "connection": connection,
        "node": "pve1",
        "mode": "recommend",
        "observe": {"cgroup_root": str(cgroup), "proc_root": str(cgroup / "proc"), "bootstrap": False},
        "state": {"path": str(folder / "state.sqlite")},
    }
    # JSON is YAML.
    config.write_text(json.dumps(values), encoding="utf-8")
    return config


def _age(path: pathlib.Path, histories: list[dict[str, object]]) -> None:
    """Give every container of a state a history; times are moved so that it ends now."""
    connection = sqlite3.connect(path)
    now = time.time()
    for vmid, body in connection.execute("SELECT vmid, body FROM memory").fetchall():
        entry = json.loads(body)
        history = histories[vmid % len(histories)]
        kept = {name: entry["memory"][name] for name in ("identity", "node", "baseline", "known", "last_uptime_seconds", "last_look_seconds")}
        shift = now - float(history["last_sample_seconds"])
        entry["memory"] = {**_moved(history, shift), **kept}
        connection.execute("UPDATE memory SET body = ? WHERE vmid = ?", (json.dumps(entry, separators=(",", ":")), vmid))
    connection.commit()
    connection.close()


def _moved(value: object, seconds: float) -> object:
    """Return the same with every time later by so many seconds; nothing else in a memory is as large as a time."""
    if isinstance(value, dict):
        return {name: _moved(one, seconds) for name, one in value.items()}
    if isinstance(value, list):
        return [_moved(one, seconds) for one in value]
    return value + seconds if isinstance(value, float) and value > 1e9 else value


def _run_one(engine: pathlib.Path, config: pathlib.Path) -> tuple[float, float, float]:
    """Run one cycle and return seconds, seconds of CPU and MiB."""
    command = [str(VENV_BIN / "python"), "-I", "-B", str(engine), "run", "--quiet", "--config", str(config)]
    begun = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        said = process.stderr.read()
        _pid, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - begun
    if process.returncode != 0:
        raise RuntimeError(f"the cycle ended with {process.returncode}: {said}")
    [line] = [line for line in said.splitlines() if line.startswith("VmHWM:")]
    return wall, used.ru_utime + used.ru_stime, float(line.split()[1]) / 1024


if __name__ == "__main__":
    print(format_table([*run_cycle_cost(tuple(int(text) for text in sys.argv[1:]) or COUNTS), *run_decide_cost()]))
