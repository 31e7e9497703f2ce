# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers the loop manages."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass

from ...errors import ConfigError, Problem
from ...model.guest import Guest


@dataclass(frozen=True, slots=True)
class Match:
    """A set of containers by their marks; it holds those that have any of them.

    Attributes:
        vmids: by id.
        tags: by tag, lower case as Proxmox keeps them.
        pools: by pool.
        names: by name, with ``*`` and ``?``.
    """

    vmids: frozenset[int] = frozenset()
    tags: frozenset[str] = frozenset()
    pools: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Return whether it names nothing at all."""
        return not (self.vmids or self.tags or self.pools or self.names)

    def kinds_of(self, guest: Guest) -> tuple[str, ...]:
        """Return by which marks a container is in the set: some of ``vmids``, ``tags``, ``pools``, ``names``."""
        found = {
            "vmids": guest.vmid in self.vmids,
            "tags": bool({tag.lower() for tag in guest.tags} & self.tags),
            "pools": guest.pool in self.pools,
            "names": any(fnmatch.fnmatchcase(guest.name, pattern) for pattern in self.names),
        }
        return tuple(kind for kind, is_in in found.items() if is_in)


@dataclass(frozen=True, slots=True)
class Selection:
    """What the configuration file's section ``selection`` says.

    Attributes:
        is_all: whether every container is managed.
        managed: else these are.
        ignored: these are not, whatever else selects them.
    """

    is_all: bool = True
    managed: Match = Match()
    ignored: Match = Match()

    def is_selected(self, guest: Guest) -> bool:
        """Return whether a container is managed; what ignores it wins."""
        if self.ignored.kinds_of(guest):
            return False
        return self.is_all or bool(self.managed.kinds_of(guest))


def require_visible_pools(pools: Iterable[tuple[str, str]], ignored: Iterable[str], guests: Iterable[Guest]) -> None:
    """Refuse to go on when a pool of the configuration cannot be told from one that Proxmox does not show.

    Without Pool.Audit Proxmox leaves the pool out of its list, without an error: a pool that is to be ignored would be managed.

    Args:
        pools: ``(key path, pool)`` of every pool that the configuration names.
        ignored: those of them that are to be left alone: each must show a container.
        guests: of the whole cluster.

    Raises:
        ConfigError: no container shows a pool at all, or none shows one that is to be ignored.
    """
    seen = {guest.pool for guest in guests if guest.pool}
    left_alone = set(ignored)
    problems = []
    for place, pool in pools:
        if not seen:
            message = "no container shows a pool: Proxmox leaves the pool out, without an error, when the privilege Pool.Audit on /pool is missing"
            problems.append(Problem(place, pool, message))
        elif pool in left_alone and pool not in seen:
            message = "no container shows this pool: it is empty, does not exist, or Pool.Audit on it is missing, and then its containers would be managed"
            problems.append(Problem(place, pool, message))
    if problems:
        raise ConfigError(problems)
