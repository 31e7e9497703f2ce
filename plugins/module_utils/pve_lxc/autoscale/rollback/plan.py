# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollback means for one container, from its journal: pure.

Only what the loop itself wrote is taken back. A value that the loop never touched stays, and so does one that somebody else has set since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...model.allocation import CONFIG_KEYS, Allocation, in_effect
from ...model.form import is_of_disk
from ...model.reason import Reason
from ...policy.adopt import MANAGED_FIELDS
from ..moment import Moment


@dataclass(frozen=True, slots=True)
class Undoing:
    """What is to be taken back of one container.

    Attributes:
        undoes_from: number of the oldest change that is taken back.
        run_id: the run that made it.
        begun_seconds: when.
        identity: of the container it was made to; empty when an older version wrote the journal.
        found: field -> value before, None for an absent key.
        written: field -> the value that was written last.
        disks: what root file systems were grown by, as ``8G -> 10G``; they stay, for a disk cannot shrink.
    """

    undoes_from: int
    run_id: int
    begun_seconds: float
    identity: str
    found: Mapping[str, Any]
    written: Mapping[str, Any]
    disks: tuple[str, ...] = ()

    @property
    def stays(self) -> str:
        """Return what cannot be taken back, as a clause; empty when all can."""
        return f"its root file system stays as it is ({', '.join(self.disks)}), because a disk cannot shrink" if self.disks else ""

    def target(self, present: Allocation) -> Allocation:
        """Return what the container is to have: what is there now, but for what is taken back."""
        return replace(present, **self.found)

    def changed_since(self, present: Allocation) -> tuple[str, ...]:
        """Return which fields somebody else has changed since, apart from those that have the old value again anyway."""
        return tuple(
            name
            for name, value in self.written.items()
            if in_effect(name, getattr(present, name)) not in (in_effect(name, value), in_effect(name, self.found[name]))
        )


def changes_to_undo(changes: Sequence[Mapping[str, Any]], moment: Moment | None) -> list[Mapping[str, Any]]:
    """Return the changes of one container that are to be taken back, newest first.

    Args:
        changes: all of the container's, newest first, as the journal has them; rollbacks are among them.
        moment: to when; None for "to before its newest change", where what was already taken back does not count.
    """
    if moment is None:
        undone = undone_changes(changes, changes)
        newest = next((change for change in changes if change["undoes_from"] is None and change["change_id"] not in undone and _may_have_changed(change)), None)
        return [] if newest is None else [change for change in changes if change["change_id"] >= newest["change_id"] and _may_have_changed(change)]
    return [change for change in changes if _may_have_changed(change) and _is_after(change, moment)]


def undone_changes(changes: Sequence[Mapping[str, Any]], rollbacks: Sequence[Mapping[str, Any]]) -> set[int]:
    """Return the numbers of the changes that a rollback has taken back: all of its container between the one it names and itself.

    Args:
        changes: to be judged.
        rollbacks: all that there are of their containers; changes of another kind among them do not matter.
    """
    undone = set()
    for rollback in rollbacks:
        if rollback["undoes_from"] is not None and _is_done(rollback):
            undone |= {
                change["change_id"]
                for change in changes
                if change["vmid"] == rollback["vmid"] and rollback["undoes_from"] <= change["change_id"] < rollback["change_id"] and not is_of_disk(change)
            }
    return undone


def plan_undoing(changes: Sequence[Mapping[str, Any]]) -> Undoing | None:
    """Return what is to be taken back; None when nothing is.

    Of cores 2 -> 4, memory 512 -> 1024, memory 1024 -> 2048 it is cores 2 and memory 512: of each field the value before its first change.

    Args:
        changes: from ``changes_to_undo``, newest first.
    """
    if not changes:
        return None
    disks = tuple(f"{change['before'].get('rootfs')} -> {change['target'].get('rootfs')}" for change in reversed(changes) if is_of_disk(change))
    found: dict[str, Any] = {}
    written: dict[str, Any] = {}
    for change in reversed(changes):
        before, after = _allocation(change["before"]), _allocation(_written(change))
        for name in _fields_of(change):
            if in_effect(name, getattr(before, name)) != in_effect(name, getattr(after, name)):
                found.setdefault(name, getattr(before, name))
                written[name] = getattr(after, name)
    oldest = changes[-1]
    return Undoing(int(oldest["change_id"]), int(oldest["run_id"]), float(oldest["begun"]), str(oldest["identity"]), found, written, disks)


def _fields_of(change: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields that a change may have written: swap only where it was to be changed, for else it was somebody else's."""
    key = CONFIG_KEYS["swap_mib"]
    is_of_swap = (change["before"] or {}).get(key) != (change["target"] or {}).get(key)
    return tuple(name for name in MANAGED_FIELDS if name != "swap_mib" or is_of_swap)


def _is_after(change: Mapping[str, Any], moment: Moment) -> bool:
    if moment.run_id is not None:
        return bool(change["run_id"] >= moment.run_id)
    return bool(change["begun"] >= (moment.seconds or 0.0))


def _is_done(change: Mapping[str, Any]) -> bool:
    return change["outcome"] is not None and not change["outcome"].get("failed")


def _may_have_changed(change: Mapping[str, Any]) -> bool:
    """Return whether a change left anything in the configuration; one of unknown end may have."""
    return change["outcome"] is None or bool(change["outcome"].get("changed"))


def _written(change: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a change left: what was read after it, or what it wanted where nobody looked or somebody else had been there by then."""
    outcome = change["outcome"] or {}
    seen: Mapping[str, Any] | None = None if outcome.get("reason") == Reason.OPERATOR_CHANGED else outcome.get("after")
    return seen or change["target"]


def _allocation(values: Mapping[str, Any] | None) -> Allocation:
    given = values or {}
    return Allocation(**{field: given.get(key) for field, key in CONFIG_KEYS.items()})
