# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root file systems that grow, with the real command line against the simulator over TLS: what is missing, what is done, what is said of it."""

from __future__ import annotations

import contextlib
import io
import json

import pytest
from harness import Simulator
from pve_lxc.cli import main
from support.simulated_clock import SimulatedClock

GIB = 2**30
TOKEN = "lxc-autoscale@pve!node-pve1"
WORLD = {
    "nodes": [{"name": "pve1", "cpus": 16, "memory_mib": 65536}],
    "storages": [{"name": "local-lvm", "plugin": "lvmthin", "total_bytes": 200 * GIB, "used_bytes": 50 * GIB}],
    "guests": [
        {
            "vmid": vmid,
            "name": f"ct{vmid}",
            "node": "pve1",
            "status": "running",
            "config": {"cores": 2, "memory": 1024, "swap": 0, "rootfs": f"local-lvm:vm-{vmid}-disk-0,size=8G", "net0": "name=eth0,hwaddr=BC:24:11:00:00:01"},
        }
        for vmid in (101, 102)
    ],
}
# As `lxc-autoscale access --grows-disks` makes them.
RIGHTS = {
    "roles": {
        "LxcAutoscale": ["VM.Audit", "VM.Config.CPU", "VM.Config.Memory", "VM.Config.Disk", "Pool.Audit"],
        "LxcAutoscaleStorage": ["Datastore.AllocateSpace", "Datastore.Audit"],
    },
    "acl": [{"path": "/storage", "ugid": "lxc-autoscale@pve", "roleid": "LxcAutoscaleStorage"}],
}


class Desk:
    """One node and its operator."""

    def __init__(self, simulator, folder):
        self.simulator, self.path = simulator, folder / "config.yaml"
        (folder / "secret").write_text(simulator.tokens[TOKEN])
        connection = f"host: 127.0.0.1, port: {simulator.port}, token_id: '{TOKEN}', token_secret_file: {folder}/secret, ca_file: {simulator.ca_path}"
        self.path.write_text(
            f"connection: {{{connection}}}\nnode: pve1\nmode: apply\npolicy: {{grow_rootfs: true, memory_grow_only: true, cpu_grow_only: true}}\n"
            f"observe: {{cgroup_root: {folder}/cgroup/pve1, proc_root: {folder}/cgroup/pve1/proc}}\nstate: {{path: {folder}/state.sqlite}}\n"
        )

    def call(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        code = main([*arguments, "--config", str(self.path)], clock=SimulatedClock(self.simulator), out=out, err=err)
        text = out.getvalue()
        assert "--json" in arguments or max((len(line) for line in text.splitlines() if "pveum" not in line), default=0) <= 100
        return code, text, err.getvalue()

    def fill(self, vmid, used_gib):
        self.simulator.set_guest(vmid, disk_bytes=int(used_gib * GIB))
        self.simulator.advance(60)

    def rootfs(self, vmid):
        return self.simulator.guest(vmid)["config"]["rootfs"]


@contextlib.contextmanager
def begin(folder, rights):
    (folder / "cgroup").mkdir()
    (folder / "privileges.json").write_text(json.dumps(rights))
    options = {"world": WORLD, "auth_delay": 0.0, "cgroup_root": str(folder / "cgroup"), "privileges": str(folder / "privileges.json")}
    with Simulator(**options) as simulator:
        for vmid in (101, 102):
            simulator.set_guest(vmid, cpu_cores=0.3, anon_mib=200, shmem_mib=0, mapped_mib=0, cache_mib=50, slab_mib=10, disk_bytes=3 * GIB)
        simulator.advance(1200)
        yield Desk(simulator, folder)


@pytest.fixture
def desk(tmp_path):
    with begin(tmp_path, RIGHTS) as desk:
        yield desk


def squeezed(text):
    return " ".join(text.split())


def test_full_root_file_system_is_grown_told_and_not_taken_back(desk):
    assert desk.call("run")[0] == 0
    desk.fill(101, 7.4)
    code, out, err = desk.call("run")
    assert (code, err) == (0, "")
    assert "101 ct101: root file system 8G -> 10G: done (grow_rootfs)" in out
    assert desk.rootfs(101) == "local-lvm:vm-101-disk-0,size=10G"
    assert desk.rootfs(102) == "local-lvm:vm-102-disk-0,size=8G"
    history = desk.call("history")[1]
    assert "DISK" in history.splitlines()[0]
    assert "8G -> 10G" in history
    assert squeezed(history.splitlines()[1]).endswith("8G -> 10G grow_rootfs done")
    explained = squeezed(desk.call("explain", "101")[1])
    assert "disk grow_rootfs: 8G; its root file system is 97 % full, which counts as full: 8G -> 10G" in explained
    assert "8G -> 10G: done" in explained
    assert "root file system 8G -> 10G: grow_rootfs, done" in squeezed(desk.call("status")[1])
    code, out, _err = desk.call("rollback", "101")
    assert code == 1
    assert "FAILED (cannot_shrink)" in out
    assert "because a disk cannot shrink" in squeezed(out)
    desk.fill(101, 7.4)
    assert desk.call("run")[0] == 0
    assert desk.rootfs(101) == "local-lvm:vm-101-disk-0,size=10G"


def test_recommend_shows_it_and_writes_nothing(desk):
    desk.fill(101, 7.4)
    desk.simulator.reset_requests()
    code, out, _err = desk.call("recommend")
    assert code == 0
    assert "root file system 8G -> 10G: would be (grow_rootfs)" in out
    assert {request["method"] for request in desk.simulator.requests()} == {"GET"}
    shown = json.loads(desk.call("recommend", "--json")[1])
    assert shown["decisions"][0]["rootfs"]["target"] == "10G"
    assert shown["decisions"][1]["rootfs"] == {
        "change": False, "reason": "within_band", "msg": "its root file system is 39 % full", "before": "8G", "target": "8G", "used_share": 0.3945
    }  # fmt: skip


def test_cycle_without_a_growth_is_one_request(desk):
    desk.call("run")
    desk.simulator.advance(60)
    desk.simulator.reset_requests()
    desk.call("run")
    assert [request["path"] for request in desk.simulator.requests()] == ["/cluster/resources"]


def test_check_finds_the_rights_of_the_storage_there(desk):
    code, out, _err = desk.call("check")
    assert code == 0, out


def test_without_the_rights_check_says_how_to_give_them_and_nothing_grows(tmp_path):
    with begin(tmp_path, {}) as desk:
        desk.fill(101, 7.4)
        code, out, _err = desk.call("check")
        assert code == 4
        assert "missing: VM.Config.Disk on /vms/101, /vms/102: without it its root file system cannot be grown" in squeezed(out)
        assert "missing: Datastore.AllocateSpace on /storage/local-lvm: without it no disk on it can be grown" in squeezed(out)
        assert "pveum acl modify /storage --users lxc-autoscale@pve --roles LxcAutoscaleStorage" in squeezed(out)
        code, out, _err = desk.call("run", "--json")
        assert code == 0
        choice = json.loads(out)["decisions"][0]["rootfs"]
        assert choice["reason"] == "not_measured"
        assert "the privilege Datastore.Audit" in choice["msg"]
        assert desk.rootfs(101) == "local-lvm:vm-101-disk-0,size=8G"
