# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers in the report: one table of all, the sums over time, and of each its curves, its last decision and its changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...model.form import cpu_of
from ...policy.demand import DemandRow
from ...units import format_number
from ..terminal.words import say_cpu, say_mib, say_sizes, say_step
from .data import ContainerReport, LoopReport, Report
from .html import Html, join, tag
from .limits import Stretch, add_stretches
from .overview import container_id, table_of
from .svg import Chart, Mark, Point, draw, key, say_value
from .times import ReportTime

_SHOWN_CHANGES = 12


def fleet(report: Report) -> Html:
    """Return the table of all containers."""
    several = len(report.loops) > 1
    sizes = ("CPU, cores", "memory, MiB", "saved, core-h", "saved, GiB-h", "at CPU limit, h", "at memory limit, h", "kills", "changes", "last decision")
    heads = ["container", *(["node"] if several else []), *sizes]
    rows = [_fleet_row(loop, one, several=several) for loop in report.loops for one in loop.containers]
    text = frozenset({1, len(heads) - 1}) if several else frozenset({len(heads) - 1})
    table = table_of("What was found at adoption → what each has now; saved, and come to the limit, within the time of this report", heads, rows, text=text)
    return tag("section", tag("h2", "Containers", id="containers"), table if rows else tag("p", "No container is managed yet."), aria_labelledby="containers")


def _fleet_row(loop: LoopReport, one: ContainerReport, *, several: bool) -> list[str]:
    reason = str(one.decision["reason"])
    return [
        tag("a", f"{one.vmid} {one.name}", href=f"#{container_id(loop, one)}"),
        *([loop.status.node] if several else []),
        _step(_cap, one.found, one.has),
        _step(say_mib, one.found, one.has),
        _figure(one.saved_core_hours),
        _figure(one.saved_gib_hours),
        _figure(one.cpu_limited_hours),
        _figure(one.memory_limited_hours),
        "-" if one.own_kills is None else tag("span", str(one.own_kills), class_="bad") if one.own_kills else "0",
        str(len(one.changes)),
        join(reason, *_badges(one)),
    ]


def _cap(allocation: Mapping[str, Any]) -> str:
    """Return the CPU it may use: the smaller of cores and cpulimit."""
    cores = cpu_of(allocation)
    return "all" if cores is None else format_number(cores)


def _step(say: Any, found: Mapping[str, Any], has: Mapping[str, Any]) -> str:
    if not found or not has:
        return say(has) if has else "-"
    return say_step(say(found), say(has)).replace("->", "→")


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}".replace("-0.0", "0.0")


def _badges(one: ContainerReport) -> list[Html]:
    held = [tag("span", "held", class_="badge bad")] if one.left_to_people else []
    return [*held, *([tag("span", "boosted", class_="badge good")] if one.boost else [])]


def sums(report: Report, time: ReportTime) -> Html:
    """Return what all containers were allowed together, over time."""
    stretches = add_stretches([one.stretches for one in report.containers if one.stretches])
    if not stretches:
        return Html("")
    shown = (("cpu", "CPU of all containers, cores", "cores", "cpu_cores", cpu_of), ("memory", "Memory of all containers", "MiB", "memory_mib", _memory_of))
    charts = []
    for name, title, unit, field, size_of in shown:
        found, has = (_total([size_of(getattr(one, which)) for one in report.containers]) for which in ("found", "has"))
        text = f"Found at adoption: {_said(found, unit)}; given now: {_said(has, unit)}."
        begin, end = report.axis_begin_seconds, report.end_seconds
        chart = Chart(f"sum-{name}", title, text, begin, end, time.ticks(begin, end), unit, (), (), _points(stretches, field), found, (), width=540)
        charts.append(tag("figure", tag("figcaption", f"{title}. {text}"), draw(chart), class_="panel"))
    return tag("section", tag("h2", "Given to all together", id="sums"), tag("div", *charts, class_="charts wide"), aria_labelledby="sums")


def _memory_of(allocation: Mapping[str, Any]) -> float | None:
    value = allocation.get("memory")
    return None if value is None else float(value)


def _total(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _said(value: float | None, unit: str) -> str:
    return "not known" if value is None else say_value(value, unit)


def cards(report: Report, time: ReportTime) -> Html:
    """Return the containers one by one."""
    all_cards = [_card(loop, one, report, time) for loop in report.loops for one in loop.containers]
    if not all_cards:
        return Html("")
    title = tag("h2", "Used and allowed over time", id="curves")
    about = tag(
        "p",
        "Memory is drawn as Proxmox records it, which leaves out shared memory; the loop itself measures all of it on the node. "
        "A gap is time in which nothing was recorded, or in which the size is not known.",
        class_="soft",
    )
    return tag("section", title, about, key(), tag("div", *all_cards, class_="cards"), aria_labelledby="curves")


def _card(loop: LoopReport, one: ContainerReport, report: Report, time: ReportTime) -> Html:
    name = container_id(loop, one)
    where = f" on {loop.status.node}" if len(report.loops) > 1 else ""
    decision = one.decision
    lines = [tag("p", tag("strong", str(decision["reason"])), f": {decision['msg']}")]
    lines += [tag("p", tag("strong", "Left to you: "), one.left_to_people)] if one.left_to_people else []
    lines += [tag("p", tag("strong", "Boosted: "), one.boost)] if one.boost else []
    lines += [tag("p", tag("strong", "Swap: "), _swap_text(one))] if decision.get("swap_bounds_mib") is not None else []
    charts = tag("div", *_charts(name, one, report, time), class_="charts")
    head = tag("h3", f"{one.vmid} {one.name}", tag("span", where, class_="soft"), *_badges(one), id=f"{name}-head")
    return tag("article", head, *lines, charts, _changes(one, time), class_="panel card", id=name, aria_labelledby=f"{name}-head")


def _swap_text(one: ContainerReport) -> str:
    used = one.decision["usage"].get("swap_mib")
    in_use = "" if used is None else f", {used:.0f} MiB in use at the last look"
    return f"{_step(lambda sizes: say_mib(sizes, 'swap'), one.found, one.has)} MiB{in_use}"


def _charts(name: str, one: ContainerReport, report: Report, time: ReportTime) -> list[Html]:
    begin, end = report.axis_begin_seconds, report.end_seconds
    ticks, who = time.ticks(begin, end), f"{one.vmid} {one.name}"
    cpu_used = [Point(row.time_seconds - row.interval_seconds, row.time_seconds, row.cpu_cores) for row in one.rows]
    cpu_peaks = [Point(row.time_seconds - row.interval_seconds, row.time_seconds, row.cpu_peak_cores) for row in one.rows]
    memory_used = [Point(row.time_seconds - row.interval_seconds, row.time_seconds, row.memory_mib) for row in one.rows]
    cpu_text = f"CPU: {_step(say_cpu, one.found, one.has)} cores, used {_used(one.rows, 'cpu_cores', '')}"
    memory_text = f"Memory: {_step(say_mib, one.found, one.has)} MiB, used {_used(one.rows, 'memory_mib', 'MiB')}"
    drawn = [
        (
            cpu_text,
            Chart(
                f"{name}-cpu",
                f"CPU of {who}",
                cpu_text,
                begin,
                end,
                ticks,
                "cores",
                cpu_used,
                cpu_peaks,
                _points(one.stretches, "cpu_cores"),
                cpu_of(one.found),
                _marks(one, "cpu", time),
            ),
        ),
        (
            memory_text,
            Chart(
                f"{name}-memory",
                f"Memory of {who}",
                memory_text,
                begin,
                end,
                ticks,
                "MiB",
                memory_used,
                (),
                _points(one.stretches, "memory_mib"),
                _memory_of(one.found),
                _marks(one, "memory", time),
            ),
        ),
    ]
    return [tag("figure", tag("figcaption", text), draw(chart)) for text, chart in drawn]


def _used(rows: Sequence[DemandRow], field: str, unit: str) -> str:
    """Return ``0.4 on average, 1.2 at most``, or that nothing was recorded."""
    values = [(getattr(row, field), row.interval_seconds) for row in rows if getattr(row, field) is not None]
    seconds = sum(length for dummy, length in values)
    if not seconds:
        return "not recorded"
    mean = sum(value * length for value, length in values) / seconds
    peaks = [row.cpu_peak_cores for row in rows if row.cpu_peak_cores is not None] if field == "cpu_cores" else [value for value, dummy in values]
    return f"{say_value(mean, unit)} on average, {say_value(max(peaks), unit)} at most"


def _points(stretches: Sequence[Stretch], field: str) -> list[Point]:
    return [Point(one.begin_seconds, one.end_seconds, getattr(one, field)) for one in stretches]


def _marks(one: ContainerReport, resource: str, time: ReportTime) -> list[Mark]:
    """Return the changes that concern CPU or memory."""
    marks = []
    for change in one.changes:
        before, after = change["before"], change["target"]
        old, new = (cpu_of(before), cpu_of(after)) if resource == "cpu" else (before.get("memory"), after.get("memory"))
        if old == new or new is None:
            continue
        is_failed = change["outcome"] is None or bool(change["outcome"].get("failed"))
        marks.append(Mark(float(change["begun"]), float(new), old is None or new > old, is_failed, _change_text(change, time)))
    return marks


def _change_text(change: Mapping[str, Any], time: ReportTime) -> str:
    outcome = change["outcome"]
    end = " (not ended)" if outcome is None else f" (FAILED: {outcome['msg']})" if outcome.get("failed") else ""
    return f"{time.moment(change['begun'])} {say_sizes(change['before'], change['target'])}: {change['reason']}{end}".replace("->", "→")


def _changes(one: ContainerReport, time: ReportTime) -> Html:
    if not one.changes:
        return tag("p", "Nothing was changed in this time.", class_="soft")
    newest = list(reversed(one.changes))
    items = [tag("li", _change_text(change, time)) for change in newest[:_SHOWN_CHANGES]]
    rest = len(newest) - len(items)
    items += [tag("li", f"and {rest} before these: lxc-autoscale history {one.vmid}")] if rest > 0 else []
    count = f"{len(newest)} change{'s' * (len(newest) != 1)}"
    return tag("details", tag("summary", f"{count}, newest first"), tag("ul", *items, class_="changes"))
