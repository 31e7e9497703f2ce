# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of containers that were never seen: what is asked for, how much at once, and what happens when it cannot be had."""

from __future__ import annotations

import pytest

MIB = 1024 * 1024


@pytest.fixture
def node(tmp_path):
    from support.loop_fakes import FakeNode

    with FakeNode(tmp_path).closing() as fake:
        fake.records_per_cycle = 2
        yield fake


def rrd_rows(end, count, step=60.0, cpu=0.1, memory=300.0):
    from pve_lxc.model.usage import RrdRow

    return [RrdRow(end - step * (count - 1 - index), cpu, 4.0, memory * MIB, 2048.0 * MIB) for index in range(count)]


def run(node, mode="recommend"):
    from pve_lxc.autoscale.cycle import run_cycle

    node.clock.seconds += 60
    return run_cycle(node.parts, mode)


def history_calls(node):
    return [(method.removeprefix("read_history "), vmid) for method, vmid in node.backend.calls if method.startswith("read_history")]


def reasons(result):
    return {decision.vmid: str(decision.reason) for decision in result.decisions}


def memory_of(node, vmid):
    return node.state.read_memories()[vmid]["memory"]


def test_container_up_for_longer_than_a_day_is_asked_for_its_day_and_its_month_once(node):
    node.add(101, cpu_cores=0.4, memory_mib=300, cores=4, memory=2048)
    end = node.clock.seconds
    node.backend.records = {(101, "day", "AVERAGE"): rrd_rows(end, 1440), (101, "month", "AVERAGE"): rrd_rows(end, 48, 1800.0), (101, "month", "MAX"): []}
    run(node)
    assert history_calls(node) == [("day AVERAGE", 101), ("month AVERAGE", 101), ("month MAX", 101)]
    assert memory_of(node, 101)["recorded_seconds"] == 1439 * 60.0
    node.backend.calls.clear()
    run(node)
    assert history_calls(node) == []


def test_container_that_started_within_the_day_is_asked_for_its_day_only(node):
    node.add(101, cpu_cores=0.4, memory_mib=300, cores=4, memory=2048)
    # The fake's uptime is 100000 s, its day begins before that.
    node.backend.history = rrd_rows(node.clock.seconds, 1700)
    run(node)
    assert history_calls(node) == [("day AVERAGE", 101)]


def test_coarse_day_of_an_older_version_is_asked_for_its_peaks_too(node):
    node.add(101, cpu_cores=0.4, memory_mib=300, cores=4, memory=2048)
    node.backend.history = rrd_rows(node.clock.seconds, 48, 1800.0)
    run(node)
    assert history_calls(node) == [("day AVERAGE", 101), ("day MAX", 101), ("month AVERAGE", 101), ("month MAX", 101)]


def test_so_many_in_a_cycle_and_the_others_wait_undecided_for_their_turn(node):
    for vmid in range(101, 106):
        node.add(vmid, cpu_cores=0.4, memory_mib=2040, cores=4, memory=2048)
        node.backend.history = rrd_rows(node.clock.seconds, 1700)
    first = reasons(run(node))
    assert first == {101: "grow_memory", 102: "grow_memory", 103: "too_little_history", 104: "too_little_history", 105: "too_little_history"}
    assert reasons(run(node))[104] == "grow_memory"
    last = run(node)
    assert reasons(last)[105] == "grow_memory"
    assert sorted(vmid for _call, vmid in history_calls(node)) == [101, 102, 103, 104, 105]


def test_records_that_cannot_be_read_are_named_and_the_container_is_sized_without_them(node):
    from pve_lxc.errors import ProxmoxAPIError

    node.add(101, cpu_cores=0.4, memory_mib=2040, cores=4, memory=2048)
    node.backend.fail("read_history day AVERAGE", ProxmoxAPIError("no such RRD file"))
    result = run(node)
    assert reasons(result) == {101: "grow_memory"}
    assert result.notices == ("Proxmox's records of 101 could not be read, so it is only grown until a day is known: no such RRD file",)
    node.backend.calls.clear()
    assert run(node).notices == ()
    assert history_calls(node) == []


def test_after_a_lost_connection_nobody_else_is_asked_and_the_cycle_goes_on(node):
    from pve_lxc.errors import ProxmoxTimeoutError

    node.records_per_cycle = 1
    for vmid in (101, 102):
        node.add(vmid, cpu_cores=0.4, memory_mib=2040, cores=4, memory=2048)
    node.backend.fail("read_history day AVERAGE", ProxmoxTimeoutError("no answer within 30 s"))
    assert reasons(run(node)) == {101: "grow_memory", 102: "too_little_history"}
    node.backend.history = rrd_rows(node.clock.seconds, 1700)
    assert reasons(run(node))[102] == "grow_memory"


def test_container_with_a_memory_in_the_state_is_never_asked(node):
    node.records_per_cycle = 0
    node.add(101, cpu_cores=0.4, memory_mib=300)
    run(node)
    node.reopen()
    node.records_per_cycle = 2
    run(node)
    assert history_calls(node) == []


def test_records_survive_the_state_file(node):
    node.add(101, cpu_cores=0.4, memory_mib=300, cores=4, memory=2048)
    node.backend.history = rrd_rows(node.clock.seconds, 1700)
    run(node)
    node.reopen()
    result = run(node)
    assert memory_of(node, 101)["recorded_seconds"] > 86400.0
    assert reasons(result) == {101: "shrink_cpu"}


def test_stopped_container_is_not_asked(node):
    from dataclasses import replace

    node.add(101, cpu_cores=0.4, memory_mib=300)
    node.backend.guests[101] = replace(node.backend.guests[101], status="stopped")
    run(node)
    assert history_calls(node) == []


def test_cycles_far_apart_learn_everybody_anew_and_keep_what_records_cannot_tell(node):
    from dataclasses import replace

    from pve_lxc.autoscale.cycle import run_cycle

    node.add(101, cpu_cores=0.4, memory_mib=300, cores=4, memory=2048)
    node.backend.history = rrd_rows(node.clock.seconds, 1700, cpu=0.9)
    node.usage.own_oom[101] = 1
    run_cycle(replace(node.parts, learns_anew=True), "recommend")
    node.usage.own_oom[101] = 0
    first = memory_of(node, 101)
    node.clock.seconds += 36000.0
    node.backend.history = rrd_rows(node.clock.seconds, 2400, cpu=0.1)
    node.backend.calls.clear()
    (decision,) = run_cycle(replace(node.parts, learns_anew=True), "recommend").decisions
    second = memory_of(node, 101)
    assert history_calls(node) == [("day AVERAGE", 101)]
    assert (first["recorded_seconds"] > 86400.0, second["recorded_seconds"] > 86400.0) == (True, True)
    # 0.9 of 4 cores are forgotten, the kill is not.
    assert decision.cpu_demand_cores < 0.6
    assert second["memory"]["oom_times"] == first["memory"]["oom_times"] != []
    assert second["baseline"] == first["baseline"]


def test_cycles_far_apart_without_records_shrink_nothing(node):
    from dataclasses import replace

    from pve_lxc.autoscale.cycle import run_cycle
    from pve_lxc.errors import ProxmoxAPIError

    node.add(101, cpu_cores=0.4, memory_mib=300, cores=4, memory=2048)
    node.backend.history = rrd_rows(node.clock.seconds, 1700)
    run_cycle(replace(node.parts, learns_anew=True), "recommend")
    node.clock.seconds += 3600.0
    node.backend.fail("read_history day AVERAGE", ProxmoxAPIError("no such RRD file"))
    (decision,) = run_cycle(replace(node.parts, learns_anew=True), "recommend").decisions
    assert decision.target == decision.current
    assert "too_little_history" in [str(reason) for reason in decision.reasons]
