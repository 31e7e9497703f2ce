# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boosts and hours of saving energy through whole cycles, each of which may be a new process: they begin, last, end and are put back."""

from __future__ import annotations

from dataclasses import replace

import pytest


@pytest.fixture
def node(tmp_path):
    from support.loop_fakes import FakeNode

    with FakeNode(tmp_path).closing() as fake:
        yield fake


def settings(save_energy="none", **bounds):
    from pve_lxc.policy.settings.bounds import BoundsSettings
    from pve_lxc.policy.settings.container import ContainerSettings, ScheduledSettings, SettingsBook
    from pve_lxc.policy.settings.policy import PolicySettings

    # A day of history would take 1,440 cycles.
    policy = PolicySettings(grow_only_history_seconds=600, memory_shrink_wait_seconds=600, cpu_shrink_wait_seconds=600, memory_probation_seconds=0)
    return SettingsBook(ContainerSettings(policy, BoundsSettings(**bounds), scheduled=ScheduledSettings(save_energy=save_energy)))


def run(node, minutes=1):
    """Run one cycle after each minute, each as a process of its own, and return the last result."""
    from pve_lxc.autoscale.cycle import run_cycle

    for _minute in range(minutes):
        node.reopen()
        node.clock.seconds += 60
        result = run_cycle(node.parts, "apply")
    return result


def boost(node, vmid, seconds, **sizes):
    """Write a boost as the command does."""
    from pve_lxc.model.allocation import Allocation
    from pve_lxc.policy.loan import Boost, boost_to_dict

    values = node.backend.values[vmid]
    before = Allocation(cores=values.get("cores"), cpulimit=values.get("cpulimit"), memory_mib=values.get("memory"))
    entry = node.state.read_memories()[vmid]
    entry["memory"]["boost"] = boost_to_dict(Boost(before, node.clock.seconds, node.clock.seconds + seconds, **sizes))
    node.state.write_memories({vmid: entry}, node.clock.seconds)


def boost_of(node, vmid):
    from pve_lxc.policy.loan import boost_from_dict

    return boost_from_dict(node.state.read_memories()[vmid]["memory"]["boost"])


def sizes_of(node, vmid):
    return node.backend.values[vmid].get("cores"), node.backend.values[vmid].get("memory")


def reason_of(result, vmid):
    return str({decision.vmid: decision for decision in result.decisions}[vmid].reason)


def test_boost_lasts_through_new_processes_and_is_taken_back_to_what_was_there(node):
    # An hour of history is too little for any ordinary shrink: what is known is what was there before.
    node.add(101, cpu_cores=0.5, memory_mib=300, memory=1024)
    run(node)
    boost(node, 101, 600, memory_mib=1536.0, cpu_cores=4.0)
    result = run(node)
    assert (reason_of(result, 101), sizes_of(node, 101)) == ("boosted", (4, 1536))
    (change,) = node.state.read_changes()
    assert (change["reason"], change["outcome"]["changed"]) == ("boosted", True)
    run(node, 8)
    assert sizes_of(node, 101) == (4, 1536)
    result = run(node)
    assert (reason_of(result, 101), sizes_of(node, 101)) == ("boost_ended", (2, 1152))
    # A quarter at a time, ten minutes after each other, and nothing is left to do then.
    run(node, 25)
    assert sizes_of(node, 101) == (2, 1024)
    assert boost_of(node, 101) is None
    assert len(node.state.read_changes()) == 3


def test_boost_that_ended_while_the_loop_stood_still_is_ended_by_the_next_cycle(node):
    node.add(101, cpu_cores=0.5, memory_mib=300, memory=1024)
    run(node)
    boost(node, 101, 600, cpu_cores=4.0)
    run(node)
    node.clock.seconds += 7200
    result = run(node)
    assert (reason_of(result, 101), sizes_of(node, 101)) == ("boost_ended", (2, 1024))


def test_operators_change_during_a_boost_stays(node):
    node.add(101, cpu_cores=0.5, memory_mib=300, memory=1024)
    run(node)
    boost(node, 101, 600, memory_mib=1536.0, cpu_cores=4.0)
    run(node)
    node.backend.values[101]["memory"] = 2048
    node.clock.seconds += 3600
    result = run(node)
    assert reason_of(result, 101) == "operator_changed"
    # Their memory is theirs; the cores of the boost are taken back once they are no longer left alone.
    assert (boost_of(node, 101).memory_mib, boost_of(node, 101).cpu_cores) == (0.0, 4.0)
    node.clock.seconds += 90000
    run(node, 2)
    assert sizes_of(node, 101) == (2, 2048)
    assert all(values.get("memory") in (None, 1536) for _vmid, values, _delete in node.backend.writes)


def test_boost_is_taken_back_only_as_far_as_it_is_not_wanted_by_then(node):
    node.add(101, cpu_cores=0.5, memory_mib=300, memory=1024)
    run(node)
    boost(node, 101, 600, memory_mib=2048.0)
    run(node)
    node.usage.memory_mib[101] = 900
    run(node, 40)
    # 1.03 * 900 MiB and room for a surprise 1.8 times as large as 900 - 1.03 * 300: 927 + 1.8 * 591 = 1991, in steps of 32.
    assert (sizes_of(node, 101)[1], boost_of(node, 101)) == (2016, None)
    # That is its own now, and is not taken back with too little history, as without any boost.
    node.usage.memory_mib[101] = 300
    run(node, 60)
    assert sizes_of(node, 101)[1] == 2016


def test_boost_of_a_recommending_loop_changes_nothing_and_ends(node):
    from pve_lxc.autoscale.cycle import run_cycle

    node.add(101, cpu_cores=0.5, memory_mib=300, memory=1024)
    run(node)
    boost(node, 101, 120, memory_mib=1536.0)
    node.clock.seconds += 60
    assert reason_of(run_cycle(node.parts, "recommend"), 101) == "boosted"
    node.clock.seconds += 120
    run_cycle(node.parts, "recommend")
    assert (node.backend.writes, boost_of(node, 101)) == ([], None)


def test_clock_that_was_set_back_ends_a_boost(node):
    node.add(101, cpu_cores=0.5, memory_mib=300, memory=1024)
    run(node)
    boost(node, 101, 86400, cpu_cores=4.0)
    run(node)
    node.clock.seconds -= 36000
    run(node, 3)
    assert sizes_of(node, 101)[0] == 2


def test_hours_of_saving_energy_lower_and_give_back_once(node):
    node.settings = settings(max_cpu_cores=8, max_memory_mib=4096)
    node.add(101, cpu_cores=3.0, memory_mib=1200, cores=4, memory=2048)
    run(node, 20)
    day = sizes_of(node, 101)
    assert day[0] == 4
    node.usage.cpu_cores[101], node.usage.memory_mib[101] = 0.3, 400
    node.settings = settings("cpu_and_memory", max_cpu_cores=8, max_memory_mib=4096)
    run(node, 90)
    cores, memory_mib = sizes_of(node, 101)
    assert (cores, memory_mib) == (1, 1024)
    node.settings = settings(max_cpu_cores=8, max_memory_mib=4096)
    node.clock.seconds += 3600
    result = run(node)
    (decision,) = result.decisions
    assert ("given_back" in map(str, decision.reasons), sizes_of(node, 101)) == (True, day)
    # For as long as a shrink waits it is kept; then its own demand decides again.
    run(node, 8)
    assert sizes_of(node, 101) == day
    assert node.state.read_memories()[101]["memory"]["saving"] is None


def test_what_an_operator_set_in_hours_of_saving_energy_is_not_overwritten_by_giving_back(node):
    node.settings = settings("cpu", max_cpu_cores=8)
    node.add(101, cpu_cores=0.3, memory_mib=400, cores=4, memory=1024)
    run(node, 30)
    assert sizes_of(node, 101)[0] == 1
    node.backend.values[101]["cores"] = 2
    run(node, 2)
    node.settings = settings(max_cpu_cores=8)
    node.clock.seconds += 90000
    run(node, 3)
    assert sizes_of(node, 101)[0] in (1, 2)
    assert [values["cores"] for _vmid, values, _delete in node.backend.writes if values.get("cores", 0) > 2] == []


def test_second_window_before_everything_was_given_back_remembers_the_first_size(node):
    node.settings = settings("cpu", max_cpu_cores=8)
    node.add(101, cpu_cores=0.3, memory_mib=400, cores=4, memory=1024)
    run(node, 30)
    node.settings = settings(max_cpu_cores=8)
    node.backend.faults = {}
    saving = node.state.read_memories()[101]["memory"]["saving"]
    assert (saving["before"]["cores"], saving["ended_seconds"]) == (4, 0.0)
    # A cycle in which the container cannot be measured notes nothing; the next window goes on.
    seen = node.usage.memory_mib.pop(101)
    run(node, 2)
    node.usage.memory_mib[101] = seen
    node.settings = settings("cpu", max_cpu_cores=8)
    run(node, 5)
    node.settings = settings(max_cpu_cores=8)
    run(node)
    assert sizes_of(node, 101)[0] == 4


def test_window_of_the_file_opens_and_closes_on_time(node):
    from pve_lxc.autoscale.config_file import parse_config

    # 15 January 2027, 08:00 UTC, is a Friday.
    text = """
connection: {token_id: 'a@pve!b'}
bounds: {max_cpu_cores: 8}
schedules:
  morning: {days: [fri], from: 10:00, to: 11:00, time_zone: Europe/Berlin, bounds: {min_cpu_cores: 3}}
"""
    config = parse_config(text, source="config.yaml", environment={"PROXMOX_TOKEN_SECRET": "x"})
    node.add(101, cpu_cores=0.5, memory_mib=300, cores=3, memory=1024)

    def cycle(minutes):
        from pve_lxc.autoscale.cycle import run_cycle

        node.clock.seconds += 60 * minutes
        parts = replace(node.parts, roster=config.roster, settings=config.settings)
        return {decision.vmid: decision for decision in run_cycle(parts, "recommend").decisions}[101].cpu_bounds_cores

    assert cycle(59) == (1.0, 8.0)
    assert cycle(1) == (3.0, 8.0)
    assert cycle(59) == (3.0, 8.0)
    assert cycle(1) == (1.0, 8.0)
