# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cycle tells the policy of the node: virtual machines, ballooning, the sum of limits, and that nothing is asked twice."""

from __future__ import annotations

import gc
from dataclasses import replace

import pytest

GIB = 1024**3


@pytest.fixture
def node(tmp_path):
    from support.loop_fakes import FakeNode

    with FakeNode(tmp_path).closing() as fake:
        fake.add(101, cpu_cores=0.5, memory_mib=300)
        yield fake


def run(node, machines_bytes=0.0, seconds=60):
    from pve_lxc.autoscale.cycle import run_cycle

    read_cluster = type(node.backend).read_cluster

    def with_machines():
        return replace(read_cluster(node.backend), virtual_machine_bytes={"pve1": machines_bytes} if machines_bytes else {})

    node.backend.read_cluster = with_machines
    node.clock.seconds += seconds
    return run_cycle(node.parts, "apply")


def asked(node):
    return node.calls().count("read_ballooning_target_share")


def test_ballooning_is_asked_once_an_hour_of_a_node_that_runs_virtual_machines(node):
    run(node)
    assert asked(node) == 0
    run(node, 4 * GIB)
    run(node, 4 * GIB)
    node.reopen()
    run(node, 4 * GIB, 3000)
    assert asked(node) == 1
    run(node, 4 * GIB, 3600)
    assert asked(node) == 1


def test_growth_ends_where_ballooning_begins(node):
    node.backend.ballooning_target_share = 0.5
    node.usage.memory_mib[101] = 1000
    result = run(node, 4 * GIB)
    assert (str(result.decisions[0].reason), node.backend.writes) == ("host_short_of_memory", [])
    assert "0 MiB below the 50% at which virtual machines are ballooned" in result.decisions[0].message
    node.backend.ballooning_target_share = None
    run(node, 4 * GIB, 3601)
    assert node.backend.writes[0][1]["memory"] > 1024


def test_node_whose_virtual_machines_cannot_be_seen_is_told_and_grows(node):
    from pve_lxc.errors import ProxmoxPermissionError

    node.backend.fail("read_ballooning_target_share", ProxmoxPermissionError("Permission check failed", acl_path="/", privileges=("Sys.Audit",)))
    node.usage.memory_mib[101] = 1000
    result = run(node, 4 * GIB)
    assert result.notices[0].startswith("whether virtual machines of pve1 balloon could not be read")
    assert node.backend.writes[0][1]["memory"] > 1024


def test_configured_target_is_not_asked_for(node):
    from pve_lxc.policy.settings.container import ContainerSettings, SettingsBook
    from pve_lxc.policy.settings.policy import PolicySettings

    node.settings = SettingsBook(ContainerSettings(PolicySettings(ballooning_target_share=0.5)))
    node.usage.memory_mib[101] = 1000
    assert str(run(node, 4 * GIB).decisions[0].reason) == "host_short_of_memory"
    assert asked(node) == 0


def test_limits_beyond_the_nodes_memory_are_a_notice(node):
    node.usage.host = replace(node.usage.host, memory_total_mib=4096.0, memory_available_mib=3000.0)
    assert run(node).notices == ()
    assert run(node, 4 * GIB).notices == ("the memory limits of the running guests add up to 5120 MiB, 1.25 times what the node has",)


def test_collector_is_off_during_a_cycle_and_on_again_after_it(node):
    seen = []
    read_host = node.usage.read_host
    node.usage.read_host = lambda name: (seen.append(gc.isenabled()), read_host(name))[1]
    run(node)
    assert (seen, gc.isenabled()) == ([False], True)
