# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal G10: all containers with memory on one node that has 80 % of what they ask for; our sharing against first come first served.

Both see the same demand and ask with the same policy; only the giving differs. The node's memory is 80 % of the largest sum of what the
containers would be given on a node with room, and the sum of the limits never exceeds it. A step in which a container wants more than
its limit is one OOM step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import judge
from pve_lxc.autoscale.replay import LineReplay
from pve_lxc.policy.fair_share import Claim, share_memory
from pve_lxc.policy.settings import PolicySettings

SHORT_SHARE = 0.8
STEP_SECONDS = 300
GRANULE_MIB = 32

Give = Callable[[Mapping[int, float], Mapping[int, Claim], float], dict[int, float]]


def first_come_first_served(limits: Mapping[int, float], claims: Mapping[int, Claim], budget_mib: float) -> dict[int, float]:
    """Return what each gets when each in turn takes what it wants, as far as there is any."""
    given = dict(limits)
    for vmid, claim in claims.items():
        free = budget_mib - sum(given.values())
        given[vmid] = min(claim.wanted_mib, given[vmid] + max(free, 0.0))
    return given


def fairly(limits: Mapping[int, float], claims: Mapping[int, Claim], budget_mib: float) -> dict[int, float]:
    """Return what the policy's sharing gives; present limits do not matter to it."""
    return share_memory(claims, budget_mib)


def count_oom_steps(paths: list[str]) -> tuple[int, int, int]:
    """Return the OOM steps of our sharing and of first come first served, and the steps of all containers together."""
    traces = [trace for trace in (judge.Trace(path) for path in paths) if trace.has_mem and trace.step == STEP_SECONDS]
    length = min(trace.n for trace in traces)
    _ooms, largest = _run(traces, length, float("inf"), fairly)
    budget = SHORT_SHARE * largest
    ours, _asked = _run(traces, length, budget, fairly)
    theirs, _asked = _run(traces, length, budget, first_come_first_served)
    return ours, theirs, length * len(traces)


def _run(traces: list[judge.Trace], length: int, budget_mib: float, give: Give) -> tuple[int, float]:
    replay = LineReplay(PolicySettings())
    limits = {100 + number: min(trace.max_mem, budget_mib / len(traces)) for number, trace in enumerate(traces)}
    ooms, largest = 0, 0.0
    for step in range(length):
        claims = {}
        for number, trace in enumerate(traces):
            vmid = 100 + number
            demand, limit = float(trace.m[step]), limits[vmid]
            is_oom = demand > limit + 1e-6
            ooms += is_oom
            wanted = replay.answer(_line(vmid, step, demand, limit, trace.max_mem, is_oom=is_oom))["memory_mb"]
            claims[vmid] = Claim(used_mib=min(demand, limit), wanted_mib=min(float(wanted), trace.max_mem))
        asked = sum(claim.wanted_mib for claim in claims.values())
        # The first day begins at the maxima: what is asked there is not asked by the policy.
        largest = max(largest, asked) if step >= 288 else largest
        limits = {vmid: claim.wanted_mib for vmid, claim in claims.items()} if asked <= budget_mib else give(limits, claims, budget_mib)
    return ooms, largest


def _line(vmid: int, step: int, demand: float, limit: float, largest: float, *, is_oom: bool) -> dict:
    psi = {"cpu_some": 0.0, "mem_some": 50.0 if is_oom else judge.mem_psi(demand, limit), "mem_full": 25.0 if is_oom else 0.0}
    return {
        "t": float(step * STEP_SECONDS),
        "vmid": vmid,
        "step_s": STEP_SECONDS,
        "phase": "warmup",
        "reset": step == 0,
        "cores": None,
        "memory_mb": limit,
        "mem_mb": round(min(demand, limit)),
        "limits": {"max_cores": None, "max_memory_mb": largest, "cpu_mode": "cpulimit", "cpu_granularity": 0.1, "mem_granularity_mb": GRANULE_MIB},
        "psi": psi,
    }
