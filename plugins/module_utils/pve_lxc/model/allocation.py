# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container is given: the keys of its configuration that this collection changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

# Field of Allocation -> key in Proxmox's configuration. Source: recorded on PVE 9.2.11, config_get.json.
CONFIG_KEYS = {"cores": "cores", "cpulimit": "cpulimit", "cpuunits": "cpuunits", "memory_mib": "memory", "swap_mib": "swap"}

# What Proxmox takes when ``memory`` is absent, in MiB. Source: the API schema of PVE 9.2.
DEFAULT_MEMORY_MIB = 512

# What Proxmox puts in force when ``swap`` is absent, in MiB, at a start as when the key is deleted; the schema's 512 is what a create writes.
# Source: pve-container's PVE::LXC (update_lxc_config) and PVE::LXC::Config (vmconfig_hotplug_pending).
ABSENT_SWAP_MIB = 0


@dataclass(frozen=True, slots=True)
class Allocation:
    """The resources of one container as its configuration has them; None means that the key is absent.

    Attributes:
        cores: CPUs it may run on; absent means all of the host's.
        cpulimit: CPU time in cores, in fractions; absent and 0 both mean unlimited, and 0 is read as absent.
        cpuunits: weight against other containers; absent means Proxmox's default.
        memory_mib: hard limit in MiB; Proxmox always writes it, absent means 512.
        swap_mib: swap in MiB; absent means none, see ``swap_in_effect_mib``.
    """

    cores: int | None = None
    cpulimit: float | None = None
    cpuunits: int | None = None
    memory_mib: int | None = None
    swap_mib: int | None = None

    def items(self) -> Iterator[tuple[str, float | None]]:
        """Yield ``(field, value)`` in the order of the fields."""
        for name in CONFIG_KEYS:
            yield name, getattr(self, name)

    def differences_to(self, other: Allocation) -> tuple[str, ...]:
        """Return the names of the fields that differ, in the order of the fields."""
        return tuple(name for name, value in self.items() if value != getattr(other, name))

    @property
    def memory_in_effect_mib(self) -> int:
        """Return the memory limit; an absent key is Proxmox's default."""
        return DEFAULT_MEMORY_MIB if self.memory_mib is None else self.memory_mib

    @property
    def swap_in_effect_mib(self) -> int:
        """Return the swap limit that Proxmox puts in force; an absent key is none."""
        return ABSENT_SWAP_MIB if self.swap_mib is None else self.swap_mib

    @property
    def cpu_limit_cores(self) -> float | None:
        """Return the smaller of cores and cpulimit, as the kernel holds to both; None without either."""
        if self.cores is None or self.cpulimit is None:
            return self.cpulimit if self.cores is None else self.cores
        return min(self.cores, self.cpulimit)

    def cpu_cap_cores(self, host_cpus: float) -> float:
        """Return how many cores of CPU time the container can use at most.

        The smaller of cores and cpulimit; 4 cores with cpulimit 1.5 give 1.5. Without both it is the host's number.
        """
        limit = self.cpu_limit_cores
        return host_cpus if limit is None else min(limit, host_cpus)


def in_effect(name: str, value: float | None) -> float | None:
    """Return a field's value as it counts: Proxmox cannot delete memory, and an absent one is its 512 MiB."""
    return DEFAULT_MEMORY_MIB if name == "memory_mib" and value is None else value


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """What the kernel enforces on a running container now; after a failed write it may differ from the configuration.

    Attributes:
        memory_mib: memory.max in MiB; None without a limit.
        cpulimit: cpu.max in cores; None without a limit.
        swap_mib: memory.swap.max in MiB, infinite without a limit; None when not readable.
        swap_used_mib: memory.swap.current in MiB, what that limit stands against; None when not readable.
    """

    memory_mib: float | None
    cpulimit: float | None
    swap_mib: float | None = None
    swap_used_mib: float | None = None
