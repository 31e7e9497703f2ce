# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The default world: a cluster of ordinary nodes with containers, one template and one virtual machine."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

from .default_identities import make_identities
from .guest_fields import make_guest
from .guest_parts import GIB
from .trace import Trace
from .world import Node, Storage, World

FIRST_VMID = 101
TEMPLATE_VMID = 9000
MACHINE_VMID = 5000
DAY_SECONDS = 86400
NAMES = (
    "web", "api", "database", "cache", "mail", "wiki", "git", "builder", "monitor", "proxy", "files", "photos",
    "calendar", "chat", "search", "queue", "metrics", "backup", "media", "shop", "forum", "ldap", "dns", "printer",
)  # fmt: skip
TAGS = ("prod;web", "prod;web", "database;prod", "prod", "infra", "dev")
POOLS = {"production": "what customers see", "development": "may break"}
NODE_CPUS = 16
NODE_MEMORY_MIB = 65536


def make_cluster(nodes: int, containers: int, seed: int, now: float, traces: Mapping[str, Trace]) -> World:
    """Return a cluster; every container runs, its demand comes from the traces or is constant.

    Args:
        nodes: how many nodes, named pve1 and so on.
        containers: how many containers, vmids from 101, spread over the nodes in turn.
        traces: by name; CPU and memory of one container may come from two traces.
    """
    world = World(now=now, seed=seed, random=random.Random(seed))
    for number in range(1, nodes + 1):
        name = f"pve{number}"
        fingerprint = ":".join(f"{world.random.randrange(256):02X}" for _part in range(32))
        world.nodes[name] = Node(name, NODE_CPUS, NODE_MEMORY_MIB, address=f"10.99.0.{number}", ssl_fingerprint=fingerprint, started_at=now - 30 * DAY_SECONDS)
    world.storages = {
        "local": Storage(
            "local", "dir", ("rootdir", "images", "vztmpl", "backup"), 500 * GIB, 40 * GIB, templates=("local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst",)
        ),
        "local-btrfs": Storage("local-btrfs", "btrfs", ("rootdir", "images"), 1000 * GIB, 120 * GIB),
    }
    world.pools = dict(POOLS)
    world.identities = make_identities(world.nodes, seed)
    for number in range(containers):
        make_guest(world, _container(world, number, traces), traces)
    _add_others(world)
    return world


def _container(world: World, number: int, traces: Mapping[str, Trace]) -> dict[str, object]:
    """Return the fields of one container."""
    vmid = FIRST_VMID + number
    name = NAMES[number % len(NAMES)] + (f"-{number // len(NAMES) + 1}" if number >= len(NAMES) else "")
    node_names = list(world.nodes)
    chance = random.Random(f"{world.seed} {vmid}")
    cores, memory_mib = chance.choice((1, 2, 2, 4)), chance.choice((512, 1024, 2048, 4096))
    demand: dict[str, object] = {
        "cpu_cores": round(cores * chance.uniform(0.05, 0.6), 3),
        "anon_mib": round(memory_mib * chance.uniform(0.2, 0.5)),
        "shmem_mib": chance.choice((0, 0, 8, 32)),
        "mapped_mib": chance.choice((16, 32, 48)),
        "cache_mib": round(memory_mib * 0.15),
        "slab_mib": 12,
    }
    traced = _trace_fields(number, traces)
    cores = int(traced.pop("cores", cores))
    memory_mib = int(traced.pop("memory_mib", memory_mib))
    for key in traced:
        demand.pop({"cpu_trace": "cpu_cores", "memory_trace": "anon_mib"}.get(key, ""), None)
    digits = [f"{chance.randrange(256):02X}" for _part in range(3)]
    config = {
        "arch": "amd64",
        "ostype": "debian",
        "unprivileged": 1,
        "cores": cores,
        "memory": memory_mib,
        "swap": 0,
        "rootfs": f"{'local-btrfs' if number % 2 else 'local'}:{vmid}/vm-{vmid}-disk-0.raw,size=8G",
        "net0": f"name=eth0,bridge=vmbr0,hwaddr=BC:24:11:{':'.join(digits)},ip=10.99.1.{number % 250 + 1}/24,type=veth",
        "onboot": 1,
    }
    return {
        "vmid": vmid,
        "name": name,
        "node": node_names[number % len(node_names)],
        "status": "running",
        "tags": TAGS[number % len(TAGS)],
        "pool": "development" if number % 6 == 5 else "production",
        "uptime_seconds": 7 * DAY_SECONDS,
        "config": config,
        **demand,
        **traced,
    }


def _trace_fields(number: int, traces: Mapping[str, Trace]) -> dict[str, Any]:
    """Return the trace keys and the provisioned size of a container, nothing without traces.

    The limits are what the traces call 100 %, so a container starts as generously as its machine was.
    """
    cpu = [trace for trace in traces.values() if trace.cpu_cores]
    memory = [trace for trace in traces.values() if trace.memory_mib]
    fields: dict[str, Any] = {}
    if cpu:
        chosen = cpu[number % len(cpu)]
        fields |= {"cpu_trace": chosen.name, "cores": max(1, math.ceil(chosen.max_cores or max(chosen.cpu_cores)))}
    if memory:
        of_cpu = traces[str(fields["cpu_trace"])] if cpu else None
        chosen = of_cpu if of_cpu is not None and of_cpu.memory_mib else memory[number % len(memory)]
        most = max(chosen.memory_mib)
        fields |= {"memory_trace": chosen.name, "memory_mib": math.ceil(max(chosen.max_memory_mib or most, most, 128) / 64) * 64}
    if fields and traces:
        fields["trace_offset_seconds"] = number // max(len(cpu), len(memory)) * DAY_SECONDS
    return fields


def _add_others(world: World) -> None:
    """Add what a client must leave alone: a template, and a virtual machine that the resource list shows too."""
    rootfs = f"local-btrfs:{TEMPLATE_VMID}/base-{TEMPLATE_VMID}-disk-0.raw,size=4G"
    template = {"arch": "amd64", "ostype": "debian", "cores": 1, "memory": 512, "swap": 512, "unprivileged": 1, "rootfs": rootfs}
    make_guest(world, {"vmid": TEMPLATE_VMID, "template": True, "name": "debian-template", "status": "stopped", "config": template}, {})
    machine = {"cores": 2, "memory": 4096, "scsi0": f"local:{MACHINE_VMID}/vm-{MACHINE_VMID}-disk-0.qcow2,size=32G"}
    make_guest(world, {"vmid": MACHINE_VMID, "type": "qemu", "name": "windows", "status": "running", "config": machine, "cpu_cores": 0.3, "anon_mib": 3000}, {})
