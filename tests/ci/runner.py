# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the steps one after the other, say what happens, and end with counts."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import time
import traceback
from collections.abc import Iterable, Sequence

from . import packages, places
from .step import Outcome, Step

TAIL_LINES = 40
TAIL_COLUMNS = 300


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of the summary."""

    name: str
    outcome: Outcome
    duration_seconds: float


def say(text: str, end: str = "\n") -> None:
    print(text, end=end, flush=True)


def log_of(step: Step) -> pathlib.Path:
    return places.LOGS / (re.sub(r"[^a-z0-9]+", "-", step.name.lower()).strip("-") + ".log")


def run_guarded(step: Step, log: pathlib.Path) -> Outcome:
    """Run one step. A mistake in the step itself is a failure of that step, and the others still run."""
    try:
        return step.run(log).held_to(step.floor)
    except Exception:
        with open(log, "a", encoding="utf-8") as output:
            output.write(traceback.format_exc())
        return Outcome(0, 1, 0, "things", ("the check itself broke, see the log",))


def show_failure(log: pathlib.Path) -> None:
    """Print the end of a log, so that the reason can be read where the failure is."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    for line in lines[-TAIL_LINES:]:
        say(f"    | {line[:TAIL_COLUMNS]}")
    say(f"    whole log: {log.relative_to(places.ROOT)}")


def run_step(position: str, step: Step) -> Line:
    log = log_of(step)
    log.unlink(missing_ok=True)
    say(f"{position} {step.name} ... ", end="")
    started = time.monotonic()
    outcome = run_guarded(step, log)
    duration_seconds = time.monotonic() - started
    say(f"{'ok' if outcome.is_ok else 'FAILED'} {duration_seconds:.0f} s, {outcome.looked_at} {outcome.unit}")
    for note in outcome.notes:
        say(f"    {note}")
    if not outcome.is_ok:
        show_failure(log)
    return Line(step.name, outcome, duration_seconds)


def install_what_is_missing(steps: Iterable[Step]) -> None:
    """As root, install the Debian packages that the steps need; only those whose command is not there."""
    wanted = {command: package for step in steps for command, package in step.packages.items()}
    missing = packages.missing_packages(wanted)
    if missing and packages.may_install():
        say(f"[packages] {packages.install_command(missing)}")
        packages.install_packages(missing, places.LOGS / "packages.log")


def command_for_root(step: Step) -> str:
    """Return what root has to run so that a step can; empty when it can run now."""
    missing = packages.missing_packages(step.packages)
    if missing:
        return packages.install_command(missing)
    return "make test" if step.needs_root and not packages.is_root() else ""


def run_steps(steps: Sequence[Step], *, leave_out_what_needs_root: bool) -> int:
    """Run steps, print the summary, and return the exit status.

    Args:
        steps: in order; those that need a missing Debian package should come last, because without root the run ends there.
        leave_out_what_needs_root: name such steps at the end and go on (`make test-user`), instead of failing there.
    """
    places.make_places()
    if not leave_out_what_needs_root:
        install_what_is_missing(steps)
    lines: list[Line] = []
    left_out: list[str] = []
    for number, step in enumerate(steps, start=1):
        position = f"[{number}/{len(steps)}]"
        command = command_for_root(step)
        if not command:
            lines.append(run_step(position, step))
            continue
        if leave_out_what_needs_root:
            left_out.append(f"left out: {step.name} (run as root: {command})")
            continue
        say(f"{position} {step.name} ... STOPPED. Run as root: {command}")
        say("    `make test` as root does that itself; `make test-user` runs everything else.")
        lines.append(Line(step.name, Outcome(0, 1, 0, "things"), 0.0))
        break
    return summarise(lines, left_out)


def summarise(lines: Sequence[Line], left_out: Sequence[str]) -> int:
    """Print one line per step and the sums; the sums are the very last line."""
    width = max((len(line.name) for line in lines), default=0)
    say("")
    for line in lines:
        outcome = line.outcome
        mark = "ok    " if outcome.is_ok else "FAILED"
        counts = f"{outcome.passed:5} passed {outcome.failed:3} failed"
        say(f"{mark} {line.name:{width}} {counts} {line.duration_seconds:5.0f} s  {outcome.looked_at} {outcome.unit}")
    for text in left_out:
        say(text)
    passed = sum(line.outcome.passed for line in lines)
    failed = sum(line.outcome.failed for line in lines) + sum(1 for line in lines if not line.outcome.is_ok and not line.outcome.failed)
    say(f"{sum(line.duration_seconds for line in lines):.0f} s in all")
    say(f"{passed} passed, {failed} failed")
    return 0 if lines and failed == 0 else 1
