# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody sets our values back: once it is their wish, twice it is a contest."""

from __future__ import annotations

import math

NOW = 1_800_000_000.0
HOUR = 3600.0


class Container:
    """One container's memory, an owner who writes and a loop that writes."""

    def __init__(self, cores=2, memory_mib=2048, **policy):
        from pve_lxc.policy.remember import new_memory
        from pve_lxc.policy.settings.policy import PolicySettings

        self.policy = PolicySettings(**policy)
        self.memory = new_memory(self.policy)
        self.somebody(0, cores=cores, memory_mib=memory_mib)

    def somebody(self, hours, **values):
        """Set values as somebody else does, and look at them."""
        from dataclasses import replace

        from pve_lxc.model.allocation import Allocation
        from pve_lxc.model.guest import Guest, GuestConfig
        from pve_lxc.policy.adopt import adopt

        found = replace(self.memory.known or Allocation(), **values)
        config = GuestConfig(101, "pve1", "", found, rootfs_volume="local:101/disk.raw")
        self.memory = adopt(self.memory, Guest(101, "web", "pve1", "running"), config, self.policy, NOW + hours * HOUR)
        return self

    def ours(self, hours, **values):
        from dataclasses import replace

        from pve_lxc.policy.adopt import record_write

        self.memory = record_write(self.memory, replace(self.memory.known, **values), NOW + hours * HOUR)
        return self

    @property
    def held(self):
        held = self.memory.hold
        return held and (str(held.reason), held.until_seconds if math.isinf(held.until_seconds) else (held.until_seconds - NOW) / HOUR)


def test_first_reversal_is_an_operators_change():
    assert Container().ours(1, memory_mib=1536).somebody(2, memory_mib=2048).held == ("operator_changed", 26.0)


def test_second_reversal_right_after_the_pause_is_a_contest_until_it_is_released():
    from pve_lxc.policy.hold import release

    container = Container().ours(1, memory_mib=1536).somebody(2, memory_mib=2048).ours(27, memory_mib=1536).somebody(30, memory_mib=2048)
    assert container.held == ("contested", math.inf)
    assert container.memory.baseline.memory_mib == 2048
    container.memory = release(container.memory)
    # It begins anew: one reversal is one.
    assert container.held is None
    assert container.ours(31, memory_mib=1536).somebody(32, memory_mib=2048).held == ("operator_changed", 56.0)


def test_reversals_more_than_two_days_apart_are_two_wishes():
    container = Container().ours(1, memory_mib=1536).somebody(2, memory_mib=2048).ours(27, memory_mib=1536).somebody(51, memory_mib=2048)
    assert container.held == ("operator_changed", 75.0)


def test_other_values_are_never_a_reversal():
    container = Container().ours(1, memory_mib=1536).somebody(2, memory_mib=3000).ours(27, memory_mib=2500).somebody(28, memory_mib=4000)
    assert container.held == ("operator_changed", 52.0)


def test_the_value_before_our_last_write_counts_as_well_as_that_of_adoption():
    step_by_step = Container().ours(1, memory_mib=1536).ours(2, memory_mib=1152)
    assert step_by_step.somebody(3, memory_mib=1536).memory.contest.reverted_times == (NOW + 3 * HOUR,)
    terraform = Container().ours(1, memory_mib=1536).ours(2, memory_mib=1152)
    assert terraform.somebody(3, memory_mib=2048).memory.contest.reverted_times == (NOW + 3 * HOUR,)


def test_change_of_a_value_that_we_never_wrote_is_no_reversal():
    container = Container().ours(1, memory_mib=1536).somebody(2, cores=4).somebody(3, cores=2)
    assert container.memory.contest.reverted_times == ()


def test_each_of_our_fields_is_watched():
    container = Container(cores=4).ours(1, cores=2).somebody(2, cores=4)
    assert container.memory.contest.reverted_times == (NOW + 2 * HOUR,)


def test_how_often_and_how_soon_can_be_set():
    assert Container(contested_reversals=1).ours(1, memory_mib=1536).somebody(2, memory_mib=2048).held == ("contested", math.inf)
    patient = Container(contested_reversals=3).ours(1, memory_mib=1536).somebody(2, memory_mib=2048).ours(27, memory_mib=1536).somebody(28, memory_mib=2048)
    assert patient.held == ("operator_changed", 52.0)


def test_contest_survives_being_remembered():
    import json

    from pve_lxc.policy.remember import memory_from_dict, memory_to_dict

    container = Container().ours(1, memory_mib=1536).somebody(2, memory_mib=2048)
    read = memory_from_dict(json.loads(json.dumps(memory_to_dict(container.memory))), container.policy)
    assert read.contest == container.memory.contest
    container.memory = read
    assert container.ours(27, memory_mib=1536).somebody(28, memory_mib=2048).held == ("contested", math.inf)
