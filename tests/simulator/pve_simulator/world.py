# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole of what is simulated: nodes, guests, storages, pools, identities and the simulated clock."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

from .access import Identities
from .guest import Guest
from .guest_parts import GIB

UNKNOWN_STORAGE_BYTES = 100 * GIB


@dataclass
class Node:
    """One node.

    Attributes:
        cgroup_mode: 2 on an ordinary PVE 9 host, 1 on a legacy host.
        version: of Proxmox VE, None for the world's; the nodes of a cluster may differ while it is upgraded.
        is_reachable: False gives 595 for every call that must go there.
        is_listed: False for a node that resolves but is in no cluster list (the recordings' pve2).
        memory_cgroup_prefix: part of the cgroup v1 path in the recorded error text.
        base_memory_mib: what the host itself uses.
        cpuinfo: further keys of the node's status.
        settings: of the node's configuration, for example ``{"ballooning-target": 90}``.
    """

    name: str
    cpus: int = 16
    memory_mib: float = 65536
    swap_mib: int = 0
    cgroup_mode: int = 2
    version: str | None = None
    is_reachable: bool = True
    is_listed: bool = True
    memory_cgroup_prefix: str = ""
    base_memory_mib: int = 1300
    address: str = "10.99.0.1"
    ssl_fingerprint: str = ""
    started_at: float = 0.0
    cpuinfo: dict[str, object] = field(default_factory=dict)
    kernel: str = "6.17.2-1-pve"
    kernel_version: str = "#1 SMP PREEMPT_DYNAMIC PMX 6.17.2-1 (2025-10-21T11:55Z)"
    broadcast: dict[str, object] | None = None
    hastate: str | None = None
    settings: dict[str, object] = field(default_factory=dict)


@dataclass
class Storage:
    """One storage, the same on every node."""

    name: str
    plugin: str = "dir"
    content: tuple[str, ...] = ("rootdir", "images")
    total_bytes: int = UNKNOWN_STORAGE_BYTES
    used_bytes: int = 10 * GIB
    available_bytes: int | None = None
    is_shared: bool = False
    templates: tuple[str, ...] = ()

    @property
    def can_snapshot(self) -> bool:
        """Return whether volumes here have snapshots and linked clones."""
        return self.plugin in ("btrfs", "zfspool", "lvmthin", "rbd")


@dataclass
class World:
    """Everything.

    Attributes:
        now: simulated seconds since the epoch; only an advance changes it.
        cluster_name: None for a single node outside a cluster.
        quorate: whether the cluster may write.
        broadcast_stuck_since: simulated time since when pvestatd reports nothing, None when it works.
    """

    now: float = 1_700_000_000.0
    seed: int = 1
    version: str = "9.2.11"
    repository_id: str = "14a22df35955d97d"
    cluster_name: str | None = "simulated"
    quorate: bool = True
    nodes: dict[str, Node] = field(default_factory=dict)
    guests: dict[int, Guest] = field(default_factory=dict)
    storages: dict[str, Storage] = field(default_factory=dict)
    pools: dict[str, str] = field(default_factory=dict)
    identities: Identities = field(default_factory=Identities)
    ha_resources: dict[str, dict[str, object]] = field(default_factory=dict)
    broadcast_stuck_since: float | None = None
    node_rows: dict[str, deque[tuple[float, ...]]] = field(default_factory=dict)
    random: random.Random = field(default_factory=lambda: random.Random(1))
    next_pid: int = 2000

    @property
    def local_node(self) -> str:
        """Return the node that answers unless the request came in at another one: the first."""
        return next(iter(self.nodes))

    def version_of(self, node: str) -> str:
        """Return the version of Proxmox VE on a node."""
        return self.nodes[node].version or self.version

    def major_version(self, node: str) -> int:
        """Return the first number of a node's version: 9 for 9.2.11."""
        return int(self.version_of(node).partition(".")[0])

    def guests_of(self, node: str) -> list[Guest]:
        """Return a node's guests by id."""
        return sorted((guest for guest in self.guests.values() if guest.node == node), key=lambda guest: guest.vmid)

    def pool_of(self, vmid: int) -> str | None:
        """Return the pool a guest is a member of."""
        guest = self.guests.get(vmid)
        return guest.pool if guest else None

    def take_pid(self) -> int:
        """Return a process id that was not used before."""
        self.next_pid += self.random.randrange(1, 40)
        return self.next_pid
