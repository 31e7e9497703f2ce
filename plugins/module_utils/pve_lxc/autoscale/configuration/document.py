# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text in YAML -> plain values with the line of every key; every problem at once."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...deps import import_yaml
from ...errors import Problem
from .keys import Key
from .off_peak import time_zone_of

KeyPath = tuple[str, ...]

_LONGEST_SHOWN = 60

# What stands in the place of a secret.
HIDDEN = "***"

_TIME_OF_DAY = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


@dataclass
class Document:
    """A configuration file that is being read.

    Attributes:
        values: its top level.
        lines: key path -> line, counted from 1.
        places: key path -> how its place is named, where the file itself has another format.
        problems: everything found so far.
        is_read: whether the text was YAML with keys, so that the rest can be checked.
    """

    values: Mapping[Any, Any] = field(default_factory=dict)
    lines: dict[KeyPath, int] = field(default_factory=dict)
    places: dict[KeyPath, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    is_read: bool = False

    def refuse(self, path: KeyPath, value: str, message: str) -> None:
        """Note a problem at a key."""
        self.problems.append(Problem(self.place_of(path), value, message))

    def place_of(self, path: KeyPath) -> str:
        """Return how a key's place is named, as in ``policy.cpu_tolerance (line 9)``."""
        line = self.lines.get(path)
        return self.places.get(path) or ".".join(path) + (f" (line {line})" if line else "")

    def section(self, values: Any, path: KeyPath, keys: Mapping[str, Key]) -> dict[str, Any]:
        """Return a value for every key: the file's where it is good, the default otherwise."""
        read = {name: key.default for name, key in keys.items()}
        read.update(self.given(values, path, keys))
        return read

    def given(self, values: Any, path: KeyPath, keys: Mapping[str, Key]) -> dict[str, Any]:
        """Return the good values that the file gives; what is wrong is noted."""
        read = {}
        for name, value in self.mapping(values, path).items():
            if not self.is_known(name, (*path, str(name)), keys):
                continue
            key = keys[name]
            if value is None and key.default is None:
                continue
            good = read_value(value, key)
            if good is None:
                self.refuse((*path, name), HIDDEN if key.is_secret else show(value), f"allowed is {key.describe_allowed()}")
            else:
                read[name] = good
        return read

    def mapping(self, values: Any, path: KeyPath) -> Mapping[Any, Any]:
        """Return the section as a mapping; an empty one for an absent or a wrong one, which is noted."""
        if values is None:
            return {}
        if isinstance(values, Mapping):
            return values
        self.refuse(path, show(values), "a section with keys is wanted here")
        return {}

    def is_known(self, name: Any, path: KeyPath, allowed: Iterable[str]) -> bool:
        """Return whether a key exists; one that does not is noted with the nearest that does."""
        names = sorted(allowed)
        if name in names:
            return True
        near = find_near(name, names)
        hint = f"is {near} meant?" if near else f"allowed are {', '.join(names)}"
        self.refuse(path, "", f"there is no such key; {hint}")
        return False


def read_value(value: Any, key: Key) -> Any:
    """Return a value as its key wants it, None when it is not allowed there."""
    return _READERS[key.kind](value, key)


def find_near(name: Any, names: Iterable[str]) -> str:
    """Return the nearest of some names, empty when none is near."""
    # Imported here, as a time zone below, because hardly any file needs it and every cycle would start later.
    import difflib

    near = difflib.get_close_matches(str(name), sorted(names), n=1, cutoff=0.5)
    return near[0] if near else ""


def parse_document(text: str) -> Document:
    """Return the values of a YAML text; a text that is no YAML, or no mapping, gives one problem."""
    yaml = import_yaml()
    document = Document()
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        _keep_times(root, set())
        values = {} if root is None else loader.construct_document(root)
    # PyYAML lets errors of the types it builds escape: a date such as 2026-99-99, an unhashable key.
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark is not None else "the file"
        document.problems.append(Problem(place, "", f"not valid YAML: {getattr(error, 'problem', None) or error}"))
        return document
    if root is not None:
        _note_lines(document, root, (), yaml.MappingNode, set())
    if not isinstance(values, Mapping):
        document.problems.append(Problem("the file", show(values), "sections with keys are wanted at the top"))
        return document
    document.is_read = True
    document.values = values
    return document


def _keep_times(node: Any, seen: set[int]) -> None:
    """Leave 22:00 the text that it is: YAML 1.1 takes it for a number to the base of 60, and 08:00 for a text."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node.value, list):
        for child in node.value:
            for one in child if isinstance(child, tuple) else (child,):
                _keep_times(one, seen)
    elif ":" in node.value and node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float"):
        node.tag = "tag:yaml.org,2002:str"


def _note_lines(document: Document, node: Any, path: KeyPath, mapping_class: Any, seen: set[int]) -> None:
    """Note the line of every key, and keys that stand twice; YAML itself would silently take the last."""
    if not isinstance(node, mapping_class) or id(node) in seen:
        return
    seen.add(id(node))
    for key_node, value_node in node.value:
        key_path = (*path, str(key_node.value))
        line = key_node.start_mark.line + 1
        if key_path in document.lines:
            document.problems.append(Problem(f"{'.'.join(key_path)} (line {line})", "", f"it stands twice, first in line {document.lines[key_path]}"))
        document.lines[key_path] = line
        _note_lines(document, value_node, key_path, mapping_class, seen)


def show(value: Any) -> str:
    """Return a value as somebody wrote it, cut to 60 characters."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "(empty)"
    if isinstance(value, float):
        return f"{value:.15g}"
    text = value if isinstance(value, str) else repr(value)
    return repr(text) if text == "" else (text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "...")


def _read_text(value: Any, _key: Key) -> str | None:
    # A node may be called 10, and a token id 7: YAML reads numbers there.
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


def _read_whole(value: Any, key: Key) -> int | None:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and key.low <= value <= key.high else None


def _read_number(value: Any, key: Key) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number and key.low <= value <= key.high else None


def _read_switch(value: Any, _key: Key) -> bool | None:
    return value if isinstance(value, bool) else None


def _read_choice(value: Any, key: Key) -> str | None:
    return value if isinstance(value, str) and value in key.allowed else None


def _read_time_zone(value: Any, _key: Key) -> str | None:
    try:
        return value if isinstance(value, str) and time_zone_of(value) else None
    # What a name can do to a search in folders: not found (which is a KeyError), a folder, too long, a zero byte.
    except (KeyError, OSError, ValueError):
        return None


def _read_vmids(value: Any, _key: Key) -> tuple[int, ...] | None:
    if not isinstance(value, list):
        return None
    numbers = [int(item) if isinstance(item, str) and item.isdecimal() else item for item in value]
    are_good = all(isinstance(item, int) and not isinstance(item, bool) and item >= 100 for item in numbers)
    return tuple(numbers) if are_good else None


def _read_names(value: Any, _key: Key) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not all(isinstance(item, str | int) and not isinstance(item, bool) for item in value):
        return None
    return tuple(str(item) for item in value)


def _read_time(value: Any, _key: Key) -> int | None:
    """Return the minute of the day: 510 for 08:30, 1440 for 24:00."""
    if value == "24:00":
        return 1440
    found = _TIME_OF_DAY.fullmatch(value) if isinstance(value, str) and value.isascii() else None
    return int(found[1]) * 60 + int(found[2]) if found else None


def _read_choices(value: Any, key: Key) -> tuple[str, ...] | None:
    names = _read_names(value, key)
    return names if names is not None and set(names) <= set(key.allowed) else None


_READERS: dict[str, Callable[[Any, Key], Any]] = {
    "text": _read_text,
    "whole": _read_whole,
    "number": _read_number,
    "switch": _read_switch,
    "choice": _read_choice,
    "choices": _read_choices,
    "vmids": _read_vmids,
    "names": _read_names,
    "time_zone": _read_time_zone,
    "time": _read_time,
}
