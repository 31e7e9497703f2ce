# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Booted Debians in the part of Proxmox VE nodes; README.md in this folder says what they have."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from support.booted.cluster import BootedCluster

SUITES = tuple(os.environ.get("SYSTEM_SUITES", "bookworm trixie").split())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests passed on booted machines, which releases were booted, and where the transcript of the whole way is."""
    from ci import places

    reports = [report for report in terminalreporter.stats.get("passed", []) if "system/node" in report.nodeid]
    passed = [report.nodeid for report in reports]
    if not passed:
        return
    # What a test records as "shown" is printed here, because tests may run in processes of their own.
    for line in [text for report in reports for name, text in report.user_properties if name == "shown"]:
        terminalreporter.write_line(line)
    terminalreporter.write_line(f"node tests: {len(passed)} passed on booted {' and '.join(SUITES)}")
    if any("test_whole_way" in name for name in passed):
        terminalreporter.write_line(f"transcript: {(places.LOGS / 'whole-way.txt').relative_to(places.ROOT)}")


@pytest.fixture(scope="session")
def suites() -> tuple[str, ...]:
    """The Debian releases that are tested."""
    return SUITES


@pytest.fixture(params=SUITES)
def suite(request: pytest.FixtureRequest) -> str:
    """One Debian release after the other."""
    return str(request.param)


def _boot_many() -> Iterator[Callable[..., BootedCluster]]:
    # The folders of the project are put on the path only after the first conftest files were read.
    from support.booted.cluster import BootedCluster

    with ExitStack() as stack:

        def boot(*suites: str, **world: Any) -> BootedCluster:
            return stack.enter_context(BootedCluster(suites, **world))

        yield boot


@pytest.fixture
def boot() -> Iterator[Callable[..., BootedCluster]]:
    """Boot a fresh cluster with a node per named release: ``boot("trixie")``; it is gone after the test."""
    yield from _boot_many()


@pytest.fixture(scope="module")
def boot_for_module() -> Iterator[Callable[..., BootedCluster]]:
    """The same, gone after the last test of the file."""
    yield from _boot_many()
