# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power, snapshots, disks and restarts in memory, for resizing: as strict as Proxmox, and it answers wrong only when told to."""

from __future__ import annotations

import re

from pve_lxc.errors import ProxmoxAPIError
from pve_lxc.model.allocation import LiveLimits
from pve_lxc.model.plan import ConfigWrite
from pve_lxc.model.task import TaskResult

from .fake_power import UPID, FakePowerBackend

_UNITS = {"K": 1, "M": 1024, "G": 1024**2, "T": 1024**3}


class FakeResizeBackend(FakePowerBackend):
    """``snapshots`` and ``grown`` list what was made; ``waits`` are keys that go to pending; ``unsaved`` is how many writes are hot-plugged and not saved."""

    def __init__(self) -> None:
        super().__init__()
        self.snapshots: list[tuple[int, str, str]] = []
        self.grown: list[tuple[int, str, str]] = []
        self.can_snapshot = True
        self.waits: set[str] = set()
        self.unsaved = 0
        self.uptimes: dict[int, float] = {}

    def read_live_guests(self, node):
        rows = super().read_live_guests(node)
        return {vmid: {**row, "uptime": self.uptimes.get(vmid, 86400)} for vmid, row in rows.items()}

    def has_feature(self, node: str, vmid: int, feature: str, snapshot: str = "") -> bool:
        self._count("has_feature", vmid)
        return self.can_snapshot

    def create_snapshot(self, node: str, vmid: int, name: str, description: str, timeout_seconds: float) -> TaskResult:
        after = self._count("create_snapshot", vmid)
        self.snapshots.append((vmid, name, description))
        self.values[vmid]["parent"] = name
        if after is not None:
            raise after
        return TaskResult(UPID.format(type="vzsnapshot", vmid=vmid), "OK")

    def resize_disk(self, node: str, vmid: int, disk: str, size: str, timeout_seconds: float) -> TaskResult:
        after = self._count("resize_disk", vmid)
        present = re.search(r"size=(\d+)([KMGT])", self.values[vmid][disk])
        wanted = re.fullmatch(r"(\d+)([KMGT])", size)
        difference = int(wanted[1]) * _UNITS[wanted[2]] - int(present[1]) * _UNITS[present[2]]
        if difference == 0:
            raise ProxmoxAPIError("500 disk is already at specified size", status=500)
        if difference < 0:
            raise ProxmoxAPIError("500 unable to shrink disk size", status=500)
        self.grown.append((vmid, disk, size))
        self.values[vmid][disk] = self.values[vmid][disk].replace(present[0], f"size={size}")
        if after is not None:
            raise after
        return TaskResult(UPID.format(type="resize", vmid=vmid), "OK")

    def write_config(self, node: str, vmid: int, write: ConfigWrite, digest: str) -> None:
        if self.unsaved:
            self.unsaved -= 1
            self._hot_plug(vmid, write)
            self._count("write_config", vmid)
            raise ProxmoxAPIError("500 unable to open file '/etc/pve/nodes/pve1/lxc/101.conf.tmp' - Permission denied", status=500)
        before = dict(self.values[vmid])
        super().write_config(node, vmid, write, digest)
        # What equals the configuration is not hot-plugged, which is why writing the old value repairs nothing.
        changed = {key: value for key, value in write.values.items() if str(before.get(key)) != str(value)}
        self._hot_plug(vmid, ConfigWrite(changed, tuple(key for key in write.delete if key in before)))
        for key in self.waits & write.values.keys():
            self.pending.setdefault(vmid, {})[key] = self.values[vmid][key]
            self.values[vmid][key] = before.get(key)

    def _change(self, vmid: int, verb: str, *, is_forced: bool) -> None:
        super()._change(vmid, verb, is_forced=is_forced)
        if verb == "start":
            self.values[vmid].update(self.pending.pop(vmid, {}))

    def _hot_plug(self, vmid: int, write: ConfigWrite) -> None:
        live = self.live_limits.get(vmid)
        if live is None:
            return
        memory = float(write.values.get("memory", live.memory_mib))
        cpulimit = None if "cpulimit" in write.delete else write.values.get("cpulimit", live.cpulimit)
        self.live_limits[vmid] = LiveLimits(memory, None if cpulimit is None else float(cpulimit))
