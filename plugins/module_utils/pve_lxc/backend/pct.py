# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``PctBackend``: a cluster by ``pct`` and ``pvesh`` on one of its nodes, over SSH or on the node itself.

Reads go by ``pvesh get``, which prints what the API answers and reaches the whole cluster, through the same parsers. Writes go by ``pct``
for the node's own containers, by ``pvesh`` for those of other nodes. Where sudo allows ``pct`` alone, the list, status and configuration
are read from what pct prints: without a digest, because pct keeps it to itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ..clock import Clock, SystemClock
from ..errors import ProxmoxPermissionError
from ..model.allocation import LiveLimits
from ..model.guest import Guest, GuestConfig
from ..model.node import Cluster, Node
from ..model.plan import ConfigWrite
from ..model.usage import RrdRow
from ..ports import CommandRunner
from ..units import mib_from_bytes
from .api_lifecycle import guest_path
from .cgroup_text import parse_cpu_max_cores, parse_flat_keyed, parse_number_or_max, parse_swap_max_mib, working_set_mib
from .pct_command import NodeCommands, format_options
from .pct_lifecycle import PctLifecycle
from .pct_text import parse_config_lines, parse_list, parse_pending_lines, parse_status
from .pve_json import parse_cluster, parse_config, parse_pending, parse_quorum, parse_rrd_rows

CGROUP_ROOT = "/sys/fs/cgroup"

Read = TypeVar("Read")


class PctBackend(PctLifecycle):
    """An LxcLifecycle by commands; safe for threads. Every method raises a ProxmoxAPIError of errors.py."""

    def __init__(self, runner: CommandRunner, *, uses_sudo: bool = False, clock: Clock | None = None, cgroup_root: str = CGROUP_ROOT) -> None:
        """Use this runner; nothing is run yet."""
        self._runner = runner
        self._commands = NodeCommands(runner, uses_sudo=uses_sudo)
        self._clock = clock or SystemClock()
        self._cgroup_root = cgroup_root
        self._refused: set[str] = set()

    @property
    def transport(self) -> str:
        """Return ``ssh`` or ``local``."""
        return self._runner.name

    def close(self) -> None:
        """Close the connection."""
        self._commands.close()

    def read_cluster(self) -> Cluster:
        """Return containers and nodes; where only pct is allowed, the containers of this node without their figures."""
        return self._first_allowed("list", lambda: parse_cluster(self._commands.request("GET", "/cluster/resources")), self._list_by_pct)

    def read_config(self, node: str, vmid: int) -> GuestConfig:
        """Return the live configuration."""
        path = f"{guest_path(node, vmid)}/config"
        return self._first_allowed(
            "config",
            lambda: parse_config(node, vmid, self._commands.request("GET", path, {"current": 1})),
            lambda: parse_config(node, vmid, parse_config_lines(self._by_pct(node, ["config", vmid, "--current", "1"], path))),
        )

    def read_pending(self, node: str, vmid: int) -> GuestConfig:
        """Return live values and what waits for a restart."""
        path = f"{guest_path(node, vmid)}/pending"
        return self._first_allowed(
            "pending",
            lambda: parse_pending(node, vmid, self._commands.request("GET", path)),
            lambda: parse_pending(node, vmid, parse_pending_lines(self._by_pct(node, ["pending", vmid], path))),
        )

    def write_config(self, node: str, vmid: int, write: ConfigWrite, digest: str) -> None:
        """Change the configuration if its digest still is ``digest``; an empty digest writes unguarded."""
        # One --delete for each key: that is how the sudo rules know them, and pct joins them.
        parameters = {**write.values, "delete": list(write.delete), "digest": digest or None}
        path = f"{guest_path(node, vmid)}/config"
        if self._commands.is_local(node):
            self._commands.run_pct(["set", vmid, *format_options(parameters)], method="PUT", path=path)
        else:
            self._commands.run_pvesh("PUT", path, parameters)

    def read_live_guests(self, node: str) -> Mapping[int, Mapping[str, Any]]:
        """Return the live rows of one node by vmid; where only pct is allowed, with their status alone."""
        return self._first_allowed(
            "live",
            lambda: {int(row["vmid"]): row for row in self._commands.request("GET", f"/nodes/{node}/lxc")},
            lambda: {row["vmid"]: row for row in parse_list(self._by_pct(node, ["list"], f"/nodes/{node}/lxc"))},
        )

    def read_status(self, node: str, vmid: int) -> str:
        """Return ``running`` or ``stopped``, without the cluster's lag."""
        path = f"{guest_path(node, vmid)}/status/current"
        return self._first_allowed(
            "status",
            lambda: str(self._commands.request("GET", path)["status"]),
            lambda: parse_status(self._by_pct(node, ["status", vmid], path)),
        )

    def read_history(self, node: str, vmid: int, timeframe: str, consolidation: str) -> list[RrdRow]:
        """Return RRD rows, oldest first."""
        return parse_rrd_rows(self._commands.request("GET", f"{guest_path(node, vmid)}/rrddata", {"timeframe": timeframe, "cf": consolidation}))

    def read_snapshots(self, node: str, vmid: int) -> list[dict[str, Any]]:
        """Return the snapshots without the entry ``current``, which is none."""
        return [row for row in self._commands.request("GET", f"{guest_path(node, vmid)}/snapshot") if row.get("name") != "current"]

    def read_interfaces(self, node: str, vmid: int) -> list[dict[str, Any]]:
        """Return a running container's network interfaces."""
        return list(self._commands.request("GET", f"{guest_path(node, vmid)}/interfaces") or [])

    def is_quorate(self) -> bool:
        """Return whether the cluster may be written to."""
        return parse_quorum(self._commands.request("GET", "/cluster/status"))

    def read_permissions(self, path: str) -> Mapping[str, bool] | None:
        """Return None: these commands run as root on the node."""
        return None

    def read_roles(self) -> Mapping[str, frozenset[str]]:
        """Return nothing: root needs none."""
        return {}

    def read_ballooning_target_share(self, node: str) -> float | None:
        """Return where ballooning begins."""
        from .ballooning import read_target_share

        return read_target_share(node, lambda path: self._commands.request("GET", path))

    def read_working_set_mib(self, node: str, vmid: int) -> float | None:
        """Return what a container of this node needs to run, in MiB, from its cgroup files, which everybody may read.

        None when it cannot be known: another node's container, cgroup version 1, or a container that does not run.
        """
        if not self._commands.is_local(node):
            return None
        folder = f"{self._cgroup_root}/lxc/{int(vmid)}"
        finished = self._commands.run_plain(["cat", f"{folder}/memory.current", f"{folder}/memory.stat"])
        first, dummy, rest = finished.output.partition("\n")
        current_bytes = parse_number_or_max(first)
        if finished.exit_code != 0 or current_bytes is None:
            return None
        return working_set_mib(current_bytes, parse_flat_keyed(rest))

    def read_live_limits(self, node: str, vmid: int) -> LiveLimits | None:
        """Return what the kernel enforces on a running container of this node; None where it cannot be known, as for the working set."""
        if not self._commands.is_local(node):
            return None
        folder = f"{self._cgroup_root}/lxc/{int(vmid)}"
        names = ("memory.max", "cpu.max", "memory.swap.max", "memory.swap.current")
        # Where swap is not counted its two files are missing, and cat ends badly after the two that are there.
        lines = self._commands.run_plain(["cat", *(f"{folder}/{name}" for name in names)]).output.splitlines()
        if len(lines) not in (2, 4):
            return None
        memory_bytes, used_bytes = parse_number_or_max(lines[0]), parse_number_or_max("".join(lines[3:]))
        return LiveLimits(
            None if memory_bytes is None else mib_from_bytes(memory_bytes),
            parse_cpu_max_cores(lines[1]),
            parse_swap_max_mib("".join(lines[2:3])),
            None if used_bytes is None else mib_from_bytes(used_bytes),
        )

    def _list_by_pct(self) -> Cluster:
        node = self._commands.read_local_node()
        rows = parse_list(self._by_pct(node, ["list"], f"/nodes/{node}/lxc"))
        guests = {row["vmid"]: Guest(row["vmid"], row["name"], node, row["status"], lock=row["lock"]) for row in rows}
        return Cluster(dict(sorted(guests.items())), {node: Node(node, "online")})

    def _by_pct(self, node: str, words: list[object], path: str) -> str:
        if not self._commands.is_local(node):
            raise ProxmoxPermissionError(f"pct reaches the containers of its own node only, and pvesh is not allowed: {node} cannot be read", path=path)
        return self._commands.run_pct(words, method="GET", path=path)

    def _first_allowed(self, kind: str, by_pvesh: Callable[[], Read], by_pct: Callable[[], Read]) -> Read:
        """Return what pvesh says, or what pct says where pvesh is refused; which of the two is remembered for each kind of reading."""
        if kind in self._refused:
            return by_pct()
        try:
            return by_pvesh()
        except ProxmoxPermissionError as refusal:
            try:
                read = by_pct()
            except ProxmoxPermissionError:
                raise refusal from None
        self._refused.add(kind)
        return read
