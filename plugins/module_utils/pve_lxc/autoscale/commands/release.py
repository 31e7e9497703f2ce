# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``release``: give containers back to the loop that are left to people; nothing is asked of Proxmox and nothing is changed there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...model.reason import Reason
from ...policy.hold import current_hold, describe_hold, release
from ...policy.settings.policy import PolicySettings
from ..assembly import lock_of, open_state_for_writing
from ..exit_codes import EXIT_DONE, EXIT_SOME_FAILED
from ..lock import wait_for_lock
from ..remembered import Remembered, remembered_from_dict, remembered_to_dict
from ..terminal.table import wrap
from ..terminal.words import say_age, say_clock
from .session import Session, add_command, add_wait


def add_release(commands: Any) -> None:
    """Add the command."""
    about = "give containers back to the loop that are left to you: after an own change, a rollback, a contest, a suspected leak"
    parser = add_command(commands, "release", _release, about)
    parser.add_argument("vmids", type=int, nargs="+", metavar="VMID")
    add_wait(parser)


def _release(session: Session) -> int:
    config, now = session.config, session.clock.now()
    state = open_state_for_writing(config)
    try:
        # A cycle that is at work would write back what it read before.
        with wait_for_lock(lock_of(config), session.clock, session.arguments.wait):
            memories = state.read_memories()
            results, kept = [], {}
            for vmid in dict.fromkeys(session.arguments.vmids):
                policy = config.settings.of(vmid).policy
                if vmid not in memories:
                    results.append({"vmid": vmid, "is_known": False, "was_held": False, "msg": "nothing is known about it: it has not been in any run"})
                    continue
                entry = remembered_from_dict(vmid, memories[vmid], policy)
                results.append(_describe(vmid, entry, policy, now))
                kept[vmid] = remembered_to_dict(replace(entry, memory=release(entry.memory)))
            state.write_memories(kept, now)
    finally:
        state.close()
    session.say({"results": results}, lambda: [line for result in results for line in wrap(f"{result['vmid']}: {result['msg']}", 0)])
    return EXIT_DONE if all(result["is_known"] for result in results) else EXIT_SOME_FAILED


def _describe(vmid: int, entry: Remembered, policy: PolicySettings, now: float) -> dict[str, Any]:
    """Return what ended; ``since`` and ``until`` in seconds since 1970, None where unknown or without an end."""
    held = current_hold(entry.memory, now)
    kills = len(entry.memory.memory.oom_times)
    is_leak = kills > policy.memory_oom_answers
    result: dict[str, Any] = {"vmid": vmid, "is_known": True, "was_held": held is not None or is_leak, "reason": None, "since": None, "until": None}
    texts = []
    if held is not None:
        since = held.since_seconds
        until = None if held.until_seconds == float("inf") else held.until_seconds
        result |= {"reason": str(held.reason), "since": since, "until": until}
        begun = "" if since is None else f", since {say_clock(since)} ({say_age(now - since)})"
        texts.append(f"it was held ({held.reason}){begun}: {describe_hold(held, vmid, now)}")
    if is_leak:
        result["reason"] = result["reason"] or str(Reason.LEAK_SUSPECTED)
        last = say_clock(entry.memory.memory.oom_times[-1])
        texts.append(f"a leak was suspected after {kills} kills by its own limit, the last at {last}; the next one is answered with more memory again")
    texts.append("it is released, and the next run sizes it again" if texts else "it was not held; nothing to release")
    return {**result, "msg": "; ".join(texts)}
