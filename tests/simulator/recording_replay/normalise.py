# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What two answers may differ in: every such thing is a named function with a reason, and the list is kept short.

A normalised figure is replaced by a mark, so it must still be there and of the same kind. Digests of configurations are *not*
normalised: the simulator writes the configuration in Proxmox VE's own format, so its SHA-1 is the recorded one. Only where a
random hardware address or a time of day is part of the file (clones and snapshots) are digests compared by being equal or not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

UPID = re.compile(r"UPID:([^:]+):[0-9A-F]{8}:[0-9A-F]{8}:[0-9A-F]{8}:")
ADDRESS = re.compile(r"hwaddr=BC:24:11(:[0-9A-F]{2}){3}")


@dataclass(frozen=True)
class Normaliser:
    """One thing that may differ.

    Attributes:
        reason: why the simulator cannot or should not give the recorded value.
        change: returns a value with the thing replaced, given the key it stands under.
    """

    reason: str
    change: Callable[[str, Any], Any]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _mark_numbers(mark: str, *keys: str) -> Callable[[str, Any], Any]:
    """Return a function that replaces numbers under some keys."""

    def change(key: str, value: Any) -> Any:
        return f"<{mark}>" if key in keys and _is_number(value) else value

    return change


def change_upid(key: str, value: Any) -> Any:
    """Replace process id and times of a UPID; node, type, id and user stay."""
    return UPID.sub(r"UPID:\1:<pid>:<pstart>:<time>:", value) if isinstance(value, str) else value


def change_ticket(key: str, value: Any) -> Any:
    """Replace a ticket by its form."""
    if key == "ticket":
        return re.sub(r":[0-9A-F]{8}::[A-Za-z0-9+/=]+$", ":<time>::<signature>", value)
    if key == "CSRFPreventionToken":
        return re.sub(r"^[0-9A-F]{8}:[A-Za-z0-9+/]{43}$", "<time>:<signature>", value)
    return value


def change_pressure(key: str, value: Any) -> Any:
    """Replace pressure, which is text in live figures."""
    return "<pressure>" if key.startswith("pressure") and (value is None or isinstance(value, str)) else value


def change_load(key: str, value: Any) -> Any:
    """Replace load averages and clock rate, which are texts."""
    return ["<load>"] * len(value) if key == "loadavg" and isinstance(value, list) and all(isinstance(text, str) for text in value) else value


def change_address(key: str, value: Any) -> Any:
    """Replace the hardware address of a network option."""
    return ADDRESS.sub("hwaddr=<address>", value) if isinstance(value, str) and key.startswith(("net", "value")) else value


def change_order(key: str, value: Any) -> Any:
    """Sort what comes out of a Perl hash: lists of objects, lists in a text."""
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value) and "n" not in value[0] and "time" not in value[0]:
        return sorted(
            value,
            key=lambda row: [
                str(row.get(name, "")) for name in ("upid", "id", "vmid", "key", "userid", "tokenid", "roleid", "ugid", "volid", "storage", "name")
            ],
        )
    return ",".join(sorted(value.split(","))) if key == "content" and isinstance(value, str) else value


def change_history(key: str, value: Any) -> Any:
    """Keep of round-robin rows their number, their step, and the keys and kinds of value of the newest row."""
    if not (key == "data" and isinstance(value, list) and value and isinstance(value[0], dict) and "time" in value[0]):
        return value
    times = [row["time"] for row in value]
    steps = sorted({later - earlier for earlier, later in zip(times, times[1:])})
    newest = {name: "<number>" if _is_number(figure) else repr(figure) for name, figure in value[-1].items()}
    oldest_has_only_time = list(value[0]) == ["time"]
    return {"rows": len(value), "steps": steps, "newest": newest, "aligned": times[0] % steps[0] == 0, "empty rows have only time": oldest_has_only_time}


NORMALISERS: dict[str, Normaliser] = {
    "upid": Normaliser("process ids and times of day are part of it", change_upid),
    "ticket and CSRF token": Normaliser("signed with the time of day and a key of the host", change_ticket),
    "task times": Normaliser("times of day", _mark_numbers("time", "starttime", "endtime", "snaptime", "ctime")),
    "process ids": Normaliser("given by the kernel", _mark_numbers("pid", "pid", "pstart")),
    "cpu": Normaliser("the load of the recorded host; also depends on which worker answers", _mark_numbers("ratio", "cpu", "wait", "idle")),
    "load averages": Normaliser("the load of the recorded host", change_load),
    "memory in use": Normaliser("what the processes happened to hold", _mark_numbers("bytes", "mem", "available")),
    "uptime": Normaliser("real time passed between the recordings", _mark_numbers("seconds", "uptime")),
    "pressure": Normaliser("the recorded host's kernel gave null in some records and text in others", change_pressure),
    "space in use": Normaliser("moved while the host worked", _mark_numbers("bytes", "disk", "used", "avail", "free", "used_fraction")),
    "hardware address": Normaliser("random for each clone", change_address),
    "round-robin rows": Normaliser("the load of the recorded host over its hour; the number of rows and their keys are compared", change_history),
    "hash order": Normaliser("Perl's hashes have no order", change_order),
}


def normalise(value: Any, key: str = "") -> Any:
    """Return a body with everything that may differ replaced, deepest values first."""
    if isinstance(value, dict):
        value = {name: normalise(part, name) for name, part in value.items()}
    elif isinstance(value, list) and not (value and isinstance(value[0], dict) and "time" in value[0]):
        value = [normalise(part, key if not isinstance(part, dict) else "") for part in value]
    for normaliser in NORMALISERS.values():
        value = normaliser.change(key, value)
    return value


class DigestRelation:
    """Compares digests by being equal or different, for files in which their content holds a random address or a time."""

    def __init__(self) -> None:
        """Start without any pair."""
        self._pairs: dict[str, str] = {}

    def translate(self, recorded: Any, simulated: Any) -> Any:
        """Return the simulated body with digests replaced by the recorded ones they stand for.

        The first time a recorded digest is met it is paired with the simulated one; a pair never changes, and two recorded
        digests never share a simulated one.
        """
        if isinstance(recorded, dict) and isinstance(simulated, dict):
            return {
                key: self._pair(recorded.get(key), value) if key == "digest" else self.translate(recorded.get(key), value) for key, value in simulated.items()
            }
        if isinstance(recorded, list) and isinstance(simulated, list) and len(recorded) == len(simulated):
            return [self.translate(ours, theirs) for ours, theirs in zip(recorded, simulated)]
        return simulated

    def _pair(self, recorded: Any, simulated: Any) -> Any:
        if not isinstance(recorded, str) or not isinstance(simulated, str):
            return simulated
        if recorded not in self._pairs and simulated not in self._pairs.values():
            self._pairs[recorded] = simulated
        return recorded if self._pairs.get(recorded) == simulated else simulated
