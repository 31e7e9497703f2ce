# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hours in which energy is saved: a container is lowered to what it uses now, without waiting, and gets back afterwards what it had.

Only what is looked at changes: the use of now instead of what may come, and no window to wait for. Every bound and every guard of an ordinary
shrink holds: the least CPU, the working set, memory pressure, a recent kill, the largest step, the pauses.
"""

from __future__ import annotations

from dataclasses import replace

from ..model.reason import Reason
from ..model.usage import UsageSample
from .cpu_choice import Choice
from .memory_choice import MemoryCase
from .resource_memory import CpuMemory
from .settings.container import ContainerSettings
from .settings.policy import PolicySettings
from .settings.threshold import ThresholdSettings
from .window import WindowMaximum


def saves_cpu(settings: ContainerSettings, sample: UsageSample) -> bool:
    """Return whether CPU is saved now; a container that waits for CPU (PSI some at 10 %) is left to its ordinary size."""
    if settings.scheduled.save_energy == "none":
        return False
    return sample.cpu_pressure_percent is None or sample.cpu_pressure_percent < settings.policy.cpu_pressure_percent


def saves_memory(settings: ContainerSettings) -> bool:
    """Return whether memory is saved now."""
    return settings.scheduled.save_energy == "cpu_and_memory"


def use_of_now_cores(memory: CpuMemory, demand_cores: float, policy: PolicySettings, now: float) -> float:
    """Return the CPU wanted in energy hours: 1.05 times the highest use of the last 10 minutes, and a saturation's answer while it is kept.

    With a recent maximum of 1.0 core, of which the ordinary demand makes 1.4: 1.05 cores. Never more than the ordinary demand.
    """
    recent = memory.recent.largest(now)
    if recent is None:
        return demand_cores
    answer = memory.saturated_target_cores if now < memory.saturated_until_seconds else 0.0
    return min(demand_cores, max(policy.cpu_recent_margin * recent, answer))


def without_targets(memory: CpuMemory) -> CpuMemory:
    """Return what was learnt without the targets of the last hour, so that nothing is waited for."""
    return replace(memory, targets=WindowMaximum(memory.targets.window_seconds))


def memory_case_of_now(case: MemoryCase) -> MemoryCase:
    """Return the case with the memory wanted in energy hours: 1.03 times the highest use of the last hour, without room to rise into.

    With at most 400 MiB in the last hour, of which the ordinary demand makes 760: 412 MiB. A kill and a limit that is near are answered as ever.
    """
    estimate = case.estimate
    if estimate.is_kill_answered or estimate.is_near_limit or estimate.is_leak_suspected:
        return case
    recent = case.memory.recent.largest(case.now)
    if recent is None:
        return case
    target = min(estimate.target_mib, case.policy.memory_recent_margin * recent)
    learnt = replace(case.memory, targets=WindowMaximum(case.memory.targets.window_seconds))
    return replace(case, estimate=replace(estimate, target_mib=target), memory=learnt)


def off_peak(settings: ThresholdSettings) -> ThresholdSettings:
    """Return the settings of the threshold rule in energy hours: those that it has for them itself."""
    return replace(settings, is_off_peak=True, save_energy=True)


def say_saving(choice: Choice) -> Choice:
    """Return the choice with the reason told, where it lowers: not what was waited for, but what is saved."""
    if choice.reason not in (Reason.SHRINK_CPU, Reason.SHRINK_MEMORY):
        return choice
    sizes = choice.message.partition(":")[0]
    return replace(
        choice, message=f"{sizes}: energy is saved in these hours, and that is enough for its use of now", others=(*choice.others, Reason.SAVING_ENERGY)
    )
