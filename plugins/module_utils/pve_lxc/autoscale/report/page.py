# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one HTML file that asks nobody for anything: style and pictures are in it, there is no script, and the page forbids itself all else."""

from __future__ import annotations

from ...version import VERSION
from .data import Report
from .fleet import cards, fleet, sums
from .html import Html, join, tag
from .overview import attention, figures, loops, reasons, verdict
from .style import STYLE
from .times import ReportTime

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def format_page(report: Report, time: ReportTime) -> str:
    """Return the whole page."""
    nodes = ", ".join(loop.status.node for loop in report.loops)
    title = f"Autoscale report: {nodes}"
    head = join(
        Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><link rel="icon" href="data:,">'),
        tag("title", title),
        tag("style", Html(STYLE)),
    )
    main = tag(
        "main",
        verdict(report, time),
        figures(report),
        attention(report, time),
        sums(report, time),
        fleet(report),
        reasons(report),
        loops(report, time),
        cards(report, time),
        id="main",
    )
    body = join(tag("a", "To the report", href="#main", class_="skip"), _header(nodes, report, time), main, _footer(report, time))
    page = tag("html", tag("head", head), tag("body", body), lang="en")
    return f"<!doctype html>\n{page}\n"


def _header(nodes: str, report: Report, time: ReportTime) -> Html:
    begin, end = (tag("time", time.moment(one), datetime=time.machine(one)) for one in (report.begin_seconds, report.end_seconds))
    about = join(f"The {report.timeframe} from ", begin, " to ", end, f". All times are {time.zone(report.end_seconds)}.")
    return tag("header", tag("h1", f"Containers of {nodes}"), tag("p", about, class_="soft"))


def _footer(report: Report, time: ReportTime) -> Html:
    lines = [
        "Saved: what was found at adoption less what was given over time; a minus means that more was needed. "
        "Time in which the size is not known does not count.",
        "At the limit: rows of Proxmox's records in which the highest CPU use came to 95 %, or memory to 97 %, of what was allowed.",
        f"Made at {time.moment(report.end_seconds)} {time.zone(report.end_seconds)} by lxc-autoscale {VERSION} from its journal and from Proxmox's records.",
    ]
    return tag("footer", *(tag("p", line) for line in lines))
