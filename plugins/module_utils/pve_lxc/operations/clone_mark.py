# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The traces that cloning leaves, so that a later run can tell what was made here and what was left half done: pure.

* A line in the notes of each clone. It is there from the first moment, because the clone call takes the notes along, and says
  ``(unfinished)`` until the configuration is complete. Of two clones with one hostname the one with the earlier mark stays.
* A tag, ``autoscale-clone``, from the moment the clone is complete.
* A copy that somebody makes of a clone by hand inherits both; the line names the id of the clone that it was written for, which the copy
  has not.
* The name of a temporary snapshot, with the time after which nobody needs it any more in its description.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CLONE_TAG = "autoscale-clone"

_LINE = re.compile(
    r"^Cloned by autoscale\.proxmox from (?P<source>\d+) as (?P<vmid>\d+), mark (?P<stamp>\d+)-(?P<nonce>[0-9a-f]{8})(?P<open> \(unfinished\))?$",
    re.MULTILINE,
)

_SNAPSHOT_NAME = re.compile(r"^autoscale-clone-(?P<made>\d{9,})-[0-9a-f]{4}$")
_SNAPSHOT_EXPIRY = re.compile(r"not needed after (?P<expiry>\d{9,})")
# A temporary snapshot whose description somebody changed is left alone for so long.
_SNAPSHOT_KEPT_SECONDS = 86400.0


@dataclass(frozen=True, slots=True, order=True)
class CloneMark:
    """What tells one making of a clone from every other; the earlier one is the smaller.

    Attributes:
        stamp_milliseconds: when it was asked for, since 1970, by the clock of the machine that asked.
        nonce: eight random hexadecimal digits.
        source_vmid: what was cloned.
        vmid: the clone's own id.
    """

    stamp_milliseconds: int
    nonce: str
    source_vmid: int
    vmid: int


def new_mark(now: float, source_vmid: int, vmid: int) -> CloneMark:
    """Return a mark of this moment; ``now`` is in seconds since 1970: 1769000000.25 gives the stamp 1769000000250."""
    return CloneMark(int(now * 1000), secrets.token_hex(4), source_vmid, vmid)


def format_notes(text: str, mark: CloneMark, *, is_finished: bool) -> str:
    """Return a clone's notes: the text, and below it the line with the mark."""
    end = "" if is_finished else " (unfinished)"
    line = f"Cloned by autoscale.proxmox from {mark.source_vmid} as {mark.vmid}, mark {mark.stamp_milliseconds}-{mark.nonce}{end}"
    return f"{text.rstrip()}\n\n{line}" if text.strip() else line


def parse_mark(notes: Any) -> CloneMark | None:
    """Return the mark in a container's notes; None when it was not made here, or when the line was removed."""
    match = _LINE.search(str(notes or ""))
    return None if match is None else CloneMark(int(match["stamp"]), match["nonce"], int(match["source"]), int(match["vmid"]))


def is_unfinished(notes: Any, vmid: int) -> bool:
    """Return whether the notes say that the making of the clone with this id was not completed."""
    match = _LINE.search(str(notes or ""))
    return match is not None and match["open"] is not None and int(match["vmid"]) == vmid


def finish_notes(notes: Any) -> str:
    """Return the notes without ``(unfinished)`` and, as Proxmox adds one on reading, without the last newline."""
    text = str(notes or "")
    match = _LINE.search(text)
    if match is not None and match["open"] is not None:
        text = text[: match.start("open")] + text[match.end("open") :]
    return text.rstrip("\n")


def new_snapshot_name(now: float) -> str:
    """Return ``autoscale-clone-1769000000-1a2b``; Proxmox allows 40 characters. ``now`` is in seconds since 1970."""
    return f"autoscale-clone-{int(now)}-{secrets.token_hex(2)}"


def format_snapshot_description(expiry: float) -> str:
    """Return the description of a temporary snapshot; ``expiry`` is in seconds since 1970."""
    return f"temporary, made by autoscale.proxmox to clone a running container, not needed after {int(expiry)}"


def is_stale_snapshot(row: Mapping[str, Any], now: float) -> bool:
    """Return whether a snapshot is a temporary one of ours that a killed run left behind.

    One named ``autoscale-clone-1769000000-1a2b`` and described as not needed after 1769001000 is stale from 1769001000 on; without that
    description a day after its name's time.

    Args:
        row: of Proxmox's list: ``name``, ``description``.
        now: seconds since 1970.
    """
    name = _SNAPSHOT_NAME.match(str(row.get("name") or ""))
    if name is None:
        return False
    expiry = _SNAPSHOT_EXPIRY.search(str(row.get("description") or ""))
    limit = float(expiry["expiry"]) if expiry else float(name["made"]) + _SNAPSHOT_KEPT_SECONDS
    return now > limit
