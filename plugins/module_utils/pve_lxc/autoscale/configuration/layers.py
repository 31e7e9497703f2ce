# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings in layers: what each place of the configuration says, and of each value where it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ...policy.settings.bounds import BoundsSettings
from ...policy.settings.container import ContainerSettings
from ...policy.settings.policy import PolicySettings
from ...policy.settings.threshold import ThresholdSettings


@dataclass(frozen=True, slots=True)
class Layer:
    """What one place says about sizing.

    Attributes:
        given: section -> key -> value; only what stands there.
        places: ``section.key`` -> where it stands, as in ``tiers.db.bounds.max_memory_mib (line 12)``.
    """

    given: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effective:
    """Settings, and where those came from that are not the defaults.

    Attributes:
        settings: complete.
        origins: ``section.key`` -> its place.
    """

    settings: ContainerSettings = ContainerSettings()
    origins: Mapping[str, str] = field(default_factory=dict)

    def with_layer(self, layer: Layer) -> Effective:
        """Return the settings with what a layer says on top."""
        sections = {name: replace(getattr(self.settings, name), **values) for name, values in layer.given.items() if values}
        if not sections:
            return self
        return Effective(replace(self.settings, **sections), {**self.origins, **layer.places})

    def rows(self) -> Iterator[tuple[str, Any, str]]:
        """Yield ``(section.key, value, place)`` of every setting, in the order of the file; the place of a default is ``default``."""
        for section in fields(self.settings):
            record = getattr(self.settings, section.name)
            for key in fields(record):
                name = f"{section.name}.{key.name}"
                if "kind" in key.metadata:
                    yield name, getattr(record, key.name), self.origins.get(name, "default")


def find_contradictions(policy: PolicySettings, bounds: BoundsSettings, threshold: ThresholdSettings) -> list[tuple[str, str, str]]:
    """Return ``(key, other key, what the first must be)`` for what cannot be together."""
    found = []
    if bounds.max_cpu_cores is not None and bounds.min_cpu_cores > bounds.max_cpu_cores:
        found.append(("min_cpu_cores", "max_cpu_cores", "at most"))
    if bounds.max_memory_mib is not None and bounds.min_memory_mib is not None and bounds.min_memory_mib > bounds.max_memory_mib:
        found.append(("min_memory_mib", "max_memory_mib", "at most"))
    if bounds.max_swap_mib is not None and bounds.min_swap_mib is not None and bounds.min_swap_mib > bounds.max_swap_mib:
        found.append(("min_swap_mib", "max_swap_mib", "at most"))
    if policy.cpu_tolerance_smallest > policy.cpu_tolerance_largest:
        found.append(("cpu_tolerance_smallest", "cpu_tolerance_largest", "at most"))
    if threshold.cpu_lower_percent >= threshold.cpu_upper_percent:
        found.append(("cpu_lower_percent", "cpu_upper_percent", "below"))
    if threshold.memory_lower_percent >= threshold.memory_upper_percent:
        found.append(("memory_lower_percent", "memory_upper_percent", "below"))
    if threshold.cpu_least_step_cores > threshold.cpu_largest_step_cores:
        found.append(("cpu_least_step_cores", "cpu_largest_step_cores", "at most"))
    return found
