# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line options as Proxmox VE reads them: one dash or two, ``=`` or a blank, flags with or without a value.

Recorded on PVE 9.2.11, fixtures pve9/pct_cli.json: unknown options, missing arguments.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .caller import CommandFailed

NUMBERED = re.compile(r"^(net|mp|dev|unused)[0-9]+$")


@dataclass(frozen=True)
class Syntax:
    """What a command takes.

    Attributes:
        usage: its usage line.
        arguments: names of the words that come first, in order.
        options: names of options with a value.
        flags: names of options that may stand alone.
    """

    usage: str
    arguments: tuple[str, ...]
    options: Collection[str] = ()
    flags: Collection[str] = ()


def parse_words(words: Sequence[str], syntax: Syntax) -> tuple[list[str], list[tuple[str, str]]]:
    """Return arguments and options; a list given several times is joined by commas, as Proxmox VE does.

    Raises:
        CommandFailed: an unknown option, or arguments are missing or too many.
    """
    arguments: list[str] = []
    options: dict[str, str] = {}
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if not re.match(r"^--?[a-z]", word):
            arguments.append(word)
            continue
        name, has_value, value = word.lstrip("-").partition("=")
        if name in syntax.flags:
            if not has_value:
                value = waiting.pop(0) if waiting and waiting[0] in ("0", "1") else "1"
        elif name in syntax.options or NUMBERED.match(name):
            if not has_value:
                if not waiting:
                    raise CommandFailed(f"Option {name} requires an argument\n400 unable to parse option\n{syntax.usage}\n")
                value = waiting.pop(0)
        else:
            raise CommandFailed(f"Unknown option: {name}\n400 unable to parse option\n{syntax.usage}\n")
        options[name] = f"{options[name]},{value}" if name in ("delete", "vms") and name in options else value
    if len(arguments) != len(syntax.arguments):
        few_or_many = "not enough" if len(arguments) < len(syntax.arguments) else "too many"
        raise CommandFailed(f"400 {few_or_many} arguments\n{syntax.usage}\n")
    return arguments, list(options.items())
