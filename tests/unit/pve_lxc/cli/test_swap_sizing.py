# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Swap that is sized, with the real command line against the simulator over TLS: what is done, what is said of it, and whose it is."""

from __future__ import annotations

import io
import json
import ssl
import urllib.parse
import urllib.request

import pytest
from harness import Simulator
from pve_lxc.cli import main
from support.simulated_clock import SimulatedClock

TOKEN = "lxc-autoscale@pve!node-pve1"
BASE = {"cores": 2, "memory": 1024, "net0": "name=eth0,hwaddr=BC:24:11:00:00:01"}
SIZED = (
    "policy: {size_swap: true, memory_grow_only: true, cpu_grow_only: true}\n"
    "bounds: {min_swap_mib: 256, max_memory_mib: 1024}\n"
    "tiers: {roomy: {vmids: [102], bounds: {max_swap_mib: 2048}}}\n"
)


def world(node_swap_mib):
    guests = [
        {"vmid": vmid, "name": f"ct{vmid}", "node": "pve1", "status": "running", "config": {**BASE, **swap, "rootfs": f"local-lvm:vm-{vmid}-disk-0,size=8G"}}
        for vmid, swap in ((101, {}), (102, {"swap": 512}))
    ]
    return {"nodes": [{"name": "pve1", "cpus": 16, "memory_mib": 65536, "swap_mib": node_swap_mib}], "guests": guests}


class Desk:
    """One node and its operator: 101 has no swap and needs none, 102 uses 500 of 512 MiB."""

    def __init__(self, simulator, folder):
        self.simulator, self.folder, self.path = simulator, folder, folder / "config.yaml"
        (folder / "secret").write_text(simulator.tokens[TOKEN])
        self.configure(SIZED)
        for vmid, anon_mib in ((101, 200), (102, 1500)):
            simulator.set_guest(vmid, cpu_cores=0.3, anon_mib=anon_mib, shmem_mib=0, mapped_mib=0, cache_mib=0, slab_mib=0)
        # The simulator writes a key that is not given as 0.
        self.set_by_operator(101, delete="swap")
        simulator.advance(1200)

    def configure(self, text):
        connection = f"host: 127.0.0.1, port: {self.simulator.port}, token_id: '{TOKEN}', token_secret_file: {self.folder}/secret"
        cgroup = f"{self.folder}/cgroup/pve1"
        self.path.write_text(
            f"connection: {{{connection}, ca_file: {self.simulator.ca_path}}}\nnode: pve1\nmode: apply\nstate: {{path: {self.folder}/state.sqlite}}\n"
            f"observe: {{cgroup_root: {cgroup}, proc_root: {cgroup}/proc}}\nmetrics: {{textfile: {self.folder}/loop.prom}}\n{text}"
        )

    def call(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        code = main([*arguments, "--config", str(self.path)], clock=SimulatedClock(self.simulator), out=out, err=err)
        return code, " ".join(out.getvalue().split()), err.getvalue()

    def run(self):
        """Let a minute pass and return what a cycle says of itself."""
        self.simulator.advance(60)
        code, out, err = self.call("run", "--json")
        assert (code, err) == (0, ""), err
        return json.loads(out)

    def set_by_operator(self, vmid, **values):
        """Change a configuration through the API, so that the limit in force follows."""
        request = urllib.request.Request(
            f"{self.simulator.url}/api2/json/nodes/pve1/lxc/{vmid}/config",
            data=urllib.parse.urlencode(values).encode(),
            method="PUT",
            headers=self.simulator.token("root@pam!all"),
        )
        context = ssl.create_default_context(cafile=self.simulator.ca_path)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        with opener.open(request, timeout=60):
            pass

    def swap(self, vmid):
        """Return what the configuration has, and what is in force."""
        guest = self.simulator.guest(vmid)
        return guest["config"].get("swap"), guest["live"]["swap_mib"]


@pytest.fixture
def desk(tmp_path, request):
    (tmp_path / "cgroup").mkdir()
    options = {"world": world(getattr(request, "param", 8192)), "auth_delay": 0.0, "cgroup_root": str(tmp_path / "cgroup")}
    with Simulator(**options) as simulator:
        yield Desk(simulator, tmp_path)


def reasons(result, vmid):
    return {decision["vmid"]: decision for decision in result["decisions"]}[vmid]["reasons"]


def test_swap_is_grown_told_respected_and_put_back(desk):
    assert (desk.swap(101), desk.swap(102)) == ((None, 0), ("512", 512))
    result = desk.run()
    assert [(one["vmid"], one["reason"], one["before"]["swap"], one["after"]["swap"]) for one in result["outcomes"]] == [
        (101, "grow_swap", None, 256),
        (102, "grow_swap", 512, 768),
    ]
    assert (desk.swap(101), desk.swap(102)) == (("256", 256), ("768", 768))
    assert "operator_changed" not in reasons(desk.run(), 101)

    assert "SWAP MiB" in desk.call("history")[1]
    assert "512 -> 768 grow_swap done" in desk.call("history", "102")[1]
    explained = desk.call("explain", "102")[1]
    assert "swap 768 MiB, 476 of it in use; may have 256 to 2048" in explained
    assert "swap 512 MiB" in explained
    metrics = (desk.folder / "loop.prom").read_text()
    assert f'container_swap_limit_bytes{{vmid="102",name="ct102",node="pve1"}} {768 * 2**20}\n' in metrics
    assert "container_swap_max_bytes" in metrics

    desk.set_by_operator(102, swap=600)
    assert reasons(desk.run(), 102)[0] == "operator_changed"
    assert desk.run()["outcomes"] == []
    assert desk.swap(102) == ("600", 600)
    code, out, _err = desk.call("rollback", "102")
    assert (code, "somebody has changed swap since the loop did" in out) == (1, True)
    assert desk.swap(102) == ("600", 600)

    code, out, _err = desk.call("rollback", "101")
    assert (code, "swap 256 -> unset" in out) == (0, True)
    assert desk.swap(101) == (None, 0)
    assert reasons(desk.run(), 101)[0] == "rolled_back"


@pytest.mark.parametrize("desk", [0], indirect=True)
def test_on_a_node_without_swap_nothing_is_done_and_said_why(desk):
    result = desk.run()
    assert result["outcomes"] == []
    assert "no_swap_on_node" in reasons(result, 101)
    assert (desk.swap(101)[0], desk.swap(102)[0]) == (None, "512")


def test_without_the_switch_bounds_alone_do_nothing(desk):
    desk.configure(SIZED.replace("size_swap: true, ", ""))
    result = desk.run()
    assert result["outcomes"] == []
    assert not any("swap" in decision["msg"] or "swap_bounds_mib" in decision for decision in result["decisions"])
    assert "container_swap_limit_bytes{" not in (desk.folder / "loop.prom").read_text()
    desk.set_by_operator(102, swap=600)
    assert "operator_changed" not in reasons(desk.run(), 102)


def test_check_config_says_where_the_switch_and_the_bounds_come_from(desk):
    code, out, _err = desk.call("check-config", "--explain")
    assert code == 0
    assert "policy.size_swap: true from policy.size_swap (line" in out
    assert "bounds.min_swap_mib: 256 from bounds.min_swap_mib (line" in out
    assert "bounds.max_swap_mib: 2048 from tiers.roomy.bounds.max_swap_mib (line" in out
    desk.configure("bounds: {min_swap_mib: 512, max_swap_mib: 256}\n")
    code, _out, err = desk.call("check-config")
    assert (code, "min_swap_mib" in err and "max_swap_mib" in err) == (2, True)
