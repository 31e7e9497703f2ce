# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of our own writes, and the budgets that count them."""

from __future__ import annotations

import pytest


def memory_with(times):
    from dataclasses import replace

    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings.policy import PolicySettings

    return replace(new_memory(PolicySettings()), write_times=times)


@pytest.mark.parametrize(
    ("times", "why"),
    [
        ((), ""),
        ((6401.0, 9000.0), ""),
        ((6401.0, 9000.0, 9999.0), "it was changed 3 times in the last hour (changes_per_hour)"),
        ((6400.0, 9000.0, 9999.0), ""),
        ((1.0, 2.0, 3.0, 4.0, 5.0), "it was changed 5 times in the last day (changes_per_day)"),
        ((9999.0, 10001.0, 10002.0), ""),
    ],
)
def test_changes_are_counted_within_the_hour_and_the_day(times, why):
    from pve_lxc.policy.budget import container_budget_spent
    from pve_lxc.policy.settings.policy import PolicySettings

    assert container_budget_spent(memory_with(times), PolicySettings(changes_per_hour=3, changes_per_day=5), 10000.0) == why


def test_only_what_differs_counts_as_a_write_and_a_day_is_remembered():
    from pve_lxc.model.allocation import Allocation
    from pve_lxc.policy.adopt import record_write

    memory = record_write(memory_with((5.0, 50_000.0)), Allocation(cores=2, memory_mib=1024), 80_000.0)
    assert memory.write_times == (5.0, 50_000.0)
    memory = record_write(memory, Allocation(cores=2, memory_mib=1024, swap_mib=256), 85_000.0)
    assert memory.write_times == (5.0, 50_000.0)
    memory = record_write(memory, Allocation(cores=2, memory_mib=1056), 90_000.0)
    assert memory.write_times == (50_000.0, 90_000.0)
    for second in range(400):
        memory = record_write(memory, Allocation(cores=2, memory_mib=2000 + second), 90_001.0 + second)
    assert (len(memory.write_times), memory.write_times[-1]) == (288, 90_400.0)


def test_write_times_survive_json():
    import json

    from pve_lxc.policy.remember import memory_from_dict, memory_to_dict
    from pve_lxc.policy.settings.policy import PolicySettings

    read = memory_from_dict(json.loads(json.dumps(memory_to_dict(memory_with((5.0, 50_000.0))))), PolicySettings())
    assert read.write_times == (5.0, 50_000.0)
    assert memory_from_dict({"write_times": "damaged"}, PolicySettings()).write_times == ()


def test_change_larger_than_the_whole_budget_of_a_cycle_is_made_when_it_is_the_first():
    from support.situations import build_situation

    situation = build_situation({"settings": {"policy": {"cycle_memory_mib": 16}}, "containers": [{"vmid": 101}, {"vmid": 102}]})
    assert [decision.target.memory_mib for decision in situation.decide().values()] == [768, 1024]


def test_order_is_irrelevant_for_the_budget_of_a_cycle():
    from support.situations import build_situation

    containers = [{"vmid": 101 + number, "writes_from_now": [-40_000 - number * 100]} for number in range(6)]
    situation = build_situation({"settings": {"policy": {"cycle_changes": 2}}, "containers": containers})
    expected = situation.decide()
    situation.observations.reverse()
    assert situation.decide() == expected
    assert [vmid for vmid, decision in expected.items() if decision.is_change] == [105, 106]
