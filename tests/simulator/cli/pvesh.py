# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``pvesh``: every call of the API from the command line, for the whole cluster. Recorded on PVE 9.2.11, fixtures pve9/pct_cli.json.

It waits for a task that it started, prints its log and its id, and ends with 0 however the task ended (from the source, PVE/CLI/pvesh.pm).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from .caller import Caller, CommandFailed

METHODS = {"get": "GET", "set": "PUT", "create": "POST", "delete": "DELETE"}


def run_pvesh(caller: Caller, words: Sequence[str]) -> str:
    """Return what goes to standard output.

    Raises:
        CommandFailed: it ends badly.
    """
    if len(words) < 2 or words[0] not in METHODS:
        raise CommandFailed("ERROR: unknown command or no path\n")
    verb, path = words[0], words[1]
    parameters, form = _parse_options(words[2:])
    usage = f"pvesh {verb} <api_path> [OPTIONS] [FORMAT_OPTIONS]"
    data = caller.call(METHODS[verb], path, parameters, usage)
    log = ""
    if isinstance(data, str) and data.startswith("UPID:") and verb != "get":
        log = "".join(f"{line}\n" for line in caller.wait_for_task(data).log)
    return log + _format(data, form)


def _parse_options(words: Sequence[str]) -> tuple[list[tuple[str, str]], str]:
    """Return the call's parameters, repeated ones joined by commas, and the output format."""
    values: dict[str, str] = {}
    form = "text"
    for name, value in zip(words[::2], words[1::2], strict=True):
        key = name.lstrip("-")
        if key == "output-format":
            form = value
        else:
            values[key] = f"{values[key]},{value}" if key in values else value
    return list(values.items()), form


def _format(data: object, form: str) -> str:
    if data is None:
        return ""
    if form == "json":
        return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    if isinstance(data, (dict, list)):
        raise CommandFailed("tables are not drawn here; give --output-format json\n")
    return f"{data}\n"
