# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests that need Debian packages: a real sshd that serves the user who runs them, a browser; the real sudo and booted Debians, for root only."""

from __future__ import annotations

import dataclasses
import pathlib
import re

from .step import Outcome
from .unit_steps import IN_TWO, run_pytest, shared_out

SSH_FOLDER = "tests/system/ssh"
SUDO_FOLDER = "tests/system/sudo"
DISK_FOLDER = "tests/system/disk"
NODE_FOLDER = "tests/system/node"
BROWSER_FOLDER = "tests/system/browser"
# Machines boot, playbooks run, and some things are waited for: minutes on a quiet machine, and far more on a busy one.
NODE_TIMEOUT_SECONDS = 2700.0
# One more than a small machine has cores: the whole way waits for timers most of the time. Whatever runs beside it takes its share of the cores from it.
NODE_PROCESSES = 3


def ssh_tests(log: pathlib.Path) -> Outcome:
    """Run the tests against a real sshd; how many of the twin tests passed on each way is a note."""
    outcome = run_pytest(SSH_FOLDER, log, options=IN_TWO)
    counts = re.search(r"^twin tests: (.*)$", log.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    note = counts.group(0) if counts else "the twin tests said nothing"
    return dataclasses.replace(outcome, notes=(*outcome.notes, note))


def sudo_tests(log: pathlib.Path) -> Outcome:
    return run_pytest(SUDO_FOLDER, log)


def browser_tests(log: pathlib.Path) -> Outcome:
    """Show the report in a headless Chromium, which needs neither a network nor a screen."""
    return run_pytest(BROWSER_FOLDER, log)


def disk_tests(log: pathlib.Path) -> Outcome:
    """Run the loop on a disk that is full; only root can mount one."""
    return run_pytest(DISK_FOLDER, log)


def node_tests(log: pathlib.Path) -> Outcome:
    """Run the playbooks on booted Debians; the lines that the tests want to be read are notes, among them where the transcript is."""
    outcome = run_pytest(NODE_FOLDER, log, NODE_TIMEOUT_SECONDS, shared_out(NODE_PROCESSES))
    text = log.read_text(encoding="utf-8", errors="replace")
    notes = list(dict.fromkeys(re.findall(r"^(?:transcript|node tests|systemd-analyze security): .*$", text, re.MULTILINE)))
    return dataclasses.replace(outcome, notes=(*outcome.notes, *(notes or ["the tests on booted Debians said nothing"])))
