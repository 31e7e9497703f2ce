# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts as modules return them: from options to a selection, and from facts to plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule

from .pve_lxc.operations.facts import Gathering, gather_facts
from .pve_lxc.operations.find import Selection

if TYPE_CHECKING:
    from .pve_lxc.ports import LxcBackend


def read_facts(module: AnsibleModule, backend: LxcBackend) -> dict[str, Any]:
    """Return ``containers`` by vmid as a string, ``nodes`` by name and ``unreachable_nodes``; warnings are shown."""
    params = module.params
    selection = Selection(
        vmids=tuple(params["vmids"] or ()),
        names=tuple(params["names"] or ()),
        nodes=tuple(params["nodes"] or ()),
        tags=tuple(params["tags"] or ()),
        pools=tuple(params["pools"] or ()),
        statuses=tuple(params["status"] or ()),
    )
    gathering = Gathering(frozenset(params["gather"]), params["history_timeframe"], params["history_consolidation"].upper())
    facts = gather_facts(backend, selection, gathering, params["concurrency"])
    for warning in facts.warnings:
        module.warn(warning)
    return {"containers": facts.containers, "nodes": facts.nodes, "unreachable_nodes": list(facts.unreachable_nodes)}
