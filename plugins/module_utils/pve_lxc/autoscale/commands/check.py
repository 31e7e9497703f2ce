# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``check``: whether everything a run needs is there, down to each privilege, and the commands that give what is missing."""

from __future__ import annotations

from typing import Any

from ..access.check import CheckReport, format_check, run_check
from ..assembly import connect_backend
from ..exit_codes import EXIT_DONE
from ..terminal.table import wrap
from .session import Session, add_command


def add_check(commands: Any) -> None:
    """Add the command."""
    add_command(commands, "check", _check, "look whether everything a run needs is there, and say what is missing and how to give it; changes nothing")


def _check(session: Session) -> int:
    backend = connect_backend(session.config)
    try:
        report = run_check(session.config, backend, backend, session.clock.now())
    finally:
        backend.close()
    session.say(format_check(report), lambda: format_check_lines(report))
    return report.exit_code


def format_check_lines(report: CheckReport) -> list[str]:
    """Return the findings, one below the other, then what to do."""
    lines = []
    for finding in report.findings:
        first, *rest = wrap(finding.text, 19)
        lines += [f"{finding.level:<5} {finding.name:<12} {first.strip()}", *rest]
    if report.commands:
        # Not wrapped: they are to be copied.
        lines += ["", "as root on a node of the cluster:", *(f"  {command}" for command in report.commands)]
    for advice in report.advice:
        lines += ["", *wrap(advice, 0)]
    verdict = "everything is there" if report.exit_code == EXIT_DONE else f"not everything is there (exit code {report.exit_code})"
    return [*lines, "", verdict]
