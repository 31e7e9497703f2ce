# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``lxc-autoscale``: the loop's command line. Exit codes: see autoscale/exit_codes.py."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from .autoscale.aftermath import after_broken_config, run_and_tell
from .autoscale.commands.cycle_text import format_cycle_lines, format_news_lines
from .autoscale.commands.session import Session, add_command
from .autoscale.config_file import read_config
from .autoscale.configuration.loop_config import LoopConfig
from .autoscale.cycle import APPLY, RECOMMEND
from .autoscale.exit_codes import EXIT_CODES, EXIT_CONFIGURATION, EXIT_DONE, EXIT_SOME_FAILED, exit_code_of
from .autoscale.parts import format_cycle
from .clock import Clock, SystemClock
from .errors import ConfigError, LxcAutoscaleError
from .version import VERSION


def main(argv: Sequence[str] | None = None, *, clock: Clock | None = None, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the arguments after the program's name; default: the process's.
        clock: default: the machine's.
        out: where results go; default: standard output.
        err: where errors go; default: standard error.
    """
    out, err = out or sys.stdout, err or sys.stderr
    try:
        given = sys.argv[1:] if argv is None else argv
        arguments = _parser(given).parse_args(given)
    except SystemExit as end:
        # argparse has written its help, or what is wrong with the arguments.
        return EXIT_DONE if end.code in (0, None) else EXIT_CONFIGURATION
    try:
        if "command_without_config" in arguments:
            without_config: Callable[[argparse.Namespace, TextIO, TextIO], int] = arguments.command_without_config
            return without_config(arguments, out, err)
        session = Session(arguments, _read_config(arguments, clock or SystemClock()), clock or SystemClock(), out)
        command: Callable[[Session], int] = arguments.command
        return command(session)
    except LxcAutoscaleError as error:
        code = exit_code_of(error)
        err.write(f"lxc-autoscale: {error}\n")
        err.write("".join(f"lxc-autoscale: notice: {notice}\n" for notice in getattr(error, "__notes__", ())))
        if arguments.json:
            out.write(json.dumps({"error": type(error).__name__, "msg": str(error), "exit_code": code}, indent=2) + "\n")
        return code


def _read_config(arguments: argparse.Namespace, clock: Clock) -> LoopConfig:
    """Return the configuration; one that stops the loop is told to whom it names."""
    try:
        return read_config(arguments.config)
    except ConfigError as error:
        if arguments.command is _run:
            for notice in after_broken_config(arguments.config, os.environ, error, clock.now()):
                error.add_note(notice)
        raise


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """Return what reads these arguments; of a cycle it knows no other command, because loading them all takes longer than the cycle."""
    codes = "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items())
    parser = argparse.ArgumentParser(
        prog="lxc-autoscale", description="Give LXC containers on Proxmox VE what they need, and no more.", epilog=f"Exit codes: {codes}."
    )
    parser.add_argument("--version", action="version", version=f"lxc-autoscale {VERSION}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    run = add_command(commands, "run", _run, "one cycle in the configuration's mode (recommend or apply)")
    run.add_argument("--quiet", action="store_true", help="say only what was changed, what failed and what needs attention, as the timer does")
    add_command(commands, "recommend", _recommend, "one cycle that changes nothing, whatever the configuration's mode")
    if not given or given[0] not in ("run", "recommend"):
        from .autoscale.commands.registry import add_commands

        add_commands(commands)
    return parser


def _run(session: Session) -> int:
    return _cycle(session, session.config.mode)


def _recommend(session: Session) -> int:
    return _cycle(session, RECOMMEND)


def _cycle(session: Session, mode: str) -> int:
    result = run_and_tell(session.config, session.clock, mode, is_by_hand=session.arguments.command is _recommend)
    is_quiet = getattr(session.arguments, "quiet", False)
    shown = format_cycle(result) if session.arguments.json else None
    session.say(shown, lambda: format_news_lines(result) if is_quiet else format_cycle_lines(result))
    return EXIT_SOME_FAILED if mode == APPLY and result.failed_count else EXIT_DONE
