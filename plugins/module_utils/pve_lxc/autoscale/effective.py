# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a configuration comes to: for ``check-config --explain`` and ``explain``. Secrets are never shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from ..model.guest import Guest
from .config import LoopConfig
from .layers import Effective, Layer
from .legacy_section import HIDDEN
from .roster import RESTRICTIONS, TIER_TAG_PREFIX, Assignment
from .selection import Match, Selection
from .table import wrap

_SECRETS = ("token_secret", "password")
_SHOWN_CONNECTION = ("host", "port", "user", "token_id", "ca_path", "fingerprint", "validate_certs", "timeout_seconds", "retries")


def format_effective(config: LoopConfig, observing: str) -> dict[str, Any]:
    """Return the whole configuration for ``--json``; secrets are ``***``, and where each setting came from stands in ``origins``.

    Args:
        config: valid.
        observing: ``cgroup`` or ``api``.
    """
    roster, connection = config.roster, config.connection
    return {
        "source": config.source,
        "node": config.node,
        "mode": config.mode,
        "api": f"{connection.host}:{connection.port}",
        "connection": {
            **{name: getattr(connection, name) for name in _SHOWN_CONNECTION},
            **{name: HIDDEN for name in _SECRETS if getattr(connection, name)},
        },
        "observing": observing,
        "state": config.state_path,
        "selection": _format_selection(config.selection, obey_tags=roster.obey_tags),
        **_format_settings(roster.general),
        "origins": dict(roster.general.origins),
        "tiers": {tier.name: {**_format_match(tier.match), "allow_tag": tier.allow_tag, **_format_layer(tier.layer)} for tier in roster.tiers},
        "overrides": {str(vmid): _format_layer(layer) for vmid, layer in sorted(roster.overrides.items())},
        "notices": list(config.notices),
    }


def format_effective_lines(config: LoopConfig, observing: str) -> list[str]:
    """Return the same for people: what is not a default, and where it came from."""
    shown = format_effective(config, observing)
    lines = [f"{config.source} is good.", *(f"  {name}: {shown[name]}" for name in ("node", "mode", "api", "observing", "state"))]
    if observing == "api":
        lines.append("  over the API memory is only grown, unless allow_blind_shrink is set")
    lines += ["", "connection", *(f"  {name}: {value}" for name, value in shown["connection"].items() if value not in ("", None))]
    lines += ["", "selection", *_pair_lines(shown["selection"], 2)]
    lines += ["", "settings of every container (what is not shown is the default)", *_origin_lines(config.roster.general)]
    for tier in config.roster.tiers:
        tag = f"or tag {TIER_TAG_PREFIX}{tier.name}" if tier.allow_tag else "never by tag"
        lines += ["", f"tier {tier.name}: {_say_match(tier.match)}, {tag}", *_layer_lines(tier.layer)]
    for vmid, layer in sorted(config.roster.overrides.items()):
        lines += ["", f"override of {vmid}", *_layer_lines(layer)]
    lines += ["", "tags of a container that are obeyed: " + (", ".join([f"{TIER_TAG_PREFIX}NAME", *RESTRICTIONS]) if config.roster.obey_tags else "none")]
    if config.notices:
        lines += ["", "what differs from LXC AutoScale", *(line for notice in config.notices for line in wrap(notice, 2))]
    return lines


def format_assignment(config: LoopConfig, guest: Guest) -> dict[str, Any]:
    """Return one container's settings for ``explain --json``: all of them, and the place of each that is not a default."""
    assignment = config.roster.assign(guest)
    return {
        "is_selected": config.selection.is_selected(guest),
        "tier": assignment.tier,
        "tier_place": assignment.tier_place,
        "conflict": assignment.conflict,
        "values": {name: value for name, value, _place in assignment.effective.rows()},
        "origins": dict(assignment.effective.origins),
    }


def format_assignment_lines(config: LoopConfig, guest: Guest) -> list[str]:
    """Return the same for people."""
    assignment: Assignment = config.roster.assign(guest)
    tier = f"tier {assignment.tier}, by {assignment.tier_place}" if assignment.tier else "no tier"
    lines = ["", *wrap(f"settings by the present configuration ({tier}); all others are the defaults:", 2)]
    if assignment.conflict:
        lines += wrap(f"conflict, so it is left: {assignment.conflict}", 4)
    return lines + _origin_lines(assignment.effective, 4)


def _origin_lines(effective: Effective, indent: int = 2) -> list[str]:
    rows = [line for name, value, place in effective.rows() if place != "default" for line in wrap(f"{name}: {_say(value)}   from {place}", indent)]
    return rows or [" " * indent + "only defaults"]


def _layer_lines(layer: Layer) -> list[str]:
    rows = [wrap(f"{section}.{key}: {_say(value)}   from {layer.places.get(f'{section}.{key}', '')}", 2) for section, key, value in _given(layer)]
    return [line for row in rows for line in row]


def _pair_lines(values: Mapping[str, Any], indent: int) -> list[str]:
    return [line for name, value in values.items() if value != [] for line in wrap(f"{name}: {_say(value)}", indent)]


def _say(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _say_match(match: Match) -> str:
    said = [f"{name} {_say(value)}" for name, value in _format_match(match).items() if value]
    return "; ".join(said) or "no container by id, tag, pool or name"


def _given(layer: Layer) -> Iterator[tuple[str, str, Any]]:
    for section, keys in layer.given.items():
        for key, value in keys.items():
            yield section, key, value


def _format_layer(layer: Layer) -> dict[str, Any]:
    return {section: dict(keys) for section, keys in layer.given.items() if keys}


def _format_match(match: Match) -> dict[str, Any]:
    return {field.name: sorted(getattr(match, field.name)) for field in fields(match)}


def _format_selection(selection: Selection, *, obey_tags: bool) -> dict[str, Any]:
    ignored = {f"ignore_{name}": value for name, value in _format_match(selection.ignored).items()}
    return {"all": selection.is_all, **_format_match(selection.managed), **ignored, "obey_tags": obey_tags}


def _format_settings(effective: Effective) -> dict[str, dict[str, Any]]:
    shown: dict[str, dict[str, Any]] = {}
    for name, value, _place in effective.rows():
        section, key = name.split(".")
        shown.setdefault(section, {})[key] = value
    return shown
