# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics: what they say, that Prometheus' own parser takes them, and that counters survive the process."""

from __future__ import annotations

import os
import stat
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

NOTIFY = "notify: {dead: {kind: webhook}, phone: {kind: ntfy, topic: alerts, url: 'http://127.0.0.1:9', timeout_seconds: 1}}\n"


@pytest.fixture
def loop(tmp_path):
    from support.busy_loop import BusyLoop

    busy = BusyLoop(tmp_path, NOTIFY)
    yield busy
    busy.node.state.close()


def samples_of(text):
    """Return {name: {labels: value}} as Prometheus reads it; labels as a sorted tuple."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            assert sample.name.startswith("lxc_autoscale_")
            key = tuple(sorted(sample.labels.items()))
            assert key not in found.setdefault(sample.name, {}), f"{sample.name} {key} stands twice"
            found[sample.name][key] = sample.value
    return found


def value(samples, name, **labels):
    wanted = labels.items()
    (found,) = [number for key, number in samples[f"lxc_autoscale_{name}"].items() if set(wanted) <= set(key)]
    return found


def test_textfile_has_every_container_and_the_loop(loop):
    loop.live()
    samples = samples_of(loop.textfile.read_text())
    web = {"vmid": "101", "name": "ct101", "node": "pve1"}
    assert tuple(sorted(web.items())) in samples["lxc_autoscale_container_memory_usage_bytes"]
    assert value(samples, "container_memory_usage_bytes", vmid="101") == 1000 * 1048576
    assert value(samples, "container_memory_limit_bytes", vmid="103") == 1024 * 1048576
    assert value(samples, "container_memory_target_bytes", vmid="103") == 2048 * 1048576
    assert value(samples, "container_cpu_usage_cores", vmid="101") == 0.5
    assert value(samples, "container_cpu_peak_cores", vmid="101") == 0.75
    assert value(samples, "container_cpu_limit_cores", vmid="101") == 1.5
    assert value(samples, "container_cpu_limit_cores", vmid="102") == 2
    assert value(samples, "container_cpu_pressure_ratio", vmid="101") == 0.02
    assert value(samples, "container_memory_max_bytes", vmid="101") == 2048 * 1048576
    assert value(samples, "container_failures_total", vmid="101", reason="permission_denied") == 1
    assert value(samples, "container_changes_total", vmid="102", reason="grow_memory") == 1
    assert value(samples, "container_ooms_total", vmid="103", cause="own") == 1
    assert value(samples, "container_ooms_total", vmid="102", cause="foreign") == 2
    assert value(samples, "container_decision_info", vmid="103", reason="oom_answered") == 1
    assert value(samples, "containers", reason="oom_answered") == 1
    assert value(samples, "failures_total") == 1
    assert value(samples, "changes_total") == loop.node.state.read_changes()[0]["change_id"] - 1
    assert (value(samples, "ooms_total", cause="own"), value(samples, "ooms_total", cause="foreign")) == (1, 2)
    assert value(samples, "cycles_total", result="done") == 2
    assert value(samples, "cycles_total", result="failed") == 1
    assert value(samples, "last_cycle_failed") == 1
    now = loop.node.clock.now()
    assert (value(samples, "last_cycle_timestamp_seconds"), value(samples, "last_success_timestamp_seconds")) == (now, now - 60)
    assert value(samples, "mode_info", mode="apply") == 1
    assert value(samples, "cycle_interval_seconds") == 60
    assert value(samples, "node_memory_available_bytes") == 32768 * 1048576
    # 32768 MiB available less 0.05 of 65536 MiB
    assert value(samples, "node_memory_head_room_bytes") == pytest.approx((32768 - 0.05 * 65536) * 1048576)
    assert value(samples, "state_size_bytes") > 4096
    assert value(samples, "notifier_failing", notifier="dead", kind="webhook") == 1
    assert value(samples, "notifier_failures_total", notifier="dead") >= 1
    assert value(samples, "notifier_messages_total", notifier="phone") == 0


def test_every_family_has_help_and_type_and_its_unit_or_total_in_its_name(loop):
    loop.live()
    families = list(text_string_to_metric_families(loop.textfile.read_text()))
    assert len(families) >= 40
    assert [family.name for family in families if not family.documentation.endswith(".")] == []
    counters = {family.name for family in families if family.type == "counter"}
    loop_wide = ("cycles", "changes", "failures", "ooms", "notifier_failures", "notifier_messages")
    assert counters == {f"lxc_autoscale_{name}" for name in (*loop_wide, "container_changes", "container_failures", "container_ooms")}
    ends = ("_cores", "_bytes", "_seconds", "_ratio", "_info", "_failed", "_failing", "_requests", "_containers", "_cpus", "autoscale_containers")
    assert [family.name for family in families if family.type == "gauge" and not family.name.endswith(ends)] == []


def test_textfile_is_readable_by_all_and_leaves_nothing_beside_it(loop):
    loop.live()
    assert stat.S_IMODE(loop.textfile.stat().st_mode) == 0o644
    assert [name for name in os.listdir(loop.folder) if "prom" in name] == ["lxc_autoscale.prom"]


def test_counters_go_on_in_the_next_process(loop):
    loop.live()
    loop.node.usage.own_oom = {103: 2}
    loop.node.reopen()
    loop.cycle()
    samples = samples_of(loop.textfile.read_text())
    assert value(samples, "container_ooms_total", vmid="103", cause="own") == 3
    assert value(samples, "cycles_total", result="done") == 3


def test_change_is_counted_once_and_an_open_one_when_it_has_ended(loop):
    from pve_lxc.autoscale.metrics.tally import count_failed_cycle, read_tally

    loop.node.add(101, cpu_cores=0.5, memory_mib=1000)
    result, _notices = loop.cycle()
    assert read_tally(loop.node.state).containers[101]["changes"] == {"grow_memory": 1}
    (decision,) = result.decisions
    (outcome,) = result.outcomes
    # A run that was killed after it had begun two changes; the second is settled before the first.
    first = loop.node.state.begin_change(result.run_id, 1.0, decision)
    second = loop.node.state.begin_change(result.run_id, 2.0, decision)
    tallies = [count_failed_cycle(loop.node.state, 3.0)]
    loop.node.state.end_change(second, 4.0, outcome)
    tallies.append(count_failed_cycle(loop.node.state, 5.0))
    loop.node.state.end_change(first, 6.0, replace(outcome, is_changed=False, is_failed=True))
    tallies += [count_failed_cycle(loop.node.state, 7.0), count_failed_cycle(loop.node.state, 8.0)]
    assert [tally.containers[101]["changes"]["grow_memory"] for tally in tallies] == [1, 2, 2, 2]
    assert [tally.totals["changes"] for tally in tallies] == [1, 2, 2, 2]
    assert [tally.open_changes for tally in tallies] == [(first, second), (first,), (), ()]


def test_long_journal_is_counted_to_its_beginning(loop):
    from pve_lxc.autoscale.metrics.tally import read_tally

    loop.node.add(101, cpu_cores=0.5, memory_mib=1000)
    loop.node.clock.seconds += 60
    result, _notices = loop.cycle(is_by_hand=True)
    for number in range(200):
        change = loop.node.state.begin_change(result.run_id, float(number), result.decisions[0])
        loop.node.state.end_change(change, float(number), result.outcomes[0])
    loop.cycle()
    assert sum(read_tally(loop.node.state).containers[101]["changes"].values()) == 201 + loop.cycle()[0].changed_count


def test_container_that_left_the_node_is_shown_no_more(loop):
    loop.live()
    loop.node.backend.guests.pop(103)
    loop.cycle()
    samples = samples_of(loop.textfile.read_text())
    assert {dict(key)["vmid"] for key in samples["lxc_autoscale_container_decision_info"]} == {"101", "102"}
    # Its kill stays in the sum: to Prometheus a counter that falls is one that began anew.
    assert value(samples, "ooms_total", cause="own") == 1


def test_damaged_tally_counts_from_zero(loop):
    from pve_lxc.autoscale.metrics.tally import NOTE, Tally, read_tally

    for damaged in ({}, {"containers": 1}, {"containers": {"x": 1}}, {"containers": {}, "cycles": {}, "counted_change": None, "open_changes": [], "last": {}}):
        loop.node.state.write_note(NOTE, damaged, 1.0)
        assert read_tally(loop.node.state) == Tally()


def test_cycle_by_hand_is_counted_and_writes_nothing(loop):
    from pve_lxc.autoscale.metrics.tally import read_tally

    loop.node.add(103, cpu_cores=0.5, memory_mib=300)
    loop.node.usage.own_oom = {103: 1}
    loop.cycle(is_by_hand=True)
    assert not loop.textfile.exists()
    assert read_tally(loop.node.state).containers[103]["ooms"] == {"own": 1}


def test_textfile_that_cannot_be_written_is_a_notice(loop, tmp_path):
    loop.node.add(101, cpu_cores=0.5, memory_mib=300)
    path = f"{tmp_path}/nowhere/x.prom"
    loop.config = replace(loop.config, metrics_path=path, notifiers=())
    assert loop.cycle()[1] == (f"the metrics could not be written to {path}: No such file or directory",)


def test_names_with_quotes_and_line_breaks_stay_one_label():
    from pve_lxc.autoscale.metrics.text import Family, format_families

    family = Family("x", "gauge", "About \\ it\nhere.")
    family.add(1.5, {"name": 'a"b\\c\nd', "vmid": "1"})
    family.add(None, {"name": "absent"})
    family.add(float("inf"), {"name": "large"})
    text = format_families([family, Family("y", "gauge", "Nothing.")])
    assert text.count("\n") == 4
    (parsed,) = text_string_to_metric_families(text)
    assert parsed.documentation == "About \\ it\nhere."
    assert [(sample.labels["name"], sample.value) for sample in parsed.samples] == [('a"b\\c\nd', 1.5), ("large", float("inf"))]
