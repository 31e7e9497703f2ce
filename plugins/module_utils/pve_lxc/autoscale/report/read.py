# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report needs is read: from the loop's state, and from Proxmox's records where Proxmox can be reached. Nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...errors import DependencyError, ProxmoxAPIError
from ...operations.parallel import MAX_CONCURRENCY, run_each
from ...policy.demand import DemandRow, read_demand
from ...ports import LxcBackend, StateStore
from ..assembly import open_state
from ..configuration.loop_config import LoopConfig
from ..metrics.tally import read_tally
from ..parts import UNREACHABLE_ERRORS
from ..status_read import read_status
from .data import UNMANAGED_REASONS, Gathered, window_begin


def gather(config: LoopConfig, connect: Callable[[], LxcBackend], timeframe: str, now: float) -> Gathered:
    """Return what one loop's report is made of.

    Args:
        config: of the loop.
        connect: makes the way to Proxmox; it is closed again.
        timeframe: day, week or month.
        now: seconds since 1970.

    Raises:
        StateError: there is no state yet, or it cannot be read.
    """
    state = open_state(config)
    try:
        status, memories, span = read_status(config, state, now), state.read_memories(), state.read_run_span()
        changes, kills = state.read_changes(limit=None, since=window_begin(timeframe, now)), _read_kills(state)
    finally:
        state.close()
    managed = [decision for decision in status.decisions if decision["reason"] not in UNMANAGED_REASONS]
    records, problem = _read_records(connect, managed, timeframe)
    began = None if span is None else float(span[0]["started"])
    return Gathered(status, memories, changes, kills, began, records, problem)


def _read_kills(state: StateStore) -> dict[int, Mapping[str, int]]:
    tally = read_tally(state)
    counted = {int(decision["vmid"]) for decision in state.read_decisions().values()} if tally.cycles else set()
    return {vmid: tally.containers.get(vmid, {}).get("ooms", {}) for vmid in counted}


def _read_records(connect: Callable[[], LxcBackend], decisions: Sequence[Mapping[str, Any]], timeframe: str) -> tuple[dict[int, Sequence[DemandRow]], str]:
    """Return what Proxmox recorded of each container, some read at a time, and what went wrong; after an error that concerns all, nothing more is asked."""
    if not decisions:
        return {}, ""
    try:
        backend = connect()
    except (ProxmoxAPIError, DependencyError) as error:
        return {}, str(error)
    problems = _Problems()
    try:
        read = run_each(lambda decision: _read_one(backend, decision, timeframe, problems), decisions, MAX_CONCURRENCY)
    finally:
        backend.close()
    return {int(decision["vmid"]): rows for decision, rows in zip(decisions, read, strict=True) if rows is not None}, problems.text


@dataclass
class _Problems:
    """What went wrong.

    Attributes:
        of_all: errors after which nothing else can be asked either.
        of_one: errors that concern one container.
    """

    of_all: list[str] = field(default_factory=list)
    of_one: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return one sentence, and how many others there are."""
        said = list(dict.fromkeys((*self.of_all, *self.of_one)))
        more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
        return f"{said[0]}{more}" if said else ""


def _read_one(backend: LxcBackend, decision: Mapping[str, Any], timeframe: str, problems: _Problems) -> list[DemandRow] | None:
    if problems.of_all:
        return None
    try:
        averages, peaks = (backend.read_history(str(decision["node"]), int(decision["vmid"]), timeframe, kind) for kind in ("AVERAGE", "MAX"))
        return read_demand(averages, peaks)
    except UNREACHABLE_ERRORS as error:
        problems.of_all.append(str(error).strip())
    except ProxmoxAPIError as error:
        problems.of_one.append(f"container {decision['vmid']}: {str(error).strip()}")
    return None
