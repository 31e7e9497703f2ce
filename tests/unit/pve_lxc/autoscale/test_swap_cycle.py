# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Swap that is sized, by doing it on a node in memory: one write, whose it is, what is put back, and what is left when the sizing is switched off."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pve_lxc.autoscale.cycle import run_cycle
from pve_lxc.autoscale.rollback.draft import RollbackRequest
from pve_lxc.autoscale.rollback.put_back import run_rollback
from pve_lxc.errors import ProxmoxAPIError
from pve_lxc.model.allocation import LiveLimits
from pve_lxc.model.node import Node
from pve_lxc.policy.settings.bounds import BoundsSettings
from pve_lxc.policy.settings.container import ContainerSettings, SettingsBook
from pve_lxc.policy.settings.policy import PolicySettings
from support.loop_fakes import FakeNode


def sized(*, min_swap_mib=None, max_swap_mib=2048, **policy):
    quiet = {"size_swap": True, "cpu_grow_only": True, "memory_grow_only": True, "on_stop": "keep"}
    bounds = BoundsSettings(min_swap_mib=min_swap_mib, max_swap_mib=max_swap_mib)
    return SettingsBook(ContainerSettings(PolicySettings(**{**quiet, **policy}), bounds))


@pytest.fixture
def node(tmp_path):
    with FakeNode(tmp_path, sized()).closing() as fake:
        fake.usage.host = replace(fake.usage.host, swap_total_mib=8192.0)
        yield fake


def cycle(node, seconds=60):
    node.clock.seconds += seconds
    return run_cycle(node.parts, "apply")


def rollback(node, vmid=101, **options):
    node.clock.seconds += 1
    return run_rollback(node.parts, RollbackRequest(vmid, None, **options), node.parts.lock)


def use_swap(node, mib, vmid=101):
    """Let a container use so much swap, also at the last look before a write, and its kernel enforce what its configuration says."""
    values = node.backend.values[vmid]
    node.usage.more[vmid] = {"swap_mib": mib}
    node.usage.live_limits[vmid] = LiveLimits(float(values["memory"]), values.get("cpulimit"), float(values.get("swap", 0)), mib)


def full(node, **values):
    """A container with 450 of 512 MiB of swap in use."""
    node.add(101, cpu_cores=0.5, memory_mib=300, **values)
    use_swap(node, 450.0)


def grown(node, **values):
    """One whose swap the loop has raised from 512 to 704 MiB, and that uses none of it any more."""
    full(node, **values)
    cycle(node)
    assert node.backend.writes == [(101, {"swap": 704}, ())]
    node.backend.writes.clear()
    use_swap(node, 0.0)


def said(result, vmid=101):
    return [str(reason) for reason in {decision.vmid: decision for decision in result.decisions}[vmid].reasons]


def test_growth_is_one_write_in_the_journal_with_what_was_there(node):
    full(node)
    result = cycle(node)
    assert node.backend.writes == [(101, {"swap": 704}, ())]
    assert [(str(outcome.reason), outcome.is_changed) for outcome in result.outcomes] == [("grow_swap", True)]
    (change,) = node.state.read_changes()
    assert (change["before"]["swap"], change["target"]["swap"], change["outcome"]["after"]["swap"]) == (512, 704, 704)


@pytest.mark.parametrize(
    ("mode", "writes"),
    [
        (2, [{"memory": 1184, "swap": 1024, "cores": 4}]),
        (1, [{"memory": 1184, "swap": 1024}, {"cores": 4}]),
    ],
)
def test_memory_cores_and_the_least_swap_are_one_write_and_two_on_cgroup_one(node, mode, writes):
    node.settings = sized(min_swap_mib=1024)
    node.backend.nodes["pve1"] = Node("pve1", "online", mode, 16.0)
    node.add(101, cpu_cores=2.0, memory_mib=1000)
    use_swap(node, 0.0)
    cycle(node)
    cycle(node)
    merged = [written for _vmid, written, _deleted in node.backend.writes]
    assert merged == writes


def test_cycle_after_a_write_takes_it_for_its_own_also_in_a_new_process(node):
    grown(node)
    node.reopen()
    assert "operator_changed" not in said(cycle(node))
    assert node.backend.values[101]["swap"] == 704


def test_operators_change_is_seen_by_the_limit_in_force_and_left_for_a_day(node):
    grown(node)
    node.backend.values[101]["swap"] = 1024
    use_swap(node, 1000.0)
    assert said(cycle(node))[0] == "operator_changed"
    assert said(cycle(node, seconds=3600))[0] == "operator_changed"
    assert node.backend.writes == []
    cycle(node, seconds=86400)
    assert node.backend.writes == [(101, {"swap": 1536}, ())]


def test_operator_between_look_and_write_wins(node):
    full(node)
    cycle_read = node.backend.read_config
    reads = []

    def read_config(guest_node, vmid):
        reads.append(vmid)
        if len(reads) == 2:
            node.backend.values[vmid]["swap"] = 256
        return cycle_read(guest_node, vmid)

    node.backend.read_config = read_config
    result = cycle(node)
    assert [(str(outcome.reason), outcome.is_changed) for outcome in result.outcomes] == [("operator_changed", False)]
    assert (node.backend.writes, node.backend.values[101]["swap"]) == ([], 256)


def test_value_set_back_twice_is_theirs_for_good(node):
    grown(node)
    for expected in ("operator_changed", "contested"):
        node.backend.values[101]["swap"] = 512
        use_swap(node, 450.0)
        assert said(cycle(node, seconds=60))[0] == expected
        cycle(node, seconds=86400)
    assert said(cycle(node, seconds=30 * 86400))[0] == "contested"
    assert node.backend.values[101]["swap"] == 512


def lavish(node):
    """One with 2048 MiB of swap, of which 50 are in use, watched for as long as lowering waits."""
    node.settings = sized(min_swap_mib=256, grow_only_history_seconds=0.0)
    node.add(101, cpu_cores=0.5, memory_mib=300, swap=2048)
    use_swap(node, 50.0)
    assert cycle(node).outcomes == ()
    node.clock.seconds += 6 * 3600


def test_swap_that_nobody_uses_is_lowered_at_once_to_what_is_safe(node):
    lavish(node)
    assert [(str(outcome.reason), outcome.is_changed) for outcome in cycle(node).outcomes] == [("shrink_swap", True)]
    assert node.backend.writes == [(101, {"swap": 256}, ())]


@pytest.mark.parametrize(("used_mib", "reason"), [(300.0, "swap_in_use"), (None, "not_measured")])
def test_use_is_measured_again_right_before_swap_is_lowered(node, used_mib, reason):
    lavish(node)
    node.usage.live_limits[101] = replace(node.usage.live_limits[101], swap_used_mib=used_mib)
    assert [(str(outcome.reason), outcome.is_changed) for outcome in cycle(node).outcomes] == [(reason, False)]
    assert node.backend.writes == []


def test_limit_in_force_is_put_back_when_two_looks_found_it_apart(node):
    node.add(101, cpu_cores=0.5, memory_mib=300)
    use_swap(node, 10.0)
    cycle(node)
    node.usage.live_limits[101] = replace(node.usage.live_limits[101], swap_mib=1024.0)
    assert said(cycle(node))[0] == "half_applied"
    assert node.backend.writes == []
    node.backend.after_write = lambda vmid: use_swap(node, 10.0)
    assert [(str(outcome.reason), outcome.is_changed, outcome.is_failed) for outcome in cycle(node).outcomes] == [("half_applied", True, False)]
    assert node.backend.writes == [(101, {"swap": 513}, ()), (101, {"swap": 512}, ())]
    assert "swap is 1024 in force and 512 in the configuration: put back" in node.state.read_changes()[0]["outcome"]["msg"]


def test_absent_swap_is_put_back_as_absent_and_not_below_what_is_used(node):
    node.add(101, cpu_cores=0.5, memory_mib=300)
    del node.backend.values[101]["swap"]
    use_swap(node, 0.0)
    cycle(node)
    node.usage.live_limits[101] = replace(node.usage.live_limits[101], swap_mib=256.0, swap_used_mib=20.0)
    cycle(node)
    (failed,) = cycle(node).outcomes
    assert (str(failed.reason), failed.is_failed, node.backend.writes) == ("half_applied", True, [])
    assert "leaves no room" in failed.message
    node.usage.live_limits[101] = replace(node.usage.live_limits[101], swap_used_mib=0.0)
    node.backend.after_write = lambda vmid: use_swap(node, 0.0)
    assert [outcome.is_failed for outcome in cycle(node, seconds=3700).outcomes] == [False]
    assert node.backend.writes == [(101, {"swap": 1}, ()), (101, {}, ("swap",))]
    assert "operator_changed" not in said(cycle(node))


def test_repair_killed_between_its_two_writes_is_finished_by_the_next_run(node):
    node.add(101, cpu_cores=0.5, memory_mib=300)
    use_swap(node, 10.0)
    cycle(node)
    node.usage.live_limits[101] = replace(node.usage.live_limits[101], swap_mib=1024.0)
    cycle(node)

    with node.killed_after_write():
        cycle(node)
    node.reopen()
    assert node.backend.values[101]["swap"] == 513
    use_swap(node, 10.0)
    result = cycle(node)
    assert [(str(outcome.reason), outcome.is_failed) for outcome in result.settled] == [("half_applied", False)]
    assert (node.backend.values[101]["swap"], node.state.read_open_changes()) == (512, [])
    assert "operator_changed" not in said(result)


@pytest.mark.parametrize(
    ("found", "settled", "then"),
    [(704, "resized", 704), (512, "not_tried", 704), (900, "operator_changed", 900)],
)
def test_change_of_a_killed_run_is_settled_by_what_is_found(node, found, settled, then):
    full(node)

    with node.killed_after_write():
        cycle(node)
    node.reopen()
    node.backend.values[101]["swap"] = found
    use_swap(node, 450.0)
    result = cycle(node)
    assert [str(outcome.reason) for outcome in result.settled] == [settled]
    assert ("operator_changed" in said(result)) == (settled == "operator_changed")
    assert (node.backend.values[101]["swap"], node.state.read_open_changes()) == (then, [])


def test_operators_swap_beside_a_killed_change_of_memory_is_not_taken_for_ours(node):
    node.settings = sized(min_swap_mib=None)
    node.add(101, cpu_cores=0.5, memory_mib=1000)
    use_swap(node, 10.0)

    with node.killed_after_write():
        cycle(node)
    node.reopen()
    node.backend.values[101]["swap"] = 900
    use_swap(node, 10.0)
    result = cycle(node)
    assert [str(outcome.reason) for outcome in result.settled] == ["operator_changed"]
    assert said(result)[0] == "operator_changed"


def test_server_error_after_which_the_limits_in_force_cannot_be_read_is_half_applied(node):
    full(node)
    node.backend.fail("write_config", ProxmoxAPIError("closing file failed", status=500))
    node.backend.live_limits[101] = LiveLimits(1024.0, None)
    (outcome,) = cycle(node).outcomes
    assert (str(outcome.reason), outcome.is_failed) == ("half_applied", True)


def test_server_error_that_left_swap_in_force_is_put_back(node):
    full(node)
    node.backend.fail("write_config", ProxmoxAPIError("closing file failed", status=500))
    node.backend.live_limits[101] = LiveLimits(1024.0, None, 704.0, 450.0)

    def follow(vmid):
        node.backend.live_limits[vmid] = LiveLimits(1024.0, None, float(node.backend.values[vmid]["swap"]), 450.0)

    node.backend.after_write = follow
    (outcome,) = cycle(node).outcomes
    assert (str(outcome.reason), outcome.is_failed, outcome.is_changed) == ("refused_by_proxmox", True, False)
    assert "swap is 704 in force and 512 in the configuration); it was put back" in outcome.message
    assert node.backend.writes == [(101, {"swap": 513}, ()), (101, {"swap": 512}, ())]


def test_rollback_restores_that_the_key_was_absent(node):
    node.settings = sized(min_swap_mib=256)
    node.add(101, cpu_cores=0.5, memory_mib=300)
    del node.backend.values[101]["swap"]
    use_swap(node, 0.0)
    cycle(node)
    assert node.backend.writes == [(101, {"swap": 256}, ())]
    use_swap(node, 0.0)
    (outcome,) = rollback(node).outcomes
    assert (outcome.is_changed, outcome.is_failed) == (True, False)
    assert "swap 256 -> unset MiB" in outcome.message or "swap 256 -> unset" in node.state.read_changes()[0]["outcome"]["msg"]
    assert node.backend.writes[1:] == [(101, {}, ("swap",))]
    assert "swap" not in node.backend.values[101]
    assert said(cycle(node))[0] == "rolled_back"


def test_rollback_does_not_lower_swap_that_is_in_use_unless_forced(node):
    grown(node)
    use_swap(node, 600.0)
    (refused,) = rollback(node).outcomes
    assert (str(refused.reason), refused.is_failed, node.backend.writes) == ("swap_in_use", True, [])
    assert "600 MiB of it is in use by now, too much for 512 MiB" in refused.message
    (forced,) = rollback(node, is_forced=True).outcomes
    assert (forced.is_changed, node.backend.writes) == (True, [(101, {"swap": 512}, ())])


def test_swap_is_taken_back_also_after_its_sizing_was_switched_off(node):
    grown(node)
    node.settings = SettingsBook()
    assert rollback(node).changed_count == 1
    assert node.backend.writes == [(101, {"swap": 512}, ())]


def test_operators_swap_stands_in_the_way_of_a_rollback_of_swap_only(node):
    grown(node)
    node.backend.values[101]["swap"] = 1024
    (refused,) = rollback(node).outcomes
    assert (str(refused.reason), refused.is_failed, node.backend.writes) == ("operator_changed", True, [])
    assert "somebody has changed swap since" in refused.message


def test_while_it_is_not_sized_somebody_elses_swap_is_neither_noticed_nor_rolled_back(node):
    node.settings = SettingsBook()
    node.add(101, cpu_cores=0.5, memory_mib=1000)
    use_swap(node, 0.0)
    cycle(node)
    node.backend.values[101]["swap"] = 64
    use_swap(node, 0.0)
    node.usage.memory_mib[101] = 1000
    assert "operator_changed" not in said(cycle(node, seconds=3600))
    node.usage.memory_mib[101] = 200
    assert rollback(node).changed_count == 1
    assert node.backend.writes == [(101, {"memory": 1184}, ()), (101, {"memory": 1024}, ())]
    assert node.backend.values[101]["swap"] == 64


def test_what_is_found_when_the_sizing_is_switched_on_is_the_baseline(node):
    on, node.settings = node.settings, SettingsBook()
    node.add(101, cpu_cores=0.5, memory_mib=300)
    use_swap(node, 0.0)
    cycle(node)
    node.backend.values[101]["swap"] = 1024
    use_swap(node, 900.0)
    cycle(node, seconds=3600)
    node.settings = SettingsBook(replace(on.general, policy=replace(on.general.policy, on_stop="baseline")))
    assert said(cycle(node))[0] == "grow_swap"
    assert node.backend.values[101]["swap"] == 1408
    node.backend.guests[101] = replace(node.backend.guests[101], status="stopped")
    node.backend.live_status[101] = "stopped"
    assert said(cycle(node)) == ["restored_while_stopped"]
    assert node.backend.values[101]["swap"] == 1024


def test_stopped_container_whose_swap_is_no_longer_sized_keeps_it(node):
    grown(node)
    node.settings = SettingsBook()
    cycle(node)
    node.backend.guests[101] = replace(node.backend.guests[101], status="stopped")
    node.backend.live_status[101] = "stopped"
    assert said(cycle(node)) == ["not_running"]
    assert node.backend.values[101]["swap"] == 704
