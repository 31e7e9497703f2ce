# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The import contracts refuse what they are there to refuse: each is broken once in a copy of the library."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]

# file of the library -> line added to it -> the contract that must break
VIOLATIONS = [
    ("model/guest.py", "import pve_lxc.ports", "every file stands on its floor and imports downwards only BROKEN"),
    ("newcomer.py", "", "every file stands on its floor and imports downwards only BROKEN"),
    ("backend/__init__.py", "import pve_lxc.policy", "every file stands on its floor and imports downwards only BROKEN"),
    ("autoscale/configuration/__init__.py", "import pve_lxc.autoscale.report", "every room of autoscale imports from rooms below it only BROKEN"),
    ("autoscale/newcomer.py", "", "every room of autoscale imports from rooms below it only BROKEN"),
    ("policy/__init__.py", "import pve_lxc.clock", "policy is pure: no clock, no package, no port, no file, no log, no randomness BROKEN"),
    ("policy/__init__.py", "import logging", "policy is pure: no clock, no package, no port, no file, no log, no randomness BROKEN"),
    ("operations/__init__.py", "import pve_lxc.backend", "operations act through ports, never on a transport or a back end BROKEN"),
    ("transport/__init__.py", "import pve_lxc.model", "transport knows errors and ports, not the records of the domain BROKEN"),
    ("backend/__init__.py", "import proxmoxer", "foreign packages are imported by deps only, and Ansible never BROKEN"),
    ("backend/__init__.py", "import subprocess", "processes are started in transport.local only BROKEN (1 ignored import)"),
]


@pytest.mark.parametrize(("file_name", "line", "verdict"), VIOLATIONS)
def test_contract_breaks_when_a_file_imports_what_its_floor_may_not(tmp_path: pathlib.Path, file_name: str, line: str, verdict: str) -> None:
    library = tmp_path / "pve_lxc"
    shutil.copytree(ROOT / "plugins" / "module_utils" / "pve_lxc", library, ignore=shutil.ignore_patterns("__pycache__"))
    with open(library / file_name, "a", encoding="utf-8") as source:
        source.write(f"\n{line}\n")
    command = [pathlib.Path(sys.executable).parent / "lint-imports", "--config", ROOT / ".importlinter", "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "COLUMNS": "160", "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment)
    assert done.returncode == 1
    assert verdict in done.stdout.splitlines()
