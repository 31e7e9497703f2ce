# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the middle of the library asks of the outside, in the words of the domain.

Implementations: ``backend/api`` and later ``backend/pct`` are an LxcBackend, ``backend/cgroup`` and
``backend/api_usage`` a UsageSource, ``backend/state`` a StateStore.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from .model.decision import Decision
from .model.guest import Guest, GuestConfig
from .model.node import Cluster
from .model.plan import ConfigWrite, Outcome
from .model.usage import HostUsage, RrdRow, UsageSample


class LxcBackend(Protocol):
    """A way to a Proxmox cluster. Every method raises a ProxmoxAPIError of errors.py."""

    @property
    def transport(self) -> str:
        """Return ``api``, ``ssh`` or ``local``: the way taken, for results."""

    def read_cluster(self) -> Cluster:
        """Return containers and nodes of the whole cluster in one request.

        An empty list may mean that the user may see nothing: Proxmox does not tell.
        """

    def read_config(self, node: str, vmid: int) -> GuestConfig:
        """Return one container's live configuration with its digest; ``pending`` is left empty."""

    def read_pending(self, node: str, vmid: int) -> GuestConfig:
        """Return one container's live configuration and what waits for a restart."""

    def write_config(self, node: str, vmid: int, write: ConfigWrite, digest: str) -> None:
        """Change one container's configuration, only if its digest still is ``digest``."""

    def read_live_guests(self, node: str) -> Mapping[int, Mapping[str, Any]]:
        """Return Proxmox's live rows of one node by vmid: maxmem, maxswap, swap, mem, pressure*; its cpu is unusable."""

    def read_history(self, node: str, vmid: int, timeframe: str, consolidation: str) -> list[RrdRow]:
        """Return one container's RRD rows, oldest first; ``timeframe`` hour, day, week; ``consolidation`` AVERAGE, MAX."""

    def read_snapshots(self, node: str, vmid: int) -> list[dict[str, Any]]:
        """Return one container's snapshots, without the entry ``current``."""

    def read_interfaces(self, node: str, vmid: int) -> list[dict[str, Any]]:
        """Return one running container's network interfaces."""

    def is_quorate(self) -> bool:
        """Return whether the cluster may be written to; a node without cluster always is."""


class UsageSource(Protocol):
    """Where the loop's measurements come from."""

    def read_samples(self, guests: Sequence[Guest], now: float) -> Mapping[int, UsageSample]:
        """Return one sample by vmid for the running containers that could be measured; the others are absent."""

    def read_host(self, node: str) -> HostUsage:
        """Return what the node has left; None in each field that could not be measured."""


class StateStore(Protocol):
    """The loop's own memory on disk. Every method raises StateError."""

    def read_memories(self) -> dict[int, dict[str, Any]]:
        """Return what was learnt, by vmid."""

    def write_memories(self, memories: Mapping[int, Mapping[str, Any]], now: float) -> None:
        """Replace what was learnt about these containers, in one transaction."""

    def begin_run(self, now: float, mode: str) -> int:
        """Open a run and return its number."""

    def end_run(self, run_id: int, now: float, decisions: Iterable[Decision], result: str) -> None:
        """Close a run with the decision about every container."""

    def begin_change(self, run_id: int, now: float, decision: Decision) -> int:
        """Write down a change before it is made, durably, and return its number."""

    def end_change(self, change_id: int, now: float, outcome: Outcome) -> None:
        """Write down what became of a change."""

    def read_open_changes(self) -> list[dict[str, Any]]:
        """Return changes that were begun and never ended: the run was killed in between."""

    def read_changes(self, vmid: int | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """Return changes, newest first."""


class CommandRunner(Protocol):
    """Runs a command on a node."""

    def run(self, argv: Sequence[str], timeout_seconds: float) -> tuple[int, str, str]:
        """Return exit code, standard output and standard error.

        Raises:
            CommandError: it could not be started, or the deadline passed.
        """


class Notifier(Protocol):
    """Tells people."""

    def notify(self, subject: str, lines: Sequence[str]) -> None:
        """Send one message; failures are the caller's to report, never to stop for."""
