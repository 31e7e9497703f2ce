# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test sanity without containers, on a copy of the project."""

from __future__ import annotations

import pathlib
import re

from .command import run_command
from .seed_pip import seed_pip
from .step import Outcome
from .tree import make_ansible_tree

# Without these the run would not mean much; ansible-test skips a test that finds no file for it.
REQUIRED_TESTS = {"compile", "import", "pylint", "validate-modules", "ansible-doc", "yamllint", "runtime-metadata", "no-assert"}

# ansible-test leaves this out silently when the program is missing; we have a step of our own for it, which does not.
OWN_STEP = "shellcheck"


def outcome_of_sanity(output: str, returncode: int) -> Outcome:
    """Return what the output of ansible-test sanity says.

    Args:
        output: lines `Running sanity test "NAME"` or `... "NAME" on Python 3.11`, and on failure `The N sanity test(s) listed below`.
        returncode: its exit status.
    """
    started = re.findall(r"^Running sanity test \"([\w-]+)\"", output, flags=re.MULTILINE)
    bad = re.search(r"The (\d+) sanity test\(s\) listed below", output)
    failed = int(bad.group(1)) if bad else int(returncode != 0)
    absent = sorted(REQUIRED_TESTS - set(started))
    notes = re.findall(r"^ERROR: (\S+:\d+:.*)$", output, flags=re.MULTILINE)[:20] + [f"did not run: {name}" for name in absent]
    if "All targets skipped" in output:
        notes.append("ansible-test found nothing to test")
        failed = max(failed, 1)
    failed += len(absent)
    return Outcome(max(len(started) - failed, 0), failed, len(started), "tests", tuple(notes))


def ansible_test_sanity(log: pathlib.Path) -> Outcome:
    seed_pip(log)
    tree = make_ansible_tree(log)
    done = run_command(["ansible-test", "sanity", "--color", "no", "--skip-test", OWN_STEP], log, cwd=tree)
    return outcome_of_sanity(done.output, done.returncode)
