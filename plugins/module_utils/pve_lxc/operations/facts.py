# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about containers: one reading of the cluster for all, more per container only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import ProxmoxAPIError
from ..model.form import format_config, format_guest, format_metrics, format_nodes, format_rrd_row
from ..model.guest import Guest
from .failure import describe_failure
from .find import Selection, select_guests

if TYPE_CHECKING:
    from ..ports import LxcBackend

# What can be gathered beside the basic facts. metrics come with the cluster's answer and cost no request.
SUBSETS = ("config", "pending", "metrics", "history", "snapshots", "interfaces")

_MAX_CONCURRENCY = 4


@dataclass(frozen=True, slots=True)
class Gathering:
    """What to gather for each container.

    Attributes:
        subsets: of SUBSETS.
        timeframe: of the history: ``hour``, ``day`` or ``week``.
        consolidation: of the history: ``AVERAGE`` or ``MAX``.
    """

    subsets: frozenset[str] = frozenset()
    timeframe: str = "hour"
    consolidation: str = "AVERAGE"


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found.

    Attributes:
        containers: vmid as a string -> facts, in ascending order of vmid.
        nodes: name -> facts.
        unreachable_nodes: names of the nodes that are not online.
        warnings: sentences the user should read, for example about a vmid that does not exist.
    """

    containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    unreachable_nodes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def gather_facts(backend: LxcBackend, selection: Selection, gathering: Gathering, concurrency: int = _MAX_CONCURRENCY) -> Facts:
    """Return facts about the containers that fit the selection.

    A container that fails has an entry in its ``errors``, subset -> sentence, and the others go on; a node that is down is
    named in ``unreachable_nodes`` and is not asked.

    Args:
        backend: the way to Proxmox; used by several threads at once.
        selection: which containers.
        gathering: what of them.
        concurrency: containers at a time, 1 to 4.

    Raises:
        ProxmoxAPIError: the cluster could not be read.
    """
    cluster = backend.read_cluster()
    guests, warnings = select_guests(cluster, selection)
    offline = frozenset(cluster.unreachable_nodes)
    gather = partial(_gather_one, backend, gathering, offline)
    if gathering.subsets <= {"metrics"}:
        gathered = [gather(guest) for guest in guests]
    else:
        with ThreadPoolExecutor(max_workers=max(1, min(concurrency, _MAX_CONCURRENCY)), thread_name_prefix="facts") as executor:
            gathered = list(executor.map(gather, guests))
    return Facts(
        containers={str(guest.vmid): facts for guest, facts in zip(guests, gathered)},
        nodes=format_nodes(cluster),
        unreachable_nodes=cluster.unreachable_nodes,
        warnings=tuple(warnings),
    )


def _gather_one(backend: LxcBackend, gathering: Gathering, offline: Collection[str], guest: Guest) -> dict[str, Any]:
    facts: dict[str, Any] = {**format_guest(guest), "errors": {}}
    if "metrics" in gathering.subsets:
        facts["metrics"] = format_metrics(guest)
    for names, read in _readers(backend, gathering, guest):
        if guest.node in offline:
            facts["errors"].update(dict.fromkeys(names, f"its node {guest.node} cannot be reached"))
            continue
        try:
            facts.update(read())
        except ProxmoxAPIError as error:
            facts["errors"].update(dict.fromkeys(names, describe_failure(error)[1]))
    return facts


def _readers(backend: LxcBackend, gathering: Gathering, guest: Guest) -> list[tuple[list[str], Callable[[], dict[str, Any]]]]:
    """Return, for each request to make, the subsets it answers and the function that makes it."""
    readers: list[tuple[list[str], Callable[[], dict[str, Any]]]] = []
    configured: list[str] = [name for name in ("config", "pending") if name in gathering.subsets]
    if configured:
        readers.append((configured, partial(_read_configuration, backend, guest, configured)))
    if "history" in gathering.subsets:
        readers.append((["history"], partial(_read_history, backend, guest, gathering)))
    if "snapshots" in gathering.subsets:
        readers.append((["snapshots"], lambda: {"snapshots": backend.read_snapshots(guest.node, guest.vmid)}))
    if "interfaces" in gathering.subsets:
        readers.append((["interfaces"], partial(_read_interfaces, backend, guest)))
    return readers


def _read_configuration(backend: LxcBackend, guest: Guest, wanted: Collection[str]) -> dict[str, Any]:
    """Return ``config``, ``pending`` or both; one request answers both."""
    if "pending" not in wanted:
        return {"config": format_config(backend.read_config(guest.node, guest.vmid))}
    config = backend.read_pending(guest.node, guest.vmid)
    facts: dict[str, Any] = {"pending": dict(config.pending)}
    if "config" in wanted:
        facts["config"] = format_config(config)
    return facts


def _read_history(backend: LxcBackend, guest: Guest, gathering: Gathering) -> dict[str, Any]:
    rows = backend.read_history(guest.node, guest.vmid, gathering.timeframe, gathering.consolidation)
    return {"history": [format_rrd_row(row) for row in rows]}


def _read_interfaces(backend: LxcBackend, guest: Guest) -> dict[str, Any]:
    """Return the interfaces; only a running container has any, and Proxmox answers an error for the others."""
    return {"interfaces": backend.read_interfaces(guest.node, guest.vmid) if guest.is_running else []}
