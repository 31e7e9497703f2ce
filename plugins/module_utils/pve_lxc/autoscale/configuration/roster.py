# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which settings each container has: the general ones, its tier's, its override's, those of open windows, and what its tags restrict.

Tags are set by whoever may edit a container, so they are input from tenants: they choose among the tiers that are there, or forbid a
change; no tag widens a bound. An id in a tier's ``vmids`` is the operator's word and beats every tag.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ...model.guest import Guest
from ...model.reason import Reason
from ...policy.settings.container import ContainerSettings, SettingsBook
from .layers import Effective, Layer
from .off_peak import is_off_peak
from .schedule import Schedule, find_clash
from .selection import Match

TIER_TAG_PREFIX = "autoscale-tier-"

# Tag -> what it forbids. Source: operations with programs that size themselves at their start (JVM, PostgreSQL, Elasticsearch).
RESTRICTIONS: Mapping[str, Layer] = {
    "autoscale-start-sized": Layer({"policy": {"memory_grow_only": True}}, {"policy.memory_grow_only": "tag autoscale-start-sized"}),
    "autoscale-grow-only": Layer(
        {"policy": {"memory_grow_only": True, "cpu_grow_only": True}},
        {"policy.memory_grow_only": "tag autoscale-grow-only", "policy.cpu_grow_only": "tag autoscale-grow-only"},
    ),
    "autoscale-keep-cpu": Layer({"bounds": {"actuator": "none"}}, {"bounds.actuator": "tag autoscale-keep-cpu"}),
}


@dataclass(frozen=True, slots=True)
class Tier:
    """Settings of several containers.

    Attributes:
        name: lower case.
        match: whose they are.
        allow_tag: whether ``autoscale-tier-NAME`` puts a container here.
        layer: the settings.
        places: ``vmids``, ``tags``, ``pools``, ``names`` -> where that stands in the file.
    """

    name: str
    match: Match = Match()
    allow_tag: bool = True
    layer: Layer = Layer()
    places: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why it cannot be said which settings a container has, so that it is left.

    Attributes:
        reason: machine-readable.
        message: naming both places.
    """

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """The settings of one container.

    Attributes:
        effective: the settings and where they came from.
        tier: its name, empty without one.
        tier_place: why it is in this tier.
        conflict: why it cannot be said which tier it is in, or which window holds; None otherwise.
        schedules: the windows that are for it, open or not.
    """

    effective: Effective
    tier: str = ""
    tier_place: str = ""
    conflict: Conflict | None = None
    schedules: tuple[Schedule, ...] = ()


@dataclass(frozen=True, slots=True)
class Roster:
    """Who has which settings.

    Attributes:
        general: for all.
        tiers: in the order of the file.
        overrides: by vmid.
        obey_tags: whether a container's own tags count.
        schedules: what is different in which hours, in the order of the file.
    """

    general: Effective = Effective()
    tiers: tuple[Tier, ...] = ()
    overrides: Mapping[int, Layer] = field(default_factory=dict)
    obey_tags: bool = True
    schedules: tuple[Schedule, ...] = ()

    def assign(self, guest: Guest, now: float | None = None) -> Assignment:
        """Return the settings of a container; with a conflict they are not to be used.

        Args:
            guest: the container.
            now: the moment, for the windows that are open then; None for the settings without any.
        """
        tags = {tag.lower() for tag in guest.tags}
        tier, place, message = self._tier_of(guest, tags)
        name = tier.name if tier else ""
        mine = tuple(schedule for schedule in self.schedules if schedule.is_for(guest, name))
        held = () if now is None else tuple(schedule for schedule in mine if schedule.window.is_open(now))
        effective = self._stacked(tier, guest.vmid, held, self._restrictions_of(tags))
        return Assignment(effective, name, place, _conflict(message, held), mine)

    def book(self, guests: Iterable[Guest], now: float) -> tuple[SettingsBook, dict[int, Conflict]]:
        """Return the settings of all containers for one moment, and the conflicts by vmid."""
        by_vmid, conflicts = {}, {}
        # Thousands of containers have a handful of different settings, and making one takes a while.
        made: dict[tuple[str, int, tuple[str, ...], tuple[str, ...]], ContainerSettings] = {}
        open_now = [schedule for schedule in self.schedules if schedule.window.is_open(now)]
        for guest in guests:
            tags = {tag.lower() for tag in guest.tags}
            tier, _place, message = self._tier_of(guest, tags)
            name = tier.name if tier else ""
            held = tuple(schedule for schedule in open_now if schedule.is_for(guest, name))
            restrictions = self._restrictions_of(tags)
            conflict = _conflict(message, held)
            if conflict is not None:
                conflicts[guest.vmid] = conflict
            if tier is None and guest.vmid not in self.overrides and not restrictions and not held:
                continue
            key = (name, guest.vmid if guest.vmid in self.overrides else 0, tuple(schedule.name for schedule in held), restrictions)
            if key not in made:
                made[key] = at_moment(self._stacked(tier, guest.vmid, held, restrictions).settings, now)
            by_vmid[guest.vmid] = made[key]
        return SettingsBook(at_moment(self.general.settings, now), by_vmid), conflicts

    def static_book(self) -> SettingsBook:
        """Return what is known without looking at any container: by the ids of tiers and overrides."""
        vmids = set(self.overrides).union(*(tier.match.vmids for tier in self.tiers))
        return SettingsBook(self.general.settings, {vmid: self.assign(Guest(vmid, "", "", "")).effective.settings for vmid in sorted(vmids)})

    def _restrictions_of(self, tags: set[str]) -> tuple[str, ...]:
        return tuple(tag for tag in RESTRICTIONS if self.obey_tags and tag in tags)

    def _stacked(self, tier: Tier | None, vmid: int, schedules: tuple[Schedule, ...], restrictions: tuple[str, ...]) -> Effective:
        """Return the general settings with those of a tier, of an override, of open windows and of tags on top, in this order."""
        effective = self.general.with_layer(tier.layer) if tier else self.general
        if vmid in self.overrides:
            effective = effective.with_layer(self.overrides[vmid])
        for schedule in schedules:
            effective = effective.with_layer(schedule.layer)
        for tag in restrictions:
            effective = effective.with_layer(RESTRICTIONS[tag])
        return effective

    def _tier_of(self, guest: Guest, tags: set[str]) -> tuple[Tier | None, str, str]:
        """Return the container's tier, why it is in it, and the conflict where there is one: by id, else by its own tag, else by tag, pool and name."""
        for tier in self.tiers:
            if guest.vmid in tier.match.vmids:
                return tier, tier.places.get("vmids", ""), ""
        if self.obey_tags:
            named = sorted(tag for tag in tags if tag.startswith(TIER_TAG_PREFIX))
            if named:
                return self._tier_by_tag(named)
        found = [(tier, tier.places.get(kind, kind)) for tier in self.tiers for kind in tier.match.kinds_of(guest)[:1]]
        if len(found) > 1:
            places = " and ".join(place for _tier, place in found)
            return None, "", f"it is in the tiers {' and '.join(tier.name for tier, _place in found)}, by {places}; a container has one tier"
        return (*found[0], "") if found else (None, "", "")

    def _tier_by_tag(self, named: list[str]) -> tuple[Tier | None, str, str]:
        if len(named) > 1:
            return None, "", f"it has the tags {' and '.join(named)}; a container has one tier"
        by_name = {tier.name: tier for tier in self.tiers if tier.allow_tag}
        tier = by_name.get(named[0].removeprefix(TIER_TAG_PREFIX))
        if tier is None:
            allowed = ", ".join(f"{TIER_TAG_PREFIX}{name}" for name in sorted(by_name)) or "none"
            return None, "", f"it has the tag {named[0]}, and there is no such tier to choose; tags allowed by the configuration: {allowed}"
        return tier, f"tag {named[0]}", ""


def _conflict(tier_message: str, open_schedules: tuple[Schedule, ...]) -> Conflict | None:
    if tier_message:
        return Conflict(Reason.TIER_CONFLICT, tier_message)
    clash = find_clash(open_schedules) if len(open_schedules) > 1 else ""
    return Conflict(Reason.SCHEDULE_CONFLICT, clash) if clash else None


def at_moment(settings: ContainerSettings, now: float) -> ContainerSettings:
    """Return the settings with off-peak set for a moment; they are the same record where nothing changes."""
    is_now = settings.policy.algorithm == "threshold" and is_off_peak(settings.threshold, now)
    return settings if is_now == settings.threshold.is_off_peak else replace(settings, threshold=replace(settings.threshold, is_off_peak=is_now))
