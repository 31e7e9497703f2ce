# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``rollback``: put one container or all back to what they had before a change, a run or a moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import Problem, RequestError
from ...model import form
from ..assembly import assemble, open_state
from ..exit_codes import EXIT_DONE, EXIT_SOME_FAILED
from ..lock import wait_for_lock
from ..moment import parse_moment
from ..rollback.draft import RollbackRequest
from ..rollback.put_back import RollbackResult, require_known_moment, run_rollback
from ..terminal.table import wrap
from ..terminal.words import say_age, say_clock
from .session import Session, add_command, add_wait


def add_rollback(commands: Any) -> None:
    """Add the command."""
    about = "put containers back to what they had before the loop changed them, in any mode; they are left to you afterwards"
    parser = add_command(commands, "rollback", _rollback, about)
    parser.add_argument("vmid", type=int, nargs="?", metavar="VMID", help="this container; without --to to before its newest change. Default: all")
    parser.add_argument("--to", metavar="TIME|RUN", help="to this moment (2h, yesterday 14:00, 2026-11-22 14:00), or to before the run with this number")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.add_argument("--force", action="store_true", help="also where somebody has changed the container since, or memory in use is taken away")
    add_wait(parser)


def _rollback(session: Session) -> int:
    arguments = session.arguments
    if arguments.vmid is None and arguments.to is None:
        raise RequestError([Problem("rollback", "", "which container, or with --to to when? Both together are possible as well")])
    moment = None if arguments.to is None else parse_moment(arguments.to, session.clock.now(), "--to")
    request = RollbackRequest(arguments.vmid, moment, is_dry_run=arguments.dry_run, is_forced=arguments.force)
    # Before a state is made, or anybody is asked: whether there is anything to go by.
    state = open_state(session.config)
    try:
        require_known_moment(state, moment)
    finally:
        state.close()
    parts = assemble(session.config, session.clock)
    try:
        result = run_rollback(parts, request, lambda: wait_for_lock(parts.lock, session.clock, arguments.wait))
    finally:
        parts.close()
    now = session.clock.now()
    session.say(format_rollback(result), lambda: format_rollback_lines(result, now))
    return EXIT_SOME_FAILED if result.failed_count else EXIT_DONE


def format_rollback(result: RollbackResult) -> dict[str, Any]:
    """Return a rollback for ``--json``; ``before`` and ``after`` of each result have Proxmox's keys, None for an absent one."""
    return {
        "run_id": result.run_id,
        "dry_run": result.is_dry_run,
        "changed": result.changed_count,
        "failed": result.failed_count,
        "results": [form.format_outcome(outcome) for outcome in result.outcomes],
        "settled": [form.format_outcome(outcome) for outcome in result.settled],
        "held_until": {str(vmid): until for vmid, until in result.held_until.items()},
    }


def format_rollback_lines(result: RollbackResult, now: float) -> list[str]:
    """Return the same for people: every container with what became of it."""
    shown = format_rollback(result)
    lines = [line for one in shown["settled"] for line in wrap(f"settled: container {one['vmid']}: {one['msg']}", 0)]
    if not shown["results"]:
        return [*lines, "nothing was changed since then, so there is nothing to put back"]
    for one in shown["results"]:
        lines += _result_lines(one, is_dry_run=result.is_dry_run)
    done = "would be put back" if result.is_dry_run else "put back"
    where = "dry run, nothing was written" if result.is_dry_run else f"run {result.run_id}"
    lines.append(f"{result.changed_count} {done}, {result.failed_count} failed ({where})")
    if result.held_until:
        until = max(result.held_until.values())
        about = f"the loop leaves them for {say_age(until - now)}, until {say_clock(until)}; sooner with: lxc-autoscale release"
        lines += wrap(f"{about} {' '.join(str(vmid) for vmid in sorted(result.held_until))}", 0)
    return lines


def _result_lines(one: Mapping[str, Any], *, is_dry_run: bool) -> list[str]:
    title = f"{one['vmid']} {one['name']}".rstrip()
    if one["changed"] and not one["failed"]:
        return wrap(f"{title}: {'would be ' if is_dry_run else ''}{one['msg']}", 0)
    return wrap(f"{title}: {'FAILED' if one['failed'] else 'left'} ({one['reason']})", 0) + wrap(one["msg"], 4)
