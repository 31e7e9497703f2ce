# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make demo``: a simulated cluster, the real playbooks and the real autoscale loop, through two days in about a minute."""

from __future__ import annotations

import argparse
import functools
import os
import pathlib
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests" / "simulator"), str(ROOT / "plugins" / "module_utils")]

from fleet import FLEET, NODES, make_world  # noqa: E402
from harness import Simulator  # noqa: E402
from loops import CYCLE_SECONDS, Loops  # noqa: E402
from plays import PlayError, make_environment, play  # noqa: E402
from pve_lxc.autoscale.assembly import connect_backend  # noqa: E402
from pve_lxc.autoscale.config_file import read_config  # noqa: E402
from pve_lxc.autoscale.report.data import make_report  # noqa: E402
from pve_lxc.autoscale.report.page import format_page  # noqa: E402
from pve_lxc.autoscale.report.read import gather  # noqa: E402
from pve_lxc.autoscale.report.times import parse_zone  # noqa: E402
from result import Row, add_up, make_row  # noqa: E402
from terminal import Progress, format_table  # noqa: E402

SECONDS_PER_DAY = 86400
# Monday, 5 January 2026, 00:00 UTC: the same start, and so the same table, each time.
START_TIME_SECONDS = 1767571200
# The containers have run for a day when the loop first sees them, as on any node; Proxmox's records of it are what it begins with.
HISTORY_HOURS = 24


def say(text: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def indent(text: str) -> str:
    """Return what a playbook printed, without its empty lines and set off from ours."""
    return "\n".join(f"  | {line}" for line in text.splitlines() if line.strip())


def show_plays(simulator: Simulator, folder: pathlib.Path) -> None:
    """Play what an operator would: look, try a resize, do it, do it again."""
    environment = make_environment(simulator, folder)
    say("1. Facts, with one request for the whole cluster")
    say("   ansible-playbook autoscale.proxmox.facts -e lxc_tags=data")
    say(indent(play("facts", environment, lxc_tags="data")))
    wish = {"lxc_vmids": "103,104", "lxc_memory": "+256", "lxc_cores": "3"}
    say("\n2. A resize: first only shown, then done, then done again, which changes nothing")
    say("   ansible-playbook autoscale.proxmox.resize --check --diff -e lxc_vmids=103,104 -e lxc_cores=3 -e lxc_memory=+256")
    say(indent(play("resize", environment, "--check", "--diff", **wish)))
    absolute = {"lxc_vmids": "103,104", "lxc_cores": "3"}
    say("\n   ansible-playbook autoscale.proxmox.resize -e lxc_vmids=103,104 -e lxc_cores=3")
    say(indent(play("resize", environment, **absolute)))
    say("\n   the same again")
    say(indent(play("resize", environment, **absolute)))


def run_loops(simulator: Simulator, folder: pathlib.Path, days: float) -> list[Row]:
    """Let the loops of all nodes work through the days and return the result for each container."""
    loops = Loops(simulator, folder)
    cycles = round(days * SECONDS_PER_DAY / CYCLE_SECONDS)
    begin = simulator.state()["guests"]
    changes = {container.vmid: 0 for container in FLEET}
    last_day_begins = max(0, cycles - SECONDS_PER_DAY // CYCLE_SECONDS)
    middle = begin
    progress = Progress(cycles)
    try:
        for cycle in range(1, cycles + 1):
            for result in loops.step():
                for outcome in result.outcomes:
                    if outcome.is_changed and outcome.vmid is not None:
                        changes[outcome.vmid] += 1
            hours = cycle * CYCLE_SECONDS / 3600
            if cycle == last_day_begins:
                middle = simulator.state()["guests"]
            progress.show(cycle, f"day {1 + int(hours // 24)}, {int(hours % 24):02d}:{int(hours * 60 % 60):02d}, {sum(changes.values())} changes")
    finally:
        loops.close()
    end = simulator.state()["guests"]
    hours = (cycles * CYCLE_SECONDS / 3600, (cycles - last_day_begins) * CYCLE_SECONDS / 3600)
    return [make_row((begin[str(vmid)], middle[str(vmid)], end[str(vmid)]), hours, changes[vmid]) for vmid in changes]


def write_report(configs: Sequence[pathlib.Path], simulator: Simulator, folder: pathlib.Path) -> pathlib.Path:
    """Write what `lxc-autoscale report` would, of the loops of all nodes in one page, and return where."""
    now = simulator.state()["now"]
    gathered = []
    for path in configs:
        config = read_config(str(path))
        gathered.append(gather(config, functools.partial(connect_backend, config), "week", now))
    page = folder / "report.html"
    page.write_text(format_page(make_report(gathered, "week", now), parse_zone("UTC")), encoding="utf-8")
    return page


def parse_arguments() -> argparse.Namespace:
    """Return the options; see ``DEMO_OPTIONS`` in the Makefile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=float, default=2.0, help="simulated days (default 2)")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / ".cache" / "demo", help="where the report goes")
    parser.add_argument("--no-plays", action="store_true", help="only the autoscale loop")
    return parser.parse_args()


def main() -> int:
    """Run the demo; return 0, or 1 when a playbook failed."""
    arguments = parse_arguments()
    began = time.monotonic()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    arguments.folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="demo-") as scratch:
        folder = pathlib.Path(scratch)
        with Simulator(
            world=make_world(), cgroup_root=folder / "cgroup", task_seconds=0.5, start_time=START_TIME_SECONDS, history_hours=HISTORY_HOURS
        ) as simulator:
            say(f"A simulated Proxmox VE cluster at {simulator.url}: {len(NODES)} nodes, {len(FLEET)} containers under real load traces\n")
            if not arguments.no_plays:
                try:
                    show_plays(simulator, folder)
                except PlayError as error:
                    say(str(error))
                    return 1
            say("\n3. The autoscale loop on each node, every five minutes")
            say("   Proxmox's records of the day before are enough to lower CPU; memory waits for a day of the loop's own, for records leave shared memory out")
            rows = run_loops(simulator, arguments.folder, arguments.days)
            report = write_report([arguments.folder / f"{node}.yml" for node in NODES], simulator, arguments.folder)
    totals = add_up(rows)
    say()
    say(format_table(rows, totals))
    say(f"\n  On the last day {totals.cpu_freed_percent:.0f} % less CPU and {totals.memory_freed_percent:.0f} % less memory was given than at the start.")
    say("  saved: what the containers were given at the start, less what they were given over time; a minus means that one needed more.")
    say("  CPU unmet: work that had to wait because of the limit. OOM: processes killed because the memory did not suffice.")
    say(f"\nReport: {report}")
    config = os.path.relpath(arguments.folder / f"{NODES[0]}.yml")
    say("Ask the loop why:")
    say(f"  PYTHONPATH=plugins/module_utils .venv/bin/python -m pve_lxc explain 105 --config {config}")
    say(f"\nDone in {time.monotonic() - began:.0f} s.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
