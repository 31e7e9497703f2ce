# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the modules as Ansible does, in a process of their own, against the simulator."""

from __future__ import annotations

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
TOKEN = "automation@pve!resize"
FAULTS = ("config_readonly", "node_down", "connection_drop", "status_code", "slow")


def _load_harness() -> Any:
    specification = importlib.util.spec_from_file_location("harness", ROOT / "tests" / "simulator" / "harness.py")
    harness = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(harness)
    return harness


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    with _load_harness().Simulator(nodes=3, containers=24, auth_delay=0.1, task_seconds=0.1) as simulator:
        yield simulator


@pytest.fixture
def simulator(cluster: Any) -> Iterator[Any]:
    """The cluster, with every fault switched off again afterwards."""
    yield cluster
    for name in FAULTS:
        cluster.fault(name, on=False)
    cluster.advance(20)


class ModuleRun:
    """Runs modules with a connection to the simulator; ``output`` is everything that the last one wrote."""

    def __init__(self, simulator: Any, folder: pathlib.Path) -> None:
        self.simulator = simulator
        self.folder = folder
        self.environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self.connection: dict[str, Any] = {
            "api_host": simulator.host,
            "api_port": simulator.port,
            "api_token_id": TOKEN,
            "api_token_secret": simulator.tokens[TOKEN],
            "ca_path": str(simulator.ca_path),
        }
        self.output = ""

    def __call__(self, name: str, /, *, is_check: bool = False, is_diff: bool = False, **options: Any) -> dict[str, Any]:
        arguments = {**self.connection, **options, "_ansible_check_mode": is_check, "_ansible_diff": is_diff}
        file = self.folder / "arguments.json"
        file.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}), encoding="utf-8")
        command = [sys.executable, "-m", f"ansible_collections.autoscale.proxmox.plugins.modules.{name}", str(file)]
        done = subprocess.run(command, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.output = done.stdout + done.stderr
        try:
            result = json.loads(done.stdout)
        except json.JSONDecodeError:
            pytest.fail(f"{name} did not answer with JSON:\n{self.output}")
        # ansible-core 2.19 and later wrap each warning; before, it was the text itself.
        result["warnings"] = [entry if isinstance(entry, str) else entry["event"]["msg"] for entry in result.get("warnings", [])]
        return result


@pytest.fixture
def run(simulator: Any, tmp_path: pathlib.Path) -> ModuleRun:
    return ModuleRun(simulator, tmp_path)
