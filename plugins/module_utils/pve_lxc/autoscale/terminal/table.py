# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables for a terminal of 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

WIDTH = 100


def format_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset(), shrink: Sequence[int] = ()) -> list[str]:
    """Return the lines of a table; the last column takes what is left of 100 columns and is cut there.

    Args:
        headers: one for each column.
        rows: cells, as many as headers.
        right: numbers of the columns that are set to the right.
        shrink: numbers of columns that are cut before the last one is, in this order, for example a name.
    """
    table = [list(headers), *[list(row) for row in rows]]
    widths = [max(len(row[column]) for row in table) for column in range(len(headers))]
    for column in shrink:
        # The last column keeps its header's width at least.
        excess = sum(widths[:-1]) + len(headers[-1]) + 2 * (len(widths) - 1) - WIDTH
        widths[column] = min(widths[column], max(widths[column] - excess, len(headers[column])))
    left = WIDTH - sum(widths[:-1]) - 2 * (len(widths) - 1)
    widths[-1] = min(widths[-1], max(left, len(headers[-1])))
    return ["  ".join(_cell(row[column], widths[column], column in right) for column in range(len(headers))).rstrip() for row in table]


def wrap(text: str, indent: int) -> list[str]:
    """Return a text in lines of at most 100 columns, each indented; never broken at a hyphen, for commands are copied."""
    return textwrap.wrap(text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent, break_on_hyphens=False) or [""]


def _cell(text: str, width: int, is_right: bool) -> str:
    shown = text if len(text) <= width else text[: width - 1] + "~"
    return shown.rjust(width) if is_right else shown.ljust(width)
