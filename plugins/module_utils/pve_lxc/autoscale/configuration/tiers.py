# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the configuration file that say who is managed and how: selection, tiers, overrides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...errors import Problem
from ...policy.settings.presets import with_preset
from .document import Document, KeyPath, show
from .keys import OVERRIDE_SECTIONS, SIZING_SECTIONS, TIER_KEYS, Key
from .layers import Effective, Layer, find_contradictions
from .roster import Roster, Tier
from .selection import Match, Selection

_MATCH_KINDS = ("vmids", "tags", "pools", "names")
# What fits into a tag of Proxmox, so that autoscale-tier-NAME can be written. Source: pve_verify_tag in PVE::JSONSchema.
TIER_NAME = re.compile(r"[a-z0-9_][a-z0-9_.+-]{0,63}")


def read_layer(document: Document, values: Mapping[Any, Any], path: KeyPath, base: Effective, sections: Mapping[str, Mapping[str, Key]]) -> Layer:
    """Return what the sections ``policy``, ``bounds`` and ``threshold`` below ``path`` say; what contradicts ``base`` is noted.

    Args:
        document: that is being read.
        values: below ``path``.
        path: of them; empty for the top of the file.
        base: what they stand on.
        sections: what may be said there.
    """
    given = {
        name: document.given(_without_keys_of_node(document, values.get(name), (*path, name), keys), (*path, name), keys) for name, keys in sections.items()
    }
    preset_place = document.place_of((*path, "policy", "preset"))
    places = {f"policy.{key}": preset_place for key in set(with_preset(given["policy"])) - set(given["policy"])}
    places |= {f"{section}.{key}": document.place_of((*path, section, key)) for section, keys in given.items() for key in keys}
    layer = Layer({**given, "policy": with_preset(given["policy"])}, places)
    refuse_contradictions(document, layer, path, base)
    return layer


def _without_keys_of_node(document: Document, values: Any, path: KeyPath, keys: Mapping[str, Key]) -> Any:
    """Return a section without keys that are said of the whole node, where they may not stand; each is noted."""
    if not isinstance(values, Mapping):
        return values
    section = path[-1]
    known = SIZING_SECTIONS[section]
    misplaced = {name: value for name, value in values.items() if name not in keys and name in known and known[name].is_of_node}
    for name, value in misplaced.items():
        message = f"this is said of the whole node, once for all containers: write it as {section}.{name}, at the top of the file"
        document.refuse((*path, name), show(value), message)
    return {name: value for name, value in values.items() if name not in misplaced}


def refuse_contradictions(document: Document, layer: Layer, path: KeyPath, base: Effective) -> None:
    """Note what of a layer cannot be together with the settings it stands on, once."""
    settings = base.with_layer(layer).settings
    for low, high, order in find_contradictions(settings.policy, settings.bounds, settings.threshold):
        section = next(name for name in SIZING_SECTIONS if hasattr(getattr(settings, name), low))
        given = layer.given.get(section, {})
        if {low, high} & set(given):
            record: Any = getattr(settings, section)
            named = low if low in given else high
            other = high if named == low else low
            origin = "" if other in given else f" in {base.origins.get(f'{section}.{other}', 'the defaults')}"
            message = f"{low} must be {order} {high} ({show(getattr(record, high))}{origin if other == high else ''})"
            if other == low and f"{section}.{low}" in base.origins:
                message += f"; {low} is {show(getattr(record, low))}{origin}"
            problem = Problem(document.place_of((*path, section, named)), show(getattr(record, named)), message)
            if problem not in document.problems:
                document.problems.append(problem)


def read_roster(document: Document, known: Mapping[Any, Any], general: Effective, *, obey_tags: bool) -> Roster:
    """Return who has which settings."""
    tiers = tuple(_read_tiers(document, known.get("tiers"), general))
    _refuse_shared(document, tiers)
    overrides = {}
    for name, entry in document.mapping(known.get("overrides"), ("overrides",)).items():
        path = ("overrides", str(name))
        if isinstance(name, bool) or not str(name).isdecimal() or int(name) < 100:
            document.refuse(path, "", "allowed is a container id, 100 or above")
            continue
        sections = {key: value for key, value in document.mapping(entry, path).items() if document.is_known(key, (*path, str(key)), OVERRIDE_SECTIONS)}
        tier = next((tier for tier in tiers if int(name) in tier.match.vmids), None)
        overrides[int(name)] = read_layer(document, sections, path, general.with_layer(tier.layer) if tier else general, OVERRIDE_SECTIONS)
    return Roster(general, tiers, overrides, obey_tags)


def read_selection(document: Document, section: Mapping[str, Any]) -> Selection:
    """Return who is managed; what stands both among the managed and among the ignored is noted."""
    managed, ignored = read_match(section, ""), read_match(section, "ignore_")
    if section["all"] and not managed.is_empty:
        document.refuse(("selection", "all"), "true", "either all, or vmids, tags, pools and names")
    for kind in _MATCH_KINDS:
        both = sorted(getattr(managed, kind) & getattr(ignored, kind))
        if both:
            place = document.place_of(("selection", kind))
            document.refuse(("selection", f"ignore_{kind}"), ", ".join(map(str, both)), f"this stands in {place} as well; it is either managed or ignored")
    return Selection(section["all"] if section["all"] is not None else managed.is_empty, managed, ignored)


def _read_tiers(document: Document, values: Any, general: Effective) -> list[Tier]:
    tiers = []
    for name, entry in document.mapping(values, ("tiers",)).items():
        path = ("tiers", str(name))
        if not TIER_NAME.fullmatch(str(name)):
            document.refuse(path, "", "allowed is a name of lower-case letters, digits and _ . + -, so that a tag autoscale-tier-NAME can be written")
            continue
        allowed = {*TIER_KEYS, *OVERRIDE_SECTIONS}
        found = {key: value for key, value in document.mapping(entry, path).items() if document.is_known(key, (*path, str(key)), allowed)}
        marks = document.section({key: value for key, value in found.items() if key in TIER_KEYS}, path, TIER_KEYS)
        layer = read_layer(document, found, path, general, OVERRIDE_SECTIONS)
        places = {kind: document.place_of((*path, kind)) for kind in _MATCH_KINDS if marks[kind]}
        tiers.append(Tier(str(name), read_match(marks, ""), marks["allow_tag"], layer, places))
    return tiers


def _refuse_shared(document: Document, tiers: tuple[Tier, ...]) -> None:
    """Note every id, tag, pool and name that stands in two tiers, with both places."""
    first: dict[tuple[str, Any], Tier] = {}
    for tier in tiers:
        for kind in _MATCH_KINDS:
            for mark in sorted(getattr(tier.match, kind)):
                earlier = first.setdefault((kind, mark), tier)
                if earlier is not tier:
                    message = f"it is in {earlier.places[kind]} as well; a container has one tier"
                    document.refuse(("tiers", tier.name, kind), str(mark), message)


def read_match(section: Mapping[str, Any], prefix: str) -> Match:
    """Return the containers that the keys ``vmids``, ``tags``, ``pools`` and ``names`` name, each with a prefix."""
    return Match(
        vmids=frozenset(section[f"{prefix}vmids"]),
        tags=frozenset(tag.lower() for tag in section[f"{prefix}tags"]),
        pools=frozenset(section[f"{prefix}pools"]),
        names=frozenset(section[f"{prefix}names"]),
    )
