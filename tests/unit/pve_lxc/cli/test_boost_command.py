# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``lxc-autoscale boost`` against the simulator: asked for, listed, carried out by the loop, ended early and on time, refused with a reason."""

from __future__ import annotations

import io
import json

import pytest
from support.simulated_clock import SimulatedClock

TOKEN = "lxc-autoscale@pve!node-pve1"


class Loop:
    """One node with its loop, and one container of it that has been seen."""

    def __init__(self, simulator, folder, cgroup_root):
        self.simulator, self.folder, self.cgroup_root = simulator, folder, cgroup_root
        guests = [guest for guest in simulator.state()["guests"].values() if guest["node"] == "pve1" and guest["type"] == "lxc"]
        self.vmid = min(guest["vmid"] for guest in guests if guest["status"] == "running" and guest["config"].get("cores"))
        self.others = [guest["vmid"] for guest in guests if guest["vmid"] != self.vmid]
        simulator.set_guest(self.vmid, anon_mib=50, shmem_mib=0, cache_mib=0, slab_mib=0, mapped_mib=0)
        simulator.advance(600)

    def configure(self, **changes):
        (self.folder / "secret").write_text(self.simulator.tokens[TOKEN])
        lines = {
            "connection": f"{{host: 127.0.0.1, port: {self.simulator.port}, token_id: '{TOKEN}', token_secret_file: {self.folder}/secret, "
            f"ca_file: {self.simulator.ca_path}, retries: 0}}",
            "node": "pve1",
            "mode": "apply",
            "observe": f"{{cgroup_root: {self.cgroup_root}/pve1, proc_root: {self.cgroup_root}/pve1/proc, bootstrap: false}}",
            "state": f"{{path: {self.folder}/state.sqlite}}",
            **changes,
        }
        (self.folder / "config.yaml").write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))

    def call(self, *arguments):
        from pve_lxc.cli import main

        out, err = io.StringIO(), io.StringIO()
        words = [str(argument) for argument in arguments]
        code = main([*words, "--config", str(self.folder / "config.yaml")], clock=SimulatedClock(self.simulator), out=out, err=err)
        if "--json" not in words:
            assert max((len(line) for line in out.getvalue().splitlines()), default=0) <= 100
        return code, out.getvalue(), err.getvalue()

    def cycle(self, seconds=60):
        self.simulator.advance(seconds)
        code, _out, err = self.call("run")
        assert (code, err) == (0, "")

    def sizes(self):
        values = self.simulator.guest(self.vmid)["config"]
        return int(values["cores"]), int(values["memory"])

    def change(self, **values):
        """Change the container as somebody else would, in Proxmox's words."""
        from pve_lxc.backend.api import get_proxmox_client
        from pve_lxc.model.plan import ConfigWrite

        client = get_proxmox_client(
            host="127.0.0.1",
            port=self.simulator.port,
            token_id="automation@pve!resize",
            token_secret=self.simulator.tokens["automation@pve!resize"],
            ca_path=str(self.simulator.ca_path),
        )
        try:
            client.write_config("pve1", self.vmid, ConfigWrite(values), client.read_config("pve1", self.vmid).digest)
        finally:
            client.close()


@pytest.fixture
def loop(tmp_path):
    from harness import Simulator

    root = tmp_path / "cgroup"
    root.mkdir()
    with Simulator(nodes=2, containers=6, auth_delay=0.01, cgroup_root=str(root), seed=3) as simulator:
        found = Loop(simulator, tmp_path, root)
        found.configure()
        found.cycle()
        yield found


def test_boost_is_carried_out_by_the_next_cycle_listed_and_ends_on_time(loop):
    cores, memory = loop.sizes()
    code, out, err = loop.call("boost", loop.vmid, "--memory-mib", "+256", "--cpu-cores", "+1", "--for", "2h")
    assert (code, err) == (0, "")
    assert f"{loop.vmid}: at least {cores + 1} cores and {memory + 256} MiB until " in out
    assert loop.sizes() == (cores, memory)
    loop.cycle()
    assert loop.sizes() == (cores + 1, memory + 256)
    code, out, _err = loop.call("boost", "--list")
    assert code == 0
    assert str(loop.vmid) in out
    assert f"{cores + 1} cores and {memory + 256} MiB" in out
    listed = json.loads(loop.call("boost", "--list", "--json")[1])["boosts"]
    assert [(one["vmid"], one["is_active"], one["before"]["memory"]) for one in listed] == [(loop.vmid, True, memory)]
    assert "boosted for 2.0 h more" in " ".join(loop.call("explain", loop.vmid)[1].split())
    # The loop stood still at the end: the next cycle ends it.
    loop.cycle(3 * 3600)
    for _step in range(8):
        loop.cycle(660)
    assert loop.sizes() == (cores, memory)
    assert "no container is boosted" in loop.call("boost", "--list")[1]
    reasons = [change["reason"] for change in json.loads(loop.call("history", loop.vmid, "--json")[1])["changes"]]
    assert set(reasons) == {"boosted", "boost_ended"}


def test_boost_is_ended_early(loop):
    before = loop.sizes()
    loop.call("boost", loop.vmid, "--cpu-cores", "+2", "--for", "1d")
    loop.cycle()
    assert loop.sizes()[0] == before[0] + 2
    code, out, _err = loop.call("boost", loop.vmid, "--end")
    assert (code, out) == (0, f"{loop.vmid}: its boost is over; the next cycles take back what it gave, as far as that is not in use\n")
    loop.cycle()
    assert loop.sizes() == before
    loop.cycle()
    assert loop.call("boost", loop.vmid, "--end")[:2] == (1, f"{loop.vmid}: it has no boost\n")


def test_second_boost_during_the_first_remembers_what_was_there_before_both(loop):
    before = loop.sizes()
    loop.call("boost", loop.vmid, "--cpu-cores", "+1", "--for", "1h")
    loop.cycle()
    assert loop.call("boost", loop.vmid, "--cpu-cores", "+1", "--memory-mib", "+64", "--for", "2h")[0] == 0
    loop.cycle()
    assert loop.sizes() == (before[0] + 2, before[1] + 64)
    assert loop.call("boost", loop.vmid, "--end")[0] == 0
    for _step in range(3):
        loop.cycle(660)
    assert loop.sizes() == before


def test_boost_beyond_the_bounds_says_so_and_gives_what_they_allow(loop):
    memory = loop.sizes()[1]
    loop.configure(bounds=f"{{max_memory_mib: {memory + 128}}}")
    loop.cycle()
    code, out, _err = loop.call("boost", loop.vmid, "--memory-mib", "16G", "--for", "1h")
    assert code == 0
    assert f"notice: its bounds allow no more than {memory + 128} MiB (bounds.max_memory_mib)" in out
    loop.cycle()
    assert loop.sizes()[1] == memory + 128


def test_recommending_loop_says_that_it_will_only_say_so(loop):
    loop.configure(mode="recommend")
    before = loop.sizes()
    code, out, _err = loop.call("boost", loop.vmid, "--cpu-cores", "+2", "--for", "1h")
    assert code == 0
    assert "notice: the loop's mode is recommend" in out
    loop.cycle()
    assert loop.sizes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "--memory-mib, --cpu-cores or both are needed; or --end, or --list"),
        (("--cpu-cores", "4"), "how long it lasts must be given, as in 90s, 30m, 2h or 1d"),
        (("--cpu-cores", "+2", "--for", "2"), "--for = 2: how long it lasts must be given"),
        (("--memory-mib=-512", "--for", "2h"), "--memory-mib = -512: a boost only raises"),
        (("--memory-mib", "lots", "--for", "2h"), "--memory-mib = lots: not a size"),
    ],
)
def test_wrong_options_end_with_2_and_say_what_is_allowed(loop, options, message):
    code, out, err = loop.call("boost", loop.vmid, *options)
    assert (code, out) == (2, "")
    assert message in err


def test_what_cannot_be_boosted_ends_with_1_and_says_why(loop):
    ask = ("--cpu-cores", "+2", "--for", "1h")
    assert loop.call("boost", *ask)[:2] == (1, "which container? Give its id, or --list\n")
    assert loop.call("boost", 9876, *ask)[:2] == (1, "9876: not boosted: nothing is known about it: it has not been on node pve1 in any run\n")
    code, out, _err = loop.call("boost", loop.vmid, "--cpu-cores", "0.5", "--for", "1h")
    assert (code, out) == (1, f"{loop.vmid}: not boosted: it has that much already\n")
    code, out, _err = loop.call("boost", loop.vmid, "--cpu-cores", "+2", "--for", "8d")
    assert (code, out) == (1, f"{loop.vmid}: not boosted: at most 168 h are allowed (policy.boost_longest_seconds)\n")
    loop.configure(selection=f"{{ignore_vmids: [{loop.vmid}]}}")
    assert "it is not selected by the configuration" in loop.call("boost", loop.vmid, *ask)[1]


def test_container_that_somebody_has_changed_is_boosted_after_it_was_released(loop):
    ask = ("boost", loop.vmid, "--cpu-cores", "+2", "--for", "1h")
    loop.change(memory=loop.sizes()[1] + 100)
    code, out, _err = loop.call(*ask)
    assert code == 1
    assert "somebody has changed it, and the loop has not seen that yet: try again after the next cycle" in " ".join(out.split())
    loop.cycle()
    code, out, _err = loop.call(*ask)
    assert code == 1
    assert f"`lxc-autoscale release {loop.vmid}` ends that" in " ".join(out.split())
    assert loop.call("release", loop.vmid)[0] == 0
    assert loop.call(*ask)[:1] == (0,)


def test_boost_meets_a_cycle_at_work_and_ends_with_5(loop, tmp_path):
    from pve_lxc.autoscale.lock import hold_lock

    with hold_lock(f"{tmp_path}/state.sqlite.lock"):
        code, _out, err = loop.call("boost", loop.vmid, "--cpu-cores", "+2", "--for", "1h", "--wait", "1")
    assert code == 5
    assert "another run holds the lock" in err
