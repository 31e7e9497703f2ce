# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One chart of the report as SVG: what was used, what was allowed, what was found at adoption, and each change as a mark.

Lines differ by their form as well as by their colour: allowed is thick and in steps, used thin above a shaded area, the highest use dotted, found
dashed. Where nothing was recorded there is a gap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .html import Html, join, tag

HEIGHT = 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 12, 22

# More marks than these are drawn smaller, so that the line stays to be seen.
_FEW_MARKS = 15


@dataclass(frozen=True, slots=True)
class Point:
    """A value that holds for some time; None is a gap."""

    begin_seconds: float
    end_seconds: float
    value: float | None


@dataclass(frozen=True, slots=True)
class Mark:
    """A change.

    Attributes:
        time_seconds: when.
        value: where it led to.
        is_up: whether it gave more.
        is_failed: whether it was not carried out.
        text: what is said when the pointer rests on it.
    """

    time_seconds: float
    value: float
    is_up: bool
    is_failed: bool
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What one chart shows.

    Attributes:
        name: unique in the page; letters, digits and hyphens.
        title: what it shows, for those who do not see it.
        description: what there is to be seen, in a sentence.
        begin_seconds: of the time axis.
        end_seconds: of the time axis.
        days: moment and text of each tick of the time axis.
        unit: after the figures of the other axis.
        used: averages, oldest first.
        peaks: highest values, oldest first.
        limits: what was allowed, oldest first.
        found: what was found at adoption; None when there is nothing to show.
        marks: the changes.
        width: of the picture, in the units of its texts, which are 11 high.
    """

    name: str
    title: str
    description: str
    begin_seconds: float
    end_seconds: float
    days: Sequence[tuple[float, str]]
    unit: str
    used: Sequence[Point]
    peaks: Sequence[Point]
    limits: Sequence[Point]
    found: float | None
    marks: Sequence[Mark]
    width: int = 290


class _Frame:
    """Where times and values lie in the picture."""

    def __init__(self, chart: Chart) -> None:
        values = [one.value for one in (*chart.used, *chart.peaks, *chart.limits) if one.value is not None]
        self.top = nice_top(max((*values, *(mark.value for mark in chart.marks), chart.found or 0.0), default=0.0))
        self.right = chart.width - _RIGHT
        self._begin = chart.begin_seconds
        self._seconds = max(chart.end_seconds - chart.begin_seconds, 1.0)

    def x(self, seconds: float) -> float:
        share = min(max((seconds - self._begin) / self._seconds, 0.0), 1.0)
        return round(_LEFT + share * (self.right - _LEFT), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - _BOTTOM - value / self.top * (HEIGHT - _TOP - _BOTTOM), 1)


def nice_top(highest: float) -> float:
    """Return where an axis ends: 1, 2, 3, 4, 5, 6 or 8 times a power of ten, or a power of two from 1024 on, above the highest value.

    3.3 gives 4, 2600 gives 3072, 0 gives 1.
    """
    if highest <= 0:
        return 1.0
    base = 2.0 ** math.floor(math.log2(highest)) if highest > 1000 else 10.0 ** math.floor(math.log10(highest))
    steps = (1.0, 1.25, 1.5, 1.75, 2.0) if highest > 1000 else (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
    return next((base * step for step in steps if base * step >= highest), base * steps[-1])


def draw(chart: Chart) -> Html:
    """Return the picture."""
    frame = _Frame(chart)
    title, description = f"{chart.name}-title", f"{chart.name}-text"
    return tag(
        "svg",
        tag("title", chart.title, id=title),
        tag("desc", chart.description, id=description),
        *_axes(chart, frame),
        *_lines(chart, frame),
        *(_mark(mark, frame, 4.5 if len(chart.marks) <= _FEW_MARKS else 3.2) for mark in chart.marks),
        viewBox=f"0 0 {chart.width} {HEIGHT}",
        role="img",
        aria_labelledby=title,
        aria_describedby=description,
    )


def _axes(chart: Chart, frame: _Frame) -> list[Html]:
    drawn = []
    for share in (0.0, 0.5, 1.0):
        y = frame.y(share * frame.top)
        drawn.append(tag("line", class_="grid", x1=_LEFT, x2=frame.right, y1=y, y2=y))
        drawn.append(tag("text", say_value(share * frame.top, chart.unit), x=_LEFT - 5, y=y + 4, text_anchor="end"))
    for moment, text in chart.days:
        x = frame.x(moment)
        drawn.append(tag("line", class_="grid", x1=x, x2=x, y1=HEIGHT - _BOTTOM, y2=HEIGHT - _BOTTOM + 4))
        anchor = "middle" if _LEFT + 15 < x < frame.right - 15 else "start" if x <= _LEFT + 15 else "end"
        drawn.append(tag("text", text, x=x, y=HEIGHT - 6, text_anchor=anchor))
    return drawn


def say_value(value: float, unit: str) -> str:
    """Return a figure of an axis: 1.5 cores are ``1.5``, 1536 MiB ``1.5 GiB``, 512 MiB ``512 MiB``."""
    if unit != "MiB":
        return f"{value:.2g}" if value < 10 else f"{value:.0f}"
    return f"{value / 1024:.3g} GiB" if value >= 1024 else f"{value:.3g} MiB" if value else "0"


def _lines(chart: Chart, frame: _Frame) -> list[Html]:
    drawn = [tag("path", class_="area", d=_area(run, frame)) for run in _runs(chart.used)]
    if chart.found is not None:
        y = frame.y(chart.found)
        drawn.append(tag("line", class_="found", x1=_LEFT, x2=frame.right, y1=y, y2=y))
    for name, points in (("peak", chart.peaks), ("used", chart.used)):
        line = "".join(_line(run, frame) for run in _runs(points))
        drawn += [tag("path", class_=name, d=line)] if line else []
    steps = "".join(_steps(run, frame) for run in _runs(chart.limits))
    return [*drawn, tag("path", class_="limit", d=steps)] if steps else drawn


def _runs(points: Sequence[Point]) -> list[list[Point]]:
    """Return the points between the gaps: a gap is a missing value, or time that no point covers."""
    runs: list[list[Point]] = []
    before: Point | None = None
    for point in points:
        if point.value is not None:
            is_next = before is not None and before.value is not None and point.begin_seconds <= before.end_seconds + 1.0
            if is_next:
                runs[-1].append(point)
            else:
                runs.append([point])
        before = point
    return runs


def _line(run: Sequence[Point], frame: _Frame) -> str:
    """Return a line through the middles; one point alone is as wide as its time."""
    if len(run) == 1:
        return _steps(run, frame)
    return "M" + "L".join(f"{frame.x((one.begin_seconds + one.end_seconds) / 2)} {frame.y(one.value or 0.0)}" for one in run)


def _area(run: Sequence[Point], frame: _Frame) -> str:
    line = _line(run, frame)
    first, last = run[0], run[-1]
    left, right = (
        (first.begin_seconds, last.end_seconds)
        if len(run) == 1
        else ((first.begin_seconds + first.end_seconds) / 2, (last.begin_seconds + last.end_seconds) / 2)
    )
    return f"{line}L{frame.x(right)} {frame.y(0.0)}L{frame.x(left)} {frame.y(0.0)}Z"


def _steps(run: Sequence[Point], frame: _Frame) -> str:
    """Return a line in steps, because a limit holds until it is changed."""
    parts = [f"M{frame.x(run[0].begin_seconds)} {frame.y(run[0].value or 0.0)}"]
    for point in run:
        parts.append(f"V{frame.y(point.value or 0.0)}H{frame.x(point.end_seconds)}")
    return "".join(parts)


def _mark(mark: Mark, frame: _Frame, size: float) -> Html:
    """Return a triangle that points up or down, or a cross where it failed, within a circle that is easy to hit."""
    x, y = frame.x(mark.time_seconds), frame.y(mark.value)
    if mark.is_failed:
        sign = tag("path", class_="failed", d=f"M{x - 4} {y - 4}L{x + 4} {y + 4}M{x + 4} {y - 4}L{x - 4} {y + 4}")
    else:
        tip, foot = (y - size, y + size * 0.7) if mark.is_up else (y + size, y - size * 0.7)
        sign = tag("path", d=f"M{x:.1f} {tip:.1f}L{x + size:.1f} {foot:.1f}L{x - size:.1f} {foot:.1f}Z")
    return tag("g", tag("title", mark.text), tag("circle", cx=x, cy=y, r=size * 2), sign, class_="mark")


def key() -> Html:
    """Return what the lines and marks mean."""
    lines = (
        ("limit", "allowed (limit)", tag("path", class_="limit", d="M0 8H16V4H32")),
        ("used", "used, average", join(tag("path", class_="area", d="M0 6L32 4V14H0Z"), tag("path", class_="used", d="M0 6L32 4"))),
        ("peak", "used, highest", tag("path", class_="peak", d="M0 7H32")),
        ("found", "found at adoption", tag("path", class_="found", d="M0 7H32")),
        ("up", "given more", tag("g", tag("path", d="M16 2L21 11L11 11Z"), class_="mark")),
        ("down", "given less", tag("g", tag("path", d="M16 12L21 3L11 3Z"), class_="mark")),
        ("failed", "failed", tag("g", tag("path", class_="failed", d="M12 3L20 11M20 3L12 11"), class_="mark")),
    )
    return tag("ul", *(tag("li", tag("svg", sign, viewBox="0 0 32 14", aria_hidden="true"), text) for dummy, text, sign in lines), class_="key")
