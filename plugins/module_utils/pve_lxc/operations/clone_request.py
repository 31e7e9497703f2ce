# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody asks of clones: parsed and checked as a whole, before anything is read or written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import Problem, RequestError
from .clone_network import parse_network
from .request import SIZE_KEYS, ResizeRequest, parse_requests

LOWEST_VMID = 100
HIGHEST_VMID = 999999999
_MAX_COUNT = 1000

_NUMBER = re.compile(r"\{number(?::0(?P<width>[1-9]))?\}")
_HOSTNAME = re.compile(r"^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$")
_TAG = re.compile(r"^[a-z0-9_][a-z0-9_+.-]*$")
# Source: PVE::JSONSchema, pve-configid; 40 characters at most.
_SNAPSHOT = re.compile(r"^[A-Za-z][A-Za-z0-9_-]{1,39}$")

SIZE_OPTIONS = tuple(name for size in SIZE_KEYS for name in (size, f"min_{size}", f"max_{size}"))
_TEXT_OPTIONS = ("name", "source_name", "snapshot", "node", "storage", "pool", "description")


@dataclass(frozen=True, slots=True)
class CloneRequest:
    """One clone that is to be there, or to be gone.

    Attributes:
        vmid: None when any free one will do, or when it is named by ``name``.
        name: its hostname; empty when it is named by ``vmid`` and keeps the source's hostname.
        source_vmid: what to clone; None when it is named by ``source_name``, or not given.
        source_name: its hostname; empty when it is named by ``source_vmid``, or not given.
        snapshot: the source's snapshot to clone; empty for its present state.
        is_full: whether to copy everything; None leaves it to what the source's storage can do.
        node: where the clone is to live; empty for the source's node.
        storage: of a full clone; empty for the source's own.
        pool: empty for none.
        description: text above the line that marks the clone.
        tags: besides those of the source.
        network: key of net0 -> value that is to differ from the source's.
        sizes: what is to differ from the source's sizes; None for nothing.
        vmid_range: first and last vmid to choose from; None for the lowest free one.
        should_start: whether it is to run.
        is_forced: whether a container that was not made as a clone here may be destroyed.
    """

    vmid: int | None = None
    name: str = ""
    source_vmid: int | None = None
    source_name: str = ""
    snapshot: str = ""
    is_full: bool | None = None
    node: str = ""
    storage: str = ""
    pool: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    network: Mapping[str, str] = field(default_factory=dict)
    sizes: ResizeRequest | None = None
    vmid_range: tuple[int, int] | None = None
    should_start: bool = False
    is_forced: bool = False

    @property
    def shown_name(self) -> str:
        """Return how the user named the clone: ``web-1`` or ``200``."""
        return self.name or str(self.vmid)


def parse_clone_requests(options: Mapping[str, Any], *, is_absent: bool = False) -> list[CloneRequest]:
    """Return one request per clone, in the order given; ``count`` and ``{number}`` are expanded.

    ``{"name": "web-{number:02}", "count": 2, ...}`` gives web-01 and web-02, and ``{"name": "web", "count": 2}`` gives web-1 and web-2.

    Args:
        options: ``vmid``, ``name``, ``source_vmid``, ``source_name``, ``snapshot``, ``full``, ``node``, ``storage``, ``pool``, ``description``,
            ``tags``, ``network``, ``start``, ``force``, the sizes of lxc_resize, ``count``, ``vmid_range``, and ``containers``, a list of dicts of
            the same keys for which the others are the defaults. None and empty strings are not given.
        is_absent: whether the clones are to be gone: then only ``vmid``, ``name``, ``count`` and ``force`` count.

    Raises:
        RequestError: with every problem of every clone; places look like ``containers[3].name``.
    """
    problems: list[Problem] = []
    top = _given(options)
    vmid_range = _parse_range(top.get("vmid_range"), problems)
    containers = options.get("containers")
    entries = _numbered(top, problems) if containers is None else _listed(top, containers, problems)
    requests = []
    for position, (place, entry) in enumerate(entries):
        own = entry if containers is None else containers[position]
        sizes = None if is_absent else _parse_sizes(entry, own, place, problems)
        requests.append(_parse_clone(entry, place, sizes, vmid_range, is_absent, problems))
    problems += _repetitions(requests, [place for place, dummy in entries], is_absent)
    if problems:
        raise RequestError(list(dict.fromkeys(problems)))
    return requests


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are given; a survey that was left blank gives empty strings."""
    return {key: value for key, value in options.items() if value is not None and value != ""}


def _listed(top: Mapping[str, Any], containers: Sequence[Any], problems: list[Problem]) -> list[tuple[str, dict[str, Any]]]:
    """Return place and options of each entry of the list, with those beside the list as defaults."""
    for key in ("vmid", "name", "count"):
        if key in top:
            problems.append(Problem(key, str(top[key]), "stands beside containers; put it into the entries"))
    if not containers:
        problems.append(Problem("containers", "[]", "the list is empty; name at least one clone"))
    defaults = {key: value for key, value in top.items() if key not in ("vmid", "name", "count", "containers")}
    entries = []
    for position, container in enumerate(containers):
        own = _given(container)
        if "source_vmid" in own or "source_name" in own:
            own = {"source_vmid": None, "source_name": "", **own}
        network = {**_given(defaults.get("network") or {}), **_given(own.get("network") or {})}
        entries.append((f"containers[{position}]", {**defaults, **own, "network": network}))
    return entries


def _numbered(top: Mapping[str, Any], problems: list[Problem]) -> list[tuple[str, dict[str, Any]]]:
    """Return the options of each of ``count`` clones, or of the one when no count is given."""
    count = top.get("count")
    if count is None:
        return [("", dict(top))]
    if not 1 <= int(count) <= _MAX_COUNT:
        problems.append(Problem("count", str(count), f"allowed are 1 to {_MAX_COUNT}"))
        return []
    name = str(top.get("name") or "")
    if not name:
        problems.append(Problem("count", str(count), "clones are counted by their hostnames; give name, as in web-{number}"))
    if "vmid" in top:
        problems.append(Problem("vmid", str(top["vmid"]), "is one container's; give vmid_range, or a list of containers"))
    pattern = name if not name or _NUMBER.search(name) else f"{name}-{{number}}"
    return [("", _with_number({**top, "name": pattern}, number)) for number in range(1, int(count) + 1)]


def _with_number(options: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return the options with ``{number}`` filled in; ``{number:02}`` of 7 is 07."""

    def fill(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return _NUMBER.sub(lambda match: str(number).zfill(int(match["width"] or 1)), value)

    filled = {key: fill(value) if key in ("name", "description") else value for key, value in options.items()}
    filled["network"] = {key: fill(value) for key, value in _given(options.get("network") or {}).items()}
    return filled


def _parse_clone(
    given: Mapping[str, Any],
    place: str,
    sizes: ResizeRequest | None,
    vmid_range: tuple[int, int] | None,
    is_absent: bool,
    problems: list[Problem],
) -> CloneRequest:
    """Return one request; what is wrong is added to ``problems``."""
    prefix = f"{place}." if place else ""
    vmid, texts = given.get("vmid"), {key: str(given.get(key) or "") for key in _TEXT_OPTIONS}
    if vmid is None and not texts["name"]:
        problems.append(Problem(place or "the request", "", "name the clone by name or by vmid, so that a second run finds it"))
    if vmid is not None and not LOWEST_VMID <= int(vmid) <= HIGHEST_VMID:
        problems.append(Problem(f"{prefix}vmid", str(vmid), f"no vmid; allowed are {LOWEST_VMID} to {HIGHEST_VMID}"))
    if texts["name"] and not _HOSTNAME.match(texts["name"]):
        problems.append(Problem(f"{prefix}name", texts["name"], "no hostname; allowed are letters, digits and hyphens, in parts separated by dots"))
    identity = CloneRequest(vmid=None if vmid is None else int(vmid), name=texts["name"], is_forced=bool(given.get("force")))
    if is_absent:
        return identity
    problems += _problems_of_source(given, texts, prefix, place)
    tags = tuple(str(tag).lower() for tag in given.get("tags") or ())
    problems += [Problem(f"{prefix}tags", tag, "allowed are letters, digits, _, -, + and .") for tag in tags if not _TAG.match(tag)]
    return CloneRequest(
        vmid=identity.vmid,
        source_vmid=given.get("source_vmid"),
        is_full=given.get("full"),
        tags=tags,
        network=parse_network(given.get("network"), f"{prefix}network", problems),
        sizes=sizes,
        vmid_range=None if vmid is not None else vmid_range,
        should_start=bool(given.get("start")),
        is_forced=identity.is_forced,
        **texts,
    )


def _problems_of_source(given: Mapping[str, Any], texts: Mapping[str, str], prefix: str, place: str) -> list[Problem]:
    problems = []
    if (given.get("source_vmid") is None) == (not texts["source_name"]):
        problems.append(Problem(place or "the request", "", "say what to clone by source_vmid or by source_name, and by one of them only"))
    if texts["snapshot"] and not _SNAPSHOT.match(texts["snapshot"]):
        problems.append(Problem(f"{prefix}snapshot", texts["snapshot"], "no name of a snapshot"))
    if given.get("full") is False and texts["storage"]:
        message = "a linked clone lies on its source's storage; leave out storage, or give full: true"
        problems.append(Problem(f"{prefix}storage", texts["storage"], message))
    return problems


def _parse_sizes(given: Mapping[str, Any], own: Mapping[str, Any], place: str, problems: list[Problem]) -> ResizeRequest | None:
    """Return the sizes that are asked for, parsed as lxc_resize does, or None; what stands at the top is not blamed on the entry."""
    sizes = {key: given[key] for key in SIZE_OPTIONS if key in given}
    if not sizes:
        return None
    try:
        [request] = parse_requests({"vmid": LOWEST_VMID, **sizes})
    except RequestError as error:
        for problem in error.problems:
            is_own = bool(place) and own.get(problem.place) is not None
            problems.append(Problem(f"{place}.{problem.place}" if is_own else problem.place, problem.value, problem.message))
        return None
    return request


def _parse_range(value: Any, problems: list[Problem]) -> tuple[int, int] | None:
    """Return first and last vmid of ``200-299``."""
    if value is None:
        return None
    match = re.fullmatch(r"\s*(\d+)\s*-\s*(\d+)\s*", str(value))
    if match is None or not LOWEST_VMID <= int(match[1]) <= int(match[2]) <= HIGHEST_VMID:
        problems.append(Problem("vmid_range", str(value), f"allowed is a range as in 200-299, from {LOWEST_VMID} on"))
        return None
    return int(match[1]), int(match[2])


def _repetitions(requests: Sequence[CloneRequest], places: Sequence[str], is_absent: bool) -> list[Problem]:
    """Return a problem for each vmid, hostname, MAC address and fixed IP address that two clones would have."""
    problems = []
    seen: set[tuple[str, str]] = set()
    for request, place in zip(requests, places):
        unique = {"vmid": "" if request.vmid is None else str(request.vmid), "name": request.name}
        if not is_absent:
            unique |= {f"network.{key}": value for key, value in request.network.items() if key == "hwaddr" or (key in ("ip", "ip6") and "/" in value)}
        for key, value in unique.items():
            if value and (key, value) in seen:
                hint = "" if place else "; with count, write {number} into it"
                problems.append(Problem(f"{place}.{key}" if place else key, value, f"two clones would have it{hint}"))
            seen.add((key, value))
    return problems
