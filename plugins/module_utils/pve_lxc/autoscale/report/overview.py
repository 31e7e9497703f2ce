# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first screen of the report: whether all is well, what was saved, what needs somebody, how the loops are, and for which reasons what was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...model.form import cpu_of
from ..terminal.words import say_age
from .data import ContainerReport, LoopReport, Report
from .html import Html, join, tag
from .limits import is_done
from .times import ReportTime

# Decisions that people should look into, though nothing has failed.
_WORRIES = frozenset({"leak_suspected", "contested", "tier_conflict", "schedule_conflict", "host_short_of_memory", "half_applied", "oom_inside", "host_oom"})
_MIB_PER_GIB = 1024.0


def container_id(loop: LoopReport, container: ContainerReport) -> str:
    """Return the name of a container's place in the page; a digit may not begin it everywhere."""
    return f"ct-{loop.status.node}-{container.vmid}"


def verdict(report: Report, time: ReportTime) -> Html:
    """Return in one sentence whether the loops work, and how many things need somebody."""
    broken = [loop for loop in report.loops if loop.status.is_stale]
    things = len(find_attention(report, time)) - len(broken)
    if broken:
        nodes = ", ".join(loop.status.node for loop in broken)
        return tag("p", tag("strong", "Not well: "), f"the loop of {nodes} does not work; containers keep what they have.", class_="panel verdict bad")
    newest = min(report.end_seconds - (loop.status.last_success or {"ended": 0.0})["ended"] for loop in report.loops)
    works = "the loop works" if len(report.loops) == 1 else f"all {len(report.loops)} loops work"
    rest = f"{things} thing{'s' * (things != 1)} below for you to look at." if things else "nothing needs you."
    return tag(
        "p", tag("strong", "All well: " if not things else "Working: "), f"{works} (last run {say_age(newest)} ago); {rest}", class_="panel verdict good"
    )


def figures(report: Report) -> Html:
    """Return the sums of all containers."""
    containers = report.containers
    cpu = [(cpu_of(one.found), cpu_of(one.has)) for one in containers]
    memory = [(_number(one.found.get("memory")), _number(one.has.get("memory"))) for one in containers]
    hours = [one.cpu_limited_hours for one in containers if one.cpu_limited_hours is not None]
    memory_hours = [one.memory_limited_hours for one in containers if one.memory_limited_hours is not None]
    done = sum(is_done(change) for loop in report.loops for change in loop.changes)
    kills = [one.own_kills for one in containers if one.own_kills is not None]
    shown = [
        (*_less(cpu, "cores", 1.0), "CPU given now, against what was found"),
        (*_less(memory, "GiB", _MIB_PER_GIB), "memory given now, against what was found"),
        (_amount(_sum(one.saved_core_hours for one in containers), "core-h"), "", f"CPU saved in this {report.timeframe}"),
        (_amount(_sum(one.saved_gib_hours for one in containers), "GiB-h"), "", f"memory saved in this {report.timeframe}"),
        (str(done), "", f"changes in this {report.timeframe}, each with its reason"),
        (f"{_round(sum(hours))} h" if hours else "not recorded", "", "in which the highest use came to a CPU limit, all together"),
        (f"{_round(sum(memory_hours))} h" if memory_hours else "not recorded", "", "in which it came to a memory limit"),
        (str(sum(kills)) if kills else "not counted", "", "processes killed by a container's own limit since the loop counts"),
    ]
    return tag(
        "ul",
        *(
            tag("li", tag("b", value), *([tag("span", more, class_="step")] if more else []), tag("span", about, class_="soft"), class_="panel")
            for value, more, about in shown
        ),
        class_="figures",
    )


def _less(pairs: Sequence[tuple[float | None, float | None]], unit: str, size: float) -> tuple[str, str]:
    """Return ``-50 %`` and ``12 -> 6 cores`` of the containers of which both are known."""
    known = [(found, has) for found, has in pairs if found is not None and has is not None]
    found, has = sum(one for one, dummy in known), sum(other for dummy, other in known)
    if not known or not found:
        return "not known", ""
    return f"{100 * (has / found - 1):+.0f} %".replace("-0 %", "0 %").replace("+0 %", "0 %"), f"{_round(found / size)} → {_round(has / size)} {unit}"


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _sum(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _amount(value: float | None, unit: str) -> str:
    return "not known" if value is None else f"{_round(value)} {unit}"


def _round(value: float) -> str:
    """Return ``12.3``, and from a hundred on no fraction."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}"


def find_attention(report: Report, time: ReportTime) -> list[Html]:
    """Return what somebody should look at, the worst first."""
    several = len(report.loops) > 1
    found: list[tuple[int, Html]] = []
    for loop in report.loops:
        prefix = f"{loop.status.node}: " if several else ""
        found += [(rank, join(prefix, text)) for rank, text in _of_loop(loop, time)]
        for container in loop.containers:
            link = tag("a", f"{container.vmid} {container.name}", href=f"#{container_id(loop, container)}")
            found += [(rank, join(link, ": ", text)) for rank, text in _of_container(container, time)]
    return [text for dummy, text in sorted(found, key=lambda item: item[0])]


def _of_loop(loop: LoopReport, time: ReportTime) -> list[tuple[int, str]]:
    status = loop.status
    found: list[tuple[int, str]] = []
    if status.is_stale:
        success = status.last_success
        since = "no run has ever succeeded" if success is None else f"no run has succeeded since {time.moment(success['ended'])}"
        found.append((0, f"{since}; lxc-autoscale check says what is missing"))
    if loop.problem:
        found.append((3, f"Proxmox's records could not be read, so curves are missing: {loop.problem}"))
    return found + [(3, notice) for notice in status.notices]


def _of_container(container: ContainerReport, time: ReportTime) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    unfinished = [change for change in container.changes if change["outcome"] is None]
    failed = [change for change in container.changes if change["outcome"] is not None and change["outcome"].get("failed")]
    if unfinished:
        found.append((1, f"a change was begun at {time.moment(unfinished[-1]['begun'])} and never ended; the next run finds out what became of it"))
    if failed:
        times = f"{len(failed)} changes" if len(failed) > 1 else "a change"
        found.append((1, f"{times} failed, the last at {time.moment(failed[-1]['begun'])}: {failed[-1]['outcome']['msg']}"))
    if container.decision["reason"] in _WORRIES and not container.left_to_people:
        found.append((2, str(container.decision["msg"])))
    if container.own_kills:
        found.append((2, f"its own limit has killed {container.own_kills} process{'es' * (container.own_kills != 1)} since the loop counts"))
    if container.left_to_people:
        found.append((3, f"left to you: {container.left_to_people}"))
    if container.boost:
        found.append((4, f"boosted: {container.boost}"))
    return found


def attention(report: Report, time: ReportTime) -> Html:
    """Return the section with that list; nothing where there is nothing."""
    found = find_attention(report, time)
    if not found:
        return Html("")
    items = tag("ul", *(tag("li", one) for one in found), class_="attention")
    return tag("section", tag("h2", "For you to look at", id="attention"), tag("div", items, class_="panel"), aria_labelledby="attention")


def loops(report: Report, time: ReportTime) -> Html:
    """Return the table of the loops."""
    heads = ("node", "state", "mode", "last run", "result", "changes", "failed", "containers", "not managed")
    rows = [_loop_row(loop, report, time) for loop in report.loops]
    table = table_of("How the loops are", heads, rows, text=frozenset({1, 2, 3, 4}))
    return tag("section", tag("h2", "The loop" if len(report.loops) == 1 else "The loops", id="loops"), table, aria_labelledby="loops")


def _loop_row(loop: LoopReport, report: Report, time: ReportTime) -> list[str]:
    status, last = loop.status, loop.status.last_run
    return [
        status.node,
        tag("span", "does not work", class_="bad") if status.is_stale else tag("span", "works", class_="good"),
        status.mode,
        "never" if last is None else f"{time.moment(last['ended'])} ({say_age(report.end_seconds - last['ended'])} ago)",
        "-" if last is None else str(last["result"])[:120],
        str(sum(is_done(change) for change in loop.changes)),
        str(sum(change["outcome"] is not None and bool(change["outcome"].get("failed")) for change in loop.changes)),
        str(len(loop.containers)),
        str(loop.unmanaged_count),
    ]


def reasons(report: Report) -> Html:
    """Return how often which reason was given, for changes and for the last decisions."""
    decisions = _count(report.containers, lambda one: str(one.decision["reason"]))
    changes = _count([change for loop in report.loops for change in loop.changes if is_done(change)], lambda change: str(change["reason"]))
    tables = [
        _bars(f"Changes in this {report.timeframe}", changes, "nothing was changed"),
        _bars("Last decision of each container", decisions, "there is none yet"),
    ]
    about = tag("p", "docs/policy.md says what each reason means; lxc-autoscale explain VMID has the figures behind one.", class_="soft")
    return tag("section", tag("h2", "Reasons", id="reasons"), about, tag("div", *tables, class_="charts wide"), aria_labelledby="reasons")


def _count(things: Sequence[Any], reason_of: Callable[[Any], str]) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for thing in things:
        counts[reason_of(thing)] = counts.get(reason_of(thing), 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _bars(caption: str, counts: Mapping[str, int], nothing: str) -> Html:
    if not counts:
        return tag("div", tag("p", f"{caption}: {nothing}."), class_="panel")
    most = max(counts.values())
    rows = [[reason, str(count), tag("span", class_="bar", style=f"width: {100 * count / most:.0f}%")] for reason, count in counts.items()]
    return table_of(caption, ("reason", "how often", "share"), rows, text=frozenset({2}), class_="bars")


def table_of(
    caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], *, text: frozenset[int], class_: str | None = None, foot: Sequence[str] = ()
) -> Html:
    """Return a table that scrolls by itself where it is too wide; the first cell of a row is its heading.

    Args:
        caption: what it shows.
        heads: one for each column.
        rows: cells, as many as heads.
        text: columns that are set to the left, beside the first.
        class_: of the table.
        foot: cells of a last row with sums.
    """
    head = tag("tr", *(tag("th", name, scope="col", class_="text" if place in text or not place else None) for place, name in enumerate(heads)))
    body = tag("tbody", *(_row(row, text) for row in rows))
    end = tag("tfoot", _row(foot, text)) if foot else Html("")
    table = tag("table", tag("caption", caption), tag("thead", head), body, end, class_=class_)
    return tag("div", table, class_="panel scroll", role="region", tabindex=0, aria_label=caption)


def _row(cells: Sequence[str], text: frozenset[int]) -> Html:
    first, *rest = cells
    others = [tag("td", cell, class_="text" if place in text else None) for place, cell in enumerate(rest, start=1)]
    return tag("tr", tag("th", first, scope="row"), *others)
