# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``boost``: give a container more for a time. It is written into the state, and the loop's next cycle carries it out, as it carries out everything."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...policy.loan import Boost, boost_from_dict
from ...ports import StateStore
from ...units import format_number
from ..assembly import connect_backend, lock_of, open_state, open_state_for_writing
from ..exit_codes import EXIT_DONE, EXIT_SOME_FAILED
from ..lock import wait_for_lock
from ..remembered import last_seen, remembered_from_dict, remembered_to_dict
from ..terminal.table import format_table, wrap
from ..terminal.words import say_clock
from .boost_request import BoostRequest, make_boost, parse_request, refuse_boost, say_bounds
from .session import Session, add_command, add_wait

_OVER = "over; what it gave is still to be taken back"


def add_boost(commands: Any) -> None:
    """Add the command."""
    parser = add_command(commands, "boost", _boost, "give a container more for a time, end that early, or list who has more now")
    parser.add_argument("vmid", type=int, nargs="?", metavar="VMID")
    parser.add_argument("--memory-mib", metavar="N|+N", help="memory it has at least, or how much more than now")
    parser.add_argument("--cpu-cores", metavar="N|+N", help="CPU it has at least, or how much more than now")
    parser.add_argument("--for", dest="duration", metavar="TIME", help="for how long, as in 90s, 30m, 2h or 1d")
    parser.add_argument("--end", action="store_true", help="end its boost now")
    parser.add_argument("--list", action="store_true", help="list all boosts")
    add_wait(parser)


def _boost(session: Session) -> int:
    arguments: argparse.Namespace = session.arguments
    if arguments.list:
        return _list(session)
    request = None if arguments.end else parse_request(arguments.memory_mib, arguments.cpu_cores, arguments.duration)
    if arguments.vmid is None:
        return _refuse(session, None, "which container? Give its id, or --list")
    state = open_state_for_writing(session.config)
    try:
        # A cycle that is at work would write back what it read before.
        with wait_for_lock(lock_of(session.config), session.clock, arguments.wait):
            values, decision = state.read_memories().get(arguments.vmid), state.read_decisions().get(arguments.vmid)
            if values is None or decision is None:
                return _refuse(session, arguments.vmid, f"nothing is known about it: it has not been on node {session.config.node} in any run")
            return _end(session, state, values) if request is None else _begin(session, state, request, (values, decision))
    finally:
        state.close()


def _begin(session: Session, state: StateStore, request: BoostRequest, known: tuple[Mapping[str, Any], Mapping[str, Any]]) -> int:
    config, vmid, now = session.config, session.arguments.vmid, session.clock.now()
    values, decision = known
    guest = last_seen(vmid, decision, values)
    if not config.selection.is_selected(guest):
        return _refuse(session, vmid, "it is not selected by the configuration, so the loop leaves it alone")
    backend = connect_backend(config)
    try:
        found = backend.read_config(config.node, vmid)
    finally:
        backend.close()
    settings = config.roster.assign(guest, now).effective.settings
    entry = remembered_from_dict(vmid, values, settings.policy)
    refusal = refuse_boost(request, entry.memory, found, settings, now)
    if refusal:
        return _refuse(session, vmid, refusal)
    boost = make_boost(request, entry.memory.boost, found.allocation, now)
    if boost is None:
        return _refuse(session, vmid, "it has that much already")
    state.write_memories({vmid: remembered_to_dict(replace(entry, memory=replace(entry.memory, boost=boost)))}, now)
    notes = [note for note in (say_bounds(boost, decision), _say_mode(config.mode)) if note]
    text = f"{vmid}: at least {_sizes(boost)} until {say_clock(boost.until_seconds)}; the next cycle sees to it"
    session.say({"vmid": vmid, "is_done": True, "msg": text, "notes": notes, **_format(boost, now)}, lambda: _lines(text, notes))
    return EXIT_DONE


def _end(session: Session, state: StateStore, values: Mapping[str, Any]) -> int:
    vmid, now = session.arguments.vmid, session.clock.now()
    entry = remembered_from_dict(vmid, values, session.config.settings.of(vmid).policy)
    boost = entry.memory.boost
    if boost is None:
        return _refuse(session, vmid, "it has no boost")
    ended = replace(boost, until_seconds=min(boost.until_seconds, now))
    state.write_memories({vmid: remembered_to_dict(replace(entry, memory=replace(entry.memory, boost=ended)))}, now)
    text = f"{vmid}: its boost is over; the next cycles take back what it gave, as far as that is not in use"
    session.say({"vmid": vmid, "is_done": True, "msg": text, "notes": [], **_format(ended, now)}, lambda: _lines(text, []))
    return EXIT_DONE


def _list(session: Session) -> int:
    now = session.clock.now()
    state = open_state(session.config)
    try:
        memories, decisions = state.read_memories(), state.read_decisions()
    finally:
        state.close()
    found = {vmid: boost_from_dict((values.get("memory") or {}).get("boost")) for vmid, values in sorted(memories.items())}
    boosts = {vmid: boost for vmid, boost in found.items() if boost is not None}
    names = {vmid: str(decisions.get(vmid, {}).get("name", "")) for vmid in boosts}
    shown = [{"vmid": vmid, "name": names[vmid], **_format(boost, now)} for vmid, boost in boosts.items()]
    rows = [[str(vmid), names[vmid], _sizes(boost), say_clock(boost.began_seconds), _say_end(boost, now)] for vmid, boost in boosts.items()]
    table = format_table(("VMID", "NAME", "AT LEAST", "ASKED FOR", "UNTIL"), rows) if rows else ["no container is boosted"]
    session.say({"boosts": shown}, lambda: table)
    return EXIT_DONE


def _refuse(session: Session, vmid: int | None, message: str) -> int:
    text = message if vmid is None else f"{vmid}: not boosted: {message}" if not session.arguments.end else f"{vmid}: {message}"
    session.say({"vmid": vmid, "is_done": False, "msg": message}, lambda: wrap(text, 0))
    return EXIT_SOME_FAILED


def _lines(text: str, notes: list[str]) -> list[str]:
    return [*wrap(text, 0), *(line for note in notes for line in wrap(f"notice: {note}", 0))]


def _say_mode(mode: str) -> str:
    return "" if mode == "apply" else "the loop's mode is recommend: it will say what it would do, and do nothing"


def _say_end(boost: Boost, now: float) -> str:
    return say_clock(boost.until_seconds) if boost.is_active(now) else _OVER


def _sizes(boost: Boost) -> str:
    sizes = [f"{format_number(boost.cpu_cores)} cores"] if boost.cpu_cores else []
    return " and ".join([*sizes, *([f"{boost.memory_mib:.0f} MiB"] if boost.memory_mib else [])])


def _format(boost: Boost, now: float) -> dict[str, Any]:
    return {
        "cpu_cores": boost.cpu_cores or None,
        "memory_mib": boost.memory_mib or None,
        "began": boost.began_seconds,
        "until": boost.until_seconds,
        "is_active": boost.is_active(now),
        "before": {"cores": boost.before.cores, "cpulimit": boost.before.cpulimit, "memory": boost.before.memory_mib},
    }
