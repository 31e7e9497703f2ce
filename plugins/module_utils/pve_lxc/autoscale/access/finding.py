# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing that ``check`` looked at."""

from __future__ import annotations

from dataclasses import dataclass

OK = "ok"
NOTE = "note"
BAD = "BAD"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found.

    Attributes:
        level: ``ok``, ``note`` (works, and should be known) or ``BAD``.
        name: of what was looked at, one word.
        text: a sentence.
        exit_code: what the command ends with if this is the first that is bad; 0 for the others.
    """

    level: str
    name: str
    text: str
    exit_code: int = 0


def ok(name: str, text: str) -> Finding:
    """Return that all is well."""
    return Finding(OK, name, text)


def note(name: str, text: str) -> Finding:
    """Return what works and should be known."""
    return Finding(NOTE, name, text)


def bad(name: str, text: str, exit_code: int) -> Finding:
    """Return what is wrong."""
    return Finding(BAD, name, text, exit_code)
