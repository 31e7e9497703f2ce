# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``history``: every change that was made, from what to what, why, and what became of it; asks nobody but the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from ...model.form import is_of_disk
from ..assembly import open_state
from ..exit_codes import EXIT_DONE
from ..moment import parse_time
from ..rollback.plan import undone_changes
from ..terminal.table import format_table, wrap
from ..terminal.words import LONGEST_NAME, say_clock, say_cpu, say_mib, say_step
from .session import Session, add_command, count_argument

_DEFAULT_LIMIT = 30


def add_history(commands: Any) -> None:
    """Add the command."""
    about = "every change that was made, from what to what, why, and what became of it; asks nobody"
    parser = add_command(commands, "history", _history, about)
    parser.add_argument("vmid", type=int, nargs="?", metavar="VMID", help="of this container only")
    parser.add_argument("--since", metavar="TIME", help="not older than this: 2h, yesterday 14:00, 2026-11-22")
    parser.add_argument("--limit", type=count_argument, default=_DEFAULT_LIMIT, metavar="N", help=f"at most so many, 0 for all (default: {_DEFAULT_LIMIT})")


def _history(session: Session) -> int:
    arguments = session.arguments
    since = 0.0 if arguments.since is None else parse_time(arguments.since, session.clock.now(), "--since")
    state = open_state(session.config)
    try:
        # One more than asked for tells whether there are more.
        found = state.read_changes(arguments.vmid, limit=arguments.limit + 1 if arguments.limit else None, since=since)
        undone = undone_changes(found, state.read_changes(arguments.vmid, limit=None, only_rollbacks=True))
    finally:
        state.close()
    changes = found[: arguments.limit] if arguments.limit else found
    shown = [{**change, "is_undone": change["change_id"] in undone} for change in changes]
    has_more = len(found) > len(changes)
    session.say({"changes": shown, "has_more": has_more}, lambda: format_history_lines(changes, undone, has_more=has_more))
    return EXIT_DONE


def format_history_lines(changes: Sequence[Mapping[str, Any]], undone: Set[int], *, has_more: bool) -> list[str]:
    """Return the journal as a table, newest first, and below it what went wrong.

    Args:
        changes: as the state keeps them, newest first.
        undone: numbers of those that a rollback has taken back.
        has_more: whether there are older ones.
    """
    if not changes:
        return ["nothing was changed"]
    lines = _table(changes, undone)
    wrong = [change for change in changes if change["outcome"] is None or change["outcome"]["failed"]]
    if wrong:
        lines += ["", "what went wrong:"]
    for change in wrong:
        said = "it was begun and never ended; the next run finds out what became of it" if change["outcome"] is None else change["outcome"]["msg"]
        lines += wrap(f"{say_clock(change['begun'])} {change['vmid']} {change['name']}: {said}", 2)
    if has_more:
        lines += ["", "there are more: --limit N, or --limit 0 for all"]
    return lines


def _table(changes: Sequence[Mapping[str, Any]], undone: Set[int]) -> list[str]:
    # Most people never have swap sized or a disk grown, and the lines are long.
    more = [name for name, is_there in (("SWAP MiB", any(map(_is_of_swap, changes))), ("DISK", any(map(is_of_disk, changes)))) if is_there]
    headers = ["TIME", "RUN", "VMID", "NAME", "CPU", "MEMORY MiB", *more, "REASON", "OUTCOME"]
    shrink = (3, 6 + len(more), 4, 5)
    return format_table(headers, [_row(change, undone, more) for change in changes], right=frozenset({1, 2}), shrink=shrink)


def _is_of_swap(change: Mapping[str, Any]) -> bool:
    return bool(change["before"].get("swap") != change["target"].get("swap"))


def _row(change: Mapping[str, Any], undone: Set[int], more: Sequence[str]) -> list[str]:
    before, after = change["before"], change["target"]
    swap = say_step(say_mib(before, "swap"), say_mib(after, "swap")) if _is_of_swap(change) else ""
    cpu, memory = (say_cpu(before), say_cpu(after)), (say_mib(before), say_mib(after))
    disk = say_step(say_mib(before, "rootfs"), say_mib(after, "rootfs")) if is_of_disk(change) else ""
    return [
        say_clock(change["begun"])[:-3],
        str(change["run_id"]),
        str(change["vmid"]),
        change["name"][:LONGEST_NAME],
        "" if cpu[0] == cpu[1] else say_step(*cpu),
        "" if memory[0] == memory[1] else say_step(*memory),
        *([swap] if "SWAP MiB" in more else []),
        *([disk] if "DISK" in more else []),
        change["reason"],
        _outcome(change, undone),
    ]


def _outcome(change: Mapping[str, Any], undone: Set[int]) -> str:
    outcome = change["outcome"]
    if outcome is None:
        return "OPEN"
    if outcome["failed"]:
        return f"FAILED {outcome['reason']}"
    return "done, undone later" if change["change_id"] in undone else "done"
