# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where ballooning begins, what virtual machines may use, and ZFS's cache: from what Proxmox and the node answer."""

from __future__ import annotations

import pytest

GIB = 1024**3
BALLOONING = {"vmid": 200, "status": "running", "maxmem": 8 * GIB, "balloon_min": 4 * GIB, "shares": 1000}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"status": "stopped"}, False),
        ({"shares": 0}, False),
        ({"balloon_min": 8 * GIB}, False),
        ({"balloon_min": None}, False),
        ({"shares": None}, True),
    ],
)
def test_virtual_machine_balloons_when_it_runs_and_may_be_given_less(change, expected):
    from pve_lxc.backend.ballooning import has_ballooning

    row = {name: value for name, value in {**BALLOONING, **change}.items() if value is not None}
    assert has_ballooning([{"vmid": 201, "status": "running", "maxmem": GIB}, row]) is expected


def read_target(answers):
    from pve_lxc.backend.ballooning import read_target_share

    asked = []
    return read_target_share("pve1", lambda path: (asked.append(path), answers[path])[1]), asked


def test_nodes_settings_are_read_only_where_a_virtual_machine_balloons():
    assert read_target({"/nodes/pve1/qemu": []}) == (None, ["/nodes/pve1/qemu"])
    both = ["/nodes/pve1/qemu", "/nodes/pve1/config"]
    assert read_target({"/nodes/pve1/qemu": [BALLOONING], "/nodes/pve1/config": {}}) == (0.8, both)
    assert read_target({"/nodes/pve1/qemu": [BALLOONING], "/nodes/pve1/config": {"ballooning-target": "90"}}) == (0.9, both)


def test_memory_of_running_virtual_machines_is_summed_by_node():
    from pve_lxc.backend.pve_json import parse_cluster

    rows = [
        {"type": "qemu", "vmid": 200, "node": "pve1", "status": "running", "maxmem": 4 * GIB},
        {"type": "qemu", "vmid": 201, "node": "pve1", "status": "running", "maxmem": 2 * GIB},
        {"type": "qemu", "vmid": 202, "node": "pve1", "status": "stopped", "maxmem": 8 * GIB},
        {"type": "qemu", "vmid": 203, "node": "pve2", "status": "running", "maxmem": GIB},
    ]
    cluster = parse_cluster(rows)
    assert (cluster.virtual_machine_count, dict(cluster.virtual_machine_bytes)) == (4, {"pve1": 6 * GIB, "pve2": GIB})


def test_zfs_cache_is_read_from_the_nodes_proc(tmp_path):
    from pve_lxc.backend.cgroup import CgroupUsage

    usage = CgroupUsage(str(tmp_path), str(tmp_path / "proc"))
    assert (usage.read_host("pve1").arc_size_mib, usage.read_host("pve1").arc_least_mib) == (None, None)
    folder = tmp_path / "proc" / "spl" / "kstat" / "zfs"
    folder.mkdir(parents=True)
    text = (
        "9 1 0x01 147 39984 4165310493 2165612\nname                            type data\nc_min                           4    268435456\nsize 4 1073741824\n"
    )
    (folder / "arcstats").write_text(text)
    assert (usage.read_host("pve1").arc_size_mib, usage.read_host("pve1").arc_least_mib) == (1024.0, 256.0)


def test_simulated_node_answers_as_the_source_of_proxmox_says():
    from harness import Simulator
    from pve_lxc.backend.api import ProxmoxAPIClient
    from pve_lxc.clock import SystemClock
    from pve_lxc.transport.settings import ConnectionSettings

    token = "lxc-autoscale@pve!node-pve1"
    machine = {"type": "qemu", "status": "running", "node": "pve1"}
    world = {
        "nodes": [{"name": "pve1", "settings": {"ballooning-target": 70}}, {"name": "pve2"}],
        "guests": [
            {"vmid": 200, **machine, "config": {"memory": 4096, "balloon": 2048}},
            {"vmid": 201, **machine, "node": "pve2", "config": {"memory": 2048}},
        ],
    }
    with Simulator(world=world, auth_delay=0.05) as simulator:
        simulator.advance(60)
        settings = ConnectionSettings(
            host="127.0.0.1", port=simulator.port, token_id=token, token_secret=simulator.tokens[token], ca_path=str(simulator.ca_path)
        )
        client = ProxmoxAPIClient.connect(settings, SystemClock())
        assert dict(client.read_cluster().virtual_machine_bytes) == {"pve1": 4 * GIB, "pve2": 2 * GIB}
        assert (client.read_ballooning_target_share("pve1"), client.read_ballooning_target_share("pve2")) == (0.7, None)
        client.close()
