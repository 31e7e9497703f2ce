# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find containers in one reading of the cluster: one by vmid or name, or many by their marks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from ..errors import Problem, RequestError
from ..model.guest import Guest
from ..model.node import Cluster
from ..model.reason import Reason

NOTHING_VISIBLE = (
    "no container is visible at all: Proxmox answers with an empty list, not with an error, when this user or token lacks VM.Audit on /vms "
    "(a token with privilege separation needs an ACL of its own)"
)
_NEAR_MATCHES = 3


@dataclass(frozen=True, slots=True)
class NotFound:
    """Why a container cannot be named.

    Attributes:
        reason: ``not_found`` or ``name_not_unique``.
        message: the same as a sentence.
    """

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Marks of containers; every mark that is given must fit, and one value of it is enough.

    Attributes:
        vmids: these ids.
        names: these hostnames.
        nodes: on these nodes.
        tags: with one of these tags.
        pools: in one of these pools.
        statuses: ``running``, ``stopped`` or ``unknown``.
    """

    vmids: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()


def find_guest(cluster: Cluster, vmid: int | None, name: str) -> Guest | NotFound:
    """Return the container with this vmid, or with this name when ``vmid`` is None."""
    if vmid is not None:
        return cluster.guests.get(vmid) or _not_found(cluster, str(vmid))
    fitting = [guest for guest in cluster.guests.values() if guest.name == name]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        return _not_found(cluster, name)
    owners = ", ".join(f"{guest.vmid} on {guest.node}" for guest in fitting)
    return NotFound(Reason.NAME_NOT_UNIQUE, f"{len(fitting)} containers are named {name} ({owners}); name it by vmid")


def require_distinct(found: Sequence[Guest | NotFound], shown_names: Sequence[str]) -> None:
    """Raise when a vmid and a name, both right, mean the same container.

    Args:
        found: what was found for each entry of ``containers``, in its order.
        shown_names: how the user named each.

    Raises:
        RequestError: with each entry that means the container of one before it.
    """
    problems = []
    first_positions: dict[int, int] = {}
    for position, guest in enumerate(found):
        if isinstance(guest, NotFound):
            continue
        first = first_positions.setdefault(guest.vmid, position)
        if first != position:
            message = f"the same container ({guest.vmid}, {guest.name}) as containers[{first}]; name each one once"
            problems.append(Problem(f"containers[{position}]", shown_names[position], message))
    if problems:
        raise RequestError(problems)


def select_guests(cluster: Cluster, selection: Selection) -> tuple[list[Guest], list[str]]:
    """Return the containers that fit, in ascending order of vmid, and warnings about marks that fit nothing.

    Empty marks fit every container: ``Selection(tags=("web",), statuses=("running",))`` are the running ones tagged web.
    """
    if not cluster.guests:
        return [], [NOTHING_VISIBLE]
    fitting = [guest for guest in cluster.guests.values() if _fits(guest, selection)]
    return fitting, _warnings(cluster, selection)


def _fits(guest: Guest, selection: Selection) -> bool:
    return (
        _is_any(selection.vmids, [guest.vmid])
        and _is_any(selection.names, [guest.name])
        and _is_any(selection.nodes, [guest.node])
        and _is_any(selection.tags, guest.tags)
        and _is_any(selection.pools, [guest.pool])
        and _is_any(selection.statuses, [guest.status])
    )


def _is_any(wanted: Collection[int | str], present: Sequence[int | str]) -> bool:
    return not wanted or any(value in wanted for value in present)


def _warnings(cluster: Cluster, selection: Selection) -> list[str]:
    """Return one sentence for each vmid, name and node that does not exist, and one for pools that nobody shows."""
    guests = cluster.guests.values()
    known_names = {guest.name for guest in guests}
    warnings = [_not_found(cluster, str(vmid)).message for vmid in selection.vmids if vmid not in cluster.guests]
    warnings += [_not_found(cluster, name).message for name in selection.names if name not in known_names]
    warnings += [f"there is no node {node}; this cluster has {', '.join(cluster.nodes)}" for node in selection.nodes if node not in cluster.nodes]
    if selection.pools and not any(guest.pool for guest in guests):
        warnings.append("no container shows a pool: Proxmox leaves the pool out, without an error, when Pool.Audit on /pool is missing")
    return warnings


def _not_found(cluster: Cluster, wanted: str) -> NotFound:
    if not cluster.guests:
        return NotFound(Reason.NOT_FOUND, f"container {wanted} was not found: {NOTHING_VISIBLE}")
    near = _near_matches(cluster, wanted)
    hint = f"; near it: {near}" if near else ""
    message = f"there is no container {wanted} among the {len(cluster.guests)} that this user may see{hint}"
    return NotFound(Reason.NOT_FOUND, message)


def _near_matches(cluster: Cluster, wanted: str) -> str:
    name_of: Callable[[Guest], str] = (lambda guest: str(guest.vmid)) if wanted.isdigit() else (lambda guest: guest.name)
    by_name = {name_of(guest): guest for guest in cluster.guests.values()}
    # Not at the top: it is for mistakes only.
    import difflib

    near = difflib.get_close_matches(wanted, by_name, n=_NEAR_MATCHES, cutoff=0.6)
    return ", ".join(f"{by_name[name].vmid} ({by_name[name].name})" for name in near)
