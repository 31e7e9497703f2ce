# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as AWX runs them: the built collection, installed into a private data directory of ansible-runner, against the simulator.

`pytest tests/awx` runs them; it imports neither the library nor the modules, only what starts and looks from outside.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "simulator")]


def run(arguments: list[Any], **variables: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PROXMOX_", "CONTROLLER_"))}
    done = subprocess.run(arguments, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**environment, **variables})
    if done.returncode != 0:
        pytest.fail(f"{arguments}: {done.stdout}{done.stderr}")


@pytest.fixture(scope="session")
def collections(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with the collection as its users get it: built from what git knows, and installed."""
    from ci.tree import copy_project

    folder = tmp_path_factory.mktemp("collection")
    galaxy = str(pathlib.Path(sys.executable).parent / "ansible-galaxy")
    copy_project(folder / "source")
    run([galaxy, "collection", "build", folder / "source", "--output-path", folder / "dist"], ANSIBLE_HOME=str(folder / "home"))
    [tarball] = (folder / "dist").glob("*.tar.gz")
    installed = folder / "requirements_collections"
    run([galaxy, "collection", "install", "--offline", "-p", installed, tarball], ANSIBLE_HOME=str(folder / "home"))
    return installed


@pytest.fixture
def simulator() -> Iterator[Any]:
    from harness import Simulator

    with Simulator(nodes=3, containers=12, auth_delay=0.1, task_seconds=0.1) as running:
        yield running


@pytest.fixture
def job(collections: pathlib.Path, tmp_path: pathlib.Path) -> Any:
    from support.awx_job import JobRunner

    return JobRunner(collections, tmp_path / "private_data")
