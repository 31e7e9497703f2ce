# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python tests/system/node/stay.py SUITE...``: boot nodes with a simulated cluster behind them and keep them until standard input ends or has a line."""

from __future__ import annotations

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "simulator")]

from support.booted.cluster import BootedCluster  # noqa: E402 - the folders above must be known first


def main(suites: list[str]) -> int:
    """Keep a cluster up and say how to use it."""
    with BootedCluster(suites or ["trixie"]) as cluster:
        print(f"inventory: {cluster.inventory()}")
        print(f"control:   {cluster.simulator.control_url}")
        for name, machine in cluster.machines.items():
            print(f"{name}: ssh {' '.join(machine.ssh_options)} root@{machine.address}")
        print("press Enter to end", flush=True)
        sys.stdin.readline()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
