# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""100 containers get other cores: one lxc_resize, a loop over community.proxmox.proxmox, and a shell loop of `pct set`; then the same again.

Compared is what the one task takes inside of ansible-playbook (whose own start is the same for both and is left out), and for the shell the loop.
"""

from __future__ import annotations

import datetime
import json
import pathlib
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from cluster import BENCH_BIN, CACHE, Target, process_environment
from figures import Figure, faster
from harness import Simulator

PCT_MODEL = pathlib.Path(__file__).with_name("pct_model.py")
# Values that no container of the simulator begins with: one for each of our rounds, and one for theirs.
OUR_CORES, THEIR_CORES = (5, 6, 7), 8


def run_resize_race(simulator: Simulator, targets: Sequence[Target]) -> list[Figure]:
    """Return how we compare when everything changes and when nothing does.

    Ours is the median of three rounds, before, between and after the others, whose one round is long enough to even out by itself.
    """
    theirs = {
        "community.proxmox.proxmox": {"vmid": "{{ item.vmid }}", "node": "{{ item.node }}", "hostname": "{{ item.name }}", "cores": THEIR_CORES},
        "loop": [{"vmid": target.vmid, "node": target.node, "name": target.name} for target in targets],
        "loop_control": {"label": "{{ item.vmid }}"},
    }
    rounds = [_twice(simulator, _our_task(targets, OUR_CORES[0]), targets, OUR_CORES[0])]
    their_seconds = _twice(simulator, theirs, targets, THEIR_CORES)
    rounds.append(_twice(simulator, _our_task(targets, OUR_CORES[1]), targets, OUR_CORES[1]))
    pct_seconds = _pct_loop_seconds(targets)
    rounds.append(_twice(simulator, _our_task(targets, OUR_CORES[2]), targets, OUR_CORES[2]))
    figures = []
    for kind, goal in (("changed", ">= 25"), ("unchanged", ">= 40")):
        name = f"resize {len(targets)} containers, {kind}"
        our_seconds = statistics.median(seconds[kind] for seconds in rounds)
        figures.append(faster(name, our_seconds, their_seconds[kind], "loop over community.proxmox.proxmox", goal))
        figures.append(faster(name, our_seconds, pct_seconds, "shell loop of pct set (modelled)"))
    return figures


def _our_task(targets: Sequence[Target], cores: int) -> dict[str, Any]:
    return {"autoscale.proxmox.lxc_resize": {"containers": [{"vmid": target.vmid} for target in targets], "cores": str(cores)}}


def _twice(simulator: Simulator, task: Mapping[str, Any], targets: Sequence[Target], cores: int) -> dict[str, float]:
    """Return the seconds of a task that changes everything and of the same task again, which changes nothing."""
    seconds = {}
    for kind, expected in (("changed", len(targets)), ("unchanged", 0)):
        before = {vmid: guest["config_writes"] for vmid, guest in simulator.state()["guests"].items()}
        seconds[kind] = _task_seconds(simulator, task)
        guests = simulator.state()["guests"]
        written = [vmid for vmid, guest in guests.items() if guest["config_writes"] != before[vmid]]
        wrong = [target.vmid for target in targets if int(guests[str(target.vmid)]["config"]["cores"]) != cores]
        if len(written) != expected or wrong:
            raise RuntimeError(f"{kind}: {len(written)} containers were written, {expected} expected; without {cores} cores: {wrong[:5]}")
    return seconds


def _task_seconds(simulator: Simulator, task: Mapping[str, Any]) -> float:
    """Return how long the one task of a playbook took, by Ansible's own account."""
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "tasks": [dict(task)],
    }
    playbook = CACHE / "race.json"
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    done = subprocess.run(
        [BENCH_BIN / "ansible-playbook", playbook],
        env=process_environment(simulator, BENCH_BIN),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"ansible-playbook ended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
    duration = json.loads(done.stdout)["plays"][0]["tasks"][0]["task"]["duration"]
    start, end = (datetime.datetime.fromisoformat(duration[name]) for name in ("start", "end"))
    return (end - start).total_seconds()


def _pct_loop_seconds(targets: Sequence[Target]) -> float:
    """Return how long a shell loop of `pct set` takes; `pct set` writes whether or not anything differs."""
    script = 'for vmid in "$@"; do "$PYTHON" -I -S "$MODEL" set "$vmid" --cores 7 || exit 1; done'
    started = time.monotonic()
    environment = {"PYTHON": sys.executable, "MODEL": str(PCT_MODEL), "PATH": "/usr/bin:/bin"}
    subprocess.run(["/bin/sh", "-c", script, "sh", *(str(target.vmid) for target in targets)], env=environment, stdin=subprocess.DEVNULL, check=True)
    return time.monotonic() - started
