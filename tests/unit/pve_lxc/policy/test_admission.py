# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the node can bear, fairly: figures of the node's room, shares on a node that is short, budgets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st


def room_of(policy=None, limits_mib=0.0, state=None, **usage):
    from pve_lxc.model.usage import HostUsage
    from pve_lxc.policy.node_room import node_room
    from pve_lxc.policy.observation import HostState
    from pve_lxc.policy.settings.policy import PolicySettings

    return node_room(HostState(None, HostUsage("pve1", **usage), **(state or {})), PolicySettings(**(policy or {})), limits_mib)


def test_growth_is_what_is_free_above_the_reserve():
    room = room_of(memory_total_mib=32000, memory_available_mib=6000)
    assert (room.free_mib, room.growth_mib, room.short_why) == (6000, 4400, "")


@pytest.mark.parametrize(
    ("arc", "free"),
    [({"arc_size_mib": 5000, "arc_least_mib": 1000}, 8000), ({"arc_size_mib": 800, "arc_least_mib": 1000}, 6000), ({"arc_size_mib": 5000}, 6000)],
)
def test_half_of_what_zfs_can_give_back_is_free_where_it_is_known(arc, free):
    assert room_of(memory_total_mib=32000, memory_available_mib=6000, **arc).free_mib == free


def test_room_is_unknown_without_the_nodes_figures():
    assert room_of(memory_total_mib=32000).growth_mib is None
    assert room_of(memory_available_mib=6000).growth_mib is None
    assert room_of(memory_total_mib=32000).short_why == ""


def test_the_least_room_holds_and_is_named():
    usage = {"memory_total_mib": 32000, "memory_available_mib": 8000}
    ballooning = room_of(state={"ballooning_target_share": 0.8}, **usage)
    assert (ballooning.growth_mib, ballooning.growth_why) == (1600, "below the 80% at which virtual machines are ballooned")
    own_target = room_of({"ballooning_target_share": 0.9}, state={"ballooning_target_share": 0.8}, **usage)
    assert own_target.growth_mib == 4800
    limits = room_of({"overcommit_ratio": 1.5}, limits_mib=47000, **usage)
    assert (limits.growth_mib, limits.limits_left_mib) == (1000, 1000)
    assert room_of({"failover_reserve_share": 0.2}, **usage).growth_mib == 0


def test_failover_reserve_and_ballooning_make_no_node_short():
    room = room_of({"failover_reserve_share": 0.5}, state={"ballooning_target_share": 0.8}, memory_total_mib=32000, memory_available_mib=2000)
    assert (room.growth_mib, room.short_why) == (0, "")


@pytest.mark.parametrize(("full_percent", "is_short"), [(None, False), (0.0, False), (1.0, False), (1.01, True)])
def test_pressure_of_the_node_above_its_limit_makes_it_short(full_percent, is_short):
    assert bool(room_of(memory_total_mib=32000, memory_available_mib=16000, memory_full_percent=full_percent).short_why) is is_short


def ceilings_of(requests, **room):
    from pve_lxc.policy.admission import Request, fair_ceilings
    from pve_lxc.policy.node_room import NodeRoom

    return fair_ceilings({vmid: Request(*request) for vmid, request in requests.items()}, NodeRoom(**{"free_mib": None, "growth_mib": 0, **room}))


def test_what_is_left_beyond_all_needs_is_shared_by_what_each_holds_beyond_its_own():
    requests = {101: (1000, 1000, 300, 100), 102: (1000, 1000, 500, 100)}
    assert ceilings_of(requests, limits_left_mib=-800, limits_short_why="x") == pytest.approx({101: 533.3, 102: 666.7}, abs=0.05)
    assert ceilings_of(requests, free_mib=1000, memory_short_why="x") == pytest.approx({101: 533.3, 102: 666.7}, abs=0.05)


def test_nobody_has_a_ceiling_where_what_is_chosen_fits():
    assert ceilings_of({101: (1000, 1000, 300, 100)}, limits_left_mib=0, limits_short_why="x") == {}
    assert ceilings_of({101: (1000, 1200, 1200, 900)}, free_mib=300, memory_short_why="x") == {}


REQUESTS = st.dictionaries(
    st.integers(100, 120),
    st.tuples(st.integers(64, 8000), st.integers(64, 8000), st.floats(0, 8000), st.floats(0, 8000), st.floats(0.1, 10)),
    min_size=1,
    max_size=8,
)


@given(REQUESTS, st.floats(-8000, 8000))
def test_ceilings_never_exceed_what_there_is(requests, left_mib):
    ceilings = ceilings_of(requests, limits_left_mib=left_mib, limits_short_why="x")
    budget = sum(request[0] for request in requests.values()) + left_mib
    if ceilings:
        assert sum(ceilings.values()) <= max(budget, 0) + 1e-6
        assert all(ceilings[vmid] <= max(request[1], 0) + 1e-6 for vmid, request in requests.items())
    else:
        assert sum(request[1] for request in requests.values()) <= budget


@given(REQUESTS, st.floats(0, 8000), st.randoms())
def test_order_of_requests_is_irrelevant(requests, free_mib, random):
    shuffled = list(requests.items())
    random.shuffle(shuffled)
    expected = ceilings_of(requests, free_mib=free_mib, memory_short_why="x")
    assert ceilings_of(dict(shuffled), free_mib=free_mib, memory_short_why="x") == expected


CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {
            "memory_mib": st.integers(8, 128).map(lambda steps: steps * 32),
            "history": st.floats(50, 4000),
            "use": st.floats(10, 4000),
            "weight": st.floats(0.1, 10),
        }
    ),
    min_size=1,
    max_size=4,
)


def short_node(containers, available_mib, ratio):
    from support.situations import build_situation

    return build_situation(
        {
            "settings": {"policy": {"interval_seconds": 3600, **({} if ratio is None else {"overcommit_ratio": ratio})}},
            "host": {"memory_total_mib": 8192, "memory_available_mib": available_mib},
            "containers": [
                {
                    "vmid": 101 + position,
                    "policy": {"weight": container["weight"]},
                    "allocation": {"memory_mib": container["memory_mib"]},
                    "history": [{"hours": 2, "memory_mib": container["history"]}],
                    "sample": {"memory_mib": container["use"]},
                    "memory": {"learnt_seconds": 26 * 3600.0},
                }
                for position, container in enumerate(containers)
            ],
        }
    )


@given(CONTAINERS, st.floats(0, 8192), st.none() | st.floats(0.2, 3), st.randoms())
def test_no_order_changes_what_a_short_node_decides(containers, available_mib, ratio, random):
    situation = short_node(containers, available_mib, ratio)
    expected = situation.decide()
    random.shuffle(situation.observations)
    assert situation.decide() == expected


@given(CONTAINERS, st.floats(0, 8192), st.none() | st.floats(0.2, 3))
def test_a_short_node_lowers_nobody_below_what_is_safe(containers, available_mib, ratio):
    decisions = short_node(containers, available_mib, ratio).decide()
    for decision in decisions.values():
        if decision.target.memory_mib < decision.current.memory_mib:
            assert decision.target.memory_mib >= 1.05 * decision.sample.memory_mib + 32
            assert decision.target.memory_mib >= 0.75 * decision.current.memory_mib
            assert decision.target.memory_mib >= decision.memory_bounds_mib[0]
    growth = sum(max(0, decision.target.memory_mib - decision.current.memory_mib) for decision in decisions.values())
    assert growth <= max(0.0, available_mib - 0.05 * 8192)
    if ratio is not None:
        assert growth <= max(0.0, ratio * 8192 - sum(decision.current.memory_mib for decision in decisions.values()))


@given(CONTAINERS, st.floats(410, 8192))
def test_nobody_is_lowered_for_the_node_in_normal_times(containers, available_mib):
    assert not [decision for decision in short_node(containers, available_mib, None).decide().values() if "lowered_for_host" in decision.reasons]


def test_sum_of_limits_counts_what_runs_and_is_told_above_the_nodes_memory():
    from dataclasses import replace

    from pve_lxc.policy.admission import sum_of_limits_mib
    from pve_lxc.policy.node_room import describe_sum_of_limits
    from support.situations import build_situation

    situation = build_situation({"containers": [{"vmid": vmid} for vmid in (101, 102, 103)], "host_state": {"virtual_machines_mib": 4096}})
    stopped, unread, running = situation.observations
    stopped = replace(stopped, guest=replace(stopped.guest, status="stopped"))
    unread = replace(unread, config=None, guest=replace(unread.guest, max_memory_bytes=2048 * 1024**2))
    assert sum_of_limits_mib([stopped, unread, running], situation.host) == 4096 + 2048 + 1024
    assert describe_sum_of_limits(situation.host, 65536) == ""
    text = "the memory limits of the running guests add up to 98304 MiB, 1.50 times what the node has"
    assert describe_sum_of_limits(situation.host, 98304) == text


def test_kills_that_a_short_node_left_unanswered_are_no_leak():
    from dataclasses import replace

    from pve_lxc.policy.decide import decide
    from support.situations import NOW, build_situation

    situation = build_situation({"host": {"memory_available_mib": 2000}, "containers": [{"sample": {"memory_mib": 900, "own_oom_kills": 1}}]})
    (observation,) = situation.observations
    memories, reasons = situation.memories, []
    for cycle in range(6):
        now = NOW + 300 * cycle
        looked = replace(
            observation,
            guest=replace(observation.guest, uptime_seconds=900_000 + 300 * cycle),
            sample=replace(observation.sample, time_seconds=now),
        )
        # The node has memory again from the fifth cycle on.
        usage = situation.host.usage if cycle < 4 else replace(situation.host.usage, memory_available_mib=32768)
        (decision,), memories = decide([looked], memories, situation.book, replace(situation.host, usage=usage), now)
        reasons.append([str(reason) for reason in decision.reasons if reason in ("host_short_of_memory", "oom_answered", "leak_suspected")])
    assert reasons == [["host_short_of_memory"]] * 4 + [["oom_answered"], ["leak_suspected"]]
    # The kill of the fifth cycle was answered, the sixth came all the same: these two and the last that was not answered.
    assert len(memories[101].memory.oom_times) == 3
