# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``ProxmoxAPIClient``: a cluster over its API, in the words of the domain.

Three lines to use it::

    from pve_lxc.backend.api import get_proxmox_client
    client = get_proxmox_client(host="pve.example.com", user="automation@pve", token_id="ansible", token_secret="...")
    print(client.get_container_ids())

The methods that begin with ``get_`` and those named ``*_container`` carry the names of the migration guide this project
began with; where its endpoints were wrong, the right ones are used: a configuration is changed by PUT, and figures come
from ``rrddata``, not ``rrd``, which draws a picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..clock import Clock, SystemClock
from ..model.allocation import LiveLimits
from ..model.guest import GuestConfig
from ..model.node import Cluster
from ..model.plan import ConfigWrite
from ..model.task import TaskResult
from ..transport.http import HttpTransport
from ..transport.settings import ConnectionSettings
from .api_lifecycle import LifecycleCalls, guest_path
from .pve_json import parse_cluster, parse_config, parse_pending, parse_quorum, parse_rrd_rows

if TYPE_CHECKING:
    from ..model.usage import RrdRow

TASK_TIMEOUT_SECONDS = 300.0


def get_proxmox_client(settings: ConnectionSettings | None = None, *, host: str = "", **options: Any) -> ProxmoxAPIClient:
    """Return a client; nothing is sent before its first use.

    Args:
        settings: the connection, or
        host: name or address of a node, and
        **options: the other fields of ConnectionSettings.

    Raises:
        RequestError: host or credentials are incomplete.
        DependencyError: proxmoxer or requests is missing.
    """
    return ProxmoxAPIClient.connect(settings or ConnectionSettings(host=host, **options))


class ProxmoxAPIClient(LifecycleCalls):
    """An LxcBackend over the API; safe for threads. Every method raises a ProxmoxAPIError of errors.py."""

    def __init__(self, transport: HttpTransport, clock: Clock | None = None) -> None:
        """Use this transport."""
        self._transport = transport
        self._clock = clock or SystemClock()

    @classmethod
    def connect(cls, settings: ConnectionSettings, clock: Clock | None = None) -> ProxmoxAPIClient:
        """Return a client for these settings; nothing is sent before its first use."""
        return cls(HttpTransport(settings, clock=clock), clock)

    @property
    def transport(self) -> str:
        """Return ``api``."""
        return self._transport.name

    @property
    def request_count(self) -> int:
        """Return how many requests were sent, retries and logins included; approximate with several threads."""
        return self._transport.request_count

    def close(self) -> None:
        """Close every connection."""
        self._transport.close()

    # The port LxcBackend.

    def read_cluster(self) -> Cluster:
        """Return containers and nodes in one request: ``/cluster/resources`` without a type, so that the nodes' cgroup mode comes along."""
        return parse_cluster(self._get("/cluster/resources"))

    def read_config(self, node: str, vmid: int) -> GuestConfig:
        """Return the live configuration: without ``current=1`` Proxmox merges in what only waits for a restart."""
        return parse_config(node, vmid, self._get(f"{guest_path(node, vmid)}/config", current=1))

    def read_pending(self, node: str, vmid: int) -> GuestConfig:
        """Return live values, digest and what waits for a restart, in one request."""
        return parse_pending(node, vmid, self._get(f"{guest_path(node, vmid)}/pending"))

    def write_config(self, node: str, vmid: int, write: ConfigWrite, digest: str) -> None:
        """Change the configuration if its digest still is ``digest``; an empty digest writes unguarded."""
        parameters = {**write.values, "delete": ",".join(write.delete) or None, "digest": digest or None}
        self._transport.request("PUT", f"{guest_path(node, vmid)}/config", parameters)

    def read_live_guests(self, node: str) -> Mapping[int, Mapping[str, Any]]:
        """Return ``/nodes/NODE/lxc`` by vmid; its ``cpu`` is per worker of pvedaemon and of no use."""
        return {int(row["vmid"]): row for row in self._get(f"/nodes/{node}/lxc")}

    def read_history(self, node: str, vmid: int, timeframe: str, consolidation: str) -> list[RrdRow]:
        """Return RRD rows, oldest first."""
        return parse_rrd_rows(self.get_container_rrddata(node, vmid, timeframe, consolidation))

    def read_snapshots(self, node: str, vmid: int) -> list[dict[str, Any]]:
        """Return the snapshots without the entry ``current``, which is none."""
        return [row for row in self._get(f"{guest_path(node, vmid)}/snapshot") if row.get("name") != "current"]

    def read_interfaces(self, node: str, vmid: int) -> list[dict[str, Any]]:
        """Return a running container's network interfaces."""
        return list(self._get(f"{guest_path(node, vmid)}/interfaces") or [])

    def is_quorate(self) -> bool:
        """Return whether the cluster may be written to."""
        return parse_quorum(self._get("/cluster/status"))

    def read_ballooning_target_share(self, node: str) -> float | None:
        """Return where ballooning begins; one request, and one more where a virtual machine balloons."""
        from .ballooning import read_target_share

        return read_target_share(node, self._get)

    def read_working_set_mib(self, node: str, vmid: int) -> float | None:
        """Return None: the API's ``mem`` leaves out shared memory and tmpfs, and nothing else of it tells them."""
        return None

    def read_live_limits(self, node: str, vmid: int) -> LiveLimits | None:
        """Return None: what the API shows as limits it takes from the configuration."""
        return None

    def read_permissions(self, path: str) -> Mapping[str, bool] | None:
        """Return the own privileges on a path; a token without any is answered with an empty list. Never None: root is told all of them."""
        answer = self._transport.request("GET", "/access/permissions", {"path": path})
        granted = answer.get(path) if isinstance(answer, Mapping) else None
        return {str(name): bool(int(propagates)) for name, propagates in granted.items()} if isinstance(granted, Mapping) else {}

    def read_roles(self) -> Mapping[str, frozenset[str]]:
        """Return every role with its privileges; anybody logged in may ask."""
        return {str(row["roleid"]): frozenset(filter(None, str(row.get("privs") or "").split(","))) for row in self._get("/access/roles")}

    # The names of the migration guide.

    def get_containers(self, node: str | None = None) -> list[dict[str, Any]]:
        """Return Proxmox's rows of all containers, of one node if named, by ascending vmid; one request either way."""
        rows = self._get("/cluster/resources", type="vm")
        return sorted((row for row in rows if row.get("type") == "lxc" and node in (None, row.get("node"))), key=lambda row: int(row["vmid"]))

    def get_container_ids(self, node: str | None = None) -> list[int]:
        """Return the vmids of all containers, of one node if named, ascending."""
        return [int(row["vmid"]) for row in self.get_containers(node)]

    def get_container_status(self, node: str, vmid: int) -> dict[str, Any]:
        """Return ``status/current``; its ``cpu`` is per worker of pvedaemon, better figures are in ``get_container_rrddata``."""
        return dict(self._get(f"{guest_path(node, vmid)}/status/current"))

    def get_container_config(self, node: str, vmid: int) -> dict[str, Any]:
        """Return the live configuration with its digest."""
        return dict(self._get(f"{guest_path(node, vmid)}/config", current=1))

    def update_container_config(self, node: str, vmid: int, digest: str = "", **values: Any) -> None:
        """Change configuration keys, guarded by ``digest`` when one is given."""
        self.write_config(node, vmid, ConfigWrite(values), digest)

    def get_container_rrddata(self, node: str, vmid: int, timeframe: str = "hour", cf: str = "AVERAGE") -> list[dict[str, Any]]:
        """Return Proxmox's RRD rows; ``timeframe`` is hour, day, week, month or year, ``cf`` AVERAGE or MAX."""
        return list(self._get(f"{guest_path(node, vmid)}/rrddata", timeframe=timeframe, cf=cf))

    def clone_container(self, node: str, vmid: int, newid: int, **parameters: Any) -> str:
        """Start cloning and return the task's UPID; parameters are Proxmox's (``hostname``, ``full``, ``snapname``, ...)."""
        return str(self._transport.request("POST", f"{guest_path(node, vmid)}/clone", {"newid": newid, **parameters}))

    def start_container(self, node: str, vmid: int) -> str:
        """Ask for a start and return the task's UPID; the task may still fail."""
        return str(self._transport.request("POST", f"{guest_path(node, vmid)}/status/start"))

    def stop_container(self, node: str, vmid: int) -> str:
        """Ask for a hard stop and return the task's UPID; the task may still fail."""
        return str(self._transport.request("POST", f"{guest_path(node, vmid)}/status/stop"))

    def get_node_status(self, node: str) -> dict[str, Any]:
        """Return a node's load, memory and versions; needs Sys.Audit."""
        return dict(self._get(f"/nodes/{node}/status"))

    def wait_for_task(self, upid: str, timeout_seconds: float = TASK_TIMEOUT_SECONDS) -> TaskResult:
        """Wait until a task has ended; a bad end is a ProxmoxTaskError with the last lines of its log."""
        # Imported here, because reading never needs it and each import delays a module's start.
        from .tasks import wait_for_task

        return wait_for_task(self._transport.request, upid, clock=self._clock, timeout_seconds=timeout_seconds)

    def _get(self, path: str, **parameters: Any) -> Any:
        return self._transport.request("GET", path, parameters)
