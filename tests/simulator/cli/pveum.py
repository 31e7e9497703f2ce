# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``pveum``: roles, users, tokens and the access control list from the command line, by the API's own calls.

From the source, not recorded: pve-access-control, PVE/CLI/pveum.pm. What is shown needs ``--output-format json``; tables are not drawn here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from .caller import Caller, CommandFailed
from .options import Syntax, parse_words

FIRST_MAJOR_VERSION_WITH_REGENERATE = 9
ALIASES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("useradd",): ("user", "add"),
    ("userdel",): ("user", "delete"),
    ("roleadd",): ("role", "add"),
    ("rolemod",): ("role", "modify"),
    ("roledel",): ("role", "delete"),
    ("aclmod",): ("acl", "modify"),
    ("acldel",): ("acl", "delete"),
}
TOKEN_OPTIONS = ("comment", "expire", "privsep")


@dataclass(frozen=True)
class Command:
    """One command and the call that it makes.

    Attributes:
        method: of the call.
        path: of the call, with the arguments in braces.
        arguments: names of the words that come first; those that are not in the path are parameters.
        options: names of further parameters.
        fixed: parameters that the command itself sets.
        is_shown: whether the answer is printed, so that ``--output-format`` is known.
    """

    method: str
    path: str
    arguments: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    fixed: tuple[tuple[str, str], ...] = ()
    is_shown: bool = False


COMMANDS: dict[tuple[str, ...], Command] = {
    ("role", "add"): Command("POST", "/access/roles", ("roleid",), ("privs",)),
    ("role", "modify"): Command("PUT", "/access/roles/{roleid}", ("roleid",), ("privs", "append")),
    ("role", "delete"): Command("DELETE", "/access/roles/{roleid}", ("roleid",)),
    ("role", "list"): Command("GET", "/access/roles", is_shown=True),
    ("user", "add"): Command("POST", "/access/users", ("userid",), ("comment", "enable", "expire")),
    ("user", "delete"): Command("DELETE", "/access/users/{userid}", ("userid",)),
    ("user", "list"): Command("GET", "/access/users", is_shown=True),
    ("user", "permissions"): Command("GET", "/access/permissions", ("userid",), ("path",), is_shown=True),
    ("acl", "modify"): Command("PUT", "/access/acl", ("path",), ("users", "tokens", "groups", "roles", "propagate"), (("delete", "0"),)),
    ("acl", "delete"): Command("PUT", "/access/acl", ("path",), ("users", "tokens", "groups", "roles", "propagate"), (("delete", "1"),)),
    ("acl", "list"): Command("GET", "/access/acl", is_shown=True),
    ("user", "token", "add"): Command("POST", "/access/users/{userid}/token/{tokenid}", ("userid", "tokenid"), TOKEN_OPTIONS, is_shown=True),
    ("user", "token", "modify"): Command("PUT", "/access/users/{userid}/token/{tokenid}", ("userid", "tokenid"), TOKEN_OPTIONS, is_shown=True),
    ("user", "token", "delete"): Command("DELETE", "/access/users/{userid}/token/{tokenid}", ("userid", "tokenid"), is_shown=True),
    ("user", "token", "remove"): Command("DELETE", "/access/users/{userid}/token/{tokenid}", ("userid", "tokenid"), is_shown=True),
    ("user", "token", "list"): Command("GET", "/access/users/{userid}/token", ("userid",), is_shown=True),
}


def run_pveum(caller: Caller, words: Sequence[str], major_version: int) -> str:
    """Return what goes to standard output.

    Args:
        caller: who calls.
        words: the command line without its first word.
        major_version: of this node; before 9 a token's secret cannot be made anew.

    Raises:
        CommandFailed: it ends badly.
    """
    name, rest = _find(words)
    command = COMMANDS[name]
    options = command.options
    if name == ("user", "token", "modify") and major_version >= FIRST_MAJOR_VERSION_WITH_REGENERATE:
        options = (*options, "regenerate")
    usage = " ".join(["pveum", *name, *(f"<{argument}>" for argument in command.arguments)])
    usage += (" [OPTIONS]" if options else "") + (" [FORMAT_OPTIONS]" if command.is_shown else "")
    shown = ("output-format",) if command.is_shown else ()
    arguments, given = parse_words(rest, Syntax(usage, command.arguments, (*options, *shown)))
    values = dict(zip(command.arguments, arguments, strict=True))
    parameters = {key: value for key, value in values.items() if f"{{{key}}}" not in command.path} | dict(given) | dict(command.fixed)
    form = parameters.pop("output-format", "text")
    data = caller.call(command.method, command.path.format(**values), parameters, usage)
    return _format(data, form) if command.is_shown else ""


def _find(words: Sequence[str]) -> tuple[tuple[str, ...], Sequence[str]]:
    """Return the command's name and the words after it."""
    for length in (1, 2, 3):
        name = ALIASES.get(tuple(words[:length]), tuple(words[:length]))
        if name in COMMANDS:
            return name, words[length:]
    said = f"unknown command 'pveum {' '.join(words[:2])}'" if words else "no command specified"
    raise CommandFailed(f"ERROR: {said}\n")


def _format(data: object, form: str) -> str:
    if data is None:
        return ""
    if form != "json":
        raise CommandFailed("tables are not drawn here; give --output-format json\n")
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
