# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered of a boost and of hours of saving energy: written, read back, damaged, and dropped where somebody else has changed it."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_800_000_000.0


def memory_with(**loans):
    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings.policy import PolicySettings

    return replace(new_memory(PolicySettings()), **loans)


def allocation(**values):
    from pve_lxc.model.allocation import Allocation

    return Allocation(**{"cores": 2, "memory_mib": 1024, **values})


def boost(**values):
    from pve_lxc.policy.loan import Boost

    return Boost(**{"before": allocation(), "began_seconds": NOW, "until_seconds": NOW + 3600, "cpu_cores": 4.0, "memory_mib": 2048.0, **values})


def saving(**values):
    from pve_lxc.policy.loan import Saving

    return Saving(**{"before": allocation(), "has_cpu": True, "has_memory": True, **values})


def config(**values):
    from pve_lxc.model.guest import GuestConfig

    return GuestConfig(101, "pve1", "", allocation(**values))


@pytest.mark.parametrize(
    ("now", "is_active"), [(NOW - 301, False), (NOW - 300, True), (NOW, True), (NOW + 3599, True), (NOW + 3600, False), (NOW - 86400, False)]
)
def test_boost_is_active_until_its_end_and_not_long_before_its_beginning(now, is_active):
    assert boost().is_active(now) is is_active


def test_loans_survive_being_written_and_read():
    from pve_lxc.policy.remember import memory_from_dict, memory_to_dict
    from pve_lxc.policy.season import Season, WeekOfUse
    from pve_lxc.policy.settings.policy import PolicySettings

    season = Season(WeekOfUse().added(NOW, 1.5, 0.5), WeekOfUse().added(NOW, 700.0, 0.5))
    memory = memory_with(boost=boost(before=allocation(cpulimit=1.5)), saving=saving(ended_seconds=NOW), season=season)
    text = json.dumps(memory_to_dict(memory))
    read = memory_from_dict(json.loads(text), PolicySettings())
    assert (read.boost, read.saving, read.season) == (memory.boost, memory.saving, memory.season)
    assert len(text) < 12000
    empty = memory_from_dict(json.loads(json.dumps(memory_to_dict(memory_with()))), PolicySettings())
    assert (empty.boost, empty.saving, empty.season) == (None, None, None)


@pytest.mark.parametrize("damage", [5, "x", [], {}, {"before": None}, {"before": {"memory_mib": "x"}, "until_seconds": 1}])
def test_damaged_loan_is_none(damage):
    from pve_lxc.policy.loan import boost_from_dict, saving_from_dict

    assert (boost_from_dict(damage), saving_from_dict(damage)) == (None, None)


def test_boost_with_a_damaged_end_is_over_and_still_knows_what_was_there():
    from pve_lxc.policy.loan import boost_from_dict, boost_to_dict

    read = boost_from_dict({**boost_to_dict(boost()), "until_seconds": "soon"})
    assert (read.is_active(NOW), read.before) == (False, allocation())


@pytest.mark.parametrize(
    ("changed", "left"),
    [
        (("memory_mib",), ((4.0, 0.0), (True, False))),
        (("cores",), ((0.0, 2048.0), (False, True))),
        (("cpulimit",), ((0.0, 2048.0), (False, True))),
        (("cpulimit", "memory_mib"), (None, (False, False))),
        ((), ((4.0, 2048.0), (True, True))),
    ],
)
def test_what_somebody_else_changed_is_dropped_and_the_rest_stays(changed, left):
    from pve_lxc.policy.loan import forget_changed

    memory = forget_changed(memory_with(boost=boost(), saving=saving()), changed, NOW)
    found = None if memory.boost is None else (memory.boost.cpu_cores, memory.boost.memory_mib)
    assert (found, (memory.saving.has_cpu, memory.saving.has_memory)) == left


@pytest.mark.parametrize(("reason", "is_dropped"), [("rolled_back", True), ("contested", True), ("operator_changed", False)])
def test_after_a_rollback_or_a_contest_nothing_is_lent_or_given_back(reason, is_dropped):
    from pve_lxc.model.reason import Reason
    from pve_lxc.policy.hold import hold
    from pve_lxc.policy.loan import follow_window

    held = hold(memory_with(boost=boost(), saving=saving(ended_seconds=NOW)), Reason(reason), math.inf, since_seconds=NOW)
    memory = follow_window(held, config(), "none", NOW)
    assert ((memory.boost is None), (memory.saving is None)) == (is_dropped, is_dropped)


def test_hours_of_saving_energy_are_noted_from_their_first_pass_to_the_first_after_them():
    from pve_lxc.policy.loan import follow_window

    memory = follow_window(memory_with(), config(), "cpu", NOW)
    assert memory.saving == saving(has_memory=False)
    lowered = follow_window(memory, config(cores=1), "cpu", NOW + 60)
    assert lowered.saving.before == allocation()
    # Hours that lower memory as well, begun later: its size of then is what was there before.
    more = follow_window(lowered, config(cores=1, memory_mib=768), "cpu_and_memory", NOW + 120)
    assert (more.saving.before, more.saving.has_memory) == (allocation(memory_mib=768), True)
    over = follow_window(more, config(cores=1), "none", NOW + 180)
    assert over.saving.ended_seconds == NOW + 180
    assert follow_window(over, config(cores=1), "none", NOW + 240).saving.ended_seconds == NOW + 180
    # A window that opens before all was given back goes on from what was there before the first.
    again = follow_window(over, config(cores=1), "cpu", NOW + 300)
    assert (again.saving.before.cores, again.saving.ended_seconds) == (2, 0.0)
    assert follow_window(memory_with(), None, "cpu", NOW).saving is None


@pytest.mark.parametrize(
    ("allocated", "cap"), [({"cores": 2}, 2.0), ({"cores": 4, "cpulimit": 1.5}, 1.5), ({"cores": None, "cpulimit": 3}, 3.0), ({"cores": None}, math.inf)]
)
def test_cap_is_the_smaller_of_both_keys(allocated, cap):
    from pve_lxc.policy.loan import cap_of

    assert cap_of(allocation(**allocated)) == cap


CONTAINERS = st.fixed_dictionaries(
    {
        "cores": st.integers(1, 8),
        "cpulimit": st.none() | st.integers(5, 80).map(lambda tenths: tenths / 10),
        "memory_mib": st.integers(4, 128).map(lambda steps: steps * 32),
        "hours": st.sampled_from([0.2, 2, 26]),
        "cpu": st.floats(0, 8),
        "memory": st.floats(0, 4096),
        "boost_cpu": st.floats(0, 16),
        "boost_memory": st.floats(0, 16384),
        "former_memory_mib": st.integers(4, 128).map(lambda steps: steps * 32),
        "until": st.sampled_from([-60, 3600]),
        "save_energy": st.sampled_from(["none", "cpu", "cpu_and_memory"]),
        "ended": st.sampled_from([0.0, -60.0]),
        "actuator": st.sampled_from(["auto", "cpulimit", "cores", "both"]),
    }
)


def situation_of(container):
    from support.situations import build_situation

    before = {"cores": 2, "memory_mib": container["former_memory_mib"]}
    lent = {"before": before, "began_seconds_from_now": -7200, "until_seconds_from_now": container["until"]}
    saved = {"before": before, "has_cpu": True, "has_memory": True, "ended_seconds": container["ended"] and NOW + container["ended"]}
    return build_situation(
        {
            "settings": {
                "policy": {"interval_seconds": 3600},
                "scheduled": {"save_energy": container["save_energy"]},
                "bounds": {"actuator": container["actuator"]},
            },
            "containers": [
                {
                    "allocation": {name: container[name] for name in ("cores", "cpulimit", "memory_mib")},
                    "history": [{"hours": 2, "cpu_cores": container["cpu"], "memory_mib": container["memory"]}],
                    "sample": {"cpu_cores": container["cpu"], "memory_mib": container["memory"]},
                    "memory": {
                        "learnt_seconds": container["hours"] * 3600,
                        "boost": {**lent, "cpu_cores": container["boost_cpu"], "memory_mib": container["boost_memory"]},
                        "saving": saved,
                    },
                }
            ],
        }
    )


@given(CONTAINERS)
def test_whatever_is_lent_or_saved_memory_in_use_is_kept_and_no_bound_is_crossed(container):
    (decision,) = situation_of(container).decide().values()
    current, target = decision.current, decision.target
    if target.memory_mib < current.memory_mib:
        assert target.memory_mib >= 1.05 * decision.sample.memory_mib + 32
        assert target.memory_mib >= 0.75 * current.memory_mib
    if target.memory_mib > current.memory_mib:
        assert target.memory_mib <= decision.memory_bounds_mib[1]
    from pve_lxc.policy.loan import cap_of

    if cap_of(target) > cap_of(current):
        assert cap_of(target) <= decision.cpu_bounds_cores[1] + 1e-9


@given(CONTAINERS)
def test_deciding_twice_with_loans_keeps(container):
    from pve_lxc.policy.adopt import record_write
    from pve_lxc.policy.decide import decide
    from support.situations import NOW as MOMENT

    situation = situation_of(container)
    decisions, memories = decide(situation.observations, situation.memories, situation.book, situation.host, MOMENT)
    (decision,) = decisions
    (observation,) = situation.observations
    written = {101: record_write(memories[101], decision.target, MOMENT)}
    applied = [replace(observation, config=replace(observation.config, allocation=decision.target))]
    (again,), _memories = decide(applied, written, situation.book, situation.host, MOMENT)
    assert again.target == decision.target, (decision.message, again.message)
