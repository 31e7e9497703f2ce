# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a benchmark found, and the table and the JSON that it is shown in."""

from __future__ import annotations

import dataclasses
import json
import operator
import pathlib
from collections.abc import Sequence
from typing import Any

COMPARISONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt}


@dataclasses.dataclass(frozen=True)
class Figure:
    """One ratio of two figures of the same run.

    Attributes:
        name: what was done.
        ours: our figure, in ``unit``.
        theirs: what it is compared with, in ``unit``.
        versus: what that is.
        unit: ``s``, ``ms``, ``MiB``.
        ratio: how many times faster ours is, or for an overhead how many times as much it needs.
        goal: a comparison and a number, such as ``>= 25``; empty where there is none.
    """

    name: str
    ours: float
    theirs: float
    versus: str
    unit: str
    ratio: float
    goal: str = ""

    @property
    def is_met(self) -> bool:
        """Say whether the goal is met; without one it is."""
        if not self.goal:
            return True
        comparison, number = self.goal.split()
        return COMPARISONS[comparison](self.ratio, float(number))


def faster(name: str, ours: float, theirs: float, versus: str, goal: str = "") -> Figure:
    """Return how many times faster ours is: 2 s against 50 s is 25."""
    return Figure(name, ours, theirs, versus, "s", theirs / ours, goal)


def needs(name: str, ours: float, theirs: float, versus: str, unit: str, goal: str = "") -> Figure:
    """Return how many times as much ours needs: 300 ms against 200 ms is 1.5."""
    return Figure(name, ours, theirs, versus, unit, ours / theirs, goal)


def format_table(figures: Sequence[Figure]) -> str:
    """Return the figures as a table, one line each."""
    heads = ("what", "ours", "compared with", "theirs", "ratio", "goal", "")
    rows = [heads]
    for figure in figures:
        verdict = "" if not figure.goal else "met" if figure.is_met else "MISSED"
        ours, theirs = (f"{value:.3g} {figure.unit}" if value < 100 else f"{value:.0f} {figure.unit}" for value in (figure.ours, figure.theirs))
        rows.append((figure.name, ours, figure.versus, theirs, f"{figure.ratio:.2f}x" if figure.ratio < 10 else f"{figure.ratio:.0f}x", figure.goal, verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows)


def write_json(path: pathlib.Path, figures: Sequence[Figure], circumstances: dict[str, Any]) -> None:
    """Write the figures with what they depend on."""
    entries = [{**dataclasses.asdict(figure), "is_met": figure.is_met} for figure in figures]
    path.write_text(json.dumps({"circumstances": circumstances, "figures": entries}, indent=2) + "\n", encoding="utf-8")
