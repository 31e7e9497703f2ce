# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replay for people: a table of sums, and a chart of use and limit over time, in characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...model.allocation import Allocation
from ..terminal.table import WIDTH, format_table
from .history import ReplayedRow

_CHART_ROWS = 8
_LABEL_WIDTH = 9


def summarise_replay(rows: Sequence[ReplayedRow], start: Allocation) -> dict[str, Any]:
    """Return the sums of a replay, and the same if nothing had ever been changed; for ``--json`` and the table.

    Means are weighted by the rows' lengths. CPU is in cores, memory in MiB.
    """
    hours = sum(row.demand.interval_seconds for row in rows) / 3600.0
    resizes = sum(one.allocation != other.allocation for one, other in zip(rows, rows[1:], strict=False))
    wanted = _mean(rows, [row.demand.cpu_cores for row in rows])
    unmet = _mean(rows, [row.unmet_cores for row in rows])
    return {
        "hours": round(hours, 2),
        "rows": len(rows),
        "resizes": resizes,
        "cpu_used_mean": _rounded(wanted, 3),
        "cpu_limit_start": cpu_of(start),
        "cpu_limit_mean": _rounded(_mean(rows, [cpu_of(row.allocation) for row in rows]), 3),
        "cpu_unmet_percent": _rounded(100.0 * unmet / wanted, 3) if wanted and unmet is not None else 0.0,
        "memory_used_mean_mib": _rounded(_mean(rows, [row.demand.memory_mib for row in rows]), 1),
        "memory_limit_start_mib": start.memory_mib,
        "memory_limit_mean_mib": _rounded(_mean(rows, [row.allocation.memory_mib for row in rows]), 1),
        "kills": sum(row.is_killed for row in rows),
    }


def format_replay_lines(rows: Sequence[ReplayedRow], start: Allocation, title: str) -> list[str]:
    """Return the table and the charts, in lines of at most 100 columns."""
    sums = summarise_replay(rows, start)
    table = [
        ["CPU (cores)", _text(sums["cpu_used_mean"]), _text(sums["cpu_limit_start"]), _text(sums["cpu_limit_mean"]), f"{sums['cpu_unmet_percent']:g} % unmet"],
        [
            "memory (MiB)",
            _text(sums["memory_used_mean_mib"]),
            _text(sums["memory_limit_start_mib"]),
            _text(sums["memory_limit_mean_mib"]),
            f"{sums['kills']} kills",
        ],
    ]
    lines = [f"{title}: {sums['hours']:g} h, {sums['rows']} rows, {sums['resizes']} changes", ""]
    lines += format_table(["", "used (mean)", "limit now", "limit (mean)", "missed"], table, right=frozenset({1, 2, 3}))
    cpu = [((row.demand.cpu_peak_cores), cpu_of(row.allocation)) for row in rows]
    memory = [(row.demand.memory_mib, row.allocation.memory_mib) for row in rows]
    for label, pairs in (("CPU, cores", cpu), ("memory, MiB", memory)):
        chart = draw_chart(pairs)
        if chart:
            lines += ["", f"{label}: # used (highest), - limit, x more wanted than there was", *chart]
    return lines


def draw_chart(pairs: Sequence[tuple[float | None, float | None]]) -> list[str]:
    """Return use and limit over time as lines of characters, the highest on top; nothing when nothing was measured.

    Args:
        pairs: use and limit of each row, oldest first.
    """
    columns = WIDTH - _LABEL_WIDTH - 1
    per_column = max(1, -(-len(pairs) // columns))
    groups = [pairs[first : first + per_column] for first in range(0, len(pairs), per_column)]
    uses = [max((use for use, _limit in group if use is not None), default=0.0) for group in groups]
    # The least limit of a group, for that is what was in the way.
    limits = [min((limit for _use, limit in group if limit is not None), default=0.0) for group in groups]
    top = max([*uses, *limits], default=0.0)
    if top <= 0:
        return []
    lines = []
    for level in range(_CHART_ROWS, 0, -1):
        low = (level - 1) * top / _CHART_ROWS
        label = f"{level * top / _CHART_ROWS:>{_LABEL_WIDTH - 1}.4g} "
        lines.append((label + "".join(_mark(use, limit, low, top / _CHART_ROWS) for use, limit in zip(uses, limits, strict=True))).rstrip())
    return lines


def cpu_of(allocation: Allocation) -> float | None:
    """Return the CPU that an allocation gives, in cores; None when it sets no limit."""
    found = [float(value) for value in (allocation.cores, allocation.cpulimit) if value is not None]
    return min(found) if found else None


def _mark(use: float, limit: float, low: float, height: float) -> str:
    if use > low:
        return "x" if use > limit > 0 and low + height > limit else "#"
    return "-" if low < limit <= low + height + 1e-9 else " "


def _mean(rows: Sequence[ReplayedRow], values: Sequence[float | None]) -> float | None:
    known = [(value, row.demand.interval_seconds) for value, row in zip(values, rows, strict=True) if value is not None]
    seconds = sum(weight for _value, weight in known)
    return sum(value * weight for value, weight in known) / seconds if seconds else None


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
