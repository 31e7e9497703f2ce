# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One guest: its configuration as Proxmox VE stores it, its live limits and its counters."""

from __future__ import annotations

import hashlib
import re
from collections import deque
from dataclasses import dataclass, field

from .guest_parts import GIB, MIB, Counters, Demand, Levels, LiveLimits, Pressure, TraceUse
from .lxc_options import INTEGER_OPTIONS

SIZE_UNITS = {"": 1, "K": 1024, "M": MIB, "G": GIB, "T": 1024 * GIB}
# A raw image of 1 GiB shows 1020702720 bytes once ext4 is made on it (recorded, fixture pve9/lxc_list.json).
FILESYSTEM_SHARE = 1020702720 / GIB


@dataclass
class Guest:
    """A container, or a virtual machine that is only listed.

    Attributes:
        config: option to text as in the configuration file, without description's comment marks.
        pending: changes that wait for a restart, same shape.
        pending_delete: options whose removal waits for a restart.
        snapshots: name to a configuration with ``snaptime`` and perhaps ``parent`` and ``description``.
        raw_lxc: ``lxc.*`` lines as pairs.
        started_at: simulated time of the last start, None when stopped.
        service_down_until: simulated time at which a killed service is back.
        broadcast: pvestatd's last report, None before the first.
        hand_edited: the text Proxmox VE would write and the text somebody left with an editor; the digest is the latter's
            until the next write.
    """

    vmid: int
    node: str
    type: str = "lxc"
    config: dict[str, str] = field(default_factory=dict)
    pending: dict[str, str] = field(default_factory=dict)
    pending_delete: set[str] = field(default_factory=set)
    snapshots: dict[str, dict[str, str]] = field(default_factory=dict)
    raw_lxc: list[tuple[str, str]] = field(default_factory=list)
    status: str = "stopped"
    started_at: float | None = None
    pid: int = 0
    pool: str | None = None
    hastate: str | None = None
    is_deaf_to_shutdown: bool = False
    is_config_lock_held: bool = False
    is_frozen: bool = False
    disk_bytes: int = 2445312
    filesystem_bytes: int | None = None
    demand: Demand = field(default_factory=Demand)
    cpu_trace: TraceUse | None = None
    memory_trace: TraceUse | None = None
    limits: LiveLimits = field(default_factory=LiveLimits)
    levels: Levels = field(default_factory=Levels)
    cpu_used_cores: float = 0.0
    cpu_demand_cores: float = 0.0
    service_down_until: float = -1.0
    counters: Counters = field(default_factory=Counters)
    pressure: Pressure = field(default_factory=Pressure)
    broadcast: dict[str, object] | None = None
    minute_rows: deque[tuple[float, ...]] = field(default_factory=lambda: deque(maxlen=1500))
    half_hour_rows: deque[tuple[float, ...]] = field(default_factory=lambda: deque(maxlen=1500))
    half_hour_highest_rows: deque[tuple[float, ...]] = field(default_factory=lambda: deque(maxlen=1500))
    open_row: list[float] | None = None
    hand_edited: tuple[str, str] | None = None

    @property
    def is_running(self) -> bool:
        """Return whether it runs."""
        return self.status == "running"

    @property
    def is_template(self) -> bool:
        """Return whether it is a template."""
        return self.config.get("template") == "1"

    @property
    def lock(self) -> str | None:
        """Return the lock in its configuration."""
        return self.config.get("lock")

    def cpu_count(self, node_cpus: int) -> float:
        """Return ``cpus`` of the API: cores, else cpulimit (a fraction stays one), else the node's."""
        if "cores" in self.config:
            return int(self.config["cores"])
        limit = float(self.config.get("cpulimit", "0"))
        if limit <= 0:
            return node_cpus
        return int(limit) if limit.is_integer() else limit

    def cpuset_count(self, node_cpus: int) -> int:
        """Return how many CPUs pvestatd places it on: cores, at most what the node has."""
        return min(int(self.config.get("cores", node_cpus)), node_cpus)

    def config_text(self) -> str:
        """Return the configuration file: sorted keys, then the pending section, then the snapshots.

        The digest over this text is the recorded one, so the format is Proxmox VE's to the byte.
        """
        text = _section_text(self.config, self.raw_lxc)
        if self.pending or self.pending_delete:
            pending = dict(self.pending)
            if self.pending_delete:
                pending["delete"] = ",".join(sorted(self.pending_delete))
            text += "\n[pve:pending]\n" + _section_text(pending, [])
        for name in sorted(self.snapshots):
            text += f"\n[{name}]\n" + _section_text(self.snapshots[name], [])
        return text

    def digest(self) -> str:
        """Return the SHA-1 of the configuration file."""
        text = self.config_text()
        if self.hand_edited is not None and self.hand_edited[0] == text:
            text = self.hand_edited[1]
        return hashlib.sha1(text.encode()).hexdigest()

    def rootfs_bytes(self) -> int:
        """Return the root file system's size; 4 GiB where the configuration says 0, as recorded for a subvolume."""
        return parse_volume_size(self.config.get("rootfs", "")) or 4 * GIB

    def shown_disk_bytes(self) -> int:
        """Return ``maxdisk``: the file system inside while it runs, else the configured size."""
        if not self.is_running:
            return self.rootfs_bytes()
        if self.filesystem_bytes is not None:
            return self.filesystem_bytes
        return int(self.rootfs_bytes() * FILESYSTEM_SHARE) // 4096 * 4096


def _section_text(options: dict[str, str], raw_lxc: list[tuple[str, str]]) -> str:
    """Return one section: the description as comment lines, then the options sorted by name."""
    lines = ["#" + line for line in options.get("description", "").split("\n") if options.get("description")]
    lines += [f"{name}: {options[name]}" for name in sorted(options) if name != "description"]
    lines += [f"{name}: {value}" for name, value in raw_lxc]
    return "".join(line + "\n" for line in lines)


def parse_volume_size(volume: str) -> int:
    """Return the bytes of ``size=`` in a volume text; ``local:1/x.raw,size=2G`` gives 2147483648; 0 when absent."""
    match = re.search(r"(?:^|,)size=([0-9.]+)([KMGT]?)", volume)
    return int(float(match[1]) * SIZE_UNITS[match[2]]) if match else 0


def format_volume_size(size_bytes: int) -> str:
    """Return a size as Proxmox VE writes it: 1207959552 gives ``1152M``, 2147483648 gives ``2G``."""
    for unit in ("T", "G", "M", "K"):
        if size_bytes % SIZE_UNITS[unit] == 0:
            return f"{size_bytes // SIZE_UNITS[unit]}{unit}"
    return str(size_bytes)


def to_json_value(option: str, text: str) -> object:
    """Return an option's value as the API shows it: integers for integers and flags, text for cpulimit."""
    if option in INTEGER_OPTIONS:
        return int(text)
    return text + "\n" if option == "description" and not text.endswith("\n") else text
