# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's report: one HTML file without a single outside request, for light and dark screens and for phones."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

from result import Point, Row, Totals

WIDTH, HEIGHT = 320, 90

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --line: #d4d9df; --soft: #5b6672; --limit: #b3541e; --used: #2563a8; --start: #98a2ad; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --paper: #14181d; --line: #333b45; --soft: #a0abb7; --limit: #f0a36b; --used: #7db4ec; --start: #66707b; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem 1rem 4rem; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
p { max-width: 46rem; }
.soft { color: var(--soft); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .8rem; padding: 0; margin: 1.4rem 0; list-style: none; }
.figures li { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem 1rem; }
.figures b { display: block; font-size: 1.5rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
caption { text-align: left; color: var(--soft); padding-bottom: .4rem; }
th, td { text-align: right; padding: .3rem .5rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:nth-child(-n+3), td:nth-child(-n+3) { text-align: left; }
.bad { color: var(--limit); font-weight: 600; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 1rem; }
figure { margin: 0; border: 1px solid var(--line); border-radius: .5rem; padding: .7rem .8rem; }
figcaption { font-weight: 600; margin-bottom: .3rem; }
svg { width: 100%; height: auto; display: block; }
.limit { fill: none; stroke: var(--limit); stroke-width: 1.6; }
.used { fill: none; stroke: var(--used); stroke-width: 1.1; }
.start { stroke: var(--start); stroke-width: 1; stroke-dasharray: 4 3; }
.key span { margin-right: 1.2rem; }
.key i { display: inline-block; width: 1.4rem; border-top: 3px solid; vertical-align: middle; margin-right: .4rem; }
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Autoscale demo: what each container needed</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>What each container needed</h1>
<p class="soft">{intro}</p>
<ul class="figures">{figures}</ul>
<h2>Containers</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Table of containers">{table}</div>
<h2>Given and used over time</h2>
<p class="key soft"><span><i style="border-color: var(--limit)"></i>limit</span><span><i style="border-color: var(--used)"></i>used</span>
<span><i style="border-color: var(--start)"></i>limit at the start</span></p>
<div class="cards">{cards}</div>
</main>
</body>
</html>
"""


def _path(points: Sequence[Point], value: Callable[[Point], float], top: float, *, is_step: bool) -> str:
    """Return an SVG path; a limit is drawn in steps, because it holds until it is changed."""
    span = max(points[-1].hours - points[0].hours, 1e-9)
    parts = []
    for index, point in enumerate(points):
        x = (point.hours - points[0].hours) / span * WIDTH
        y = HEIGHT - value(point) / top * (HEIGHT - 4)
        if not index:
            parts.append(f"M{x:.1f} {y:.1f}")
        else:
            parts.append(f"H{x:.1f}V{y:.1f}" if is_step else f"L{x:.1f} {y:.1f}")
    return "".join(parts)


def _chart(row: Row, label: str, limit: Callable[[Point], float], used: Callable[[Point], float], start: float) -> str:
    points = row.points
    top = max([start, *(limit(point) for point in points), *(used(point) for point in points)]) * 1.05
    y_start = HEIGHT - start / top * (HEIGHT - 4)
    last = f"{limit(points[-1]):.1f}".removesuffix(".0")
    title = f"{row.name}, {label}: limit from {start:.0f} to {last}"
    return (
        f"<figure><figcaption>{html.escape(row.name)} <span class='soft'>{label}</span></figcaption>"
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img' aria-label='{html.escape(title, quote=True)}'>"
        f"<line class='start' x1='0' x2='{WIDTH}' y1='{y_start:.1f}' y2='{y_start:.1f}'/>"
        f"<path class='used' d='{_path(points, used, top, is_step=False)}'/>"
        f"<path class='limit' d='{_path(points, limit, top, is_step=True)}'/></svg></figure>"
    )


def _table(rows: Sequence[Row]) -> str:
    heads = ["vmid", "name", "node", "cores before", "after", "MiB before", "after", "core-h saved", "GiB-h saved", "CPU unmet", "OOM", "changes"]
    body = []
    for row in rows:
        cells = [
            str(row.vmid),
            html.escape(row.name),
            html.escape(row.node),
            f"{row.cores_before:g}",
            f"{row.cores_after:g}",
            str(row.memory_before_mib),
            str(row.memory_after_mib),
            f"{row.core_hours_saved:.1f}",
            f"{row.gib_hours_saved:.1f}",
            f"{row.unmet_percent:.2f} %",
            f"<span class='bad'>{row.oom_kills}</span>" if row.oom_kills else "0",
            str(row.changes),
        ]
        body.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th scope='col'>{name}</th>" for name in heads)
    return f"<table><caption>What was given at the start and at the end</caption><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def format_page(rows: Sequence[Row], totals: Totals, intro: str) -> str:
    """Return the whole page."""
    figures = [
        (f"{totals.cpu_freed_percent:.0f} %", "less CPU given on the last day"),
        (f"{totals.memory_freed_percent:.0f} %", "less memory given on the last day"),
        (str(totals.oom_kills), "processes killed for want of memory"),
        (str(totals.changes), "changes, each with a reason"),
    ]
    cards = []
    for row in rows:
        cards.append(_chart(row, "CPU, cores", lambda point: point.cores, lambda point: point.cores_used, row.cores_before))
        cards.append(_chart(row, "memory, MiB", lambda point: point.memory_mib, lambda point: point.memory_used_mib, row.memory_before_mib))
    return PAGE.format(
        style=STYLE,
        intro=html.escape(intro),
        figures="".join(f"<li><b>{value}</b>{text}</li>" for value, text in figures),
        table=_table(rows),
        cards="".join(cards),
    )
