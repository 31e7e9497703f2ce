# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On the node the limits in force can be read, so that what a failed write left behind is found and put back."""

from __future__ import annotations

import pytest
from pve_lxc.backend.pct import PctBackend
from pve_lxc.model.allocation import LiveLimits
from pve_lxc.operations.request import parse_requests
from pve_lxc.operations.resize import resize_containers


@pytest.fixture
def backend(runner):
    return PctBackend(runner)


def test_limits_in_force_are_read_on_the_node_and_nowhere_else(simulator, backend):
    simulator.set_guest(101, status="stopped")
    simulator.set_guest(101, config={"memory": 768, "cpulimit": "1.5", "swap": 256}, status="running")
    simulator.advance(10)
    assert backend.read_live_limits("pve1", 101) == LiveLimits(768.0, 1.5, 256.0, 0.0)
    assert backend.read_live_limits("pve1", 4999) is None
    assert backend.read_live_limits("pve2", 102) is None


def test_a_write_that_was_not_saved_is_put_back_to_the_configuration(simulator, backend):
    simulator.set_guest(101, config={"memory": 768, "cpulimit": None}, status="stopped")
    simulator.set_guest(101, status="running", anon_mib=50, shmem_mib=0)
    simulator.advance(10)
    simulator.fault("config_readonly", vmid=101, count=1)
    [outcome] = resize_containers(backend, parse_requests({"vmid": 101, "memory": "1024"}))
    simulator.fault("config_readonly", on=False)
    assert (outcome.is_changed, outcome.is_failed, str(outcome.reason)) == (False, True, "refused_by_proxmox")
    assert "memory is 1024 in force and 768 in the configuration); it was put back to the configuration" in outcome.message
    assert simulator.guest(101)["live"]["memory_mib"] == 768
    assert backend.read_live_limits("pve1", 101).memory_mib == 768.0
