# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guards over several cycles: what was taken away is watched, stopped containers get their size back, limits in force are put right."""

from __future__ import annotations

from dataclasses import replace

import pytest


@pytest.fixture
def node(tmp_path):
    from pve_lxc.policy.settings.container import ContainerSettings, SettingsBook
    from pve_lxc.policy.settings.policy import PolicySettings
    from support.loop_fakes import FakeNode

    policy = PolicySettings(grow_only_history_seconds=0, memory_shrink_wait_seconds=60, operator_pause_seconds=600, cpu_grow_only=True)
    with FakeNode(tmp_path, SettingsBook(ContainerSettings(policy))).closing() as fake:
        yield fake


def run(node, mode="apply", seconds=60):
    from pve_lxc.autoscale.cycle import run_cycle

    node.clock.seconds += seconds
    return run_cycle(node.parts, mode)


def stop(node, vmid=101):
    node.backend.guests[vmid] = replace(node.backend.guests[vmid], status="stopped")
    node.backend.live_status[vmid] = "stopped"


def reason_of(result, vmid=101):
    return str({decision.vmid: decision for decision in result.decisions}[vmid].reason)


def limits(memory_mib, cpulimit=None):
    from pve_lxc.model.allocation import LiveLimits

    return LiveLimits(memory_mib, cpulimit)


def shrunk(node):
    """A container found with 1024 MiB that the loop has lowered to 768."""
    node.add(101, cpu_cores=0.5, memory_mib=300)
    run(node)
    assert node.backend.writes == [(101, {"memory": 768}, ())]
    node.backend.writes.clear()


def test_memory_that_is_missed_comes_back_in_the_next_cycle_and_stays(node):
    shrunk(node)
    node.usage.more[101] = {"refault_pages_per_second": 350.0}
    assert reason_of(run(node)) == "probation_failed"
    assert node.backend.writes == [(101, {"memory": 1024}, ())]
    node.usage.more.clear()
    assert {reason_of(run(node, seconds=3600)) for _hour in range(23)} == {"shrink_failed"}
    assert reason_of(run(node, seconds=3600)) == "shrink_memory"


def test_memory_that_is_owed_is_tried_again_after_a_refused_write(node):
    from pve_lxc.errors import ProxmoxPermissionError

    shrunk(node)
    node.usage.more[101] = {"memory_pressure_percent": 4.0}
    node.backend.fail("write_config", ProxmoxPermissionError("Permission check failed"))
    assert run(node).failed_count == 1
    node.usage.more.clear()
    node.reopen()
    assert reason_of(run(node)) == "probation_failed"
    assert node.backend.values[101]["memory"] == 1024


def test_stopped_container_gets_back_what_was_found_and_only_once(node):
    shrunk(node)
    stop(node)
    result = run(node)
    assert [(str(outcome.reason), outcome.is_changed) for outcome in result.outcomes] == [("restored_while_stopped", True)]
    assert node.backend.writes == [(101, {"memory": 1024}, ())]
    (change,) = node.state.read_changes(limit=1)
    assert (change["reason"], change["before"]["memory"], change["outcome"]["after"]["memory"]) == ("restored_while_stopped", 768, 1024)
    assert reason_of(run(node)) == "not_running"
    node.calls()
    run(node)
    assert node.calls() == ["read_cluster"]


def test_container_without_a_cpulimit_gets_its_absence_back(node):
    from pve_lxc.policy.settings.bounds import BoundsSettings
    from pve_lxc.policy.settings.container import ContainerSettings, SettingsBook
    from pve_lxc.policy.settings.policy import PolicySettings

    policy = PolicySettings(grow_only_history_seconds=0, cpu_shrink_wait_seconds=60)
    node.settings = SettingsBook(ContainerSettings(policy, BoundsSettings(actuator="cpulimit")))
    node.add(101, cpu_cores=0.4, memory_mib=900, cores=4)
    node.backend.values[101]["cpulimit"] = "3"
    run(node)
    assert node.backend.values[101]["cpulimit"] == "1"
    del node.backend.values[101]["cpulimit"]
    run(node)
    stop(node)
    assert reason_of(run(node)) == "not_running"
    assert "cpulimit" not in node.backend.values[101]


def test_container_that_starts_between_look_and_write_keeps_what_it_has(node):
    shrunk(node)
    stop(node)
    node.backend.live_status[101] = "running"
    result = run(node)
    assert [(str(outcome.reason), outcome.is_failed) for outcome in result.outcomes] == [("too_young", False)]
    assert node.backend.writes == []


def test_somebody_who_changes_a_stopped_container_is_respected(node):
    shrunk(node)
    stop(node)
    node.backend.values[101]["memory"] = 3000
    result = run(node)
    assert [str(outcome.reason) for outcome in result.outcomes] == ["operator_changed"]
    assert reason_of(run(node)) == "not_running"
    assert node.backend.values[101]["memory"] == 3000


def test_stopped_container_is_only_recommended_about_in_recommend(node):
    shrunk(node)
    stop(node)
    (decision,) = run(node, "recommend").decisions
    assert (str(decision.reason), decision.target.memory_mib) == ("restored_while_stopped", 1024)
    assert node.backend.writes == []


def test_values_set_back_twice_are_left_for_good(node):
    shrunk(node)
    for expected in ("operator_changed", "contested"):
        node.backend.values[101]["memory"] = 1024
        assert reason_of(run(node, seconds=3600)) == expected
        since = node.clock.seconds
        node.backend.writes.clear()
        run(node, seconds=660)
    assert node.backend.writes == []
    assert reason_of(run(node, seconds=30 * 86400)) == "contested"
    assert node.state.read_memories()[101]["memory"]["hold"] == {"reason": "contested", "until_seconds": None, "since_seconds": since}


def test_limit_in_force_is_put_back_when_two_looks_found_it_apart(node):
    node.add(101, cpu_cores=0.5, memory_mib=900, cores=1)
    node.usage.live_limits[101] = limits(1184.0)
    assert reason_of(run(node)) == "half_applied"
    assert node.backend.writes == []
    node.backend.after_write = lambda vmid: node.usage.live_limits.update({vmid: limits(float(node.backend.values[vmid]["memory"]))})
    result = run(node)
    assert [(str(outcome.reason), outcome.is_changed, outcome.is_failed) for outcome in result.outcomes] == [("half_applied", True, False)]
    assert node.backend.writes == [(101, {"memory": 1025}, ()), (101, {"memory": 1024}, ())]
    (change,) = node.state.read_changes()
    assert (change["reason"], change["outcome"]["failed"]) == ("half_applied", False)
    assert "memory is 1184 in force and 1024 in the configuration: put back" in change["outcome"]["msg"]
    assert reason_of(run(node)) == "within_band"


def test_limit_that_is_together_again_is_left(node):
    node.add(101, cpu_cores=0.5, memory_mib=900, cores=1)
    node.usage.live_limits[101] = limits(1184.0)
    run(node)
    node.usage.live_limits[101] = limits(1024.0)
    assert reason_of(run(node)) == "within_band"
    assert node.backend.writes == []


def test_limit_is_not_put_back_below_what_is_in_use_and_tried_again_an_hour_later(node):
    node.add(101, cpu_cores=0.5, memory_mib=1100)
    node.backend.values[101]["memory"] = 1024
    node.settings = _with_bounds(node, max_memory_mib=1024)
    node.usage.live_limits[101] = limits(1184.0)
    run(node)
    failed = run(node)
    assert [(str(outcome.reason), outcome.is_failed) for outcome in failed.outcomes] == [("half_applied", True)]
    assert "leaves no room" in failed.outcomes[0].message
    assert run(node).outcomes == ()
    node.usage.memory_mib[101] = 900
    node.backend.after_write = lambda vmid: node.usage.live_limits.update({vmid: limits(float(node.backend.values[vmid]["memory"]))})
    assert [outcome.is_failed for outcome in run(node, seconds=3600).outcomes] == [False]
    assert node.backend.values[101]["memory"] == 1024


def _with_bounds(node, **bounds):
    from pve_lxc.policy.settings.bounds import BoundsSettings
    from pve_lxc.policy.settings.container import ContainerSettings, SettingsBook

    return SettingsBook(ContainerSettings(node.settings.general.policy, BoundsSettings(**bounds)))


def test_repair_killed_between_its_two_writes_is_finished_by_the_next_run(node):
    node.add(101, cpu_cores=0.5, memory_mib=900)
    node.usage.live_limits[101] = limits(1184.0)
    run(node)

    with node.killed_after_write():
        run(node)
    node.reopen()
    assert node.backend.values[101]["memory"] == 1025
    node.usage.live_limits[101] = limits(1024.0)
    result = run(node)
    assert [(str(outcome.reason), outcome.is_failed) for outcome in result.settled] == [("half_applied", False)]
    assert node.backend.values[101]["memory"] == 1024
    assert "operator_changed" not in [str(reason) for reason in result.decisions[0].reasons]
    assert node.state.read_open_changes() == []


def test_nothing_is_put_back_without_quorum_or_in_recommend_or_while_somebody_holds_it(node):
    node.add(101, cpu_cores=0.5, memory_mib=900)
    node.usage.live_limits[101] = limits(1184.0)
    run(node)
    run(node, "recommend")
    node.backend.has_quorum = False
    assert [str(outcome.reason) for outcome in run(node).outcomes] == ["no_quorum"]
    node.backend.has_quorum = True
    node.backend.values[101]["cores"] = 3
    assert reason_of(run(node)) == "operator_changed"
    assert node.backend.writes == []


def test_container_that_went_to_another_node_and_came_back_is_only_grown(node):
    from pve_lxc.model.node import Node

    book = node.settings
    policy = replace(book.general.policy, grow_only_history_seconds=60)
    node.settings = replace(book, general=replace(book.general, policy=policy))
    node.backend.nodes["pve2"] = Node("pve2", "online", 2)
    node.add(101, cpu_cores=0.5, memory_mib=1000)
    for _minute in range(3):
        run(node)
    node.settings = replace(book, general=replace(book.general, policy=replace(policy, grow_only_history_seconds=7200)))
    node.backend.guests[101] = replace(node.backend.guests[101], node="pve2")
    run(node)
    node.backend.guests[101] = replace(node.backend.guests[101], node="pve1")
    node.settings = replace(book, general=replace(book.general, policy=policy))
    node.usage.memory_mib[101] = 200
    assert reason_of(run(node, seconds=3600)) == "migrated"
    assert reason_of(run(node, seconds=3700)) == "shrink_memory"
