# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the parts of a cycle from the configuration: the only place that picks concrete back ends."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager

from ..backend.api import ProxmoxAPIClient
from ..backend.api_usage import ApiUsage
from ..backend.cgroup import CgroupUsage, has_container_files
from ..backend.state import SqliteState
from ..clock import Clock, SystemClock
from ..errors import ConfigError, Problem, StateError
from ..ports import LxcBackend, LxcLifecycle, StateStore, UsageSource
from .configuration.loop_config import LoopConfig
from .lock import hold_lock
from .parts import CycleParts


def assemble(config: LoopConfig, clock: Clock | None = None, backend: LxcLifecycle | None = None) -> CycleParts:
    """Return the parts for one loop; nothing is sent yet. A process may hold several.

    Args:
        config: valid.
        clock: default: the machine's.
        backend: default: made from the configuration's connection.

    Raises:
        ConfigError: the configuration demands cgroup files that are not there.
        StateError: the state cannot be opened.
        DependencyError: a package is missing.
    """
    clock = clock if clock is not None else SystemClock()
    _make_folder(config.state_path)
    warnings: list[str] = []
    backend = backend if backend is not None else connect_backend(config, warnings.append)
    return CycleParts(
        backend=backend,
        usage=_usage_source(config, backend),
        state=SqliteState(config.state_path),
        lock=lock_of(config),
        clock=clock,
        node=config.node,
        selection=config.selection,
        settings=config.settings,
        roster=config.roster,
        records_per_cycle=config.observe.bootstrap_containers_per_cycle if config.observe.bootstrap else 0,
        records_timeframe=config.observe.bootstrap_timeframe,
        warnings=warnings,
    )


def connect_backend(config: LoopConfig, warn: Callable[[str], None] | None = None) -> LxcLifecycle:
    """Return the way to Proxmox; nothing is sent yet.

    Args:
        config: valid.
        warn: is told once when the API gave no answer and pct is used from there on; default: nobody is.

    Raises:
        DependencyError: a package is missing.
    """
    # Calls have deadlines on real time even where the loop's own clock is a simulated one.
    api = ProxmoxAPIClient.connect(config.connection, SystemClock())
    if not config.has_pct_fallback:
        return api
    # Imported here, because hardly anybody uses it and every cycle would start later.
    from ..backend.fallback import FallbackBackend
    from ..backend.pct import PctBackend
    from ..transport.local import LocalRunner

    return FallbackBackend(api, PctBackend(LocalRunner(), cgroup_root=config.observe.cgroup_root), warn or (lambda dummy: None))


def open_state(config: LoopConfig) -> StateStore:
    """Return the state for reading only, as ``status`` and ``explain`` need it.

    Raises:
        StateError: there is none yet, or it cannot be opened.
    """
    return SqliteState(config.state_path, is_read_only=True)


def open_state_for_writing(config: LoopConfig) -> StateStore:
    """Return the state for a command that asks nothing of Proxmox, such as ``release``.

    Raises:
        StateError: it cannot be opened, or there is none yet.
    """
    SqliteState(config.state_path, is_read_only=True).close()
    return SqliteState(config.state_path)


def open_notes(state_path: str) -> StateStore:
    """Return the state for its notes, after a cycle that did not get as far as having one.

    Raises:
        StateError: it cannot be opened, or there is none yet.
    """
    SqliteState(state_path, is_read_only=True).close()
    return SqliteState(state_path)


def lock_of(config: LoopConfig) -> Callable[[], AbstractContextManager[None]]:
    """Return what makes the context in which no other run of this loop is."""
    return lambda: hold_lock(f"{config.state_path}.lock")


def pick_source(config: LoopConfig) -> str:
    """Return ``cgroup`` or ``api``: where use will be read."""
    if config.observe.source != "auto":
        return config.observe.source
    return "cgroup" if has_container_files(config.observe.cgroup_root) else "api"


def _usage_source(config: LoopConfig, backend: LxcBackend) -> UsageSource:
    if pick_source(config) == "api":
        return ApiUsage(backend)
    root = config.observe.cgroup_root
    if not has_container_files(root):
        message = "there are no cgroup v2 files of containers there (cgroup.controllers and lxc/); allowed sources here are auto and api"
        raise ConfigError([Problem("observe.cgroup_root", root, message)], source=config.source)
    return CgroupUsage(root, config.observe.proc_root)


def _make_folder(state_path: str) -> None:
    folder = os.path.dirname(os.path.abspath(state_path))
    try:
        os.makedirs(folder, mode=0o750, exist_ok=True)
    except OSError as error:
        raise StateError(f"the folder {folder} of the state file cannot be made: {error.strerror}") from error
