# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pytest runs: the library as `pve_lxc`, the modules by Ansible's long name (tests/unit/conftest.py says why), and the jobs of AWX."""

from __future__ import annotations

import pathlib
import xml.etree.ElementTree
from collections.abc import Sequence

from .command import TIMEOUT_SECONDS, run_command
from .step import Outcome

LIBRARY_FOLDER = "tests/unit"
MODULE_FOLDER = "tests/unit/plugins"
AWX_FOLDER = "tests/awx"


def outcome_of_report(report: pathlib.Path) -> Outcome:
    """Return what a JUnit report says. A skipped test counts as failed: it did not show what it is there to show."""
    if not report.exists():
        return Outcome(0, 1, 0, "tests", ("no report was written: the tests did not start",))
    suites = list(xml.etree.ElementTree.parse(report).getroot().iter("testsuite"))
    total = sum(int(suite.get("tests", "0")) for suite in suites)
    bad = sum(int(suite.get(kind, "0")) for suite in suites for kind in ("failures", "errors"))
    skipped = sum(int(suite.get("skipped", "0")) for suite in suites)
    notes = (f"{skipped} skipped tests count as failed",) if skipped else ()
    return Outcome(total - bad - skipped, bad + skipped, total, "tests", notes)


def shared_out(processes: int) -> tuple[str, ...]:
    """Return the options that share the files of a folder out among processes; the tests of one file stay together, because they share what they started."""
    return (f"--numprocesses={processes}", "--dist=loadfile")


# As many as a small machine has cores.
IN_TWO = shared_out(2)


def run_pytest(folder: str, log: pathlib.Path, timeout_seconds: float = TIMEOUT_SECONDS, options: Sequence[str] = ()) -> Outcome:
    """Run the tests of a folder and read pytest's own report."""
    report = log.with_suffix(".xml")
    report.unlink(missing_ok=True)
    done = run_command(["pytest", "-q", "--durations=10", f"--junitxml={report}", *options, folder], log, timeout_seconds=timeout_seconds)
    outcome = outcome_of_report(report)
    if done.is_ok or outcome.failed:
        return outcome
    return Outcome(outcome.passed, 1, outcome.looked_at, "tests", (*outcome.notes, f"pytest ended with status {done.returncode}"))


def unit_library(log: pathlib.Path) -> Outcome:
    return run_pytest(LIBRARY_FOLDER, log, options=IN_TWO)


def unit_modules(log: pathlib.Path) -> Outcome:
    return run_pytest(MODULE_FOLDER, log, options=IN_TWO)


def awx_jobs(log: pathlib.Path) -> Outcome:
    """Run every playbook under ansible-runner, as AWX does."""
    # Each job has a folder and a simulator of its own, so the tests of one file may be shared out.
    return run_pytest(AWX_FOLDER, log, options=("--numprocesses=2", "--dist=load"))
