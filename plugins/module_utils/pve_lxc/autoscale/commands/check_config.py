# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``lxc-autoscale check-config``: whether the configuration is good, and what follows from it."""

from __future__ import annotations

from typing import Any

from ..assembly import pick_source
from ..configuration.effective import format_effective, format_effective_lines
from ..exit_codes import EXIT_DONE
from .session import Session, add_command


def add_check_config(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = add_command(commands, "check-config", _check_config, "read the configuration, in our format or LXC AutoScale's, and name every problem at once")
    parser.add_argument("--explain", action="store_true", help="show every setting that is not a default, and where it came from")


def _check_config(session: Session) -> int:
    config = session.config
    observing = pick_source(config)
    lines = format_effective_lines(config, observing)
    # Without --explain the first paragraph, and what the reader of an old file has to know.
    short = [*lines[: lines.index("")], *(f"notice: {notice}" for notice in config.notices)]
    session.say(format_effective(config, observing), lambda: lines if session.arguments.explain else short)
    return EXIT_DONE
