# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of calls: verb, path, privileges, parameters and the function that answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .answer import forbidden, missing_guest
from .guest import Guest
from .parameters import VMID, Parameter

if TYPE_CHECKING:
    from .core import Core


@dataclass
class Reply:
    """An answer with keys beside ``data``, such as ``total``."""

    data: object
    extra: dict[str, object] = field(default_factory=dict)


@dataclass
class Call:
    """One request on its way through.

    Attributes:
        who: user or full token id, None before a login.
        path_values: the parts in braces of the route's path.
        values: verified parameters as texts.
        arrived_at: the node that the request came in at, None for the first.
    """

    core: Core
    method: str
    path: str
    who: str | None = None
    path_values: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    arrived_at: str | None = None

    @property
    def local_node(self) -> str:
        """Return the node that answers."""
        return self.arrived_at or self.core.world.local_node

    @property
    def node(self) -> str:
        """Return the node of the path, ``localhost`` resolved."""
        name = self.path_values["node"]
        return self.local_node if name == "localhost" else name

    @property
    def vmid(self) -> int:
        """Return the guest id of the path."""
        return int(self.path_values["vmid"])

    def guest(self) -> Guest:
        """Return the container of the path.

        Raises:
            ApiError: 500 when this node has no such container.
        """
        guest = self.core.world.guests.get(self.vmid)
        if guest is None or guest.node != self.node or guest.type != "lxc":
            raise missing_guest(self.node, self.vmid)
        return guest

    def privileges(self, path: str) -> dict[str, int]:
        """Return what the caller may do on a path."""
        parts = path.split("/")
        pool = self.core.world.pool_of(int(parts[2])) if len(parts) == 3 and parts[1] == "vms" and parts[2].isdigit() else None
        return self.core.world.identities.privileges(self.who or "", path, pool)

    def has(self, path: str, *alternatives: str) -> bool:
        """Return whether the caller has one of several privileges on a path."""
        held = self.privileges(path)
        return any(privilege in held for privilege in alternatives)

    def require(self, path: str, *alternatives: str) -> None:
        """Raise a 403 that names the path and the alternatives when the caller has none of them."""
        if not self.has(path, *alternatives):
            raise forbidden(f"{path}, {'|'.join(alternatives)}")


@dataclass(frozen=True)
class Route:
    """One call of the API.

    Attributes:
        privileges: path pattern and the privileges of which one is enough; None when anybody logged in may ask.
        is_write: whether it needs quorum.
        is_open: whether it needs no login.
    """

    method: str
    template: str
    pattern: re.Pattern[str]
    answer: Callable[[Call], object]
    parameters: Mapping[str, Parameter]
    privileges: tuple[str, tuple[str, ...]] | None
    is_write: bool
    is_open: bool

    def check_privileges(self, call: Call) -> None:
        """Raise a 403 when the caller may not use this call on this object."""
        if self.privileges is None:
            return
        template, alternatives = self.privileges
        call.require(template.format(**(call.path_values | ({"node": call.node} if "node" in call.path_values else {}))), *alternatives)

    def path_parameters(self) -> dict[str, Parameter]:
        """Return the checks of the parts in braces."""
        return {"vmid": VMID} if "{vmid}" in self.template else {}


ROUTES: list[Route] = []
_BY_METHOD: dict[str, list[Route]] = {}


def route(
    method: str,
    template: str,
    *,
    parameters: Mapping[str, Parameter] | None = None,
    privileges: tuple[str, tuple[str, ...]] | None = None,
    is_open: bool = False,
) -> Callable[[Callable[[Call], object]], Callable[[Call], object]]:
    """Register a function as the answer to a call."""

    def register(answer: Callable[[Call], object]) -> Callable[[Call], object]:
        pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template))
        is_write = method != "GET" and not is_open
        entry = Route(method, template, pattern, answer, parameters or {}, privileges, is_write, is_open)
        ROUTES.append(entry)
        _BY_METHOD.setdefault(method, []).append(entry)
        return answer

    return register


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route of a path and the values of its parts in braces."""
    for entry in _BY_METHOD.get(method, ()):
        if match := entry.pattern.fullmatch(path):
            return entry, match.groupdict()
    return None
