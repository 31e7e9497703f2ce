# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A root file system: the storage that it lies on, its size as Proxmox writes it, and what is chosen for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .reason import Reason

UNIT_BYTES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_SIZE = re.compile(r"(?:^|,)size=(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<unit>[KMGT]?)(?:,|$)")


@dataclass(frozen=True, slots=True)
class Storage:
    """One storage of one node, as the cluster lists it; shown only to whom has a privilege on it.

    Attributes:
        name: for example ``local-lvm``.
        plugin: its kind, for example ``lvmthin``.
        is_available: whether the node can use it now.
        used_bytes: what is written on it; of a thin pool not what was promised. None when Proxmox does not say.
        total_bytes: its size; the same.
    """

    name: str
    plugin: str
    is_available: bool
    used_bytes: float | None = None
    total_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class RootfsChoice:
    """What is chosen for one root file system; it only grows.

    Attributes:
        reason: machine-readable.
        message: a clause with the figures.
        size_bytes: of the volume, as the configuration has it; None when that is not known.
        target_bytes: what it is to have; equal to ``size_bytes`` when it keeps.
        used_share: how full the file system on it is, 0-1; None when that was not measured.
    """

    reason: Reason
    message: str
    size_bytes: int | None = None
    target_bytes: int | None = None
    used_share: float | None = None

    @property
    def is_change(self) -> bool:
        """Return whether it is to grow."""
        return self.size_bytes is not None and self.target_bytes is not None and self.target_bytes > self.size_bytes


def parse_volume_bytes(volume: str) -> int | None:
    """Return the size in ``local:101/vm-101-disk-0.raw,size=8G``; None without one, as of a bind mount."""
    match = _SIZE.search(volume)
    return None if match is None else int(float(match["number"]) * UNIT_BYTES[match["unit"]])


def format_disk_size(size_bytes: int) -> str:
    """Return the size as Proxmox writes it, in the largest whole unit: 1207959552 bytes are ``1152M``."""
    for unit in ("T", "G", "M", "K"):
        if size_bytes and size_bytes % UNIT_BYTES[unit] == 0:
            return f"{size_bytes // UNIT_BYTES[unit]}{unit}"
    return str(size_bytes)
