# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the middle of the library asks of the outside, in the words of the domain.

Implementations: ``backend/api`` and later ``backend/pct`` are an LxcBackend, ``backend/cgroup`` and
``backend/api_usage`` a UsageSource, ``backend/state`` a StateStore.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

# Only named here, never used: a module that does not need a record does not read its file.
if TYPE_CHECKING:
    from .model.allocation import LiveLimits
    from .model.decision import Decision
    from .model.guest import Guest, GuestConfig
    from .model.node import Cluster
    from .model.plan import ConfigWrite, Outcome
    from .model.task import TaskResult
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

    def read_status(self, node: str, vmid: int) -> str:
        """Return ``running`` or ``stopped``, as the node itself says, without the cluster's lag."""

    def read_history(self, node: str, vmid: int, timeframe: str, consolidation: str) -> list[RrdRow]:
        """Return one container's RRD rows, oldest first; ``timeframe`` hour, day, week; ``consolidation`` AVERAGE, MAX."""

    def read_snapshots(self, node: str, vmid: int) -> list[dict[str, Any]]:
        """Return one container's snapshots, without the entry ``current``."""

    def read_interfaces(self, node: str, vmid: int) -> list[dict[str, Any]]:
        """Return one running container's network interfaces."""

    def is_quorate(self) -> bool:
        """Return whether the cluster may be written to; a node without cluster always is."""

    def read_ballooning_target_share(self, node: str) -> float | None:
        """Return above which share of its memory a node takes memory from virtual machines; None when none of those that run balloons."""

    def read_working_set_mib(self, node: str, vmid: int) -> float | None:
        """Return what one container needs to run, from its node's cgroup files, in MiB; None where they cannot be read, over the API always."""

    def read_live_limits(self, node: str, vmid: int) -> LiveLimits | None:
        """Return what the kernel enforces on a running container, from its node's cgroup files; None where they cannot be read, over the API always."""

    def close(self) -> None:
        """Close every connection."""


class AccessReader(Protocol):
    """What a way to Proxmox can say about itself and about what it may do. Every method raises a ProxmoxAPIError of errors.py."""

    def read_version(self) -> tuple[int, ...]:
        """Return the version of the node that answers: ``9.2.11`` is (9, 2, 11)."""

    def read_permissions(self, path: str) -> Mapping[str, bool] | None:
        """Return the own privileges on a path of the access control list, and whether each is passed on to deeper ones; None for root, who may do all."""

    def read_roles(self) -> Mapping[str, frozenset[str]]:
        """Return every role with its privileges."""


class LxcLifecycle(LxcBackend, AccessReader, Protocol):
    """What clone and power need beside LxcBackend. Verbs that start a task wait for its end.

    They raise ProxmoxTaskError when it ended badly and ProxmoxTimeoutError when it still runs after ``timeout_seconds``.
    """

    def read_next_id(self) -> int:
        """Return the lowest free vmid; nothing is reserved, so the next caller may get the same."""

    def has_feature(self, node: str, vmid: int, feature: str, snapshot: str = "") -> bool:
        """Return whether ``snapshot``, ``clone`` or ``copy`` can be done, with this snapshot if one is named."""

    def resize_disk(self, node: str, vmid: int, disk: str, size: str, timeout_seconds: float) -> TaskResult:
        """Grow ``rootfs`` or ``mpN`` to ``20G`` or by ``+2G``; Proxmox cannot shrink, and refuses an equal size."""

    def create_snapshot(self, node: str, vmid: int, name: str, description: str, timeout_seconds: float) -> TaskResult:
        """Make a snapshot."""

    def delete_snapshot(self, node: str, vmid: int, name: str, timeout_seconds: float) -> TaskResult:
        """Delete a snapshot."""

    def clone_guest(self, node: str, vmid: int, new_vmid: int, parameters: Mapping[str, Any], timeout_seconds: float) -> TaskResult:
        """Clone; ``parameters`` are Proxmox's: hostname, full, snapname, target, storage, pool, description."""

    def delete_guest(self, node: str, vmid: int, parameters: Mapping[str, Any], timeout_seconds: float) -> TaskResult:
        """Destroy a stopped container; ``parameters`` are Proxmox's: force, purge."""

    def change_power(self, node: str, vmid: int, verb: str, parameters: Mapping[str, Any], timeout_seconds: float) -> TaskResult:
        """Carry out ``start``, ``stop``, ``shutdown``, ``reboot``, ``suspend`` or ``resume``; ``parameters`` are Proxmox's."""

    def change_power_of_many(self, verb: str, vmids: Sequence[int], parameters: Mapping[str, Any], timeout_seconds: float) -> TaskResult:
        """Carry out ``start``, ``shutdown`` or ``suspend`` on these containers in one call of the cluster.

        Raises:
            ValueError: ``vmids`` is empty: Proxmox would act on every guest, virtual machines included.
        """


class UsageSource(Protocol):
    """Where the loop's measurements come from."""

    def read_samples(self, guests: Sequence[Guest], now: float) -> Mapping[int, UsageSample]:
        """Return one sample by vmid for the running containers that could be measured; the others are absent."""

    def read_host(self, node: str) -> HostUsage:
        """Return what the node has left; None in each field that could not be measured."""

    def read_memory_mib(self, guest: Guest) -> float | None:
        """Return one container's memory use of this moment, in MiB; None when it could not be measured."""

    def read_live_limits(self, guest: Guest) -> LiveLimits | None:
        """Return what the kernel enforces on one container at this moment; None when that cannot be read, over the API always."""

    def note_cluster(self, cluster: Cluster) -> None:
        """Take the cluster's list that was just read; a source that needs nothing of it does nothing."""

    def load_counters(self, counters: Mapping[int, Mapping[str, Any]]) -> None:
        """Take the counters of the last cycle by vmid: each run of the timer is a new process."""

    def dump_counters(self) -> dict[int, dict[str, Any]]:
        """Return the counters for the next cycle by vmid, in JSON's types."""


class StateStore(Protocol):
    """The loop's own memory on disk. Every method raises StateError."""

    def read_memories(self) -> dict[int, dict[str, Any]]:
        """Return what was learnt, by vmid."""

    def each_memory(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield what ``read_memories`` returns, one container at a time: all of them at once need several times the memory of a cycle."""

    def write_memories(self, memories: Mapping[int, Mapping[str, Any]], now: float) -> None:
        """Replace what was learnt about these containers, in one transaction."""

    def begin_run(self, now: float, mode: str) -> int:
        """Open a run and return its number."""

    def end_run(self, run_id: int, now: float, decisions: Iterable[Decision], result: str, *, is_failed: bool = False) -> None:
        """Close a run with the decision about every container; ``is_failed``: it could not come to its end."""

    def begin_change(self, run_id: int, now: float, decision: Decision, *, identity: str = "", undoes_from: int | None = None) -> int:
        """Write down a change before it is made, durably, and return its number.

        ``identity`` is the container's own, for its id may be used again; ``undoes_from`` the number of the change that a rollback goes back before.
        """

    def end_change(self, change_id: int, now: float, outcome: Outcome, memories: Mapping[int, Mapping[str, Any]] | None = None) -> None:
        """Write down what became of a change, and in the same transaction what is known of its container by now, by vmid.

        Without the latter a run that is killed between the two would let the next one take its change for an operator's.
        """

    def read_open_changes(self) -> list[dict[str, Any]]:
        """Return changes that were begun and never ended: the run was killed in between."""

    def read_changes(self, vmid: int | None = None, limit: int | None = 100, since: float = 0.0, *, only_rollbacks: bool = False) -> list[dict[str, Any]]:
        """Return changes begun at ``since`` or later, newest first; ``limit`` None for all."""

    def read_last_run(self) -> dict[str, Any] | None:
        """Return the newest cycle that ended: ``run_id``, ``mode``, ``started``, ``ended``, ``result``, ``is_failed``; None before the first."""

    def read_last_success(self) -> dict[str, Any] | None:
        """Return the newest cycle that came to its end, be it that single containers failed; None before the first."""

    def read_run(self, run_id: int) -> dict[str, Any] | None:
        """Return a run by its number, a rollback as well; None when it is not known (any more)."""

    def read_run_span(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return the first run that the journal has, which is never dropped, and the newest, be it not ended; None when there is none."""

    def read_note(self, name: str) -> dict[str, Any] | None:
        """Return what ``write_note`` kept under a name; None when there is nothing, or nothing readable."""

    def write_note(self, name: str, values: Mapping[str, Any], now: float) -> None:
        """Keep a few values under a name, in place of those of before; in JSON's types."""

    def read_decisions(self) -> dict[int, dict[str, Any]]:
        """Return the newest decision about each container, by vmid, as form.format_decision made it; ``time`` and ``run_id`` added."""

    def close(self) -> None:
        """Let go of the store."""


class CommandRunner(Protocol):
    """Runs a command on a node."""

    @property
    def name(self) -> str:
        """Return ``ssh`` or ``local``."""

    def run(self, argv: Sequence[str], timeout_seconds: float) -> tuple[int, str, str]:
        """Return exit code, standard output and standard error.

        Raises:
            CommandError: it could not be started, or the deadline passed.
        """

    def close(self) -> None:
        """Let go of the connection, if there is one."""


class Notifier(Protocol):
    """Tells people."""

    def notify(self, subject: str, lines: Sequence[str], facts: Mapping[str, Any]) -> str:
        """Send one message and return what answered, for people.

        Args:
            subject: one line.
            lines: the text, may be empty.
            facts: the same for programs, in JSON's types; ``is_good`` says whether all is well, ``is_failure`` whether something failed.

        Raises:
            NotifyError: it was not taken; the caller reports that and goes on.
        """
