# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks, snapshots and restarts over the real client against the simulator, which answers as the recordings of PVE 9.2.11 do."""

from __future__ import annotations

import collections
import re

import pytest

ROOT = "root@pam!all"


@pytest.fixture(scope="module")
def cluster():
    from harness import Simulator

    with Simulator(nodes=1, containers=4, auth_delay=0.1, task_seconds=0.05, wait_scale=0.01) as simulator:
        yield simulator


@pytest.fixture
def simulator(cluster):
    yield cluster
    for name in ("connection_drop", "task_failure", "config_readonly"):
        cluster.fault(name, on=False)
    cluster.advance(20)


@pytest.fixture
def resize(simulator):
    from pve_lxc.backend.api import get_proxmox_client
    from pve_lxc.operations.request import parse_requests
    from pve_lxc.operations.resize import resize_containers

    def resize(*, token="automation@pve!resize", is_check=False, **options):
        secret = simulator.tokens[token]
        client = get_proxmox_client(host=simulator.host, port=simulator.port, ca_path=simulator.ca_path, token_id=token, token_secret=secret)
        simulator.reset_requests()
        try:
            return resize_containers(client, parse_requests(options), is_check=is_check)
        finally:
            client.close()

    return resize


def size(simulator, vmid, disk="rootfs"):
    return re.search(r"size=([0-9]+[KMGT])", simulator.guest(vmid)["config"][disk])[1]


def counted(simulator):
    records = [record for record in simulator.requests() if "/tasks/" not in record["path"]]
    return dict(collections.Counter(f"{record['method']} /{record['path'].rsplit('/', 1)[-1]}" for record in records))


def test_a_disk_grows_once_and_a_second_run_changes_nothing(simulator, resize):
    [first] = resize(vmid=101, disks=[{"disk": "rootfs", "size": "10G"}])
    assert (first.is_changed, first.is_failed, first.message) == (True, False, "rootfs 8G -> 10G")
    assert size(simulator, 101) == "10G"
    assert counted(simulator) == {"GET /resources": 1, "GET /config": 1, "PUT /resize": 1, "GET /pending": 1}
    [second] = resize(vmid=101, disks=[{"disk": "rootfs", "size": "10G"}])
    assert (second.is_changed, str(second.reason)) == (False, "unchanged")
    assert counted(simulator) == {"GET /resources": 1, "GET /config": 1}


def test_a_disk_and_sizes_change_together(simulator, resize):
    [outcome] = resize(vmid=102, cpuunits="150", disks=[{"disk": "rootfs", "size": "+128M"}])
    assert (outcome.is_changed, outcome.is_failed, outcome.more_after) == (True, False, {"disks": {"rootfs": "8320M"}})
    assert (size(simulator, 102), simulator.guest(102)["config"]["cpuunits"]) == ("8320M", "150")


def test_a_shrink_sends_nothing(simulator, resize):
    [outcome] = resize(vmid=103, disks=[{"disk": "rootfs", "size": "1G"}])
    assert (outcome.is_failed, str(outcome.reason)) == (True, "invalid_request")
    assert [record for record in simulator.requests() if record["method"] != "GET"] == []


def test_a_lost_answer_about_a_disk_is_settled_by_looking(simulator, resize):
    simulator.fault("connection_drop", when="after", count=1, path="/resize")
    [outcome] = resize(vmid=103, disks=[{"disk": "rootfs", "size": "+1G"}])
    assert (outcome.is_changed, outcome.is_failed, size(simulator, 103)) == (True, False, "9G")


def test_a_snapshot_is_made_before_the_change_where_the_storage_can(simulator, resize):
    [outcome] = resize(token=ROOT, vmid=102, cores="+1", snapshot=True)
    assert (outcome.is_changed, outcome.is_failed) == (True, False)
    name = outcome.more_after["snapshot"]
    assert re.fullmatch(r"resize-[0-9]{8}-[0-9]{6}", name)
    assert simulator.guest(102)["config"]["parent"] == name


def test_a_snapshot_on_a_storage_without_them_is_refused_before_anything(simulator, resize):
    [outcome] = resize(token=ROOT, vmid=101, cores="+1", snapshot=True)
    assert (outcome.is_changed, outcome.is_failed, str(outcome.reason)) == (False, True, "snapshot_impossible")
    assert [record for record in simulator.requests() if record["method"] != "GET"] == []


def test_a_restart_is_not_made_when_nothing_waits_for_it(simulator, resize):
    [outcome] = resize(vmid=104, cores="+1", restart="if_needed")
    assert (outcome.is_changed, outcome.is_failed, outcome.is_restart_required) == (True, False, False)
    assert "POST /shutdown" not in counted(simulator)
