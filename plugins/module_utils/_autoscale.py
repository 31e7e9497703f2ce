# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop's cycle from a controller: options to a configuration, one cycle for each node, results with what was decided and why."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ._connect import connection_settings
from .pve_lxc.autoscale.assembly import assemble
from .pve_lxc.autoscale.config_file import read_either_format
from .pve_lxc.autoscale.configuration.config_text import read_config_text
from .pve_lxc.autoscale.configuration.document import Document
from .pve_lxc.autoscale.configuration.loop_config import build_config
from .pve_lxc.autoscale.cycle import run_cycle
from .pve_lxc.autoscale.moment import parse_moment
from .pve_lxc.autoscale.parts import UNREACHABLE_ERRORS
from .pve_lxc.autoscale.rollback.draft import RollbackRequest
from .pve_lxc.autoscale.rollback.put_back import run_rollback
from .pve_lxc.backend.state_file import state_errors
from .pve_lxc.errors import LxcAutoscaleError, Problem, ProxmoxAPIError, RequestError

if TYPE_CHECKING:
    from .pve_lxc.autoscale.configuration.loop_config import LoopConfig
    from .pve_lxc.autoscale.parts import CycleParts, CycleResult
    from .pve_lxc.autoscale.rollback.put_back import RollbackResult
    from .pve_lxc.model.node import Cluster
    from .pve_lxc.ports import LxcLifecycle

# What the file of a node says about that node; here the module's options say it.
NODES_OWN_KEYS = ("connection", "metrics", "mode", "node", "notify", "state")

# A module runs where its task does, and reads its files there.
NO_FILE = "config_file is looked for on the machine where the module runs: copy the file there, give its path there, or write the settings into config"

# A controller looks once in a while and cannot leave containers for a later cycle.
_RECORDS_AT_ONCE = 10000


@dataclass(frozen=True)
class NodeRun:
    """One cycle on one node.

    Attributes:
        node: its name.
        result: what it did; None when it failed.
        error: why it failed; empty when it did not.
    """

    node: str
    result: CycleResult | None
    error: str = ""


def require_absolute(state_path: str | None) -> None:
    """Refuse a path that would mean another file with each working folder; a playbook's is the one that it lies in.

    Raises:
        RequestError: it is relative.
    """
    if state_path and not os.path.isabs(state_path):
        raise RequestError([Problem("state_path", state_path, "an absolute path is needed, as in /srv/autoscale/state.sqlite")], source="state_path")


def require_only_for_rollback(params: Mapping[str, Any]) -> None:
    """Refuse options of a rollback where none is asked for: who gives ``vmid`` beside mode apply means one container, and would get all.

    Raises:
        RequestError: one is given.
    """
    if params["mode"] != "rollback":
        given = [name for name in ("vmid", "to", "force") if params[name]]
        message = f"this is for mode rollback only, and the mode is {params['mode']}; which containers are looked at says selection in config"
        if given:
            raise RequestError([Problem(name, str(params[name]), message) for name in given], source="rollback")


def read_loop_config(params: Mapping[str, Any]) -> LoopConfig:
    """Return the configuration of the options ``config`` and ``config_file``; all defaults without either.

    Raises:
        RequestError: the inline configuration says what the module's options say.
        ConfigError: it cannot be used; with every problem at once.
    """
    source, notices = "config", ()
    if params["config_file"]:
        source = params["config_file"]
        document, _secrets, notices = read_either_format(read_config_text(source, NO_FILE), os.environ)
    else:
        document = Document(values=params["config"] or {}, is_read=True)
        own = [name for name in NODES_OWN_KEYS if name in document.values]
        if own:
            raise RequestError([Problem(f"config.{name}", "", "the options of the module say this; leave it out here") for name in own], source="config")
    document.values = {name: value for name, value in document.values.items() if name not in NODES_OWN_KEYS}
    config = build_config(document, source=source, environment={}, notices=notices, connection=connection_settings(params))
    # The files of this machine's own cgroups say nothing about containers elsewhere.
    return replace(config, observe=replace(config.observe, source="api", bootstrap_containers_per_cycle=_RECORDS_AT_ONCE))


def open_parts(config: LoopConfig, backend: LxcLifecycle, state_path: str) -> CycleParts:
    """Return the parts of a loop whose cycles are far apart; closing its state is the caller's."""
    return replace(assemble(replace(config, state_path=state_path), backend=backend), learns_anew=True)


def copy_state(path: str, copy: str) -> None:
    """Copy a state file, also while somebody writes to it.

    Raises:
        StateError: it cannot be read.
    """
    with state_errors(path), closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def pick_nodes(cluster: Cluster, wanted: Sequence[str] | None) -> list[str]:
    """Return the names of the nodes to look at: those asked for, else all that are online.

    Raises:
        RequestError: one that is asked for is not in the cluster.
    """
    unknown = [name for name in wanted or () if name not in cluster.nodes]
    if unknown:
        known = ", ".join(cluster.nodes) or "none"
        raise RequestError([Problem("nodes", name, f"there is no such node; there are {known}") for name in unknown], source="nodes")
    return list(dict.fromkeys(wanted)) if wanted else [name for name, node in cluster.nodes.items() if node.is_online]


def run_nodes(parts: CycleParts, nodes: Sequence[str], mode: str) -> list[NodeRun]:
    """Return one cycle for each node; an error of one node's own does not stop the others, an error that concerns all does."""
    runs: list[NodeRun] = []
    for position, name in enumerate(nodes):
        try:
            runs.append(NodeRun(name, run_cycle(replace(parts, node=name), mode)))
        except LxcAutoscaleError as error:
            runs.append(NodeRun(name, None, str(error).strip()))
            if isinstance(error, UNREACHABLE_ERRORS) or not isinstance(error, ProxmoxAPIError):
                runs += [NodeRun(later, None, f"not tried after what happened on {name}") for later in nodes[position + 1 :]]
                break
    return runs


def roll_back(parts: CycleParts, params: Mapping[str, Any], *, is_check: bool) -> RollbackResult:
    """Return what became of putting containers back, by the controller's own journal; raises as ``run_rollback``."""
    if params["vmid"] is None and not params["to"]:
        raise RequestError([Problem("mode", "rollback", "give vmid, or to, or both")], source="rollback")
    moment = parse_moment(params["to"], parts.clock.now(), "to") if params["to"] else None
    return run_rollback(parts, RollbackRequest(params["vmid"], moment, is_dry_run=is_check, is_forced=params["force"]), parts.lock)
