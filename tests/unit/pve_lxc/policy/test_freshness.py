# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How old the newest record is, by Proxmox's own clock."""

from __future__ import annotations

import json
import math
from pathlib import Path

RECORDINGS = Path(__file__).resolve().parents[3] / "fixtures" / "pve9" / "rrddata.json"


def rows(count, with_figures, step=60.0):
    """Return rows that end at ``step``, twice ``step``, ...; the first ``with_figures`` of them have some."""
    from pve_lxc.model.usage import RrdRow

    full = [RrdRow(step * (index + 1), 0.5, 2.0, 1e8, 1e9) for index in range(with_figures)]
    # As a stopped container's, and as what pvestatd did not report: Proxmox leaves the keys out.
    return full + [RrdRow(step * (index + 1)) for index in range(with_figures, count)]


def test_newest_row_with_figures_is_of_now():
    from pve_lxc.policy.freshness import record_age_seconds

    assert record_age_seconds(rows(60, 60)) == 0.0


def test_every_row_without_figures_at_the_end_is_a_minute_of_age():
    from pve_lxc.policy.freshness import record_age_seconds

    assert record_age_seconds(rows(60, 57)) == 180.0


def test_rows_without_any_figures_are_of_no_age():
    from pve_lxc.policy.freshness import record_age_seconds

    assert record_age_seconds(rows(60, 0)) == math.inf


def test_rows_that_say_only_what_a_stopped_container_has_are_none():
    from pve_lxc.model.usage import RrdRow
    from pve_lxc.policy.freshness import record_age_seconds

    assert record_age_seconds([*rows(2, 2), RrdRow(180.0, None, 2.0, None, 1e9)]) == 60.0


def test_rows_of_half_an_hour_date_nothing():
    from pve_lxc.policy.freshness import record_age_seconds

    assert record_age_seconds(rows(48, 48, step=1800.0)) is None
    assert record_age_seconds(rows(1, 1)) is None
    assert record_age_seconds([]) is None


def test_recorded_hour_of_a_running_container_is_of_its_own_moment():
    from pve_lxc.backend.pve_json import parse_rrd_rows
    from pve_lxc.policy.freshness import record_age_seconds

    recorded = {entry["label"]: entry["body"]["data"] for entry in json.loads(RECORDINGS.read_text(encoding="utf-8")) if entry["status"] == 200}
    assert len(recorded["ct hour AVERAGE"]) == 60
    assert record_age_seconds(parse_rrd_rows(recorded["ct hour AVERAGE"])) == 0.0
    assert record_age_seconds(parse_rrd_rows(recorded["ct day"])) == 0.0
    assert record_age_seconds(parse_rrd_rows(recorded["stopped ct"])) == math.inf
