# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of the API that make, destroy, start and stop: the part of ProxmoxAPIClient that the port LxcLifecycle describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..clock import Clock
from ..model.task import TaskResult
from ..transport.http import HttpTransport


def guest_path(node: str, vmid: int) -> str:
    """Return ``/nodes/pve1/lxc/101``."""
    return f"/nodes/{node}/lxc/{int(vmid)}"


class LifecycleCalls:
    """Calls that start a task and wait for its end. Every method raises a ProxmoxAPIError of errors.py."""

    _transport: HttpTransport
    _clock: Clock

    def read_version(self) -> tuple[int, ...]:
        """Return the version of the node that answers."""
        text = str(self._transport.request("GET", "/version")["version"])
        return tuple(int(part) for part in text.split("-", 1)[0].split("."))

    def read_next_id(self) -> int:
        """Return the lowest free vmid; Proxmox answers a string and reserves nothing."""
        return int(self._transport.request("GET", "/cluster/nextid"))

    def read_status(self, node: str, vmid: int) -> str:
        """Return what the node itself says."""
        return str(self._transport.request("GET", f"{guest_path(node, vmid)}/status/current")["status"])

    def has_feature(self, node: str, vmid: int, feature: str, snapshot: str = "") -> bool:
        """Return whether the container's storage can do it."""
        data = self._transport.request("GET", f"{guest_path(node, vmid)}/feature", {"feature": feature, "snapname": snapshot or None})
        return bool(int(data.get("hasFeature") or 0))

    def resize_disk(self, node: str, vmid: int, disk: str, size: str, timeout_seconds: float) -> TaskResult:
        """Grow a disk through the resize call; its size in the configuration is never written by hand."""
        return self._run("PUT", f"{guest_path(node, vmid)}/resize", {"disk": disk, "size": size}, timeout_seconds)

    def create_snapshot(self, node: str, vmid: int, name: str, description: str, timeout_seconds: float) -> TaskResult:
        """Make a snapshot."""
        return self._run("POST", f"{guest_path(node, vmid)}/snapshot", {"snapname": name, "description": description or None}, timeout_seconds)

    def delete_snapshot(self, node: str, vmid: int, name: str, timeout_seconds: float) -> TaskResult:
        """Delete a snapshot."""
        return self._run("DELETE", f"{guest_path(node, vmid)}/snapshot/{name}", {}, timeout_seconds)

    def clone_guest(self, node: str, vmid: int, new_vmid: int, parameters: Mapping[str, Any], timeout_seconds: float) -> TaskResult:
        """Clone a container."""
        return self._run("POST", f"{guest_path(node, vmid)}/clone", {"newid": new_vmid, **parameters}, timeout_seconds)

    def delete_guest(self, node: str, vmid: int, parameters: Mapping[str, Any], timeout_seconds: float) -> TaskResult:
        """Destroy a container."""
        return self._run("DELETE", guest_path(node, vmid), parameters, timeout_seconds)

    def change_power(self, node: str, vmid: int, verb: str, parameters: Mapping[str, Any], timeout_seconds: float) -> TaskResult:
        """Start, stop, shut down, reboot, suspend or resume one container."""
        return self._run("POST", f"{guest_path(node, vmid)}/status/{verb}", parameters, timeout_seconds)

    def change_power_of_many(self, verb: str, vmids: Sequence[int], parameters: Mapping[str, Any], timeout_seconds: float) -> TaskResult:
        """Start, shut down or suspend these containers in one call; since pve-manager 9.0.16.

        Raises:
            ValueError: ``vmids`` is empty: without the list Proxmox acts on every guest, virtual machines included.
        """
        if not vmids:
            raise ValueError("an empty list of containers is never sent: Proxmox would act on every guest")
        return self._run("POST", f"/cluster/bulk-action/guest/{verb}", {"vms": list(vmids), **parameters}, timeout_seconds)

    def _run(self, method: str, path: str, parameters: Mapping[str, Any], timeout_seconds: float) -> TaskResult:
        # Imported here, because reading never needs it and each import delays a module's start.
        from .tasks import wait_for_task

        upid = self._transport.request(method, path, parameters)
        return wait_for_task(self._transport.request, str(upid), clock=self._clock, timeout_seconds=timeout_seconds)
