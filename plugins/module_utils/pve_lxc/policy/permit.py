# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a container may be learnt from and changed at all in this pass: guards, each with its reason."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..model.allocation import CONFIG_KEYS
from ..model.reason import Reason
from .freshness import RECORD_ROW_SECONDS, is_stale, is_undated
from .hold import current_hold, describe_hold
from .in_force import describe_apart, sampled_limits_apart
from .observation import HostState, Observation
from .remember import ContainerMemory
from .settings.policy import PolicySettings

# States of HA in which a container may be changed, and states of a node in which none of its containers may.
# Source: PVE::HA::Manager of pve-ha-manager 5; "ignored" is set by the administrator.
_CALM_HA_STATES = frozenset({"", "started", "ignored"})
_BUSY_NODE_STATES = frozenset({"maintenance", "fence", "unknown", "gone"})

_SIZE_KEYS = frozenset(CONFIG_KEYS.values())

# More CPU than the node has is a wrong figure; a tenth is left for the two clocks that such a figure comes from.
_PLAUSIBLE_CPU_SHARE = 1.1


@dataclass(frozen=True, slots=True)
class Guard:
    """Why a container is left.

    Attributes:
        reason: machine-readable.
        message: the same as a sentence.
    """

    reason: Reason
    message: str


def guard_learning(observation: Observation, memory: ContainerMemory, host: HostState, settings: PolicySettings, now: float) -> Guard | None:
    """Return why nothing can be learnt and so nothing be done; None when the sample is good."""
    return _guard_state(observation, host) or _guard_sample(observation, memory, host, settings, now)


def _guard_state(observation: Observation, host: HostState) -> Guard | None:
    guest = observation.guest
    if not observation.is_selected:
        return Guard(Reason.NOT_SELECTED, "it is not selected by the configuration")
    if observation.conflict:
        return Guard(observation.conflict_reason, observation.conflict)
    if guest.is_template:
        return Guard(Reason.TEMPLATE, "it is a template")
    node_status = host.node.status if host.node is not None else "online"
    if node_status == "offline":
        return Guard(Reason.NODE_UNREACHABLE, f"its node {guest.node} is offline")
    if "unknown" in (guest.status, node_status):
        return Guard(Reason.STATUS_UNKNOWN, "Proxmox does not know whether it runs (pvestatd may be stuck)")
    if not guest.is_running:
        return Guard(Reason.NOT_RUNNING, f"it is {guest.status}")
    return guard_lock(observation)


def guard_lock(observation: Observation) -> Guard | None:
    """Return why a locked container is left; None when it is not locked."""
    lock = observation.guest.lock or (observation.config.lock if observation.config else "")
    return Guard(Reason.LOCKED, f"it is locked ({lock})") if lock else None


def _guard_sample(observation: Observation, memory: ContainerMemory, host: HostState, settings: PolicySettings, now: float) -> Guard | None:
    uptime = observation.guest.uptime_seconds
    sample = observation.sample
    if observation.config is None:
        return Guard(Reason.NOT_MEASURED, "its configuration could not be read")
    if uptime is None or sample is None:
        return Guard(Reason.NOT_MEASURED, "its use could not be measured")
    if is_stale(uptime, memory, settings, now):
        seconds = now - memory.last_look_seconds
        return Guard(Reason.STALE_SAMPLE, f"its figures have not moved for {seconds:.0f} s (pvestatd may be stuck)")
    problem = _implausible(sample.cpu_cores, sample.memory_mib, host)
    if problem:
        return Guard(Reason.IMPLAUSIBLE_SAMPLE, problem)
    if uptime < settings.learn_after_uptime_seconds:
        return Guard(Reason.TOO_YOUNG, f"it started {uptime:.0f} s ago; nothing is learnt before {settings.learn_after_uptime_seconds:.0f} s")
    if observation.waits_for_records:
        return Guard(Reason.TOO_LITTLE_HISTORY, "it was never seen before; its records at Proxmox are read in one of the next cycles")
    return _guard_date(observation, uptime, settings) if is_undated(observation, memory, settings, now) else None


def _guard_date(observation: Observation, uptime_seconds: float, settings: PolicySettings) -> Guard | None:
    """Return why figures that only a record can date are not believed: one that is too old, or none."""
    limit, age = settings.stale_record_seconds, observation.record_age_seconds
    if uptime_seconds < limit + RECORD_ROW_SECONDS:
        return Guard(Reason.TOO_YOUNG, f"it started {uptime_seconds:.0f} s ago, and no record tells yet whether its figures are alive")
    if age is None:
        why = observation.record_problem or "Proxmox's records of it were not read"
        return Guard(Reason.NOT_MEASURED, f"whether its figures are alive is not known: {why}")
    if age > limit:
        recorded = f"its newest record is {age:.0f} s old" if math.isfinite(age) else "nothing was recorded of it lately"
        return Guard(Reason.STALE_SAMPLE, f"{recorded}, so its figures may be as old (pvestatd may be stuck)")
    return None


def _implausible(cpu_cores: float | None, memory_mib: float | None, host: HostState) -> str:
    if cpu_cores is not None and (not math.isfinite(cpu_cores) or cpu_cores < 0):
        return f"a CPU use of {cpu_cores:g} cores cannot be"
    if cpu_cores is not None and host.cpus is not None and cpu_cores > host.cpus * _PLAUSIBLE_CPU_SHARE:
        return f"a CPU use of {cpu_cores:.2f} cores cannot be on {host.cpus:g} CPUs"
    if memory_mib is not None and (not math.isfinite(memory_mib) or memory_mib < 0):
        return f"a memory use of {memory_mib:g} MiB cannot be"
    return ""


def guard_writing(observation: Observation, memory: ContainerMemory, host: HostState, now: float) -> Guard | None:
    """Return why a container that can be learnt from must still not be changed; None when it may be."""
    guest = observation.guest
    if guest.hastate not in _CALM_HA_STATES:
        return Guard(Reason.HA_BUSY, f"HA is busy with it ({guest.hastate})")
    if host.node is not None and host.node.hastate in _BUSY_NODE_STATES:
        return Guard(Reason.HA_BUSY, f"HA says {host.node.hastate} about its node {guest.node}")
    held = current_hold(memory, now)
    if held is not None:
        return Guard(held.reason, describe_hold(held, guest.vmid, now))
    config = observation.config
    waiting = sorted(_SIZE_KEYS.intersection(config.pending)) if config is not None and config.pending else []
    if waiting:
        return Guard(Reason.PENDING_CHANGE, f"a change of {', '.join(waiting)} waits for its restart")
    return None


def guard_apart(observation: Observation, memory: ContainerMemory, chosen_mib: float, now: float) -> Guard | None:
    """Return that a container's limits in force are put right first; the first look may have met somebody's write in its midst.

    It stands in the way of everything but more memory: that brings both together by itself, and may be urgent.

    Args:
        observation: of this moment.
        memory: what is remembered, with that entered.
        chosen_mib: the memory chosen for it; 0 when it keeps.
        now: seconds since 1970.
    """
    config, sample = observation.config, observation.sample
    if memory.apart_since_seconds == 0.0 or config is None or sample is None or chosen_mib > config.allocation.memory_in_effect_mib:
        return None
    then = "they are put back to it"
    if not is_repair_due(memory, now):
        then = "a try to put them back failed" if memory.apart_since_seconds > now else "if they still are in the next cycle, they are put back to it"
    shown = describe_apart(sampled_limits_apart(config, sample, with_swap=memory.swap_sizing is not None))
    return Guard(Reason.HALF_APPLIED, f"its limits are not those of its configuration: {shown}; {then}")


def is_repair_due(memory: ContainerMemory, now: float) -> bool:
    """Return whether limits in force were apart from the configuration in an earlier look already; a time to come is that of the next try."""
    return 0.0 < memory.apart_since_seconds < now


def guard_shrinking(observation: Observation, memory: ContainerMemory, settings: PolicySettings, now: float, *, recorded_seconds: float = 0.0) -> Guard | None:
    """Return why a container may only be grown; None when it may also be made smaller.

    Args:
        observation: of this moment.
        memory: what is remembered.
        settings: validated.
        now: seconds since 1970.
        recorded_seconds: time that Proxmox's records tell of, where it counts as observed.
    """
    uptime = observation.guest.uptime_seconds or 0.0
    if uptime < settings.grow_only_uptime_seconds:
        return Guard(Reason.TOO_YOUNG, f"it started {uptime / 60:.0f} min ago and is only grown")
    known_seconds = memory.learnt_seconds + recorded_seconds
    if known_seconds < settings.grow_only_history_seconds:
        known, needed = known_seconds / 3600, settings.grow_only_history_seconds / 3600
        return Guard(Reason.TOO_LITTLE_HISTORY, f"only {known:.1f} h of {needed:.0f} h of history are known, so it is only grown")
    if now < memory.grow_only_until_seconds:
        hours = (memory.grow_only_until_seconds - now) / 3600
        return Guard(Reason.MIGRATED, f"it came from another node and is only grown for {hours:.1f} h more")
    return None
