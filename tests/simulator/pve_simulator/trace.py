# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded utilisation: reading the CSV files that drive the guests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Trace:
    """One recorded machine.

    Attributes:
        name: the file's name without its ending.
        step_seconds: length of a step.
        cpu_cores: mean demand per step in cores; empty when the trace has no CPU.
        peak_cores: highest minute of each step, same length; empty when not recorded.
        memory_mib: memory per step in MiB; empty when the trace has no memory.
        max_cores: what 100 % was when it was recorded, None when unknown.
        max_memory_mib: the same for memory.
    """

    name: str
    step_seconds: int
    cpu_cores: tuple[float, ...]
    peak_cores: tuple[float, ...]
    memory_mib: tuple[float, ...]
    max_cores: float | None = None
    max_memory_mib: float | None = None


def _column(rows: list[list[str]], number: int) -> tuple[float, ...]:
    """Return a column, a missing value held from the row before; empty when nothing was recorded."""
    texts = [row[number] if len(row) > number else "" for row in rows]
    first = next((text for text in texts if text), None)
    if first is None:
        return ()
    values: list[float] = []
    last = float(first)
    for text in texts:
        last = float(text) if text else last
        values.append(last)
    return tuple(values)


def parse_trace(name: str, text: str) -> Trace:
    """Return the trace of a CSV text.

    Header lines begin with ``#`` and hold ``key: value``; then ``time_s,cpu_cores_used,mem_mb_used[,cpu_cores_peak]``.
    """
    header: dict[str, str] = {}
    rows: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("#"):
            key, separator, value = line[1:].partition(":")
            if separator:
                header[key.strip()] = value.strip()
        elif line and line[0].isdigit():
            rows.append(line.split(","))
    if not rows:
        raise ValueError(f"trace {name} has no rows")
    max_cores, max_memory = header.get("max_cores", ""), header.get("max_mem_mb", "")
    return Trace(
        name=name,
        step_seconds=int(header.get("step_s", "300")),
        cpu_cores=_column(rows, 1),
        memory_mib=_column(rows, 2),
        peak_cores=_column(rows, 3),
        max_cores=float(max_cores) if max_cores else None,
        max_memory_mib=float(max_memory) if max_memory else None,
    )


def read_trace(path: Path) -> Trace:
    """Return the trace in a file."""
    return parse_trace(path.stem, path.read_text(encoding="utf-8"))


def read_traces(folder: Path) -> dict[str, Trace]:
    """Return every ``*.csv`` of a folder by name, sorted."""
    traces = {path.stem: read_trace(path) for path in sorted(folder.glob("*.csv"))}
    if not traces:
        raise ValueError(f"no *.csv traces in {folder}")
    return traces
