# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's files, written as the kernel writes them, and what is made of two readings."""

from __future__ import annotations

import math

import pytest

MIB = 1024 * 1024


def write_container(
    root, vmid=101, *, usage_usec=0, anon=200, file=300, shmem=100, mapped=50, slab=50, oom_local=0, oom_kill=0, frozen=0, periods=None, **more
):
    folder = root / "lxc" / str(vmid)
    folder.mkdir(parents=True, exist_ok=True)
    (root / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    files = {
        "memory.current": f"{(anon + file + slab) * MIB}\n",
        "memory.max": f"{1024 * MIB}\n",
        "memory.swap.current": f"{8 * MIB}\n",
        "memory.stat": f"anon {anon * MIB}\nfile {file * MIB}\nshmem {shmem * MIB}\nfile_mapped {mapped * MIB}\n"
        f"slab_reclaimable {slab * MIB}\nworkingset_refault_file {more.get('refaults', 600)}\n{more.get('swap_lines', '')}",
        "memory.events": f"low 0\nhigh 0\nmax 3\noom {more.get('any_oom', oom_local)}\noom_kill {oom_kill}\n",
        "memory.events.local": f"low 0\nhigh 0\nmax 3\noom {oom_local}\noom_kill 0\n",
        "memory.pressure": "some avg10=2.00 avg60=1.25 avg300=0.50 total=1000\nfull avg10=1.00 avg60=0.25 avg300=0.10 total=500\n",
        "cpu.pressure": "some avg10=12.50 avg60=3.00 avg300=1.00 total=9000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
        "io.pressure": "some avg10=0.40 avg60=0.20 avg300=0.10 total=70\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
        "cpu.stat": f"usage_usec {usage_usec}\nuser_usec {usage_usec}\nsystem_usec 0\n",
        "cpu.max": "150000 100000\n",
        "cgroup.events": f"populated 1\nfrozen {frozen}\n",
    }
    if periods is not None:
        files["cpu.stat"] += f"nr_periods {periods[0]}\nnr_throttled {periods[1]}\nthrottled_usec 0\n"
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def guest():
    from pve_lxc.model.guest import Guest

    return Guest(101, "web", "pve1", "running", cpu_ratio=0.5, max_cpu=2.0, uptime_seconds=7000.0)


@pytest.fixture
def usage(tmp_path):
    from pve_lxc.backend.cgroup import CgroupUsage

    return CgroupUsage(str(tmp_path), str(tmp_path / "proc"))


def test_first_reading_has_memory_but_no_cpu_and_no_kills(tmp_path, usage, guest):
    write_container(tmp_path, usage_usec=10_000_000)
    sample = usage.read_samples([guest], 1000.0)[101]
    # current 550 - slab 50 - (file 300 - max(shmem 100, mapped 50)) = 300
    assert sample.memory_mib == 300.0
    assert (sample.cpu_cores, sample.interval_seconds, sample.own_oom_kills) == (None, None, None)
    assert str(sample.memory_source) == "cgroup"
    assert (sample.live_memory_max_mib, sample.live_cpu_max_cores, sample.swap_mib) == (1024.0, 1.5, 8.0)
    assert (sample.memory_pressure_percent, sample.memory_full_percent, sample.cpu_pressure_percent, sample.io_pressure_percent) == (1.25, 0.25, 12.5, 0.4)


def test_second_reading_has_the_interval_s_average_and_the_lists_peak(tmp_path, usage, guest):
    write_container(tmp_path, usage_usec=10_000_000)
    usage.read_samples([guest], 1000.0)
    write_container(tmp_path, usage_usec=40_000_000)
    sample = usage.read_samples([guest], 1060.0)[101]
    assert (sample.interval_seconds, sample.cpu_cores) == (60.0, 0.5)
    assert sample.cpu_peak_cores == 1.0
    assert (sample.own_oom_kills, sample.foreign_oom_kills, sample.refault_pages_per_second) == (0, 0, 0.0)


def test_share_of_periods_without_quota_left_is_the_interval_s_own(tmp_path, usage, guest):
    write_container(tmp_path, usage_usec=0, periods=(1000, 900))
    assert usage.read_samples([guest], 1000.0)[101].cpu_throttled_ratio is None
    write_container(tmp_path, usage_usec=30_000_000, periods=(1600, 1020))
    assert usage.read_samples([guest], 1060.0)[101].cpu_throttled_ratio == 0.2


def test_container_without_a_quota_has_no_share_of_throttled_periods(tmp_path, usage, guest):
    write_container(tmp_path, usage_usec=0)
    usage.read_samples([guest], 1000.0)
    write_container(tmp_path, usage_usec=30_000_000)
    assert usage.read_samples([guest], 1060.0)[101].cpu_throttled_ratio is None


def test_counters_survive_the_process_through_json(tmp_path, usage, guest):
    import json

    from pve_lxc.backend.cgroup import CgroupUsage

    write_container(tmp_path, usage_usec=10_000_000)
    usage.read_samples([guest], 1000.0)
    kept = {int(vmid): values for vmid, values in json.loads(json.dumps(usage.dump_counters())).items()}
    next_process = CgroupUsage(str(tmp_path))
    next_process.load_counters(kept)
    write_container(tmp_path, usage_usec=130_000_000)
    assert next_process.read_samples([guest], 1060.0)[101].cpu_cores == 2.0


def test_counters_that_are_damaged_count_as_never_read(tmp_path, usage, guest):
    write_container(tmp_path)
    usage.load_counters({101: {"time_seconds": 1.0}})
    assert usage.read_samples([guest], 1000.0)[101].cpu_cores is None


def test_container_started_anew_has_no_interval(tmp_path, usage, guest):
    import shutil

    folder = write_container(tmp_path, usage_usec=90_000_000)
    usage.read_samples([guest], 1000.0)
    inode = folder.stat().st_ino
    shutil.move(folder, tmp_path / "old")
    folder = write_container(tmp_path, usage_usec=1_000_000)
    assert folder.stat().st_ino != inode
    assert usage.read_samples([guest], 1060.0)[101].cpu_cores is None


def test_counter_that_went_back_is_no_measurement(tmp_path, usage, guest):
    write_container(tmp_path, usage_usec=90_000_000, oom_kill=2)
    usage.read_samples([guest], 1000.0)
    write_container(tmp_path, usage_usec=80_000_000, oom_kill=1)
    sample = usage.read_samples([guest], 1060.0)[101]
    assert (sample.cpu_cores, sample.own_oom_kills) == (None, None)


def test_clock_set_back_is_no_interval(tmp_path, usage, guest):
    write_container(tmp_path)
    usage.read_samples([guest], 1000.0)
    assert usage.read_samples([guest], 900.0)[101].interval_seconds is None


@pytest.mark.parametrize(("local", "kills", "own", "foreign"), [(1, 2, 2, 0), (0, 2, 0, 2), (0, 0, 0, 0), (3, 0, 0, 0)])
def test_own_oom_needs_both_the_local_event_and_a_kill(tmp_path, usage, guest, local, kills, own, foreign):
    write_container(tmp_path)
    usage.read_samples([guest], 1000.0)
    write_container(tmp_path, oom_local=local, oom_kill=kills)
    sample = usage.read_samples([guest], 1060.0)[101]
    assert (sample.own_oom_kills, sample.foreign_oom_kills) == (own, foreign)


@pytest.mark.parametrize(("any_oom", "foreign", "by_host"), [(0, 2, 2), (1, 2, 0)])
def test_kill_without_any_limit_hit_is_the_hosts_and_with_one_inside_it_is_not(tmp_path, usage, guest, any_oom, foreign, by_host):
    write_container(tmp_path)
    usage.read_samples([guest], 1000.0)
    write_container(tmp_path, oom_kill=2, any_oom=any_oom)
    sample = usage.read_samples([guest], 1060.0)[101]
    assert (sample.own_oom_kills, sample.foreign_oom_kills, sample.host_oom_kills) == (0, foreign, by_host)


@pytest.mark.parametrize("name", ["pswpin", "workingset_refault_anon"])
def test_pages_from_swap_and_file_pages_read_again_are_rates(tmp_path, usage, guest, name):
    write_container(tmp_path, swap_lines=f"{name} 100\n")
    usage.read_samples([guest], 1000.0)
    write_container(tmp_path, refaults=7200, swap_lines=f"{name} 220\n")
    sample = usage.read_samples([guest], 1060.0)[101]
    assert (sample.refault_pages_per_second, sample.swap_in_pages_per_second) == (110.0, 2.0)


def test_kernel_that_counts_pages_from_swap_is_believed_before_the_other_figure(tmp_path, usage, guest):
    write_container(tmp_path, swap_lines="pswpin 0\nworkingset_refault_anon 0\n")
    usage.read_samples([guest], 1000.0)
    write_container(tmp_path, swap_lines="pswpin 60\nworkingset_refault_anon 600\n")
    assert usage.read_samples([guest], 1060.0)[101].swap_in_pages_per_second == 1.0


def test_statistics_without_swap_lines_are_not_measured(tmp_path, usage, guest):
    write_container(tmp_path)
    usage.read_samples([guest], 1000.0)
    assert usage.read_samples([guest], 1060.0)[101].swap_in_pages_per_second is None


def test_limits_in_force_are_read_at_the_moment_asked(tmp_path, usage, guest):
    from pve_lxc.model.allocation import LiveLimits

    assert usage.read_live_limits(guest) is None
    folder = write_container(tmp_path)
    # 8 MiB of swap are used, and there is no memory.swap.max.
    assert usage.read_live_limits(guest) == LiveLimits(1024.0, 1.5, None, 8.0)
    (folder / "memory.swap.max").write_text("268435456\n")
    assert usage.read_live_limits(guest) == LiveLimits(1024.0, 1.5, 256.0, 8.0)
    (folder / "memory.swap.max").write_text("max\n")
    (folder / "memory.max").write_text("max\n")
    (folder / "cpu.max").write_text("max 100000\n")
    assert usage.read_live_limits(guest) == LiveLimits(None, None, math.inf, 8.0)


def test_frozen_container_is_not_measured(tmp_path, usage, guest):
    write_container(tmp_path, frozen=1)
    assert usage.read_samples([guest], 1000.0) == {}


def test_container_without_files_is_not_measured(usage, guest):
    assert usage.read_samples([guest], 1000.0) == {}
    assert usage.read_memory_mib(guest) is None


def test_mapped_files_count_where_they_are_more_than_shared_memory(tmp_path, usage, guest):
    write_container(tmp_path, file=700, shmem=0, mapped=600)
    # current 950 - slab 50 - (700 - 600) = 800
    assert usage.read_memory_mib(guest) == 800.0


def test_dentries_of_a_nightly_find_do_not_count(tmp_path, usage, guest):
    write_container(tmp_path, anon=100, file=0, shmem=0, mapped=0, slab=176)
    assert usage.read_memory_mib(guest) == 100.0


def test_statistics_without_a_figure_are_not_measured(tmp_path, usage, guest):
    folder = write_container(tmp_path)
    (folder / "memory.stat").write_text(f"anon {MIB}\nfile {MIB}\n")
    assert usage.read_samples([guest], 1000.0)[101].memory_mib is None


def test_host_is_read_from_its_proc(tmp_path, usage):
    proc = tmp_path / "proc"
    (proc / "pressure").mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal:       33554432 kB\nMemFree:         1000000 kB\nMemAvailable:   16777216 kB\nSwapTotal:       8388608 kB\n")
    (proc / "pressure" / "memory").write_text("some avg10=9.00 avg60=9.00 avg300=1.00 total=9\nfull avg10=9.00 avg60=9.00 avg300=0.75 total=9\n")
    (proc / "pressure" / "cpu").write_text("some avg10=9.00 avg60=9.00 avg300=4.50 total=9\n")
    host = usage.read_host("pve1")
    assert (host.memory_total_mib, host.memory_available_mib) == (32768.0, 16384.0)
    assert (host.memory_full_percent, host.cpu_pressure_percent, host.swap_total_mib) == (0.75, 4.5, 8192.0)


def test_host_without_proc_is_unknown(usage):
    host = usage.read_host("pve1")
    assert (host.memory_total_mib, host.memory_available_mib, host.cpu_pressure_percent) == (None, None, None)


@pytest.mark.parametrize(("text", "cores"), [("max 100000\n", None), ("150000 100000\n", 1.5), ("", None), ("x y\n", None), ("5 0\n", None)])
def test_cpu_max_is_parsed(text, cores):
    from pve_lxc.backend.cgroup_text import parse_cpu_max_cores

    assert parse_cpu_max_cores(text) == cores


def test_api_figures_never_claim_to_be_the_working_set(guest):
    from dataclasses import replace

    from pve_lxc.backend.api_usage import ApiUsage
    from support.fake_backend import FakeBackend

    backend = FakeBackend()
    backend.add(101)
    row = {"mem": 65 * MIB, "maxmem": 512 * MIB, "swap": 0, "pressurememorysome": "1.50", "pressurememoryfull": "0.00", "pressurecpusome": "7.25"}
    backend.read_live_guests = lambda node: {101: row}
    sample = ApiUsage(backend).read_samples([guest, replace(guest, vmid=102)], 1000.0)[101]
    assert (str(sample.memory_source), sample.memory_mib, sample.live_memory_max_mib) == ("api", 65.0, 512.0)
    assert (sample.cpu_cores, sample.own_oom_kills) == (1.0, None)
    assert (sample.memory_pressure_percent, sample.memory_full_percent, sample.cpu_pressure_percent) == (1.5, 0.0, 7.25)


def test_api_host_is_installed_less_used():
    from pve_lxc.backend.api_usage import ApiUsage
    from pve_lxc.model.node import Cluster, Node
    from support.fake_backend import FakeBackend

    usage = ApiUsage(FakeBackend())
    usage.note_cluster(Cluster({}, {"pve1": Node("pve1", "online", 2, 8.0, 0.1, 6 * 1024 * MIB, 16 * 1024 * MIB)}))
    assert usage.read_host("pve1").memory_available_mib == 10240.0
    assert usage.read_host("pve9").memory_available_mib is None
