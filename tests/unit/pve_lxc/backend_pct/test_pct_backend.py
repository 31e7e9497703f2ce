# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PctBackend on the simulated node's commands: which command it runs, and what it does where sudo allows less."""

from __future__ import annotations

import pytest
from cli.node import NodeSettings
from pve_lxc.backend.pct import PctBackend
from pve_lxc.errors import (
    CommandError,
    ProxmoxAPIError,
    ProxmoxConnectionError,
    ProxmoxPermissionError,
    ProxmoxTaskError,
    ProxmoxTimeoutError,
)
from pve_lxc.model.plan import ConfigWrite
from pve_lxc.operations.request import parse_requests
from pve_lxc.operations.resize import resize_containers
from support.node_runner import SimulatedNodeRunner


@pytest.fixture
def backend(runner):
    return PctBackend(runner)


def sudo_backend(simulator, *allowed: str) -> tuple[PctBackend, SimulatedNodeRunner]:
    runner = SimulatedNodeRunner(NodeSettings.of(simulator, is_root=False, allowed_by_sudo=allowed))
    return PctBackend(runner, uses_sudo=True), runner


def first_on(simulator, node: str) -> int:
    return min(
        int(vmid) for vmid, guest in simulator.state()["guests"].items() if guest["node"] == node and guest["type"] == "lxc" and guest["status"] == "running"
    )


def test_reads_go_by_pvesh_and_writes_of_the_own_node_by_pct(simulator, backend, runner):
    digest = backend.read_config("pve1", 101).digest
    backend.write_config("pve1", 101, ConfigWrite({"cores": 3, "memory": 1536}, delete=("cpulimit", "cpuunits")), digest)
    assert runner.ran == [
        "pvesh get /nodes/pve1/lxc/101/config --current 1 --output-format json",
        "uname -n",
        f"pct set 101 --cores 3 --memory 1536 --delete cpulimit --delete cpuunits --digest {digest}",
    ]
    assert backend.read_config("pve1", 101).allocation.cores == 3


def test_container_of_another_node_is_written_by_pvesh(simulator, backend, runner):
    vmid = first_on(simulator, "pve2")
    backend.write_config("pve2", vmid, ConfigWrite({"cores": 3}), "")
    assert runner.ran == ["uname -n", f"pvesh set /nodes/pve2/lxc/{vmid}/config --cores 3 --output-format json"]
    assert simulator.guest(vmid)["config"]["cores"] == "3"


def test_failed_task_of_another_node_is_found_although_pvesh_ends_with_0(simulator, backend):
    vmid = first_on(simulator, "pve2")
    simulator.set_guest(vmid, lock="backup")
    try:
        with pytest.raises(ProxmoxTaskError) as caught:
            backend.change_power("pve2", vmid, "stop", {}, 10)
    finally:
        simulator.set_guest(vmid, lock=None)
    assert caught.value.exit_status == "CT is locked (backup)"
    assert caught.value.upid.startswith("UPID:pve2:")


def test_sudo_stands_before_pct_and_pvesh_and_not_before_what_everybody_may(simulator):
    backend, runner = sudo_backend(simulator, "pct", "pvesh")
    backend.read_config("pve1", 101)
    backend.read_working_set_mib("pve1", 101)
    assert runner.ran == [
        "sudo -n pvesh get /nodes/pve1/lxc/101/config --current 1 --output-format json",
        "uname -n",
        "cat /sys/fs/cgroup/lxc/101/memory.current /sys/fs/cgroup/lxc/101/memory.stat",
    ]


def test_without_sudo_a_user_who_is_not_root_is_told_so(simulator):
    runner = SimulatedNodeRunner(NodeSettings.of(simulator, is_root=False))
    with pytest.raises(ProxmoxPermissionError, match="needs root: log in as root, or set ssh_become to sudo"):
        PctBackend(runner).read_cluster()


def test_pct_alone_is_enough_to_resize_where_sudo_refuses_pvesh(simulator):
    backend, runner = sudo_backend(simulator, "pct")
    outcome = resize_containers(backend, parse_requests({"vmid": 101, "cpuunits": "177"}))[0]
    assert (outcome.is_changed, outcome.is_failed, outcome.reason.value) == (True, False, "resized")
    assert outcome.after.cpuunits == 177
    assert runner.ran == [
        "sudo -n pvesh get /cluster/resources --output-format json",
        "uname -n",
        "sudo -n pct list",
        "sudo -n pvesh get /nodes/pve1/lxc/101/config --current 1 --output-format json",
        "sudo -n pct config 101 --current 1",
        "sudo -n pct set 101 --cpuunits 177",
        "sudo -n pvesh get /nodes/pve1/lxc/101/pending --output-format json",
        "sudo -n pct pending 101",
    ]


def test_what_pct_prints_gives_the_same_configuration_but_for_the_digest(simulator, backend):
    simulator.set_guest(103, config={"description": "first: 1\nsecond"}, raw_lxc=[["lxc.cgroup2.memory.swap.max", "0"]])
    alone, _runner = sudo_backend(simulator, "pct")
    by_pct, by_pvesh = alone.read_config("pve1", 103), backend.read_config("pve1", 103)
    assert dict(by_pct.values) == dict(by_pvesh.values)
    assert (by_pct.allocation, by_pct.tags, by_pct.raw_lxc_keys) == (by_pvesh.allocation, by_pvesh.tags, by_pvesh.raw_lxc_keys)
    assert (by_pct.digest, len(by_pvesh.digest)) == ("", 40)
    assert alone.read_status("pve1", 103) == "running"
    assert alone.read_live_guests("pve1")[103]["status"] == "running"
    assert list(alone.read_cluster().guests) == [vmid for vmid, guest in backend.read_cluster().guests.items() if guest.node == "pve1"]


def test_refused_pvesh_is_tried_once_for_each_kind_of_reading(simulator):
    backend, runner = sudo_backend(simulator, "pct")
    backend.read_config("pve1", 101)
    backend.read_config("pve1", 101)
    assert sum("pvesh" in command for command in runner.ran) == 1


def test_what_pct_cannot_tell_names_the_rule_that_is_missing(simulator):
    backend, _runner = sudo_backend(simulator, "pct")
    with pytest.raises(ProxmoxPermissionError, match="sudo on the node does not allow pvesh get /cluster/status"):
        backend.is_quorate()
    with pytest.raises(ProxmoxPermissionError, match="sudo on the node does not allow pvesh get"):
        backend.read_config("pve2", first_on(simulator, "pve2"))
    nothing, _runner = sudo_backend(simulator)
    with pytest.raises(ProxmoxPermissionError, match="sudo on the node does not allow pvesh get /cluster/resources"):
        nothing.read_cluster()


def test_command_that_could_not_be_started_was_not_sent_and_one_that_was_lost_may_have_been(backend, runner):
    runner.break_next(CommandError("no SSH connection", is_started=False))
    with pytest.raises(ProxmoxConnectionError) as caught:
        backend.read_cluster()
    assert caught.value.is_sent is False
    runner.break_next(CommandError("broke"), when="after")
    with pytest.raises(ProxmoxConnectionError) as caught:
        backend.read_cluster()
    assert caught.value.is_sent is True
    runner.break_next(CommandError("too late", is_deadline=True))
    with pytest.raises(ProxmoxTimeoutError) as caught:
        backend.read_cluster()
    assert caught.value.is_sent is True


def test_write_whose_answer_was_lost_is_settled_by_reading_and_written_once(simulator, runner):
    class LosesTheWrite(SimulatedNodeRunner):
        def run(self, argv, timeout_seconds):
            if argv[:2] == ["pct", "set"]:
                self.break_next(CommandError("the SSH connection broke"), when="after")
            return super().run(argv, timeout_seconds)

    lossy = LosesTheWrite(runner.settings)
    outcome = resize_containers(PctBackend(lossy), parse_requests({"vmid": 101, "swap": "+64"}))[0]
    assert (outcome.is_changed, outcome.is_failed) == (True, False)
    assert sum(command.startswith("pct set") for command in lossy.ran) == 1


def test_working_set_counts_shared_memory_and_is_none_where_it_cannot_be_read(simulator, backend):
    simulator.set_guest(101, config={"memory": 1024}, anon_mib=100, shmem_mib=300, mapped_mib=0, cache_mib=200, slab_mib=20)
    simulator.advance(10)
    assert backend.read_working_set_mib("pve1", 101) == pytest.approx(400, abs=1)
    assert backend.read_cluster().guests[101].memory_bytes / 1024**2 == pytest.approx(100, abs=25)
    assert backend.read_working_set_mib("pve1", 4999) is None
    assert backend.read_working_set_mib("pve2", first_on(simulator, "pve2")) is None


def test_memory_of_a_running_container_shrinks_down_to_its_working_set_and_not_below(simulator, backend):
    simulator.set_guest(101, config={"memory": 1024}, anon_mib=100, shmem_mib=300, mapped_mib=0, cache_mib=200, slab_mib=20)
    simulator.advance(10)
    refused = resize_containers(backend, parse_requests({"vmid": 101, "memory": "440"}))[0]
    assert (refused.is_failed, refused.is_changed, refused.reason.value) == (True, False, "below_working_set")
    assert (
        refused.message
        == "memory is not lowered from 1024 to 440 MiB: its working set is 400 MiB, too close to 440 MiB. Stop the container first, or give force"
    )
    done = resize_containers(backend, parse_requests({"vmid": 101, "memory": "512"}))[0]
    assert (done.is_failed, done.is_changed, done.after.memory_mib, done.transport) == (False, True, 512, "ssh")
    assert simulator.guest(101)["status"] == "running"


def test_an_empty_list_of_containers_is_never_sent(backend, runner):
    with pytest.raises(ValueError, match="an empty list of containers is never sent"):
        backend.change_power_of_many("start", [], {}, 10)
    assert runner.ran == []


def test_output_that_is_no_json_is_an_error_and_not_a_traceback(runner):
    class Chatty(SimulatedNodeRunner):
        def run(self, argv, timeout_seconds):
            return 0, "Welcome to pve1\n", ""

    with pytest.raises(ProxmoxAPIError, match="did not print JSON: 'Welcome to pve1"):
        PctBackend(Chatty(runner.settings)).read_cluster()


def test_close_lets_go_of_the_runner(backend, runner):
    backend.close()
    assert runner.is_closed


def test_local_transport_runs_the_commands_of_this_machine(simulator, tmp_path, monkeypatch):
    from cli.sshd import write_commands
    from pve_lxc.transport.local import LocalRunner

    commands = write_commands(tmp_path, NodeSettings.of(simulator))
    monkeypatch.setenv("PATH", f"{commands}:/usr/bin:/bin")
    outcome = resize_containers(PctBackend(LocalRunner()), parse_requests({"vmid": 101, "cpuunits": "188"}))[0]
    assert (outcome.is_changed, outcome.transport, simulator.guest(101)["config"]["cpuunits"]) == (True, "local", "188")
