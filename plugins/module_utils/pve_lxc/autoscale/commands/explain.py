# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``explain``: why a container has what it has; asks nobody but the state."""

from __future__ import annotations

from typing import Any

from ..assembly import open_state
from ..configuration.effective import format_assignment, format_assignment_lines
from ..exit_codes import EXIT_DONE, EXIT_SOME_FAILED
from ..remembered import last_seen
from .explain_text import format_explanation_lines
from .session import Session, add_command

_SHOWN_CHANGES = 5


def add_explain(commands: Any) -> None:
    """Add the command."""
    parser = add_command(commands, "explain", _explain, "why a container has what it has; asks nobody")
    parser.add_argument("vmid", type=int, metavar="VMID")


def _explain(session: Session) -> int:
    vmid, now = session.arguments.vmid, session.clock.now()
    state = open_state(session.config)
    try:
        decision, changes = state.read_decisions().get(vmid), state.read_changes(vmid, limit=_SHOWN_CHANGES)
        remembered = state.read_memories().get(vmid) or {}
    finally:
        state.close()
    if decision is None:
        message = f"nothing is known about container {vmid}"
        about = f"{message}: it has not been on node {session.config.node} in any run"
        session.say({"error": "not_found", "msg": message}, lambda: [about])
        return EXIT_SOME_FAILED
    memory = remembered.get("memory") or {}
    guest = last_seen(vmid, decision, remembered)
    session.say(
        {"decision": decision, "memory": memory, "changes": changes, "settings": format_assignment(session.config, guest, now)},
        lambda: format_explanation_lines(decision, memory, changes, now) + format_assignment_lines(session.config, guest, now),
    )
    return EXIT_DONE
