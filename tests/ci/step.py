# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step of `make test` is, and what it has to say when it ended."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What one step found.

    Attributes:
        passed: checks that passed; a linter is one check, a test run as many as it has tests.
        failed: checks that failed.
        looked_at: how many things were really looked at, in `unit`; compared with the step's floor.
        unit: the plural noun for `looked_at`, such as "files".
        notes: lines for the reader, printed below the step's line.
    """

    passed: int
    failed: int
    looked_at: int
    unit: str
    notes: tuple[str, ...] = ()

    @property
    def is_ok(self) -> bool:
        return self.failed == 0 and self.passed > 0

    def held_to(self, floor: int) -> Outcome:
        """Return the outcome, failed if less was looked at than the floor says: a check that finds nothing to check must not pass.

        With 3 files and a floor of 20, one more failure is counted and a note says so.
        """
        if self.looked_at >= floor:
            return self
        note = f"only {self.looked_at} {self.unit} were looked at, at least {floor} were expected"
        return dataclasses.replace(self, failed=self.failed + 1, notes=(*self.notes, note))


@dataclasses.dataclass(frozen=True)
class Step:
    """One line of `make test`.

    Attributes:
        name: what is printed.
        group: the `make` target that runs this step alone or with its like: lint, unit, sanity, galaxy, integration, readme, system, shell.
        run: does it; gets the log file.
        floor: the least number of things it must look at.
        packages: Debian packages it cannot do without, as command -> package. Only root can install them.
        needs_root: whether only root can run it, whatever is installed.
    """

    name: str
    group: str
    run: Callable[[pathlib.Path], Outcome]
    floor: int
    packages: dict[str, str] = dataclasses.field(default_factory=dict)
    needs_root: bool = False


def one_check(is_ok: bool, looked_at: int, unit: str, *notes: str) -> Outcome:
    """Return the outcome of a tool that says yes or no about everything at once."""
    return Outcome(int(is_ok), int(not is_ok), looked_at, unit, notes)
