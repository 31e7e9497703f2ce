# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/design/safety.md names what shows each situation: it must be there, and each test of disasters must be named."""

from __future__ import annotations

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[3]
SAFETY = ROOT / "tests" / "unit" / "pve_lxc" / "safety"
DISK = ROOT / "tests" / "system" / "disk"
# The absence of a notice in an ordinary first run is no situation.
ORDINARY = {"test_state_disasters.py::test_first_run_of_all_has_nothing_to_say_about_its_state"}


def named() -> set[str]:
    """Return every test that a row of the table names."""
    text = (ROOT / "docs" / "design" / "safety.md").read_text(encoding="utf-8")
    return {name for line in text.splitlines() if line.startswith("|") for name in re.findall(r"`([^`]+::[^`]+)`", line)}


def written() -> set[str]:
    """Return every test of the two folders, as the document names it."""
    found = set()
    for folder, prefix in ((SAFETY, ""), (DISK, "tests/system/disk/")):
        for path in folder.glob("test_*.py"):
            found |= {f"{prefix}{path.name}::{name}" for name in re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)}
    return found


def test_every_situation_names_a_test_that_exists() -> None:
    assert len(named()) >= 25
    assert named() - written() == set()


def test_every_test_of_a_disaster_is_named_by_a_situation() -> None:
    assert len(written()) >= 25
    assert written() - named() == ORDINARY
