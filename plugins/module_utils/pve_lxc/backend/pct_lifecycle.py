# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes, destroys, starts and stops by ``pct``: the part of PctBackend that the port LxcLifecycle describes.

``pct`` works on the containers of its own node and waits for their tasks. For another node, and for calls of the whole cluster, the
call goes by ``pvesh``, which ends with 0 even when the task failed: there the task is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..clock import Clock
from ..errors import ProxmoxAPIError, ProxmoxTaskError, ProxmoxTimeoutError
from ..model.task import TaskResult
from .api_lifecycle import guest_path
from .pct_command import Finished, NodeCommands, format_options, require_zero
from .pct_text import parse_upid, parse_warnings
from .tasks import LOG_TAIL_LINES, wait_for_task

# Refused before a task is started; everything else that these verbs say comes out of their task. Source: recorded on PVE 9.2.11, power.json and
# snapshot.json beside pct_cli.json: the same text is a 500 of the API, or the exit status of its task.
_REFUSED_AT_ONCE = re.compile(
    r"already running|not running|Parameter verification failed|^400 |reserved name|^sudo: |^Sorry, user|please run as root", re.MULTILINE
)
_TASK_VERBS = frozenset({"start", "stop", "shutdown", "reboot", "suspend", "resume", "snapshot", "delsnapshot"})
# What pvesh itself needs beside the task that it waits for.
_START_SECONDS = 10.0


class PctLifecycle:
    """Calls that start a task and wait for its end. Every method raises a ProxmoxAPIError of errors.py."""

    _commands: NodeCommands
    _clock: Clock

    def read_version(self) -> tuple[int, ...]:
        """Return the version of the node that the commands run on."""
        text = str(self._commands.request("GET", "/version")["version"])
        return tuple(int(part) for part in text.split("-", 1)[0].split("."))

    def read_next_id(self) -> int:
        """Return the lowest free vmid; nothing is reserved."""
        return int(self._commands.request("GET", "/cluster/nextid"))

    def has_feature(self, node: str, vmid: int, feature: str, snapshot: str = "") -> bool:
        """Return whether the container's storage can do it."""
        data = self._commands.request("GET", f"{guest_path(node, vmid)}/feature", {"feature": feature, "snapname": snapshot or None})
        return bool(int(data.get("hasFeature") or 0))

    def resize_disk(self, node: str, vmid: int, disk: str, size: str, timeout_seconds: float) -> TaskResult:
        """Grow a disk."""
        call = ("PUT", f"{guest_path(node, vmid)}/resize", {"disk": disk, "size": size})
        return self._run(node, ["resize", vmid, disk, size], call, timeout_seconds)

    def create_snapshot(self, node: str, vmid: int, name: str, description: str, timeout_seconds: float) -> TaskResult:
        """Make a snapshot."""
        more = {"description": description or None}
        call = ("POST", f"{guest_path(node, vmid)}/snapshot", {"snapname": name, **more})
        return self._run(node, ["snapshot", vmid, name, *format_options(more)], call, timeout_seconds)

    def delete_snapshot(self, node: str, vmid: int, name: str, timeout_seconds: float) -> TaskResult:
        """Delete a snapshot."""
        return self._run(node, ["delsnapshot", vmid, name], ("DELETE", f"{guest_path(node, vmid)}/snapshot/{name}", {}), timeout_seconds)

    def clone_guest(self, node: str, vmid: int, new_vmid: int, parameters: Mapping[str, Any], timeout_seconds: float) -> TaskResult:
        """Clone a container."""
        call = ("POST", f"{guest_path(node, vmid)}/clone", {"newid": new_vmid, **parameters})
        return self._run(node, ["clone", vmid, new_vmid, *format_options(parameters)], call, timeout_seconds)

    def delete_guest(self, node: str, vmid: int, parameters: Mapping[str, Any], timeout_seconds: float) -> TaskResult:
        """Destroy a container."""
        return self._run(node, ["destroy", vmid, *format_options(parameters)], ("DELETE", guest_path(node, vmid), parameters), timeout_seconds)

    def change_power(self, node: str, vmid: int, verb: str, parameters: Mapping[str, Any], timeout_seconds: float) -> TaskResult:
        """Start, stop, shut down, reboot, suspend or resume one container."""
        call = ("POST", f"{guest_path(node, vmid)}/status/{verb}", parameters)
        return self._run(node, [verb, vmid, *format_options(parameters)], call, timeout_seconds)

    def change_power_of_many(self, verb: str, vmids: Sequence[int], parameters: Mapping[str, Any], timeout_seconds: float) -> TaskResult:
        """Start, shut down or suspend these containers in one call; since pve-manager 9.0.16.

        Raises:
            ValueError: ``vmids`` is empty: without the list Proxmox acts on every guest, virtual machines included.
        """
        if not vmids:
            raise ValueError("an empty list of containers is never sent: Proxmox would act on every guest")
        call = ("POST", f"/cluster/bulk-action/guest/{verb}", {"vms": list(vmids), **parameters})
        return self._run_by_pvesh(call, timeout_seconds)

    def wait_for_task(self, upid: str, timeout_seconds: float) -> TaskResult:
        """Wait until a task has ended that somebody started, over whichever way."""
        return wait_for_task(self._commands.request, upid, clock=self._clock, timeout_seconds=timeout_seconds)

    def _run(self, node: str, words: Sequence[object], call: tuple[str, str, Mapping[str, Any]], timeout_seconds: float) -> TaskResult:
        if not self._commands.is_local(node):
            return self._run_by_pvesh(call, timeout_seconds)
        method, path, dummy = call
        finished = self._commands.try_pct(words, method=method, path=path, timeout_seconds=timeout_seconds)
        if finished.exit_code != 0 and _is_task_failure(str(words[0]), finished):
            raise _task_error(finished)
        warnings = parse_warnings(require_zero(finished, method, path).error_output)
        return TaskResult("", f"WARNINGS: {len(warnings)}" if warnings else "OK", warnings)

    def _run_by_pvesh(self, call: tuple[str, str, Mapping[str, Any]], timeout_seconds: float) -> TaskResult:
        method, path, parameters = call
        deadline = self._clock.monotonic() + timeout_seconds
        upid = parse_upid(self._commands.run_pvesh(method, path, parameters, timeout_seconds + _START_SECONDS))
        if not upid:
            raise ProxmoxAPIError(f"pvesh named no task for {method} {path}: read what became of it", method=method, path=path)
        try:
            return self.wait_for_task(upid, max(0.0, deadline - self._clock.monotonic()))
        except ProxmoxTimeoutError as error:
            raise ProxmoxTimeoutError(f"task {upid} did not end within {timeout_seconds:g} s", method=method, path=path) from error


def _is_task_failure(verb: str, finished: Finished) -> bool:
    if verb == "clone":
        return "clone failed: " in finished.error_output
    return verb in _TASK_VERBS and finished.exit_code not in (126, 127) and not _REFUSED_AT_ONCE.search(finished.error_output)


def _task_error(finished: Finished) -> ProxmoxTaskError:
    """Return the error of a task that pct waited for: its last words are the exit status, what it printed before is its log."""
    words = [line for line in finished.error_output.splitlines() if line.strip()] or [f"ended with {finished.exit_code}"]
    tail = [*finished.output.splitlines(), *finished.error_output.splitlines()][-LOG_TAIL_LINES:]
    return ProxmoxTaskError(f"{' '.join(finished.argv[:3])} failed: {words[-1]}", upid="", exit_status=words[-1], log_tail=tail)
