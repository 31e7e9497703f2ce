# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's arithmetic and table."""

from __future__ import annotations

import io
import pathlib
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tests" / "demo"))

from fleet import FLEET, TRACES, make_world  # noqa: E402
from result import Row, add_up, make_row  # noqa: E402
from terminal import Progress, format_table  # noqa: E402


def state(cores: str, memory: str, **sums: float) -> dict:
    values = {"allocated_core_hours": 0.0, "allocated_gib_hours": 0.0, "demand_core_seconds": 0.0, "unmet_core_seconds": 0.0, "oom_kills": 0}
    config = {"cores": "4", "cpulimit": cores, "memory": memory}
    return {"vmid": 105, "name": "database", "node": "pve1", "config": config, **values, **sums}


def row(**changes: object) -> Row:
    middle = state("4", "12288", allocated_core_hours=96.0, allocated_gib_hours=288.0)
    end = state("1.9", "6464", allocated_core_hours=144.0, allocated_gib_hours=432.0, demand_core_seconds=1000.0, unmet_core_seconds=5.0, oom_kills=1)
    made = make_row((state("4", "12288"), middle, end), (48.0, 24.0), 10)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_saved_is_what_was_given_at_the_start_less_what_was_given_over_time():
    made = row()
    assert (made.core_hours_saved, made.gib_hours_saved) == (48.0, 144.0)
    assert (made.cores_before, made.cores_after, made.memory_before_mib, made.memory_after_mib) == (4.0, 1.9, 12288, 6464)
    assert (made.cores_last_day, made.memory_last_day_mib) == (2.0, 6144.0)
    assert (made.unmet_percent, made.oom_kills, made.changes) == (0.5, 1, 10)


def test_totals_compare_the_last_day_with_the_start():
    totals = add_up([row(), row()])
    assert (totals.cpu_freed_percent, totals.memory_freed_percent) == (50.0, 50.0)
    assert (totals.oom_kills, totals.changes, totals.core_hours_saved) == (2, 20, 96.0)


def test_table_fits_a_hundred_columns_and_shows_before_and_after():
    text = format_table([row(name="monitoring", core_hours_saved=-1234.5)], add_up([row()]))
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "4 > 1.9" in text
    assert "12288 > 6464" in text
    assert "-1234.5" in text


def test_progress_in_a_file_is_one_line_for_each_tenth():
    stream = io.StringIO()
    progress = Progress(576, stream)
    for done in range(1, 577):
        progress.show(done, "day 1")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[-1] == f"  [{'#' * 40}] 100 %  day 1"


def test_fleet_has_two_dozen_containers_on_three_nodes_and_every_trace_is_there():
    assert len(FLEET) == 24
    assert len({container.vmid for container in FLEET}) == 24
    names = {container.cpu for container in FLEET} | {container.memory[0] for container in FLEET}
    assert [name for name in sorted(names) if not (TRACES / f"{name}.csv").is_file()] == []
    assert [node["name"] for node in make_world()["nodes"]] == ["pve1", "pve2", "pve3"]


@pytest.mark.parametrize("path", sorted(TRACES.glob("*.csv")), ids=lambda path: path.stem)
def test_every_trace_names_its_source_and_a_licence_that_allows_shipping_it(path):
    head = path.read_text(encoding="utf-8").splitlines()[:3]
    assert head[0].startswith("# source: ")
    assert re.match(r"# licence: (CC BY 4\.0|MIT)\b", head[1])
