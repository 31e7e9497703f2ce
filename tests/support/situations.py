# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenario files (tests/scenarios/*.json) -> what the policy is given; tests/scenarios/README.md describes the format."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pve_lxc.backend.cgroup_text import working_set_mib
from pve_lxc.model.allocation import Allocation
from pve_lxc.model.decision import Decision
from pve_lxc.model.guest import Guest, GuestConfig
from pve_lxc.model.node import Node
from pve_lxc.model.reason import Reason
from pve_lxc.model.rootfs import Storage
from pve_lxc.model.usage import HostUsage, MemorySource, UsageSample
from pve_lxc.policy.contest import Contest
from pve_lxc.policy.decide import decide
from pve_lxc.policy.hold import Hold
from pve_lxc.policy.loan import Boost, Saving
from pve_lxc.policy.observation import HostState, Observation
from pve_lxc.policy.probation import Probation
from pve_lxc.policy.remember import ContainerMemory
from pve_lxc.policy.rootfs_memory import RootfsMemory
from pve_lxc.policy.season import Season
from pve_lxc.policy.settings.bounds import BoundsSettings
from pve_lxc.policy.settings.container import ContainerSettings, ScheduledSettings, SettingsBook
from pve_lxc.policy.settings.policy import PolicySettings
from pve_lxc.policy.settings.threshold import ThresholdSettings
from pve_lxc.policy.swap_use import SwapUse

NOW = 1_800_000_000.0
GIB = 2**30
INTERVAL_SECONDS = 300.0
CALM_HOST = {"cpus": 16, "memory_total_mib": 65536, "memory_available_mib": 32768, "memory_full_percent": 0, "cpu_pressure_percent": 30}
# Fields of ContainerMemory that are records themselves.
RECORDS = {"probation": Probation, "swap": SwapUse, "boost": Boost, "saving": Saving, "before": Allocation}


@dataclass
class Situation:
    """One pass of the policy, ready to be decided, at time NOW."""

    observations: list[Observation]
    memories: dict[int, ContainerMemory]
    book: SettingsBook
    host: HostState
    expected: dict[int, Mapping[str, Any]] = field(default_factory=dict)

    def decide(self) -> dict[int, Decision]:
        return {decision.vmid: decision for decision in decide(self.observations, self.memories, self.book, self.host, NOW)[0]}


def build_situation(scenario: Mapping[str, Any]) -> Situation:
    """Return a scenario's situation; what it does not say is a calm, well-known container with two cores and 1 GiB."""
    settings = scenario.get("settings", {})
    policy = PolicySettings(**{"interval_seconds": INTERVAL_SECONDS, **settings.get("policy", {})})
    threshold = ThresholdSettings(**settings.get("threshold", {}))
    scheduled = ScheduledSettings(**settings.get("scheduled", {}))
    book = SettingsBook(ContainerSettings(policy, BoundsSettings(**settings.get("bounds", {})), threshold, scheduled))
    usage = HostUsage("pve1", **{**CALM_HOST, **scenario.get("host", {})})
    host = HostState(
        Node("pve1", **{"status": "online", "cgroup_mode": 2, **scenario.get("node", {})}),
        usage,
        **scenario.get("host_state", {}),
        storages=_storages(scenario),
    )
    situation = Situation([], {}, book, host)
    own = {entry["vmid"]: replace(book.general, policy=replace(policy, **entry["policy"])) for entry in scenario["containers"] if "policy" in entry}
    situation.book = replace(book, by_vmid=own)
    for container in scenario["containers"]:
        _add(situation, container)
    return situation


def _storages(scenario: Mapping[str, Any]) -> dict[str, Storage]:
    """Return the storages by name, their sizes given in GiB; ``{}`` where the situation names none."""
    named = scenario.get("storages", {})
    return {
        name: Storage(name, given.get("plugin", "lvmthin"), given.get("is_available", True), given["used_gib"] * GIB, given["total_gib"] * GIB)
        for name, given in named.items()
    }


def _add(situation: Situation, container: Mapping[str, Any]) -> None:
    vmid = container.get("vmid", 101)
    guest = Guest(vmid, **{"name": f"ct{vmid}", "node": "pve1", "status": "running", "uptime_seconds": 900_000, **container.get("guest", {})})
    guest = replace(guest, tags=tuple(guest.tags))
    if "disk_gib" in container:
        used_gib, whole_gib = container["disk_gib"]
        guest = replace(guest, disk_bytes=used_gib * GIB, max_disk_bytes=whole_gib * GIB)
    allocation = Allocation(**{"cores": 2, "memory_mib": 1024, "swap_mib": 512, **container.get("allocation", {})})
    config = GuestConfig(vmid, "pve1", "", allocation, **container.get("config", {}))
    sample = None if container.get("sample", {}) is None else _sample(guest, {"cpu_cores": 0.5, "memory_mib": 400, **container.get("sample", {})}, NOW)
    history = container.get("history", [{"hours": 30}])
    memory = _learnt(situation, guest, replace(config, allocation=_found(allocation, container)), history)
    if memory is not None:
        if "last_shrink_from_now" in container:
            memory = replace(memory, memory=replace(memory.memory, last_shrink_seconds=NOW + container["last_shrink_from_now"]))
        if "last_oom_from_now" in container:
            memory = replace(memory, memory=replace(memory.memory, oom_times=(NOW + container["last_oom_from_now"],)))
        if "rootfs_tried_from_now" in container:
            memory = replace(memory, rootfs=replace(memory.rootfs or RootfsMemory(), tried_seconds=NOW + container["rootfs_tried_from_now"]))
        if "season" in container:
            memory = replace(memory, season=_season(container["season"]))
        writes = tuple(NOW + seconds for seconds in container.get("writes_from_now", []))
        situation.memories[vmid] = replace(memory, write_times=writes, **_absolute(container.get("memory", {})))
    is_config_read = container.get("is_config_read", True)
    marks = {"is_selected": container.get("is_selected", True), "conflict": container.get("conflict", "")}
    marks |= {"record_age_seconds": container.get("record_age_seconds", 0.0), "record_problem": container.get("record_problem", "")}
    marks["conflict_reason"] = Reason(container.get("conflict_reason", "tier_conflict"))
    situation.observations.append(Observation(guest, config if is_config_read else None, sample, **marks))
    situation.expected[vmid] = container.get("expect", {})


def _found(allocation: Allocation, container: Mapping[str, Any]) -> Allocation:
    """Return what the container had while it was observed; ``allocation_before`` names what somebody changed since."""
    return replace(allocation, **container.get("allocation_before", {}))


def _learnt(situation: Situation, guest: Guest, config: GuestConfig, history: list[Mapping[str, Any]]) -> ContainerMemory | None:
    """Return what the policy itself remembers after stretches of use, oldest first, each with hours, CPU and memory."""
    steps = [(stretch, int(stretch["hours"] * 3600 / INTERVAL_SECONDS)) for stretch in history]
    time_seconds = NOW - sum(count for _stretch, count in steps) * INTERVAL_SECONDS
    memories: dict[int, ContainerMemory] = {}
    old_guest = replace(guest, status="running", is_template=False, lock="", hastate="")
    for stretch, count in steps:
        values = {"cpu_cores": 0.5, "memory_mib": 400, **{name: value for name, value in stretch.items() if name not in ("hours", "disk_gib")}}
        for _step in range(count):
            row = replace(old_guest, uptime_seconds=900_000 + time_seconds - NOW)
            if "disk_gib" in stretch:
                row = replace(row, disk_bytes=stretch["disk_gib"] * GIB)
            observation = Observation(row, config, _sample(row, values, time_seconds), record_age_seconds=0.0)
            _decisions, memories = decide([observation], memories, situation.book, situation.host, time_seconds)
            time_seconds += INTERVAL_SECONDS
    return memories.get(guest.vmid)


def _season(uses: list[list[float]]) -> Season:
    """Return a week with uses entered, oldest first, each as seconds relative to NOW, cores and MiB."""
    season = Season()
    for seconds, cores, memory_mib in uses:
        time_seconds = NOW + seconds
        season = Season(season.cpu.added(time_seconds, cores, 0.5), season.memory.added(time_seconds, memory_mib, 0.5))
    return season


def _sample(guest: Guest, values: Mapping[str, Any], time_seconds: float) -> UsageSample:
    defaults = {"memory_pressure_percent": 0.0, "memory_full_percent": 0.0, "own_oom_kills": 0, "foreign_oom_kills": 0}
    if "memory_stat_mib" in values:
        values = {**values, "memory_mib": _working_set_mib(values["memory_stat_mib"])}
        del values["memory_stat_mib"]
    given = {**defaults, **values, "memory_source": MemorySource(values.get("memory_source", "cgroup"))}
    return UsageSample(guest.vmid, guest.node, time_seconds, INTERVAL_SECONDS, **given)


def _working_set_mib(stat_mib: Mapping[str, float]) -> float:
    """Return the working set of a memory.stat in MiB; what it does not name is 0."""
    stat = dict.fromkeys(("anon", "file", "shmem", "file_mapped", "slab_reclaimable"), 0)
    stat.update({name: int(mib * 2**20) for name, mib in stat_mib.items()})
    found = working_set_mib(stat["anon"] + stat["file"] + stat["slab_reclaimable"], stat)
    if found is None:
        raise ValueError(f"no working set of {stat_mib}")
    return found


def _absolute(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of ContainerMemory; names that end in ``_from_now`` are seconds relative to NOW."""
    absolute = {}
    for name, value in values.items():
        if name.endswith("_from_now"):
            absolute[name.removesuffix("_from_now")] = NOW + value
        elif name == "hold":
            absolute[name] = Hold(Reason(value["reason"]), NOW + value.get("until_seconds_from_now", math.inf))
        elif name == "contest":
            reverted = tuple(NOW + seconds for seconds in value.get("reverted_from_now", []))
            absolute[name] = Contest(Allocation(**value["overwritten"]), reverted)
        elif name == "baseline":
            absolute[name] = Allocation(**{"swap_mib": 512, **value})
        elif name in RECORDS:
            absolute[name] = RECORDS[name](**_absolute(value))
        else:
            absolute[name] = value
    return absolute
