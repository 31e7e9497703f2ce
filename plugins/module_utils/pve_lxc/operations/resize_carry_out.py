# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out a resize job: a snapshot first, then the sizes, then the disks, then a restart where one is needed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..clock import Clock
from ..errors import ProxmoxAPIError
from ..model.plan import Outcome
from ..model.reason import Reason
from .disk_grow import PartFailedError, grow_disk, part_failed
from .failure import describe_failure
from .resize_apply import apply_resize
from .resize_job import ResizeJob, predict_job, shown_disks, with_disks
from .resize_outcome import outcome_of

if TYPE_CHECKING:
    from ..ports import LxcLifecycle

SNAPSHOT_SECONDS = 300.0
# A container that boots is not interrupted; what waits took effect with that start, unless it was written after it.
YOUNG_SECONDS = 60.0


def carry_out_resize(backend: LxcLifecycle, job: ResizeJob, clock: Clock) -> Outcome:
    """Return what became of a job; errors of Proxmox become failed outcomes, and what was done before them is said.

    Args:
        backend: the way to Proxmox.
        job: a refused one, or one without anything to do, costs no request.
        clock: for names and for waiting.
    """
    if not job.is_change:
        return predict_job(job, backend.transport)
    snapshot = ""
    try:
        if job.request.is_snapshot_wanted:
            snapshot, job = _make_snapshot(backend, job, clock)
    except PartFailedError as failure:
        unchanged = outcome_of(job.plan, is_changed=False, is_failed=True, after=job.plan.before, transport=backend.transport)
        disks = shown_disks(job, job.config)
        return with_disks(replace(unchanged, reason=failure.reason, message=failure.message), disks, disks)
    outcome = _resize(backend, job, clock)
    if not outcome.is_failed and job.request.is_restart_allowed:
        outcome = _restart_if_needed(backend, job, outcome, clock)
    if not snapshot:
        return outcome
    message = f"{outcome.message}; the snapshot {snapshot} was made before"
    return replace(outcome, is_changed=True, message=message, more_after={**outcome.more_after, "snapshot": snapshot})


def _make_snapshot(backend: LxcLifecycle, job: ResizeJob, clock: Clock) -> tuple[str, ResizeJob]:
    """Make a snapshot and return its name, and the job with the digest of the configuration in which it now stands.

    Raises:
        PartFailedError: there is none, or the container was changed meanwhile; nothing was resized.
    """
    name = time.strftime("resize-%Y%m%d-%H%M%S", time.gmtime(clock.now()))
    guest = job.guest
    try:
        backend.create_snapshot(guest.node, guest.vmid, name, f"before: {job.plan.message}", SNAPSHOT_SECONDS)
        config = backend.read_config(guest.node, guest.vmid)
    except ProxmoxAPIError as error:
        raise part_failed(error, f"nothing was resized: the snapshot {name} before it failed") from error
    if config.allocation != job.config.allocation or shown_disks(job, config) != shown_disks(job, job.config):
        message = f"nothing was resized: somebody changed the container while the snapshot {name} was made"
        raise PartFailedError(Reason.CONFIG_CHANGED, message)
    return name, replace(job, config=config, plan=replace(job.plan, digest=config.digest))


def _resize(backend: LxcLifecycle, job: ResizeJob, clock: Clock) -> Outcome:
    """Change the sizes and grow the disks, and return the outcome with the disks as they are then."""
    plan, transport = job.plan, backend.transport
    outcome = apply_resize(backend, plan) if plan.is_change else outcome_of(plan, is_changed=False, is_failed=False, after=plan.before, transport=transport)
    before = shown_disks(job, job.config)
    if outcome.is_failed or not job.disks:
        return with_disks(outcome, before, before)
    failure: PartFailedError | None = None
    try:
        for step in job.disks:
            grow_disk(backend, job.guest, step, clock)
    except PartFailedError as caught:
        failure = caught
    try:
        seen = backend.read_pending(plan.node, plan.vmid)
    except ProxmoxAPIError as error:
        reason, message = describe_failure(error)
        failed = replace(outcome, is_changed=True, is_failed=True, after=None, reason=reason, message=f"it could not be read back: {message}")
        return with_disks(failed, before, dict.fromkeys(before))
    after = shown_disks(job, seen)
    outcome = replace(outcome, after=seen.allocation, pending=dict(seen.pending), is_restart_required=bool(seen.pending))
    outcome = with_disks(replace(outcome, is_changed=outcome.is_changed or after != before), before, after)
    if failure is not None:
        done = "the sizes were changed, but " if plan.is_change else ""
        return replace(outcome, is_failed=True, reason=failure.reason, message=f"{done}{failure.message}")
    return outcome


def _restart_if_needed(backend: LxcLifecycle, job: ResizeJob, outcome: Outcome, clock: Clock) -> Outcome:
    """Restart the container if something of the request waits for it, unless it was started a moment ago."""
    waiting = sorted(job.requested_keys & outcome.pending.keys())
    if not waiting:
        return outcome
    guest = job.guest
    try:
        row: Mapping[str, Any] | None = backend.read_live_guests(guest.node).get(guest.vmid)
    except ProxmoxAPIError as error:
        reason, message = describe_failure(error)
        return replace(outcome, is_failed=True, reason=reason, message=f"{outcome.message}; it was not restarted: {message}")
    uptime = float((row or {}).get("uptime") or 0)
    if (row or {}).get("status") == "running" and uptime < YOUNG_SECONDS:
        warning = f"{', '.join(waiting)} waits for a restart, but the container was started {uptime:.0f} s ago and is not interrupted"
        return replace(outcome, warnings=(*outcome.warnings, warning))
    # Not at the top: few resizes restart anything, and every one would start later.
    from .power_apply import apply_power
    from .power_plan import plan_power, with_startup
    from .power_request import PowerState, PowerWish

    restarted = apply_power(backend, with_startup(plan_power(PowerWish(PowerState.RESTARTED), guest, row), job.config), clock)
    if restarted.is_failed:
        message = f"{outcome.message}; the restart that {', '.join(waiting)} waits for failed: {restarted.message}"
        return replace(outcome, is_failed=True, reason=restarted.reason, message=message, warnings=(*outcome.warnings, *restarted.warnings))
    return _look_after_restart(backend, job, replace(outcome, message=f"{outcome.message}; restarted"))


def _look_after_restart(backend: LxcLifecycle, job: ResizeJob, outcome: Outcome) -> Outcome:
    try:
        seen = backend.read_pending(job.guest.node, job.guest.vmid)
    except ProxmoxAPIError as error:
        reason, message = describe_failure(error)
        return replace(outcome, is_failed=True, reason=reason, message=f"{outcome.message}, but it could not be read back: {message}")
    outcome = replace(outcome, after=seen.allocation, pending=dict(seen.pending), is_restart_required=bool(seen.pending))
    waiting = sorted(job.requested_keys & seen.pending.keys())
    if not waiting:
        return outcome
    return replace(outcome, is_failed=True, reason=Reason.NOT_IN_EFFECT, message=f"{outcome.message}, but {', '.join(waiting)} still waits for a restart")
