# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cycle over a node in memory: what is asked, written, written down and remembered."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def node(tmp_path):
    from support.loop_fakes import FakeNode

    with FakeNode(tmp_path).closing() as fake:
        yield fake


def run(node, mode="apply", seconds=60):
    from pve_lxc.autoscale.cycle import run_cycle

    node.clock.seconds += seconds
    return run_cycle(node.parts, mode)


def reason_of(result, vmid):
    return str({decision.vmid: decision for decision in result.decisions}[vmid].reason)


def test_first_cycle_reads_each_configuration_and_the_second_only_the_list(node):
    node.add(101, cpu_cores=0.5, memory_mib=300)
    node.add(102, cpu_cores=0.5, memory_mib=300)
    run(node)
    assert node.calls() == ["read_cluster", "read_config", "read_pending", "read_config", "read_pending"]
    run(node)
    assert node.calls() == ["read_cluster"]


def test_configurations_are_read_again_after_an_hour_spread_over_it(node):
    for vmid in range(101, 121):
        node.add(vmid, cpu_cores=0.5, memory_mib=300)
    run(node)
    node.calls()
    counts = []
    for _minute in range(60):
        run(node)
        counts.append(node.calls().count("read_config"))
    assert sum(counts) == 20
    assert max(counts) < 20


def test_growing_container_is_written_once_by_digest_and_read_back(node):
    node.add(101, cpu_cores=0.5, memory_mib=1000)
    result = run(node)
    assert node.calls()[-4:] == ["is_quorate", "read_config", "write_config", "read_pending"]
    assert node.backend.writes == [(101, {"memory": 1184}, ())]
    assert [(outcome.vmid, outcome.is_changed, outcome.is_failed) for outcome in result.outcomes] == [(101, True, False)]
    (change,) = node.state.read_changes()
    assert (change["before"]["memory"], change["target"]["memory"], change["outcome"]["after"]["memory"]) == (1024, 1184, 1184)


def test_cycle_after_a_write_takes_it_for_its_own(node):
    node.add(101, cpu_cores=0.5, memory_mib=1000)
    run(node)
    node.usage.memory_mib[101] = 1000
    assert reason_of(run(node), 101) != "operator_changed"
    node.reopen()
    assert reason_of(run(node), 101) != "operator_changed"
    assert node.backend.values[101]["memory"] == 1184


def test_recommend_writes_nothing_and_learns(node):
    node.add(101, cpu_cores=0.5, memory_mib=1000)
    result = run(node, "recommend")
    assert node.backend.writes == []
    assert result.decisions[0].target.memory_mib == 1184
    assert node.state.read_memories()[101]["memory"]["learnt_seconds"] == 60.0
    assert node.state.read_last_run()["result"] == "recommended only"


def test_swap_and_cpuunits_are_never_written(node):
    node.add(101, cpu_cores=0.5, memory_mib=1000, swap=256, cpuunits=50)
    run(node)
    assert node.backend.writes == [(101, {"memory": 1184}, ())]


def test_failing_container_does_not_stop_the_others(node):
    from pve_lxc.errors import ProxmoxPermissionError

    node.add(101, cpu_cores=0.5, memory_mib=1000)
    node.add(102, cpu_cores=0.5, memory_mib=1000)
    refusal = ProxmoxPermissionError("Permission check failed", acl_path="/vms/101", privileges=("VM.Config.Memory",))
    node.backend.fail("write_config", refusal)
    result = run(node)
    assert [(outcome.vmid, outcome.is_failed, str(outcome.reason)) for outcome in result.outcomes] == [
        (101, True, "permission_denied"),
        (102, False, "grow_memory"),
    ]
    assert result.failed_count == 1
    assert node.backend.values[102]["memory"] == 1184


def test_container_that_cannot_be_read_is_kept_with_a_notice(node):
    from pve_lxc.errors import ProxmoxNotFoundError

    node.add(101, cpu_cores=0.5, memory_mib=1000)
    node.add(102, cpu_cores=0.5, memory_mib=1000)
    node.backend.fail("read_config", ProxmoxNotFoundError("Configuration file does not exist", status=500))
    result = run(node)
    assert reason_of(result, 101) == "not_measured"
    assert "101" in result.notices[0]
    assert node.backend.values[102]["memory"] == 1184


def test_operator_between_look_and_write_wins(node):
    node.add(101, cpu_cores=0.5, memory_mib=300)
    run(node)
    # The list and the measurement show nothing of it yet: only the look right before the write does.
    node.usage.memory_mib[101] = 1000
    node.backend.values[101]["memory"] = 1500
    result = run(node)
    assert [str(outcome.reason) for outcome in result.outcomes] == ["operator_changed"]
    assert result.failed_count == 0
    assert node.backend.values[101]["memory"] == 1500
    assert node.state.read_changes() == []
    assert reason_of(run(node), 101) == "operator_changed"


def test_lock_between_look_and_write_is_respected(node):
    node.add(101, cpu_cores=0.5, memory_mib=300)
    run(node)
    node.usage.memory_mib[101] = 1000
    node.backend.values[101]["lock"] = "backup"
    result = run(node)
    assert [(str(outcome.reason), outcome.is_failed) for outcome in result.outcomes] == [("locked", False)]
    assert node.backend.writes == []


def test_memory_filled_between_look_and_write_is_not_cut(tmp_path):
    from pve_lxc.policy.settings.container import ContainerSettings, SettingsBook
    from pve_lxc.policy.settings.policy import PolicySettings
    from support.loop_fakes import FakeNode

    book = SettingsBook(ContainerSettings(PolicySettings(interval_seconds=300, grow_only_history_seconds=26 * 3600)))
    with FakeNode(tmp_path, book).closing() as node:
        node.add(101, cpu_cores=1.0, memory_mib=300)
        node.usage.memory_now_mib[101] = 990
        for _step in range(26 * 12 + 1):
            result = run(node, seconds=300)
        (outcome,) = [outcome for outcome in result.outcomes if outcome.vmid == 101]
        assert (str(outcome.reason), outcome.is_failed) == ("below_working_set", False)
        assert node.backend.values[101]["memory"] == 1024


def test_shrinks_are_written_before_grows(tmp_path):
    from pve_lxc.policy.settings.container import ContainerSettings, SettingsBook
    from pve_lxc.policy.settings.policy import PolicySettings
    from support.loop_fakes import FakeNode

    book = SettingsBook(ContainerSettings(PolicySettings(interval_seconds=300, grow_only_history_seconds=3600)))
    with FakeNode(tmp_path, book).closing() as node:
        node.add(101, cpu_cores=1.5, memory_mib=600)
        node.add(102, cpu_cores=1.5, memory_mib=300)
        for _step in range(11):
            run(node, seconds=300)
        assert node.backend.writes == []
        node.usage.memory_mib[101] = 1000
        run(node, seconds=300)
        assert [vmid for vmid, _values, _delete in node.backend.writes] == [102, 101]


def test_without_quorum_it_is_a_recommendation(node):
    node.add(101, cpu_cores=0.5, memory_mib=1000)
    node.backend.has_quorum = False
    result = run(node)
    assert [(str(outcome.reason), outcome.is_failed) for outcome in result.outcomes] == [("no_quorum", False)]
    assert node.backend.writes == []


def test_proxmox_gone_before_the_look_leaves_a_failed_run_and_the_memories(node):
    from pve_lxc.errors import ProxmoxConnectionError

    node.add(101, cpu_cores=0.5, memory_mib=300)
    run(node)
    before = node.state.read_memories()
    node.backend.fail("read_cluster", ProxmoxConnectionError("connection refused", is_sent=False))
    with pytest.raises(ProxmoxConnectionError):
        run(node)
    assert node.state.read_last_run()["result"] == "failed: connection refused"
    assert node.state.read_memories() == before
    assert node.state.read_decisions()[101]["reason"] == "too_little_history"


def test_proxmox_gone_between_two_changes_keeps_what_was_done(node):
    from pve_lxc.errors import ProxmoxConnectionError

    node.add(101, cpu_cores=0.5, memory_mib=300)
    node.add(102, cpu_cores=0.5, memory_mib=300)
    run(node)
    node.usage.memory_mib.update({101: 1000, 102: 1000})

    def go_away(vmid):
        node.backend.fail("read_config", ProxmoxConnectionError("no route", is_sent=False))

    node.backend.after_write = go_away
    with pytest.raises(ProxmoxConnectionError):
        run(node)
    node.backend.after_write = None
    assert [(change["vmid"], change["outcome"]["changed"]) for change in node.state.read_changes()] == [(101, True)]
    result = run(node)
    assert reason_of(result, 101) != "operator_changed"
    # A surprise of 1000 - 1.05 * 300 = 685: 1.05 * 1000 + 1.5 * 685 = 2077, and twice what was found is the largest.
    assert node.backend.values[102]["memory"] == 2048


def test_write_whose_outcome_is_unknown_stays_open_and_is_settled_next(node):
    from pve_lxc.errors import ProxmoxTimeoutError

    node.add(101, cpu_cores=0.5, memory_mib=1000)
    node.backend.fail("write_config", ProxmoxTimeoutError("no answer in 30 s"), "after")
    node.backend.fail("read_config", ProxmoxTimeoutError("no answer in 30 s"))
    with pytest.raises(ProxmoxTimeoutError):
        run(node)
    node.backend.failures.clear()
    node.backend.fail("write_config", ProxmoxTimeoutError("no answer in 30 s"), "after")
    original = node.backend.read_config
    answers = iter([original, original])

    def read_config(host, vmid):
        """The look for the observation and the one before the write succeed, the one after the write does not."""
        reader = next(answers, None)
        if reader is None:
            raise ProxmoxTimeoutError("no answer in 30 s")
        return reader(host, vmid)

    node.backend.read_config = read_config
    result = run(node)
    assert [str(outcome.reason) for outcome in result.outcomes] == ["outcome_unknown"]
    assert len(node.state.read_open_changes()) == 1
    node.backend.read_config = original
    node.backend.failures.clear()
    result = run(node)
    assert [str(outcome.reason) for outcome in result.settled] == ["resized"]
    assert reason_of(result, 101) != "operator_changed"
    assert node.state.read_open_changes() == []


def test_second_run_at_the_same_time_is_refused(node):
    from pve_lxc.autoscale.cycle import run_cycle
    from pve_lxc.errors import LockHeldError

    node.add(101, cpu_cores=0.5, memory_mib=300)
    with node.parts.lock(), pytest.raises(LockHeldError, match="another run holds the lock"):
        run_cycle(node.parts, "apply")
    assert node.calls() == []


def test_containers_of_other_nodes_are_no_concern(node):
    from pve_lxc.model.node import Node

    node.backend.nodes["pve2"] = Node("pve2", "online", 2)
    node.add(101, cpu_cores=0.5, memory_mib=300)
    node.add(201, cpu_cores=0.5, memory_mib=300, node="pve2")
    assert [decision.vmid for decision in run(node).decisions] == [101]


def test_empty_list_is_said_because_it_may_mean_no_rights(node):
    result = run(node)
    assert result.decisions == ()
    assert "VM.Audit" in result.notices[0]


def test_ignored_container_is_not_even_read(node):
    from pve_lxc.autoscale.configuration.selection import Match, Selection

    node.selection = Selection(ignored=Match(vmids=frozenset({101})))
    node.add(101, cpu_cores=0.5, memory_mib=1000)
    result = run(node)
    assert reason_of(result, 101) == "not_selected"
    assert node.calls() == ["read_cluster"]


def test_lost_state_is_a_cold_start(node):
    node.add(101, cpu_cores=1.9, memory_mib=100)
    for _minute in range(3):
        run(node)
    node.state.write_memories({101: {"memory": "gone", "config": 3, "counters": []}}, 1.0)
    result = run(node)
    assert result.decisions[0].target.memory_mib == 1024
    assert node.state.read_memories()[101]["memory"]["learnt_seconds"] == 60.0


def test_result_is_json_and_has_every_container(node):
    from pve_lxc.autoscale.parts import format_cycle

    node.add(101, cpu_cores=0.5, memory_mib=1000)
    node.add(102, cpu_cores=0.5, memory_mib=300, status="stopped")
    shown = json.loads(json.dumps(format_cycle(run(node))))
    assert [(decision["vmid"], decision["reason"]) for decision in shown["decisions"]] == [(101, "grow_memory"), (102, "not_running")]
    assert (shown["changed"], shown["failed"]) == (1, 0)
