# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path

CONFIG = "/nodes/pve1/lxc/101/config"


def test_simulated_time_stands_still_until_an_advance(simulate_one) -> None:
    client = simulate_one()
    assert client.get("/nodes/pve1/lxc/101/status/current")["uptime"] == 3600
    assert client.get("/nodes/pve1/lxc/101/status/current")["uptime"] == 3600
    assert client.simulator.advance(300) == 1_767_225_900
    assert client.get("/nodes/pve1/lxc/101/status/current")["uptime"] == 3900


def test_tasks_end_on_real_time_while_simulated_time_stands(simulate_one) -> None:
    client = simulate_one()
    _status, _reason, body = client.send("POST", "/nodes/pve1/lxc/101/status/stop", {})
    assert client.finish(body["data"]) == "OK"
    assert client.get("/nodes/pve1/lxc/101/status/current")["status"] == "stopped"
    assert client.simulator.state()["now"] == 1_767_225_600


def test_resources_show_a_change_only_after_the_next_ten_second_report(simulate_one) -> None:
    client = simulate_one()
    assert client.put(CONFIG, cores=1, memory=768) == (200, "OK")
    assert (client.resource(101)["maxcpu"], client.resource(101)["maxmem"]) == (2, 512 * 1024 * 1024)
    assert client.get("/nodes/pve1/lxc")[0]["cpus"] == 1
    client.simulator.advance(9)
    assert client.resource(101)["maxcpu"] == 2
    client.simulator.advance(1)
    assert (client.resource(101)["maxcpu"], client.resource(101)["maxmem"]) == (1, 768 * 1024 * 1024)


def test_growing_and_shrinking_back_within_the_lag_looks_unchanged_in_resources(simulate_one) -> None:
    client = simulate_one()
    before = client.resource(101)
    client.put(CONFIG, memory=1024)
    client.put(CONFIG, memory=512)
    assert client.resource(101) == before
    assert [request["method"] for request in client.simulator.requests() if request["path"] == CONFIG] == ["PUT", "PUT"]


def test_cores_reach_the_cpuset_with_the_next_report_and_the_quota_at_once(simulate_one) -> None:
    client = simulate_one()
    client.put(CONFIG, cores=4, cpulimit=1.5)
    live = client.simulator.guest(101)["live"]
    assert (live["cpuset_cores"], live["quota_cores"]) == (2, 1.5)
    client.simulator.advance(10)
    assert client.simulator.guest(101)["live"]["cpuset_cores"] == 4


def test_a_container_with_its_own_cpuset_line_is_never_placed(simulate_one) -> None:
    client = simulate_one({"raw_lxc": [["lxc.cgroup2.cpuset.cpus", "0-1"]]})
    client.put(CONFIG, cores=4)
    client.simulator.advance(60)
    assert client.simulator.guest(101)["live"]["cpuset_cores"] == 2
    assert client.get(CONFIG)["lxc"] == [["lxc.cgroup2.cpuset.cpus", "0-1"]]


def test_demand_above_the_limit_is_unmet_and_shows_as_pressure(simulate_one) -> None:
    client = simulate_one({"cpu_cores": 3.0})
    client.simulator.advance(300)
    guest = client.simulator.guest(101)
    assert (guest["served_core_seconds"], guest["unmet_core_seconds"]) == (600.0, 300.0)
    status = client.get("/nodes/pve1/lxc/101/status/current")
    assert (status["cpu"], status["pressurecpusome"], status["pressurememorysome"]) == (1.0, "100.00", "0.00")
    row = client.get("/nodes/pve1/lxc/101/rrddata", timeframe="hour")[-1]
    assert (row["cpu"], row["pressurecpusome"]) == (1.0, 100.0)


def test_a_recorded_peak_takes_one_minute_and_keeps_the_mean(simulate, tmp_path: Path) -> None:
    (tmp_path / "spiky.csv").write_text("# step_s: 300\ntime_s,cpu_cores_used,mem_mb_used,cpu_cores_peak\n0,1.0,,3.0\n300,1.0,,3.0\n", encoding="utf-8")
    world = {
        "nodes": [{"name": "pve1", "cpus": 4, "memory_mib": 8192}],
        "guests": [{"vmid": 101, "status": "running", "config": {"arch": "amd64", "cores": 4, "memory": 512}, "cpu_trace": "spiky"}],
    }
    client = simulate(world=world, traces=tmp_path)
    client.simulator.advance(300)
    rows = client.get("/nodes/pve1/lxc/101/rrddata", timeframe="hour")[-5:]
    assert sorted(row["cpu"] for row in rows) == [0.125, 0.125, 0.125, 0.125, 0.75]
    assert client.simulator.guest(101)["demand_core_seconds"] == 300.0


def test_history_before_the_start_fills_the_rows(simulate_one) -> None:
    client = simulate_one(history_hours=1)
    rows = client.get("/nodes/pve1/lxc/101/rrddata", timeframe="hour")
    assert [len(rows), rows[0]["cpu"], rows[-1]["time"], client.simulator.state()["now"]] == [60, 0.25, 1_767_225_600, 1_767_225_600]


def test_rows_have_no_keys_where_nothing_was_written(simulate_one) -> None:
    client = simulate_one()
    client.simulator.advance(120)
    rows = client.get("/nodes/pve1/lxc/101/rrddata", timeframe="hour")
    assert [len(rows), rows[0], len(rows[-1]), len(rows[-3]), len(rows[-4])] == [60, {"time": 1_767_222_180}, 17, 17, 1]
    client.simulator.set_guest(101, status="stopped")
    client.simulator.advance(60)
    assert sorted(client.get("/nodes/pve1/lxc/101/rrddata", timeframe="hour")[-1]) == ["disk", "maxcpu", "maxdisk", "maxmem", "time"]


def test_two_runs_with_one_seed_end_in_the_same_state(simulate, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("# step_s: 300\n# max_cores: 4\n# max_mem_mb: 1000\n0,1.0,400,3.0\n300,0.5,900,2.0\n", encoding="utf-8")
    states = []
    for _run in range(2):
        client = simulate(traces=tmp_path, seed=5)
        client.simulator.advance(450)
        client.put(CONFIG, memory=512)
        client.simulator.advance(1350)
        states.append(json.dumps(client.simulator.state(), sort_keys=True))
    assert states[0] == states[1]


def test_one_long_advance_equals_many_short_ones(simulate_one) -> None:
    states = []
    for steps in (1, 60):
        client = simulate_one({"cpu_cores": 2.5, "anon_mib": 480})
        for _step in range(steps):
            client.simulator.advance(600 / steps)
        guest = client.simulator.guest(101)
        rows = client.get("/nodes/pve1/lxc/101/rrddata", timeframe="hour")[-10:]
        states.append([guest["served_core_seconds"], guest["unmet_core_seconds"], guest["oom_kills"], [round(row["cpu"], 9) for row in rows]])
    assert states[0] == states[1] == [1200.0, 300.0, 0, [1.0] * 10]


def test_the_first_report_already_shows_the_demand_of_the_trace(simulate, tmp_path: Path) -> None:
    (tmp_path / "busy.csv").write_text("# step_s: 300\n0,1.5,400\n300,0.5,100\n", encoding="utf-8")
    guest = {
        "vmid": 101,
        "status": "running",
        "config": {"arch": "amd64", "cores": 2, "memory": 512},
        "cpu_trace": "busy",
        "memory_trace": "busy",
        "slab_mib": 0,
    }
    client = simulate(world={"nodes": [{"name": "pve1", "cpus": 4}], "guests": [guest]}, traces=tmp_path)
    row = client.resource(101)
    assert (row["cpu"], row["mem"]) == (0.75, 400 * 1024 * 1024)


def test_history_before_the_start_is_not_part_of_the_sums(simulate_one) -> None:
    client = simulate_one({"cpu_cores": 3.0}, history_hours=2)
    assert client.simulator.guest(101)["unmet_core_seconds"] == 0
    client.simulator.advance(100)
    assert client.simulator.guest(101)["unmet_core_seconds"] == 100.0


def test_cpus_without_cores_are_the_limit_and_then_the_nodes(simulate_one) -> None:
    client = simulate_one()
    client.put(CONFIG, delete="cores", cpulimit=1.5)
    assert client.get("/nodes/pve1/lxc")[0]["cpus"] == 1.5
    client.put(CONFIG, delete="cpulimit")
    assert client.get("/nodes/pve1/lxc")[0]["cpus"] == 4
