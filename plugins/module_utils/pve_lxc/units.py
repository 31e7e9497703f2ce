# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes, times and steps: every number of the library has its unit in its name, and they are made here."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

BYTES_PER_MIB = 1024 * 1024
HOUR_SECONDS = 3600.0
DAY_SECONDS = 86400.0

# What a division of floats may be wrong by: a quotient is believed to nine digits.
_TRACE = 5e-10


def mib_from_bytes(size_bytes: float) -> float:
    """Return MiB; 268435456 bytes are 256.0 MiB."""
    return size_bytes / BYTES_PER_MIB


def whole_up(value: float) -> int:
    """Return the smallest whole number that is not below a value, but for a trace: 3.0000000000000004, which is (0.1 + 0.2) / 0.1, is 3."""
    return math.ceil(value - _TRACE)


def whole_down(value: float) -> int:
    """Return the largest whole number that is not above a value, but for a trace: 2.9999999999999996, which is 0.3 / 0.1, is 3."""
    return math.floor(value + _TRACE)


def round_up(value: float, step: float) -> float:
    """Return the smallest multiple of ``step`` that is not below ``value``; 0.61 in steps of 0.1 is 0.7, and 0.3 stays 0.3."""
    return round(whole_up(value / step) * step, 6)


def clamp(value: float, low: float, high: float) -> float:
    """Return ``value`` held between ``low`` and ``high``; with ``low`` above ``high`` the result is ``high``."""
    return min(max(value, low), high)


@dataclass(frozen=True)
class Quantity:
    """A size as somebody asked for it.

    Attributes:
        amount: the number, in the unit of its field; never negative.
        sign: ``""`` for an absolute size, ``"+"`` or ``"-"`` for one relative to what is there.
    """

    amount: float
    sign: str = ""

    @property
    def is_relative(self) -> bool:
        """Return whether the size is relative to what is there."""
        return self.sign != ""

    def applied_to(self, current: float) -> float:
        """Return the absolute size: ``+512`` applied to 1024 is 1536."""
        if self.sign == "+":
            return current + self.amount
        if self.sign == "-":
            return current - self.amount
        return self.amount


_QUANTITY = re.compile(r"^\s*(?P<sign>[+-]?)\s*(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<suffix>[A-Za-z]*)\s*$")
_MEMORY_FACTOR = {"": 1, "M": 1, "MB": 1, "MIB": 1, "G": 1024, "GB": 1024, "GIB": 1024}


def parse_number(text: str, *, is_whole: bool) -> Quantity:
    """Return the size written as ``4``, ``+1``, ``-0.5``.

    Raises:
        ValueError: it is not a number, or not a whole one where ``is_whole``; the text says what is allowed.
    """
    match = _QUANTITY.match(text)
    if match is None or match["suffix"]:
        raise ValueError("not a number; allowed are a number, or + or - and a number")
    if is_whole and "." in match["number"]:
        raise ValueError("not a whole number")
    return Quantity(float(match["number"]), match["sign"])


def parse_memory(text: str) -> Quantity:
    """Return a size in MiB written as ``1024``, ``+512``, ``-256``, ``2G`` or ``+1.5GiB``; G means 1024 MiB.

    Raises:
        ValueError: it is no such size, or not a whole number of MiB; the text says what is allowed.
    """
    match = _QUANTITY.match(text)
    factor = _MEMORY_FACTOR.get(match["suffix"].upper()) if match else None
    if match is None or factor is None:
        raise ValueError("not a size; allowed are MiB as in 1024, the suffixes M and G (1024 MiB), and + or - before it")
    amount = float(match["number"]) * factor
    if amount != int(amount):
        raise ValueError("not a whole number of MiB")
    return Quantity(amount, match["sign"])


def format_number(value: float) -> str:
    """Return the shortest text: 2.0 is ``2``, 0.5 is ``0.5``, 1.25 is ``1.25``."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
