# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a simulator as a process and controls it. Standard library only, so that anything can import it.

with Simulator(nodes=1, containers=4, auth_delay=0) as simulator:
    simulator.set_guest(101, cpu_cores=1.5)
    simulator.advance(300)
    print(simulator.url, simulator.guest(101)["cpu_used_cores"])
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

FOLDER = Path(__file__).resolve().parent
START_TIMEOUT_SECONDS = 60.0
POLL_SECONDS = 0.02
CONTROL_TIMEOUT_SECONDS = 600.0
STOP_TIMEOUT_SECONDS = 10.0
STDERR_TAIL_CHARACTERS = 3000


class SimulatorError(Exception):
    """The simulator did not start, or refused a control request."""


class Simulator:
    """One simulator process.

    Attributes of the ready file once it runs: ``url``, ``host``, ``port``, ``control_url``, ``ca_path``, ``certificate_path``, ``fingerprint``,
    ``cgroup_root``, ``nodes``, ``users`` (id to password and roles) and ``tokens`` (full token id to secret).
    """

    def __init__(
        self,
        nodes: int = 3,
        containers: int = 24,
        world: str | Path | Mapping[str, Any] | None = None,
        python: str | None = None,
        listeners: Mapping[str, socket.socket] | None = None,
        **options: object,
    ) -> None:
        """Start it and wait until it listens.

        Args:
            nodes: nodes of the default cluster.
            containers: containers of the default cluster.
            world: ``recorded``, a JSON file, or a mapping in the format of that file; None for the default cluster.
            python: interpreter that has aiohttp and trustme; this one by default.
            listeners: by node, listening sockets on which the API is served too as that node; they may be of other network namespaces.
            options: further command line options with underscores, such as ``seed=2``, ``task_seconds=0.1`` or
                ``fault=["node_down=pve2"]``; True gives a bare option, a list repeats it.

        Raises:
            SimulatorError: it ended before it listened, with the tail of what it said.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="simulator-")
        folder = Path(self._folder.name)
        ready_file = folder / "ready.json"
        command = [python or sys.executable, str(FOLDER), "--ready-file", str(ready_file), "--exit-with-parent"]
        command += [f"--nodes={nodes}", f"--containers={containers}"]
        if isinstance(world, Mapping):
            world_file = folder / "world.json"
            world_file.write_text(json.dumps(dict(world)), encoding="utf-8")
            command.append(f"--world={world_file}")
        elif world is not None:
            command.append(f"--world={world}")
        for name, value in options.items():
            command += _to_arguments(name, value)
        inherited = {node: listener.fileno() for node, listener in (listeners or {}).items()}
        command += [f"--listen-fd={node}={number}" for node, number in inherited.items()]
        self._stderr_path = folder / "stderr.txt"
        with self._stderr_path.open("wb") as stderr:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, pass_fds=tuple(inherited.values()))
        try:
            ready = self._wait_until_ready(ready_file)
        except BaseException:
            self.stop()
            raise
        self.url: str = ready["url"]
        self.host: str = ready["host"]
        self.port: int = ready["port"]
        self.control_url: str = ready["control_url"]
        self.ca_path: str = ready["ca_path"]
        self.certificate_path: str = ready["certificate_path"]
        self.fingerprint: str = ready["fingerprint"]
        self.cgroup_root: str | None = ready["cgroup_root"]
        self.nodes: list[str] = ready["nodes"]
        self.users: dict[str, dict[str, Any]] = ready["users"]
        self.tokens: dict[str, str] = ready["tokens"]

    def _wait_until_ready(self, ready_file: Path) -> dict[str, Any]:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not ready_file.exists():
            if self._process.poll() is not None:
                raise SimulatorError(f"the simulator ended with code {self._process.returncode}:\n{self.stderr_tail()}")
            if time.monotonic() > deadline:
                raise SimulatorError(f"the simulator did not listen within {START_TIMEOUT_SECONDS:g} s:\n{self.stderr_tail()}")
            time.sleep(POLL_SECONDS)
        content: dict[str, Any] = json.loads(ready_file.read_text(encoding="utf-8"))
        return content

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop it."""
        self.stop()

    def stderr_tail(self) -> str:
        """Return the end of what the process wrote."""
        return self._stderr_path.read_text(encoding="utf-8", errors="replace")[-STDERR_TAIL_CHARACTERS:]

    def stop(self) -> None:
        """End the process; a second call does nothing."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._folder.cleanup()

    def control(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a control request and return its JSON answer.

        Raises:
            SimulatorError: it was refused, with the reason.
        """
        data = json.dumps(dict(body)).encode() if body is not None else None
        request = urllib.request.Request(self.control_url + path, data=data, method=method, headers={"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=CONTROL_TIMEOUT_SECONDS) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise SimulatorError(f"{method} {path}: {error.read().decode()}") from None

    def advance(self, seconds: float) -> float:
        """Move the simulated time and return the new one, in seconds since the epoch."""
        now: float = self.control("POST", "/advance", {"seconds": seconds})["now"]
        return now

    def state(self) -> dict[str, Any]:
        """Return clock, nodes and guests (by vmid as text), without rights or lag."""
        state: dict[str, Any] = self.control("GET", "/state")
        return state

    def guest(self, vmid: int) -> dict[str, Any]:
        """Return one guest's state."""
        guest: dict[str, Any] = self.state()["guests"][str(vmid)]
        return guest

    def set_guest(self, vmid: int, **fields: object) -> dict[str, Any]:
        """Change a guest from outside the API and return its state; see the README for the fields."""
        guest: dict[str, Any] = self.control("POST", f"/guests/{vmid}", fields)
        return guest

    def delete_guest(self, vmid: int) -> None:
        """Take a guest away."""
        self.control("DELETE", f"/guests/{vmid}")

    def set_node(self, name: str, **fields: object) -> None:
        """Change a node, for example ``cgroup_mode=1``."""
        self.control("POST", f"/nodes/{name}", fields)

    def fault(self, name: str, on: bool = True, **arguments: object) -> None:
        """Switch a fault on or off."""
        self.control("POST", "/faults", {"name": name, "on": on, **arguments})

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the API requests with a higher number, oldest first: method, path, parameters, who, status."""
        records: list[dict[str, Any]] = self.control("GET", f"/requests?since={since}")
        return records

    def reset_requests(self) -> None:
        """Forget the requests so far."""
        self.control("POST", "/requests/reset")

    def token(self, name: str) -> dict[str, str]:
        """Return the Authorization header of a token, by ``user@realm!id``."""
        return {"Authorization": f"PVEAPIToken={name}={self.tokens[name]}"}


def _to_arguments(name: str, value: object) -> list[str]:
    """Return the command line arguments of one option: ``task_seconds=0.1`` gives ``--task-seconds=0.1``."""
    option = "--" + name.replace("_", "-")
    if value is True:
        return [option]
    if value is None or value is False:
        return []
    if isinstance(value, (list, tuple)):
        return [f"{option}={part}" for part in value]
    return [f"{option}={value}"]
