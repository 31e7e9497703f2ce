# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be made to go wrong, at start or while it runs.

``config_readonly`` (all, or ``vmid``): hot-plug changes the live limit, then the configuration cannot be written.
``pvestatd_stuck``: reports, round-robin data and core placement stand still; after 300 simulated seconds status is unknown.
``node_down`` (``node``): 595 with an empty body, its guests unknown.
``no_quorum``: reads work, writes are refused.
``connection_drop`` (``when`` before|after, ``count``, ``path``): the connection closes around a write.
``status_code`` (``status``, ``count``, ``path``, ``reason``): an empty answer of that status.
``slow`` (``seconds``, ``path``): every answer takes longer, in real time.
``task_failure`` (``type``, ``text``, ``count``): the next tasks of a type fail with a text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .world import World

NAMES = ("config_readonly", "pvestatd_stuck", "node_down", "no_quorum", "connection_drop", "status_code", "slow", "task_failure")
# AnyEvent::HTTP's own codes as PVE's proxy passes them on.
REASONS = {595: "No route to host", 596: "Connection timed out", 599: "Too many redirections", 503: "Service Unavailable", 502: "Bad Gateway"}


@dataclass
class Fault:
    """One fault that is on; ``remaining`` is how often it still strikes, None for ever."""

    name: str
    arguments: dict[str, object]
    remaining: int | None = None

    def matches_path(self, path: str) -> bool:
        """Return whether a request's path is meant; without ``path`` every one is."""
        pattern = self.arguments.get("path")
        return pattern is None or re.search(str(pattern), path) is not None

    def strike(self) -> bool:
        """Count one use and return whether it was still allowed."""
        if self.remaining is None:
            return True
        if self.remaining <= 0:
            return False
        self.remaining -= 1
        return True


class Faults:
    """The faults that are on, by name."""

    def __init__(self, world: World) -> None:
        """Start without faults."""
        self._world = world
        self.active: dict[str, list[Fault]] = {}

    def switch(self, name: str, on: bool, arguments: dict[str, object]) -> None:
        """Switch a fault on with its arguments, or off altogether.

        Raises:
            ValueError: an unknown fault, or a node that does not exist.
        """
        if name not in NAMES:
            raise ValueError(f"unknown fault {name!r}; known: {', '.join(NAMES)}")
        if not on:
            self.active.pop(name, None)
        else:
            count = arguments.get("count")
            self.active.setdefault(name, []).append(Fault(name, arguments, int(str(count)) if count is not None else None))
        self._apply(name, on, arguments)

    def _apply(self, name: str, on: bool, arguments: dict[str, object]) -> None:
        """Carry a fault into the world where it lives there."""
        if name == "no_quorum":
            self._world.quorate = not on
        elif name == "pvestatd_stuck":
            self._world.broadcast_stuck_since = self._world.now if on else None
        elif name == "node_down":
            chosen = [str(arguments["node"])] if "node" in arguments else list(self._world.nodes)
            for node in chosen:
                if node not in self._world.nodes:
                    raise ValueError(f"no node {node!r}")
                self._world.nodes[node].is_reachable = not on

    def find(self, name: str, path: str) -> Fault | None:
        """Return a fault that strikes on a request now, counted as used."""
        for fault in self.active.get(name, ()):
            if fault.matches_path(path) and fault.strike():
                return fault
        return None

    def is_config_readonly(self, vmid: int) -> bool:
        """Return whether a guest's configuration cannot be written."""
        return any(str(fault.arguments.get("vmid", vmid)) == str(vmid) and fault.strike() for fault in self.active.get("config_readonly", ()))

    def task_failure(self, task_type: str) -> str | None:
        """Return the text with which the next task of a type fails."""
        for fault in self.active.get("task_failure", ()):
            if fault.arguments.get("type", task_type) == task_type and fault.strike():
                return str(fault.arguments.get("text", "simulated failure"))
        return None


def parse_fault(text: str) -> tuple[str, dict[str, object]]:
    """Return name and arguments of a command line's ``NAME[=ARG]``.

    ``node_down=pve2`` gives ``("node_down", {"node": "pve2"})``; others take ``key:value,key:value``.
    """
    name, _separator, rest = text.partition("=")
    if not rest:
        return name, {}
    if ":" not in rest:
        return name, {
            {"node_down": "node", "config_readonly": "vmid", "slow": "seconds", "connection_drop": "when", "status_code": "status"}.get(name, "value"): rest
        }
    return name, dict(part.partition(":")[::2] for part in rest.split(","))
