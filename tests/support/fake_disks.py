# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node for the loop whose containers have root file systems that fill up, on a storage that is set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pve_lxc.errors import ProxmoxAPIError
from pve_lxc.model.node import Cluster
from pve_lxc.model.rootfs import Storage, format_disk_size, parse_volume_bytes
from pve_lxc.model.task import TaskResult
from pve_lxc.policy.settings.container import ContainerSettings, SettingsBook
from pve_lxc.policy.settings.policy import PolicySettings

from .loop_fakes import FakeNode, LoopBackend, SetClock

GIB = 2**30


class DiskBackend(LoopBackend):
    """LoopBackend that shows how full root file systems are, and grows them as strictly as Proxmox; ``grown`` lists what was asked for."""

    def __init__(self, clock: SetClock) -> None:
        super().__init__(clock)
        self.used_gib: dict[int, float] = {}
        self.storage = Storage("local-lvm", "lvmthin", True, 50 * GIB, 200 * GIB)
        self.grown: list[tuple[int, str, str]] = []

    def size_bytes(self, vmid: int) -> int:
        return parse_volume_bytes(self.values[vmid]["rootfs"]) or 0

    def read_cluster(self) -> Cluster:
        cluster = super().read_cluster()
        guests = {
            vmid: replace(guest, disk_bytes=self.used_gib[vmid] * GIB, max_disk_bytes=0.95 * self.size_bytes(vmid)) for vmid, guest in cluster.guests.items()
        }
        return replace(cluster, guests=guests, storages={("pve1", "local-lvm"): self.storage, ("pve2", "local-lvm"): replace(self.storage, used_bytes=0.0)})

    def resize_disk(self, node: str, vmid: int, disk: str, size: str, timeout_seconds: float) -> TaskResult:
        after = self._count("resize_disk", vmid)
        self._require(node, vmid)
        present, wanted = self.size_bytes(vmid), parse_volume_bytes(f"size={size}") or 0
        if wanted <= present:
            raise ProxmoxAPIError("500 unable to shrink disk size" if wanted < present else "500 disk is already at specified size", status=500)
        self.grown.append((vmid, disk, size))
        self.set_size(vmid, size)
        if after is not None:
            raise after
        return TaskResult("UPID:pve1:0000C0DE:0000C0DE:6916A000:resize:101:root@pam:", "OK")

    def set_size(self, vmid: int, size: str) -> None:
        self.values[vmid]["rootfs"] = f"local-lvm:vm-{vmid}-disk-0,size={size}"

    def size(self, vmid: int) -> str:
        return format_disk_size(self.size_bytes(vmid))


class DiskNode(FakeNode):
    """FakeNode that grows root file systems; nothing else is ever changed."""

    def __init__(self, folder: Path, **policy: Any) -> None:
        given = {"grow_rootfs": True, "memory_grow_only": True, "cpu_grow_only": True, **policy}
        super().__init__(folder, SettingsBook(ContainerSettings(PolicySettings(**given))))
        self.backend: DiskBackend = DiskBackend(self.clock)

    def add_disk(self, vmid: int, used_gib: float, size: str = "8G") -> None:
        self.add(vmid, cpu_cores=0.5, memory_mib=400)
        self.backend.set_size(vmid, size)
        self.backend.used_gib[vmid] = used_gib
