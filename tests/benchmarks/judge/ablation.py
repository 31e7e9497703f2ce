# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each part of the sizing buys: the judge's figures with one part taken away at a time.

Parts are taken away by settings that a configuration file could have as well, so nothing is changed but constants.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE), str(ROOT / "plugins" / "module_utils")]

import judge  # noqa: E402  (found by the line above)
from pve_lxc.autoscale.replay.lines import LineReplay  # noqa: E402
from pve_lxc.policy.settings.policy import PolicySettings  # noqa: E402
from pve_lxc.policy.settings.presets import PRESETS  # noqa: E402

NEVER_SECONDS = 30 * 86400.0
PARTS = {
    "balanced": {},
    "safe": PRESETS["safe"],
    "lean": PRESETS["lean"],
    # Where no time is ever enough only the quantile of all use is left.
    "without learnt head-room (quantile of all use only)": {"cpu_head_room_least_seconds": NEVER_SECONDS},
    "without its own history at saturation (always 1.6 times)": {"cpu_saturation_least_growth": 1.6, "cpu_saturation_largest_growth": 1.6},
    "the answer to a saturation not kept": {"cpu_saturation_hold_seconds": 0.0},
    "what a saturation was answered with waited for like the rest": {"cpu_saturation_waits": True},
    "average use only, no peaks": {"cpu_peak_share": 0.0},
    "CPU lowered after half an hour instead of an hour": {"cpu_shrink_wait_seconds": 1800.0},
    "every little growth of CPU carried out": {"cpu_grow_band": 0.0, "cpu_grow_band_use_share": 0.0},
    "memory room from the container's own history only": {"memory_general_hours": 1.0},
    "memory room from containers in general only": {"memory_general_hours": 10000.0},
    "past surprises taken as they were": {"memory_surprise_margin": 1.0},
    "memory lowered after an hour instead of six": {"memory_shrink_wait_seconds": 3600.0},
    "every little growth of memory carried out": {"memory_grow_least_share": 0.0},
}


class InProcess(judge.Sizer):
    """The replay's answers without a process of its own: the same functions, faster."""

    def __init__(self, policy: PolicySettings) -> None:
        self._replay = LineReplay(policy)
        self._is_first = True

    def init(self) -> None:
        self._is_first = True

    def step(self, obs: dict, oom: bool) -> tuple[float | None, float | None]:
        answer = self._replay.answer({**obs, "reset": self._is_first})
        self._is_first = False
        return answer["cores"], answer["memory_mb"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--traces", default=str(ROOT / "tests" / "traces"))
    parser.add_argument("--only", default="", help="only parts whose name contains this")
    arguments = parser.parse_args()
    traces = [judge.Trace(str(path)) for path in sorted(Path(arguments.traces).glob("*.csv")) if path.name != "MANIFEST.csv"]
    print("| part | cost | CPU slack / prov. | CPU unmet | memory slack / prov. | OOM / 1000 h | resizes / day |\n|---|---|---|---|---|---|---|")
    for name, settings in PARTS.items():
        if arguments.only not in name:
            continue
        policy = PolicySettings(**settings)
        records = [judge.metrics(trace, judge.simulate(trace, InProcess(policy), judge.Cfg(), 100 + number)) for number, trace in enumerate(traces)]
        row = judge.aggregate(records)
        figures = [f"{row['cost']:.3f}", *(f"{100 * row[key]:.2f} %" for key in ("cpu_slack_prov", "cpu_unmet", "mem_slack_prov"))]
        print("| " + " | ".join([name, *figures, f"{row['oom_kh']:.2f}", f"{row['resizes_day']:.2f}"]) + " |", flush=True)


if __name__ == "__main__":
    main()
