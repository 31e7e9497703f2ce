# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of the API that no earlier look dates: which records are asked for, how many requests that takes, and what follows."""

from __future__ import annotations

from dataclasses import replace

import pytest

MIB = 1024 * 1024


@pytest.fixture
def node(tmp_path):
    """A node whose use is read over the API; nothing was ever seen of it."""
    from support.loop_fakes import FakeNode

    with FakeNode(tmp_path).closing() as fake:
        yield fake


def add(node, *vmids, **values):
    from pve_lxc.model.usage import MemorySource

    for vmid in vmids:
        node.add(vmid, **{"cpu_cores": 0.4, "memory_mib": 2040, "cores": 4, "memory": 2048, **values})
        node.usage.more[vmid] = {"memory_source": MemorySource.API}


def rrd_rows(end, count, silent=0, step=60.0):
    """Return rows up to ``end``, the last ``silent`` of them without figures."""
    from pve_lxc.model.usage import RrdRow

    times = [end - step * (count - 1 - index) for index in range(count)]
    return [RrdRow(time, 0.1, 4.0, 300.0 * MIB, 2048.0 * MIB) if time <= end - step * silent else RrdRow(time) for time in times]


def run(node, seconds=60, **parts):
    from pve_lxc.autoscale.cycle import run_cycle

    node.clock.seconds += seconds
    node.backend.calls.clear()
    return run_cycle(replace(node.parts, **parts), "recommend")


def history_calls(node):
    return sorted((method.removeprefix("read_history "), vmid) for method, vmid in node.backend.calls if method.startswith("read_history"))


def reasons(result):
    return {decision.vmid: str(decision.reason) for decision in result.decisions}


def message(result):
    (decision,) = result.decisions
    return decision.message


def test_first_look_asks_once_about_each_container_and_later_ones_never(node):
    add(node, 101, 102, 103)
    node.backend.history = rrd_rows(node.clock.seconds, 60)
    assert reasons(run(node)) == {101: "grow_memory", 102: "grow_memory", 103: "grow_memory"}
    assert history_calls(node) == [("hour AVERAGE", 101), ("hour AVERAGE", 102), ("hour AVERAGE", 103)]
    for _cycle in range(3):
        run(node)
        assert history_calls(node) == []


def test_first_look_at_figures_whose_records_ended_holds_until_the_uptime_has_advanced(node):
    add(node, 101)
    node.backend.history = rrd_rows(node.clock.seconds, 60, silent=3)
    first = run(node)
    assert reasons(first) == {101: "stale_sample"}
    assert message(first) == "its newest record is 180 s old, so its figures may be as old (pvestatd may be stuck)"
    assert reasons(run(node)) == {101: "grow_memory"}
    assert history_calls(node) == []


def test_records_that_lag_by_two_rows_are_as_good_as_they_get(node):
    add(node, 101)
    node.backend.history = rrd_rows(node.clock.seconds, 60, silent=2)
    assert reasons(run(node)) == {101: "grow_memory"}


def test_clock_of_this_machine_does_not_count(node):
    add(node, 101, 102)
    node.backend.records = {
        (101, "hour", "AVERAGE"): rrd_rows(node.clock.seconds - 7200, 60),
        (102, "hour", "AVERAGE"): rrd_rows(node.clock.seconds + 7200, 60, silent=4),
    }
    assert reasons(run(node)) == {101: "grow_memory", 102: "stale_sample"}


def test_container_without_any_record_is_held_as_stale(node):
    add(node, 101)
    node.backend.history = rrd_rows(node.clock.seconds, 60, silent=60)
    assert message(run(node)) == "nothing was recorded of it lately, so its figures may be as old (pvestatd may be stuck)"


def test_records_that_cannot_be_read_are_no_measurement_and_hold_one_container(node):
    from pve_lxc.errors import ProxmoxAPIError

    add(node, 101)
    node.backend.fail("read_history hour AVERAGE", ProxmoxAPIError("no such RRD file"))
    first = run(node)
    assert reasons(first) == {101: "not_measured"}
    assert message(first) == "whether its figures are alive is not known: its records could not be read: no such RRD file"
    assert reasons(run(node)) == {101: "grow_memory"}


def test_empty_answer_is_no_measurement(node):
    add(node, 101)
    node.backend.history = []
    assert message(run(node)) == "whether its figures are alive is not known: there are no records of it"


def test_after_a_lost_connection_nobody_else_is_asked_and_all_are_held(node):
    from pve_lxc.errors import ProxmoxTimeoutError

    vmids = range(101, 121)
    add(node, *vmids)
    for _time in vmids:
        node.backend.fail("read_history hour AVERAGE", ProxmoxTimeoutError("no answer within 30 s"))
    assert set(reasons(run(node)).values()) == {"not_measured"}
    # Four at a time were asked before the first error was there.
    assert len(history_calls(node)) <= 4


def test_read_of_the_bootstrap_dates_the_figures_too(node):
    add(node, 101, 102)
    end = node.clock.seconds
    node.backend.records = {(101, "day", "AVERAGE"): rrd_rows(end, 1700), (102, "day", "AVERAGE"): rrd_rows(end, 1700, silent=4)}
    assert reasons(run(node, records_per_cycle=50)) == {101: "grow_memory", 102: "stale_sample"}
    assert history_calls(node) == [("day AVERAGE", 101), ("day AVERAGE", 102)]


def test_coarse_day_of_an_older_version_is_dated_by_its_hour(node):
    add(node, 101)
    end = node.clock.seconds
    coarse = rrd_rows(end, 48, step=1800.0)
    node.backend.records = {(101, name, kind): coarse for name in ("day", "month") for kind in ("AVERAGE", "MAX")}
    node.backend.records[101, "hour", "AVERAGE"] = rrd_rows(end, 60, silent=3)
    assert reasons(run(node, records_per_cycle=50)) == {101: "stale_sample"}
    assert ("hour AVERAGE", 101) in history_calls(node)


def test_container_that_waits_for_its_turn_is_dated_by_its_uptime_when_it_comes(node):
    add(node, 101, 102)
    node.backend.history = rrd_rows(node.clock.seconds, 1700)
    assert reasons(run(node, records_per_cycle=1)) == {101: "grow_memory", 102: "too_little_history"}
    assert history_calls(node) == [("day AVERAGE", 101)]
    node.backend.history = rrd_rows(node.clock.seconds, 1700, silent=9)
    assert reasons(run(node, records_per_cycle=1)) == {101: "grow_memory", 102: "grow_memory"}


def lag(node, seconds):
    """Let the list show every uptime as it was so many seconds ago: pvestatd is stuck, or the container was started anew."""
    now_read = type(node.backend).read_cluster

    def read_cluster():
        cluster = now_read(node.backend)
        guests = {vmid: replace(guest, uptime_seconds=guest.uptime_seconds - seconds) for vmid, guest in cluster.guests.items()}
        return replace(cluster, guests=guests)

    node.backend.read_cluster = read_cluster


def test_look_three_intervals_ago_dates_and_an_older_one_asks_where_the_uptime_lags(node):
    add(node, 101)
    node.backend.history = rrd_rows(node.clock.seconds, 60)
    run(node)
    lag(node, 150)
    assert reasons(run(node, seconds=180)) == {101: "grow_memory"}
    assert history_calls(node) == []
    node.backend.history = rrd_rows(node.clock.seconds, 60, silent=5)
    lag(node, 150 + 121)
    assert reasons(run(node, seconds=3600)) == {101: "stale_sample"}
    assert history_calls(node) == [("hour AVERAGE", 101)]


def test_container_that_ran_through_a_pause_of_the_loop_takes_no_request(node):
    add(node, 101)
    node.backend.history = rrd_rows(node.clock.seconds, 60)
    run(node)
    lag(node, 120)
    assert reasons(run(node, seconds=86400)) == {101: "grow_memory"}
    assert history_calls(node) == []


def test_container_that_was_started_anew_in_a_pause_of_the_loop_is_dated_by_its_record(node):
    add(node, 101)
    node.backend.history = rrd_rows(node.clock.seconds, 60)
    run(node)
    lag(node, 7200)
    assert reasons(run(node, seconds=86400)) == {101: "grow_memory"}
    assert history_calls(node) == [("hour AVERAGE", 101)]


def test_stuck_figures_of_a_known_container_take_no_request_nor_does_their_end(node):
    add(node, 101)
    node.backend.history = rrd_rows(node.clock.seconds, 60)
    run(node)
    stuck = node.backend.read_cluster()
    node.backend.read_cluster = lambda: stuck
    for _cycle in range(5):
        assert reasons(run(node)) == {101: "stale_sample"}
        assert history_calls(node) == []
    del node.backend.read_cluster
    assert reasons(run(node)) == {101: "grow_memory"}
    assert history_calls(node) == []


def test_container_that_took_over_an_id_is_dated_anew(node):
    add(node, 101)
    node.backend.history = rrd_rows(node.clock.seconds, 60)
    run(node)
    node.backend.values[101]["rootfs"] = "local-lvm:vm-101-disk-7,size=8G"
    node.backend.history = rrd_rows(node.clock.seconds, 60, silent=4)
    assert reasons(run(node, seconds=3600)) == {101: "stale_sample"}


@pytest.mark.parametrize("held", [{"status": "stopped"}, {"lock": "backup"}, {"is_template": True}])
def test_container_that_is_left_anyway_takes_no_request(node, held):
    add(node, 101)
    node.backend.guests[101] = replace(node.backend.guests[101], **held)
    run(node)
    assert history_calls(node) == []


def test_cgroup_files_are_of_the_moment_and_take_no_request(node):
    node.add(101, cpu_cores=0.4, memory_mib=2040, cores=4, memory=2048)
    assert reasons(run(node)) == {101: "grow_memory"}
    assert history_calls(node) == []
