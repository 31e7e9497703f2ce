# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``lxc-autoscale migrate-config``: a configuration of LXC AutoScale in our format. It reads no configuration of ours."""

from __future__ import annotations

import argparse
import json
from typing import Any, TextIO

from ..exit_codes import EXIT_DONE
from ..legacy.migrate import migrate, write_new_file


def add_migrate(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser("migrate-config", help="write a configuration of LXC AutoScale in our format, and what differs to standard error")
    parser.add_argument("old", metavar="OLD", help="the old file, YAML or INI")
    parser.add_argument("--output", metavar="FILE", help="where the new file goes (default: standard output); it must not exist")
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.set_defaults(command_without_config=_migrate)


def _migrate(arguments: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    migration = migrate(arguments.old)
    if arguments.output:
        write_new_file(arguments.output, migration.text)
    if arguments.json:
        out.write(json.dumps(migration.format(), indent=2) + "\n")
    elif not arguments.output:
        out.write(migration.text)
    err.write("".join(f"{difference}\n" for difference in migration.differences))
    return EXIT_DONE
