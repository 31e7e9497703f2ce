# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``status``: whether the loop works, and what every container has; asks nobody but the state."""

from __future__ import annotations

from typing import Any

from ..assembly import open_state
from ..exit_codes import EXIT_DONE
from ..status_read import read_status
from ..terminal.status_text import format_status, format_status_lines
from .session import Session, add_command


def add_status(commands: Any) -> None:
    """Add the command."""
    add_command(commands, "status", _status, "the last run, every container, who is left to you, the last changes; asks nobody")


def _status(session: Session) -> int:
    state = open_state(session.config)
    try:
        status = read_status(session.config, state, session.clock.now())
    finally:
        state.close()
    session.say(format_status(status), lambda: format_status_lines(status))
    return EXIT_DONE
