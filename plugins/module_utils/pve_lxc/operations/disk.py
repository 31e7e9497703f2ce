# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks of a container: what is asked of their sizes, and which steps lead there. Disks only grow; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import Problem
from ..model.guest import GuestConfig
from ..model.rootfs import UNIT_BYTES, format_disk_size, parse_volume_bytes
from ..units import Quantity

# Source: PVE 9.2 API schema, PUT .../resize: disk rootfs or mp0 to mp255, size \+?\d+(\.\d+)?[KMGT]?
_DISK = re.compile(r"rootfs|mp(?:[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])")
_SIZE = re.compile(r"\s*(?P<sign>\+?)\s*(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[KMGT])\s*", re.IGNORECASE)
_ALLOWED_SIZE = "allowed are a number and K, M, G or T (1024 each) as in 20G, or + before it as in +2G; a disk cannot shrink"


@dataclass(frozen=True, slots=True)
class DiskWish:
    """What is asked of one disk.

    Attributes:
        disk: ``rootfs`` or ``mpN``.
        size: in bytes; absolute, or with the sign ``+`` on top of what it has.
    """

    disk: str
    size: Quantity


@dataclass(frozen=True, slots=True)
class DiskStep:
    """One disk that is to grow.

    Attributes:
        disk: ``rootfs`` or ``mpN``.
        before_bytes: what it has.
        after_bytes: what it is to have; sent as an absolute size, so that sending it twice is sending it once.
    """

    disk: str
    before_bytes: int
    after_bytes: int


class DiskError(Exception):
    """A disk cannot become what is asked; the text says why."""


def parse_disk_wishes(given: Sequence[Mapping[str, Any]] | None, place: str, problems: list[Problem]) -> tuple[DiskWish, ...]:
    """Return the wishes; what is wrong is added to ``problems``.

    Args:
        given: dicts with ``disk`` and ``size``; None is not given.
        place: where the list stands, for example ``containers[3].disks``.
        problems: grows.
    """
    wishes = []
    seen: set[str] = set()
    for position, entry in enumerate(given or ()):
        disk, text = str(entry.get("disk") or ""), str(entry.get("size") or "")
        if not _DISK.fullmatch(disk):
            problems.append(Problem(f"{place}[{position}].disk", disk, "allowed are rootfs and mp0 to mp255"))
        elif disk in seen:
            problems.append(Problem(f"{place}[{position}].disk", disk, "is named twice; name each disk once"))
        seen.add(disk)
        match = _SIZE.fullmatch(text)
        if match is None:
            problems.append(Problem(f"{place}[{position}].size", text, _ALLOWED_SIZE))
        else:
            wishes.append(DiskWish(disk, Quantity(_to_bytes(match), match["sign"])))
    return tuple(wishes)


def read_disk_bytes(config: GuestConfig, disk: str) -> int | None:
    """Return a disk's size from ``local:101/vm-101-disk-0.raw,size=8G``; None for a bind mount, which has none.

    Raises:
        DiskError: there is no such disk.
    """
    volume = config.values.get(disk)
    if volume is None:
        present = ", ".join(sorted(key for key in config.values if _DISK.fullmatch(key)))
        raise DiskError(f"the container has no disk {disk}; it has {present or 'none'}")
    return parse_volume_bytes(str(volume))


def plan_disks(wishes: Sequence[DiskWish], config: GuestConfig) -> tuple[DiskStep, ...]:
    """Return the steps; a disk that has the size already needs none. From 8 GiB, ``+2G`` and ``10G`` are the same step.

    Raises:
        DiskError: a disk would shrink, does not exist, or has no size.
    """
    steps = []
    for wish in wishes:
        present = read_disk_bytes(config, wish.disk)
        if present is None:
            raise DiskError(f"{wish.disk} has no size of its own (a bind mount or a device), so it cannot be resized")
        wanted = int(wish.size.applied_to(present))
        if wanted < present:
            shown = format_disk_size(present)
            raise DiskError(f"{wish.disk} has {shown} and cannot shrink to {format_disk_size(wanted)}: Proxmox only grows disks")
        if wanted > present:
            steps.append(DiskStep(wish.disk, present, wanted))
    return tuple(steps)


def describe_disks(steps: Sequence[DiskStep]) -> str:
    """Return ``rootfs 8G -> 10G, mp0 4G -> 5G``."""
    return ", ".join(f"{step.disk} {format_disk_size(step.before_bytes)} -> {format_disk_size(step.after_bytes)}" for step in steps)


def _to_bytes(match: re.Match[str]) -> int:
    return int(float(match["number"]) * UNIT_BYTES[match["unit"].upper()])
