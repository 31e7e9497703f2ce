# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``report``: one HTML file with what was given, used, saved and changed, and why; changes nothing."""

from __future__ import annotations

from typing import Any

from ...errors import Problem, RequestError
from ..assembly import connect_backend
from ..exit_codes import EXIT_DONE
from ..whole_file import replace_file
from .session import Session, add_command

# The keys of report/data, which is imported only when a report is made.
_TIMEFRAMES = ("day", "week", "month")


def add_report(commands: Any) -> None:
    """Add the command."""
    parser = add_command(commands, "report", _report, "one HTML file with what was given, used, saved and changed, and why; changes nothing")
    parser.add_argument("--output", metavar="FILE", help="where the page goes (default: standard output); replaced in one step")
    parser.add_argument("--timeframe", choices=_TIMEFRAMES, default="week", help="how far back (default: week)")
    parser.add_argument("--time-zone", metavar="NAME", help="of all times in the page, such as Europe/Berlin (default: this machine's)")


def _report(session: Session) -> int:
    # Imported here, because no cycle needs it and each would start later.
    from ..report.data import format_report, make_report
    from ..report.page import format_page
    from ..report.read import gather
    from ..report.times import parse_zone

    arguments, config, now = session.arguments, session.config, session.clock.now()
    time = parse_zone(arguments.time_zone)
    report = make_report([gather(config, lambda: connect_backend(config), arguments.timeframe, now)], arguments.timeframe, now)
    page = format_page(report, time)
    if arguments.output:
        _write(arguments.output, page)
    session.say(format_report(report), lambda: [f"written: {arguments.output}"] if arguments.output else [page.rstrip("\n")])
    return EXIT_DONE


def _write(path: str, page: str) -> None:
    try:
        replace_file(path, page, 0o644)
    except OSError as error:
        raise RequestError([Problem("--output", path, f"cannot be written: {error.strerror}")]) from error
