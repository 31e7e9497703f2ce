# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container as the cluster lists it, and as its configuration describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .allocation import Allocation


@dataclass(frozen=True, slots=True)
class Guest:
    """One LXC container in ``/cluster/resources``: names are Proxmox's, figures are up to ten seconds old.

    Attributes:
        vmid: the id, 100 and above.
        name: its hostname; empty when Proxmox does not say (node unreachable).
        node: where it lives.
        status: ``running``, ``stopped`` or ``unknown``; unknown is not stopped.
        is_template: whether it is a template.
        lock: ``backup``, ``migrate``, ...; empty when there is none.
        tags: sorted, as Proxmox returns them.
        pool: its pool, empty without one (and without Pool.Audit).
        hastate: state of its HA service, empty when not managed.
        cpu_ratio: CPU used, 0-1 of its own ``max_cpu``; None when not measured.
        max_cpu: cores, else cpulimit, else the host's number; lags a change by up to ten seconds.
        memory_bytes: memory.current less the page cache *and shmem*; None when not measured.
        max_memory_bytes: configured limit; lags a change by up to ten seconds.
        disk_bytes: used in the root file system.
        max_disk_bytes: size of the root file system.
        uptime_seconds: 0 when stopped; does not advance when the figures are stale.
    """

    vmid: int
    name: str
    node: str
    status: str
    is_template: bool = False
    lock: str = ""
    tags: tuple[str, ...] = ()
    pool: str = ""
    hastate: str = ""
    cpu_ratio: float | None = None
    max_cpu: float | None = None
    memory_bytes: float | None = None
    max_memory_bytes: float | None = None
    disk_bytes: float | None = None
    max_disk_bytes: float | None = None
    uptime_seconds: float | None = None

    @property
    def is_running(self) -> bool:
        """Return whether Proxmox says that it runs."""
        return self.status == "running"


@dataclass(frozen=True, slots=True)
class GuestConfig:
    """One container's configuration.

    Attributes:
        vmid: whose.
        node: where it was read.
        digest: SHA-1 that guards a write; empty when Proxmox sent none.
        allocation: the live values of what this collection changes.
        pending: key -> value that waits for a restart; None means that a deletion waits.
        lock: as in Guest.
        tags: sorted.
        is_template: whether it is a template.
        rootfs_volume: the root volume without its options, for example ``local:101/vm-101-disk-0.raw``.
        rootfs_options: the rest of that line, for example ``size=8G``.
        net0_hwaddr: MAC address of net0, empty without one.
        raw_lxc_keys: ``lxc.*`` lines that Proxmox does not interpret, for example ``lxc.cgroup2.memory.max``.
        values: everything, with Proxmox's own keys and types, without ``digest``.
    """

    vmid: int
    node: str
    digest: str
    allocation: Allocation
    pending: Mapping[str, Any] = field(default_factory=dict)
    lock: str = ""
    tags: tuple[str, ...] = ()
    is_template: bool = False
    rootfs_volume: str = ""
    net0_hwaddr: str = ""
    raw_lxc_keys: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    rootfs_options: str = ""

    @property
    def identity(self) -> str:
        """Return what tells this container from a later one with the same vmid: id, root volume, MAC address."""
        return f"{self.vmid}|{self.rootfs_volume}|{self.net0_hwaddr}"

    def has_raw_line(self, beginnings: tuple[str, ...]) -> bool:
        """Return whether a raw line begins with one of these, as in ``("lxc.cgroup2.memory.",)``."""
        return bool(self.raw_lxc_keys) and any(key.startswith(beginnings) for key in self.raw_lxc_keys)
