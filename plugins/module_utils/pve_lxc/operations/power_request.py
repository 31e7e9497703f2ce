# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody asks of containers' power: parsed and checked as a whole, before anything is read or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..errors import Problem, RequestError
from ..model.guest import Guest
from ..model.node import Cluster
from .find import NotFound, Selection, find_guest, require_distinct, select_guests
from .request import parse_identity, problems_of_repetition

# Proxmox's own default for shutting a container down. Source: PVE 9.2 API schema, POST .../status/shutdown.
DEFAULT_TIMEOUT_SECONDS = 60
LONGEST_TIMEOUT_SECONDS = 7200

_MARKS = ("vmids", "names", "nodes", "tags", "pools", "status")
# By its status alone half a cluster would be switched off with one missing answer of a survey.
_MARKS_THAT_NAME = ("vmids", "names", "nodes", "tags", "pools")


class PowerState(StrEnum):
    """What a container is to be, or to go through."""

    STARTED = "started"
    STOPPED = "stopped"
    SHUTDOWN = "shutdown"
    RESTARTED = "restarted"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class PowerWish:
    """What is asked of a container.

    Attributes:
        state: what it is to be.
        is_forced: whether it is stopped the hard way when it did not shut down in time.
        timeout_seconds: how long it may take, where its own ``startup`` names no ``down=``; 0 with force stops it at once.
    """

    state: PowerState
    is_forced: bool = False
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS


@dataclass(frozen=True, slots=True)
class PowerRequest:
    """One container that was named, and what is asked of it.

    Attributes:
        vmid: None when it is named by ``name``.
        name: its hostname; empty when it is named by ``vmid``.
        wish: what is asked.
    """

    vmid: int | None
    name: str
    wish: PowerWish

    @property
    def shown_name(self) -> str:
        """Return how the user named the container: ``101`` or ``web``."""
        return self.name if self.vmid is None else str(self.vmid)


@dataclass(frozen=True, slots=True)
class PowerTargets:
    """Containers by their names, or by their marks.

    Attributes:
        requests: the containers that were named; empty when ``selection`` is given.
        selection: marks; None when they were named.
        wish: what is asked of the selected ones; None when they were named.
    """

    requests: tuple[PowerRequest, ...] = ()
    selection: Selection | None = None
    wish: PowerWish | None = None


def parse_power_targets(options: Mapping[str, Any]) -> PowerTargets:
    """Return what the options ask for.

    Args:
        options: ``state``, ``force``, ``timeout``, and one of: ``vmid`` or ``name``; ``containers``, a list of dicts of those keys
            for which the others are the defaults; ``vmids``, ``names``, ``nodes``, ``tags``, ``pools`` and ``status``. None is not given.

    Raises:
        RequestError: with every problem; places look like ``containers[3].state``.
    """
    problems: list[Problem] = []
    ways = _ways_given(options)
    targets = PowerTargets()
    if len(ways) != 1:
        problems.append(Problem("the request", " and ".join(ways), "name containers by vmid or name, by containers, or by marks, and in one way only"))
    elif ways == ["marks"]:
        wish = _parse_wish(options, {}, "", problems)
        targets = PowerTargets(selection=_parse_selection(options, problems), wish=wish)
    elif ways == ["containers"]:
        entries = options["containers"]
        requests = tuple(_parse_request(options, entry, f"containers[{position}]", problems) for position, entry in enumerate(entries))
        problems += problems_of_repetition([(request.vmid, request.name) for request in requests])
        if not entries:
            problems.append(Problem("containers", "[]", "the list is empty; name at least one container"))
        targets = PowerTargets(requests)
    else:
        targets = PowerTargets((_parse_request({}, options, "", problems),))
    if problems:
        raise RequestError(problems)
    return targets


def find_targets(cluster: Cluster, targets: PowerTargets) -> tuple[list[tuple[PowerRequest, Guest | NotFound]], list[str]]:
    """Return each container asked for, and sentences the user should read.

    Of a selection these are the fitting ones in ascending order of vmid, without templates, and then each vmid and name that does not exist.

    Raises:
        RequestError: two requests mean the same container.
    """
    if targets.selection is None or targets.wish is None:
        found: list[tuple[PowerRequest, Guest | NotFound]] = [(request, find_guest(cluster, request.vmid, request.name)) for request in targets.requests]
        require_distinct([guest for dummy, guest in found], [request.shown_name for request in targets.requests])
        return found, []
    guests, warnings = select_guests(cluster, targets.selection)
    found = [(PowerRequest(guest.vmid, guest.name, targets.wish), guest) for guest in guests if not guest.is_template]
    missing = _missing(cluster, targets.selection, targets.wish)
    if not found and not missing and cluster.guests:
        warnings = [*warnings, "no container fits the selection; nothing was done"]
    said = {answer.message for dummy, answer in missing}
    return [*found, *missing], [warning for warning in warnings if warning not in said]


def _missing(cluster: Cluster, selection: Selection, wish: PowerWish) -> list[tuple[PowerRequest, NotFound]]:
    """Return the vmids and names of a selection that do not exist: they were asked for, so each of them is a failure."""
    known_names = {guest.name for guest in cluster.guests.values()}
    asked = [PowerRequest(vmid, "", wish) for vmid in selection.vmids if vmid not in cluster.guests]
    asked += [PowerRequest(None, name, wish) for name in selection.names if name not in known_names]
    answers = [(request, find_guest(cluster, request.vmid, request.name)) for request in asked]
    return [(request, answer) for request, answer in answers if isinstance(answer, NotFound)]


def _ways_given(options: Mapping[str, Any]) -> list[str]:
    ways = []
    if options.get("vmid") is not None or options.get("name"):
        ways.append("vmid or name")
    if options.get("containers") is not None:
        ways.append("containers")
    if any(options.get(mark) is not None for mark in _MARKS):
        ways.append("marks")
    return ways


def _parse_request(defaults: Mapping[str, Any], given: Mapping[str, Any], place: str, problems: list[Problem]) -> PowerRequest:
    vmid, name = parse_identity(given, place, problems)
    return PowerRequest(vmid, name, _parse_wish(defaults, given, f"{place}." if place else "", problems))


def _parse_wish(defaults: Mapping[str, Any], given: Mapping[str, Any], prefix: str, problems: list[Problem]) -> PowerWish:
    """Return the wish; what ``given`` leaves out stands in ``defaults``."""
    values = {key: defaults.get(key) if given.get(key) is None else given[key] for key in ("state", "force", "timeout")}
    allowed = ", ".join(PowerState)
    if values["state"] is None:
        problems.append(Problem(f"{prefix}state", "", f"is missing; allowed are {allowed}"))
    elif values["state"] not in list(PowerState):
        problems.append(Problem(f"{prefix}state", str(values["state"]), f"allowed are {allowed}"))
        values["state"] = None
    timeout_seconds = DEFAULT_TIMEOUT_SECONDS if values["timeout"] is None else int(values["timeout"])
    if not 0 <= timeout_seconds <= LONGEST_TIMEOUT_SECONDS:
        problems.append(Problem(f"{prefix}timeout", str(timeout_seconds), f"allowed are seconds, 0 to {LONGEST_TIMEOUT_SECONDS}"))
    return PowerWish(PowerState(values["state"] or PowerState.STARTED), bool(values["force"]), timeout_seconds)


def _parse_selection(options: Mapping[str, Any], problems: list[Problem]) -> Selection:
    """Return the marks; an empty list is refused, because read as "no such mark" it would select more, not less."""
    for mark in _MARKS:
        if options.get(mark) is not None and not options[mark]:
            problems.append(Problem(mark, "[]", "the list is empty; leave it out, or give at least one value"))
    if all(options.get(mark) is None for mark in _MARKS_THAT_NAME):
        problems.append(Problem("status", "", f"is not enough to select by; give at least one of {', '.join(_MARKS_THAT_NAME)}"))

    def values(mark: str) -> Sequence[Any]:
        return tuple(options.get(mark) or ())

    return Selection(
        vmids=tuple(int(vmid) for vmid in values("vmids")),
        names=tuple(values("names")),
        nodes=tuple(values("nodes")),
        tags=tuple(values("tags")),
        pools=tuple(values("pools")),
        statuses=tuple(values("status")),
    )
