# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The swap of every container of a pass that has it sized: after the memory of all was shared out, for memory comes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..model.reason import Reason
from .bounds import Bounds, swap_bounds
from .cpu_choice import Choice, keep
from .draft import Draft
from .memory_choice import guard_memory
from .observation import HostState
from .permit import guard_shrinking
from .swap_choice import SwapCase, choose_swap


def size_swaps(drafts: Sequence[Draft], host: HostState, now: float) -> list[Draft]:
    """Return the drafts with what is chosen for each swap that is sized; the others are returned as they are.

    Args:
        drafts: with the memory that each is to have.
        host: says whether the node has swap at all.
        now: seconds since 1970.
    """
    return [_with_swap(draft, host, now) for draft in drafts]


def _with_swap(draft: Draft, host: HostState, now: float) -> Draft:
    sizing, memory, sample, baseline = draft.sizing, draft.memory, draft.observation.sample, draft.memory.baseline
    if memory.swap_sizing is None or baseline is None or sizing is None:
        return draft
    if sample is not None and sample.swap_mib is not None:
        memory = replace(memory, swap_sizing=memory.swap_sizing.with_use(sample.time_seconds, sample.swap_mib))
        draft = replace(draft, memory=memory)
    bounds = swap_bounds(baseline, draft.settings.bounds)
    return replace(draft, sizing=replace(sizing, swap=_choose(draft, bounds, host, now), swap_bounds=bounds))


def _choose(draft: Draft, bounds: Bounds, host: HostState, now: float) -> Choice:
    config, sample, sizing, swap = draft.observation.config, draft.observation.sample, draft.sizing, draft.memory.swap_sizing
    node_mib = host.usage.swap_total_mib
    if node_mib is None:
        return keep(Reason.NOT_MEASURED, "swap kept: whether the node has any was not measured")
    if node_mib == 0.0:
        return keep(Reason.NO_SWAP_ON_NODE, "swap kept: the node has none, so a limit of it means nothing")
    if config is None or sample is None or sample.swap_mib is None or sizing is None or swap is None:
        return keep(Reason.NOT_MEASURED, "swap kept: its use was not measured")
    guard = guard_memory(config)
    if guard is not None:
        return keep(guard.reason, f"swap kept: {guard.message}")
    case = SwapCase(
        limit_mib=config.allocation.swap_in_effect_mib,
        use_mib=sample.swap_mib,
        bounds=bounds,
        node_mib=node_mib,
        sample=sample,
        memory=draft.memory,
        swap=swap,
        policy=draft.settings.policy,
        now=now,
        is_memory_changed=bool(sizing.memory.changes),
        shrink_guard=guard_shrinking(draft.observation, draft.memory, draft.settings.policy, now),
    )
    return choose_swap(case)
