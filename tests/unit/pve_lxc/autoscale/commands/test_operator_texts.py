# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What status, explain and history say: first whether it works, then what was done; in 100 columns whatever the figures are."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from pve_lxc.autoscale.commands.explain_text import format_explanation_lines
from pve_lxc.autoscale.commands.history import format_history_lines
from pve_lxc.autoscale.terminal.status_text import Status, format_status, format_status_lines
from pve_lxc.autoscale.terminal.words import say_clock
from pve_lxc.model.allocation import Allocation
from pve_lxc.model.reason import Reason
from pve_lxc.policy.hold import Hold
from pve_lxc.policy.loan import Boost

NOW = 1_800_000_000.0
RUN = {"run_id": 412, "mode": "apply", "started": NOW - 35, "ended": NOW - 34, "result": "1 changed, 0 failed", "is_failed": False}
ALLOCATION = {"cores": 2, "cpulimit": None, "cpuunits": None, "memory": 1024, "swap": 512}

DECISION = {
    "vmid": 101,
    "name": "web",
    "node": "pve1",
    "time": NOW - 34,
    "run_id": 412,
    "change": True,
    "reason": "grow_memory",
    "reasons": ["grow_memory", "within_band"],
    "msg": "memory 1024 -> 1184 MiB: 1000 MiB are in use",
    "before": ALLOCATION,
    "target": {**ALLOCATION, "memory": 1184},
    "usage": {
        "cpu_cores": 0.5,
        "cpu_peak_cores": 0.8,
        "memory_mib": 1000.0,
        "memory_source": "cgroup",
        "memory_pressure_percent": None,
        "cpu_pressure_percent": 1.25,
        "swap_mib": 0.0,
        "uptime_seconds": 86400.0 * 5,
    },
    "cpu_demand_cores": 0.9,
    "memory_demand_mib": 1150.0,
    "cpu_bounds_cores": [1, 4],
    "memory_bounds_mib": [512, 2048],
}

CHANGE = {
    "change_id": 7,
    "run_id": 412,
    "vmid": 101,
    "name": "web",
    "begun": NOW - 34,
    "reason": "grow_memory",
    "before": ALLOCATION,
    "target": {**ALLOCATION, "memory": 1184},
    "outcome": {"failed": False, "changed": True, "reason": "grow_memory", "msg": "m"},
    "undoes_from": None,
}

WIDEST = {
    **CHANGE,
    "run_id": 99_999_999,
    "vmid": 999_999_999,
    "name": "a-container-with-a-very-long-name-indeed",
    "before": {**ALLOCATION, "cores": 128, "cpulimit": 127.25, "memory": 1_048_576},
    "target": {**ALLOCATION, "cores": 8, "cpulimit": 7.75, "memory": 16_777_216},
    "reason": "host_short_of_memory",
    "outcome": {"failed": True, "changed": False, "reason": "refused_by_proxmox", "msg": "no " * 80},
}


def status_of(**changes):
    status = Status("pve1", "apply", 60.0, NOW, RUN, RUN, RUN, [DECISION], [CHANGE], [], {}, {}, [])
    return replace(status, **changes)


def text_of(**changes):
    lines = format_status_lines(status_of(**changes))
    assert max(map(len, lines)) <= 100
    return "\n".join(lines)


def test_status_begins_with_the_last_run():
    assert text_of().startswith("last run 412 (mode apply) ended 34 s ago, 20")


def test_status_counts_containers_by_reason_and_leaves_those_nobody_manages_out_of_the_table():
    left = {**DECISION, "vmid": 102, "reason": "not_selected"}
    text = text_of(decisions=[DECISION, left, {**left, "vmid": 103}])
    assert "3 containers on pve1: 2 not_selected, 1 grow_memory" in text
    assert [line.split()[0] for line in text.splitlines() if line.lstrip().startswith("10")] == ["101"]


def test_status_shows_use_limit_and_what_it_becomes():
    assert " 101  web       0.50  2              1000  1024 -> 1184  grow_memory" in text_of()


@pytest.mark.parametrize(
    ("success", "said"),
    [
        (None, "!!! NO RUN HAS EVER SUCCEEDED (one is due every 60 s); containers keep what they have."),
        ({**RUN, "run_id": 3, "ended": NOW - 7200}, "!!! NO RUN HAS SUCCEEDED FOR 2 h (one is due every 60 s); containers keep what they have."),
    ],
)
def test_status_is_loud_where_no_run_succeeded_lately(success, said):
    text = text_of(last_success=success)
    assert text.startswith(said)
    assert "lxc-autoscale check" in text


def test_status_is_calm_just_inside_three_intervals():
    assert status_of(last_success={**RUN, "ended": NOW - 180}).is_stale is False
    assert status_of(last_success={**RUN, "ended": NOW - 181}).is_stale is True


def test_status_before_the_first_run_does_not_break():
    text = text_of(last_run=None, last_success=None, newest_run={**RUN, "ended": None, "started": NOW - 3}, decisions=[], changes=[])
    assert "run 412 began 3 s ago and has not ended" in text


def test_status_shows_who_is_left_to_people_and_until_when():
    contested = Hold(Reason.CONTESTED, math.inf, NOW - 5 * 86400)
    text = text_of(holds={105: Hold(Reason.ROLLED_BACK, NOW + 7200), 106: contested})
    assert "105 rolled_back: it was rolled back; what it has is kept for 2.0 h more, until 20" in text
    assert f"106 contested, since {say_clock(NOW - 5 * 86400)} (5 d): somebody has set our values back again and again" in " ".join(text.split())
    assert "`lxc-autoscale release 106`" in text
    assert format_status(status_of(holds={106: contested}))["holds"] == {"106": {"reason": "contested", "since": NOW - 5 * 86400, "until": None}}


def test_status_shows_boosts_and_those_that_are_over():
    running = Boost(Allocation(2, memory_mib=1024), NOW - 60, NOW + 7200, cpu_cores=4.0, memory_mib=4096.0)
    text = " ".join(text_of(boosts={101: running, 102: replace(running, until_seconds=NOW - 1, cpu_cores=0.0)}).split())
    assert "101 at least 4 cores and 4096 MiB until 20" in text
    assert "(2 h more)" in text
    assert "102 at least 4096 MiB until 20" in text
    assert "that is over, and what it gave is still to be taken" in text


def test_status_shouts_about_changes_of_unknown_end():
    text = text_of(open_changes=[{**CHANGE, "outcome": None}])
    assert "BEGUN AND NEVER ENDED" in text
    assert "grow_memory, not ended" in text


def test_status_of_the_widest_figures_stays_within_100_columns():
    wide = {**DECISION, "vmid": 999_999_999, "name": WIDEST["name"], "before": WIDEST["before"], "target": WIDEST["target"], "reason": WIDEST["reason"]}
    text = text_of(decisions=[wide], changes=[WIDEST], notices=["n " * 100])
    assert "999999999  a-c" in text
    assert "1048576 -> 16777216" in text


def explained(decision=None, memory=None, changes=(CHANGE,)):
    lines = format_explanation_lines(decision or DECISION, memory or {}, changes, NOW)
    assert max(map(len, lines)) <= 100
    return "\n".join(lines)


def test_explain_says_first_what_was_done_and_why():
    lines = explained().splitlines()
    assert lines[0] == "container 101 (web) on pve1, decided 34 s ago in run 412"
    assert lines[2:5] == [
        "  decided    memory 1024 -> 1184 MiB: done",
        "  why        grow_memory, within_band",
        "             memory 1024 -> 1184 MiB: 1000 MiB are in use",
    ]


def test_explain_has_both_resources_side_by_side():
    assert explained().split("\n\n")[2].splitlines() == [
        "             CPU in cores      memory in MiB",
        "  uses       0.50 (peak 0.80)  1000",
        "  had        2                 1024",
        "  needs      0.90              1150           estimated, before bounds and guards",
        "  may have   1 to 4            512 to 2048    bounds",
        "  gets       2                 1184",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ((), "memory 1024 -> 1184 MiB: recommended, not made"),
        (({**CHANGE, "outcome": None},), "memory 1024 -> 1184 MiB: begun, and nobody knows yet what became of it"),
        (({**CHANGE, "outcome": {"failed": True, "reason": "permission_denied", "msg": "VM.Config.Memory"}},), "FAILED, permission_denied: VM.Config.Memory"),
    ],
)
def test_explain_tells_what_was_wanted_from_what_was_done(changes, said):
    assert said in " ".join(explained(changes=changes).split())


def test_explain_of_a_container_that_keeps_what_it_has():
    kept = {**DECISION, "change": False, "reason": "within_band", "target": ALLOCATION, "usage": {}, "cpu_demand_cores": None, "memory_demand_mib": None}
    text = explained({**kept, "cpu_bounds_cores": None, "memory_bounds_mib": None}, changes=())
    assert "  decided    it keeps what it has" in text
    assert "  measured   nothing" in text


def test_explain_shows_hold_boost_and_trial():
    memory = {
        "hold": {"reason": "rolled_back", "until_seconds": NOW + 3600},
        "boost": {"before": {"cores": 2, "memory_mib": 1024}, "began_seconds": NOW - 60, "until_seconds": NOW + 7200, "memory_mib": 4096.0},
        "probation": {"started_seconds": NOW - 120, "previous_mib": 2048.0, "pause_until_seconds": NOW + 86400, "sign": "refaults"},
    }
    text = " ".join(explained(memory=memory).split())
    assert "held rolled_back: it was rolled back; what it has is kept for 1.0 h more" in text
    assert "or until lxc-autoscale release 101" in text
    assert "boosted at least 4096 MiB until" in text
    assert "on trial memory was lowered from 2048 MiB 2 min ago and comes back at once if it is missed" in text
    assert "memory that was taken away was missed (refaults), so none is for 24 h more" in text


def test_explain_says_since_when_a_contest_lasts_that_has_no_end():
    memory = {"hold": {"reason": "contested", "until_seconds": None, "since_seconds": NOW - 7200}}
    text = " ".join(explained(memory=memory).split())
    assert f"held contested, since {say_clock(NOW - 7200)} (2 h): somebody has set our values back again and again" in text


def test_explain_says_that_a_pressure_is_unknown_and_not_zero():
    assert "memory pressure unknown, CPU pressure 1.2 %" in explained()


def test_history_of_the_widest_figures_stays_within_100_columns_and_says_what_went_wrong():
    lines = format_history_lines([WIDEST, {**CHANGE, "outcome": None}, CHANGE], {7}, has_more=False)
    assert max(map(len, lines)) <= 100
    text = "\n".join(lines)
    assert "127.25 of 128 ->~" in text
    assert "1048576 -> 16777216" in text
    assert "OPEN" in text
    assert "what went wrong:" in text
    assert "it was begun and never ended" in text


def test_history_without_changes_says_so():
    assert format_history_lines([], set(), has_more=False) == ["nothing was changed"]
