# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the state knows of the loop at one moment: for ``status`` and for the report."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from typing import Any

from ..policy.hold import Hold, hold_from_dict
from ..policy.loan import Boost, boost_from_dict
from ..ports import StateStore
from .configuration.loop_config import LoopConfig
from .terminal.status_text import Status

_SHOWN_CHANGES = 5


def read_status(config: LoopConfig, state: StateStore, now: float) -> Status:
    """Return what the state knows, for this moment."""
    decisions, span, memories = state.read_decisions(), state.read_run_span(), state.read_memories()
    return Status(
        node=config.node,
        mode=config.mode,
        interval_seconds=config.settings.general.policy.interval_seconds,
        now=now,
        last_run=state.read_last_run(),
        last_success=state.read_last_success(),
        newest_run=None if span is None else span[1],
        decisions=list(decisions.values()),
        changes=state.read_changes(limit=_SHOWN_CHANGES),
        open_changes=state.read_open_changes(),
        holds=read_holds(memories, now),
        boosts=read_boosts(memories),
        notices=(*_damage_notices(config.state_path), *config.notices),
    )


def read_holds(memories: Mapping[int, Mapping[str, Any]], now: float) -> dict[int, Hold]:
    """Return the holds that are in force, by ascending vmid.

    Args:
        memories: as the state keeps them.
        now: seconds since 1970.
    """
    holds = {}
    for vmid, remembered in sorted(memories.items()):
        memory = remembered.get("memory")
        held = hold_from_dict(memory) if isinstance(memory, Mapping) else None
        if held is not None and now < held.until_seconds:
            holds[vmid] = held
    return holds


def read_boosts(memories: Mapping[int, Mapping[str, Any]]) -> dict[int, Boost]:
    """Return the boosts, also those that are over and not yet taken back, by ascending vmid.

    Args:
        memories: as the state keeps them.
    """
    found = {vmid: boost_from_dict((remembered.get("memory") or {}).get("boost")) for vmid, remembered in sorted(memories.items())}
    return {vmid: boost for vmid, boost in found.items() if boost is not None}


def _damage_notices(state_path: str) -> list[str]:
    """Return what to say about damaged files that stand beside the state: the run that set one aside may be long past."""
    damaged = sorted(path for path in glob.glob(f"{glob.escape(state_path)}.damaged-*") if not path.endswith(("-wal", "-shm")))
    return [
        f"a damaged state file was set aside as {path}; what it knew is lost to the loop, and this notice ends when the file is removed" for path in damaged
    ]
