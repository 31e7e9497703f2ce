# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A back end in memory that is as strict as Proxmox: digests, locks, hot-plug before saving, and cluster figures that lag."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from pve_lxc.errors import ProxmoxAPIError, ProxmoxConflictError, ProxmoxNotFoundError
from pve_lxc.model.allocation import Allocation, LiveLimits
from pve_lxc.model.guest import Guest, GuestConfig
from pve_lxc.model.node import Cluster, Node
from pve_lxc.model.plan import ConfigWrite
from pve_lxc.model.usage import RrdRow

MIB = 1024 * 1024


class FakeBackend:
    """Implements ports.LxcBackend over dicts.

    ``calls`` lists ``(method, vmid)`` in the order made. ``fail(method, error, when)`` makes the next call of a method fail, before or after
    it did its work. ``read_cluster`` answers what was given to ``add``, whatever was written since: its figures lag.
    """

    transport = "api"

    def __init__(self, cgroup_mode: int | None = 2) -> None:
        self.nodes = {"pve1": Node("pve1", "online", cgroup_mode), "pve2": Node("pve2", "online", cgroup_mode)}
        self.guests: dict[int, Guest] = {}
        self.values: dict[int, dict[str, Any]] = {}
        self.pending: dict[int, dict[str, Any]] = {}
        self.calls: list[tuple[str, int | None]] = []
        self.writes: list[tuple[int, dict[str, Any], tuple[str, ...]]] = []
        self.history: list[RrdRow] = []
        self.records: dict[tuple[int, str, str], list[RrdRow]] = {}
        self.live_status: dict[int, str] = {}
        self.working_sets_mib: dict[int, float] = {}
        self.ballooning_target_share: float | None = None
        self.live_limits: dict[int, LiveLimits] = {}
        self.failures: dict[str, list[tuple[ProxmoxAPIError, str]]] = {}
        self.after_write: Callable[[int], None] | None = None
        self._lock = threading.Lock()

    def add(self, vmid: int, name: str = "", *, node: str = "pve1", status: str = "running", mem_mib: float | None = 100, **values: Any) -> Guest:
        config = {"memory": 1024, "swap": 512, "hostname": name or f"ct{vmid}", **values}
        tags = tuple(sorted(filter(None, str(config.get("tags", "")).split(";"))))
        memory_bytes = None if mem_mib is None else mem_mib * MIB
        guest = Guest(vmid, config["hostname"], node, status, tags=tags, memory_bytes=memory_bytes)
        self.guests[vmid] = guest
        self.values[vmid] = config
        return guest

    def fail(self, method: str, error: ProxmoxAPIError, when: str = "before") -> None:
        self.failures.setdefault(method, []).append((error, when))

    def digest(self, vmid: int) -> str:
        return hashlib.sha1(json.dumps(self.values[vmid], sort_keys=True).encode()).hexdigest()

    def read_cluster(self) -> Cluster:
        self._count("read_cluster", None)
        return Cluster(dict(sorted(self.guests.items())), self.nodes)

    def read_config(self, node: str, vmid: int) -> GuestConfig:
        self._count("read_config", vmid)
        return self._config(node, vmid, {})

    def read_pending(self, node: str, vmid: int) -> GuestConfig:
        self._count("read_pending", vmid)
        return self._config(node, vmid, self.pending.get(vmid, {}))

    def write_config(self, node: str, vmid: int, write: ConfigWrite, digest: str) -> None:
        when_error = self._count("write_config", vmid)
        self._require(node, vmid)
        if digest and digest != self.digest(vmid):
            raise ProxmoxConflictError("detected modified configuration - file changed by other user? Try again.", kind="digest")
        if self.values[vmid].get("lock"):
            raise ProxmoxConflictError(f"CT is locked ({self.values[vmid]['lock']})", kind="lock", lock=self.values[vmid]["lock"])
        self.writes.append((vmid, dict(write.values), write.delete))
        self.values[vmid].update(write.values)
        for key in write.delete:
            self.values[vmid].pop(key, None)
        if self.after_write is not None:
            self.after_write(vmid)
        if when_error is not None:
            raise when_error

    def read_live_guests(self, node: str) -> Mapping[int, Mapping[str, Any]]:
        self._count("read_live_guests", None)
        return {vmid: {"status": self.live_status.get(vmid, guest.status)} for vmid, guest in self.guests.items() if guest.node == node}

    def read_status(self, node: str, vmid: int) -> str:
        self._count("read_status", vmid)
        return self.live_status.get(vmid, self.guests[vmid].status)

    def read_history(self, node: str, vmid: int, timeframe: str, consolidation: str) -> list[RrdRow]:
        self._count(f"read_history {timeframe} {consolidation}", vmid)
        return self.records.get((vmid, timeframe, consolidation), self.history)

    def read_snapshots(self, node: str, vmid: int) -> list[dict[str, Any]]:
        self._count("read_snapshots", vmid)
        return [{"name": "fresh"}]

    def read_interfaces(self, node: str, vmid: int) -> list[dict[str, Any]]:
        self._count("read_interfaces", vmid)
        return [{"name": "eth0"}]

    def is_quorate(self) -> bool:
        return True

    def read_ballooning_target_share(self, node: str) -> float | None:
        self._count("read_ballooning_target_share", None)
        return self.ballooning_target_share

    def read_working_set_mib(self, node: str, vmid: int) -> float | None:
        self._count("read_working_set_mib", vmid)
        return self.working_sets_mib.get(vmid)

    def read_live_limits(self, node: str, vmid: int) -> LiveLimits | None:
        self._count("read_live_limits", vmid)
        return self.live_limits.get(vmid)

    def close(self) -> None:
        self._count("close", None)

    def _count(self, method: str, vmid: int | None) -> ProxmoxAPIError | None:
        """Note the call; raise an error due before it, return one due after it."""
        with self._lock:
            self.calls.append((method, vmid))
            due = self.failures.get(method)
            if not due:
                return None
            error, when = due.pop(0)
        if when == "before":
            raise error
        return error

    def _require(self, node: str, vmid: int) -> None:
        if vmid not in self.values or self.guests[vmid].node != node:
            raise ProxmoxNotFoundError(f"Configuration file 'nodes/{node}/lxc/{vmid}.conf' does not exist", status=500)

    def _config(self, node: str, vmid: int, pending: Mapping[str, Any]) -> GuestConfig:
        self._require(node, vmid)
        values = self.values[vmid]
        volume, _comma, options = str(values.get("rootfs") or "").partition(",")
        return GuestConfig(
            vmid=vmid,
            node=node,
            digest=self.digest(vmid),
            allocation=Allocation(
                cores=values.get("cores"),
                cpulimit=float(values["cpulimit"]) if values.get("cpulimit") else None,
                cpuunits=values.get("cpuunits"),
                memory_mib=values.get("memory"),
                swap_mib=values.get("swap"),
            ),
            pending=dict(pending),
            lock=values.get("lock", ""),
            tags=self.guests[vmid].tags,
            raw_lxc_keys=tuple(values.get("lxc", ())),
            rootfs_volume=volume,
            rootfs_options=options,
            values=dict(values),
        )
