# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A room in which the real command line meets a simulated node over TLS, for tests that hurt it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import ssl
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness import Simulator
from support.receivers import WebReceiver, web_receiver

from .runs import Ended, Runs

VMIDS = (101, 102)
TOKEN = "lxc-autoscale@pve!node-pve1"
START_MIB = 1024
_FAULTS = ("config_readonly", "connection_drop", "no_quorum", "pvestatd_stuck", "status_code", "node_down")

# Each container's configuration is read again once an hour, 101's at 1003 s past it and 102's at 906 s; a part takes some minutes.
_QUIET_SECONDS = (1200, 2900)


class LoopRoom:
    """Two containers with 1024 MiB on node pve1, a loop that manages them, and somebody who is told.

    Attributes:
        simulator: the node.
        told: who gets the notifications.
        folder: with configuration and state of the present part of the test.
        now: what the next run's clock shows.
    """

    def __init__(self, folder: Path, simulator: Simulator, runs: Runs, told: WebReceiver) -> None:
        """Take the parts; ``begin`` furnishes the room."""
        self.simulator, self.told = simulator, told
        self._runs, self._top, self._count = runs, folder, 0
        self.folder, self.now = folder, 0.0

    def begin(self, **lines: str) -> None:
        """Begin anew: containers as they were, no state, and a part of the hour in which no configuration is due to be read again.

        Args:
            lines: lines of the configuration to replace.
        """
        for fault in _FAULTS:
            self.simulator.fault(fault, on=False)
        self._count += 1
        self.folder = self._top / f"part-{self._count}"
        self.folder.mkdir()
        self.configure(**lines)
        there = self.simulator.state()["guests"]
        for vmid in VMIDS:
            if there.get(str(vmid), {}).get("node") != "pve1":
                if str(vmid) in there:
                    self.simulator.delete_guest(vmid)
                self.add_guest(vmid, "pve1")
            demand = {"cpu_cores": 0.3, "anon_mib": 200, "shmem_mib": 0, "mapped_mib": 0, "cache_mib": 50, "slab_mib": 10}
            live = self.simulator.set_guest(vmid, lock=None, status="running", **demand)["live"]
            if self.sizes()[vmid] != START_MIB or live["memory_mib"] != START_MIB:
                # By the operator's hand through the API, so that the limit in force follows; another value first, for an equal one changes nothing.
                self.set_by_operator(vmid, memory=START_MIB + 1)
                self.set_by_operator(vmid, memory=START_MIB)
        self.now = self.simulator.advance(60)
        if not _QUIET_SECONDS[0] <= self.now % 3600 <= _QUIET_SECONDS[1]:
            self.now = self.simulator.advance(3600 - self.now % 3600 + _QUIET_SECONDS[0])
        self.simulator.reset_requests()
        self.told.arrived.clear()

    def configure(self, **lines: str) -> None:
        """Write the configuration; keyword arguments replace lines."""
        secret, hook = self.folder / "secret", self.folder / "hook"
        secret.write_text(self.simulator.tokens[TOKEN])
        hook.write_text(f"{self.told.url}/hook")
        cgroup_root = f"{self.simulator.cgroup_root}/pve1"
        all_lines = {
            "connection": f"{{host: 127.0.0.1, port: {self.simulator.port}, token_id: '{TOKEN}', token_secret_file: {secret}, "
            f"ca_file: {self.simulator.ca_path}, retries: 0}}",
            "node": "pve1",
            "mode": "apply",
            "observe": f"{{source: cgroup, bootstrap: false, cgroup_root: {cgroup_root}, proc_root: {cgroup_root}/proc}}",
            "state": f"{{path: {self.state_path}}}",
            "metrics": f"{{textfile: {self.folder}/metrics.prom}}",
            "notify": f"{{hook: {{kind: webhook, secret_file: {hook}, events: [changes, failures, warnings]}}}}",
            **lines,
        }
        (self.folder / "config.yaml").write_text("".join(f"{key}: {value}\n" for key, value in all_lines.items() if value))

    def add_guest(self, vmid: int, node: str) -> None:
        """Make a container that has been running for a day."""
        self.simulator.control("POST", f"/guests/{vmid}", {**_guest(vmid, node), "uptime_seconds": 86400})

    def set_by_operator(self, vmid: int, **values: object) -> None:
        """Change a configuration through the API, as somebody with all rights."""
        data = urllib.parse.urlencode(values).encode()
        url = f"{self.simulator.url}/api2/json/nodes/pve1/lxc/{vmid}/config"
        request = urllib.request.Request(url, data=data, method="PUT", headers=self.simulator.token("root@pam!all"))
        context = ssl.create_default_context(cafile=self.simulator.ca_path)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        with opener.open(request, timeout=60):
            pass

    @property
    def state_path(self) -> Path:
        return self.folder / "state" / "state.sqlite"

    def wait(self, seconds: float = 60.0) -> None:
        """Let time pass, on the node and for the loop."""
        self.now = self.simulator.advance(seconds)

    def need_memory(self, *vmids: int, anon_mib: float = 760) -> None:
        """Let containers use so much memory from now on, and a minute pass."""
        for vmid in vmids:
            self.simulator.set_guest(vmid, anon_mib=anon_mib)
        self.wait()

    def run(self, *argv: str, **wish: Any) -> Ended:
        """Run a command; ``wish`` as for Runs.run."""
        return self._runs.run(*argv, "--config", str(self.folder / "config.yaml"), **{"now": self.now, "path_prefix": str(self.folder), **wish})

    def cycle(self, **wish: Any) -> dict[str, Any]:
        """Run a cycle that comes to its end, and return what it says of itself.

        Raises:
            AssertionError: it ended with another code than 0, or said something to standard error.
        """
        ended = self.run("run", "--json", **wish)
        if (ended.exit_code, ended.err) != (0, ""):
            raise AssertionError(f"the run ended with {ended.exit_code}: {ended.err}")
        result: dict[str, Any] = json.loads(ended.out)
        return result

    def sizes(self) -> dict[int, int]:
        """Return the memory of each container, as Proxmox has it, in MiB."""
        guests = self.simulator.state()["guests"]
        return {vmid: int(guests[str(vmid)]["config"]["memory"]) for vmid in VMIDS if str(vmid) in guests}

    def wait_for_put(self, path: str = "") -> None:
        """Wait until a write that is on its way has arrived: the newest request, of a run that was killed or stands still.

        Raises:
            AssertionError: it did not within ten seconds.
        """
        for _try in range(1000):
            requests = self.simulator.requests()
            if requests and requests[-1]["method"] == "PUT" and path in requests[-1]["path"]:
                return
            time.sleep(0.01)
        raise AssertionError(f"the write to {path} never arrived")

    def writes(self, vmid: int | None = None) -> int:
        """Return how many writes to a container, or to all, Proxmox has carried out since the beginning."""
        paths = [f"/nodes/pve1/lxc/{one}/config" for one in VMIDS if vmid in (None, one)]
        done = [request for request in self.simulator.requests() if request["method"] == "PUT" and request["status"] == 200]
        return sum(request["path"] in paths and TOKEN in str(request) for request in done)

    def changes(self) -> list[dict[str, Any]]:
        """Return the journal's changes, oldest first, read past the loop's own code."""
        return [{**row, "outcome": json.loads(row["outcome_json"]) if row["outcome_json"] else None} for row in self.rows("change", "change_id")]

    def journal(self) -> list[tuple[Any, ...]]:
        """Return of each change vmid, reason of the outcome, whether it was made, and memory before and after in MiB; "open" for one without an end."""
        told = []
        for change in self.changes():
            outcome = change["outcome"]
            values = () if outcome is None else (outcome["reason"], outcome["changed"], outcome["before"]["memory"], outcome["after"]["memory"])
            told.append((change["vmid"], *(values or ("open",))))
        return told

    def rows(self, table: str, order: str) -> list[dict[str, Any]]:
        """Return a table of the state."""
        if not self.state_path.exists():
            return []
        with contextlib.closing(sqlite3.connect(self.state_path)) as connection:
            connection.row_factory = sqlite3.Row
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is None:
                return []
            return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY {order}")]


def _guest(vmid: int, node: str) -> dict[str, Any]:
    config = {"cores": 2, "memory": START_MIB, "swap": 0}
    return {"vmid": vmid, "type": "lxc", "name": f"c{vmid}", "node": node, "config": config, "status": "running"}


@contextlib.contextmanager
def loop_room(folder: Path) -> Iterator[LoopRoom]:
    """Give a room."""
    nodes = [{"name": name, "cpus": 16, "memory_mib": 65536} for name in ("pve1", "pve2")]
    world = {"nodes": nodes, "guests": [_guest(vmid, "pve1") for vmid in VMIDS]}
    with Simulator(world=world, auth_delay=0.05, cgroup_root=str(folder / "cgroup")) as simulator, Runs(folder) as runs, web_receiver() as told:
        yield LoopRoom(folder, simulator, runs, told)
