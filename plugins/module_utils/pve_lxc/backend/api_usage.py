# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Usage as Proxmox's API shows it: no shared memory, no tmpfs, no kills. Good enough to grow, never to shrink memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..model.allocation import LiveLimits
from ..model.guest import Guest
from ..model.node import Cluster, Node
from ..model.usage import HostUsage, MemorySource, UsageSample
from ..ports import LxcBackend
from ..units import mib_from_bytes


class ApiUsage:
    """A UsageSource over the cluster's list and the live rows of a node.

    CPU comes from the cluster's list, which pvestatd keeps steady; the live rows' own CPU is computed per worker process and unusable.
    Limits, swap and pressure come from the live rows, one request for each node.
    """

    def __init__(self, backend: LxcBackend) -> None:
        """Keep the way to Proxmox."""
        self._backend = backend
        self._nodes: Mapping[str, Node] = {}

    def note_cluster(self, cluster: Cluster) -> None:
        """Take the node rows of the list that was just read, for ``read_host``."""
        self._nodes = cluster.nodes

    def load_counters(self, counters: Mapping[int, Mapping[str, Any]]) -> None:
        """Take nothing: the API's figures are no counters."""

    def dump_counters(self) -> dict[int, dict[str, Any]]:
        """Return nothing."""
        return {}

    def read_samples(self, guests: Sequence[Guest], now: float) -> Mapping[int, UsageSample]:
        """Return one sample by vmid of a running container; one request for each node that runs any."""
        running = [guest for guest in guests if guest.is_running]
        rows: dict[int, Mapping[str, Any]] = {}
        for node in sorted({guest.node for guest in running}):
            rows.update(self._backend.read_live_guests(node))
        return {guest.vmid: _sample(guest, rows[guest.vmid], now) for guest in running if guest.vmid in rows}

    def read_memory_mib(self, guest: Guest) -> float | None:
        """Return ``mem`` of this moment in MiB; None when there is none."""
        return _mib(self._backend.read_live_guests(guest.node).get(guest.vmid, {}).get("mem"))

    def read_live_limits(self, guest: Guest) -> LiveLimits | None:
        """Return what the back end can read of them: nothing over the API."""
        return self._backend.read_live_limits(guest.node, guest.vmid)

    def read_host(self, node: str) -> HostUsage:
        """Return what the node has left: installed less used; None in each field that the user may not see."""
        row = self._nodes.get(node)
        if row is None:
            return HostUsage(node=node)
        is_known = row.max_memory_bytes is not None and row.memory_bytes is not None
        return HostUsage(
            node=node,
            cpus=row.cpus,
            memory_total_mib=_mib(row.max_memory_bytes),
            memory_available_mib=mib_from_bytes((row.max_memory_bytes or 0) - (row.memory_bytes or 0)) if is_known else None,
        )


def _sample(guest: Guest, row: Mapping[str, Any], now: float) -> UsageSample:
    cpu = None if guest.cpu_ratio is None or guest.max_cpu is None else guest.cpu_ratio * guest.max_cpu
    return UsageSample(
        vmid=guest.vmid,
        node=guest.node,
        time_seconds=now,
        cpu_cores=cpu,
        cpu_peak_cores=cpu,
        memory_mib=_mib(row.get("mem")),
        memory_source=MemorySource.API,
        swap_mib=_mib(row.get("swap")),
        cpu_pressure_percent=_number(row.get("pressurecpusome")),
        memory_pressure_percent=_number(row.get("pressurememorysome")),
        memory_full_percent=_number(row.get("pressurememoryfull")),
        io_pressure_percent=_number(row.get("pressureiosome")),
        uptime_seconds=guest.uptime_seconds,
        live_memory_max_mib=_mib(row.get("maxmem")),
    )


def _number(value: Any) -> float | None:
    """Return a number that Proxmox writes as one or as text (pressure is text in live rows); None for anything else."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _mib(value: Any) -> float | None:
    number = _number(value)
    return None if number is None else mib_from_bytes(number)
