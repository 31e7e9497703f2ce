# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the policy takes for a node's containers in one cycle, and how much memory: ``python tests/benchmarks/decide_speed.py [COUNT]``.

The containers have two days of history with load of all kinds, made by the policy itself; one cycle in the midst of their life is timed.
"""

from __future__ import annotations

import gc
import random
import sys
import time
import tracemalloc
from dataclasses import dataclass, replace
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "plugins" / "module_utils")]

from pve_lxc.autoscale.collection import without_collection  # noqa: E402  (found by the line above)
from pve_lxc.model.allocation import Allocation  # noqa: E402
from pve_lxc.model.guest import Guest, GuestConfig  # noqa: E402
from pve_lxc.model.node import Node  # noqa: E402
from pve_lxc.model.usage import HostUsage, MemorySource, UsageSample  # noqa: E402
from pve_lxc.policy.adopt import record_write  # noqa: E402
from pve_lxc.policy.decide import decide  # noqa: E402
from pve_lxc.policy.observation import HostState, Observation  # noqa: E402
from pve_lxc.policy.remember import ContainerMemory, memory_from_dict, memory_to_dict  # noqa: E402
from pve_lxc.policy.settings.container import SettingsBook  # noqa: E402
from pve_lxc.policy.settings.policy import PolicySettings  # noqa: E402

KINDS = 40
HISTORY_SECONDS = 2 * 86400
START_SECONDS = 1_800_000_000.0
HOST = HostState(Node("pve1", "online", cgroup_mode=2), HostUsage("pve1", 8192.0, 2.0**30, 2.0**29, 0.0, 30.0))


def observation(vmid: int, now: float, cpu_cores: float, memory_mib: float, allocation: Allocation) -> Observation:
    sample = UsageSample(
        vmid, "pve1", now, 60.0, cpu_cores, cpu_cores * 1.2, memory_mib, MemorySource.CGROUP,
        memory_pressure_percent=0.0, memory_full_percent=0.0, own_oom_kills=0, foreign_oom_kills=0,
    )  # fmt: skip
    guest = Guest(vmid, f"ct{vmid}", "pve1", "running", uptime_seconds=now - START_SECONDS + 900_000)
    return Observation(guest, GuestConfig(vmid, "pve1", "", allocation), sample)


def grown(kinds: int) -> list[tuple[ContainerMemory, Observation]]:
    """Return containers of several kinds, each with a level and a restlessness of its own: what is remembered, and the next observation."""
    numbers = random.Random(1)
    book = SettingsBook()
    found = []
    for _kind in range(kinds):
        level, restless = numbers.uniform(0.05, 1.5), numbers.uniform(0.05, 1.0)
        known: dict[int, ContainerMemory] = {}
        allocation = Allocation(cores=4, cpulimit=2.0, memory_mib=2048, swap_mib=512)
        for second in range(0, HISTORY_SECONDS + 1, 300):
            cpu = min(level * numbers.lognormvariate(0, restless), allocation.cpulimit)
            memory = min(300 + 700 * level * numbers.lognormvariate(0, restless / 3), 0.95 * allocation.memory_mib)
            now = START_SECONDS + second
            looked = observation(101, now, cpu, memory, allocation)
            if second == HISTORY_SECONDS:
                found.append((known[101], looked))
                break
            (decision,), known = decide([looked], known, book, HOST, now)
            if decision.is_change:
                allocation = decision.target
                known = {101: record_write(known[101], allocation, now)}
    return found


def renumbered(looked: Observation, vmid: int) -> Observation:
    """Return the observation of another container of the same kind."""
    return replace(looked, guest=replace(looked.guest, vmid=vmid), config=replace(looked.config, vmid=vmid), sample=replace(looked.sample, vmid=vmid))


@dataclass(frozen=True)
class Speed:
    """What one pass took: CPU seconds of each try, memory in MB at its peak and of its result, decisions and how many of them are changes."""

    seconds: tuple[float, ...]
    peak_mb: float
    result_mb: float
    decisions: int
    changes: int


def measure(count: int) -> Speed:
    """Return what one pass over so many containers takes."""
    kinds = grown(KINDS)
    policy = PolicySettings()
    now = START_SECONDS + HISTORY_SECONDS
    # Each container has records of its own, as after reading the state.
    documents = [memory_to_dict(memory) for memory, _observation in kinds]
    memories = {101 + number: memory_from_dict(documents[number % KINDS], policy) for number in range(count)}
    observations = [renumbered(kinds[number % KINDS][1], 101 + number) for number in range(count)]
    memories = {vmid: replace(memory, identity=f"{vmid}||") for vmid, memory in memories.items()}
    seconds = []
    for _round in range(3):
        gc.collect()
        with without_collection():
            begun = time.process_time()
            decisions, _memories = decide(observations, memories, SettingsBook(), HOST, now)
            seconds.append(time.process_time() - begun)
    changes = sum(decision.is_change for decision in decisions)
    tracemalloc.start()
    result = decide(observations, memories, SettingsBook(), HOST, now)
    used, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return Speed(tuple(seconds), peak / 1e6, used / 1e6, len(result[0]), changes)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    speed = measure(count)
    seconds = speed.seconds
    print(f"{count} containers: {min(seconds):.2f} s of CPU ({', '.join(f'{second:.2f}' for second in seconds)}), {speed.changes} changes decided")
    print(f"memory of one pass: {speed.peak_mb:.0f} MB at its peak, {speed.result_mb:.0f} MB of it the result ({speed.decisions} decisions)")


if __name__ == "__main__":
    main()
