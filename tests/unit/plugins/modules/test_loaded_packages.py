# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that talks to the API loads what that needs and nothing else: start-up is paid by every task of every playbook."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[4]
# Needed only over SSH, by the library for asyncio, for the loop's configuration and for its memory.
UNUSED = ("paramiko", "asyncio", "yaml", "sqlite3")
# Each does its work over the API and changes nothing.
TASKS: dict[str, dict[str, Any]] = {
    "lxc_facts": {"vmids": [101], "gather": ["config"]},
    "lxc_info": {"vmids": [101], "gather": ["config"]},
    "lxc_resize": {"vmid": 101, "cores": "+1"},
    "lxc_power": {"vmids": [101], "state": "restarted"},
    "lxc_clone": {"name": "not-made", "source_vmid": 9000},
}
WRAPPER = """
import atexit, pathlib, runpy, sys
atexit.register(lambda: pathlib.Path(sys.argv[2]).write_text("\\n".join(sorted(sys.modules))))
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def packed_modules(simulator: Any, folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Return each module as Ansible packs it for check mode (AnsiballZ)."""
    token = "automation@pve!resize"
    connection = {
        "api_host": simulator.host,
        "api_port": simulator.port,
        "api_token_id": token,
        "api_token_secret": simulator.tokens[token],
        "ca_path": simulator.ca_path,
    }
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "tasks": [{f"autoscale.proxmox.{name}": {**connection, **options}} for name, options in TASKS.items()],
    }
    (folder / "play.json").write_text(json.dumps([play]), encoding="utf-8")
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": next(path for path in sys.path if (pathlib.Path(path) / "ansible_collections" / "autoscale").is_dir()),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_KEEP_REMOTE_FILES": "1",
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_REMOTE_TMP": str(folder / "packed"),
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "PATH": os.environ["PATH"],
    }
    command = [pathlib.Path(sys.executable).parent / "ansible-playbook", "--check", folder / "play.json"]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: next((folder / "packed").glob(f"*/AnsiballZ_{name}.py")) for name in TASKS}


@pytest.fixture(scope="session")
def loaded(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Return what stood in sys.modules when each module's process ended, after real work in check mode."""
    folder = tmp_path_factory.mktemp("packed")
    found = {}
    for name, path in packed_modules(cluster, folder).items():
        report = folder / f"{name}.txt"
        done = subprocess.run([sys.executable, "-c", WRAPPER, path, report], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout).get("failed", False) is False
        found[name] = set(report.read_text(encoding="utf-8").splitlines())
    return found


def test_every_module_that_acts_has_its_line_here():
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("lxc_*.py")}
    # The loop's two modules keep a state and read a configuration; they are measured by themselves.
    assert modules - {"lxc_autoscale", "lxc_autoscale_engine"} == set(TASKS)


@pytest.mark.parametrize("name", TASKS)
def test_a_module_over_the_api_loads_no_package_that_it_does_not_use(loaded, name):
    assert [package for package in UNUSED if package in loaded[name]] == []
    assert {"requests", "proxmoxer.core"} <= loaded[name]


@pytest.mark.parametrize("name", ["lxc_facts", "lxc_info"])
def test_a_module_that_only_reads_does_not_load_the_operations_that_write(loaded, name):
    operations = {module.rpartition(".")[2] for module in loaded[name] if ".pve_lxc.operations." in module}
    assert {"facts", "find"} <= operations
    assert sorted(module for module in operations if module.startswith(("clone", "power", "resize"))) == []


def test_a_module_does_not_load_the_policy_of_the_loop_or_the_way_over_ssh(loaded):
    others = ("autoscale", "policy.decide", "backend.state", "backend.aio", "backend.pct", "backend.fallback", "transport.ssh")
    for name, modules in loaded.items():
        library = {module.partition(".pve_lxc.")[2] for module in modules if ".pve_lxc." in module}
        assert sorted(module for module in library if module.startswith(others)) == [], name
