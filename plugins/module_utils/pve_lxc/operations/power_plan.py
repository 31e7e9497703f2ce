# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide what a power request means for one container: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..model.guest import Guest, GuestConfig
from ..model.plan import Outcome
from ..model.reason import Reason
from .power_request import PowerState, PowerWish

# The HA manager is at work on the service, or has given it up: a request now would be lost. Source: PVE::HA::Manager, service states.
_BUSY_HA_STATES = frozenset({"error", "fence", "freeze", "migrate", "recovery", "relocate"})
# The service is known to HA, but HA does not act on it.
_UNMANAGED_HA_STATES = frozenset({"", "ignored"})

# Source: PVE 9.2 API schema, PUT .../config, startup: [[order=]\d+] [,up=\d+] [,down=\d+].
_DELAY = re.compile(r"(?:^|,)\s*(?P<kind>up|down)=(?P<seconds>\d+)")

_DONE = {
    PowerState.STARTED: Reason.STARTED,
    PowerState.STOPPED: Reason.STOPPED,
    PowerState.SHUTDOWN: Reason.STOPPED,
    PowerState.RESTARTED: Reason.RESTARTED,
    PowerState.SUSPENDED: Reason.SUSPENDED,
}
_ALREADY = {
    PowerState.STARTED: "it is running already",
    PowerState.STOPPED: "it is stopped already",
    PowerState.SHUTDOWN: "it is stopped already",
    PowerState.SUSPENDED: "it does not run; Proxmox shows a suspended container as stopped",
}


@dataclass(frozen=True, slots=True)
class PowerPlan:
    """What is to be done with one container's power; check mode and diff mode show it as it is.

    Attributes:
        guest: whose.
        wish: what was asked.
        before: ``running``, ``stopped`` or ``unknown``, as its node says.
        after: what it is to be; equal to ``before`` when nothing is to be done and after a restart.
        verbs: Proxmox's, in this order: ``shutdown``, ``stop``, ``start``, ``suspend``; empty when nothing is to be done.
        reason: why, or why not.
        message: the same as a sentence.
        is_refused: whether the request must not be carried out; ``reason`` says why.
        up_seconds: what its ``startup`` lets pass after its start before the next one's; 0 without.
        down_seconds: how long its ``startup`` lets it shut down; None without.
    """

    guest: Guest
    wish: PowerWish
    before: str
    after: str
    verbs: tuple[str, ...]
    reason: Reason
    message: str
    is_refused: bool = False
    up_seconds: float = 0.0
    down_seconds: float | None = None

    @property
    def is_change(self) -> bool:
        """Return whether there is anything to do."""
        return bool(self.verbs)

    @property
    def is_managed_by_ha(self) -> bool:
        """Return whether a start or stop only *asks* the high availability manager, so that a task that is OK says nothing."""
        return self.guest.hastate not in _UNMANAGED_HA_STATES

    @property
    def patience_seconds(self) -> float:
        """Return how long it may take: its own ``down=``, else the timeout; the bulk action of Proxmox does the same."""
        return float(self.wish.timeout_seconds) if self.down_seconds is None else self.down_seconds


def plan_power(wish: PowerWish, guest: Guest, row: Mapping[str, Any] | None) -> PowerPlan:
    """Return the plan for one container.

    Args:
        wish: what is asked.
        guest: from one reading of the cluster, whose status is up to ten seconds old.
        row: what its node says of it now: ``status``, and ``lock`` and ``template`` where they are set; None when the node does not have it.
    """
    if row is None:
        message = f"its node {guest.node} does not have it any more: it was moved or destroyed a moment ago"
        return _refused(wish, guest, "unknown", Reason.NOT_FOUND, message)
    status = str(row.get("status") or "unknown")
    if status not in ("running", "stopped"):
        return _refused(wish, guest, status, Reason.STATUS_UNKNOWN, f"its node says neither running nor stopped, but {status}")
    verbs = _verbs(wish, status)
    if not verbs:
        return PowerPlan(guest, wish, status, status, (), Reason.UNCHANGED, _ALREADY[wish.state])
    if guest.is_template or int(row.get("template") or 0):
        return _refused(wish, guest, status, Reason.TEMPLATE, "it is a template, which cannot run; clone it and start the clone")
    lock = str(row.get("lock") or guest.lock)
    if lock:
        return _refused(wish, guest, status, Reason.LOCKED, f"the container is locked ({lock}); try again when that is over")
    if guest.hastate in _BUSY_HA_STATES:
        message = f"high availability has it in state {guest.hastate} and would not act on a request; see ha-manager status"
        return _refused(wish, guest, status, Reason.HA_BUSY, message)
    after = "running" if verbs[-1] == "start" else "stopped"
    return PowerPlan(guest, wish, status, after, verbs, _DONE[wish.state], _describe(verbs, status))


def refuse_power(wish: PowerWish, guest: Guest, reason: Reason, message: str) -> PowerPlan:
    """Return the plan of a container about which its node could not be asked."""
    return _refused(wish, guest, "unknown", reason, message)


def with_startup(plan: PowerPlan, config: GuestConfig) -> PowerPlan:
    """Return the plan with the delays of the container's own ``startup``: ``order=2,up=30,down=120`` are 30 and 120 seconds."""
    delays = {match["kind"]: float(match["seconds"]) for match in _DELAY.finditer(str(config.values.get("startup") or ""))}
    return replace(plan, up_seconds=delays.get("up", 0.0), down_seconds=delays.get("down"))


def node_of(plan: PowerPlan) -> str:
    """Return the node that a plan keeps busy."""
    return plan.guest.node


def power_outcome(plan: PowerPlan, transport: str) -> Outcome:
    """Return the outcome of a plan that goes as planned: of a refused one, of one without anything to do, and in check mode of every one."""
    return Outcome(
        vmid=plan.guest.vmid,
        name=plan.guest.name,
        node=plan.guest.node,
        is_changed=plan.is_change,
        is_failed=plan.is_refused,
        reason=plan.reason,
        message=plan.message,
        transport=transport,
        more_before={"status": plan.before},
        more_after={"status": plan.after},
    )


def _refused(wish: PowerWish, guest: Guest, status: str, reason: Reason, message: str) -> PowerPlan:
    return PowerPlan(guest, wish, status, status, (), reason, message, is_refused=True)


def _verbs(wish: PowerWish, status: str) -> tuple[str, ...]:
    if status == "stopped":
        return ("start",) if wish.state in (PowerState.STARTED, PowerState.RESTARTED) else ()
    if wish.state is PowerState.STARTED:
        return ()
    if wish.state is PowerState.SUSPENDED:
        return ("suspend",)
    # Without force nothing is ever ended the hard way, not even by a restart: Proxmox's own reboot kills when the time is over.
    stop = "stop" if wish.is_forced and wish.timeout_seconds == 0 else "shutdown"
    return (stop, "start") if wish.state is PowerState.RESTARTED else (stop,)


def _describe(verbs: tuple[str, ...], status: str) -> str:
    """Return ``running -> stopped``, or for a restart ``running -> stopped -> running``."""
    return " -> ".join([status, *("running" if verb == "start" else "stopped" for verb in verbs)])
