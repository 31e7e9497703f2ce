# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``schedules`` of the configuration file: what is different in which hours, and whether that can be together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...model.guest import Guest
from .document import Document, KeyPath, find_near
from .keys import DAYS, SCHEDULE_KEYS, SCHEDULE_SECTIONS
from .layers import Effective, Layer
from .roster import Roster
from .schedule import Schedule, Window
from .tiers import TIER_NAME, read_layer, read_match, refuse_contradictions

_MARKS = ("vmids", "tags", "pools", "names", "tiers")


def read_schedules(document: Document, values: Any, roster: Roster) -> tuple[Schedule, ...]:
    """Return the windows of the file; what is wrong with one, or between two, is noted.

    Args:
        document: that is being read.
        values: of the section.
        roster: the settings outside of all windows.
    """
    schedules = []
    for name, entry in document.mapping(values, ("schedules",)).items():
        path = ("schedules", str(name))
        if not TIER_NAME.fullmatch(str(name)):
            document.refuse(path, "", "allowed is a name of lower-case letters, digits and _ . + -")
            continue
        schedule = _read_schedule(document, entry, path, roster)
        if schedule is not None:
            schedules.append(schedule)
    vmids_of_tiers = {tier.name: tier.match.vmids for tier in roster.tiers}
    for position, later in enumerate(schedules):
        for earlier in schedules[:position]:
            if later.can_meet(earlier, vmids_of_tiers) and later.window.overlaps(earlier.window):
                _refuse_clash(document, earlier, later, roster)
    return tuple(schedules)


def _read_schedule(document: Document, entry: Any, path: KeyPath, roster: Roster) -> Schedule | None:
    """Return one window; None when it does not say when it is open."""
    allowed = {*SCHEDULE_KEYS, *SCHEDULE_SECTIONS}
    found = {key: value for key, value in document.mapping(entry, path).items() if document.is_known(key, (*path, str(key)), allowed)}
    marks = document.section({key: value for key, value in found.items() if key in SCHEDULE_KEYS}, path, SCHEDULE_KEYS)
    layer = read_layer(document, found, path, roster.general, SCHEDULE_SECTIONS)
    keys = {name: place for name, place in layer.places.items() if name.partition(".")[2] in SCHEDULE_SECTIONS[name.partition(".")[0]]}
    if marks["save_energy"] != "none":
        keys["save_energy"] = document.place_of((*path, "save_energy"))
        layer = Layer({**layer.given, "scheduled": {"save_energy": marks["save_energy"]}}, {**layer.places, "scheduled.save_energy": keys["save_energy"]})
    if not keys:
        document.refuse(path, "", "it changes nothing: bounds, policy.preset or save_energy is wanted")
    _refuse_unknown_containers(document, found, marks, path, roster)
    if not _has_times(document, found, marks, path):
        return None
    window = Window(tuple(day for day in DAYS if day in marks["days"]), marks["from"], marks["to"], marks["time_zone"])
    schedule = Schedule(path[-1], window, read_match(marks, ""), frozenset(marks["tiers"]), layer, keys)
    for base in _bases(schedule, roster):
        refuse_contradictions(document, layer, path, base)
    return schedule


def _has_times(document: Document, found: Mapping[Any, Any], marks: Mapping[str, Any], path: KeyPath) -> bool:
    for name in ("from", "to"):
        if found.get(name) is None:
            document.refuse((*path, name), "", "it must be given, as a time of day such as 08:30")
    if not marks["days"]:
        document.refuse((*path, "days"), "", "it opens on no day; without this key it opens on every day")
    if marks["from"] == 1440:
        document.refuse((*path, "from"), "24:00", "a day begins with 00:00")
    return marks["from"] not in (None, 1440) and marks["to"] is not None


def _refuse_unknown_containers(document: Document, found: Mapping[Any, Any], marks: Mapping[str, Any], path: KeyPath, roster: Roster) -> None:
    """Note tiers that do not exist, and a window whose lists are all empty: it would be for all, where somebody meant for none."""
    names = [tier.name for tier in roster.tiers]
    for name in marks["tiers"]:
        if name not in names:
            near = find_near(name, names)
            document.refuse(
                (*path, "tiers"), name, f"there is no such tier; is {near} meant?" if near else f"there is no such tier; there are {names or 'none'}"
            )
    given = [kind for kind in _MARKS if kind in found]
    if given and not any(marks[kind] for kind in _MARKS):
        document.refuse((*path, given[0]), "", "it names no container; without this key the window is for all")


def _bases(schedule: Schedule, roster: Roster) -> Iterator[Effective]:
    """Yield the settings that the window's may stand on, as far as the file shows: of tiers and of overrides."""
    for tier in roster.tiers:
        if schedule.is_for_all or tier.name in schedule.tiers or schedule.match.vmids & tier.match.vmids:
            yield roster.general.with_layer(tier.layer)
    for vmid in roster.overrides:
        assignment = roster.assign(Guest(vmid, "", "", ""))
        if schedule.is_for_all or vmid in schedule.match.vmids or assignment.tier in schedule.tiers:
            yield assignment.effective


def _refuse_clash(document: Document, earlier: Schedule, later: Schedule, roster: Roster) -> None:
    """Note what two windows that are open at once, for the same container, both set, or what contradicts each other."""
    path = ("schedules", later.name)
    for key in sorted(set(earlier.keys) & set(later.keys)):
        message = f"{earlier.keys[key]} sets it as well, and both windows are open at the same time for the same container"
        document.refuse((*path, *key.split(".")), "", message)
    refuse_contradictions(document, later.layer, path, roster.general.with_layer(earlier.layer))
