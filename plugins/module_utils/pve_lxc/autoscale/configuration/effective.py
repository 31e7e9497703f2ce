# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a configuration comes to: for ``check-config --explain`` and ``explain``. Secrets are never shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from ...model.guest import Guest
from ..terminal.table import wrap
from .document import HIDDEN
from .layers import Effective, Layer
from .loop_config import LoopConfig
from .notifiers import format_notifier
from .roster import RESTRICTIONS, TIER_TAG_PREFIX, Assignment
from .schedule import Schedule
from .selection import Match, Selection

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
            "pct_fallback": config.has_pct_fallback,
        },
        "observing": observing,
        "state": config.state_path,
        "metrics": config.metrics_path,
        "notify": {notifier.name: format_notifier(notifier) for notifier in config.notifiers},
        "selection": _format_selection(config.selection, obey_tags=roster.obey_tags),
        **_format_settings(roster.general),
        "origins": dict(roster.general.origins),
        "tiers": {tier.name: {**_format_match(tier.match), "allow_tag": tier.allow_tag, **_format_layer(tier.layer)} for tier in roster.tiers},
        "overrides": {str(vmid): _format_layer(layer) for vmid, layer in sorted(roster.overrides.items())},
        "schedules": {schedule.name: _format_schedule(schedule) for schedule in roster.schedules},
        "notices": list(config.notices),
    }


def format_effective_lines(config: LoopConfig, observing: str) -> list[str]:
    """Return the same for people: what is not a default, and where it came from."""
    shown = format_effective(config, observing)
    lines = [f"{config.source} is good.", *(f"  {name}: {shown[name]}" for name in ("node", "mode", "api", "observing", "state"))]
    if observing == "api":
        lines.append("  over the API memory is only grown, unless allow_blind_shrink is set")
    if config.metrics_path:
        lines.append(f"  metrics: {config.metrics_path}")
    lines += [f"  notifier {notifier.name} cannot send: {notifier.problem}" for notifier in config.notifiers if notifier.problem]
    lines += ["", "connection", *(f"  {name}: {value}" for name, value in shown["connection"].items() if value not in ("", None))]
    lines += ["", "selection", *_pair_lines(shown["selection"], 2)]
    lines += ["", "settings of every container (what is not shown is the default)", *_origin_lines(config.roster.general)]
    for name, notifier in shown["notify"].items():
        lines += ["", f"notifier {name}", *_pair_lines({key: value for key, value in notifier.items() if value not in ("", None)}, 2)]
    for tier in config.roster.tiers:
        tag = f"or tag {TIER_TAG_PREFIX}{tier.name}" if tier.allow_tag else "never by tag"
        lines += ["", f"tier {tier.name}: {_say_match(tier.match)}, {tag}", *_layer_lines(tier.layer)]
    for vmid, layer in sorted(config.roster.overrides.items()):
        lines += ["", f"override of {vmid}", *_layer_lines(layer)]
    for schedule in config.roster.schedules:
        lines += ["", *wrap(f"window {schedule.name}: {schedule.window.describe()}, {_say_schedule_match(schedule)}", 0), *_layer_lines(schedule.layer)]
    lines += ["", "tags of a container that are obeyed: " + (", ".join([f"{TIER_TAG_PREFIX}NAME", *RESTRICTIONS]) if config.roster.obey_tags else "none")]
    if config.notices:
        lines += ["", "what differs from LXC AutoScale", *(line for notice in config.notices for line in wrap(notice, 2))]
    return lines


def format_assignment(config: LoopConfig, guest: Guest, now: float) -> dict[str, Any]:
    """Return one container's settings for ``explain --json``: all of them, and the place of each that is not a default.

    Args:
        config: valid.
        guest: the container.
        now: the moment whose windows hold.
    """
    assignment = config.roster.assign(guest, now)
    return {
        "is_selected": config.selection.is_selected(guest),
        "tier": assignment.tier,
        "tier_place": assignment.tier_place,
        "conflict": assignment.conflict.message if assignment.conflict else "",
        "schedules": {schedule.name: {"is_open": schedule.window.is_open(now)} for schedule in assignment.schedules},
        "values": {name: value for name, value, _place in assignment.effective.rows()},
        "origins": dict(assignment.effective.origins),
    }


def format_assignment_lines(config: LoopConfig, guest: Guest, now: float) -> list[str]:
    """Return the same for people."""
    assignment: Assignment = config.roster.assign(guest, now)
    tier = f"tier {assignment.tier}, by {assignment.tier_place}" if assignment.tier else "no tier"
    lines = ["", *wrap(f"settings by the present configuration ({tier}); all others are the defaults:", 2)]
    if assignment.conflict:
        lines += wrap(f"conflict, so it is left: {assignment.conflict.message}", 4)
    lines += _origin_lines(assignment.effective, 4)
    return lines + [line for schedule in assignment.schedules for line in wrap(_say_window(schedule, now), 2)]


def _say_window(schedule: Schedule, now: float) -> str:
    return f"window {schedule.name} ({schedule.window.describe()}): {'open now' if schedule.window.is_open(now) else 'closed now'}"


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


def _say_schedule_match(schedule: Schedule) -> str:
    if schedule.is_for_all:
        return "for every container"
    marks = [f"tiers {_say(sorted(schedule.tiers))}"] if schedule.tiers else []
    return "for " + "; ".join([*marks, *([] if schedule.match.is_empty else [_say_match(schedule.match)])])


def _format_schedule(schedule: Schedule) -> dict[str, Any]:
    window = schedule.window
    return {
        "days": list(window.days),
        "from_minute": window.start_minute,
        "to_minute": window.end_minute,
        "time_zone": window.time_zone,
        **_format_match(schedule.match),
        "tiers": sorted(schedule.tiers),
        **_format_layer(schedule.layer),
    }


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
