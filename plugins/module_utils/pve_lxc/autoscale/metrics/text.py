# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics as text for Prometheus. Source: Prometheus' text exposition format 0.0.4."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Family:
    """One metric with all its samples.

    Attributes:
        name: without the prefix that all have.
        kind: ``gauge`` or ``counter``.
        about: one sentence.
        samples: labels and value of each.
    """

    name: str
    kind: str
    about: str
    samples: list[tuple[Mapping[str, str], float]] = field(default_factory=list)

    def add(self, value: float | None, labels: Mapping[str, str]) -> None:
        """Add a sample; what was not measured is none."""
        if value is not None:
            self.samples.append((labels, value))


PREFIX = "lxc_autoscale_"


def format_families(families: list[Family]) -> str:
    """Return the text of all families that have samples."""
    lines = []
    for family in families:
        if family.samples:
            name = PREFIX + family.name
            lines += [f"# HELP {name} {_escaped(family.about)}", f"# TYPE {name} {family.kind}"]
            lines += [f"{name}{_labels(labels)} {_number(value)}" for labels, value in family.samples]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    shown = ",".join(f'{name}="{_escaped(value, is_quoted=True)}"' for name, value in labels.items())
    return f"{{{shown}}}" if shown else ""


def _escaped(text: str, *, is_quoted: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if is_quoted else text


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if math.isnan(value):
        return "NaN"
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
