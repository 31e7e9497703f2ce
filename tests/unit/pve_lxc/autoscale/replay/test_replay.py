# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replays: the judge's line protocol, a container's own records, the table and the chart."""

from __future__ import annotations

import io
import json

import pytest

LIMITS = {"max_cores": 4.0, "max_memory_mb": 8192.0, "cpu_mode": "cpulimit", "cpu_granularity": 0.1, "mem_granularity_mb": 32, "swap_mb": 0}


def line(step, *, cores=4.0, memory_mb=8192, used=0.5, mem_mb=1000, vmid=107, **changes):
    values = {
        "t": 300.0 * step,
        "vmid": vmid,
        "step_s": 300,
        "phase": "warmup" if step < 288 else "live",
        "cores": cores,
        "memory_mb": memory_mb,
        "cpu_fraction": used / cores if cores else None,
        "cpu_fraction_max": used / cores if cores else None,
        "mem_mb": mem_mb,
        "maxmem_mb": memory_mb,
        "limits": LIMITS,
        "psi": {"cpu_some": 0.0, "mem_some": 0.0, "mem_full": 0.0},
    }
    return {**values, **changes, **({"reset": True} if step == 0 else {})}


def replay_of(**settings):
    from pve_lxc.autoscale.replay.lines import LineReplay
    from pve_lxc.policy.settings.policy import PolicySettings

    return LineReplay(PolicySettings(**settings))


def test_calm_container_is_sized_to_its_use_after_the_warm_up():
    replay = replay_of()
    for step in range(287):
        replay.answer(line(step))
    # 1.05 * 0.5 cores, rounded up; memory is taken away by a quarter at once.
    assert replay.answer(line(287)) == {"cores": 0.6, "memory_mb": 6144}


def test_cold_start_is_only_grown_for_a_day():
    replay = replay_of()
    answers = [replay.answer(line(step, phase="live")) for step in range(287)]
    assert answers[-1] == {"cores": 4.0, "memory_mb": 8192}


def test_container_at_its_limit_gets_more_at_once():
    replay = replay_of()
    for step in range(288):
        replay.answer(line(step))
    assert replay.answer(line(288, cores=0.6, used=0.6, memory_mb=1152)) == {"cores": 1.0, "memory_mb": 1152}


def test_kill_that_the_judge_tells_of_more_than_doubles_memory():
    replay = replay_of()
    for step in range(288):
        replay.answer(line(step))
    told = line(288, cores=0.6, memory_mb=1152, mem_mb=1152, oom_kill=1, psi={"cpu_some": 0.0, "mem_some": 50.0, "mem_full": 25.0})
    # Twice 1152 is less than 1.03 * 1152 and 1.8 times the surprise, which is 1.5 * 1152 - 1.03 * 1000.
    assert replay.answer(told)["memory_mb"] == 2464


def test_kill_that_the_judge_does_not_tell_of_is_guessed_from_use_at_the_limit():
    replay = replay_of()
    for step in range(288):
        replay.answer(line(step))
    assert replay.answer(line(288, cores=0.6, memory_mb=1152, mem_mb=1152))["memory_mb"] == 2464


def test_resource_that_a_trace_does_not_have_is_answered_with_null():
    replay = replay_of()
    assert replay.answer(line(0, cores=None, phase="live")) == {"cores": None, "memory_mb": 8192}
    without_memory = line(0, vmid=108, memory_mb=None, mem_mb=None, phase="live")
    assert replay.answer(without_memory) == {"cores": 4.0, "memory_mb": None}


def test_whole_cores_are_answered_where_the_judge_asks_for_them():
    replay = replay_of()
    limits = {**LIMITS, "cpu_mode": "cores", "cpu_granularity": 1.0}
    for step in range(287):
        replay.answer(line(step, limits=limits))
    assert replay.answer(line(287, limits=limits))["cores"] == 1


def test_reset_forgets_and_containers_do_not_mix():
    replay = replay_of()
    for step in range(288):
        replay.answer(line(step))
        replay.answer(line(step, vmid=108, used=2.0))
    assert replay.answer(line(288, vmid=108, used=2.0))["cores"] == 2.1
    assert replay.answer(line(0, phase="live")) == {"cores": 4.0, "memory_mb": 8192}


def test_serve_answers_each_line_and_passes_over_blank_ones():
    from pve_lxc.autoscale.replay.lines import serve
    from pve_lxc.policy.settings.policy import PolicySettings

    out = io.StringIO()
    serve([json.dumps(line(0, phase="live")), "\n", json.dumps(line(1, phase="live"))], out, PolicySettings())
    assert [json.loads(text) for text in out.getvalue().splitlines()] == [{"cores": 4.0, "memory_mb": 8192}] * 2


def test_presets_differ_in_what_they_give():
    from pve_lxc.policy.settings.presets import PRESETS

    sizes = {}
    for name, settings in PRESETS.items():
        replay = replay_of(**settings)
        for step in range(600):
            # In every 24th interval, so for 4.2 % of the time, it needs six times as much.
            answer = replay.answer(line(step, used=3.0 if step % 24 == 0 else 0.5))
        sizes[name] = answer["cores"]
    assert sizes["safe"] == sizes["balanced"] == 3.1
    assert sizes["lean"] == 0.6


def rows(values, step_seconds=1800.0):
    from pve_lxc.model.usage import RrdRow

    return [
        RrdRow(1.8e9 + number * step_seconds, cpu_ratio=ratio, max_cpu=2.0, memory_bytes=None if mib is None else mib * 2**20)
        for number, (ratio, mib) in enumerate(values)
    ]


def replayed(values, peaks=(), **policy):
    from pve_lxc.autoscale.replay.history import replay_history
    from pve_lxc.model.allocation import Allocation
    from pve_lxc.policy.demand import read_demand
    from pve_lxc.policy.settings.container import ContainerSettings
    from pve_lxc.policy.settings.policy import PolicySettings

    start = Allocation(cores=2, cpulimit=2.0, memory_mib=2048, swap_mib=512)
    return replay_history(101, read_demand(rows(values), rows(peaks)), start, ContainerSettings(PolicySettings(**policy))), start


def test_demand_leaves_out_rows_without_records_and_takes_peaks_where_there_are_some():
    from pve_lxc.policy.demand import read_demand

    demand = read_demand(rows([(0.1, 100), (None, None), (0.2, 200), (0.3, 300)]), rows([(0.1, 100), (None, None), (0.5, 400)]))
    assert [(row.cpu_cores, row.cpu_peak_cores, row.memory_mib) for row in demand] == [(0.4, 1.0, 400.0), (0.6, 0.6, 300.0)]
    assert [row.interval_seconds for row in demand] == [1800.0, 1800.0]


def test_week_of_calm_records_ends_smaller_and_without_a_kill():
    week, start = replayed([(0.1, 600)] * 337)
    assert week[0].allocation == start
    assert (week[-1].allocation.cpulimit, week[-1].allocation.memory_mib) == (1.0, 1024)
    assert not any(row.is_killed or row.unmet_cores for row in week)


def test_records_that_jump_above_what_was_left_are_told_as_unmet_and_killed():
    week, _start = replayed([(0.1, 600)] * 200 + [(0.9, 1800)] * 2 + [(0.1, 600)] * 10)
    jumped = [row for row in week if row.is_killed]
    assert len(jumped) == 1
    assert jumped[0].unmet_cores == pytest.approx(0.8)
    after = week[week.index(jumped[0]) + 1]
    # Twice 1024 is less than 1.03 * 1024 and 1.8 times the surprise, which is 1.5 * 1024 - 1.03 * 600.
    assert after.allocation.memory_mib == 2720
    assert not after.is_killed


def test_unmet_cpu_is_the_worked_number_of_its_docstring():
    from pve_lxc.autoscale.replay.history import _unmet
    from pve_lxc.policy.demand import DemandRow

    assert _unmet(DemandRow(0.0, 300.0, 1.0, 3.0, None), 2.0) == pytest.approx((0.2, 2.0))


def test_report_has_the_sums_and_a_chart_of_both_resources():
    from pve_lxc.autoscale.replay.outcome import format_replay_lines, summarise_replay

    week, start = replayed([(0.1, 600)] * 337)
    sums = summarise_replay(week, start)
    assert (sums["hours"], sums["rows"], sums["kills"], sums["cpu_unmet_percent"]) == (168.0, 336, 0, 0.0)
    assert (sums["cpu_used_mean"], sums["cpu_limit_start"], sums["memory_limit_start_mib"]) == (0.2, 2.0, 2048)
    lines = format_replay_lines(week, start, "101 web1, week")
    assert lines[0].startswith("101 web1, week: 168 h, 336 rows, ")
    assert max(map(len, lines)) <= 100
    assert sum(line.startswith(("CPU, cores:", "memory, MiB:")) for line in lines) == 2


def test_chart_puts_use_limit_and_what_was_missing_at_their_heights():
    from pve_lxc.autoscale.replay.outcome import draw_chart

    lines = draw_chart([(2.0, 8.0), (4.0, 8.0), (8.0, 4.0)])
    assert [text[9:] for text in lines] == ["--x", "  x", "  x", "  x", " ##", " ##", "###", "###"]
    assert lines[0].startswith("       8 ")
    assert draw_chart([(None, None)]) == []
