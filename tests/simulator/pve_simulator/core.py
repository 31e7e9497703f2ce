# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything one running simulator has, and the way of one API call through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .answer import died, not_implemented, parameter_error, refused_by_proxy
from .cgroup_files import CgroupFiles
from .faults import Faults
from .parameters import verify
from .router import Call, Reply, find_route
from .simulation import Simulation
from .tasks import TaskRegistry
from .tickets import TicketOffice
from .world import World

UNREACHABLE_TEXT = "No route to host"
UNREACHABLE_SECONDS = 3.0
LOCK_TIMEOUT_SECONDS = 10.0
NO_QUORUM_TEXT = "cluster not ready - no quorum?"
CONFLICT_TEXT = "duplicate parameter (already defined in URI) with conflicting values!"


@dataclass(frozen=True)
class Settings:
    """How the simulator behaves, all in real seconds.

    Attributes:
        auth_delay_seconds: how long a 401 is held back; Proxmox VE takes 3 s.
        task_seconds: how long an ordinary task runs.
        wait_scale: factor on the waits that Proxmox VE prescribes: 10 s for a held lock, 3 s for an unreachable node, the
            time-out of a shutdown.
        cgroup_root: where the nodes' cgroup files are kept, None for nowhere.
    """

    auth_delay_seconds: float = 3.0
    task_seconds: float = 0.5
    wait_scale: float = 1.0
    cgroup_root: Path | None = None


def _without_repeated(given: Mapping[str, object], path_values: Mapping[str, str]) -> dict[str, object]:
    """Return the parameters without those that the path gives already; some clients send ``node`` and ``vmid`` in the form too.

    Raises:
        ApiError: the form says something else than the path.

    Source: pve-manager, PVE/HTTPServer.pm, rest_handler; not recorded.
    """
    conflicts = {name: CONFLICT_TEXT for name, value in path_values.items() if name in given and str(given[name]) != value}
    if conflicts:
        raise parameter_error(conflicts)
    return {name: value for name, value in given.items() if name not in path_values}


class Core:
    """One simulator: world, clock, tickets, tasks, faults and files."""

    def __init__(self, world: World, settings: Settings, trace_origin: float) -> None:
        """Wire the parts together."""
        self.world = world
        self.settings = settings
        self.simulation = Simulation(world, trace_origin)
        self.tickets = TicketOffice(world.identities)
        self.tasks = TaskRegistry(settings.task_seconds, world.take_pid)
        self.faults = Faults(world)
        self.files = CgroupFiles(settings.cgroup_root, world) if settings.cgroup_root is not None else None

    def advance(self, seconds: float) -> float:
        """Move the simulated time and bring the files up to date; returns the new time."""
        now = self.simulation.advance(seconds)
        if self.files is not None:
            self.files.write_all()
        return now

    @property
    def lock_timeout_seconds(self) -> float:
        """Return how long a change waits, in real seconds, for the configuration's lock."""
        return LOCK_TIMEOUT_SECONDS * self.settings.wait_scale

    def guest_changed(self, vmid: int) -> None:
        """Bring the files of one guest up to date after a change of its live limits or its state."""
        if self.files is not None:
            self.files.write_guest_by_id(vmid)

    def who_has_token(self, text: str) -> str | None:
        """Return the full id of a valid ``user@realm!id=secret``, None for anything else."""
        token_id, separator, secret = text.partition("=")
        token = self.world.identities.tokens.get(token_id)
        user = self.world.identities.users.get(token_id.partition("!")[0])
        if not separator or token is None or user is None or not user.enabled or token.secret != secret:
            return None
        is_expired = 0 < token.expire < self.world.now
        return None if is_expired else token_id

    def answer(self, method: str, path: str, who: str | None, given: Mapping[str, object], arrived_at: str | None = None) -> Reply:
        """Return the answer to a call of somebody known; ``arrived_at`` is the node it came in at, None for the first.

        The order is Proxmox VE's, as recorded: unknown path, privileges of the path, unreachable node, parameters, then the
        call itself.

        Raises:
            ApiError: whatever is refused.
        """
        found = find_route(method, path)
        if found is None:
            raise not_implemented(method, path)
        entry, path_values = found
        given = _without_repeated(given, path_values)
        call = Call(self, method, path, who, path_values, arrived_at=arrived_at)
        entry.check_privileges(call)
        self._require_node(call)
        checked = {name: path_values[name] for name in entry.path_parameters()}
        call.values = verify({**given, **checked}, {**entry.parameters, **entry.path_parameters()})
        for name in checked:
            call.values.pop(name)
        if entry.is_write and not self.world.quorate:
            raise died(NO_QUORUM_TEXT)
        answer = entry.answer(call)
        return answer if isinstance(answer, Reply) else Reply(answer)

    def _require_node(self, call: Call) -> None:
        """Raise what the proxy says when a node's name is unknown or the node cannot be reached."""
        if "node" not in call.path_values:
            return
        node = self.world.nodes.get(call.node)
        if node is None:
            name = call.path_values["node"]
            raise died(f"hostname lookup '{name}' failed - failed to get address info for: {name}: Temporary failure in name resolution")
        if not node.is_reachable:
            raise refused_by_proxy(595, UNREACHABLE_TEXT, hold_seconds=UNREACHABLE_SECONDS * self.settings.wait_scale)
