# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the loop keeps about one container between two cycles: the policy's memory, the last configuration read, the last counters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..model.guest import Guest, GuestConfig
from ..policy.kept_values import allocation_from_dict, allocation_to_dict
from ..policy.remember import ContainerMemory, memory_from_dict, memory_to_dict
from ..policy.settings.policy import PolicySettings


@dataclass(frozen=True, slots=True)
class Remembered:
    """One container between two cycles.

    Attributes:
        memory: the policy's.
        config: its configuration as last read; without lock and digest, which are too short-lived to remember.
        config_read_seconds: when it was read; 0 for never.
        counters: of the usage source; empty when there are none.
        tags: as last seen, for ``explain``.
        pool: the same.
    """

    memory: ContainerMemory
    config: GuestConfig | None = None
    config_read_seconds: float = 0.0
    counters: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    pool: str = ""


def remembered_to_dict(remembered: Remembered) -> dict[str, Any]:
    """Return JSON's types."""
    return {
        "memory": memory_to_dict(remembered.memory),
        "config": None if remembered.config is None else _config_to_dict(remembered.config),
        "config_read_seconds": remembered.config_read_seconds,
        "counters": dict(remembered.counters),
        "tags": list(remembered.tags),
        "pool": remembered.pool,
    }


class RememberedValues(Mapping[int, Mapping[str, Any]]):
    """Containers in JSON's types, by vmid: each made when it is asked for, so that those of a whole node are never there at once."""

    def __init__(self, entries: Mapping[int, Remembered]) -> None:
        """Keep the entries; nothing is made yet."""
        self._entries = entries

    def __getitem__(self, vmid: int) -> Mapping[str, Any]:
        """Return one container's values."""
        return remembered_to_dict(self._entries[vmid])

    def __iter__(self) -> Iterator[int]:
        """Yield the vmids."""
        return iter(self._entries)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._entries)


def remembered_from_dict(vmid: int, values: Mapping[str, Any], settings: PolicySettings) -> Remembered:
    """Return what ``remembered_to_dict`` wrote; a part that is missing or damaged is as if never seen."""
    memory = values.get("memory")
    counters = values.get("counters")
    config = _config_from_dict(vmid, values.get("config"))
    read_seconds = values.get("config_read_seconds")
    seen = last_seen(vmid, {}, values)
    return Remembered(
        memory=memory_from_dict(memory if isinstance(memory, Mapping) else {}, settings),
        config=config,
        config_read_seconds=float(read_seconds) if isinstance(read_seconds, int | float) and config is not None else 0.0,
        counters=counters if isinstance(counters, Mapping) else {},
        tags=seen.tags,
        pool=seen.pool,
    )


def last_seen(vmid: int, decision: Mapping[str, Any], values: Mapping[str, Any]) -> Guest:
    """Return a container as the last cycle saw it, for asking which settings it has.

    Args:
        vmid: its id.
        decision: as the state keeps it: ``name`` and ``node``.
        values: of ``remembered_to_dict``; empty when it was never looked at.
    """
    tags = values.get("tags")
    seen = tuple(str(tag) for tag in tags) if isinstance(tags, list) else ()
    return Guest(vmid, str(decision.get("name", "")), str(decision.get("node", "")), "", tags=seen, pool=str(values.get("pool") or ""))


def _config_to_dict(config: GuestConfig) -> dict[str, Any]:
    return {
        "node": config.node,
        "allocation": allocation_to_dict(config.allocation),
        "pending": dict(config.pending),
        "rootfs_volume": config.rootfs_volume,
        "rootfs_options": config.rootfs_options,
        "net0_hwaddr": config.net0_hwaddr,
        "raw_lxc_keys": list(config.raw_lxc_keys),
    }


def _config_from_dict(vmid: int, values: Any) -> GuestConfig | None:
    if not isinstance(values, Mapping):
        return None
    allocation = allocation_from_dict(values.get("allocation"))
    if allocation is None:
        return None
    try:
        return GuestConfig(
            vmid=vmid,
            node=str(values["node"]),
            digest="",
            allocation=allocation,
            pending=dict(values["pending"]),
            rootfs_volume=str(values["rootfs_volume"]),
            # Older versions did not keep it; without it nothing is known of the size, so it is not grown until it is read again.
            rootfs_options=str(values.get("rootfs_options") or ""),
            net0_hwaddr=str(values["net0_hwaddr"]),
            raw_lxc_keys=tuple(str(key) for key in values["raw_lxc_keys"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
