# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raise what was chosen for a container to a floor that stands beside its own demand: a boost, what is to be given back, a season."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..model.allocation import Allocation
from ..model.guest import GuestConfig
from ..model.reason import Reason
from ..units import format_number
from .bounds import Bounds
from .cpu_choice import Choice, cpu_actuator, grow_cpu, keep, reachable_high, stepped_cores
from .loan import CPU_FIELDS, cap_of
from .memory_choice import MemoryCase
from .settings.container import ContainerSettings


@dataclass(frozen=True, slots=True)
class Floor:
    """What a resource is to have at least.

    Attributes:
        size: in cores or in MiB; 0 for none.
        reason: machine-readable.
        why: a clause.
        restores: what the container had, where exactly that is to be put back.
    """

    size: float
    reason: Reason
    why: str
    restores: Allocation | None = None


@dataclass(frozen=True, slots=True)
class CpuCase:
    """Everything that a choice of CPU depends on beside what was learnt.

    Attributes:
        config: the container's configuration.
        bounds: in cores.
        settings: of this container.
        demand_cores: what it wants by itself.
        now: seconds since 1970.
    """

    config: GuestConfig
    bounds: Bounds
    settings: ContainerSettings
    demand_cores: float
    now: float

    @property
    def cap_cores(self) -> float:
        """Return what it has."""
        return cap_of(self.config.allocation)

    @property
    def actuator(self) -> str:
        """Return which key carries its CPU."""
        return cpu_actuator(self.config.allocation, self.settings.bounds.actuator)

    @property
    def high_cores(self) -> float:
        """Return the largest CPU that can be reached."""
        return reachable_high(self.config, self.bounds.high, self.actuator)

    def stepped(self, cores: float) -> float:
        """Return cores within the bounds and rounded up to the step of the key that carries them."""
        step = 1.0 if self.actuator == "cores" else self.settings.policy.cpu_step_cores
        return stepped_cores(cores, self.bounds.low, self.high_cores, step)

    def after(self, choice: Choice) -> float:
        """Return what it will have by a choice."""
        changes: Mapping[str, Any] = choice.changes
        return cap_of(replace(self.config.allocation, **changes)) if changes else self.cap_cores


def raise_cpu(choice: Choice, floor: Floor, case: CpuCase) -> Choice:
    """Return the choice, or one with as much CPU as the floor wants and the bounds allow.

    With 2 cores chosen, a floor of 3.5 and whole cores up to 4: 4 cores. With at most 3: 3 cores, and ``at_bound`` beside the reason.
    """
    if floor.size <= 0:
        return choice
    cap, chosen = case.cap_cores, case.after(choice)
    restored = _restored_cpu(floor, case)
    wanted = floor.size if restored else case.stepped(floor.size)
    limited = (Reason.AT_BOUND,) if not restored and wanted < floor.size - 1e-9 else ()
    if wanted <= chosen + 1e-9:
        return _held_down(choice, floor, f"{format_number(round(case.high_cores, 2))} cores") if limited and chosen < floor.size else choice
    if wanted <= cap + 1e-9:
        return _kept(choice, floor, limited, f"CPU kept at {format_number(round(cap, 2))}: {floor.why}")
    grown = grow_cpu(case.config, wanted, cap, case.actuator, floor.why)
    changes = restored or grown.changes
    return Choice(changes, floor.reason, grown.message, _others(choice, floor, limited))


def raise_memory(choice: Choice, floor: Floor, case: MemoryCase) -> Choice:
    """Return the choice, or one with as much memory as the floor wants and the bounds allow.

    With 1024 MiB chosen and a floor of 1500 in steps of 32: 1504 MiB.
    """
    if floor.size <= 0:
        return choice
    limit = case.limit_mib
    chosen = choice.changes.get("memory_mib", limit)
    is_exact = floor.restores is not None and floor.size <= case.bounds.high
    wanted = int(floor.size) if is_exact else case.stepped(floor.size)
    limited = (Reason.AT_BOUND,) if wanted < floor.size else ()
    if wanted <= chosen:
        return _held_down(choice, floor, f"{case.bounds.high:.0f} MiB") if limited and chosen < floor.size else choice
    if wanted <= limit:
        return _kept(choice, floor, limited, f"memory kept at {limit} MiB: {floor.why}")
    reason = choice.reason if chosen > limit else floor.reason
    return Choice({"memory_mib": wanted}, reason, f"memory {limit} -> {wanted} MiB: {floor.why}", _others(choice, floor, limited))


def _held_down(choice: Choice, floor: Floor, largest: str) -> Choice:
    """Return the choice with what the floor would want, were it allowed."""
    return replace(
        choice, message=f"{choice.message}; {floor.why}, but {largest} is the largest allowed", others=(*choice.others, floor.reason, Reason.AT_BOUND)
    )


def _restored_cpu(floor: Floor, case: CpuCase) -> dict[str, float]:
    """Return which keys to set so that exactly what was there is there again; empty when that is not wanted, or above the bounds."""
    if floor.restores is None or floor.size > case.high_cores + 1e-9:
        return {}
    allocation = case.config.allocation
    return {name: getattr(floor.restores, name) for name in CPU_FIELDS if getattr(floor.restores, name) != getattr(allocation, name)}


def _kept(choice: Choice, floor: Floor, limited: tuple[Reason, ...], message: str) -> Choice:
    return keep(floor.reason, message, *_others(choice, floor, limited))


def _others(choice: Choice, floor: Floor, limited: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Return the further reasons: of what was chosen before only what does not speak of another change, or of a calm that is no more."""
    gone = {Reason.UNCHANGED, Reason.WITHIN_BAND, Reason.STABILISING, Reason.SHRINK_CPU, Reason.SHRINK_MEMORY, Reason.GROW_CPU}
    told = (floor.reason, choice.reason, *choice.others, *limited)
    return tuple(reason for reason in dict.fromkeys(told) if reason not in gone)
