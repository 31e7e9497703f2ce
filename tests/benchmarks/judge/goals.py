# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make judge`: run the judge with every built-in sizer and ours, print its table, and hold the result against the goals one by one.

A goal that is not reached is said and is no error: the traces decide, and these are not the only ones. The exit code is 0 when the judge ran.
"""

from __future__ import annotations

import argparse
import math
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE), str(ROOT / "plugins" / "module_utils")]

import judge  # noqa: E402  (found by the line above)
import shortage  # noqa: E402

Rows = dict[str, dict[str, float]]
OURS = ("lxc-safe", "lxc-balanced", "lxc-lean")
DEFAULT = "lxc-balanced"
WITH_FORESIGHT = ("oracle", "static-p95-oracle", "static-peak-oracle")
# Ours is to be at most so many times the other's figure.
TIMES_UPSTREAM = {"cpu_slack_prov": 0.55, "cpu_unmet": 0.22, "mem_slack_prov": 0.68, "oom_kh": 0.08, "resizes_day": 0.45}
TIMES_VPA_LEAN = {"cpu_slack_prov": 1.0, "mem_slack_prov": 1.0, "cpu_unmet": 0.47, "oom_kh": 0.38}
TIMES_VPA = {"cpu_unmet": 0.17, "oom_kh": 0.25, "cpu_slack_prov": 1.25, "mem_slack_prov": 1.15}
TIMES_AUTOPILOT = {"cpu_slack_prov": 0.94, "cpu_unmet": 0.77, "oom_kh": 0.16, "mem_slack_prov": 1.25}
JUDGE_DEFAULTS = {"cpu_mode": "cpulimit", "cpu_gran": 0.1, "mem_gran": 32, "backlog": 0.0, "swap_mb": 0, "local": False, "warmup": True, "resolution": 0}


def run(paths: list[str], sizers: list[str], ours: tuple[str, ...], jobs: int, **options: object) -> list[dict]:
    """Return one record for each trace and sizer."""
    settings = {**JUDGE_DEFAULTS, **options}
    results = judge.run_builtin(paths, sizers, settings, "envelope", jobs)
    for name in ours:
        command = f"{shlex.quote(sys.executable)} -m pve_lxc replay --stdio --preset {name.removeprefix('lxc-')}"
        results += judge.run_external(paths, command, name, settings, "envelope", jobs)
    return results


def by_sizer(results: list[dict]) -> Rows:
    """Return the judge's aggregate of each sizer."""
    return {name: judge.aggregate([record for record in results if record["sizer"] == name]) for name in dict.fromkeys(r["sizer"] for r in results)}


def goal_lines(rows: Rows) -> list[str]:
    """Return goals G1 to G6, from the judge's defaults."""
    ours, upstream, vpa, autopilot = rows[DEFAULT], rows["upstream"], rows["vpa-inplace"], rows["autopilot-max"]
    lines = [
        judged("G1", "balanced against LXC AutoScale", against(ours, upstream, TIMES_UPSTREAM)),
        any_of("G2", "one preset against VPA in place", rows, lambda row: against(row, vpa, TIMES_VPA_LEAN)),
        judged("G3", "balanced against VPA in place", against(ours, vpa, TIMES_VPA)),
        any_of("G4", "one preset against Autopilot (max)", rows, lambda row: against(row, autopilot, TIMES_AUTOPILOT)),
    ]
    others = {name: row["cost"] for name, row in rows.items() if name not in OURS and not name.startswith(WITH_FORESIGHT)}
    best = min(others, key=lambda name: others[name])
    lines.append(judged("G5", f"cost below {best}'s, and 0.31 wanted", [at_most("cost", ours["cost"], others[best]), at_most("cost", ours["cost"], 0.31)]))
    lines.append(judged("G6", "calm", [at_most("resizes a day", ours["resizes_day"], 7), at_most("reversals a day", ours["osc_day"], 1.8)]))
    return lines


def further_lines(paths: list[str], all_sizers: list[str], jobs: int) -> list[str]:
    """Return goals G7 to G10, each from a run of its own."""
    minute = by_sizer(run(paths, [], (DEFAULT,), jobs, resolution=60))[DEFAULT]
    cold = by_sizer(run(paths, [], (DEFAULT,), jobs, warmup=False))[DEFAULT]
    cores = by_sizer(run(paths, [name for name in all_sizers if not name.startswith(WITH_FORESIGHT)], (DEFAULT,), jobs, cpu_mode="cores"))
    best_other = min(row["cost"] for name, row in cores.items() if name != DEFAULT)
    lines = [
        judged(
            "G7",
            "polling every 60 s",
            [
                at_most("unmet", 100 * minute["cpu_unmet"], 0.25, " %"),
                at_most("OOM/1000 h", minute["oom_kh"], 1.3),
                at_most("CPU slack", 100 * minute["cpu_slack_prov"], 20, " %"),
            ],
        ),
        judged("G8", "cold start", [at_most("OOM/1000 h", cold["oom_kh"], 4)]),
        judged("G9", "whole cores: cost below every other's", [at_most("cost", cores[DEFAULT]["cost"], best_other)]),
    ]
    return [*lines, shortage_line(paths)]


def shortage_line(paths: list[str]) -> str:
    """Return goal G10."""
    counted = shortage.count_oom_steps(paths)
    theirs, ours, limits = counted["fcfs"].ooms, counted["ours"], counted["limits"]
    figures = f"{ours.own} and {ours.by_node} by the node, against {theirs}"
    others = f"{limits.ooms} with the sum of limits as a budget, {counted['room'].ooms} on a node with room"
    checks = [at_most("share of OOM steps", ours.ooms / theirs if theirs else math.nan, 0.03), (figures, True), (others, True)]
    return judged("G10", "node with 80 % of the memory asked for", checks)


def against(ours: dict[str, float], other: dict[str, float], factors: dict[str, float]) -> list[tuple[str, bool]]:
    """Return one check for each figure: ours is at most so many times the other's."""
    return [at_most(name, ours[name], factor * other[name]) for name, factor in factors.items() if not math.isnan(other[name])]


def at_most(name: str, value: float, limit: float, unit: str = "") -> tuple[str, bool]:
    """Return how a figure stands against its limit, and whether it holds."""
    return f"{name} {value:.4g}{unit} (<= {limit:.4g}{unit})", value <= limit


def judged(goal: str, about: str, checks: list[tuple[str, bool]]) -> str:
    """Return one goal's line; figures that miss are marked."""
    shown = ", ".join(text if holds else f"{text} MISSED" for text, holds in checks)
    return f"{goal:4} {'reached' if all(holds for _text, holds in checks) else 'missed ':8} {about}: {shown}"


def any_of(goal: str, about: str, rows: Rows, check: Callable[[dict[str, float]], list[tuple[str, bool]]]) -> str:
    """Return the line of the preset that reaches a goal, else of the one that misses the fewest figures."""
    tried = [(sum(not holds for _text, holds in check(rows[name])), name, check(rows[name])) for name in OURS]
    _missed, name, checks = min(tried, key=lambda entry: entry[0])
    return judged(goal, f"{about} ({name})", checks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--traces", default=str(ROOT / "tests" / "traces"))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--shortage-only", action="store_true", help="goal G10 alone, which takes a minute")
    arguments = parser.parse_args()
    os.environ["PYTHONPATH"] = str(ROOT / "plugins" / "module_utils")
    paths = sorted(str(path) for path in Path(arguments.traces).glob("*.csv") if path.name != "MANIFEST.csv")
    if arguments.shortage_only:
        print(shortage_line(paths))
        return
    sizers = list(judge.SIZERS)
    results = run(paths, sizers, OURS, arguments.jobs)
    for title in ["all sources", *sorted({record["source"] for record in results})]:
        chosen = results if title == "all sources" else [record for record in results if record["source"] == title]
        print(judge.table(chosen, [*sizers, *OURS], f"{title}, {len(paths)} traces" if title == "all sources" else f"source: {title}")[1])
    for line in [*goal_lines(by_sizer(results)), *further_lines(paths, sizers, arguments.jobs)]:
        print(line)


if __name__ == "__main__":
    main()
