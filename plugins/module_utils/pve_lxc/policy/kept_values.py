# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records to JSON's types and back: a part that is missing or damaged reads as nothing known."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ..model.allocation import CONFIG_KEYS, Allocation


def allocation_to_dict(allocation: Allocation | None) -> dict[str, Any] | None:
    """Return field -> value, with None for an absent key; None for no allocation."""
    return None if allocation is None else dict(allocation.items())


def allocation_from_dict(values: Any) -> Allocation | None:
    """Return the allocation of ``allocation_to_dict``, None when there is none or it is damaged."""
    if not isinstance(values, Mapping) or "memory_mib" not in values:
        return None
    if not all(value is None or isinstance(value, int | float) for value in values.values()):
        return None
    return Allocation(**{name: value for name, value in values.items() if name in CONFIG_KEYS})


def numbers_of(record: Any) -> dict[str, float]:
    """Return a record's fields of type float by name."""
    kind: type = type(record)
    return {name: round(getattr(record, name), 6) for name in _number_names(kind)}


def numbers_from(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``numbers_of`` made of a record of this kind, 0 for each that is missing or damaged."""
    return {name: number_from(values.get(name)) for name in _number_names(kind)}


def number_from(value: Any) -> float:
    """Return a finite number as it is, and 0 for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else 0.0


def times_from(value: Any) -> tuple[float, ...]:
    """Return a list of numbers; empty for anything else."""
    return tuple(number_from(time) for time in list_from(value))


def mapping_from(value: Any) -> Mapping[str, Any]:
    """Return a mapping as it is, and an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def list_from(value: Any) -> list[Any]:
    """Return a list as it is, and an empty one for anything else."""
    return value if isinstance(value, list) else []


@functools.cache
def _number_names(kind: type) -> tuple[str, ...]:
    # Kept, because it is asked for several records of each container in every cycle.
    return tuple(field.name for field in fields(kind) if field.type == "float")
