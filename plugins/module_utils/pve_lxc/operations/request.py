# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody asks of containers' sizes: parsed and checked as a whole, before anything is read or written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import Problem, RequestError
from ..units import Quantity, format_number, parse_memory, parse_number

if TYPE_CHECKING:
    from .disk import DiskWish


@dataclass(frozen=True, slots=True)
class SizeKey:
    """One size that can be asked for.

    Attributes:
        field: its field of Allocation.
        parse: text -> Quantity, ValueError when it is none.
        low: smallest value that Proxmox takes.
        high: largest value, None where Proxmox has no limit.
        unit: for messages, empty for plain numbers.
    """

    field: str
    parse: Callable[[str], Quantity]
    low: float
    high: float | None
    unit: str = ""

    def is_allowed(self, value: float) -> bool:
        """Return whether Proxmox takes the value."""
        return self.low <= value and (self.high is None or value <= self.high)

    @property
    def allowed(self) -> str:
        """Return the range as words: ``1 to 8192``, ``16 MiB or more``."""
        unit = f" {self.unit}" if self.unit else ""
        if self.high is None:
            return f"{format_number(self.low)}{unit} or more"
        return f"{format_number(self.low)} to {format_number(self.high)}{unit}"


# Option -> what it may hold. Source: PVE 9.2 API schema, PUT /nodes/{node}/lxc/{vmid}/config, and what PVE 9.2.11 answered.
# cpulimit 0 means unlimited. cgroup 2 itself weighs cpuunits between 1 and 10000.
SIZE_KEYS = {
    "cores": SizeKey("cores", partial(parse_number, is_whole=True), 1, 8192),
    "cpulimit": SizeKey("cpulimit", partial(parse_number, is_whole=False), 0, 8192),
    "cpuunits": SizeKey("cpuunits", partial(parse_number, is_whole=True), 0, 500000),
    "memory": SizeKey("memory_mib", parse_memory, 16, None, "MiB"),
    "swap": SizeKey("swap_mib", parse_memory, 0, None, "MiB"),
}

_LOWEST_VMID = 100

# What stands beside the list is the default of its entries for these; sizes and bounds are merged one by one.
_KEYS_WITH_DEFAULT = ("force", "disks", "restart", "snapshot")

_BOUND_ALONE = "bounds hold a size; to hold what a container has, give the size +0"


@dataclass(frozen=True, slots=True)
class ResizeRequest:
    """What one container is to have.

    Attributes:
        vmid: None when it is named by ``name``.
        name: its hostname; empty when it is named by ``vmid``.
        sizes: option of SIZE_KEYS -> size, absolute or relative.
        minimums: option -> the least that may come out.
        maximums: option -> the most that may come out.
        digest: the configuration must still have this one; empty for any.
        is_forced: whether a running container's memory may shrink although nobody can know what it uses.
        disks: what is asked of its disks.
        is_restart_allowed: whether it may be restarted when something of the request waits for that.
        is_snapshot_wanted: whether a snapshot is to be made before anything is changed.
    """

    vmid: int | None = None
    name: str = ""
    sizes: Mapping[str, Quantity] = field(default_factory=dict)
    minimums: Mapping[str, float] = field(default_factory=dict)
    maximums: Mapping[str, float] = field(default_factory=dict)
    digest: str = ""
    is_forced: bool = False
    disks: tuple[DiskWish, ...] = ()
    is_restart_allowed: bool = False
    is_snapshot_wanted: bool = False

    @property
    def shown_name(self) -> str:
        """Return how the user named the container: ``101`` or ``web``."""
        return self.name if self.vmid is None else str(self.vmid)


@dataclass(frozen=True, slots=True)
class _Wishes:
    """Sizes and bounds that stand at one place: at the top, or in one entry of the list."""

    sizes: dict[str, Quantity] = field(default_factory=dict)
    minimums: dict[str, float] = field(default_factory=dict)
    maximums: dict[str, float] = field(default_factory=dict)

    @property
    def bounded(self) -> set[str]:
        return self.minimums.keys() | self.maximums.keys()

    def over(self, defaults: _Wishes) -> _Wishes:
        """Return these with ``defaults`` where nothing stands here."""
        sizes = {**defaults.sizes, **self.sizes}
        return _Wishes(sizes, {**defaults.minimums, **self.minimums}, {**defaults.maximums, **self.maximums})


def parse_requests(options: Mapping[str, Any]) -> list[ResizeRequest]:
    """Return one request per container, in the order given.

    Args:
        options: ``vmid``, ``name``, ``cores``, ``cpulimit``, ``cpuunits``, ``memory``, ``swap``, ``min_*``, ``max_*``, ``digest``,
            ``force``, ``disks``, ``restart``, ``snapshot``, and ``containers``, a list of dicts of the same keys for which the others
            are the defaults. None is not given.

    Raises:
        RequestError: with every problem of every container; places look like ``containers[3].memory``.
    """
    problems: list[Problem] = []
    containers = options.get("containers")
    top = _parse_wishes(options, "", problems)
    if containers is None:
        requests = [_parse_request(options, _Wishes(), top, "", problems)]
    else:
        problems += _problems_beside_list(options, containers)
        requests = [_parse_entry(options, entry, top, position, problems) for position, entry in enumerate(containers)]
        problems += problems_of_repetition([(request.vmid, request.name) for request in requests])
        unused = top.bounded - {option for request in requests for option in request.sizes}
        problems += [Problem(f"the bounds of {option}", "", f"no container is given {option}; {_BOUND_ALONE}") for option in sorted(unused)]
    if problems:
        raise RequestError(problems)
    return requests


def _parse_entry(options: Mapping[str, Any], entry: Mapping[str, Any], top: _Wishes, position: int, problems: list[Problem]) -> ResizeRequest:
    place = f"containers[{position}]"
    own = _parse_wishes(entry, f"{place}.", problems)
    beside = {key: options.get(key) if entry.get(key) is None else entry[key] for key in _KEYS_WITH_DEFAULT}
    return _parse_request({**entry, **beside}, top, own, place, problems)


def _problems_beside_list(options: Mapping[str, Any], containers: Sequence[Any]) -> list[Problem]:
    message = "belongs to one container; put it into the entries of containers"
    problems = [Problem(key, str(options[key]), message) for key in ("vmid", "name", "digest") if options.get(key)]
    if not containers:
        problems.append(Problem("containers", "[]", "the list is empty; name at least one container"))
    return problems


def problems_of_repetition(identities: Sequence[tuple[int | None, str]]) -> list[Problem]:
    """Return one problem for each entry of ``containers`` that names the same vmid or the same name as an entry before it."""
    problems = []
    first_positions: dict[str, int] = {}
    for position, (vmid, name) in enumerate(identities):
        shown = name if vmid is None else str(vmid)
        first = first_positions.setdefault(shown, position)
        if first != position and shown:
            place = f"containers[{position}].{'name' if vmid is None else 'vmid'}"
            problems.append(Problem(place, shown, f"the same container as containers[{first}]; name each one once"))
    return problems


def _parse_disks(given: Any, place: str, problems: list[Problem]) -> tuple[DiskWish, ...]:
    if given is None:
        return ()
    # Imported here, because most tasks are about no disk and each import delays the module's start.
    from .disk import parse_disk_wishes

    return parse_disk_wishes(given, place, problems)


def _parse_request(given: Mapping[str, Any], defaults: _Wishes, own: _Wishes, place: str, problems: list[Problem]) -> ResizeRequest:
    """Return one request; what is wrong is added to ``problems``."""
    prefix = f"{place}." if place else ""
    vmid, name = parse_identity(given, place, problems)
    wishes = own.over(defaults)
    for option in sorted(own.bounded):
        low, high = wishes.minimums.get(option), wishes.maximums.get(option)
        if low is not None and high is not None and low > high:
            problems.append(Problem(f"{prefix}min_{option}", format_number(low), f"is above max_{option}, {format_number(high)}"))
        # A size that was given and could not be parsed is a problem already.
        if option not in wishes.sizes and given.get(option) is None:
            problems.append(Problem(f"{prefix}{option}", "", f"bounds are given for it, but no size; {_BOUND_ALONE}"))
    disks = _parse_disks(given.get("disks"), f"{prefix}disks", problems)
    if not wishes.sizes and not own.bounded and not given.get("disks") and all(given.get(option) is None for option in SIZE_KEYS):
        problems.append(Problem(place or "the request", "", f"nothing is asked for; give at least one of {', '.join(SIZE_KEYS)}, disks"))
    held_minimums = {option: value for option, value in wishes.minimums.items() if option in wishes.sizes}
    held_maximums = {option: value for option, value in wishes.maximums.items() if option in wishes.sizes}
    digest = str(given.get("digest") or "")
    return ResizeRequest(
        vmid=vmid,
        name=name,
        sizes=wishes.sizes,
        minimums=held_minimums,
        maximums=held_maximums,
        digest=digest,
        is_forced=bool(given.get("force")),
        disks=disks,
        is_restart_allowed=given.get("restart") == "if_needed",
        is_snapshot_wanted=bool(given.get("snapshot")),
    )


def _parse_wishes(given: Mapping[str, Any], prefix: str, problems: list[Problem]) -> _Wishes:
    wishes = _Wishes()
    for option in SIZE_KEYS:
        quantity = _parse_size(given.get(option), option, f"{prefix}{option}", problems)
        if quantity is not None:
            wishes.sizes[option] = quantity
        for kind, bounds in (("min", wishes.minimums), ("max", wishes.maximums)):
            bound = _parse_size(given.get(f"{kind}_{option}"), option, f"{prefix}{kind}_{option}", problems)
            if bound is not None and bound.is_relative:
                shown = str(given[f"{kind}_{option}"])
                problems.append(Problem(f"{prefix}{kind}_{option}", shown, "a bound is an absolute size, without + or -"))
            elif bound is not None:
                bounds[option] = bound.amount
    return wishes


def parse_identity(given: Mapping[str, Any], place: str, problems: list[Problem]) -> tuple[int | None, str]:
    """Return vmid and name, one of them None or empty; what is wrong is added to ``problems``.

    Args:
        given: ``vmid`` and ``name``; None is not given.
        place: where it stands, for example ``containers[3]``; empty at the top.
        problems: grows.
    """
    vmid, name = given.get("vmid"), str(given.get("name") or "")
    if (vmid is None) == (not name):
        shown = "" if vmid is None else f"vmid {vmid}, name {name}"
        problems.append(Problem(place or "the request", shown, "name the container by vmid or by name, and by one of them only"))
    if vmid is None:
        return None, name
    if int(vmid) < _LOWEST_VMID:
        problems.append(Problem(f"{place}.vmid" if place else "vmid", str(vmid), f"no vmid; allowed are whole numbers from {_LOWEST_VMID} on"))
    return int(vmid), name


def _parse_size(value: Any, option: str, place: str, problems: list[Problem]) -> Quantity | None:
    """Return a size; None when it is not given or not one, which is then in ``problems``."""
    if value is None:
        return None
    key = SIZE_KEYS[option]
    text = str(value)
    try:
        quantity = key.parse(text)
    except ValueError as error:
        problems.append(Problem(place, text, f"{error}; Proxmox allows {key.allowed}"))
        return None
    if not quantity.is_relative and not key.is_allowed(quantity.amount):
        problems.append(Problem(place, text, f"Proxmox allows {key.allowed}"))
        return None
    return quantity
