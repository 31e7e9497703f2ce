# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

CONFIG = "/nodes/pve1/lxc/101/config"
MIB = 1024 * 1024


def read_pairs(path: Path) -> dict[str, int]:
    return {name: int(value) for name, value in (line.split() for line in path.read_text(encoding="ascii").splitlines())}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cgroup" / "pve1" / "lxc" / "101"


@pytest.fixture
def client(simulate_one, tmp_path: Path):
    guest = {"anon_mib": 200, "shmem_mib": 30, "mapped_mib": 50, "cache_mib": 80, "slab_mib": 12, "cpu_cores": 3.0}
    return simulate_one(guest, cgroup_root=tmp_path / "cgroup")


def test_the_files_agree_with_the_figures_of_the_api(client, folder: Path) -> None:
    client.simulator.advance(300)
    current = int((folder / "memory.current").read_text())
    stat = read_pairs(folder / "memory.stat")
    assert current == (200 + 50 + 80 + 12) * MIB
    assert current - stat["file"] == client.get("/nodes/pve1/lxc")[0]["mem"]
    working_set = current - stat["slab_reclaimable"] - (stat["file"] - max(stat["shmem"], stat["file_mapped"]))
    assert working_set == 250 * MIB == client.simulator.guest(101)["memory_working_set_mib"] * MIB


def test_counters_are_cumulative_and_pressure_has_averages_and_total(client, folder: Path) -> None:
    client.simulator.advance(300)
    assert read_pairs(folder / "cpu.stat")["usage_usec"] == 600_000_000
    assert (folder / "cpu.pressure").read_text().splitlines()[0] == "some avg10=100.00 avg60=99.33 avg300=63.21 total=300000000"
    client.simulator.advance(300)
    assert read_pairs(folder / "cpu.stat")["usage_usec"] == 1_200_000_000


def test_hot_plug_changes_the_limit_files_within_the_call(client, folder: Path) -> None:
    client.put(CONFIG, memory=256, cpulimit=0.5)
    assert (folder / "memory.max").read_text() == "268435456\n"
    assert (folder / "memory.high").read_text() == "266338304\n"
    assert (folder / "cpu.max").read_text() == "50000 100000\n"


def test_cores_change_the_cpuset_file_only_with_the_next_report(client, folder: Path) -> None:
    client.put(CONFIG, cores=4)
    assert (folder / "cpuset.cpus").read_text() == "0-1\n"
    client.simulator.advance(10)
    assert (folder / "cpuset.cpus").read_text() == "0-3\n"


def test_a_kill_shows_in_both_event_files(client, folder: Path) -> None:
    client.put(CONFIG, memory=200)
    for name in ("memory.events", "memory.events.local"):
        events = read_pairs(folder / name)
        assert (events["oom"], events["oom_kill"]) == (1, 1)


def test_a_stop_removes_the_folder_and_a_start_counts_anew(client, folder: Path) -> None:
    client.simulator.advance(300)
    client.simulator.set_guest(101, status="stopped")
    assert not folder.exists()
    client.simulator.set_guest(101, status="running")
    assert read_pairs(folder / "cpu.stat")["usage_usec"] == 0


def test_a_frozen_container_says_so(client, folder: Path) -> None:
    client.simulator.set_guest(101, is_frozen=True)
    assert (folder / "cgroup.events").read_text() == "populated 1\nfrozen 1\n"


def test_the_host_has_memory_and_pressure_files(client, folder: Path) -> None:
    host = folder.parents[1]
    assert "memory" in (host / "cgroup.controllers").read_text().split()
    assert (host / "proc" / "meminfo").read_text().splitlines()[0] == "MemTotal:        8388608 kB"
    assert (host / "proc" / "pressure" / "memory").read_text().startswith("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n")
