# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide how a clone is made, or why it cannot be: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..model.allocation import Allocation
from ..model.guest import Guest, GuestConfig
from ..model.node import Cluster
from ..model.reason import Reason
from .clone_mark import CLONE_TAG
from .clone_network import change_net0, format_net, parse_net, static_addresses
from .clone_outcome import CloneFailedError
from .clone_request import CloneRequest
from .resize_decision import plan_resize

# Locks that Proxmox itself takes for a moment, also for a clone that somebody else makes of the same source: these are waited for.
PASSING_LOCKS = frozenset({"disk", "snapshot", "snapshot-delete"})


@dataclass(frozen=True, slots=True)
class Source:
    """What can be cloned, as it was found.

    Attributes:
        guest: from the reading of the cluster; ``status`` as its node says.
        config: its configuration.
        can_snapshot: whether its storage can make a snapshot; only asked of one that runs, else False.
        can_link: whether its storage can make linked clones; only asked of a template, else False.
    """

    guest: Guest
    config: GuestConfig
    can_snapshot: bool = False
    can_link: bool = False

    @property
    def shown(self) -> str:
        """Return ``101 (web)``."""
        return f"{self.guest.vmid} ({self.guest.name})" if self.guest.name else str(self.guest.vmid)


@dataclass(frozen=True, slots=True)
class ClonePlan:
    """How one clone is made; check mode and diff mode show it as it is.

    Attributes:
        request: what was asked for.
        source: what is cloned.
        node: where the clone is to live.
        is_full: whether everything is copied.
        needs_snapshot: whether a temporary snapshot is cloned, because the source runs.
        parameters: of Proxmox's clone call, without ``newid``, ``description`` and the temporary snapshot.
        allocation: the sizes it is to have.
        net0: its first interface, without a MAC address unless one was asked for; empty without one.
        tags: sorted.
        warnings: what the user should know although it is done.
    """

    request: CloneRequest
    source: Source
    node: str
    is_full: bool
    needs_snapshot: bool
    parameters: Mapping[str, Any]
    allocation: Allocation
    net0: str
    tags: tuple[str, ...]
    warnings: tuple[str, ...] = field(default=())

    @property
    def hostname(self) -> str:
        """Return the hostname that the clone gets."""
        return self.request.name or str(self.source.config.values.get("hostname") or "")

    @property
    def message(self) -> str:
        """Return ``full clone of 101 (web) on pve1``."""
        kind = "full" if self.is_full else "linked"
        way = ", through a temporary snapshot because it runs" if self.needs_snapshot else ""
        return f"{kind} clone of {self.source.shown} on {self.node}{way}"


def plan_clone(request: CloneRequest, source: Source, cluster: Cluster) -> ClonePlan:
    """Return the plan for one clone.

    Relative sizes start from what the source has, so that they are absolute from here on: a clone that an interrupted run left half made
    is completed with the same sizes, never with twice as much.

    Raises:
        CloneFailedError: it cannot be made; the message says what would help.
    """
    node = request.node or source.guest.node
    _require_node(cluster, node)
    lock = source.config.lock
    if lock and lock not in PASSING_LOCKS:
        raise CloneFailedError(Reason.LOCKED, f"the source {source.shown} is locked ({lock}); try again when that is over")
    is_full = _is_full(request, source, node)
    needs_snapshot = source.guest.status != "stopped" and not request.snapshot
    if needs_snapshot and not source.can_snapshot:
        message = (
            f"the source {source.shown} runs, and a running container can only be cloned from a snapshot, which its storage cannot make: "
            "stop it first, clone a template, or move it to a storage with snapshots"
        )
        raise CloneFailedError(Reason.SNAPSHOT_IMPOSSIBLE, message)
    net0, warnings = _network(request, source)
    return ClonePlan(
        request=request,
        source=source,
        node=node,
        is_full=is_full,
        needs_snapshot=needs_snapshot,
        parameters=_parameters(request, source, node, is_full),
        allocation=_allocation(request, source),
        net0=net0,
        tags=clone_tags(request, source.config),
        warnings=warnings,
    )


def clone_tags(request: CloneRequest, config: GuestConfig) -> tuple[str, ...]:
    """Return the tags that a clone is to have: those it has, those asked for, and the one that says that it is a clone."""
    return tuple(sorted({*config.tags, *request.tags, CLONE_TAG}))


def _require_node(cluster: Cluster, name: str) -> None:
    node = cluster.nodes.get(name)
    if node is None:
        raise CloneFailedError(Reason.NOT_FOUND, f"there is no node {name}; this cluster has {', '.join(cluster.nodes)}")
    if not node.is_online:
        raise CloneFailedError(Reason.NODE_UNREACHABLE, f"the node {name} cannot be reached (Proxmox says {node.status})")


def _is_full(request: CloneRequest, source: Source, node: str) -> bool:
    """Return whether everything is copied; not said means linked where that is possible, as only a template can be."""
    if not source.guest.is_template:
        if request.is_full is False:
            message = f"{source.shown} is no template, and only templates can be cloned linked: make it a template (pct template), or give full: true"
            raise CloneFailedError(Reason.LINKED_CLONE_IMPOSSIBLE, message)
        return True
    if request.is_full is False and not source.can_link:
        volume = source.config.rootfs_volume
        message = (
            f"the storage of {source.shown} ({volume}) cannot make linked clones: give full: true, or move the template to a storage "
            "that can (ZFS, Btrfs, LVM-thin, Ceph)"
        )
        raise CloneFailedError(Reason.LINKED_CLONE_IMPOSSIBLE, message)
    if request.is_full is None:
        return not source.can_link or bool(request.storage) or node != source.guest.node
    return request.is_full


def _parameters(request: CloneRequest, source: Source, node: str, is_full: bool) -> dict[str, Any]:
    given = {
        "hostname": request.name,
        "snapname": request.snapshot,
        "target": node if node != source.guest.node else "",
        "storage": request.storage,
        "pool": request.pool,
    }
    return {"full": int(is_full), **{key: value for key, value in given.items() if value}}


def _allocation(request: CloneRequest, source: Source) -> Allocation:
    """Return the sizes; lxc_resize's own plan makes them, for a container that does not run."""
    if request.sizes is None:
        return source.config.allocation
    guest = replace(source.guest, status="stopped", lock="", tags=())
    plan = plan_resize(request.sizes, guest, replace(source.config, lock="", tags=()), None)
    if plan.is_refused:
        raise CloneFailedError(plan.reason, plan.message)
    return plan.after


def _network(request: CloneRequest, source: Source) -> tuple[str, tuple[str, ...]]:
    """Return net0 and warnings about addresses that two containers would have."""
    net0 = str(source.config.values.get("net0") or "")
    if request.network and not net0:
        message = f"the source {source.shown} has no net0, and none is invented: give it one first, or leave out network"
        raise CloneFailedError(Reason.INVALID_REQUEST, message)
    kept = {key: value for key, value in parse_net(net0).items() if key not in request.network}
    twice = static_addresses(format_net(kept))
    if twice and request.should_start:
        message = (
            f"the clone would start with the fixed address of {source.shown}, {', '.join(twice)}: give another address in network "
            "(or the same one, if the two never run together), or do not start it"
        )
        raise CloneFailedError(Reason.INVALID_REQUEST, message)
    warnings = [f"it keeps the fixed address {address} of {source.shown}; change it before both run" for address in twice]
    for key, value in sorted(source.config.values.items()):
        if re.fullmatch(r"net[1-9]\d*", key):
            warnings += [f"its {key} keeps the fixed address {address} of {source.shown}" for address in static_addresses(str(value))]
    # Proxmox makes a new MAC address.
    net0 = format_net({key: value for key, value in parse_net(net0).items() if key != "hwaddr"})
    return change_net0(net0, request.network) if net0 else "", tuple(warnings)
