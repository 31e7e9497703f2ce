# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real play whose API port is closed while it runs, and modules that go over SSH from the start."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import threading
import time
from collections.abc import Mapping

import pytest
from cli.node import NodeSettings
from cli.sshd import Sshd
from harness import Simulator
from support.tcp_gate import TcpGate

ROOT = pathlib.Path(__file__).resolve().parents[3]
TOKEN = "automation@pve!resize"
POLL_SECONDS = 0.05


@pytest.fixture(scope="module")
def collections(tmp_path_factory) -> pathlib.Path:
    """A folder that holds ansible_collections/autoscale/proxmox."""
    folder = tmp_path_factory.mktemp("collections")
    link = folder / "ansible_collections" / "autoscale" / "proxmox"
    link.parent.mkdir(parents=True)
    link.symlink_to(ROOT, target_is_directory=True)
    return folder


@pytest.fixture
def simulator(tmp_path):
    (tmp_path / "cgroup").mkdir()
    with Simulator(nodes=2, containers=6, auth_delay=0.1, task_seconds=0.05, seed=3, cgroup_root=tmp_path / "cgroup") as running:
        running.set_guest(101, config={"cores": 2, "cpuunits": 100, "memory": 1024})
        running.set_guest(102, config={"swap": 256})
        yield running


@pytest.fixture
def sshd(simulator, tmp_path):
    (tmp_path / "sshd").mkdir()
    with Sshd(tmp_path / "sshd", NodeSettings.of(simulator)) as daemon:
        yield daemon


def ssh_options(sshd: Sshd) -> dict[str, object]:
    login = {"ssh_host": sshd.host, "ssh_port": sshd.port, "ssh_user": sshd.user}
    return {**login, "ssh_key_file": sshd.key_file, "ssh_known_hosts": sshd.known_hosts}


def run_playbook(path: pathlib.Path, variables: Mapping[str, object], collections: pathlib.Path, folder: pathlib.Path) -> subprocess.CompletedProcess:
    (folder / "variables.json").write_text(json.dumps(dict(variables)), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PROXMOX_"))}
    environment |= {"ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_HOME": str(folder / "ansible"), "ANSIBLE_NOCOLOR": "1", "COLUMNS": "160"}
    environment |= {"ANSIBLE_LOCALHOST_WARNING": "False", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False", "ANSIBLE_PYTHON_INTERPRETER": sys.executable}
    command = [str(pathlib.Path(sys.executable).with_name("ansible-playbook")), str(path), "-e", f"@{folder / 'variables.json'}"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


def shut_when_asked(gate: TcpGate, file: pathlib.Path, is_over: threading.Event) -> None:
    while not is_over.is_set():
        if file.exists():
            gate.shut()
            return
        time.sleep(POLL_SECONDS)


def test_play_ends_over_ssh_when_the_port_of_the_api_is_closed_while_it_runs(simulator, sshd, collections, tmp_path):
    close_file, is_over = tmp_path / "close", threading.Event()
    with TcpGate(simulator.port) as gate:
        connection = {"api_host": "127.0.0.1", "api_port": gate.port, "api_token_id": TOKEN, "api_token_secret": simulator.tokens[TOKEN]}
        connection |= {"ca_path": str(simulator.ca_path), "api_retries": 1, **ssh_options(sshd)}
        watcher = threading.Thread(target=shut_when_asked, args=(gate, close_file, is_over))
        watcher.start()
        try:
            done = run_playbook(pathlib.Path(__file__).with_name("fallback.yml"), {"proxmox": connection, "close_file": str(close_file)}, collections, tmp_path)
        finally:
            is_over.set()
            watcher.join()
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"before": [\n            "api"\n        ]' in done.stdout
    assert '"after": [\n            "ssh",\n            "ssh",\n            "ssh"\n        ]' in done.stdout
    assert '"changed": [\n            true,\n            true,\n            false\n        ]' in done.stdout
    warnings = " ".join((done.stdout + done.stderr).split())
    # Two tasks found the API gone; Ansible shows the same warning once.
    assert warnings.count("from here on pct is used on the node (ssh)") == 1
    assert {key: simulator.guest(101)["config"][key] for key in ("cores", "cpuunits")} == {"cores": "3", "cpuunits": "152"}
    assert simulator.guest(102)["config"]["swap"] == "320"
    writes = [record["path"].removeprefix("/api2/json") for record in simulator.requests() if record["method"] != "GET"]
    assert sorted(writes) == ["/nodes/pve1/lxc/101/config", "/nodes/pve1/lxc/101/config", "/nodes/pve2/lxc/102/config"]


def run_module(name: str, collections: pathlib.Path, folder: pathlib.Path, **options: object) -> dict:
    (folder / "arguments.json").write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}), encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(collections), *filter(None, sys.path)]), "HOME": str(folder)}
    command = [sys.executable, "-m", f"ansible_collections.autoscale.proxmox.plugins.modules.{name}", str(folder / "arguments.json")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_memory_of_a_running_container_shrinks_over_ssh_without_force_and_not_over_the_api(simulator, sshd, collections, tmp_path):
    simulator.set_guest(101, anon_mib=100, shmem_mib=300, mapped_mib=0, cache_mib=100, slab_mib=0)
    simulator.advance(20)
    api = {"api_host": simulator.host, "api_port": simulator.port, "ca_path": str(simulator.ca_path)}
    api |= {"api_token_id": TOKEN, "api_token_secret": simulator.tokens[TOKEN]}
    refused = run_module("lxc_resize", collections, tmp_path, **api, vmid=101, memory="512")
    assert (refused["failed"], refused["results"][0]["reason"]) == (True, "shmem_unknown")
    too_small = run_module("lxc_resize", collections, tmp_path, transport="ssh", **ssh_options(sshd), vmid=101, memory="440")
    assert (too_small["failed"], too_small["results"][0]["reason"]) == (True, "below_working_set")
    done = run_module("lxc_resize", collections, tmp_path, transport="ssh", **ssh_options(sshd), vmid=101, memory="512")
    assert (done["changed"], done["results"][0]["transport"], done["results"][0]["after"]["memory"]) == (True, "ssh", 512)
    assert simulator.guest(101)["status"] == "running"


def test_memory_shrinks_over_the_api_too_when_the_node_can_be_asked_for_the_working_set(simulator, sshd, collections, tmp_path):
    simulator.set_guest(101, anon_mib=100, shmem_mib=300, mapped_mib=0, cache_mib=100, slab_mib=0)
    simulator.advance(20)
    api = {"api_host": simulator.host, "api_port": simulator.port, "ca_path": str(simulator.ca_path)}
    api |= {"api_token_id": TOKEN, "api_token_secret": simulator.tokens[TOKEN]}
    done = run_module("lxc_resize", collections, tmp_path, **api, **ssh_options(sshd), vmid=101, memory="512")
    assert (done["changed"], done["results"][0]["transport"], done["results"][0]["after"]["memory"]) == (True, "api", 512)


def test_unknown_host_key_fails_the_task_with_what_to_do(simulator, sshd, collections, tmp_path):
    (tmp_path / "empty").write_text("")
    options = {**ssh_options(sshd), "ssh_known_hosts": str(tmp_path / "empty")}
    failed = run_module("lxc_info", collections, tmp_path, transport="ssh", **options)
    assert failed["failed"] is True
    assert "not found in known_hosts; compare its key on the node and add it to known_hosts" in failed["msg"]


def test_user_without_root_and_without_sudo_is_told_so_and_with_sudo_it_works(simulator, sshd, collections, tmp_path):
    sshd.change_node(NodeSettings.of(simulator, is_root=False))
    failed = run_module("lxc_info", collections, tmp_path, transport="ssh", **ssh_options(sshd))
    assert "needs root: log in as root, or set ssh_become to sudo" in failed["msg"]
    works = run_module("lxc_info", collections, tmp_path, transport="ssh", ssh_become="sudo", **ssh_options(sshd), vmids=[101])
    assert works["containers"]["101"]["name"] == simulator.guest(101)["config"]["hostname"]
