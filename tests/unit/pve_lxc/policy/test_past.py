# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container that was never seen is taught by Proxmox's records, and what it is not."""

from __future__ import annotations

import pytest

NOW = 1_800_000_000.0
DAY = 86400.0
# The newest row ends a minute ago.
END = NOW - 60.0


def demand_rows(count=1440, *, cpu=0.5, peak=None, memory=300.0, limit=4.0, step=60.0, end=END):
    from pve_lxc.policy.demand import DemandRow

    return [DemandRow(end - step * (count - 1 - index), step, cpu, cpu if peak is None else peak, memory, limit) for index in range(count)]


def observation_of(*, uptime=40 * DAY, memory=300.0, source="cgroup", **allocation):
    from pve_lxc.model.allocation import Allocation
    from pve_lxc.model.guest import Guest, GuestConfig
    from pve_lxc.model.usage import MemorySource, UsageSample
    from pve_lxc.policy.observation import Observation

    guest = Guest(101, "web", "pve1", "running", uptime_seconds=uptime)
    config = GuestConfig(101, "pve1", "", Allocation(**{"cores": 4, "memory_mib": 2048, **allocation}))
    return Observation(guest, config, UsageSample(101, "pve1", NOW, 60.0, 0.5, 0.5, memory, MemorySource(source), memory_pressure_percent=0.0))


def learnt(rows, observation=None, **policy):
    from pve_lxc.model.node import Node
    from pve_lxc.model.usage import HostUsage
    from pve_lxc.policy.observation import HostState
    from pve_lxc.policy.past import learn_past
    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings.container import ContainerSettings
    from pve_lxc.policy.settings.policy import PolicySettings

    settings = ContainerSettings(PolicySettings(**policy))
    host = HostState(Node("pve1", "online", 2, 16.0), HostUsage("pve1", 16.0, 65536.0, 32768.0))
    return learn_past(new_memory(settings.policy), rows, observation or observation_of(), settings, host, NOW)


def test_two_lists_of_rows_become_one_in_which_no_moment_is_there_twice():
    from pve_lxc.policy.demand import join_demand

    fine = demand_rows(3, end=10800.0)
    coarse = demand_rows(6, step=1800.0, end=10800.0)
    joined = join_demand(coarse, fine)
    assert [row.time_seconds for row in joined] == [1800.0, 3600.0, 5400.0, 7200.0, 9000.0, 10680.0, 10740.0, 10800.0]
    assert join_demand(coarse, []) == coarse


def test_five_minutes_become_one_row_with_their_mean_and_their_peak():
    from pve_lxc.policy.demand import DemandRow, condense_demand

    minutes = [DemandRow(60.0 * minute, 60.0, cores, cores, 100.0 * minute, 2.0) for minute, cores in zip(range(1, 7), (1, 1, 1, 1, 2, 5))]
    first, second = condense_demand(minutes, 300.0)
    assert first == DemandRow(300.0, 300.0, pytest.approx(1.2), 2, 500.0, 2.0)
    assert second == minutes[5]


def test_day_of_records_is_known_time_for_the_cpu_and_none_for_the_memory():
    memory = learnt(demand_rows())
    assert memory.recorded_seconds == DAY
    assert (memory.learnt_seconds, memory.memory.observed_seconds) == (0.0, 0.0)
    assert (memory.last_sample_seconds, memory.records_read_seconds) == (END, NOW)


def test_rows_before_the_last_start_may_be_another_containers_and_are_left_out():
    strangers = demand_rows(1440, cpu=3.9, memory=2000.0, end=END - 3600.0)
    own = demand_rows(60, cpu=0.2, memory=250.0)
    memory = learnt([*strangers, *own], observation_of(uptime=3600.0, memory=250.0))
    # An hour less the minute that is no row yet, and less the five minutes after a start in which nothing is learnt.
    assert memory.recorded_seconds == 3240.0
    assert memory.cpu.histogram.quantile(1.0) == pytest.approx(0.2, rel=0.06)
    assert memory.memory.held.largest(NOW) == 250.0


def test_container_of_unknown_uptime_is_taught_nothing_and_not_asked_again():
    from pve_lxc.policy.past import is_unseen
    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings.policy import PolicySettings

    memory = learnt(demand_rows(), observation_of(uptime=None))
    assert (memory.recorded_seconds, memory.last_sample_seconds, memory.records_read_seconds) == (0.0, 0.0, NOW)
    assert not is_unseen(memory)
    assert is_unseen(new_memory(PolicySettings()))


def test_time_before_the_limit_was_last_changed_does_not_count_but_teaches():
    memory = learnt([*demand_rows(1380, limit=2.0, cpu=1.8, end=END - 3600.0), *demand_rows(60, cpu=0.3)])
    assert memory.recorded_seconds == 3600.0
    assert memory.cpu.histogram.quantile(0.99) == pytest.approx(1.8, rel=0.06)


def test_shared_memory_that_records_leave_out_is_no_rise():
    """300 MiB recorded throughout and a working set of 1800 now: the 1500 between them were there all the time."""
    memory = learnt(demand_rows(), observation_of(memory=1800.0))
    assert memory.memory.held.largest(NOW) == 1800.0
    assert memory.memory.surprises == ()
    assert memory.memory.rises.largest(NOW) == 0.0


def test_over_the_api_the_records_figure_is_the_samples_and_nothing_is_added():
    assert learnt(demand_rows(), observation_of(memory=1800.0, source="api")).memory.held.largest(NOW) == 300.0


def test_climb_of_the_past_leaves_room_for_another():
    rows = [*demand_rows(720, memory=300.0, end=END - 43200.0), *demand_rows(720, memory=900.0)]
    memory = learnt(rows, observation_of(memory=900.0))
    (climb,) = memory.memory.surprises
    # From 1.03 * 300 to 900.
    assert climb.excess_mib == pytest.approx(591.0)
    assert memory.memory.room_mib > learnt(demand_rows(memory=900.0), observation_of(memory=900.0)).memory.room_mib


def test_use_at_the_limit_in_the_past_is_not_called_a_kill():
    assert learnt(demand_rows(memory=2048.0), observation_of(memory=2048.0)).memory.oom_times == ()


def test_use_at_the_limit_of_that_time_is_entered_higher():
    memory = learnt(demand_rows(cpu=2.0, limit=2.0))
    # 1.6 * 2 cores.
    assert memory.cpu.histogram.quantile(0.5) == pytest.approx(3.2, rel=0.06)


def test_cpulimit_that_is_below_the_cores_is_the_limit_of_the_past_as_well():
    memory = learnt(demand_rows(cpu=1.0, limit=4.0), observation_of(cpulimit=1.0))
    assert memory.cpu.histogram.quantile(0.5) == pytest.approx(1.6, rel=0.06)


def test_targets_of_the_last_hour_are_there_so_that_a_peak_of_it_holds_the_cpu():
    memory = learnt([*demand_rows(1410, cpu=0.2, end=END - 1800.0), *demand_rows(10, cpu=3.0, end=END - 1200.0), *demand_rows(20, cpu=0.2)])
    # 1.05 * 3 cores, wanted 20 minutes ago.
    assert memory.cpu.targets.largest(NOW) >= 3.15


@pytest.mark.parametrize("cpu", [-0.1, float("nan"), float("inf"), 5.0])
def test_figures_that_cannot_be_are_left_out(cpu):
    memory = learnt([*demand_rows(10, cpu=0.5, end=NOW - 600.0), *demand_rows(9, cpu=cpu, limit=4.0)])
    assert memory.last_sample_seconds == NOW - 600.0


def test_container_without_any_cpu_limit_is_taught_its_memory_only():
    memory = learnt(demand_rows(limit=16.0), observation_of(cores=None))
    assert memory.cpu.histogram.quantile(0.5) is None
    assert memory.memory.held.largest(NOW) == 300.0


def test_rows_of_now_and_later_are_left_out():
    assert learnt(demand_rows(10, end=NOW + 6000.0)).last_sample_seconds == 0.0
    assert learnt(demand_rows(10, end=NOW)).last_sample_seconds == END


def test_cpu_may_shrink_on_a_day_of_records_and_memory_may_not():
    """The same memory through the whole policy: 4 cores of which 0.5 are used, 2048 MiB of which 300 are."""
    from pve_lxc.model.node import Node
    from pve_lxc.model.usage import HostUsage
    from pve_lxc.policy.decide import decide
    from pve_lxc.policy.observation import HostState
    from pve_lxc.policy.settings.container import SettingsBook

    host = HostState(Node("pve1", "online", 2, 16.0), HostUsage("pve1", 16.0, 65536.0, 32768.0, 0.0, 0.0))
    (decision,), _memories = decide([observation_of()], {101: learnt(demand_rows())}, SettingsBook(), host, NOW)
    assert (decision.target.cores, decision.target.memory_mib) == (1, 2048)
    assert [str(reason) for reason in decision.reasons] == ["shrink_cpu", "too_little_history"]


def test_gap_of_more_than_a_day_makes_the_recorded_time_void():
    from dataclasses import replace

    from pve_lxc.model.node import Node
    from pve_lxc.model.usage import HostUsage
    from pve_lxc.policy.decide import decide
    from pve_lxc.policy.observation import HostState
    from pve_lxc.policy.settings.container import SettingsBook

    host = HostState(Node("pve1", "online", 2, 16.0), HostUsage("pve1", 16.0, 65536.0, 32768.0, 0.0, 0.0))
    memory = replace(learnt(demand_rows()), last_sample_seconds=NOW - 1.1 * DAY)
    (decision,), memories = decide([observation_of()], {101: memory}, SettingsBook(), host, NOW)
    assert memories[101].recorded_seconds == 0.0
    assert decision.target == decision.current


def test_container_with_a_new_identity_is_not_taught_the_records_of_its_id():
    from dataclasses import replace

    from pve_lxc.policy.adopt import adopt
    from pve_lxc.policy.past import is_unseen
    from pve_lxc.policy.settings.policy import PolicySettings

    observation, policy = observation_of(), PolicySettings()
    memory = replace(learnt(demand_rows()), identity="101|local:101/old.raw|")
    memory = adopt(memory, observation.guest, observation.config, policy, NOW)
    assert (memory.recorded_seconds, is_unseen(memory)) == (0.0, False)
