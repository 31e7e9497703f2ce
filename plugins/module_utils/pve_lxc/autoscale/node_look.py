# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at the node itself: what it has left, its virtual machines, and whether they balloon."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import ProxmoxAPIError
from ..model.node import Cluster
from ..policy.admission import sum_of_limits_mib
from ..policy.node_room import describe_sum_of_limits
from ..policy.observation import HostState, Observation
from ..units import mib_from_bytes
from .parts import UNREACHABLE_ERRORS, CycleParts

# Whether virtual machines balloon is asked this often, and only of a node that runs any; it is two requests.
_BALLOONING_KEPT_SECONDS = 3600.0
_NOTE = "ballooning"


def look_at_node(parts: CycleParts, cluster: Cluster, now: float, notices: list[str]) -> HostState:
    """Return the node as the policy is told of it.

    Args:
        parts: of the cycle.
        cluster: the cluster's list, read just now.
        now: seconds since 1970.
        notices: what the operator should know is added to them.

    Raises:
        ProxmoxAPIError: one of UNREACHABLE_ERRORS.
        StateError: the state cannot be used.
    """
    machines_bytes = cluster.virtual_machine_bytes.get(parts.node, 0.0)
    is_asked = machines_bytes > 0 and parts.settings.general.policy.ballooning_target_share is None
    return HostState(
        cluster.nodes.get(parts.node),
        parts.usage.read_host(parts.node),
        virtual_machines_mib=mib_from_bytes(machines_bytes),
        ballooning_target_share=_ballooning_target_share(parts, now, notices) if is_asked else None,
        storages={name: storage for (node, name), storage in cluster.storages.items() if node == parts.node},
    )


def notices_of_limits(observations: Sequence[Observation], host: HostState) -> list[str]:
    """Return what is to be said of the sum of all limits: nothing while the node could serve them all at once."""
    warning = describe_sum_of_limits(host, sum_of_limits_mib(observations, host))
    return [warning] if warning else []


def _ballooning_target_share(parts: CycleParts, now: float, notices: list[str]) -> float | None:
    note = parts.state.read_note(_NOTE)
    if note is not None and 0 <= now - float(note.get("read_seconds") or 0.0) < _BALLOONING_KEPT_SECONDS:
        share = note.get("target_share")
        return float(share) if isinstance(share, int | float) else None
    try:
        share = parts.backend.read_ballooning_target_share(parts.node)
    except UNREACHABLE_ERRORS:
        raise
    except ProxmoxAPIError as error:
        notices.append(f"whether virtual machines of {parts.node} balloon could not be read, so none is taken to: {str(error).strip()}")
        share = None
    parts.state.write_note(_NOTE, {"target_share": share, "read_seconds": now}, now)
    return share
