# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``check`` looks at on this machine: the state and its lock, and where use is read."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ...backend.cgroup import has_container_files
from ...errors import StateError
from ..assembly import open_state, pick_source
from ..configuration.loop_config import LoopConfig
from ..exit_codes import EXIT_CONFIGURATION, EXIT_SOME_FAILED
from ..lock import find_lock_holder
from ..terminal.status_text import STALE_INTERVALS
from ..terminal.words import say_age, say_clock
from .finding import Finding, bad, note, ok


def check_source(config: LoopConfig, running_vmids: Sequence[int]) -> Finding:
    """Return where use is read, and what that means for memory.

    Args:
        config: valid.
        running_vmids: ids of the running containers that are selected on this node.
    """
    root = config.observe.cgroup_root
    if pick_source(config) == "api":
        return note("usage", "read over the API, where shared memory is not seen: memory is only grown, unless policy.allow_blind_shrink is set")
    if not has_container_files(root):
        return bad("usage", f"observe.source is cgroup, but there are no cgroup v2 files of containers below {root}", EXIT_CONFIGURATION)
    missing = [vmid for vmid in running_vmids if not has_container_files(root, [vmid])]
    if missing:
        return bad("usage", f"there are no cgroup v2 files of the running {', '.join(map(str, missing))} below {root}", EXIT_CONFIGURATION)
    return ok("usage", f"cgroup files below {root}, of all {len(running_vmids)} selected containers that run")


def check_state(config: LoopConfig, now: float) -> list[Finding]:
    """Return whether the state can be used, when a run last succeeded, and whether one is at work."""
    path = config.state_path
    holder = find_lock_holder(f"{path}.lock")
    lock = ok("lock", "free") if holder is None else note("lock", f"held by process {holder}: a run is at work")
    if not os.path.exists(path):
        return [_no_state(path), lock]
    if not os.access(path, os.W_OK) or not os.access(os.path.dirname(os.path.abspath(path)), os.W_OK):
        message = f"{path} or its folder cannot be written by this user; files that root made by hand have to be given back to the service's user"
        return [bad("state", message, EXIT_CONFIGURATION), lock]
    try:
        state = open_state(config)
        try:
            success = state.read_last_success()
        finally:
            state.close()
    except StateError as error:
        return [bad("state", str(error), EXIT_CONFIGURATION), lock]
    return [_last_success(config, None if success is None else float(success["ended"]), now), lock]


def _no_state(path: str) -> Finding:
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(folder) and not os.access(folder, os.W_OK):
        return bad("state", f"the folder {folder} cannot be written by this user", EXIT_CONFIGURATION)
    return note("state", f"{path} is not there yet; the first run makes it")


def _last_success(config: LoopConfig, ended: float | None, now: float) -> Finding:
    interval = config.settings.general.policy.interval_seconds
    if ended is None:
        return note("state", f"{config.state_path}: no run has succeeded yet")
    text = f"{config.state_path}: the last run that succeeded ended {say_age(now - ended)} ago, {say_clock(ended)}"
    if now - ended > STALE_INTERVALS * interval:
        return bad("state", f"{text}, although one is due every {interval:g} s: look at systemctl status lxc-autoscale.timer", EXIT_SOME_FAILED)
    return ok("state", text)
