# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests from plain dictionaries: the world file and the control requests use the same keys."""

from __future__ import annotations

from collections.abc import Mapping

from .guest import Guest
from .guest_parts import TraceUse
from .hotplug import shrink_kills, start_guest, stop_guest
from .simulation import effective_cores
from .trace import Trace
from .world import World

DEMAND_KEYS = ("cpu_cores", "anon_mib", "shmem_mib", "mapped_mib", "cache_mib", "slab_mib")
PLAIN_KEYS = ("pool", "hastate", "is_deaf_to_shutdown", "is_config_lock_held", "is_frozen", "disk_bytes", "filesystem_bytes", "pid")
OPTION_KEYS = ("lock", "ostype", "tags")
TRACE_KEYS = ("cpu_trace", "memory_trace", "cpu_scale", "memory_scale", "trace_offset_seconds")
START_KEYS = ("vmid", "node", "type", "name", "template", "uptime_seconds", "snapshots", "file_text")
KNOWN_KEYS = {*DEMAND_KEYS, *PLAIN_KEYS, *OPTION_KEYS, *TRACE_KEYS, *START_KEYS, "config", "raw_lxc", "status"}


def make_guest(world: World, fields: Mapping[str, object], traces: Mapping[str, Trace]) -> Guest:
    """Add a guest to a world and return it.

    Raises:
        ValueError: an unknown key, node or trace.
    """
    _require_known(fields)
    node = str(fields.get("node", world.local_node))
    if node not in world.nodes:
        raise ValueError(f"guest {fields.get('vmid')}: no node {node!r}")
    vmid = int(str(fields["vmid"]))
    guest = Guest(vmid, node, type=str(fields.get("type", "lxc")))
    defaults = {"arch": "amd64", "ostype": "debian", "memory": "512", "swap": "0", "unprivileged": "1", "rootfs": f"local:{vmid}/vm-{vmid}-disk-0.raw,size=8G"}
    if fields.get("config") is None or guest.type == "lxc" and "arch" not in _mapping(fields.get("config")):
        guest.config = defaults if guest.type == "lxc" else {"memory": "2048", "cores": "2"}
    if "name" in fields:
        guest.config["hostname" if guest.type == "lxc" else "name"] = str(fields["name"])
    if fields.get("template"):
        guest.config["template"] = "1"
    world.guests[vmid] = guest
    snapshots = _mapping(fields.get("snapshots"))
    guest.snapshots = {name: {option: str(value) for option, value in _mapping(options).items()} for name, options in snapshots.items()}
    _attach_traces(guest, fields, traces)
    change_guest(world, guest, fields)
    if "file_text" in fields:
        guest.hand_edited = (guest.config_text(), str(fields["file_text"]))
    if guest.is_running:
        guest.started_at = world.now - float(str(fields.get("uptime_seconds", 86400)))
    return guest


def _require_known(fields: Mapping[str, object]) -> None:
    """Raise when a key is not known, so that a typing error is not silently nothing."""
    unknown = sorted(set(fields) - KNOWN_KEYS)
    if unknown:
        raise ValueError(f"unknown guest keys {', '.join(unknown)}; known: {', '.join(sorted(KNOWN_KEYS))}")


def _mapping(value: object) -> Mapping[str, object]:
    """Return a mapping, an empty one for None."""
    return value if isinstance(value, Mapping) else {}


def _attach_traces(guest: Guest, fields: Mapping[str, object], traces: Mapping[str, Trace]) -> None:
    """Connect a guest with the traces named by its fields."""
    offset = float(str(fields.get("trace_offset_seconds", 0)))
    for key, scale_key, attribute in (("cpu_trace", "cpu_scale", "cpu_cores"), ("memory_trace", "memory_scale", "memory_mib")):
        name = fields.get(key)
        if name is None:
            continue
        trace = traces.get(str(name))
        if trace is None or not getattr(trace, attribute):
            raise ValueError(f"guest {guest.vmid}: no trace {name!r} with {attribute}")
        setattr(guest, key, TraceUse(trace, float(str(fields.get(scale_key, 1.0))), offset))


def change_guest(world: World, guest: Guest, fields: Mapping[str, object]) -> None:
    """Change a guest from outside the API: demand, configuration as an operator would edit it, state.

    A value of None removes a configuration key. A demand that no longer fits into the limit kills at once.
    """
    _require_known(fields)
    for key in PLAIN_KEYS:
        if key in fields:
            setattr(guest, key, fields[key])
    for option, value in {**_mapping(fields.get("config")), **{key: fields[key] for key in OPTION_KEYS if key in fields}}.items():
        if value is None:
            guest.config.pop(option, None)
        else:
            guest.config[option] = str(int(value)) if isinstance(value, bool) else str(value)
    raw_lines = fields.get("raw_lxc")
    if isinstance(raw_lines, list):
        guest.raw_lxc = [(str(name), str(value)) for name, value in raw_lines]
    for key in DEMAND_KEYS:
        if key in fields:
            setattr(guest.demand, key, float(str(fields[key])))
            _drop_trace(guest, key)
    _change_status(world, guest, fields)


def _drop_trace(guest: Guest, key: str) -> None:
    """Let a demand set by hand win over the trace."""
    if key == "cpu_cores":
        guest.cpu_trace = None
    elif key == "anon_mib":
        guest.memory_trace = None


def _change_status(world: World, guest: Guest, fields: Mapping[str, object]) -> None:
    """Start or stop when told to, else let the limits act on the new demand."""
    status = fields.get("status")
    if status == "running" and not guest.is_running:
        start_guest(guest, world)
    elif status == "stopped" and guest.is_running:
        stop_guest(guest)
    elif guest.is_running:
        guest.service_down_until = -1.0 if any(key in fields for key in DEMAND_KEYS) else guest.service_down_until
        shrink_kills(guest, world)
    if guest.is_running and "cpu_cores" in fields:
        guest.cpu_demand_cores = guest.demand.cpu_cores
        guest.cpu_used_cores = min(guest.demand.cpu_cores, effective_cores(guest))
    if guest.is_running and "pid" in fields:
        guest.pid = int(str(fields["pid"]))
