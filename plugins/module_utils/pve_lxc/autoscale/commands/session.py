# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every command of the command line shares: its options, its one call."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO

from ...clock import Clock
from ..configuration.loop_config import LoopConfig

DEFAULT_CONFIG_PATH = "/etc/lxc-autoscale/config.yaml"

# A cycle takes seconds; one that meets a dead node takes the deadline of a call, 30 s, now and then twice.
DEFAULT_WAIT_SECONDS = 90.0
_WAIT_HELP = f"how long to wait for a cycle that is at work (default: {DEFAULT_WAIT_SECONDS:g})"


@dataclass(frozen=True, slots=True)
class Session:
    """One call of a command that reads the configuration.

    Attributes:
        arguments: as argparse left them; ``json`` among them.
        config: valid.
        clock: time.
        out: where results go.
    """

    arguments: argparse.Namespace
    config: LoopConfig
    clock: Clock
    out: TextIO

    def say(self, values: Any, lines: Callable[[], list[str]]) -> None:
        """Write JSON where it was asked for, lines otherwise."""
        written = [json.dumps(values, indent=2)] if self.arguments.json else lines()
        # No lines are no line, not an empty one.
        self.out.write("".join(f"{line}\n" for line in written))


def count_argument(text: str) -> int:
    """Return a number of things, 0 or more; for argparse."""
    number = int(text)
    if number < 0:
        raise ValueError
    return number


def add_wait(parser: argparse.ArgumentParser) -> None:
    """Add --wait to a command that must not meet a cycle."""
    parser.add_argument("--wait", type=float, default=DEFAULT_WAIT_SECONDS, metavar="SECONDS", help=_WAIT_HELP)


def add_command(commands: Any, name: str, command: Callable[[Session], int], about: str) -> argparse.ArgumentParser:
    """Add a command with --config and --json, and return its parser for further options.

    Args:
        commands: what argparse's add_subparsers returned.
        name: of the command.
        command: what runs it; returns an exit code.
        about: one line, without a capital and a full stop.
    """
    parser: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
    parser.add_argument("--config", default=DEFAULT_CONFIG_PATH, metavar="FILE", help=f"configuration file (default: {DEFAULT_CONFIG_PATH})")
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.set_defaults(command=command)
    return parser
