# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo shows while it runs, and its table; nothing is wider than 100 columns."""

from __future__ import annotations

import sys
from typing import TextIO

from result import Row, Totals

BAR_CHARACTERS = 40


class Progress:
    """A bar that moves in a terminal, and a line at each tenth where the output is a file."""

    def __init__(self, total: int, stream: TextIO = sys.stdout) -> None:
        self._total = total
        self._stream = stream
        self._shown_tenth = 0

    def show(self, done: int, text: str) -> None:
        """Show that ``done`` of the total are done."""
        filled = BAR_CHARACTERS * done // self._total
        line = f"  [{'#' * filled}{'.' * (BAR_CHARACTERS - filled)}] {100 * done // self._total:3d} %  {text}"
        if self._stream.isatty():
            self._stream.write(f"\r{line:<99}" + ("\n" if done == self._total else ""))
        elif 10 * done // self._total > self._shown_tenth:
            self._shown_tenth = 10 * done // self._total
            self._stream.write(f"{line}\n")
        self._stream.flush()


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def format_table(rows: list[Row], totals: Totals) -> str:
    """Return the table: before, after, what was saved and what fell short."""
    rule = "  ----  ----------  ----  --------------  --------------  -------  -------   ---------  ---  -------"
    lines = [
        "                           CPU (cores)     memory (MiB)         saved            fell short",
        "  vmid  name        node  before > after   before > after  core-h    GiB-h   CPU unmet  OOM  changes",
        rule,
    ]
    for row in rows:
        cpu = f"{_number(row.cores_before):>6} > {_number(row.cores_after)}"
        memory = f"{row.memory_before_mib:>6} > {row.memory_after_mib}"
        lines.append(
            f"  {row.vmid:<4}  {row.name:<10.10}  {row.node:<4.4}  {cpu:<14}  {memory:<14}  {row.core_hours_saved:>7.1f}  {row.gib_hours_saved:>7.1f}"
            f"   {row.unmet_percent:>7.2f} %  {row.oom_kills:>3}  {row.changes:>7}"
        )
    cpu = f"{_number(totals.cores_before):>6} > {_number(totals.cores_last_day)}"
    memory = f"{totals.memory_before_mib:>6} > {totals.memory_last_day_mib:.0f}"
    lines += [
        rule,
        f"  {'all, last day mean':<22}  {cpu:<14}  {memory:<14}  {totals.core_hours_saved:>7.1f}  {totals.gib_hours_saved:>7.1f}"
        f"   {'':>9}  {totals.oom_kills:>3}  {totals.changes:>7}",
    ]
    return "\n".join(line.rstrip() for line in lines)
