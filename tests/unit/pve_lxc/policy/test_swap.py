# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Swap where it is sized: its parts, and the laws that hold for every input."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pve_lxc.model.allocation import Allocation
from pve_lxc.model.reason import Reason
from pve_lxc.policy.adopt import record_write
from pve_lxc.policy.bounds import Bounds, swap_bounds
from pve_lxc.policy.decide import decide
from pve_lxc.policy.memory_guard import refuse_swap_shrink, smallest_safe_swap_mib
from pve_lxc.policy.remember import memory_from_dict, memory_to_dict, new_memory
from pve_lxc.policy.settings.bounds import BoundsSettings
from pve_lxc.policy.settings.policy import PolicySettings
from pve_lxc.policy.swap_memory import SwapMemory
from support.situations import NOW, build_situation

CASES = st.fixed_dictionaries(
    {
        "limit": st.none() | st.integers(0, 64).map(lambda steps: steps * 64) | st.integers(0, 4096),
        "least": st.none() | st.integers(0, 2048),
        "more": st.none() | st.integers(0, 4096),
        "use": st.floats(0, 4096, allow_nan=False),
        "before": st.floats(0, 4096, allow_nan=False),
        "memory": st.sampled_from([200.0, 1000.0]),
        "node": st.sampled_from([512.0, 65536.0]),
        "pressure": st.sampled_from([0.0, 5.0]),
        "sized_hours": st.sampled_from([0, 7]),
    }
)


def bounds_of(case):
    least = {} if case["least"] is None else {"min_swap_mib": case["least"]}
    return least if case["more"] is None else {**least, "max_swap_mib": (case["least"] or 0) + case["more"]}


def situation_of(case):
    """Return a container whose swap was sized for some hours, at the use of before; a coarse history keeps the examples fast."""
    return build_situation(
        {
            "settings": {"policy": {"size_swap": True, "interval_seconds": 3600, "grow_only_history_seconds": 0}, "bounds": bounds_of(case)},
            "host": {"swap_total_mib": case["node"]},
            "containers": [
                {
                    "allocation": {"swap_mib": case["limit"]},
                    "history": [{"hours": (1 + case["sized_hours"]) / 12, "swap_mib": case["before"]}],
                    "sample": {"memory_mib": case["memory"], "swap_mib": case["use"], "memory_pressure_percent": case["pressure"]},
                    "memory": {},
                }
            ],
        }
    )


def aged(situation, case):
    """Return the situation with its swap sized for as many hours as the case says."""
    memory = situation.memories[101]
    since = NOW - 3600.0 * case["sized_hours"]
    situation.memories[101] = replace(memory, swap_sizing=replace(memory.swap_sizing, since_seconds=since))
    return situation


def decided(case):
    return aged(situation_of(case), case).decide()[101]


def in_effect(allocation):
    return allocation.swap_in_effect_mib


@given(CASES)
def test_swap_is_never_lowered_below_what_is_used_with_head_room(case):
    decision = decided(case)
    if in_effect(decision.target) < in_effect(decision.current):
        assert in_effect(decision.target) >= 1.5 * max(case["use"], case["before"]) + 64
        assert case["pressure"] == 0.0
        assert decision.target.memory_mib == decision.current.memory_mib


@given(CASES)
def test_changes_of_swap_stay_within_the_bounds_and_the_nodes_own(case):
    decision = decided(case)
    low, high = decision.swap_bounds_mib
    if decision.target.swap_mib != decision.current.swap_mib:
        assert min(low, case["node"]) <= decision.target.swap_mib <= high
        assert in_effect(decision.target) <= max(case["node"], in_effect(decision.current))


@given(CASES, st.floats(1, 3))
def test_more_swap_in_use_never_yields_less(case, factor):
    busy = {**case, "use": case["use"] * factor, "before": case["before"] * factor}
    calm_decision, busy_decision = decided(case), decided(busy)
    if calm_decision.target.memory_mib == busy_decision.target.memory_mib:
        assert in_effect(busy_decision.target) >= in_effect(calm_decision.target), (calm_decision.message, busy_decision.message)


@given(CASES)
def test_deciding_twice_on_the_same_input_keeps_the_swap_unless_memory_came_first(case):
    situation = aged(situation_of(case), case)
    (decision,), memories = decide(situation.observations, situation.memories, situation.book, situation.host, NOW)
    written = {101: record_write(memories[101], decision.target, NOW)}
    observation = situation.observations[0]
    applied = [replace(observation, config=replace(observation.config, allocation=decision.target))]
    (again,), _memories = decide(applied, written, situation.book, situation.host, NOW)
    if decision.target.memory_mib == decision.current.memory_mib == again.target.memory_mib:
        assert again.target.swap_mib == decision.target.swap_mib, (decision.message, again.message)


@given(CASES, st.sampled_from(["the node's swap", "its use"]))
def test_swap_that_was_not_measured_is_kept(case, missing):
    situation = aged(situation_of(case), case)
    if missing == "its use":
        situation.observations = [replace(one, sample=replace(one.sample, swap_mib=None)) for one in situation.observations]
    else:
        situation.host = replace(situation.host, usage=replace(situation.host.usage, swap_total_mib=None))
    decision = situation.decide()[101]
    assert decision.target.swap_mib == decision.current.swap_mib
    assert Reason.NOT_MEASURED in decision.reasons


@pytest.mark.parametrize(
    ("found", "settings", "expected"),
    [
        (512, {}, Bounds(512.0, 512.0)),
        (512, {"max_swap_mib": 2048}, Bounds(512.0, 2048.0)),
        (512, {"min_swap_mib": 1024}, Bounds(1024.0, 1024.0)),
        (2048, {"min_swap_mib": 256}, Bounds(256.0, 2048.0)),
        (2048, {"max_swap_mib": 1024}, Bounds(1024.0, 1024.0)),
        (None, {"max_swap_mib": 1024}, Bounds(0.0, 1024.0)),
    ],
)
def test_bounds_of_swap_are_what_was_found_where_they_are_not_set(found, settings, expected):
    assert swap_bounds(Allocation(memory_mib=1024, swap_mib=found), BoundsSettings(**settings)) == expected


def test_last_look_leaves_what_is_used_the_room_of_memory():
    assert [smallest_safe_swap_mib(used) for used in (0, 100, 1000)] == [0, 137, 1082]
    assert refuse_swap_shrink(136, is_running=True, used_mib=100) is Reason.SWAP_IN_USE
    assert refuse_swap_shrink(137, is_running=True, used_mib=100) is None
    assert refuse_swap_shrink(137, is_running=True, used_mib=None) is Reason.NOT_MEASURED
    assert refuse_swap_shrink(0, is_running=False, used_mib=None) is None


def lavish(**fields):
    """Return a situation in which 256 of 2048 MiB would do, with fields of what is remembered of its swap that differ."""
    situation = build_situation(
        {
            "settings": {"policy": {"size_swap": True, "memory_grow_only": True, "cpu_grow_only": True}, "bounds": {"min_swap_mib": 256}},
            "host": {"swap_total_mib": 8192},
            "containers": [{"allocation": {"swap_mib": 2048}, "sample": {"swap_mib": 10}, "history": [{"hours": 30, "swap_mib": 10}]}],
        }
    )
    memory = situation.memories[101]
    situation.memories[101] = replace(memory, swap_sizing=replace(memory.swap_sizing, **fields))
    return situation


@pytest.mark.parametrize(
    ("fields", "swap_mib"),
    [({}, 256), ({"grown_seconds": NOW - 86000}, 2048), ({"grown_seconds": NOW - 86500}, 256), ({"lowered_seconds": NOW - 500}, 2048)],
)
def test_swap_that_was_grown_is_not_lowered_for_a_day(fields, swap_mib):
    decision = lavish(**fields).decide()[101]
    assert decision.target.swap_mib == swap_mib
    assert (Reason.COOLDOWN in decision.reasons) == (swap_mib == 2048)


def test_swap_is_not_lowered_while_memory_that_was_taken_away_is_on_trial():
    situation = lavish()
    memory = situation.memories[101]
    situation.memories[101] = replace(memory, probation=replace(memory.probation, started_seconds=NOW - 60, previous_mib=2048.0))
    decision = situation.decide()[101]
    assert (decision.target.swap_mib, Reason.COOLDOWN in decision.reasons) == (2048, True)


def test_budget_of_memory_of_a_cycle_does_not_count_swap():
    situation = lavish()
    general = situation.book.general
    situation.book = replace(situation.book, general=replace(general, policy=replace(general.policy, cycle_memory_mib=16)))
    assert situation.decide()[101].target.swap_mib == 256


def test_write_is_remembered_as_growth_or_as_lowering_and_counts_for_the_budget():
    memory = replace(lavish().memories[101], write_times=())
    grown = record_write(memory, replace(memory.known, swap_mib=4096), NOW)
    assert (grown.swap_sizing.grown_seconds, grown.swap_sizing.lowered_seconds, grown.write_times) == (NOW, 0.0, (NOW,))
    lowered = record_write(grown, replace(memory.known, swap_mib=None), NOW + 1)
    assert (lowered.swap_sizing.grown_seconds, lowered.swap_sizing.lowered_seconds) == (NOW, NOW + 1)
    assert lowered.contest.overwritten.swap_mib == 4096


def test_what_is_remembered_of_swap_survives_json_and_is_not_there_where_it_is_not_sized():
    settings = PolicySettings()
    sizing = replace(SwapMemory.begin(settings, NOW).with_use(NOW, 12.5), grown_seconds=NOW + 1)
    memory = replace(new_memory(settings), swap_sizing=sizing)
    assert memory_from_dict(json.loads(json.dumps(memory_to_dict(memory))), settings).swap_sizing == sizing
    assert "swap_sizing" not in memory_to_dict(new_memory(settings))
    assert memory_from_dict({"swap_sizing": {"uses": "x", "since_seconds": "y"}}, settings).swap_sizing == SwapMemory.begin(settings, 0.0)


def test_swap_stays_ours_with_what_was_found_while_two_tiers_claim_the_container():
    situation = lavish()
    situation.book = replace(situation.book, general=replace(situation.book.general, policy=PolicySettings()))
    memory = situation.memories[101]
    situation.memories[101] = replace(memory, baseline=replace(memory.baseline, swap_mib=64))
    situation.observations = [replace(one, conflict="two tiers claim it") for one in situation.observations]
    (decision,), memories = decide(situation.observations, situation.memories, situation.book, situation.host, NOW)
    assert (decision.reason, decision.target.swap_mib) == (Reason.TIER_CONFLICT, 2048)
    assert (memories[101].swap_sizing is None, memories[101].baseline.swap_mib) == (False, 64)
    situation.observations = [replace(one, conflict="") for one in situation.observations]
    assert decide(situation.observations, memories, situation.book, situation.host, NOW)[1][101].swap_sizing is None
