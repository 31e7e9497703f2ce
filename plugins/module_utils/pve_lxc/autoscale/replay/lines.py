# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``replay --stdio``: the judge's line protocol. One JSON object in for each interval, one with the limits wanted out.

The protocol is described in tests/benchmarks/judge/README.md; which guards are off, in rehearsal.py. ``max_cores`` and ``max_memory_mb``
of each line are the bounds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TextIO

from ...model.allocation import Allocation
from ...model.usage import MemorySource, UsageSample
from ...policy.settings.container import ContainerSettings
from ...policy.settings.policy import PolicySettings
from .rehearsal import NODE, Rehearsal, rehearsal_bounds, rehearsal_host, rehearsal_policy

# Recordings begin at 0, which the policy takes for "never": whole days are added, so that the time of day stays.
_TIME_OFFSET_SECONDS = 86400.0 * 11574


class LineReplay:
    """Sizes whatever containers the lines speak of.

    Args:
        policy: how they are sized, before the guards that a recording cannot show are switched off.
    """

    def __init__(self, policy: PolicySettings) -> None:
        self._policy = policy
        self._rehearsals: dict[int, Rehearsal] = {}

    def answer(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``{"cores": ..., "memory_mb": ...}`` for one line; null for a resource that the line does not have."""
        vmid = int(line["vmid"])
        if line.get("reset") or vmid not in self._rehearsals:
            self._rehearsals[vmid] = _begin(vmid, line, self._policy)
        sample, allocation = _read_sample(vmid, line), _read_allocation(line)
        target = self._rehearsals[vmid].decide(sample, allocation).target or allocation
        cores = target.cpulimit if line["limits"]["cpu_mode"] == "cpulimit" else target.cores
        return {"cores": cores if line.get("cores") is not None else None, "memory_mb": target.memory_mib if line.get("memory_mb") is not None else None}


def serve(lines: Iterable[str], out: TextIO, policy: PolicySettings) -> None:
    """Answer every line until there are no more; blank lines are passed over."""
    replay = LineReplay(policy)
    for line in lines:
        if line.strip():
            out.write(json.dumps(replay.answer(json.loads(line))) + "\n")
            out.flush()


def _begin(vmid: int, line: Mapping[str, Any], policy: PolicySettings) -> Rehearsal:
    limits = line["limits"]
    is_cpulimit = limits["cpu_mode"] == "cpulimit"
    step_cores = float(limits["cpu_granularity"])
    policy = replace(
        rehearsal_policy(policy, float(line["step_s"])),
        cpu_step_cores=step_cores if is_cpulimit else policy.cpu_step_cores,
        memory_step_mib=int(limits["mem_granularity_mb"]),
    )
    if line["phase"] == "warmup":
        # The judge says with the phase when the container may be sized; a cold start keeps the policy's own wait.
        policy = replace(policy, grow_only_history_seconds=0.0)
    bounds = rehearsal_bounds(limits["max_cores"], limits["max_memory_mb"], actuator="cpulimit" if is_cpulimit else "cores", cpu_step_cores=step_cores)
    return Rehearsal.begin(vmid, ContainerSettings(policy, bounds), rehearsal_host())


def _read_allocation(line: Mapping[str, Any]) -> Allocation:
    memory = line.get("memory_mb")
    cores = line.get("cores")
    memory_mib = None if memory is None else int(memory)
    if line["limits"]["cpu_mode"] == "cpulimit":
        return Allocation(cpulimit=cores, memory_mib=memory_mib)
    return Allocation(cores=None if cores is None else int(cores), memory_mib=memory_mib)


def _read_sample(vmid: int, line: Mapping[str, Any]) -> UsageSample:
    cores, memory, psi = line.get("cores"), line.get("mem_mb"), line["psi"]
    kills = line.get("oom_kill")
    return UsageSample(
        vmid=vmid,
        node=NODE,
        time_seconds=float(line["t"]) + _TIME_OFFSET_SECONDS,
        interval_seconds=float(line["step_s"]),
        cpu_cores=None if cores is None else line["cpu_fraction"] * cores,
        cpu_peak_cores=None if cores is None else line["cpu_fraction_max"] * cores,
        memory_mib=None if memory is None else float(memory),
        # The judge shows what the API shows: a kill has to be guessed, unless it tells of it.
        memory_source=MemorySource.API,
        swap_mib=float(line.get("swap_mb_used", 0)),
        cpu_pressure_percent=psi["cpu_some"],
        memory_pressure_percent=psi["mem_some"],
        memory_full_percent=psi["mem_full"],
        own_oom_kills=None if kills is None else int(kills),
    )
