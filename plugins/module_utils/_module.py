# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of every module: errors become ``fail_json`` here and nowhere else, outcomes become results and diffs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule

from ._argspec import ArgumentSpec, connection_options
from ._connect import connect
from .pve_lxc.errors import ConfigError, DependencyError, LxcAutoscaleError, RequestError
from .pve_lxc.model.form import format_after, format_before, format_outcome
from .pve_lxc.model.plan import Outcome

if TYPE_CHECKING:
    from .pve_lxc.ports import LxcBackend

# So many failures are named in the message; all of them are in the results.
_NAMED_FAILURES = 3


def create_module(options: ArgumentSpec, **constraints: Any) -> AnsibleModule:
    """Return a module with the connection options and these; check mode is supported by all of ours."""
    return AnsibleModule(argument_spec={**connection_options(), **options}, supports_check_mode=True, **constraints)


def run_module(module: AnsibleModule, work: Callable[[LxcBackend], dict[str, Any]]) -> None:
    """Connect, work, and end the module with what the work returns; a dict with ``failed`` true ends it as failed."""
    try:
        backend = connect(module.params, module.warn)
        try:
            result = work(backend)
        finally:
            backend.close()
    except LxcAutoscaleError as error:
        module.fail_json(**describe_error(error))
        return
    if result.pop("failed", False):
        module.fail_json(**result)
        return
    module.exit_json(**result)


def describe_error(error: LxcAutoscaleError) -> dict[str, Any]:
    """Return the arguments of ``fail_json`` for an error that concerns the whole task."""
    if isinstance(error, DependencyError):
        return {"msg": f"{error} (for the interpreter {sys.executable})"}
    if isinstance(error, (ConfigError, RequestError)):
        problems = [{"place": problem.place, "value": problem.value, "msg": problem.message} for problem in error.problems]
        return {"msg": str(error), "problems": problems}
    return {"msg": str(error).strip()}


def warn_all(module: AnsibleModule, outcomes: Sequence[Outcome]) -> None:
    """Show every warning with the container that it is about."""
    for outcome in outcomes:
        for warning in outcome.warnings:
            module.warn(f"{shown_container(outcome)}: {warning}")


def format_outcomes(outcomes: Sequence[Outcome], *, is_check: bool, is_diff: bool) -> dict[str, Any]:
    """Return ``changed``, ``failed``, ``msg``, ``results`` in the order given and, if asked for, ``diff``."""
    failed = [outcome for outcome in outcomes if outcome.is_failed]
    changed = [outcome for outcome in outcomes if outcome.is_changed]
    result: dict[str, Any] = {
        "changed": bool(changed),
        "failed": bool(failed),
        "msg": _failure_message(failed, len(outcomes))
        if failed
        else f"{len(changed)} of {_containers(len(outcomes))} {'would be changed' if is_check else 'changed'}",
        "results": [format_outcome(outcome) for outcome in outcomes],
    }
    if is_diff:
        result["diff"] = _format_diff(changed)
    return result


def shown_container(outcome: Outcome) -> str:
    """Return ``101 (web)``, or what is known of it."""
    if outcome.vmid is None:
        return outcome.name
    return f"{outcome.vmid} ({outcome.name})" if outcome.name else str(outcome.vmid)


def _failure_message(failed: Sequence[Outcome], count: int) -> str:
    named = "; ".join(f"{shown_container(outcome)}: {outcome.message}" for outcome in failed[:_NAMED_FAILURES])
    more = f"; and {len(failed) - _NAMED_FAILURES} more, see results" if len(failed) > _NAMED_FAILURES else ""
    return f"{len(failed)} of {_containers(count)} failed: {named}{more}"


def _containers(count: int) -> str:
    return f"{count} container" if count == 1 else f"{count} containers"


def _format_diff(changed: Sequence[Outcome]) -> dict[str, dict[str, Any]]:
    """Return before and after of the changed containers; what is not set is left out, so that it shows as a line gone."""
    return {
        "before": {shown_container(outcome): _format_set_values(format_before(outcome)) for outcome in changed},
        "after": {shown_container(outcome): _format_set_values(format_after(outcome)) for outcome in changed},
    }


def _format_set_values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
