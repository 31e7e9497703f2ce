# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LXC AutoScale's file as text -> its sections: YAML, or INI as in 2024; variables are put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...errors import Problem
from ..configuration.document import Document, parse_document

GENERAL_NAMES = ("DEFAULT", "DEFAULTS")
TIER_PREFIX = "TIER_"
GROUP_PREFIX = "HORIZONTAL_SCALING_GROUP_"

_INI_HEAD = re.compile(r"\[([^\[\]]+)\]")
_INI_LINE = re.compile(r"([^=:\s]+)\s*[=:]\s*(.*)")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def is_legacy_name(name: Any) -> bool:
    """Return whether a section has a name that only LXC AutoScale's file has."""
    return isinstance(name, str) and (name in GENERAL_NAMES or name.startswith((TIER_PREFIX, GROUP_PREFIX)))


def is_ini(text: str) -> bool:
    """Return whether the first line that says anything is one of its section heads in brackets."""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith(("#", ";")):
            head = _INI_HEAD.fullmatch(stripped)
            return head is not None and is_legacy_name(head[1].strip())
    return False


def parse_legacy(text: str) -> Document | None:
    """Return the sections of a file in the old format, None when it has another one."""
    if is_ini(text):
        return _parse_ini(text)
    document = parse_document(text)
    if document.is_read and any(is_legacy_name(name) for name in document.values):
        return document
    return None


def put_in_variables(value: Any, environment: Mapping[str, str]) -> Any:
    """Return a value with ``${NAME}`` and ``${NAME:-default}`` replaced in every text; an unset name without a default stays as it is."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: _variable(match, environment), value)
    if isinstance(value, list):
        return [put_in_variables(item, environment) if isinstance(item, str) else item for item in value]
    return value


def _variable(match: re.Match[str], environment: Mapping[str, str]) -> str:
    found = environment.get(match[1])
    if match[2] is not None:
        return found or match[2]
    return match[0] if found is None else found


def _parse_ini(text: str) -> Document:
    """Return the sections of an INI text; every value is text, as it stands."""
    values: dict[str, dict[str, str]] = {}
    document = Document(values=values, is_read=True)
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith(("#", ";")):
            continue
        head, pair = _INI_HEAD.fullmatch(stripped), _INI_LINE.fullmatch(stripped)
        if head:
            section = head[1].strip()
            _note(document, (section,), number)
            values.setdefault(section, {})
        elif pair and section:
            name = pair[1].lower()
            _note(document, (section, name), number)
            values[section][name] = re.split(r"\s[#;]", pair[2], maxsplit=1)[0].strip()
        else:
            document.problems.append(Problem(f"line {number}", "", "neither [SECTION] nor key = value"))
    return document


def _note(document: Document, path: tuple[str, ...], line: int) -> None:
    if path in document.lines:
        document.problems.append(Problem(f"{'.'.join(path)} (line {line})", "", f"it stands twice, first in line {document.lines[path]}"))
    document.lines[path] = line
