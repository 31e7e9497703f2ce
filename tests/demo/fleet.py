# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's containers: a small company on three nodes, sized as people size them, driven by real traces.

CPU and memory of a container may come from two recordings where the source recorded only one of the two; the scale fits the
recording to the container. What each container was given is what an administrator would have guessed: mostly too much, in two
cases too little.
"""

from __future__ import annotations

import pathlib
from dataclasses import dataclass
from typing import Any

TRACES = pathlib.Path(__file__).resolve().parents[1] / "traces"
NODE_CPUS = 16
NODE_MEMORY_MIB = 65536
# Where in the recordings the day before the demo begins, which Proxmox's records tell of: the second, so that no container starts at a
# recording's first minute.
OFFSET_SECONDS = 86400


@dataclass(frozen=True)
class Container:
    """One container of the demo.

    Attributes:
        cores: what it was given, as cores and as cpulimit.
        memory_mib: what it was given.
        cpu: trace of its CPU.
        memory: trace of its memory, and the scale it is used at.
        shmem_mib: part of its memory that is shared memory, which the API does not show.
    """

    vmid: int
    name: str
    node: str
    cores: int
    memory_mib: int
    cpu: str
    memory: tuple[str, float]
    shmem_mib: int = 0
    tags: tuple[str, ...] = ()


FLEET = (
    Container(101, "web", "pve1", 4, 4096, "azure-v1-8201", ("gcd2011-job3553754713", 1.0), tags=("frontend",)),
    Container(102, "shop", "pve1", 4, 4096, "azure-v1-1221771", ("gcd2011-job4047566818", 1.0), tags=("frontend",)),
    Container(103, "wiki", "pve1", 2, 2048, "azure-v1-1054036", ("gcd2011-job1759618836", 0.5)),
    Container(104, "mail", "pve1", 4, 2048, "azure-v1-929647", ("gcd2011-job4974630151", 0.5)),
    Container(105, "database", "pve1", 4, 12288, "gcd2011-job3996515221", ("gcd2011-job3996515221", 1.0), shmem_mib=1500, tags=("data",)),
    Container(106, "git", "pve1", 4, 6144, "azure-v1-964235", ("gcd2011-job5395569090", 1.0)),
    Container(107, "dns", "pve1", 1, 512, "nab-ec2_cpu_utilization_c6585a", ("gcd2011-job1759618836", 0.1)),
    Container(108, "cache", "pve1", 2, 4096, "azure-v1-715945", ("gcd2011-job4907063734", 1.0), shmem_mib=900, tags=("data",)),
    Container(111, "media", "pve2", 8, 12288, "gcd2011-job5017087569", ("gcd2011-job5017087569", 1.0)),
    Container(112, "builder", "pve2", 4, 8192, "azure-v1-1663289", ("gcd2011-job5423595874", 1.0)),
    Container(113, "search", "pve2", 8, 8192, "gcd2011-job3996529267", ("gcd2011-job3996529267", 1.0), tags=("data",)),
    Container(114, "queue", "pve2", 4, 2048, "azure-v1-817395", ("gcd2011-job4047566818", 0.5)),
    Container(115, "monitoring", "pve2", 6, 4096, "gcd2011-job5395569090", ("gcd2011-job5395569090", 1.0)),
    Container(116, "backup", "pve2", 2, 2048, "nab-ec2_cpu_utilization_77c1ca", ("gcd2011-job3553754713", 0.5)),
    Container(117, "proxy", "pve2", 4, 1024, "azure-v1-1641245", ("gcd2011-job1759618836", 0.3), tags=("frontend",)),
    Container(118, "chat", "pve2", 2, 2048, "azure-v1-948001", ("gcd2011-job4974630151", 0.7)),
    Container(121, "analytics", "pve3", 8, 16384, "gcd2011-job5932162535", ("gcd2011-job5932162535", 1.0)),
    Container(122, "warehouse", "pve3", 4, 20480, "gcd2011-job5163940467", ("gcd2011-job5163940467", 1.0), shmem_mib=4000, tags=("data",)),
    Container(123, "api", "pve3", 4, 8192, "gcd2011-job5423595874", ("gcd2011-job5423595874", 1.0), tags=("frontend",)),
    Container(124, "app", "pve3", 6, 4096, "gcd2011-job4907063734", ("gcd2011-job4907063734", 1.0), tags=("frontend",)),
    Container(125, "worker", "pve3", 4, 4096, "gcd2011-job4974630151", ("gcd2011-job4974630151", 1.0)),
    Container(126, "cron", "pve3", 1, 512, "nab-ec2_cpu_utilization_fe7f93", ("gcd2011-job3553754713", 0.4)),
    Container(127, "test", "pve3", 2, 2048, "nab-ec2_cpu_utilization_ac20cd", ("gcd2011-job1759618836", 1.0)),
    Container(128, "office", "pve3", 2, 2048, "azure-v1-1023683", ("gcd2011-job4047566818", 0.8)),
)
NODES = tuple(sorted({container.node for container in FLEET}))


def make_world() -> dict[str, Any]:
    """Return the simulator's world: nodes and containers; its format is described in tests/simulator/README.md."""
    nodes = [{"name": name, "cpus": NODE_CPUS, "memory_mib": NODE_MEMORY_MIB} for name in NODES]
    return {"traces": str(TRACES), "nodes": nodes, "guests": [_guest(container) for container in FLEET]}


def _guest(container: Container) -> dict[str, Any]:
    memory_trace, memory_scale = container.memory
    return {
        "vmid": container.vmid,
        "name": container.name,
        "node": container.node,
        "status": "running",
        "tags": ";".join(sorted(container.tags)) or None,
        "config": {"cores": container.cores, "cpulimit": container.cores, "memory": container.memory_mib},
        "cpu_trace": container.cpu,
        "memory_trace": memory_trace,
        "memory_scale": memory_scale,
        "trace_offset_seconds": OFFSET_SECONDS,
        "shmem_mib": container.shmem_mib,
    }
