# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Booted Debians that are the nodes of one simulated cluster, and the playbooks that are run on them."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from ci import places
from harness import Simulator

from .machine import Machine, make_key, require_tools, take_leftovers_away
from .namespace import listen_inside
from .stand_in import API_PORT, CGROUP_ROOT, make_stand_in

PVE_VERSIONS = {"bookworm": "8.4.14", "trixie": "9.2.11"}
PLAYBOOK_TIMEOUT_SECONDS = 600.0
POLL_SECONDS = 0.25
NODE_MEMORY_MIB = 32768
SHIPPED_FOLDERS = ("meta", "playbooks", "plugins", "roles")
# Nobody but root: everybody else is made by what is tested.
IDENTITIES = {"users": {"root@pam": {}}, "tokens": {"root@pam!all": {"secret": "11111111-2222-4333-8444-555555555555", "privsep": False}}}


def node_name(suite: str) -> str:
    """Return the name of the node that runs a Debian release: pve-trixie."""
    return f"pve-{suite}"


def copy_collection(folder: pathlib.Path) -> pathlib.Path:
    """Copy what a user of the collection gets below a folder for Ansible, so that edits of the checkout do not reach a run; return where it is."""
    target = folder / "ansible_collections" / places.NAMESPACE / places.NAME
    for name in SHIPPED_FOLDERS:
        shutil.copytree(places.ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(places.ROOT / "galaxy.yml", target / "galaxy.yml")
    return target


def make_world(suites: Sequence[str]) -> dict[str, Any]:
    """Return a cluster with a node per Debian release; the first has the containers 101 and 102, the second 201 and 202, and so on.

    Each has 2 cores and 512 MiB, needs 0.2 cores and 160 MiB, and runs since a week.
    """
    guests = [
        {
            "vmid": 100 * number + place,
            "name": f"{name}{number}",
            "node": node_name(suite),
            "status": "running",
            "uptime_seconds": 7 * 86400,
            "config": {"cores": 2, "memory": 512, "net0": f"name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:0{number}:0{place},ip=dhcp,type=veth"},
            **{"cpu_cores": 0.2, "anon_mib": 128, "mapped_mib": 32, "cache_mib": 32, "slab_mib": 8},
        }
        for number, suite in enumerate(suites, 1)
        for place, name in enumerate(("web", "database"), 1)
    ]
    nodes = [
        {"name": node_name(suite), "version": PVE_VERSIONS[suite], "cpus": 8, "memory_mib": NODE_MEMORY_MIB, "address": f"10.99.0.{number}"}
        for number, suite in enumerate(suites, 1)
    ]
    return {"nodes": nodes, "guests": guests, "identities": IDENTITIES}


class BootedCluster:
    """Machines and the simulator that answers on port 8006 of each; use it as a context.

    Attributes:
        simulator: moves in real time; set_guest() changes a container's load.
        machines: by name of their node.
        collection: a copy of the collection, from which playbooks run; a test may make an older or a newer version of it.
    """

    def __init__(self, suites: Sequence[str], **world: Any) -> None:
        """Boot one machine per Debian release, start the simulator and make each machine a node.

        Args:
            suites: Debian releases, each once.
            world: keys of the simulator's world that are different from make_world's.
        """
        require_tools()
        take_leftovers_away()
        self._stack = contextlib.ExitStack()
        self.machines: dict[str, Machine] = {}
        try:
            self._folder = pathlib.Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="lxcas-")))
            self._key = make_key(self._folder)
            self.collection = copy_collection(self._folder / "collections")
            for suite in suites:
                self._boot(suite)
            self.simulator = self._start_simulator({**make_world(suites), **world})
            for name, machine in self.machines.items():
                machine.unpack(make_stand_in(self.simulator, name, PVE_VERSIONS[machine.suite]))
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Take everything away."""
        self._stack.close()

    def _boot(self, suite: str) -> None:
        name = node_name(suite)
        files = self._folder / "cgroup" / name
        files.mkdir(parents=True)
        machine = Machine(suite, name, self._key, [f"--bind={files}:{CGROUP_ROOT}"])
        self._stack.callback(machine.down)
        self.machines[name] = machine

    def _start_simulator(self, world: Mapping[str, Any]) -> Simulator:
        listeners = {name: listen_inside(machine.namespace, "0.0.0.0", API_PORT) for name, machine in self.machines.items()}
        try:
            simulator = Simulator(
                world=world,
                listeners=listeners,
                cgroup_root=self._folder / "cgroup",
                real_time=True,
                start_time=time.time(),
                auth_delay=0,
                task_seconds=0.1,
            )
        finally:
            for listener in listeners.values():
                listener.close()
        self._stack.callback(simulator.stop)
        return simulator

    def inventory(self, hosts: Mapping[str, Mapping[str, Any]] | None = None) -> pathlib.Path:
        """Write an inventory with the machines by their nodes' names, and with further hosts by name and variables."""
        options = " ".join(next(iter(self.machines.values())).ssh_options)
        usual = {"ansible_user": "root", "ansible_python_interpreter": "/usr/bin/python3", "ansible_ssh_common_args": options}
        own = {name: {"ansible_host": machine.address} for name, machine in self.machines.items()}
        hosts = {name: {**usual, **variables} for name, variables in {**own, **(hosts or {})}.items()}
        path = self._folder / "hosts.json"
        path.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
        return path

    def playbook(self, name: str, *arguments: str, hosts: Mapping[str, Mapping[str, Any]] | None = None, **variables: Any) -> subprocess.CompletedProcess[str]:
        """Run a playbook of the collection on all machines, or any by its path.

        Args:
            name: such as "autoscale_install", or a path that ends in .yml.
            arguments: of ansible-playbook, such as "--check".
            hosts: further hosts, name to variables such as ansible_host; another name and other variables of a machine are a host of its own.
            variables: extra variables.
        """
        environment = places.tool_environment(
            ANSIBLE_COLLECTIONS_PATH=str(self._folder / "collections"),
            ANSIBLE_HOST_KEY_CHECKING="False",
            ANSIBLE_PIPELINING="1",
            ANSIBLE_SSH_CONTROL_PATH_DIR=str(self._folder / "cp"),
        )
        words = [str(pathlib.Path(sys.executable).parent / "ansible-playbook"), "--inventory", str(self.inventory(hosts))]
        words += ["--extra-vars", json.dumps(variables), *arguments, name if name.endswith(".yml") else f"{places.COLLECTION}.{name}"]
        return subprocess.run(words, check=False, text=True, stdin=subprocess.DEVNULL, capture_output=True, env=environment, timeout=PLAYBOOK_TIMEOUT_SECONDS)


def wait_for(what: str, look: Callable[[], Any], is_there: Callable[[Any], bool], seconds: float = 60.0) -> Any:
    """Look until something is there and return it.

    Raises:
        AssertionError: it was not there in time, with what was seen last.
    """
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if is_there(seen):
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s for {what}; last seen: {seen}")
        time.sleep(POLL_SECONDS)
