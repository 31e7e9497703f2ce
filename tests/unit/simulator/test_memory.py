# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

CONFIG = "/nodes/pve1/lxc/101/config"
MIB = 1024 * 1024


def test_mem_of_the_api_leaves_out_shared_memory(simulate_one) -> None:
    client = simulate_one({"anon_mib": 65, "shmem_mib": 400, "cache_mib": 20, "slab_mib": 0})
    client.simulator.advance(10)
    assert client.resource(101)["mem"] == 65 * MIB
    guest = client.simulator.guest(101)
    assert [guest["memory_api_mib"], guest["memory_working_set_mib"], guest["memory_current_mib"]] == [65, 465, 485]


def test_shrinking_below_what_is_in_use_saves_the_value_and_kills_at_once(simulate_one) -> None:
    client = simulate_one({"anon_mib": 300})
    assert client.put(CONFIG, memory=256) == (200, "OK")
    assert client.get(CONFIG)["memory"] == 256
    guest = client.simulator.guest(101)
    assert [guest["oom_kills"], guest["status"], guest["is_service_down"], guest["live"]["memory_mib"]] == [1, "running", True, 256]


def test_shrinking_far_below_what_is_in_use_stops_the_container_as_recorded(simulate_one) -> None:
    client = simulate_one({"anon_mib": 78})
    assert client.put(CONFIG, memory=32) == (200, "OK")
    guest = client.simulator.guest(101)
    assert [guest["oom_kills"], guest["status"]] == [2, "stopped"]
    assert client.get("/nodes/pve1/lxc/101/status/current")["mem"] == 0


def test_shared_memory_cannot_be_killed_away(simulate_one) -> None:
    client = simulate_one({"anon_mib": 65, "shmem_mib": 400})
    client.put(CONFIG, memory=384)
    assert client.simulator.guest(101)["status"] == "stopped"


def test_a_legacy_node_refuses_to_shrink_below_what_is_in_use(simulate_one) -> None:
    client = simulate_one({"anon_mib": 300})
    client.simulator.set_node("pve1", cgroup_mode=1)
    status, reason, body = client.send("PUT", CONFIG, {"memory": 256})
    assert (status, reason) == (400, "Parameter verification failed.")
    text = "unable to hotplug memory: closing file '/sys/fs/cgroup/memory//lxc/101/memory.limit_in_bytes' failed - Device or resource busy\n"
    assert body["errors"] == {"memory": text}
    assert [client.get(CONFIG)["memory"], client.simulator.guest(101)["oom_kills"]] == [512, 0]


@pytest.mark.parametrize(("swap_mib", "kills"), [(0, 3), (128, 0)])
def test_demand_above_the_limit_is_one_kill_per_trace_step_unless_swap_takes_it(simulate, tmp_path: Path, swap_mib: int, kills: int) -> None:
    (tmp_path / "growing.csv").write_text("# step_s: 300\n0,,100\n300,,600\n600,,600\n900,,600\n1200,,100\n1500,,100\n", encoding="utf-8")
    guest = {"vmid": 101, "status": "running", "config": {"arch": "amd64", "cores": 1, "memory": 512, "swap": swap_mib}, "memory_trace": "growing"}
    world = {"nodes": [{"name": "pve1", "cpus": 4, "memory_mib": 8192, "swap_mib": 1024}], "guests": [guest]}
    client = simulate(world=world, traces=tmp_path)
    client.simulator.advance(1200)
    assert client.simulator.guest(101)["oom_kills"] == kills
    client.simulator.advance(300)
    after = client.simulator.guest(101)
    assert [after["oom_kills"], after["status"], after["is_service_down"], after["memory_working_set_mib"]] == [kills, "running", False, 100]


def test_swap_counts_only_when_the_host_has_some(simulate_one) -> None:
    client = simulate_one({"anon_mib": 100, "config": {"arch": "amd64", "cores": 2, "memory": 512, "swap": 512}})
    assert client.simulator.set_guest(101, anon_mib=600)["oom_kills"] == 1


def test_mapped_files_that_do_not_fit_come_back_as_refaults_without_a_kill(simulate_one, tmp_path: Path) -> None:
    client = simulate_one({"anon_mib": 200, "mapped_mib": 400}, cgroup_root=tmp_path)
    client.simulator.advance(60)
    assert client.simulator.guest(101)["oom_kills"] == 0
    stat = dict(line.split() for line in (tmp_path / "pve1/lxc/101/memory.stat").read_text().splitlines())
    assert [stat["file_mapped"], stat["workingset_refault_file"]] == [str(312 * MIB), str(88 * 20 * 60)]


def test_removing_swap_together_with_memory_leaves_the_live_memory_as_it_was(simulate_one) -> None:
    client = simulate_one({"config": {"arch": "amd64", "cores": 2, "memory": 512, "swap": 64}})
    assert client.put(CONFIG, memory=640, delete="swap") == (200, "OK")
    assert [client.get(CONFIG)["memory"], client.simulator.guest(101)["live"]["memory_mib"]] == [640, 512]


def test_memory_pressure_rises_from_ninety_per_cent_of_the_limit(simulate_one) -> None:
    client = simulate_one({"anon_mib": 0.95 * 512, "cache_mib": 0, "slab_mib": 0})
    client.simulator.advance(600)
    assert client.get("/nodes/pve1/lxc")[0]["pressurememorysome"] == "2.50"
