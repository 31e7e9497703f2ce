# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container wanted in the past, by Proxmox's own records: rows of averages and of highest values become one list, oldest first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..model.usage import RrdRow
from ..units import mib_from_bytes


@dataclass(frozen=True, slots=True)
class DemandRow:
    """What a container wanted in one row of its records.

    Attributes:
        time_seconds: end of the row.
        interval_seconds: its length.
        cpu_cores: average; None when not recorded.
        cpu_peak_cores: highest; at least the average.
        memory_mib: highest, as the API counts it: without shared memory; None when not recorded.
        limit_cores: the CPU it had, by its cores, else its cpulimit, else the host's; None when not recorded.
    """

    time_seconds: float
    interval_seconds: float
    cpu_cores: float | None
    cpu_peak_cores: float | None
    memory_mib: float | None
    limit_cores: float | None = None


def read_demand(averages: Sequence[RrdRow], peaks: Sequence[RrdRow]) -> list[DemandRow]:
    """Return the demand of Proxmox's rows, oldest first; rows in which nothing was recorded are left out.

    Args:
        averages: ``rrddata`` with AVERAGE.
        peaks: with MAX, rows of the same times; what is missing there is taken from the averages.
    """
    highest = {row.time_seconds: row for row in peaks}
    rows = []
    for before, row in zip(averages, averages[1:], strict=False):
        cpu, memory = _cores(row), row.memory_bytes
        if cpu is None and memory is None:
            continue
        peak_row = highest.get(row.time_seconds, row)
        peak = _cores(peak_row)
        # Memory at its highest is what must fit.
        memory_bytes = max((value for value in (memory, peak_row.memory_bytes) if value is not None), default=None)
        rows.append(
            DemandRow(
                time_seconds=row.time_seconds,
                interval_seconds=row.time_seconds - before.time_seconds,
                cpu_cores=cpu,
                cpu_peak_cores=None if cpu is None else max(cpu, peak if peak is not None else cpu),
                memory_mib=None if memory_bytes is None else mib_from_bytes(memory_bytes),
                limit_cores=row.max_cpu,
            )
        )
    return rows


def join_demand(coarse: Sequence[DemandRow], fine: Sequence[DemandRow]) -> list[DemandRow]:
    """Return both lists as one, oldest first, no moment of time twice: the coarse rows end where the fine ones begin."""
    if not fine:
        return list(coarse)
    begin = fine[0].time_seconds - fine[0].interval_seconds
    return [row for row in coarse if row.time_seconds <= begin] + list(fine)


def condense_demand(rows: Iterable[DemandRow], block_seconds: float) -> list[DemandRow]:
    """Return the rows with those of one block of time as one: the mean of the averages, the highest of the peaks.

    Five minutes of 60 s with averages of 1, 1, 1, 1 and 2 cores are one row of 300 s, 1.2 cores and a peak of 2.
    """
    blocks: dict[int, list[DemandRow]] = {}
    for row in rows:
        blocks.setdefault(math.ceil(row.time_seconds / block_seconds), []).append(row)
    return [_merged(block) for block in blocks.values()]


def _merged(block: Sequence[DemandRow]) -> DemandRow:
    if len(block) == 1:
        return block[0]
    measured = [(row.cpu_cores, row.interval_seconds) for row in block if row.cpu_cores is not None]
    weight = sum(seconds for _cores_used, seconds in measured)
    return DemandRow(
        time_seconds=block[-1].time_seconds,
        interval_seconds=sum(row.interval_seconds for row in block),
        cpu_cores=sum(cores * seconds for cores, seconds in measured) / weight if weight > 0 else None,
        cpu_peak_cores=max((row.cpu_peak_cores for row in block if row.cpu_peak_cores is not None), default=None),
        memory_mib=max((row.memory_mib for row in block if row.memory_mib is not None), default=None),
        limit_cores=block[-1].limit_cores,
    )


def _cores(row: RrdRow) -> float | None:
    return None if row.cpu_ratio is None or row.max_cpu is None else row.cpu_ratio * row.max_cpu
