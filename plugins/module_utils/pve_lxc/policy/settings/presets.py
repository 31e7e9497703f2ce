# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sets several settings at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What a preset sets. Source: the trade-off measured in docs/sizing.md. balanced are the defaults.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "safe": {"cpu_tolerance": 0.4, "memory_kill_worth_hours": 120.0},
    "balanced": {"cpu_tolerance": 1.0, "memory_kill_worth_hours": 50.0},
    "lean": {"cpu_tolerance": 4.0, "memory_kill_worth_hours": 18.0},
}

# LXC AutoScale's ``behaviour`` -> the preset that means the same.
BEHAVIOUR_PRESETS: Mapping[str, str] = {"conservative": "safe", "normal": "balanced", "aggressive": "lean"}


def with_preset(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return policy settings with what their preset sets; what is given beside it stays.

    ``{"preset": "safe", "cpu_tolerance": 1}`` gains ``memory_kill_worth_hours: 120``.
    """
    return {**PRESETS.get(given.get("preset", ""), {}), **given}
