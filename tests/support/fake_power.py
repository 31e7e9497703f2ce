# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A back end in memory whose containers can be started and stopped, as strictly as Proxmox does it, and a clock that nobody waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pve_lxc.errors import ProxmoxAPIError, ProxmoxNotFoundError, ProxmoxTaskError
from pve_lxc.model.guest import Guest
from pve_lxc.model.task import TaskResult

from .fake_backend import FakeBackend

UPID = "UPID:pve1:00000C67:0003B134:6B036FCF:{type}:{vmid}:admin@pve!adm:"


class FakeClock:
    """A clock that moves only when somebody sleeps; ``after_sleep`` is called then."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.after_sleep: Any = None

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        if self.after_sleep is not None:
            self.after_sleep(self.seconds)


class FakePowerBackend(FakeBackend):
    """``live_status`` is what the nodes say; ``power`` lists the calls that change it: ``(verb, vmid or vmids, parameters, timeout)``.

    ``deaf`` containers shut down by force only, ``unwilling`` ones fail to start with a text, ``by_ha`` ones change nothing until somebody does.
    """

    def __init__(self) -> None:
        super().__init__()
        self.version: tuple[int, ...] = (9, 2, 11)
        self.power: list[tuple[str, Any, dict[str, Any], float]] = []
        self.deaf: set[int] = set()
        self.unwilling: dict[int, str] = {}
        self.by_ha: set[int] = set()
        self.status_reads: list[tuple[str, int]] = []

    def add(self, vmid: int, name: str = "", *, is_template: bool = False, lock: str = "", pool: str = "", hastate: str = "", **more: Any) -> Guest:
        guest = replace(super().add(vmid, name, **more), is_template=is_template, lock=lock, pool=pool, hastate=hastate)
        self.guests[vmid] = guest
        return guest

    def verbs(self) -> list[tuple[str, Any]]:
        return [(verb, whom) for verb, whom, dummy, dummy2 in self.power]

    def read_version(self) -> tuple[int, ...]:
        self._count("read_version", None)
        return self.version

    def read_status(self, node: str, vmid: int) -> str:
        self._count("read_status", vmid)
        self.status_reads.append((node, vmid))
        if self.guests[vmid].node != node:
            raise ProxmoxNotFoundError(f"Configuration file 'nodes/{node}/lxc/{vmid}.conf' does not exist", status=500)
        return self._status(vmid)

    def change_power(self, node: str, vmid: int, verb: str, parameters: Mapping[str, Any], timeout_seconds: float) -> TaskResult:
        after = self._count("change_power", vmid)
        self.power.append((verb, vmid, dict(parameters), timeout_seconds))
        is_running = self._status(vmid) == "running"
        if verb == "start" and is_running:
            raise ProxmoxAPIError(f"500 CT {vmid} already running", status=500)
        if verb != "start" and not is_running:
            raise ProxmoxAPIError(f"500 CT {vmid} not running", status=500)
        self._change(vmid, verb, is_forced=bool(parameters.get("forceStop")))
        if after is not None:
            raise after
        return TaskResult(UPID.format(type=f"vz{verb}", vmid=vmid), "OK")

    def change_power_of_many(self, verb: str, vmids: Sequence[int], parameters: Mapping[str, Any], timeout_seconds: float) -> TaskResult:
        after = self._count("change_power_of_many", None)
        self.power.append((verb, tuple(vmids), dict(parameters), timeout_seconds))
        for vmid in vmids:
            try:
                if (verb == "start") != (self._status(vmid) == "running"):
                    self._change(vmid, verb, is_forced=bool(parameters.get("force-stop", 1)))
            except ProxmoxTaskError:
                continue
        if after is not None:
            raise after
        return TaskResult(UPID.format(type=f"bulk{verb}", vmid=""), "OK")

    def _status(self, vmid: int) -> str:
        return self.live_status.get(vmid, self.guests[vmid].status)

    def _change(self, vmid: int, verb: str, *, is_forced: bool) -> None:
        if vmid in self.by_ha:
            return
        if verb == "start" and vmid in self.unwilling:
            raise task_error("vzstart", vmid, self.unwilling[vmid])
        if verb == "shutdown" and vmid in self.deaf and not is_forced:
            raise task_error("vzshutdown", vmid, "container did not stop", f"command 'lxc-stop -n {vmid} --nokill --timeout 3' failed: exit code 1")
        self.live_status[vmid] = "running" if verb == "start" else "stopped"


def task_error(task_type: str, vmid: int, exit_status: str, *log: str) -> ProxmoxTaskError:
    """Return what a task that ended badly raises."""
    upid = UPID.format(type=task_type, vmid=vmid)
    return ProxmoxTaskError(f"task {upid} failed: {exit_status}", upid=upid, exit_status=exit_status, log_tail=(*log, f"TASK ERROR: {exit_status}"))
