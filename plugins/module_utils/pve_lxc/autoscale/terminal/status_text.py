# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of ``status``: first whether it works at all, then who was changed and why, then the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...policy.hold import Hold, describe_hold
from ...policy.loan import Boost
from .table import format_table, wrap
from .words import LONGEST_NAME, say_age, say_boost, say_change, say_clock, say_cpu, say_mib, say_number, say_step

# A run may be late once and miss once; after this many intervals something is broken.
STALE_INTERVALS = 3

# Why nothing is done with a container that nobody asked to be managed, or that does not run: not worth a line among the others at night.
_QUIET_REASONS = frozenset({"not_selected", "template"})


@dataclass(frozen=True, slots=True)
class Status:
    """What ``status`` knows.

    Attributes:
        node: whose containers.
        mode: what the configuration says: recommend or apply.
        interval_seconds: time between two cycles.
        now: seconds since 1970.
        last_run: the newest cycle that ended; None before the first.
        last_success: the newest that came to its end; None before the first.
        newest_run: the newest of all, be it not ended.
        decisions: the newest about each container, by ascending vmid.
        changes: the last ones, newest first.
        open_changes: begun and never ended.
        holds: vmid -> hold in force.
        boosts: vmid -> raise for a time.
        notices: what the operator should know.
    """

    node: str
    mode: str
    interval_seconds: float
    now: float
    last_run: Mapping[str, Any] | None
    last_success: Mapping[str, Any] | None
    newest_run: Mapping[str, Any] | None
    decisions: Sequence[Mapping[str, Any]]
    changes: Sequence[Mapping[str, Any]]
    open_changes: Sequence[Mapping[str, Any]]
    holds: Mapping[int, Hold]
    boosts: Mapping[int, Boost]
    notices: Sequence[str]

    @property
    def is_stale(self) -> bool:
        """Return whether the last success is missing or older than three intervals."""
        return self.last_success is None or self.now - self.last_success["ended"] > STALE_INTERVALS * self.interval_seconds

    @property
    def counts(self) -> dict[str, int]:
        """Return how many containers have each reason, most frequent first."""
        counts: dict[str, int] = {}
        for decision in self.decisions:
            counts[decision["reason"]] = counts.get(decision["reason"], 0) + 1
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def format_status(status: Status) -> dict[str, Any]:
    """Return the same for ``--json``."""
    return {
        "node": status.node,
        "mode": status.mode,
        "is_stale": status.is_stale,
        "run": status.last_run,
        "last_success": status.last_success,
        "counts": status.counts,
        "decisions": list(status.decisions),
        "holds": {
            str(vmid): {
                "reason": str(held.reason),
                "since": held.since_seconds,
                "until": None if held.until_seconds == float("inf") else held.until_seconds,
            }
            for vmid, held in status.holds.items()
        },
        "boosts": {str(vmid): {"until": boost.until_seconds, "is_active": boost.is_active(status.now)} for vmid, boost in status.boosts.items()},
        "changes": list(status.changes),
        "open_changes": list(status.open_changes),
        "notices": list(status.notices),
    }


def format_status_lines(status: Status) -> list[str]:
    """Return the lines of ``status``."""
    lines = _run_lines(status)
    lines += [line for notice in status.notices for line in wrap(f"notice: {notice}", 0)]
    if not status.decisions:
        return lines
    counts = ", ".join(f"{count} {reason}" for reason, count in status.counts.items())
    lines += ["", *wrap(f"{len(status.decisions)} container{'s' * (len(status.decisions) != 1)} on {status.node}: {counts}", 0)]
    shown = [decision for decision in status.decisions if decision["reason"] not in _QUIET_REASONS]
    if shown:
        lines += ["", *_table(shown)]
    lines += _hold_lines(status)
    if status.boosts:
        lines += ["", "raised for a time (lxc-autoscale boost VMID --end ends it):"]
        lines += [line for vmid, boost in status.boosts.items() for line in wrap(f"{vmid} {say_boost(boost, status.now)}", 4)]
    if status.open_changes:
        lines += ["", "BEGUN AND NEVER ENDED (the next run finds out what became of it):"]
        lines += [line for change in status.open_changes for line in say_change(change, status.now)]
    if status.changes:
        lines += ["", "last changes (all: lxc-autoscale history):"]
        lines += [line for change in status.changes for line in say_change(change, status.now)]
    return lines


def _run_lines(status: Status) -> list[str]:
    run, success, newest = status.last_run, status.last_success, status.newest_run
    lines = _alarm_lines(status) if status.is_stale else []
    if run is not None:
        ago = say_age(status.now - run["ended"])
        lines += wrap(f"last run {run['run_id']} (mode {run['mode']}) ended {ago} ago, {say_clock(run['ended'])}: {run['result']}", 0)
    if success is not None and run is not None and success["run_id"] != run["run_id"]:
        lines += wrap(f"last success: run {success['run_id']}, {say_age(status.now - success['ended'])} ago, {say_clock(success['ended'])}", 0)
    if newest is not None and newest["ended"] is None:
        lines += wrap(f"run {newest['run_id']} began {say_age(status.now - newest['started'])} ago and has not ended: it is at work, or was killed", 0)
    if status.mode == "recommend":
        lines.append("mode recommend: nothing is changed, what stands below as -> is a recommendation")
    return lines


def _alarm_lines(status: Status) -> list[str]:
    success = status.last_success
    since = "NO RUN HAS EVER SUCCEEDED" if success is None else f"NO RUN HAS SUCCEEDED FOR {say_age(status.now - success['ended'])}"
    every = f"one is due every {status.interval_seconds:g} s"
    return [
        f"!!! {since} ({every}); containers keep what they have.",
        "!!! lxc-autoscale check                        says what is missing",
        "!!! systemctl status lxc-autoscale.timer       says whether it is on",
        "!!! journalctl -u lxc-autoscale.service -n 30  has the last errors",
        "",
    ]


def _table(decisions: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        [
            str(decision["vmid"]),
            decision["name"][:LONGEST_NAME],
            say_number(decision["usage"].get("cpu_cores"), 2),
            say_step(say_cpu(decision["before"]), say_cpu(decision["target"])),
            say_number(decision["usage"].get("memory_mib"), 0),
            say_step(say_mib(decision["before"]), say_mib(decision["target"])),
            decision["reason"],
        ]
        for decision in decisions
    ]
    return format_table(["VMID", "NAME", "CPU USED", "CPU LIMIT", "MIB USED", "MIB LIMIT", "LAST DECISION"], rows, right=frozenset({0, 2, 4}), shrink=(1,))


def _hold_lines(status: Status) -> list[str]:
    if not status.holds:
        return []
    lines = ["", "left to you (lxc-autoscale release VMID gives one back to the loop):"]
    for vmid, held in status.holds.items():
        begun = "" if held.since_seconds is None else f", since {say_clock(held.since_seconds)} ({say_age(status.now - held.since_seconds)})"
        end = "" if held.until_seconds == float("inf") else f", until {say_clock(held.until_seconds)}"
        lines += wrap(f"{vmid} {held.reason}{begun}: {describe_hold(held, vmid, status.now)}{end}", 4)
    return lines
