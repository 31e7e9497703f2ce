# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered of a container whose swap is sized; that there is such a record is what makes its swap one of the keys that are ours.

It begins when the administrator switches the sizing on, and is dropped when it is switched off: what is set in between is no change of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .kept_values import list_from, numbers_from, numbers_of
from .settings.policy import PolicySettings
from .window import WindowMaximum


@dataclass(frozen=True, slots=True)
class SwapMemory:
    """What is remembered of the swap of one container.

    Attributes:
        uses: the use, in MiB, over the time that lowering waits.
        since_seconds: when it was taken over, seconds since 1970.
        grown_seconds: when we last raised the limit; 0 for never.
        lowered_seconds: when we last lowered it; 0 for never.
    """

    uses: WindowMaximum
    since_seconds: float = 0.0
    grown_seconds: float = 0.0
    lowered_seconds: float = 0.0

    def with_use(self, now: float, use_mib: float) -> SwapMemory:
        """Return the same with the use of this moment."""
        return replace(self, uses=self.uses.added(now, use_mib))

    def with_write(self, before_mib: int, after_mib: int, now: float) -> SwapMemory:
        """Return the same after a write of ours."""
        return replace(self, grown_seconds=now) if after_mib > before_mib else replace(self, lowered_seconds=now)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON's types."""
        return {"uses": self.uses.to_list(), **numbers_of(self)}

    @classmethod
    def begin(cls, settings: PolicySettings, now: float) -> SwapMemory:
        """Return the record of a container whose swap is taken over at this moment."""
        return cls(WindowMaximum(settings.memory_shrink_wait_seconds), now)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], settings: PolicySettings) -> SwapMemory:
        """Return what ``to_dict`` made; each part that is missing or damaged is empty."""
        return cls(WindowMaximum.from_list(list_from(values.get("uses")), settings.memory_shrink_wait_seconds), **numbers_from(cls, values))
