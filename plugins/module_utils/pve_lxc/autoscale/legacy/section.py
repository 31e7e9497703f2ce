# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One section of LXC AutoScale's file, its values checked; and the list of what differs here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..configuration.document import HIDDEN, Document, KeyPath, find_near, read_value, show
from ..configuration.keys import Key
from .keys import LegacyKey
from .source import put_in_variables

# Texts that stand for true and false in INI, in variables and in quotes. Source: what pydantic takes, which reads the old file.
_SWITCHES = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

_MOST_PLACES = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not here what it was there.

    Attributes:
        kind: ``changed`` (means something else here), ``inert`` (nothing is done with it), ``unknown`` (no such key there either),
            ``added`` (not from the file).
        key: of the old file, or of ours where it was added.
        message: what the difference is.
        places: where the key stands; empty for what was added.
    """

    kind: str
    key: str
    message: str
    places: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return one line."""
        more = f" and {len(self.places) - _MOST_PLACES} more" if len(self.places) > _MOST_PLACES else ""
        places = ", ".join(self.places[:_MOST_PLACES]) + more
        words = {"changed": "means something else here", "inert": "not used", "unknown": "unknown, not used", "added": "added"}
        return f"{self.key}{f' ({places})' if places else ''}: {words[self.kind]}: {self.message}"


@dataclass
class Differences:
    """What differs, each thing once, in the order of the file."""

    found: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)

    def add(self, kind: str, key: str, message: str, place: str = "") -> None:
        """Note a difference; the same one at a further place only gets that place."""
        places = self.found.setdefault((kind, key, message), [])
        if place:
            places.append(place)

    def listed(self) -> tuple[Difference, ...]:
        """Return all of them."""
        return tuple(Difference(*what, tuple(places)) for what, places in self.found.items())


@dataclass(frozen=True, slots=True)
class Section:
    """The good values of one section.

    Attributes:
        path: its name, as a key path.
        values: key -> value; only what the file gives.
        places: key -> where it stands.
    """

    path: KeyPath
    values: Mapping[str, Any]
    places: Mapping[str, str]


def read_section(document: Document, path: KeyPath, table: Mapping[str, LegacyKey], differences: Differences, environment: Mapping[str, str]) -> Section:
    """Return a section's good values; wrong ones become problems, unknown and inert ones differences."""
    raw: Any = document.values
    for name in path:
        raw = raw.get(name)
    values, places = {}, {}
    for name, given in document.mapping(raw, path).items():
        place = line_of(document, (*path, str(name)))
        if name not in table:
            near = find_near(name, table)
            differences.add("unknown", ".".join((*path, str(name))), f"is {near} meant?" if near else "there is no such key", place)
            continue
        legacy = table[name]
        value = _coerced(put_in_variables(given, environment), legacy.key)
        if value is None:
            continue
        if legacy.inert:
            differences.add("inert", str(name), legacy.inert, place)
        good = _read_ids(value, (*path, str(name)), document, differences) if legacy.key.kind == "vmids" else read_value(value, legacy.key)
        if good is None:
            document.refuse((*path, str(name)), HIDDEN if legacy.is_secret else show(value), f"allowed is {legacy.key.describe_allowed()}")
            continue
        if legacy.meaning:
            differences.add("changed", str(name), legacy.meaning, place)
        values[str(name)], places[str(name)] = good, document.place_of((*path, str(name)))
    return Section(path, values, places)


def line_of(document: Document, path: KeyPath) -> str:
    """Return the line of a key, or its section where it has none (it came from the environment)."""
    line = document.lines.get(path)
    return f"line {line}" if line else path[0]


def _coerced(value: Any, key: Key) -> Any:
    """Return a text as the number, switch or list that its key wants; what cannot be one stays as it is."""
    if not isinstance(value, str):
        return _coerced_number(value, key)
    text = value.strip()
    if key.kind == "switch":
        return _SWITCHES.get(text.lower(), value)
    if key.kind in ("vmids", "names"):
        return [item.strip() for item in text.strip("[]").split(",") if item.strip()]
    if key.kind in ("whole", "number"):
        try:
            return _coerced_number(float(text), key)
        except ValueError:
            return value
    return text


def _coerced_number(value: Any, key: Key) -> Any:
    is_whole = key.kind == "whole" and isinstance(value, float) and value.is_integer()
    return int(value) if is_whole else value


def _read_ids(value: Any, path: KeyPath, document: Document, differences: Differences) -> tuple[int, ...] | None:
    """Return container ids; what is no number is left out with a word, as the old daemon does."""
    items = [value] if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(items, list):
        return None
    good = []
    for item in items:
        text = "" if isinstance(item, bool | float) else str(item).strip()
        if text.isdecimal() and text.isascii() and 100 <= int(text[:20]) <= 999999999:
            good.append(int(text))
        else:
            differences.add("unknown", f"{'.'.join(path)}: {show(item)}", "a container id is a number from 100", line_of(document, path))
    return tuple(good)
