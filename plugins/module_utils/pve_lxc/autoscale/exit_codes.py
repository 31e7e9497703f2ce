# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command line's exit codes mean, and which one stands for an error."""

from __future__ import annotations

from ..errors import LockHeldError, LxcAutoscaleError, ProxmoxAPIError, ProxmoxAuthenticationError, ProxmoxPermissionError

EXIT_DONE = 0
EXIT_SOME_FAILED = 1
EXIT_CONFIGURATION = 2
EXIT_NOT_REACHABLE = 3
EXIT_NOT_PERMITTED = 4
EXIT_LOCK_HELD = 5

EXIT_CODES = {
    EXIT_DONE: "done",
    EXIT_SOME_FAILED: "some containers failed",
    EXIT_CONFIGURATION: "configuration, or something it needs on this machine",
    EXIT_NOT_REACHABLE: "Proxmox not reachable",
    EXIT_NOT_PERMITTED: "not permitted",
    EXIT_LOCK_HELD: "another run holds the lock",
}


def exit_code_of(error: LxcAutoscaleError) -> int:
    """Return the exit code that stands for an error."""
    if isinstance(error, LockHeldError):
        return EXIT_LOCK_HELD
    if isinstance(error, ProxmoxAuthenticationError | ProxmoxPermissionError):
        return EXIT_NOT_PERMITTED
    return EXIT_NOT_REACHABLE if isinstance(error, ProxmoxAPIError) else EXIT_CONFIGURATION
