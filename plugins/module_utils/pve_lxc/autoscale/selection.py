# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers the loop manages."""

from __future__ import annotations

from dataclasses import dataclass

from ..model.guest import Guest


@dataclass(frozen=True, slots=True)
class Selection:
    """What the configuration file's section ``selection`` says.

    Attributes:
        is_all: whether every container is managed.
        vmids: these are.
        tags: those with one of these tags are.
        ignored_vmids: these are not, whatever else selects them.
        ignored_tags: those with one of these tags are not.
    """

    is_all: bool = True
    vmids: frozenset[int] = frozenset()
    tags: frozenset[str] = frozenset()
    ignored_vmids: frozenset[int] = frozenset()
    ignored_tags: frozenset[str] = frozenset()

    def is_selected(self, guest: Guest) -> bool:
        """Return whether a container is managed; what ignores it wins."""
        tags = set(guest.tags)
        if guest.vmid in self.ignored_vmids or tags & self.ignored_tags:
            return False
        return self.is_all or guest.vmid in self.vmids or bool(tags & self.tags)
