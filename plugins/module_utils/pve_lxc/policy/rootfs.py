# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether one container's root file system is to grow: it can never be made smaller again, so only before it is full, and never on a guess."""

from __future__ import annotations

from dataclasses import replace

from ..model.guest import GuestConfig
from ..model.reason import Reason
from ..model.rootfs import RootfsChoice, Storage, format_disk_size, parse_volume_bytes
from ..units import BYTES_PER_MIB, DAY_SECONDS
from .observation import HostState, Observation
from .rootfs_memory import RootfsMemory
from .settings.container import ContainerSettings
from .settings.policy import PolicySettings

# Kinds of storage on which Proxmox can grow a container's volume. Source: volume_resize of the plugins of libpve-storage-perl 9.
_RESIZABLE_PLUGINS = frozenset({"dir", "nfs", "cifs", "btrfs", "lvm", "lvmthin", "zfspool", "rbd"})

# A file system is a little smaller than its volume (ext4: 5 %). One that is much smaller did not grow along, and more volume does not help it.
_LEAST_FILESYSTEM_SHARE = 0.8

_GIB = 1024 * BYTES_PER_MIB


def storage_of(config: GuestConfig) -> str:
    """Return the storage of the root volume: ``local-lvm`` of ``local-lvm:vm-101-disk-0``; empty for one that lies on none."""
    name, colon, _volume = config.rootfs_volume.partition(":")
    return name if colon else ""


def choose_rootfs(
    observation: Observation, memory: RootfsMemory, settings: ContainerSettings, host: HostState, now: float
) -> tuple[RootfsChoice, RootfsMemory]:
    """Return what one root file system is to have by itself, before the storage is shared out, and what is remembered of it.

    Args:
        observation: of a container that may be changed.
        memory: what is remembered of its root file system.
        settings: of this container.
        host: the node, with its storages.
        now: seconds since 1970.
    """
    config, guest, policy = observation.config, observation.guest, settings.policy
    size = None if config is None else parse_volume_bytes(config.rootfs_options)
    used, whole = guest.disk_bytes, guest.max_disk_bytes
    if config is None or not used or not whole or used > whole:
        return RootfsChoice(Reason.NOT_MEASURED, "how full its root file system is could not be measured", size, size), memory
    # Points of a window never span all of it.
    rise = memory.rise_per_second(now, used, min(policy.rootfs_least_trend_seconds, 0.9 * policy.rootfs_trend_seconds))
    memory = memory.with_use(now, used, policy.rootfs_trend_seconds)
    memory = memory.with_size(size) if size else memory
    due = _due(used, whole, rise, policy)
    if not due:
        return _keep(Reason.WITHIN_BAND, _fullness(used, whole), size, used / whole), memory
    text = f"{_fullness(used, whole)}, {due}"
    if not size:
        # Without any option nothing is known of it: an older version did not write the size down.
        reason = Reason.ROOTFS_NOT_RESIZABLE if config.rootfs_options else Reason.NOT_MEASURED
        return _keep(reason, f"{text}; its volume {config.rootfs_volume} has no size of its own, or none that is known yet", None, used / whole), memory
    blocked = _blocked(config, (size, whole), memory, host, policy, now)
    if blocked is not None:
        return _keep(blocked[0], f"{text}; {blocked[1]}", size, used / whole), memory
    largest = _largest_bytes(memory, settings)
    target = min(size + _step_bytes(size, policy), largest)
    if target <= size:
        return _keep(Reason.ROOTFS_AT_BOUND, f"{text}; it has {format_disk_size(size)}, and may have {format_disk_size(largest)}", size, used / whole), memory
    return RootfsChoice(Reason.GROW_ROOTFS, f"{text}: {format_disk_size(size)} -> {format_disk_size(target)}", size, target, used / whole), memory


def keep_rootfs(choice: RootfsChoice, reason: Reason, why: str) -> RootfsChoice:
    """Return a choice that keeps after all."""
    return replace(choice, reason=reason, message=f"{choice.message}; not done, because {why}", target_bytes=choice.size_bytes)


def _keep(reason: Reason, message: str, size: int | None, share: float) -> RootfsChoice:
    return RootfsChoice(reason, message, size, size, share)


def _fullness(used: float, whole: float) -> str:
    return f"its root file system is {100 * used / whole:.0f} % full"


def _due(used: float, whole: float, rise: float | None, policy: PolicySettings) -> str:
    """Return why it is to grow: it is full, or will be soon by the trend; empty when it is not.

    90 of 100 GiB used, and 2 GiB more a day, are 95 in 2.5 days.
    """
    if used >= policy.rootfs_full_share * whole:
        return "which counts as full"
    if used <= policy.rootfs_above_share * whole or rise is None or rise <= 0:
        return ""
    seconds = (policy.rootfs_full_share * whole - used) / rise
    if seconds > policy.rootfs_full_within_seconds:
        return ""
    return f"and will be {100 * policy.rootfs_full_share:.0f} % full in {seconds / DAY_SECONDS:.1f} days"


def _blocked(
    config: GuestConfig, sizes: tuple[int, float], memory: RootfsMemory, host: HostState, policy: PolicySettings, now: float
) -> tuple[Reason, str] | None:
    """Return why it cannot grow now whatever there is room for; None when it can."""
    size, whole = sizes
    name = storage_of(config)
    storage = host.storages.get(name)
    if not name or config.rootfs_volume.endswith(".subvol"):
        return Reason.ROOTFS_NOT_RESIZABLE, f"Proxmox cannot grow the volume {config.rootfs_volume}"
    if storage is not None and storage.plugin not in _RESIZABLE_PLUGINS:
        return Reason.ROOTFS_NOT_RESIZABLE, f"Proxmox cannot grow volumes on {name} ({storage.plugin})"
    if whole < _LEAST_FILESYSTEM_SHARE * size:
        shown = f"{whole / _GIB:.1f} of the {size / _GIB:.1f} GiB of its volume"
        return Reason.NOT_IN_EFFECT, f"the file system has only {shown}, so more volume would not help it"
    if 0 <= now - memory.tried_seconds < policy.rootfs_pause_seconds:
        return Reason.COOLDOWN, f"it was grown, or that was tried, {(now - memory.tried_seconds) / 60:.0f} min ago"
    if not _is_known(storage):
        return Reason.NOT_MEASURED, f"what is free on the storage {name} cannot be seen (it needs to be active, and the privilege Datastore.Audit)"
    return None


def _is_known(storage: Storage | None) -> bool:
    return storage is not None and storage.is_available and storage.used_bytes is not None and bool(storage.total_bytes)


def _step_bytes(size: int, policy: PolicySettings) -> int:
    """Return by how much it grows, in whole GiB, below that in whole MiB: a volume of 32 GiB by 4 (a tenth is 3.2), one of 8 GiB by 2."""
    step = max(policy.rootfs_step_share * size, policy.rootfs_least_step_mib * BYTES_PER_MIB)
    unit = _GIB if step >= _GIB else BYTES_PER_MIB
    return -(-int(step) // unit) * unit


def _largest_bytes(memory: RootfsMemory, settings: ContainerSettings) -> int:
    """Return the largest size allowed, in whole MiB: 8 GiB as found, with a share of 2, are 16 GiB."""
    bounds = settings.bounds
    if bounds.max_rootfs_mib is not None:
        return bounds.max_rootfs_mib * BYTES_PER_MIB
    return int(memory.baseline_bytes * bounds.largest_share_of_baseline) // BYTES_PER_MIB * BYTES_PER_MIB
