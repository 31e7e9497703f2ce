# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that one resize request means for one container: sizes, disks, a snapshot before, a restart after; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..model.allocation import CONFIG_KEYS
from ..model.guest import Guest, GuestConfig
from ..model.plan import Outcome, ResizePlan
from ..model.reason import Reason
from .request import SIZE_KEYS, ResizeRequest
from .resize_outcome import predict_resize
from .resize_plan import plan_nothing

if TYPE_CHECKING:
    from .disk import DiskStep


@dataclass(frozen=True, slots=True)
class ResizeJob:
    """What is to be done with one container.

    Attributes:
        request: what was asked.
        guest: from one reading of the cluster.
        config: what the plan and the steps were made from.
        plan: for the sizes; refused when anything of the request is.
        disks: the disks that are to grow, in the order asked for.
    """

    request: ResizeRequest
    guest: Guest
    config: GuestConfig
    plan: ResizePlan
    disks: tuple[DiskStep, ...] = ()

    @property
    def is_change(self) -> bool:
        """Return whether there is anything to do."""
        return self.plan.is_change or bool(self.disks)

    @property
    def requested_keys(self) -> frozenset[str]:
        """Return the keys of the configuration that the request is about."""
        sizes = {CONFIG_KEYS[SIZE_KEYS[option].field] for option in self.request.sizes}
        return frozenset(sizes | {wish.disk for wish in self.request.disks})


def plan_job(request: ResizeRequest, guest: Guest, config: GuestConfig, plan: ResizePlan) -> ResizeJob:
    """Return the job around a plan for the sizes. What is wrong with a disk refuses the whole, before anything is sent."""
    if plan.is_refused or not request.disks:
        return ResizeJob(request, guest, config, plan)
    # Imported here, as below, because most tasks are about no disk and each import delays the module's start.
    from .disk import DiskError, describe_disks, plan_disks

    try:
        steps = plan_disks(request.disks, config)
    except DiskError as error:
        return refuse_job(ResizeJob(request, guest, config, plan), Reason.INVALID_REQUEST, str(error))
    job = ResizeJob(request, guest, config, plan, steps)
    lock = config.lock or guest.lock
    if steps and lock:
        return refuse_job(job, Reason.LOCKED, f"the container is locked ({lock}); try again when that is over")
    if steps:
        message = ", ".join([*([plan.message] if plan.is_change else []), describe_disks(steps)])
        return replace(job, plan=replace(plan, reason=Reason.RESIZED, message=message))
    return job


def refuse_job(job: ResizeJob, reason: Reason, message: str) -> ResizeJob:
    """Return the job that does nothing, because it must not be done."""
    refused = plan_nothing(job.guest, job.config, reason=reason, message=message, is_refused=True)
    return replace(job, plan=replace(refused, warnings=job.plan.warnings), disks=())


def predict_job(job: ResizeJob, transport: str) -> Outcome:
    """Return what the job would end with if everything went well; for check mode, and for a job that is refused or has nothing to do."""
    outcome = predict_resize(job.plan, transport)
    if not job.request.disks:
        return outcome
    from ..model.rootfs import format_disk_size

    before = shown_disks(job, job.config)
    after = {**before, **{step.disk: format_disk_size(step.after_bytes) for step in job.disks}}
    return with_disks(replace(outcome, is_changed=outcome.is_changed or bool(job.disks)), before, after)


def shown_disks(job: ResizeJob, config: GuestConfig) -> dict[str, str | None]:
    """Return the sizes of the disks that the request is about, ``{"rootfs": "8G"}``; None for one that has no size or is not there."""
    if not job.request.disks:
        return {}
    from ..model.rootfs import format_disk_size
    from .disk import DiskError, read_disk_bytes

    shown: dict[str, str | None] = {}
    for wish in job.request.disks:
        try:
            size_bytes = read_disk_bytes(config, wish.disk)
        except DiskError:
            size_bytes = None
        shown[wish.disk] = None if size_bytes is None else format_disk_size(size_bytes)
    return shown


def with_disks(outcome: Outcome, before: Mapping[str, str | None], after: Mapping[str, str | None]) -> Outcome:
    """Return the outcome with the disks asked for; without any it stays as it is."""
    if not before:
        return outcome
    return replace(outcome, more_before={**outcome.more_before, "disks": dict(before)}, more_after={**outcome.more_after, "disks": dict(after)})
