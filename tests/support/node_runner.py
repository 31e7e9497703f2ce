# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the simulated node's commands in this process: a CommandRunner without sshd and without new processes."""

from __future__ import annotations

from collections.abc import Sequence

from cli.node import NodeSettings, run_command
from pve_lxc.errors import CommandError


class SimulatedNodeRunner:
    """Implements ports.CommandRunner.

    ``ran`` lists the commands in the order made. ``break_next(error, when)`` makes the next command fail, before or after it did its work.
    """

    def __init__(self, settings: NodeSettings, name: str = "ssh") -> None:
        self.settings = settings
        self.name = name
        self.ran: list[str] = []
        self.is_closed = False
        self._break: list[tuple[CommandError, str]] = []

    def break_next(self, error: CommandError, when: str = "before") -> None:
        self._break.append((error, when))

    def run(self, argv: Sequence[str], timeout_seconds: float) -> tuple[int, str, str]:
        self.ran.append(" ".join(argv))
        broken = [self._break.pop(0)] if self._break else []
        for error, when in broken:
            if when == "before":
                raise error
        ended = run_command(self.settings, argv)
        for error, _when in broken:
            raise error
        return ended.exit_code, ended.output, ended.error_output

    def close(self) -> None:
        self.is_closed = True
