# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts that a cycle is made of, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from ..clock import Clock
from ..errors import ProxmoxAPIError, ProxmoxAuthenticationError, ProxmoxConnectionError, ProxmoxTimeoutError, ProxmoxTLSError
from ..model import form
from ..model.decision import Decision
from ..model.plan import Outcome
from ..policy.observation import HostState
from ..policy.settings.container import SettingsBook
from ..ports import LxcLifecycle, StateStore, UsageSource
from .configuration.roster import Roster
from .configuration.selection import Selection

# After one of these nothing else can be asked either; every other error is one container's own.
UNREACHABLE_ERRORS: tuple[type[ProxmoxAPIError], ...] = (ProxmoxConnectionError, ProxmoxTimeoutError, ProxmoxTLSError, ProxmoxAuthenticationError)


@dataclass(frozen=True, slots=True)
class CycleParts:
    """Everything a cycle needs; made by assembly.py, or by a test.

    Attributes:
        backend: the way to Proxmox.
        usage: where measurements come from.
        state: the loop's memory on disk.
        lock: makes a context in which no other run of this loop is; raises LockHeldError.
        clock: time.
        node: whose containers are managed.
        selection: which of them.
        settings: how they are sized, as far as ids say it.
        roster: who has which settings by tag, pool and name as well; None where ids say it all.
        records_per_cycle: of so many containers that were never seen Proxmox's records are read in one cycle; 0 for none.
        records_timeframe: how far back they are read: ``day``, ``week`` or ``month``.
        learns_anew: whether every container is learnt from its records in every cycle, because the cycles are far apart.
        warnings: what the back end has said while it was used.
    """

    backend: LxcLifecycle
    usage: UsageSource
    state: StateStore
    lock: Callable[[], AbstractContextManager[None]]
    clock: Clock
    node: str
    selection: Selection
    settings: SettingsBook
    roster: Roster | None = None
    records_per_cycle: int = 0
    records_timeframe: str = "month"
    learns_anew: bool = False
    warnings: Sequence[str] = ()

    def close(self) -> None:
        """Let go of connection and state."""
        self.state.close()
        self.backend.close()


@dataclass(frozen=True, slots=True)
class CycleResult:
    """What one cycle did.

    Attributes:
        run_id: its number in the state.
        mode: ``recommend`` or ``apply``.
        node: whose containers.
        started_seconds: seconds since 1970.
        duration_seconds: how long it took.
        decisions: one for every container of the node, by ascending vmid.
        outcomes: one for every change that was due in mode apply, in the order of carrying out.
        disk_outcomes: the same for every root file system that was to grow.
        settled: what became of changes that an earlier, killed run had begun.
        notices: what the operator should know.
        host: the node as it was seen; None when it was not.
        request_count: how many requests were sent; None when the back end does not count.
    """

    run_id: int
    mode: str
    node: str
    started_seconds: float
    duration_seconds: float
    decisions: tuple[Decision, ...]
    outcomes: tuple[Outcome, ...] = ()
    settled: tuple[Outcome, ...] = ()
    notices: tuple[str, ...] = ()
    host: HostState | None = None
    request_count: int | None = None
    disk_outcomes: tuple[Outcome, ...] = ()

    @property
    def failed_count(self) -> int:
        """Return how many containers failed."""
        return sum(outcome.is_failed for outcome in (*self.outcomes, *self.disk_outcomes))

    @property
    def changed_count(self) -> int:
        """Return how many containers were changed."""
        return len({outcome.vmid for outcome in (*self.outcomes, *self.disk_outcomes) if outcome.is_changed})


def format_cycle(result: CycleResult) -> dict[str, Any]:
    """Return a cycle for ``--json``."""
    return {
        "run_id": result.run_id,
        "mode": result.mode,
        "node": result.node,
        "started": result.started_seconds,
        "duration_seconds": round(result.duration_seconds, 3),
        "changed": result.changed_count,
        "failed": result.failed_count,
        "decisions": [form.format_decision(decision) for decision in result.decisions],
        "outcomes": [form.format_outcome(outcome) for outcome in result.outcomes],
        "disk_outcomes": [form.format_outcome(outcome) for outcome in result.disk_outcomes],
        "settled": [form.format_outcome(outcome) for outcome in result.settled],
        "notices": list(result.notices),
    }
