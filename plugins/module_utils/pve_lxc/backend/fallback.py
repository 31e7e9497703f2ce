# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``FallbackBackend``: over the API, and by ``pct`` on a node once the API gives no answer.

Only a failure of the connection switches, and the API is not tried again afterwards. A refusal (400, 401, 403), a wrong certificate and
an unreachable node *behind* the API (595-599) never do: there another way would only hide what is wrong.

A write that certainly was not sent is sent the other way. One that may have arrived is not: its error is passed on, so that the caller
reads first, which then goes the other way. A task that was started and of which nothing more is heard is asked for by its id.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ..errors import ProxmoxAPIError, ProxmoxConnectionError
from ..model.allocation import LiveLimits
from ..model.guest import GuestConfig
from ..model.node import Cluster
from ..model.plan import ConfigWrite
from ..model.task import TaskResult
from ..model.usage import RrdRow
from ..ports import LxcLifecycle
from .pct import PctBackend

_TASK_PATH = re.compile(r"^/nodes/[^/]+/tasks/(?P<upid>UPID:[^/]+)/")
_LOGIN_PATH = "/access/ticket"

Answer = TypeVar("Answer")


class FallbackBackend:
    """An LxcLifecycle over two ways; safe for threads. Every method raises a ProxmoxAPIError of errors.py."""

    def __init__(self, api: LxcLifecycle, pct: PctBackend, warn: Callable[[str], None]) -> None:
        """Use the first way until it fails, then the second; nothing is sent yet.

        Args:
            api: the API.
            pct: commands on a node.
            warn: is told once, when the second way was taken and works.
        """
        self._api = api
        self._pct = pct
        self._warn = warn
        self._failure: ProxmoxConnectionError | None = None
        self._has_warned = False
        self._is_node_silent = False
        self._lock = threading.Lock()
        self._local = threading.local()

    @property
    def transport(self) -> str:
        """Return the way that this thread's last call took; before its first call, the way that it would take."""
        usual = self._api.transport if self._failure is None else self._pct.transport
        return str(getattr(self._local, "transport", usual))

    def close(self) -> None:
        """Close every connection."""
        self._api.close()
        self._pct.close()

    def read_cluster(self) -> Cluster:
        """Return containers and nodes of the whole cluster."""
        return self._read(lambda backend: backend.read_cluster())

    def read_config(self, node: str, vmid: int) -> GuestConfig:
        """Return one container's live configuration."""
        return self._read(lambda backend: backend.read_config(node, vmid))

    def read_pending(self, node: str, vmid: int) -> GuestConfig:
        """Return one container's live configuration and what waits for a restart."""
        return self._read(lambda backend: backend.read_pending(node, vmid))

    def write_config(self, node: str, vmid: int, write: ConfigWrite, digest: str) -> None:
        """Change one container's configuration."""
        self._write(lambda backend: backend.write_config(node, vmid, write, digest))

    def read_live_guests(self, node: str) -> Mapping[int, Mapping[str, Any]]:
        """Return Proxmox's live rows of one node by vmid."""
        return self._read(lambda backend: backend.read_live_guests(node))

    def read_history(self, node: str, vmid: int, timeframe: str, consolidation: str) -> list[RrdRow]:
        """Return one container's RRD rows."""
        return self._read(lambda backend: backend.read_history(node, vmid, timeframe, consolidation))

    def read_snapshots(self, node: str, vmid: int) -> list[dict[str, Any]]:
        """Return one container's snapshots."""
        return self._read(lambda backend: backend.read_snapshots(node, vmid))

    def read_interfaces(self, node: str, vmid: int) -> list[dict[str, Any]]:
        """Return one running container's network interfaces."""
        return self._read(lambda backend: backend.read_interfaces(node, vmid))

    def is_quorate(self) -> bool:
        """Return whether the cluster may be written to."""
        return self._read(lambda backend: backend.is_quorate())

    def read_ballooning_target_share(self, node: str) -> float | None:
        """Return where ballooning begins."""
        return self._read(lambda backend: backend.read_ballooning_target_share(node))

    def read_working_set_mib(self, node: str, vmid: int) -> float | None:
        """Return what a container needs to run, from the node's files; the API cannot tell, so this is asked of the node even while the API works."""
        return self._ask_node(lambda: self._pct.read_working_set_mib(node, vmid))

    def read_live_limits(self, node: str, vmid: int) -> LiveLimits | None:
        """Return what the kernel enforces, from the node's files; asked of the node even while the API works, as for the working set."""
        return self._ask_node(lambda: self._pct.read_live_limits(node, vmid))

    def read_permissions(self, path: str) -> Mapping[str, bool] | None:
        """Return the own privileges on a path; None for root, who runs the second way's commands."""
        return self._read(lambda backend: backend.read_permissions(path))

    def read_roles(self) -> Mapping[str, frozenset[str]]:
        """Return every role with its privileges."""
        return self._read(lambda backend: backend.read_roles())

    def read_version(self) -> tuple[int, ...]:
        """Return the version of the node that answers."""
        return self._read(lambda backend: backend.read_version())

    def read_next_id(self) -> int:
        """Return the lowest free vmid."""
        return self._read(lambda backend: backend.read_next_id())

    def read_status(self, node: str, vmid: int) -> str:
        """Return what the node itself says."""
        return self._read(lambda backend: backend.read_status(node, vmid))

    def has_feature(self, node: str, vmid: int, feature: str, snapshot: str = "") -> bool:
        """Return whether the container's storage can do it."""
        return self._read(lambda backend: backend.has_feature(node, vmid, feature, snapshot))

    def resize_disk(self, node: str, vmid: int, disk: str, size: str, timeout_seconds: float) -> TaskResult:
        """Grow a disk."""
        return self._run(lambda backend: backend.resize_disk(node, vmid, disk, size, timeout_seconds), timeout_seconds)

    def create_snapshot(self, node: str, vmid: int, name: str, description: str, timeout_seconds: float) -> TaskResult:
        """Make a snapshot."""
        return self._run(lambda backend: backend.create_snapshot(node, vmid, name, description, timeout_seconds), timeout_seconds)

    def delete_snapshot(self, node: str, vmid: int, name: str, timeout_seconds: float) -> TaskResult:
        """Delete a snapshot."""
        return self._run(lambda backend: backend.delete_snapshot(node, vmid, name, timeout_seconds), timeout_seconds)

    def clone_guest(self, node: str, vmid: int, new_vmid: int, parameters: Mapping[str, Any], timeout_seconds: float) -> TaskResult:
        """Clone a container."""
        return self._run(lambda backend: backend.clone_guest(node, vmid, new_vmid, parameters, timeout_seconds), timeout_seconds)

    def delete_guest(self, node: str, vmid: int, parameters: Mapping[str, Any], timeout_seconds: float) -> TaskResult:
        """Destroy a container."""
        return self._run(lambda backend: backend.delete_guest(node, vmid, parameters, timeout_seconds), timeout_seconds)

    def change_power(self, node: str, vmid: int, verb: str, parameters: Mapping[str, Any], timeout_seconds: float) -> TaskResult:
        """Start, stop, shut down, reboot, suspend or resume one container."""
        return self._run(lambda backend: backend.change_power(node, vmid, verb, parameters, timeout_seconds), timeout_seconds)

    def change_power_of_many(self, verb: str, vmids: Sequence[int], parameters: Mapping[str, Any], timeout_seconds: float) -> TaskResult:
        """Start, shut down or suspend these containers in one call.

        Raises:
            ValueError: ``vmids`` is empty.
        """
        return self._run(lambda backend: backend.change_power_of_many(verb, vmids, parameters, timeout_seconds), timeout_seconds)

    def _ask_node(self, ask: Callable[[], Answer | None]) -> Answer | None:
        """Return what the node's files say, None when it cannot be asked; after one vain connection it is not tried again for this."""
        if self._is_node_silent:
            return None
        try:
            return ask()
        except ProxmoxAPIError as error:
            self._is_node_silent = isinstance(error, ProxmoxConnectionError) and not error.is_sent
            return None

    def _read(self, ask: Callable[[LxcLifecycle], Answer]) -> Answer:
        if self._failure is None:
            try:
                return self._over_api(ask)
            except ProxmoxConnectionError as error:
                self._switch(error)
        return self._over_pct(ask)

    def _write(self, act: Callable[[LxcLifecycle], Answer]) -> Answer:
        if self._failure is None:
            try:
                return self._over_api(act)
            except ProxmoxConnectionError as error:
                self._switch(error)
                # A refused connection of a later request (a look at the task, a new login) says nothing about the write before it.
                if error.is_sent or error.method == "GET" or error.path == _LOGIN_PATH:
                    raise
        return self._over_pct(act)

    def _run(self, act: Callable[[LxcLifecycle], TaskResult], timeout_seconds: float) -> TaskResult:
        try:
            return self._write(act)
        except ProxmoxConnectionError as error:
            task = _TASK_PATH.match(error.path)
            if task is None:
                raise
        return self._over_pct(lambda dummy: self._pct.wait_for_task(task["upid"], timeout_seconds))

    def _over_api(self, ask: Callable[[LxcLifecycle], Answer]) -> Answer:
        self._local.transport = self._api.transport
        return ask(self._api)

    def _over_pct(self, ask: Callable[[LxcLifecycle], Answer]) -> Answer:
        self._local.transport = self._pct.transport
        try:
            answer = ask(self._pct)
        except ProxmoxConnectionError as error:
            if error.is_sent:
                raise
            text = f"the API cannot be reached ({self._failure}), and neither can the node: {error}"
            raise ProxmoxConnectionError(text, is_sent=False, method=error.method, path=error.path) from error
        self._warn_once()
        return answer

    def _switch(self, error: ProxmoxConnectionError) -> None:
        with self._lock:
            self._failure = self._failure or error

    def _warn_once(self) -> None:
        with self._lock:
            if self._has_warned:
                return
            self._has_warned = True
        self._warn(f"the API cannot be reached ({self._failure}): from here on pct is used on the node ({self._pct.transport})")
