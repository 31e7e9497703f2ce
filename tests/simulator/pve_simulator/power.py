# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting and stopping containers.

Recorded on PVE 9.2.11, fixtures pve9/power.json and misc.json. A start of a missing, locked or template container is accepted
and fails in its task; a call for a state that is already there is refused at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .answer import TaskFailure, died, missing_guest, parameter_error
from .guest import Guest
from .hotplug import start_guest, stop_guest
from .parameters import COUNT, FLAG
from .router import Call, route
from .tasks import Task

if TYPE_CHECKING:
    from .core import Core

POWER_PRIVILEGES = ("/vms/{vmid}", ("VM.PowerMgmt",))
DEFAULT_SHUTDOWN_SECONDS = 60.0
# A shutdown with timeout=3 took nine to eleven seconds until its task failed (recorded).
DEAF_EXTRA_SECONDS = 6.0
STATUS = "/nodes/{node}/lxc/{vmid}/status"
NO_CRIU_LOG = (
    "lxc-checkpoint: {vmid}: ../src/lxc/criu.c: criu_version_ok: 767 No such file or directory - execing criu failed, is it installed?",
    "lxc-checkpoint: {vmid}: ../src/lxc/tools/lxc_checkpoint.c: checkpoint: 182 Checkpointing {vmid} failed",
)


def find_guest(core: Core, node: str, vmid: int) -> Guest:
    """Return a container inside a task.

    Raises:
        TaskFailure: it is gone, or is not on this node.
    """
    guest = core.world.guests.get(vmid)
    if guest is None or guest.node != node or guest.type != "lxc":
        raise TaskFailure(missing_guest(node, vmid).reason)
    return guest


def start_work(core: Core, node: str, vmid: int) -> Callable[[Task], None]:
    """Return the work of a start."""

    def work(task: Task) -> None:
        _fail_if_told(core, task)
        guest = core.world.guests.get(vmid) if core.world.guests.get(vmid, Guest(vmid, node)).type == "qemu" else find_guest(core, node, vmid)
        if guest is None:
            raise TaskFailure(missing_guest(node, vmid).reason)
        if guest.is_config_lock_held:
            raise TaskFailure(f"can't lock file '/run/lock/lxc/pve-config-{vmid}.lock' - got timeout")
        if guest.lock is not None:
            raise TaskFailure(f"CT is locked ({guest.lock})")
        if guest.is_template:
            raise TaskFailure("you can't start a CT if it's a template")
        if not guest.is_running:
            start_guest(guest, core.world)
            core.guest_changed(vmid)

    return work


def _fail_if_told(core: Core, task: Task) -> None:
    """Fail when a fault says so."""
    if (text := core.faults.task_failure(task.type)) is not None:
        raise TaskFailure(text)


def shut_down(core: Core, guest: Guest) -> None:
    """Stop a guest and take its cgroup away."""
    stop_guest(guest)
    core.guest_changed(guest.vmid)


def _spawn(call: Call, task_type: str, work: Callable[[Task], None], seconds: float | None = None, interrupted: str | None = None) -> str:
    """Start the worker of a call on one container."""
    return call.core.tasks.start(call.node, task_type, str(call.vmid), call.who or "", work, seconds=seconds, interrupted=interrupted)


def _refuse_skiplock(call: Call) -> None:
    """Raise a 400 when somebody other than root wants to skip a lock."""
    if call.values.get("skiplock") == "1" and call.who != "root@pam":
        raise parameter_error({"skiplock": "Only root may use this option."})


@route("GET", STATUS, privileges=("/vms/{vmid}", ("VM.Audit",)))
def list_status(call: Call) -> list[dict[str, object]]:
    """Return what lies below ``status``."""
    return [{"subdir": name} for name in ("current", "start", "stop", "shutdown", "reboot", "migrate")]


@route("POST", f"{STATUS}/start", parameters={"debug": FLAG, "skiplock": FLAG}, privileges=POWER_PRIVILEGES)
def start(call: Call) -> str:
    """Start a container."""
    _refuse_skiplock(call)
    guest = call.core.world.guests.get(call.vmid)
    if guest is not None and guest.node == call.node and guest.is_running:
        raise died(f"CT {call.vmid} already running")
    if guest is not None and guest.hastate is not None:
        return _request_ha(call, guest, "hastart", "started")
    held = call.core.lock_timeout_seconds if guest is not None and guest.is_config_lock_held else None
    return _spawn(call, "vzstart", start_work(call.core, call.node, call.vmid), held)


def _request_ha(call: Call, guest: Guest, task_type: str, wanted: str) -> str:
    """Ask high availability for a state; the task is OK before anything happened."""

    def work(task: Task) -> None:
        task.log.append(f"Requesting HA {task_type[2:]} for CT {guest.vmid}")

    upid = _spawn(call, task_type, work)
    start_or_stop = start_work(call.core, guest.node, guest.vmid) if wanted == "started" else (lambda task: shut_down(call.core, guest))
    later = call.core.settings.task_seconds * 3
    kind = "vzstart" if wanted == "started" else "vzstop"
    call.core.tasks.start(guest.node, kind, str(guest.vmid), "root@pam", start_or_stop, seconds=later)
    guest.hastate = wanted
    return upid


def _require_running(call: Call, kind: str = "CT") -> Guest:
    """Return the container of the call, which must run."""
    guest = call.guest()
    if not guest.is_running:
        raise died(f"{kind} {call.vmid} not running")
    return guest


@route("POST", f"{STATUS}/stop", parameters={"overrule-shutdown": FLAG, "skiplock": FLAG}, privileges=POWER_PRIVILEGES)
def stop(call: Call) -> str:
    """Stop a container at once."""
    _refuse_skiplock(call)
    guest = _require_running(call)
    if guest.hastate is not None:
        return _request_ha(call, guest, "hastop", "stopped")

    def work(task: Task) -> None:
        _fail_if_told(call.core, task)
        _fail_if_locked(guest)
        shut_down(call.core, guest)

    return _spawn(call, "vzstop", work)


def _fail_if_locked(guest: Guest) -> None:
    """Fail the task of a locked container."""
    if guest.lock is not None:
        raise TaskFailure(f"CT is locked ({guest.lock})")


@route("POST", f"{STATUS}/shutdown", parameters={"timeout": COUNT, "forceStop": FLAG}, privileges=POWER_PRIVILEGES)
def shutdown(call: Call) -> str:
    """Ask a container to stop; one that is deaf stops only by force."""
    guest = _require_running(call)
    timeout = call.values.get("timeout", str(int(DEFAULT_SHUTDOWN_SECONDS)))
    force = call.values.get("forceStop") == "1"

    def work(task: Task) -> None:
        _fail_if_told(call.core, task)
        _fail_if_locked(guest)
        if guest.is_deaf_to_shutdown and not force:
            task.log.append(f"command 'lxc-stop -n {guest.vmid} --nokill --timeout {timeout}' failed: exit code 1")
            raise TaskFailure("container did not stop")
        shut_down(call.core, guest)

    extra = 0.0 if force else DEAF_EXTRA_SECONDS
    seconds = (float(timeout) + extra) * call.core.settings.wait_scale if guest.is_deaf_to_shutdown else None
    interrupted = f"command 'lxc-stop -n {guest.vmid} --nokill --timeout {timeout}' failed: received interrupt"
    return _spawn(call, "vzshutdown", work, seconds, interrupted)


@route("POST", f"{STATUS}/reboot", parameters={"timeout": COUNT}, privileges=POWER_PRIVILEGES)
def reboot(call: Call) -> str:
    """Stop and start a container; pending changes take hold."""
    guest = _require_running(call, "VM")

    def work(task: Task) -> None:
        _fail_if_told(call.core, task)
        _fail_if_locked(guest)
        shut_down(call.core, guest)
        start_guest(guest, call.core.world)
        call.core.guest_changed(guest.vmid)

    return _spawn(call, "vzreboot", work)


@route("POST", f"{STATUS}/suspend", privileges=POWER_PRIVILEGES)
def suspend(call: Call) -> str:
    """Fail as every host without criu does; nothing is suspended."""
    _require_running(call)

    def work(task: Task) -> None:
        task.log += [line.format(vmid=call.vmid) for line in NO_CRIU_LOG]
        raise TaskFailure(f"command 'lxc-checkpoint -n {call.vmid} -s -D /var/lib/vz/dump' failed: exit code 1")

    return _spawn(call, "vzsuspend", work)


@route("POST", f"{STATUS}/resume", privileges=POWER_PRIVILEGES)
def resume(call: Call) -> str:
    """Refuse: a running container cannot be resumed and a stopped one was never suspended."""
    guest = call.guest()
    if guest.is_running:
        raise died(f"CT {call.vmid} already running")
    return _spawn(call, "vzresume", start_work(call.core, call.node, call.vmid))
