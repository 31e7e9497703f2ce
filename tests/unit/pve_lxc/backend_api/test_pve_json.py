# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded answers and the records they become."""

from __future__ import annotations

import json
import pathlib

import pytest
from pve_lxc.backend.pve_json import number_or_none, parse_cluster, parse_config, parse_pending, parse_quorum, parse_rrd_rows, parse_tags
from pve_lxc.model.allocation import Allocation

RECORDINGS = pathlib.Path(__file__).resolve().parents[3] / "fixtures" / "pve9"


def data(file: str, label: str):
    records = json.loads((RECORDINGS / f"{file}.json").read_text())
    return next(record for record in records if record["label"] == label)["body"]["data"]


def test_cluster_holds_containers_by_ascending_vmid_and_nodes_with_their_cgroup_mode():
    cluster = parse_cluster(data("cluster_resources", "all"))
    assert list(cluster.guests) == [101, 102, 103, 104, 105, 106, 900, 901]
    web = cluster.guests[101]
    assert (web.name, web.node, web.status, web.tags, web.max_cpu, web.max_memory_bytes) == ("web1", "pve1", "running", ("prod", "web"), 1.0, 268435456.0)
    assert cluster.guests[103].pool == "labpool"
    assert cluster.guests[105].lock == "backup"
    assert cluster.guests[900].is_template
    assert cluster.nodes["pve1"].cgroup_mode == 1
    assert cluster.unreachable_nodes == ()


def test_cluster_counts_qemu_machines_and_leaves_them_out():
    cluster = parse_cluster([{"type": "qemu", "vmid": 100, "node": "a"}, {"type": "lxc", "vmid": 101, "node": "a", "status": "unknown"}])
    assert list(cluster.guests) == [101]
    assert cluster.virtual_machine_count == 1


def test_figures_that_proxmox_leaves_out_are_not_measured_rather_than_zero():
    cluster = parse_cluster([{"type": "lxc", "vmid": 101, "node": "a"}, {"type": "node", "node": "a", "status": "offline"}])
    guest = cluster.guests[101]
    assert (guest.status, guest.cpu_ratio, guest.memory_bytes, guest.max_cpu) == ("unknown", None, None, None)
    assert cluster.nodes["a"].cpus is None
    assert cluster.unreachable_nodes == ("a",)


def test_config_with_fractional_cpulimit_and_identity():
    config = parse_config("pve1", 101, data("config_put_ok", "GET current=1"))
    assert config.allocation == Allocation(cores=2, cpulimit=1.5, cpuunits=200, memory_mib=320, swap_mib=64)
    assert config.digest == "f73eb5a1bcfa85cef77d1f68a8010863352cef07"
    assert config.identity == "101|local:101/vm-101-disk-0.raw|BC:24:11:B2:C6:0D"
    assert "digest" not in config.values


def test_absent_cores_are_none_and_no_network_card_is_no_address():
    config = parse_config("pve1", 106, data("config_get", "no cores set"))
    assert config.allocation == Allocation(memory_mib=128, swap_mib=0)
    assert config.net0_hwaddr == ""


def test_cpulimit_zero_is_unlimited_and_so_absent():
    assert parse_config("a", 1, {"cpulimit": "0"}).allocation.cpulimit is None


def test_lock_and_template_are_read_from_the_config():
    assert parse_config("pve1", 105, data("config_get", "locked")).lock == "backup"
    assert parse_config("pve1", 900, data("config_get", "template")).is_template


def test_raw_lxc_lines_are_named():
    config = parse_config("a", 1, {"lxc": [["lxc.cgroup2.memory.max", "1G"], ["lxc.cgroup2.cpuset.cpus", "0-3"]]})
    assert config.raw_lxc_keys == ("lxc.cgroup2.cpuset.cpus", "lxc.cgroup2.memory.max")


def test_pending_tells_live_values_from_waiting_ones():
    records = json.loads((RECORDINGS / "partial_failure_and_pending.json").read_text())
    rows = [record for record in records if record.get("label") == "pending"][1]["body"]["data"]
    config = parse_pending("pve1", 102, rows)
    assert config.allocation.memory_mib == 512
    assert config.values["arch"] == "amd64"
    assert config.pending == {"arch": "arm64", "console": 0, "features": "nesting=1", "nameserver": "10.99.0.1", "ostype": "alpine", "tty": 1}
    assert config.digest == "5d4c8c76fc73a3e8d303b5165b809c34c16854ff"


def test_deletion_that_waits_is_none():
    assert parse_pending("a", 1, [{"key": "nameserver", "value": "1.1.1.1", "delete": 1}]).pending == {"nameserver": None}


def test_rrd_rows_of_a_stopped_container_have_limits_and_no_figures():
    rows = parse_rrd_rows(data("rrddata", "stopped ct"))
    assert len(rows) == 60
    assert (rows[-1].cpu_ratio, rows[-1].memory_bytes, rows[-1].max_memory_bytes) == (None, None, 268435456.0)


def test_rrd_rows_come_oldest_first():
    assert [row.time_seconds for row in parse_rrd_rows([{"time": 120}, {"time": 60}])] == [60.0, 120.0]


@pytest.mark.parametrize(
    ("rows", "expected"), [([{"type": "node"}], True), ([{"type": "cluster", "quorate": 1}], True), ([{"type": "cluster", "quorate": 0}], False)]
)
def test_quorum_is_needed_only_where_there_is_a_cluster(rows, expected):
    assert parse_quorum(rows) is expected


def test_quorum_of_the_recorded_single_node():
    assert parse_quorum(data("cluster_status", "status")) is True


def test_numbers_may_be_strings_and_absence_is_none():
    assert [number_or_none(value) for value in ("0.00", 2, None, "")] == [0.0, 2.0, None, None]


def test_tags_may_be_separated_by_anything_proxmox_takes():
    assert parse_tags("prod,web;a b") == ("a", "b", "prod", "web")
