# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole file of LXC AutoScale or of its fork, recognised by its sections."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..configuration.document import HIDDEN, Document, find_near, show
from ..configuration.keys import SECTIONS, TOP_KEYS
from .keys import API_MAP_KEYS, DEFAULT_KEYS, ENVIRONMENT, GROUP_KEYS, TIER_KEYS, LegacyKey
from .notify import translate_notifications
from .section import Difference, Differences, Section, line_of, read_section
from .source import GENERAL_NAMES, GROUP_PREFIX, TIER_PREFIX, is_ini, is_legacy_name, parse_legacy
from .translate import Translation, own_document, translate_connection, translate_general, translate_tier

_API_MAP: Mapping[str, LegacyKey] = {
    "enabled": LegacyKey(DEFAULT_KEYS["use_proxmox_api"].key, inert=DEFAULT_KEYS["use_proxmox_api"].inert),
    **{name: DEFAULT_KEYS[f"proxmox_api_{name}"] for name in API_MAP_KEYS},
}


@dataclass(frozen=True, slots=True)
class LegacyFile:
    """An old file, as our format.

    Attributes:
        document: in our format; its problems, and the places that it names, are the old file's.
        secrets: variable -> secret.
        differences: what is not here what it was there.
    """

    document: Document
    secrets: Mapping[str, str]
    differences: tuple[Difference, ...]

    @property
    def notices(self) -> tuple[str, ...]:
        """Return the differences as lines."""
        return tuple(str(difference) for difference in self.differences)


def read_legacy(text: str, environment: Mapping[str, str]) -> LegacyFile | None:
    """Return an old file as our format; None when the text is no such file."""
    document = parse_legacy(text)
    if document is None:
        return None
    translation = Translation()
    differences = translation.differences
    _merge_general(document)
    _refuse_mixture(document, differences)
    _override_by_environment(document, environment)
    general, api = _read_general(document, differences, environment)
    translate_general(translation, general, is_ini=is_ini(text))
    for name in [name for name in document.values if isinstance(name, str) and name.startswith(TIER_PREFIX)]:
        translate_tier(translation, read_section(document, (name,), TIER_KEYS, differences, environment), name, TIER_PREFIX)
    for name in [name for name in document.values if isinstance(name, str) and name.startswith(GROUP_PREFIX)]:
        _check_group(document, read_section(document, (name,), GROUP_KEYS, Differences(), environment))
        differences.add("inert", name, GROUP_KEYS["min_instances"].inert, line_of(document, (name,)))
    node = str(general.values.get("proxmox_node") or socket.gethostname().split(".")[0])
    translate_connection(translation, general, api, node)
    translate_notifications(translation, general, document)
    return LegacyFile(own_document(translation, document), translation.secrets, differences.listed())


def _merge_general(document: Document) -> None:
    """Leave one general section, DEFAULT; where DEFAULTS says something else, that is a problem which names both places."""
    values: dict[Any, Any] = dict(document.values)
    document.values = values
    if "DEFAULTS" not in values:
        return
    one, other = document.mapping(values.get("DEFAULT"), ("DEFAULT",)), document.mapping(values.pop("DEFAULTS"), ("DEFAULTS",))
    if not one:
        values["DEFAULT"] = other
        document.lines.update({("DEFAULT", *path[1:]): line for path, line in document.lines.items() if path[0] == "DEFAULTS"})
        return
    for name in sorted({str(name) for name in (*one, *other)}):
        if one.get(name) != other.get(name):
            message = f"the sections DEFAULT and DEFAULTS differ: {document.place_of(('DEFAULT', name))} says {_shown(name, one)}; keep one of them"
            document.refuse(("DEFAULTS", name), _shown(name, other), message)


def _shown(name: str, section: Mapping[Any, Any]) -> str:
    """Return a value of a section for a message; the values of keys that hold secrets, or that are not known, are hidden."""
    if name not in section:
        return "nothing"
    is_public = name in DEFAULT_KEYS and not DEFAULT_KEYS[name].is_secret
    return show(section[name]) if is_public else HIDDEN


def _refuse_mixture(document: Document, differences: Differences) -> None:
    """Note sections that belong to neither format, and refuse those of our own."""
    for name in document.values:
        if is_legacy_name(name):
            continue
        if name in SECTIONS or name in TOP_KEYS or name in ("notify", "tiers", "overrides"):
            document.refuse((str(name),), "", "this is our own format, and other sections are LXC AutoScale's; a file has one format")
        else:
            near = find_near(name, ["DEFAULT"])
            differences.add("unknown", str(name), f"is {near} meant?" if near else "there is no such section", line_of(document, (str(name),)))


def _override_by_environment(document: Document, environment: Mapping[str, str]) -> None:
    given = {key: environment[variable] for variable, key in ENVIRONMENT.items() if environment.get(variable)}
    general = document.values.get("DEFAULT")
    if given and isinstance(general, Mapping | None):
        document.values = {**document.values, "DEFAULT": {**(general or {}), **given}}


def _read_general(document: Document, differences: Differences, environment: Mapping[str, str]) -> tuple[Section, Section]:
    """Return the general section, and the map ``proxmox_api`` in it."""
    empty = Section((), {}, {})
    if "DEFAULT" not in document.values:
        return empty, empty
    raw = document.values["DEFAULT"]
    api = empty
    if isinstance(raw, Mapping) and "proxmox_api" in raw:
        api = read_section(document, (GENERAL_NAMES[0], "proxmox_api"), _API_MAP, differences, environment)
        document.values = {**document.values, "DEFAULT": {name: value for name, value in raw.items() if name != "proxmox_api"}}
    return read_section(document, ("DEFAULT",), DEFAULT_KEYS, differences, environment), api


def _check_group(document: Document, group: Section) -> None:
    """Note what a group could not work with: a minimum that is said twice and differently, or is above the maximum."""
    values = group.values
    least, alias = values.get("min_instances"), values.get("min_containers")
    if least is not None and alias is not None and least != alias:
        document.refuse((*group.path, "min_containers"), str(alias), f"this is the old name of min_instances, and {group.places['min_instances']} says {least}")
    minimum = least if least is not None else alias if alias is not None else 1
    maximum = values.get("max_instances", 5)
    if minimum > maximum:
        named = next((name for name in ("min_instances", "min_containers", "max_instances") if name in values), "min_instances")
        document.refuse((*group.path, named), show(values[named]), f"min_instances ({minimum}) must be at most max_instances ({maximum})")
