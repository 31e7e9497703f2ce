# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``lxc-autoscale metrics``: the metrics of the state, for Prometheus."""

from __future__ import annotations

from typing import Any

from ...errors import StateError
from ..assembly import open_state
from ..exit_codes import EXIT_DONE
from ..metrics.collect import collect
from ..metrics.text import PREFIX, format_families
from ..whole_file import replace_file
from .session import Session, add_command


def add_metrics(commands: Any) -> None:
    """Add the command."""
    parser = add_command(commands, "metrics", _metrics, "the metrics of the last cycle as text for Prometheus; asks nobody")
    parser.add_argument("--output", metavar="FILE", help="write them into this file, in one step and readable by all")


def _metrics(session: Session) -> int:
    state = open_state(session.config)
    try:
        families = collect(state, session.config)
    finally:
        state.close()
    path = session.arguments.output
    if path:
        try:
            replace_file(path, format_families(families), 0o644)
        except OSError as error:
            raise StateError(f"the metrics cannot be written to {path}: {error.strerror}") from error
        session.say({"written": path}, lambda: [])
        return EXIT_DONE
    shown = {PREFIX + family.name: [{"labels": dict(labels), "value": value} for labels, value in family.samples] for family in families if family.samples}
    session.say(shown, lambda: format_families(families).splitlines())
    return EXIT_DONE
