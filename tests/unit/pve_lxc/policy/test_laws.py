# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Laws of the policy: what holds for every input, not only for the scenarios."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

CORES = st.floats(0, 8, allow_nan=False)
MEMORY_MIB = st.floats(0, 4096, allow_nan=False)
CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {
            "cores": st.integers(1, 8),
            "cpulimit": st.none() | st.integers(5, 80).map(lambda tenths: tenths / 10),
            "memory_mib": st.integers(4, 128).map(lambda steps: steps * 32),
            "hours": st.sampled_from([0, 2, 26]),
            "history_cpu": CORES,
            "history_memory": MEMORY_MIB,
            "cpu": CORES,
            "memory": MEMORY_MIB,
            "own_oom": st.integers(0, 1),
        }
    ),
    min_size=1,
    max_size=4,
)
AVAILABLE_MIB = st.floats(0, 32768, allow_nan=False)


def situation_of(containers, **host):
    from support.situations import build_situation

    return build_situation(
        {
            # A calm history of any length is the same for the windows; a coarse one keeps the examples fast.
            "settings": {"policy": {"interval_seconds": 3600}},
            "host": host,
            "containers": [
                {
                    "vmid": 101 + position,
                    "allocation": {name: container[name] for name in ("cores", "cpulimit", "memory_mib")},
                    "history": [{"hours": container["hours"] / 12, "cpu_cores": container["history_cpu"], "memory_mib": container["history_memory"]}],
                    "sample": {"cpu_cores": container["cpu"], "memory_mib": container["memory"], "own_oom_kills": container["own_oom"]},
                    "memory": {"learnt_seconds": container["hours"] * 3600.0} if container["hours"] else {},
                }
                for position, container in enumerate(containers)
            ],
        }
    )


def cpu_of(allocation):
    return min(value for value in (allocation.cores, allocation.cpulimit) if value is not None)


@given(CONTAINERS)
def test_deciding_twice_on_the_same_input_keeps(containers):
    from pve_lxc.policy.adopt import record_write
    from pve_lxc.policy.decide import decide
    from support.situations import NOW

    situation = situation_of(containers)
    decisions, memories = decide(situation.observations, situation.memories, situation.book, situation.host, NOW)
    written = {decision.vmid: record_write(memories[decision.vmid], decision.target, NOW) for decision in decisions}
    applied = [
        replace(observation, config=replace(observation.config, allocation=decision.target))
        for observation, decision in zip(situation.observations, decisions, strict=True)
    ]
    again, _memories = decide(applied, written, situation.book, situation.host, NOW)
    assert [decision.target for decision in again] == [decision.target for decision in decisions], [decision.message for decision in again]


@given(CONTAINERS, st.floats(1, 3), st.floats(1, 3))
def test_more_use_never_yields_less(containers, cpu_factor, memory_factor):
    busy = [{**container, "cpu": container["cpu"] * cpu_factor, "memory": container["memory"] * memory_factor} for container in containers]
    calm_decisions, busy_decisions = situation_of(containers, cpus=64).decide(), situation_of(busy, cpus=64).decide()
    for vmid, calm in calm_decisions.items():
        assert cpu_of(busy_decisions[vmid].target) >= cpu_of(calm.target), (calm.message, busy_decisions[vmid].message)
        assert busy_decisions[vmid].target.memory_mib >= calm.target.memory_mib, (calm.message, busy_decisions[vmid].message)


@given(CONTAINERS, AVAILABLE_MIB)
def test_growth_never_exceeds_what_the_node_has_above_its_reserve(containers, available_mib):
    situation = situation_of(containers, memory_total_mib=32768, memory_available_mib=available_mib)
    growth = sum(max(0, decision.target.memory_mib - decision.current.memory_mib) for decision in situation.decide().values())
    assert growth <= max(0.0, available_mib - 0.05 * 32768)


@given(CONTAINERS)
def test_changes_stay_within_the_bounds(containers):
    for decision in situation_of(containers).decide().values():
        current, target = decision.current, decision.target
        if target.memory_mib != current.memory_mib:
            low, high = decision.memory_bounds_mib
            assert low <= target.memory_mib <= high
        if cpu_of(target) != cpu_of(current):
            low, high = decision.cpu_bounds_cores
            assert low - 1e-9 <= cpu_of(target) <= high + 1e-9


@given(CONTAINERS)
def test_memory_is_never_cut_below_what_is_in_use_with_head_room(containers):
    for decision in situation_of(containers).decide().values():
        if decision.target.memory_mib < decision.current.memory_mib:
            assert decision.target.memory_mib >= 1.05 * decision.sample.memory_mib + 32
            assert decision.target.memory_mib >= 0.75 * decision.current.memory_mib


@given(CONTAINERS, st.sampled_from(["sample", "config", "memory_available"]))
def test_a_missing_measurement_keeps(containers, missing):
    host = {"memory_available_mib": None} if missing == "memory_available" else {}
    situation = situation_of(containers, **host)
    if missing != "memory_available":
        situation.observations = [replace(observation, **{missing: None}) for observation in situation.observations]
    for decision in situation.decide().values():
        if missing == "memory_available":
            assert decision.target.memory_mib <= decision.current.memory_mib
        else:
            assert not decision.is_change
            assert str(decision.reason) == "not_measured"


@given(CONTAINERS, AVAILABLE_MIB, st.randoms())
def test_the_order_of_containers_is_irrelevant(containers, available_mib, random):
    situation = situation_of(containers, memory_total_mib=32768, memory_available_mib=available_mib)
    expected = situation.decide()
    random.shuffle(situation.observations)
    assert situation.decide() == expected


@given(CONTAINERS)
def test_a_container_whose_memory_was_lost_is_only_grown(containers):
    situation = situation_of(containers)
    situation.memories = {}
    for decision in situation.decide().values():
        assert decision.target.memory_mib >= decision.current.memory_mib
        assert cpu_of(decision.target) >= cpu_of(decision.current)


@given(CONTAINERS)
def test_every_container_has_one_decision_with_a_reason(containers):
    situation = situation_of(containers)
    decisions = situation.decide()
    assert sorted(decisions) == [observation.guest.vmid for observation in situation.observations]
    assert all(decision.reason in decision.reasons and decision.message for decision in decisions.values())


@given(CONTAINERS)
def test_remembering_through_json_changes_no_decision(containers):
    import json

    from pve_lxc.policy.remember import memory_from_dict, memory_to_dict

    situation = situation_of(containers)
    expected = situation.decide()
    policy = situation.book.general.policy
    situation.memories = {vmid: memory_from_dict(json.loads(json.dumps(memory_to_dict(memory))), policy) for vmid, memory in situation.memories.items()}
    assert {vmid: decision.target for vmid, decision in situation.decide().items()} == {vmid: decision.target for vmid, decision in expected.items()}


@pytest.mark.parametrize("seed", range(5))
def test_constant_use_is_never_followed_by_a_change_of_direction(seed):
    """Two days of constant use after another use: at most a growth at once, and then only ever smaller steps down."""
    import random

    from pve_lxc.policy.adopt import record_write
    from pve_lxc.policy.decide import decide
    from support.situations import NOW

    numbers = random.Random(seed)
    situation = situation_of(
        [{"cores": 4, "cpulimit": None, "memory_mib": 2048, "hours": 26, "history_cpu": 1, "history_memory": 500, "own_oom": 0, "cpu": 1, "memory": 500}]
    )
    use = {"cpu_cores": numbers.uniform(0.2, 3.0), "memory_mib": numbers.uniform(200, 1500)}
    memories, allocation, changes, now = situation.memories, situation.observations[0].config.allocation, [], NOW
    for step in range(576):
        now = NOW + 300 * (step + 1)
        observation = situation.observations[0]
        observation = replace(
            observation,
            guest=replace(observation.guest, uptime_seconds=900_000 + now - NOW),
            config=replace(observation.config, allocation=allocation),
            sample=replace(observation.sample, time_seconds=now, **use),
        )
        (decision,), memories = decide([observation], memories, situation.book, situation.host, now)
        if decision.is_change:
            changes.append((step, cpu_of(decision.target) > cpu_of(allocation) or decision.target.memory_mib > allocation.memory_mib))
            allocation = decision.target
            memories = {101: record_write(memories[101], allocation, now)}
    assert len(changes) <= 8
    assert not [step for step, is_growth in changes if is_growth and step > 0]
    assert cpu_of(allocation) >= use["cpu_cores"]
    assert allocation.memory_mib >= 1.05 * use["memory_mib"] + 32
