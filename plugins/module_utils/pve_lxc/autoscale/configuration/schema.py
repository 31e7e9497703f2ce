# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration file's keys as a JSON schema, for editors; docs/schema/lxc-autoscale.schema.json is made from here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .keys import OVERRIDE_SECTIONS, SCHEDULE_KEYS, SCHEDULE_SECTIONS, SECTIONS, SIZING_SECTIONS, TIER_KEYS, TOP_KEYS, Key
from .notifier_keys import NOTIFIER_KEYS, NOTIFIER_NAME

# Proxmox's ids, as a number or as the key of an override. Source: pve-vmid in PVE::JSONSchema.
_VMID = {"type": "integer", "minimum": 100, "maximum": 999999999}
_VMID_PATTERN = "^[1-9][0-9]{2,8}$"
_TIER_PATTERN = "^[a-z0-9_][a-z0-9_.+-]{0,63}$"


def make_schema() -> dict[str, Any]:
    """Return the schema of the whole file, draft 2020-12."""
    properties = {name: _property(key) for name, key in TOP_KEYS.items()}
    properties |= {name: _section(keys) for name, keys in SECTIONS.items() if name not in SIZING_SECTIONS or keys != OVERRIDE_SECTIONS[name]}
    # They stand in each tier and in each override; at the top as well, but for those with keys of the whole node.
    settings: dict[str, Any] = {name: {"$ref": f"#/$defs/{name}"} for name in OVERRIDE_SECTIONS}
    properties |= {name: reference for name, reference in settings.items() if name not in properties}
    tier = {**{name: _property(key) for name, key in TIER_KEYS.items()}, **settings}
    properties["tiers"] = {
        "description": "Settings of several containers, by name of the tier.",
        "type": ["object", "null"],
        "patternProperties": {_TIER_PATTERN: _object(tier)},
        "additionalProperties": False,
    }
    properties["overrides"] = {
        "description": "Settings of single containers, by id.",
        "type": ["object", "null"],
        "patternProperties": {_VMID_PATTERN: _object(settings)},
        "additionalProperties": False,
    }
    schedule = {name: _property(key) for name, key in SCHEDULE_KEYS.items()} | {name: _section(keys) for name, keys in SCHEDULE_SECTIONS.items()}
    # Both must be given, so an empty value is none.
    schedule |= {name: {**schedule[name], "type": "string"} for name in ("from", "to")}
    properties["schedules"] = {
        "description": "What is different in which hours, by name of the window.",
        "type": ["object", "null"],
        "patternProperties": {_TIER_PATTERN: {**_object(schedule), "required": ["from", "to"]}},
        "additionalProperties": False,
    }
    properties["notify"] = {
        "description": "Who is told what, by a name of yours.",
        "type": ["object", "null"],
        "patternProperties": {f"^{NOTIFIER_NAME}$": _object({name: _property(key) for name, key in NOTIFIER_KEYS.items()})},
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of lxc-autoscale",
        **_object(properties),
        "$defs": {name: _section(keys) for name, keys in OVERRIDE_SECTIONS.items()},
    }


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": ["object", "null"], "properties": dict(properties), "additionalProperties": False}


def _section(keys: Mapping[str, Key]) -> dict[str, Any]:
    return _object({name: _property(key) for name, key in keys.items()})


def _property(key: Key) -> dict[str, Any]:
    """Return one key's schema; an empty value is allowed where the default is "not set"."""
    shown: dict[str, Any] = {"description": key.about, **_type(key)}
    if key.default not in (None, "", ()):
        shown["default"] = list(key.default) if isinstance(key.default, tuple) else key.default
    if key.default is None:
        shown["type"] = [shown["type"], "null"]
    return shown


def _type(key: Key) -> dict[str, Any]:
    if key.kind in ("whole", "number"):
        limits = {name: value for name, value in (("minimum", key.low), ("maximum", key.high)) if math.isfinite(value)}
        return {"type": "integer" if key.kind == "whole" else "number", **limits}
    if key.kind == "time":
        return {"type": "string", "pattern": "^(([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00)$"}
    if key.kind == "choices":
        return {"type": "array", "items": {"type": "string", "enum": list(key.allowed)}}
    if key.kind == "choice":
        return {"type": "string", "enum": list(key.allowed)}
    if key.kind == "vmids":
        return {"type": "array", "items": {"anyOf": [_VMID, {"type": "string", "pattern": _VMID_PATTERN}]}}
    if key.kind == "names":
        return {"type": "array", "items": {"type": ["string", "integer"]}}
    return {"type": {"switch": "boolean"}.get(key.kind, "string")}
