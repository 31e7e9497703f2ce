# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Worlds from a JSON file; the format is described in tests/simulator/README.md."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .access import Identities
from .default_identities import add_identities, make_identities
from .guest_fields import make_guest
from .trace import Trace, read_traces
from .world import Node, Storage, World

WORLD_KEYS = ("cluster_name", "version", "repository_id")
KNOWN_KEYS = {*WORLD_KEYS, "nodes", "storages", "pools", "guests", "identities", "traces", "comment"}
DEFAULT_NODE_UPTIME_SECONDS = 30 * 86400


def read_world(path: Path, seed: int, now: float, traces: Mapping[str, Trace]) -> World:
    """Return the world of a file.

    Raises:
        ValueError: an unknown key, node or trace.
    """
    data = json.loads(path.read_text(encoding="utf-8"))
    unknown = sorted(set(data) - KNOWN_KEYS)
    if unknown:
        raise ValueError(f"{path}: unknown keys {', '.join(unknown)}")
    world = World(now=now, seed=seed, random=random.Random(seed))
    for key in WORLD_KEYS:
        if key in data:
            setattr(world, key, data[key])
    for fields in data["nodes"]:
        node = Node(**_without(fields, "uptime_seconds"))
        node.started_at = now - fields.get("uptime_seconds", DEFAULT_NODE_UPTIME_SECONDS)
        world.nodes[node.name] = node
    for fields in data.get("storages", [{"name": "local", "plugin": "dir"}]):
        lists = {key: tuple(fields[key]) for key in ("content", "templates") if key in fields}
        world.storages[fields["name"]] = Storage(**{**fields, **lists})
    world.pools = dict(data.get("pools", {}))
    world.identities = Identities() if "identities" in data else make_identities(world.nodes, seed)
    add_identities(world.identities, data.get("identities", {}))
    known_traces = dict(traces)
    if "traces" in data:
        known_traces |= read_traces(path.parent / data["traces"])
    for fields in data["guests"]:
        make_guest(world, fields, known_traces)
    return world


def _without(fields: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return a mapping without some keys."""
    return {key: value for key, value in fields.items() if key not in names}
