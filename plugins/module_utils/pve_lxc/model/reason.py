# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reason codes: every change and every "keep" carries one; they are part of the interface and never renamed."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why something was done, kept or refused."""

    # Done.
    RESIZED = "resized"
    CLONED = "cloned"
    DESTROYED = "destroyed"
    STARTED = "started"
    STOPPED = "stopped"
    RESTARTED = "restarted"
    SUSPENDED = "suspended"
    GROW_CPU = "grow_cpu"
    GROW_MEMORY = "grow_memory"
    SHRINK_CPU = "shrink_cpu"
    SHRINK_MEMORY = "shrink_memory"
    LOWERED_FOR_HOST = "lowered_for_host"
    OOM_ANSWERED = "oom_answered"
    PROBATION_FAILED = "probation_failed"
    RESTORED_WHILE_STOPPED = "restored_while_stopped"
    BOOSTED = "boosted"
    BOOST_ENDED = "boost_ended"
    GIVEN_BACK = "given_back"
    SEASON_EXPECTED = "season_expected"
    SAVING_ENERGY = "saving_energy"
    GROW_ROOTFS = "grow_rootfs"

    # Kept: nothing to do.
    UNCHANGED = "unchanged"
    WITHIN_BAND = "within_band"
    STABILISING = "stabilising"
    AT_BOUND = "at_bound"

    # Kept: not known well enough.
    NOT_MEASURED = "not_measured"
    STALE_SAMPLE = "stale_sample"
    CPU_JUST_CHANGED = "cpu_just_changed"
    IMPLAUSIBLE_SAMPLE = "implausible_sample"
    TOO_YOUNG = "too_young"
    TOO_LITTLE_HISTORY = "too_little_history"
    SHMEM_UNKNOWN = "shmem_unknown"
    NODE_UNREACHABLE = "node_unreachable"
    STATUS_UNKNOWN = "status_unknown"

    # Kept: not ours to touch now.
    NOT_SELECTED = "not_selected"
    NOT_RUNNING = "not_running"
    TEMPLATE = "template"
    LOCKED = "locked"
    HA_BUSY = "ha_busy"
    PINNED = "pinned"
    RAW_LIMIT = "raw_limit"
    CPU_UNLIMITED_BY_OPERATOR = "cpu_unlimited_by_operator"
    OPERATOR_CHANGED = "operator_changed"
    CONTESTED = "contested"
    MIGRATED = "migrated"
    ROLLED_BACK = "rolled_back"
    COOLDOWN = "cooldown"
    GROW_ONLY = "grow_only"
    TIER_CONFLICT = "tier_conflict"
    SCHEDULE_CONFLICT = "schedule_conflict"
    PENDING_CHANGE = "pending_change"
    NO_QUORUM = "no_quorum"

    # Limited or refused.
    BELOW_WORKING_SET = "below_working_set"
    MEMORY_PRESSURE = "memory_pressure"
    RECENT_OOM = "recent_oom"
    SHRINK_FAILED = "shrink_failed"
    SWAP_GROWING = "swap_growing"
    OOM_INSIDE = "oom_inside"
    HOST_OOM = "host_oom"
    LEAK_SUSPECTED = "leak_suspected"
    HOST_SHORT_OF_MEMORY = "host_short_of_memory"
    BUDGET_SPENT = "budget_spent"
    STORAGE_FULL = "storage_full"
    ROOTFS_AT_BOUND = "rootfs_at_bound"
    ROOTFS_NOT_RESIZABLE = "rootfs_not_resizable"
    CANNOT_SHRINK = "cannot_shrink"
    INVALID_REQUEST = "invalid_request"
    LINKED_CLONE_IMPOSSIBLE = "linked_clone_impossible"
    SNAPSHOT_IMPOSSIBLE = "snapshot_impossible"
    NO_FREE_ID = "no_free_id"
    NOT_A_CLONE = "not_a_clone"
    PROTECTED = "protected"

    # Failed.
    NOT_FOUND = "not_found"
    NAME_NOT_UNIQUE = "name_not_unique"
    CONFIG_CHANGED = "config_changed"
    AUTHENTICATION_FAILED = "authentication_failed"
    PERMISSION_DENIED = "permission_denied"
    REFUSED_BY_PROXMOX = "refused_by_proxmox"
    CONNECTION_LOST = "connection_lost"
    OUTCOME_UNKNOWN = "outcome_unknown"
    HALF_APPLIED = "half_applied"
    NOT_IN_EFFECT = "not_in_effect"
    DID_NOT_STOP = "did_not_stop"
    TASK_FAILED = "task_failed"
    NOT_TRIED = "not_tried"
    NOT_READY = "not_ready"
