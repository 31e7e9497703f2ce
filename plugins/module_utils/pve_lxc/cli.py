# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``lxc-autoscale``: the loop's command line. Exit codes: see autoscale/session.py."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from .autoscale.access_command import add_access
from .autoscale.aftermath import after_broken_config, run_and_tell
from .autoscale.assembly import pick_source
from .autoscale.boost_command import add_boost
from .autoscale.check_command import add_check
from .autoscale.config import LoopConfig, read_config
from .autoscale.cycle import APPLY, RECOMMEND
from .autoscale.effective import format_effective, format_effective_lines
from .autoscale.explain_command import add_explain
from .autoscale.history_command import add_history
from .autoscale.metrics_command import add_metrics
from .autoscale.migrate import migrate, write_new_file
from .autoscale.notify_command import add_notify
from .autoscale.parts import format_cycle
from .autoscale.release_command import add_release
from .autoscale.replay_command import add_replay, run_replay
from .autoscale.rollback_command import add_rollback
from .autoscale.session import (
    DEFAULT_CONFIG_PATH,
    EXIT_CODES,
    EXIT_CONFIGURATION,
    EXIT_DONE,
    EXIT_SOME_FAILED,
    Session,
    add_command,
    exit_code_of,
)
from .autoscale.status_command import add_status
from .autoscale.terminal import format_cycle_lines, format_news_lines
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
        arguments = _parser().parse_args(argv)
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


def _parser() -> argparse.ArgumentParser:
    codes = "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items())
    parser = argparse.ArgumentParser(
        prog="lxc-autoscale", description="Give LXC containers on Proxmox VE what they need, and no more.", epilog=f"Exit codes: {codes}."
    )
    parser.add_argument("--version", action="version", version=f"lxc-autoscale {VERSION}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    run = add_command(commands, "run", _run, "one cycle in the configuration's mode (recommend or apply)")
    run.add_argument("--quiet", action="store_true", help="say only what was changed, what failed and what needs attention, as the timer does")
    add_command(commands, "recommend", _recommend, "one cycle that changes nothing, whatever the configuration's mode")
    add_status(commands)
    add_explain(commands)
    add_history(commands)
    add_rollback(commands)
    add_release(commands)
    add_check(commands)
    add_boost(commands)
    add_metrics(commands)
    add_notify(commands)
    check_config = add_command(
        commands, "check-config", _check_config, "read the configuration, in our format or LXC AutoScale's, and name every problem at once"
    )
    check_config.add_argument("--explain", action="store_true", help="show every setting that is not a default, and where it came from")
    migrate_config = commands.add_parser("migrate-config", help="write a configuration of LXC AutoScale in our format, and what differs to standard error")
    migrate_config.add_argument("old", metavar="OLD", help="the old file, YAML or INI")
    migrate_config.add_argument("--output", metavar="FILE", help="where the new file goes (default: standard output); it must not exist")
    migrate_config.add_argument("--json", action="store_true", help="write JSON")
    migrate_config.set_defaults(command_without_config=_migrate_config)
    add_replay(commands, DEFAULT_CONFIG_PATH).set_defaults(command_without_config=_replay)
    add_access(commands)
    return parser


def _replay(arguments: argparse.Namespace, out: TextIO, dummy_err: TextIO) -> int:
    run_replay(arguments, out)
    return EXIT_DONE


def _run(session: Session) -> int:
    return _cycle(session, session.config.mode)


def _recommend(session: Session) -> int:
    return _cycle(session, RECOMMEND)


def _cycle(session: Session, mode: str) -> int:
    result = run_and_tell(session.config, session.clock, mode, is_by_hand=session.arguments.command is _recommend)
    is_quiet = getattr(session.arguments, "quiet", False)
    session.say(format_cycle(result), lambda: format_news_lines(result) if is_quiet else format_cycle_lines(result))
    return EXIT_SOME_FAILED if mode == APPLY and result.failed_count else EXIT_DONE


def _check_config(session: Session) -> int:
    config = session.config
    observing = pick_source(config)
    lines = format_effective_lines(config, observing)
    # Without --explain the first paragraph, and what the reader of an old file has to know.
    short = [*lines[: lines.index("")], *(f"notice: {notice}" for notice in config.notices)]
    session.say(format_effective(config, observing), lambda: lines if session.arguments.explain else short)
    return EXIT_DONE


def _migrate_config(arguments: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    migration = migrate(arguments.old)
    if arguments.output:
        write_new_file(arguments.output, migration.text)
    if arguments.json:
        out.write(json.dumps(migration.format(), indent=2) + "\n")
    elif not arguments.output:
        out.write(migration.text)
    err.write("".join(f"{difference}\n" for difference in migration.differences))
    return EXIT_DONE
