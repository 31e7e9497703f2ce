# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: how fast we are, against what people use, in ratios of one run.

Nothing here is a test: the figures depend on the machine. The table ends with what was measured against; it is kept as JSON in .cache/bench/.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import platform
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
sys.path[:0] = [str(FOLDER), str(ROOT / "tests" / "simulator"), str(ROOT / "plugins" / "module_utils")]

from client_race import run_history_race, run_overhead  # noqa: E402
from cluster import BENCH_BIN, CACHE, NODES, SERVICE_TIMES, start_cluster, targets_of  # noqa: E402
from cycle_cost import run_cycle_cost, run_decide_cost  # noqa: E402
from figures import Figure, format_table, write_json  # noqa: E402
from listing_race import run_listing_race  # noqa: E402
from module_start import run_module_start  # noqa: E402
from resize_race import run_resize_race  # noqa: E402

RACES = ("history", "overhead", "start", "listing", "resize", "cycle")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--containers", type=int, default=100, help="how many; the goals are for 100")
    parser.add_argument("--only", choices=RACES, action="append", help="one of the races; may be repeated")
    return parser.parse_args()


def run_races(containers: int, chosen: list[str]) -> list[Figure]:
    """Return the figures of these races, each against a cluster of its own."""
    figures: list[Figure] = []
    for race in chosen:
        print(f"[bench] {race} ...", file=sys.stderr, flush=True)
        if race == "cycle":
            # Against clusters of several sizes, whose answers take no time: what it costs the node is looked at.
            figures += [*run_cycle_cost(), *run_decide_cost()]
            continue
        with start_cluster(containers) as simulator:
            targets = targets_of(simulator)
            if race == "history":
                figures += run_history_race(simulator, targets)
            elif race == "overhead":
                figures += run_overhead(simulator, targets)
            elif race == "start":
                figures += run_module_start(simulator, targets[0].vmid)
            elif race == "listing":
                figures += run_listing_race(simulator, targets)
            else:
                figures += run_resize_race(simulator, targets)
    return figures


def describe_circumstances(containers: int) -> dict[str, object]:
    """Return what the figures depend on."""
    listed = subprocess.run(
        [BENCH_BIN / "ansible-galaxy", "collection", "list", "community.proxmox", "--format", "json"], capture_output=True, text=True, check=True
    )
    [versions] = json.loads(listed.stdout).values()
    core = subprocess.run([BENCH_BIN / "ansible", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    return {
        "containers": containers,
        "nodes": NODES,
        "python": platform.python_version(),
        "ansible": core,
        "community.proxmox": versions["community.proxmox"]["version"],
        "service_times": json.loads(SERVICE_TIMES.read_text(encoding="utf-8")),
        "pct": "modelled by a process that keeps a CPU busy for the 0.8 s that the real one was measured to take",
    }


def main() -> int:
    """Run the races; the exit code is 1 when a goal was missed."""
    options = parse_arguments()
    chosen = options.only or list(RACES)
    circumstances = describe_circumstances(options.containers)
    figures = run_races(options.containers, chosen)
    CACHE.mkdir(parents=True, exist_ok=True)
    write_json(CACHE / "figures.json", figures, circumstances)
    table = format_table(figures)
    (CACHE / "table.txt").write_text(table + "\n", encoding="utf-8")
    print(table)
    print(f"\n{circumstances['ansible']}, community.proxmox {circumstances['community.proxmox']}, python {circumstances['python']},")
    print(f"{options.containers} containers on {NODES} nodes. The simulator answers in the times measured on genuine")
    print(f"Proxmox VE ({SERVICE_TIMES.relative_to(ROOT)}).")
    print(f"pct is {circumstances['pct']}. JSON: {(CACHE / 'figures.json').relative_to(ROOT)}")
    missed = [figure.name for figure in figures if not figure.is_met]
    print(f"{len(figures) - len(missed)} of {len(figures)} figures meet their goal or have none" + (f"; missed: {', '.join(missed)}" if missed else ""))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
