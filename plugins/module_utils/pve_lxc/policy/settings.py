# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every constant of the policy, with its unit in its name, its limits and its source.

The configuration file's sections ``policy``, ``bounds`` and ``threshold`` have these keys, and their limits are checked from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HOUR_SECONDS = 3600.0
DAY_SECONDS = 86400.0

# So many times of our own changes are remembered of a container; no budget can be larger.
LARGEST_CHANGES_PER_DAY = 288


def _number(low: float, high: float, about: str) -> dict[str, Any]:
    """Return the metadata of a field that holds a number: its allowed range and what it is for."""
    return {"kind": "number", "low": low, "high": high, "about": about}


def _whole(low: int, high: int, about: str) -> dict[str, Any]:
    return {"kind": "whole", "low": low, "high": high, "about": about}


def _switch(about: str) -> dict[str, Any]:
    return {"kind": "switch", "about": about}


def _choice(allowed: tuple[str, ...], about: str) -> dict[str, Any]:
    return {"kind": "choice", "allowed": allowed, "about": about}


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings:
    """How one container is sized; ``metadata["about"]`` of each field says what it is for.

    Sources: "traces" were chosen by replaying real load traces, docs/sizing.md says how; "safety" are the rules of docs/policy.md that
    came from trying things on Proxmox VE 9.2. Windows are in seconds, never in steps, so a timer of 60 s and one of 300 s mean the same.
    """

    interval_seconds: float = field(
        default=60.0, metadata=_number(5, HOUR_SECONDS, "Time between two cycles; longer gaps than three of these do not count as history.")
    )

    algorithm: str = field(
        default="demand",
        metadata=_choice(("demand", "threshold"), "How a container is sized: by what it will need, or by LXC AutoScale's rule (section threshold)."),
    )

    preset: str = field(
        default="balanced",
        metadata=_choice(("safe", "balanced", "lean"), "Sets cpu_tolerance and memory_kill_worth_hours at once; either may still be set beside it."),
    )

    # When a measurement counts. Source: safety.
    stale_after_seconds: float = field(
        default=20.0, metadata=_number(10, HOUR_SECONDS, "An uptime that has not advanced since a read this long ago makes the figures stale.")
    )
    learn_after_uptime_seconds: float = field(
        default=300.0, metadata=_number(0, DAY_SECONDS, "A container younger than this is left alone and nothing is learnt from it.")
    )
    grow_only_uptime_seconds: float = field(default=900.0, metadata=_number(0, DAY_SECONDS, "A container younger than this is only grown."))
    grow_only_history_seconds: float = field(
        default=DAY_SECONDS, metadata=_number(0, 30 * DAY_SECONDS, "A container observed for less than this is only grown.")
    )
    operator_pause_seconds: float = field(
        default=DAY_SECONDS, metadata=_number(0, 30 * DAY_SECONDS, "Pause after somebody else changed the container's CPU or memory, and after a rollback.")
    )

    contested_reversals: int = field(
        default=2, metadata=_whole(1, 10, "So many times somebody may set our values back; then theirs are kept until they are released.")
    )
    contested_window_seconds: float = field(default=DAY_SECONDS, metadata=_number(0, 30 * DAY_SECONDS, "Within this time, the pauses in between not counted."))
    on_stop: str = field(
        default="baseline",
        metadata=_choice(("baseline", "keep"), "What a container that is found stopped gets: what it had at adoption, for its start; or what it has."),
    )
    cpu_settle_seconds: float = field(
        default=20.0, metadata=_number(0, 3600, "No CPU figure is believed for this long after its CPU was changed: Proxmox shows a share of the old one.")
    )
    cpu_grow_only: bool = field(default=False, metadata=_switch("Whether CPU is never lowered."))
    memory_grow_only: bool = field(default=False, metadata=_switch("Whether memory is never lowered: for programs that size themselves at their start."))

    # CPU. Source: traces.
    cpu_half_life_seconds: float = field(default=4 * DAY_SECONDS, metadata=_number(HOUR_SECONDS, 30 * DAY_SECONDS, "A CPU sample this old counts half."))
    cpu_tolerance: float = field(
        default=1.0, metadata=_number(0.1, 10, "Factor on the tolerated share of time above the limit: 0.4 is safe, 1 balanced, 4 lean.")
    )
    cpu_tolerance_per_use: float = field(
        default=0.23, metadata=_number(0, 1, "Tolerated share of time for a container that uses all of its largest CPU on average.")
    )
    cpu_tolerance_smallest: float = field(default=0.003, metadata=_number(0, 0.5, "Smallest tolerated share of time above the limit, before the factor."))
    cpu_tolerance_largest: float = field(default=0.05, metadata=_number(0, 0.5, "Largest tolerated share of time above the limit, before the factor."))
    cpu_peak_share: float = field(default=0.7, metadata=_number(0, 1, "How much of the distance from an interval's average to its peak counts as use."))
    cpu_head_room_block_seconds: float = field(
        default=300.0, metadata=_number(60, DAY_SECONDS, "Head-room is learnt from how much the use rises from one such time to the next.")
    )
    cpu_head_room_half_life_seconds: float = field(
        default=4 * DAY_SECONDS, metadata=_number(HOUR_SECONDS, 30 * DAY_SECONDS, "Such a rise this old counts half.")
    )
    cpu_recent_window_seconds: float = field(default=900.0, metadata=_number(60, DAY_SECONDS, "The highest use within this window is always served."))
    cpu_recent_margin: float = field(default=1.05, metadata=_number(1, 3, "Factor on the highest use of that window."))
    cpu_saturated_share: float = field(
        default=0.95, metadata=_number(0.5, 1, "At this share of its limit a container is saturated: it may want more than it can show.")
    )
    cpu_censored_share: float = field(default=0.985, metadata=_number(0.5, 1, "At this share of the limit the use is not believed but entered higher."))
    cpu_pressure_percent: float = field(default=10.0, metadata=_number(0, 100, "CPU pressure (PSI some) at which a busy container counts as saturated."))
    cpu_pressure_share: float = field(default=0.8, metadata=_number(0.1, 1, "Share of the limit at which that pressure counts."))
    cpu_throttled_share: float = field(
        default=0.05, metadata=_number(0.001, 1, "At this share of an interval's scheduling periods without quota left it is saturated too.")
    )
    cpu_saturation_growth: float = field(
        default=1.6, metadata=_number(1.1, 10, "Factor on the limit of a saturated container that was never seen to use more.")
    )
    cpu_saturation_share: float = field(
        default=0.3, metadata=_number(0, 1, "Else it gets this quantile of what it used when it used more than its limit, within the two factors below.")
    )
    cpu_saturation_least_growth: float = field(default=1.05, metadata=_number(1, 10, "Least factor on the limit then."))
    cpu_saturation_largest_growth: float = field(default=3.0, metadata=_number(1.1, 64, "Largest factor on the limit then."))
    cpu_saturation_hold_seconds: float = field(default=300.0, metadata=_number(0, DAY_SECONDS, "How long the answer to a saturation is kept."))
    cpu_jump_to_maximum: bool = field(
        default=True, metadata=_switch("Whether a saturated container goes straight to its largest CPU while the node has CPU to spare.")
    )
    cpu_jump_below_host_pressure_percent: float = field(
        default=25.0, metadata=_number(0, 100, "The node has CPU to spare while its CPU pressure (PSI some) is below this.")
    )
    cpu_grow_band: float = field(
        default=0.10, metadata=_number(0, 0.9, "For mere head-room CPU is not grown if the target is within this share (or one step) above the limit.")
    )
    cpu_grow_band_use_share: float = field(default=0.9, metadata=_number(0, 1, "It is mere head-room while the recent use is below this share of the limit."))
    cpu_shrink_wait_seconds: float = field(default=3600.0, metadata=_number(0, 30 * DAY_SECONDS, "CPU is lowered only to the largest target of this window."))
    cpu_shrink_band: float = field(default=0.20, metadata=_number(0, 0.9, "CPU is lowered only if the target is this share below the limit."))
    cpu_step_cores: float = field(default=0.1, metadata=_number(0.1, 8, "Step of cpulimit; cores are whole."))

    # Memory. Source: traces; the vetoes: safety.
    memory_recent_window_seconds: float = field(default=HOUR_SECONDS, metadata=_number(60, DAY_SECONDS, "The highest use within this window is always served."))
    memory_recent_margin: float = field(default=1.05, metadata=_number(1, 3, "Factor on the highest use of that window, and on the present use."))
    memory_long_window_seconds: float = field(
        default=14 * DAY_SECONDS, metadata=_number(HOUR_SECONDS, 60 * DAY_SECONDS, "How long the largest rise is remembered.")
    )
    memory_kill_worth_hours: float = field(
        default=60.0,
        metadata=_number(1, 10000, "So many hours of all its memory lying idle are as bad as one kill: 200 is safe, 60 balanced, 20 lean."),
    )
    memory_surprise_margin: float = field(default=1.5, metadata=_number(1, 5, "Factor on a surprise of the past: the next may be larger."))
    memory_surprise_half_life_seconds: float = field(
        default=14 * DAY_SECONDS, metadata=_number(HOUR_SECONDS, 60 * DAY_SECONDS, "A surprise this old counts half.")
    )
    memory_general_hours: float = field(
        default=200.0, metadata=_number(1, 10000, "What is known of containers in general counts as so many hours of a container's own history.")
    )
    memory_rise_window_seconds: float = field(default=900.0, metadata=_number(60, DAY_SECONDS, "A rise is the present use less the least use of this window."))
    memory_near_limit_share: float = field(default=0.97, metadata=_number(0.5, 1, "At this share of its limit a container gets more memory."))
    memory_near_limit_growth: float = field(default=1.15, metadata=_number(1, 4, "Factor on the limit of such a container."))
    memory_oom_growth: float = field(default=2.0, metadata=_number(1.1, 8, "Factor on the limit after the container's own limit killed a process."))
    memory_oom_least_growth_mib: int = field(default=128, metadata=_whole(16, 65536, "Least growth after such a kill."))
    memory_oom_hold_seconds: float = field(
        default=DAY_SECONDS, metadata=_number(0, 30 * DAY_SECONDS, "No memory is taken away for this long after such a kill.")
    )
    memory_oom_answers: int = field(
        default=2, metadata=_whole(1, 10, "So many kills are answered within that time; then it is called a leak and left to people.")
    )
    memory_shrink_wait_seconds: float = field(
        default=6 * HOUR_SECONDS, metadata=_number(0, 30 * DAY_SECONDS, "Memory is lowered only to the largest target of this window.")
    )
    memory_grow_least_share: float = field(default=0.04, metadata=_number(0, 1, "Memory that grows grows by this share of the limit at least."))
    memory_shrink_band: float = field(default=0.08, metadata=_number(0, 0.9, "Memory is lowered only if the target is this share below the limit."))
    memory_shrink_largest_step: float = field(default=0.25, metadata=_number(0.01, 0.9, "Largest share of the limit that is taken away at once."))
    memory_shrink_pause_seconds: float = field(default=600.0, metadata=_number(0, DAY_SECONDS, "Time between two takings, in which pressure would show."))
    memory_pressure_percent: float = field(
        default=1.0, metadata=_number(0, 100, "No memory is taken away above this memory pressure (PSI some), or at any PSI full.")
    )
    memory_probation_seconds: float = field(
        default=600.0, metadata=_number(0, DAY_SECONDS, "So long it is watched whether memory that was taken away is missed; 0 switches that off.")
    )
    memory_probation_refaults_per_second: float = field(
        default=100.0, metadata=_number(0, 1e6, "It is missed when so many more file pages per second are read again than before.")
    )
    memory_probation_pressure_percent: float = field(default=1.0, metadata=_number(0, 100, "It is missed when its memory pressure (PSI some) is above this."))
    memory_probation_swap_ins_per_second: float = field(
        default=1.0, metadata=_number(0, 1e6, "It is missed when so many more pages per second come back from swap than before.")
    )
    memory_probation_pause_seconds: float = field(
        default=DAY_SECONDS, metadata=_number(0, 30 * DAY_SECONDS, "No memory is taken away for this long after it was missed; twice as long each time again.")
    )
    memory_probation_longest_pause_seconds: float = field(
        default=30 * DAY_SECONDS, metadata=_number(0, 365 * DAY_SECONDS, "That pause gets no longer than this.")
    )
    memory_probation_forget_seconds: float = field(
        default=7 * DAY_SECONDS, metadata=_number(HOUR_SECONDS, 365 * DAY_SECONDS, "So much quiet time after a pause undoes one doubling.")
    )
    memory_swap_growth_mib: float = field(
        default=16.0, metadata=_number(0.1, 65536, "Growth of swap use within an interval that counts as memory pressure; less is the kernel tidying up.")
    )
    memory_step_mib: int = field(default=32, metadata=_whole(1, 4096, "Step of memory."))
    allow_blind_shrink: bool = field(
        default=False, metadata=_switch("Whether memory may be lowered by the API's figure, which leaves out shared memory and tmpfs.")
    )

    # Season, boost and hours in which energy is saved. Source: the season bought nothing on the traces, so it is off; safety.
    season: str = field(
        default="none", metadata=_choice(("none", "weekly"), "Whether what comes back at the same time of the week is met before it begins: for nightly jobs.")
    )
    season_ahead_seconds: float = field(default=900.0, metadata=_number(0, 6 * HOUR_SECONDS, "How long before it begins."))
    season_fade: float = field(default=0.5, metadata=_number(0, 1, "What was seen a week ago and does not come back counts by this share from then on."))
    boost_longest_seconds: float = field(default=7 * DAY_SECONDS, metadata=_number(60, 30 * DAY_SECONDS, "Longest time of a boost."))
    give_back_seconds: float = field(
        default=6 * HOUR_SECONDS, metadata=_number(0, 30 * DAY_SECONDS, "How long after energy hours it is tried to give back what they took.")
    )

    # Node. Source: traces.
    host_memory_reserve_share: float = field(default=0.05, metadata=_number(0, 0.9, "Share of the node's memory that growth never touches."))
    host_memory_reserve_mib: int = field(default=0, metadata=_whole(0, 16777216, "The same in MiB; the larger of the two holds."))
    host_memory_pressure_percent: float = field(
        default=1.0, metadata=_number(0, 100, "Above this memory pressure of the node (PSI full over 5 minutes) it counts as short of memory.")
    )
    failover_reserve_share: float = field(
        default=0.0, metadata=_number(0, 0.9, "Share of the node's memory that growth leaves free for the guests of a node that fails, beside the reserve.")
    )
    ballooning_target_share: float | None = field(
        default=None,
        metadata=_number(0.1, 1, "Growth keeps the node's use below this share; default: the node's own target where virtual machines balloon, else none."),
    )
    overcommit_ratio: float | None = field(
        default=None, metadata=_number(0.1, 64, "Largest sum of the limits of all running guests, as a share of the node's memory; default: no such budget.")
    )
    weight: float = field(default=1.0, metadata=_number(0.01, 100, "On a node that is short: weight of this container's need against the others'."))

    # Disruption. Source: safety.
    changes_per_hour: int = field(
        default=12, metadata=_whole(1, LARGEST_CHANGES_PER_DAY, "Largest number of changes of one container in an hour; emergencies are exempt.")
    )
    changes_per_day: int = field(default=96, metadata=_whole(1, LARGEST_CHANGES_PER_DAY, "The same in a day."))
    cycle_changes: int = field(default=50, metadata=_whole(1, 100000, "Largest number of containers that one cycle changes; emergencies are exempt."))
    cycle_memory_mib: int | None = field(
        default=None, metadata=_whole(16, 16777216, "Largest sum of memory that one cycle gives and takes; emergencies are exempt; default: no limit.")
    )

    # Root file system. Source: safety.
    grow_rootfs: bool = field(default=False, metadata=_switch("Whether the root file system is grown before it is full; it can never be made smaller again."))
    rootfs_above_share: float = field(default=0.85, metadata=_number(0.1, 1, "It is only grown while more than this share of it is used."))
    rootfs_full_share: float = field(default=0.95, metadata=_number(0.1, 1, "At this share it counts as full."))
    rootfs_full_within_seconds: float = field(
        default=3 * DAY_SECONDS, metadata=_number(0, 90 * DAY_SECONDS, "It is grown when it will be full within this time, or is.")
    )
    rootfs_trend_seconds: float = field(
        default=7 * DAY_SECONDS, metadata=_number(DAY_SECONDS, 90 * DAY_SECONDS, "When that is follows from how its use rose in this time.")
    )
    rootfs_least_trend_seconds: float = field(
        default=DAY_SECONDS, metadata=_number(HOUR_SECONDS, 90 * DAY_SECONDS, "Of one observed for less nobody knows that; it is only grown when it is full.")
    )
    rootfs_step_share: float = field(default=0.10, metadata=_number(0.01, 4, "It grows by this share of its size."))
    rootfs_least_step_mib: int = field(default=2048, metadata=_whole(64, 16777216, "It grows by this much at least."))
    rootfs_pause_seconds: float = field(default=HOUR_SECONDS, metadata=_number(60, 30 * DAY_SECONDS, "Time between two growths, and after one that failed."))
    cycle_rootfs: int = field(default=5, metadata=_whole(1, 1000, "Largest number of root file systems that one cycle grows, the fullest first."))
    storage_reserve_share: float = field(default=0.10, metadata=_number(0, 0.9, "Share of a storage that this growth leaves free."))


# What a preset sets. Source: the trade-off measured in docs/sizing.md. balanced are the defaults.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "safe": {"cpu_tolerance": 0.4, "memory_kill_worth_hours": 200.0},
    "balanced": {"cpu_tolerance": 1.0, "memory_kill_worth_hours": 60.0},
    "lean": {"cpu_tolerance": 4.0, "memory_kill_worth_hours": 20.0},
}

# LXC AutoScale's ``behaviour`` -> the preset that means the same.
BEHAVIOUR_PRESETS: Mapping[str, str] = {"conservative": "safe", "normal": "balanced", "aggressive": "lean"}


def with_preset(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return policy settings with what their preset sets; what is given beside it stays.

    ``{"preset": "safe", "cpu_tolerance": 1}`` gains ``memory_kill_worth_hours: 200``.
    """
    return {**PRESETS.get(given.get("preset", ""), {}), **given}


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundsSettings:
    """Between what and what a container may be sized; None means that it follows from what was found at adoption. Source: safety."""

    actuator: str = field(
        default="auto",
        metadata=_choice(
            ("auto", "cpulimit", "cores", "both", "none"),
            "Which key carries the CPU; auto is cpulimit where it is set, else cores; both is cpulimit, and cores that follow it.",
        ),
    )
    min_cpu_cores: float = field(
        default=1.0, metadata=_number(0.1, 8192, "Least CPU, in cores; a container that had less when it was adopted keeps that as its least.")
    )
    max_cpu_cores: float | None = field(default=None, metadata=_number(0.1, 8192, "Largest CPU, in cores; default from the two shares below."))
    min_memory_mib: int | None = field(default=None, metadata=_whole(16, 16777216, "Least memory; default from smallest_memory_mib and the baseline."))
    max_memory_mib: int | None = field(default=None, metadata=_whole(16, 16777216, "Largest memory; default from the two shares below."))
    max_rootfs_mib: int | None = field(
        default=None, metadata=_whole(64, 1073741824, "Largest root file system, where it is grown; default from largest_share_of_baseline.")
    )
    largest_share_of_baseline: float = field(default=2.0, metadata=_number(1, 64, "Default maximum, as a share of what was found at adoption."))
    largest_share_of_node: float = field(
        default=0.5, metadata=_number(0.01, 1, "Default maximum, as a share of the node; what was found at adoption stays allowed.")
    )
    smallest_share_of_baseline: float = field(default=0.5, metadata=_number(0.01, 1, "Least memory, as a share of what was found at adoption."))
    smallest_memory_mib: int = field(default=128, metadata=_whole(16, 65536, "Least memory of any container."))
    allow_below_half: bool = field(default=False, metadata=_switch("Whether memory may go below that share of the baseline."))


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdSettings:
    """LXC AutoScale's rule, used where ``algorithm`` is ``threshold``; the defaults are that project's.

    Percent are of what the container has. ``is_off_peak`` is no key of the file: the cycle sets it from the hours and the time zone.
    """

    cpu_upper_percent: float = field(default=80.0, metadata=_number(0, 100, "CPU use above which a container gets more."))
    cpu_lower_percent: float = field(default=20.0, metadata=_number(0, 100, "CPU use below which it gets less."))
    cpu_percent_per_core: float = field(default=2.0, metadata=_number(0.01, 1000, "So many percent beyond a threshold are worth one core."))
    cpu_least_step_cores: int = field(default=1, metadata=_whole(1, 8192, "Least change of CPU."))
    cpu_largest_step_cores: int = field(default=2, metadata=_whole(1, 8192, "Largest growth of CPU at once."))
    memory_upper_percent: float = field(default=80.0, metadata=_number(0, 100, "Memory use above which a container gets more."))
    memory_lower_percent: float = field(default=20.0, metadata=_number(0, 100, "Memory use below which it gets less."))
    memory_growth_step_mib: int = field(default=256, metadata=_whole(0, 16777216, "Least growth of memory, before step_factor."))
    memory_percent_per_step: float = field(default=1.5, metadata=_number(0.01, 1000, "So many percent beyond the upper threshold are worth one such step."))
    memory_shrink_step_mib: int = field(default=128, metadata=_whole(0, 16777216, "Shrinkage of memory, before step_factor."))
    step_factor: float = field(default=1.0, metadata=_number(0.1, 10, "Factor on the two steps of memory: 0.5 is conservative, 2 aggressive."))
    off_peak_step_factor: float = field(default=0.8, metadata=_number(0.1, 10, "A further factor on them in off-peak hours."))
    save_energy: bool = field(
        default=False, metadata=_switch("Whether off-peak hours lower a container to what it uses, the upper thresholds kept, without waiting for the lower.")
    )
    off_peak_start_hour: int = field(default=22, metadata=_whole(0, 23, "First hour of off-peak."))
    off_peak_end_hour: int = field(default=6, metadata=_whole(0, 23, "First hour after off-peak; the same as the start means all day."))
    time_zone: str = field(default="UTC", metadata={"kind": "time_zone", "about": "Whose hours these are."})
    is_off_peak: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledSettings:
    """What only a window of the section ``schedules`` sets."""

    save_energy: str = field(
        default="none",
        metadata=_choice(("none", "cpu", "cpu_and_memory"), "What is lowered to its present use while the window is open, and given back after it."),
    )


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """All settings of one container."""

    policy: PolicySettings = PolicySettings()
    bounds: BoundsSettings = BoundsSettings()
    threshold: ThresholdSettings = ThresholdSettings()
    scheduled: ScheduledSettings = ScheduledSettings()


@dataclass(frozen=True, slots=True)
class SettingsBook:
    """The settings of all containers.

    Attributes:
        general: for every container without an entry of its own.
        by_vmid: complete settings of the others.
    """

    general: ContainerSettings = ContainerSettings()
    by_vmid: Mapping[int, ContainerSettings] = field(default_factory=dict)

    def of(self, vmid: int) -> ContainerSettings:
        """Return the settings of one container."""
        return self.by_vmid.get(vmid, self.general)
