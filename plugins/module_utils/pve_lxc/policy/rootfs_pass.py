# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All root file systems of a pass together: what a storage has left is given out once, to the fullest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..model.reason import Reason
from ..model.rootfs import RootfsChoice, Storage
from ..units import BYTES_PER_MIB
from .draft import Draft
from .observation import HostState
from .rootfs import choose_rootfs, keep_rootfs, storage_of
from .rootfs_memory import RootfsMemory

_GIB = 1024 * BYTES_PER_MIB


def grow_roots(drafts: Sequence[Draft], host: HostState, now: float) -> list[Draft]:
    """Return the drafts with what is chosen for each root file system that is grown at all; who is left for any reason has none.

    Args:
        drafts: in any order; the outcome does not depend on it.
        host: the node, with its storages.
        now: seconds since 1970.
    """
    chosen = [_chosen(draft, host, now) for draft in drafts]
    wanting = sorted((draft for draft in chosen if draft.rootfs is not None and draft.rootfs.is_change), key=_fullest_first)
    admitted: dict[int, RootfsChoice] = {}
    given_bytes: dict[str, int] = {}
    count = 0
    for draft in wanting:
        choice = _admit(draft, host, given_bytes, count)
        admitted[draft.vmid] = choice
        if choice.is_change:
            count += 1
            name = storage_of(draft.observation.config) if draft.observation.config else ""
            given_bytes[name] = given_bytes.get(name, 0) + _growth_bytes(choice)
    return [replace(draft, rootfs=admitted.get(draft.vmid, draft.rootfs)) for draft in chosen]


def _chosen(draft: Draft, host: HostState, now: float) -> Draft:
    # Whoever is left alone, for whatever reason, is not grown either; a sizing is there only where the figures were good.
    if not draft.settings.policy.grow_rootfs or draft.guard is not None or draft.sizing is None:
        return draft
    choice, memory = choose_rootfs(draft.observation, draft.memory.rootfs or RootfsMemory(), draft.settings, host, now)
    return replace(draft, rootfs=choice, memory=replace(draft.memory, rootfs=memory))


def _admit(draft: Draft, host: HostState, given_bytes: dict[str, int], count: int) -> RootfsChoice:
    """Return the choice, kept back where the storage has no room for it beside what others get in this pass, or where enough are grown."""
    choice, config, policy = draft.rootfs, draft.observation.config, draft.settings.policy
    if choice is None or config is None:
        raise ValueError(f"container {draft.vmid} wants nothing of a storage")
    name = storage_of(config)
    room = _room_bytes(host.storages[name], policy.storage_reserve_share) - given_bytes.get(name, 0)
    if _growth_bytes(choice) > room:
        reserve = f"{100 * policy.storage_reserve_share:.0f} % of it stay free"
        why = f"the storage {name} has {max(room, 0) / _GIB:.1f} GiB left for {_growth_bytes(choice) / _GIB:.1f} ({reserve})"
        return keep_rootfs(choice, Reason.STORAGE_FULL, why)
    if count >= policy.cycle_rootfs:
        return keep_rootfs(choice, Reason.BUDGET_SPENT, f"this cycle grows {count} others already (cycle_rootfs)")
    return choice


def _room_bytes(storage: Storage, reserve_share: float) -> float:
    """Return what growth may take: 100 GiB with 80 used and a tenth in reserve leave 10."""
    total = storage.total_bytes or 0.0
    return total * (1 - reserve_share) - (total if storage.used_bytes is None else storage.used_bytes)


def _growth_bytes(choice: RootfsChoice) -> int:
    return (choice.target_bytes or 0) - (choice.size_bytes or 0)


def _fullest_first(draft: Draft) -> tuple[float, int]:
    share = draft.rootfs.used_share if draft.rootfs is not None else None
    return -(share or 0.0), draft.vmid
