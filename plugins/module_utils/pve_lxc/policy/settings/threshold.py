# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``threshold`` of the configuration."""

from __future__ import annotations

from dataclasses import dataclass, field

from .kinds import number, switch, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdSettings:
    """LXC AutoScale's rule, used where ``algorithm`` is ``threshold``; the defaults are that project's.

    Percent are of what the container has. ``is_off_peak`` is no key of the file: the cycle sets it from the hours and the time zone.
    """

    cpu_upper_percent: float = field(default=80.0, metadata=number(0, 100, "CPU use above which a container gets more."))
    cpu_lower_percent: float = field(default=20.0, metadata=number(0, 100, "CPU use below which it gets less."))
    cpu_percent_per_core: float = field(default=2.0, metadata=number(0.01, 1000, "So many percent beyond a threshold are worth one core."))
    cpu_least_step_cores: int = field(default=1, metadata=whole(1, 8192, "Least change of CPU."))
    cpu_largest_step_cores: int = field(default=2, metadata=whole(1, 8192, "Largest growth of CPU at once."))
    memory_upper_percent: float = field(default=80.0, metadata=number(0, 100, "Memory use above which a container gets more."))
    memory_lower_percent: float = field(default=20.0, metadata=number(0, 100, "Memory use below which it gets less."))
    memory_growth_step_mib: int = field(default=256, metadata=whole(0, 16777216, "Least growth of memory, before step_factor."))
    memory_percent_per_step: float = field(default=1.5, metadata=number(0.01, 1000, "So many percent beyond the upper threshold are worth one such step."))
    memory_shrink_step_mib: int = field(default=128, metadata=whole(0, 16777216, "Shrinkage of memory, before step_factor."))
    step_factor: float = field(default=1.0, metadata=number(0.1, 10, "Factor on the two steps of memory: 0.5 is conservative, 2 aggressive."))
    off_peak_step_factor: float = field(default=0.8, metadata=number(0.1, 10, "A further factor on them in off-peak hours."))
    save_energy: bool = field(
        default=False, metadata=switch("Whether off-peak hours lower a container to what it uses, the upper thresholds kept, without waiting for the lower.")
    )
    off_peak_start_hour: int = field(default=22, metadata=whole(0, 23, "First hour of off-peak."))
    off_peak_end_hour: int = field(default=6, metadata=whole(0, 23, "First hour after off-peak; the same as the start means all day."))
    time_zone: str = field(default="UTC", metadata={"kind": "time_zone", "about": "Whose hours these are."})
    is_off_peak: bool = False
