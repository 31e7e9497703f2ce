# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at the node: the cluster's list, measurements, and as few configurations as will do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import ProxmoxAPIError
from ..model.allocation import Allocation
from ..model.guest import Guest, GuestConfig
from ..model.node import Cluster
from ..model.reason import Reason
from ..model.usage import MemorySource, UsageSample
from ..policy.observation import HostState, Observation
from ..policy.remember import memory_from_dict, memory_to_dict, new_memory
from ..policy.settings.container import SettingsBook
from ..policy.stopped import is_restorable
from .configuration.roster import Conflict
from .configuration.selection import require_visible_pools
from .node_look import look_at_node, notices_of_limits
from .parts import UNREACHABLE_ERRORS, CycleParts
from .remembered import Remembered

# A configuration is read again after this long even if nothing seems to have changed; spread over the hour by vmid.
CONFIG_KEPT_SECONDS = 3600.0
_SPREAD_SECONDS = 97.0

_NO_CONFLICT = Conflict(Reason.TIER_CONFLICT, "")

# The cluster's list shows a change of cores up to ten seconds late (pvestatd); twice that is sure. Source: seen on PVE 9.2.11.
_LIST_LAG_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Observed:
    """One look at the node.

    Attributes:
        cluster: the cluster's list.
        host: the node.
        observations: one for every container of the node.
        settings: of each container, for this moment.
        remembered: by vmid, with configurations and counters brought up to date; of these containers, and of those that went to another node.
        notices: what the operator should know.
    """

    cluster: Cluster
    host: HostState
    observations: tuple[Observation, ...]
    settings: SettingsBook
    remembered: Mapping[int, Remembered]
    notices: tuple[str, ...]


def observe(parts: CycleParts, remembered: Mapping[int, Remembered], now: float) -> Observed:
    """Return one look at the node; one request (cgroup files) or two (API) when no configuration needs to be read.

    Raises:
        ConfigError: a pool of the configuration cannot be seen.
        ProxmoxAPIError: Proxmox cannot be reached, or refuses the list.
    """
    cluster = parts.backend.read_cluster()
    guests = [guest for guest in cluster.guests.values() if guest.node == parts.node]
    book, conflicts = _settings_of(parts, cluster, guests, now)
    managed = [guest for guest in guests if parts.selection.is_selected(guest) and not guest.is_template]
    parts.usage.note_cluster(cluster)
    parts.usage.load_counters({vmid: entry.counters for vmid, entry in remembered.items() if entry.counters})
    samples = parts.usage.read_samples(managed, now)
    counters = parts.usage.dump_counters()
    notices: list[str] = []
    if not guests:
        notices.append(f"Proxmox shows no container on node {parts.node}: is the node's name right, and may this user see containers (VM.Audit)?")
    observations, kept = [], {}
    managed_vmids = {guest.vmid for guest in managed}
    for guest in guests:
        entry = _entry_of(parts, guest, remembered, book)
        sample = samples.get(guest.vmid)
        is_looked_at = guest.is_running or (guest.status == "stopped" and is_restorable(entry.memory, book.of(guest.vmid).policy))
        if guest.vmid in managed_vmids and is_looked_at and is_config_due(entry, guest, sample, now):
            entry = _read_config(parts, guest, entry, now, notices)
        config = entry.config
        entry = replace(entry, counters=counters.get(guest.vmid, {}), tags=guest.tags, pool=guest.pool)
        kept[guest.vmid] = replace(entry, config=None if config is None else replace(config, lock=""))
        conflict = conflicts.get(guest.vmid, _NO_CONFLICT)
        is_selected = parts.selection.is_selected(guest)
        observations.append(Observation(guest, config, sample, is_selected=is_selected, conflict=conflict.message, conflict_reason=conflict.reason))
    host = look_at_node(parts, cluster, now, notices)
    notices += notices_of_limits(observations, host)
    return Observed(cluster, host, tuple(observations), book, {**kept, **_gone_elsewhere(parts, cluster, remembered, now)}, tuple(notices))


def _gone_elsewhere(parts: CycleParts, cluster: Cluster, remembered: Mapping[int, Remembered], now: float) -> dict[int, Remembered]:
    """Return containers of this node that are on another now: should they come back they are only grown for a day, as any that was moved."""
    gone = {}
    for vmid, entry in remembered.items():
        guest = cluster.guests.get(vmid)
        if guest is not None and guest.node != parts.node == entry.memory.node:
            until = now + parts.settings.of(vmid).policy.grow_only_history_seconds
            gone[vmid] = replace(entry, memory=replace(entry.memory, grow_only_until_seconds=until))
    return gone


def _settings_of(parts: CycleParts, cluster: Cluster, guests: Sequence[Guest], now: float) -> tuple[SettingsBook, Mapping[int, Conflict]]:
    """Return everybody's settings and the conflicts by vmid; refuse pools that cannot be seen."""
    tiers = () if parts.roster is None else parts.roster.tiers
    ignored = parts.selection.ignored.pools
    pools = [("selection.pools", pool) for pool in sorted(parts.selection.managed.pools)]
    pools += [("selection.ignore_pools", pool) for pool in sorted(ignored)]
    pools += [(f"tiers.{tier.name}.pools", pool) for tier in tiers for pool in sorted(tier.match.pools)]
    schedules = () if parts.roster is None else parts.roster.schedules
    pools += [(f"schedules.{schedule.name}.pools", pool) for schedule in schedules for pool in sorted(schedule.match.pools)]
    if pools:
        require_visible_pools(pools, ignored, cluster.guests.values())
    return (parts.settings, {}) if parts.roster is None else parts.roster.book(guests, now)


def _entry_of(parts: CycleParts, guest: Guest, remembered: Mapping[int, Remembered], book: SettingsBook) -> Remembered:
    """Return what is remembered about a container, with the windows of the settings that its tags, pool and name give it."""
    policy = book.of(guest.vmid).policy
    entry = remembered.get(guest.vmid)
    if entry is None:
        return Remembered(new_memory(policy))
    if policy == parts.settings.of(guest.vmid).policy:
        return entry
    return replace(entry, memory=memory_from_dict(memory_to_dict(entry.memory), policy))


def is_config_due(entry: Remembered, guest: Guest, sample: UsageSample | None, now: float) -> bool:
    """Return whether a configuration must be read: never known, an hour old, or contradicted by what is in force."""
    if entry.config is None or entry.config.node != guest.node or entry.config_read_seconds > now:
        return True
    offset = guest.vmid * _SPREAD_SECONDS
    if (now + offset) // CONFIG_KEPT_SECONDS != (entry.config_read_seconds + offset) // CONFIG_KEPT_SECONDS:
        return True
    allocation = entry.config.allocation
    if sample is not None and _is_contradicted(allocation, sample, with_swap=entry.memory.swap_sizing is not None):
        return True
    expected_cpu = allocation.cores if allocation.cores is not None else allocation.cpulimit
    is_list_current = now - entry.config_read_seconds > _LIST_LAG_SECONDS
    return is_list_current and expected_cpu is not None and guest.max_cpu is not None and guest.max_cpu != expected_cpu


def _is_contradicted(allocation: Allocation, sample: UsageSample, *, with_swap: bool) -> bool:
    memory_mib = allocation.memory_in_effect_mib
    if sample.live_memory_max_mib is not None and abs(sample.live_memory_max_mib - memory_mib) >= 1:
        return True
    if with_swap and sample.live_swap_max_mib is not None and sample.live_swap_max_mib != allocation.swap_in_effect_mib:
        return True
    # Over the API no quota is shown; None there means nothing.
    if sample.memory_source is not MemorySource.CGROUP:
        return False
    return abs((sample.live_cpu_max_cores or 0.0) - (allocation.cpulimit or 0.0)) > 0.01


def _read_config(parts: CycleParts, guest: Guest, entry: Remembered, now: float, notices: list[str]) -> Remembered:
    """Return the entry with its configuration and what waits for a restart; without one when this container cannot be read."""
    try:
        config: GuestConfig | None = parts.backend.read_config(guest.node, guest.vmid)
        # Raw lxc.* lines stand only in the first answer, what waits for a restart only in the second.
        pending = parts.backend.read_pending(guest.node, guest.vmid).pending
    except UNREACHABLE_ERRORS:
        raise
    except ProxmoxAPIError as error:
        notices.append(f"the configuration of {guest.vmid} could not be read: {str(error).strip()}")
        return replace(entry, config=None, config_read_seconds=0.0)
    if config is not None:
        config = replace(config, pending=dict(pending), values={})
    return replace(entry, config=config, config_read_seconds=now)
