# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put limits that are in force back to the configuration: a write that failed has changed the one and not the other, and nobody else will see it.

Only on the node, where the kernel's files can be read, and only when two looks in succession found them apart: the first may have met a write of somebody else
in its midst. Over the API alone nobody can know; there it stays what the failed write was reported as.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import ProxmoxAPIError
from ..model.allocation import LiveLimits
from ..model.decision import Decision
from ..model.guest import Guest, GuestConfig
from ..model.plan import ConfigWrite, Outcome
from ..model.reason import Reason
from ..operations.resize_plan import plan_nothing
from ..operations.resize_repair import put_back
from ..policy.in_force import Apart, describe_apart, managed_limits_apart
from ..policy.permit import is_repair_due
from .carry_out import Carried, Errand, left_outcome, left_to_operator, read_again
from .parts import CycleParts
from .remembered import Remembered, remembered_to_dict

# After a try that failed the next is made this much later: each is two writes.
_AGAIN_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class _LoopRoad:
    """The way to Proxmox with the node's own files beside it."""

    parts: CycleParts
    guest: Guest

    def read_config(self, node: str, vmid: int) -> GuestConfig:
        return self.parts.backend.read_config(node, vmid)

    def write_config(self, node: str, vmid: int, write: ConfigWrite, digest: str) -> None:
        self.parts.backend.write_config(node, vmid, write, digest)

    def read_live_limits(self, dummy_node: str, dummy_vmid: int) -> LiveLimits | None:
        return self.parts.usage.read_live_limits(self.guest)

    def read_working_set_mib(self, dummy_node: str, dummy_vmid: int) -> float | None:
        return self.parts.usage.read_memory_mib(self.guest)


def repairs_due(decisions: Sequence[Decision], remembered: Mapping[int, Remembered], now: float) -> list[Decision]:
    """Return the decisions about containers whose limits were apart from their configuration in an earlier look already."""
    return [decision for decision in decisions if decision.reason is Reason.HALF_APPLIED and is_repair_due(remembered[decision.vmid].memory, now)]


def repair(parts: CycleParts, run_id: int, errand: Errand, remembered: Remembered) -> Carried:
    """Return what became of putting one container's limits back.

    Raises:
        ProxmoxAPIError: one of UNREACHABLE_ERRORS before anything was written.
        StateError: it could not be written down, so it was not done.
    """
    decision, guest = errand.decision, errand.guest
    config = read_again(parts, decision, guest)
    if isinstance(config, Outcome):
        return Carried(config, remembered)
    left = left_to_operator(parts, decision, config, remembered.memory)
    if left is not None:
        return Carried(left, remembered)
    live = parts.usage.read_live_limits(guest)
    if live is None:
        return Carried(left_outcome(parts, decision, Reason.NOT_MEASURED, "its limits in force cannot be read any more", is_failed=False), remembered)
    apart = managed_limits_apart(config, live, with_swap=remembered.memory.swap_sizing is not None)
    if not apart:
        outcome = left_outcome(parts, decision, Reason.UNCHANGED, "its limits in force are those of its configuration again", is_failed=False)
        return Carried(outcome, _with_apart_since(remembered, 0.0))
    return _put_back(parts, run_id, errand, config, (apart, remembered))


def _put_back(parts: CycleParts, run_id: int, errand: Errand, config: GuestConfig, more: tuple[Apart, Remembered]) -> Carried:
    decision, guest = errand.decision, errand.guest
    apart, remembered = more
    same = replace(decision, current=config.allocation, target=config.allocation)
    change_id = parts.state.begin_change(run_id, parts.clock.now(), same, identity=config.identity)
    plan = plan_nothing(guest, config, reason=Reason.HALF_APPLIED, message="")
    why_not = put_back(_LoopRoad(parts, guest), plan, config, apart)
    now = parts.clock.now()
    found = f"{describe_apart(apart)}: "
    outcome = left_outcome(parts, same, Reason.HALF_APPLIED, found + ("put back to the configuration" if why_not is None else why_not), is_failed=bool(why_not))
    outcome = replace(outcome, is_changed=why_not is None, after=_read_after(parts, guest, config).allocation)
    # What was read before is older than the writes.
    remembered = replace(_with_apart_since(remembered, 0.0 if why_not is None else now + _AGAIN_SECONDS), config=None, config_read_seconds=0.0)
    parts.state.end_change(change_id, now, outcome, {guest.vmid: remembered_to_dict(remembered)})
    return Carried(outcome, remembered)


def _read_after(parts: CycleParts, guest: Guest, config: GuestConfig) -> GuestConfig:
    """Return the configuration as it is now; as it was where that cannot be said."""
    try:
        return parts.backend.read_config(guest.node, guest.vmid)
    except ProxmoxAPIError:
        return config


def _with_apart_since(remembered: Remembered, seconds: float) -> Remembered:
    return replace(remembered, memory=replace(remembered.memory, apart_since_seconds=seconds))
