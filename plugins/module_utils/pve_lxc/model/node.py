# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes, and one reading of the whole cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .guest import Guest

if TYPE_CHECKING:
    from .rootfs import Storage


@dataclass(frozen=True, slots=True)
class Node:
    """One node in ``/cluster/resources``.

    Attributes:
        name: its name.
        status: ``online``, ``offline`` or ``unknown``.
        cgroup_mode: 2 on every current node, 1 on old ones; None when Proxmox does not say.
        cpus: logical CPUs; None without Sys.Audit.
        cpu_ratio: 0-1 of all CPUs; None without Sys.Audit.
        memory_bytes: used; None without Sys.Audit.
        max_memory_bytes: installed; None without Sys.Audit.
        uptime_seconds: None without Sys.Audit.
        hastate: ``maintenance``, ``fence``, ... ; empty when HA says nothing.
    """

    name: str
    status: str
    cgroup_mode: int | None = None
    cpus: float | None = None
    cpu_ratio: float | None = None
    memory_bytes: float | None = None
    max_memory_bytes: float | None = None
    uptime_seconds: float | None = None
    hastate: str = ""

    @property
    def is_online(self) -> bool:
        """Return whether the cluster sees it."""
        return self.status == "online"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One answer of ``/cluster/resources``.

    Attributes:
        guests: LXC containers by vmid, in ascending order; QEMU machines are left out.
        nodes: nodes by name, in ascending order.
        virtual_machine_count: QEMU machines seen.
        virtual_machine_bytes: node -> what its running QEMU machines may use together; nodes without any are absent.
        storages: (node, name) -> storage; empty for whom has no privilege on any.
    """

    guests: Mapping[int, Guest]
    nodes: Mapping[str, Node]
    virtual_machine_count: int = 0
    virtual_machine_bytes: Mapping[str, float] = field(default_factory=dict)
    storages: Mapping[tuple[str, str], Storage] = field(default_factory=dict)

    @property
    def unreachable_nodes(self) -> tuple[str, ...]:
        """Return the names of the nodes that are not online, in ascending order."""
        return tuple(name for name, node in self.nodes.items() if not node.is_online)
