# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that need Debian packages: a real sshd, a real sudo. They see the project as tests/unit does; `make system` runs them."""

from __future__ import annotations

import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TWINS = ("api", "ssh")


def pytest_configure(config: pytest.Config) -> None:
    sys.path[:0] = [str(folder) for folder in (ROOT / "plugins" / "module_utils", ROOT / "tests", ROOT / "tests" / "simulator")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests of the twin suite passed on each way."""
    passed = [report.nodeid for report in terminalreporter.stats.get("passed", []) if "test_twins" in report.nodeid]
    if passed:
        counts = ", ".join(f"{way} {sum(f'[{way}' in name for name in passed)} passed" for way in TWINS)
        terminalreporter.write_line(f"twin tests: {counts}")
