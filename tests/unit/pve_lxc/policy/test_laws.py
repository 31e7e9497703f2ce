# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Laws of the policy: what holds for every input, not only for the scenarios."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
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


@given(CONTAINERS, AVAILABLE_MIB, st.floats(0, 8192))
def test_more_free_memory_on_the_node_never_yields_less(containers, available_mib, more_mib):
    less = situation_of(containers, memory_total_mib=65536, memory_available_mib=available_mib).decide()
    more = situation_of(containers, memory_total_mib=65536, memory_available_mib=available_mib + more_mib).decide()
    total = sum(decision.target.memory_mib for decision in more.values())
    assert total >= sum(decision.target.memory_mib for decision in less.values()), [decision.message for decision in more.values()]


def doubled_memory(containers):
    """Return the same containers with every figure in MiB doubled, the constants in MiB too."""
    names = ("memory_mib", "history_memory", "memory")
    twice = situation_of([{**container, **{name: 2 * container[name] for name in names}} for container in containers], memory_total_mib=131072)
    policy = twice.book.general.policy
    policy = replace(policy, memory_step_mib=2 * policy.memory_step_mib, memory_oom_least_growth_mib=2 * policy.memory_oom_least_growth_mib)
    twice.book = replace(twice.book, general=replace(twice.book.general, policy=policy), by_vmid={})
    return twice


@given(CONTAINERS.map(lambda containers: [{**container, "memory": round(container["memory"]), "history_memory": 3} for container in containers]))
def test_memory_wanted_doubles_when_every_mib_doubles_and_the_cpu_does_not_care(containers):
    once, twice = situation_of(containers, memory_total_mib=65536).decide(), doubled_memory(containers).decide()
    for vmid, decision in once.items():
        # A rise counts as 1 MiB at least, and five times the largest rise, or 1.8 times a surprise of it, is the most room that is left for it.
        assert twice[vmid].memory_demand_mib == pytest.approx(2 * decision.memory_demand_mib, abs=9.0)
        assert twice[vmid].cpu_demand_cores == decision.cpu_demand_cores
        assert cpu_of(twice[vmid].target) == cpu_of(decision.target)


@given(CONTAINERS, CORES)
def test_memory_does_not_care_about_cores(containers, cpu):
    other = [{**container, "cores": 8, "cpulimit": None, "cpu": cpu, "history_cpu": cpu} for container in containers]
    before, after = situation_of(containers).decide(), situation_of(other).decide()
    assert {vmid: decision.target.memory_mib for vmid, decision in before.items()} == {vmid: decision.target.memory_mib for vmid, decision in after.items()}


LEFT_ALONE = st.sampled_from(
    [
        {"guest": {"lock": "backup"}},
        {"guest": {"is_template": True}},
        {"guest": {"status": "unknown"}},
        {"guest": {"hastate": "migrate"}},
        {"guest": {"uptime_seconds": 200}},
        {"is_selected": False},
        {"conflict": "two tiers claim it"},
        {"config": {"pending": {"memory": 2048}}},
        {"sample": {"cpu_cores": -1.0}},
        {"memory": {"hold": {"reason": "contested"}}},
        {"memory": {"hold": {"reason": "rolled_back", "until_seconds_from_now": 60}}},
    ]
)


@given(CONTAINERS, LEFT_ALONE)
def test_what_is_to_be_left_alone_is_whatever_it_uses(containers, left):
    from support.situations import build_situation

    bodies = [
        {
            "vmid": 101 + position,
            "allocation": {name: container[name] for name in ("cores", "cpulimit", "memory_mib")},
            "history": [{"hours": 2}],
            **left,
            "sample": {"cpu_cores": container["cpu"], "memory_mib": container["memory"], "own_oom_kills": container["own_oom"], **left.get("sample", {})},
        }
        for position, container in enumerate(containers)
    ]
    decisions = build_situation({"settings": {"policy": {"interval_seconds": 3600}}, "containers": bodies}).decide()
    assert [decision.message for decision in decisions.values() if decision.is_change] == []


@given(CONTAINERS, st.floats(16, 4096))
def test_what_was_missed_is_given_back_within_the_bounds_and_never_less_than_there_is(containers, owed_mib):
    from pve_lxc.policy.probation import Probation

    situation = situation_of([{**container, "hours": 26} for container in containers])
    owed = Probation(restore_mib=owed_mib, failures=1.0, sign="its swap grew by 40 MiB")
    situation.memories = {vmid: replace(memory, probation=owed) for vmid, memory in situation.memories.items()}
    for decision in situation.decide().values():
        high = max(decision.memory_bounds_mib[1], decision.current.memory_mib)
        if owed_mib > decision.current.memory_mib:
            assert decision.target.memory_mib >= min(int(owed_mib), high), decision.message
        assert decision.target.memory_mib <= high


@given(CONTAINERS, st.floats(16, 1024))
def test_growth_of_swap_never_yields_less_and_never_a_shrink(containers, growth_mib):
    from pve_lxc.policy.swap_use import SwapUse
    from support.situations import NOW

    known = [{**container, "hours": 26} for container in containers]
    calm, squeezed = situation_of(known), situation_of(known)
    for situation, swap_mib in ((calm, 100.0), (squeezed, 100.0 + growth_mib)):
        situation.memories = {vmid: replace(memory, swap=SwapUse(100.0, NOW - 300)) for vmid, memory in situation.memories.items()}
        samples = [replace(observation.sample, swap_mib=swap_mib) for observation in situation.observations]
        situation.observations = [replace(observation, sample=sample) for observation, sample in zip(situation.observations, samples, strict=True)]
    calm_decisions, squeezed_decisions = calm.decide(), squeezed.decide()
    for vmid, decision in squeezed_decisions.items():
        assert decision.target.memory_mib >= max(decision.current.memory_mib, calm_decisions[vmid].target.memory_mib), decision.message


@settings(max_examples=15, deadline=None)
@given(st.floats(0.2, 3.0), st.floats(200, 1500))
def test_constant_use_is_never_followed_by_a_change_of_direction(cpu_cores, memory_mib):
    """Two days of constant use after another use: at most a growth at once, and then only ever smaller steps down."""
    from pve_lxc.policy.adopt import record_write
    from pve_lxc.policy.decide import decide
    from support.situations import NOW

    situation = situation_of(
        [{"cores": 4, "cpulimit": None, "memory_mib": 2048, "hours": 26, "history_cpu": 1, "history_memory": 500, "own_oom": 0, "cpu": 1, "memory": 500}]
    )
    use = {"cpu_cores": cpu_cores, "memory_mib": memory_mib}
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


@settings(max_examples=15, deadline=None)
@given(st.floats(0.3, 7.5), st.sampled_from([60.0, 300.0]))
def test_constant_demand_above_the_limit_is_reached_and_at_most_once_taken_back_from(demand_cores, interval_seconds):
    """The answer to a saturation is a try. What was too much of it is taken back once, not while it is kept, and then there is no change any more."""
    from pve_lxc.autoscale.replay.rehearsal import Rehearsal, rehearsal_bounds, rehearsal_host, rehearsal_policy
    from pve_lxc.model.allocation import Allocation
    from pve_lxc.model.usage import UsageSample
    from pve_lxc.policy.settings.container import ContainerSettings
    from pve_lxc.policy.settings.policy import PolicySettings

    policy = replace(rehearsal_policy(PolicySettings(), interval_seconds), grow_only_history_seconds=0.0)
    bounds = rehearsal_bounds(8.0, None, actuator="cpulimit", cpu_step_cores=0.1)
    container = Rehearsal.begin(101, ContainerSettings(policy, bounds), rehearsal_host())
    allocation, changes = Allocation(cpulimit=8.0), []
    for step in range(int(3 * 86400 / interval_seconds)):
        now = 1e9 + step * interval_seconds
        # Two days of 0.2 cores, and then the demand.
        demand = 0.2 if step * interval_seconds < 2 * 86400 else demand_cores
        use = min(demand, allocation.cpulimit)
        sample = UsageSample(101, "rehearsal", now, interval_seconds, cpu_cores=use, cpu_peak_cores=use)
        target = container.decide(sample, allocation).target or allocation
        if demand > 0.2 and target.cpulimit != allocation.cpulimit:
            changes.append((now, target.cpulimit > allocation.cpulimit))
        allocation = target
    directions = [is_growth for dummy, is_growth in changes]
    growths = directions.count(True)
    assert directions == [True] * growths + [False] * (len(changes) - growths)
    assert len(changes) - growths <= 1
    assert not changes[growths:] or changes[growths][0] - changes[growths - 1][0] >= policy.cpu_saturation_hold_seconds
    assert allocation.cpulimit >= demand_cores
