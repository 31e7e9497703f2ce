# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a plan to an outcome, where nothing had to be asked for or is only predicted."""

from __future__ import annotations

from ..model.allocation import Allocation
from ..model.plan import Outcome, ResizePlan


def predict_resize(plan: ResizePlan, transport: str) -> Outcome:
    """Return what ``apply_resize`` would say if everything went well; for check mode."""
    if plan.is_refused or not plan.is_change:
        return outcome_without_write(plan, transport)
    return outcome_of(plan, is_changed=True, is_failed=False, after=plan.after, transport=transport)


def outcome_without_write(plan: ResizePlan, transport: str) -> Outcome:
    """Return the outcome of a plan that is refused, which is a failure, or that has nothing to write, which is none."""
    return outcome_of(plan, is_changed=False, is_failed=plan.is_refused, after=plan.before, transport=transport)


def outcome_of(plan: ResizePlan, *, is_changed: bool, is_failed: bool, after: Allocation | None, transport: str) -> Outcome:
    """Return an outcome that carries the plan's own reason, message and warnings."""
    return Outcome(
        vmid=plan.vmid,
        name=plan.name,
        node=plan.node,
        is_changed=is_changed,
        is_failed=is_failed,
        reason=plan.reason,
        message=plan.message,
        before=plan.before,
        after=after,
        transport=transport,
        warnings=plan.warnings,
    )
