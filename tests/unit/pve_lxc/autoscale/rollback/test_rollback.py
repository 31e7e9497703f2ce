# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollback by doing it on a node in memory: what comes back, what is left, what is written down, and what the next cycle does."""

from __future__ import annotations

import math
import os
from contextlib import nullcontext
from dataclasses import replace

import pytest
from pve_lxc.autoscale.cycle import run_cycle
from pve_lxc.autoscale.lock import hold_lock, wait_for_lock
from pve_lxc.autoscale.moment import Moment
from pve_lxc.autoscale.remembered import remembered_from_dict, remembered_to_dict
from pve_lxc.autoscale.rollback.draft import RollbackRequest
from pve_lxc.autoscale.rollback.put_back import run_rollback
from pve_lxc.errors import LockHeldError, ProxmoxConnectionError, RequestError, StateError
from pve_lxc.model.allocation import Allocation
from pve_lxc.model.usage import MemorySource
from pve_lxc.policy.hold import release
from pve_lxc.policy.loan import Boost
from pve_lxc.policy.settings.policy import PolicySettings
from support.loop_fakes import START, FakeNode


@pytest.fixture
def node(tmp_path):
    with FakeNode(tmp_path).closing() as fake:
        yield fake


def cycle(node, seconds=60):
    node.clock.seconds += seconds
    return run_cycle(node.parts, "apply")


def rollback(node, vmid=None, *, run=None, seconds=None, **options):
    node.clock.seconds += 1
    moment = None if run is None and seconds is None else Moment(run_id=run, seconds=seconds)
    return run_rollback(node.parts, RollbackRequest(vmid, moment, **options), node.parts.lock)


def grow(node, vmid=101, *, memory_mib=1000, cpu_cores=0.5, **values):
    """Let a container need more than it has, see it grown, and let it need little again."""
    if vmid not in node.backend.values:
        node.add(vmid, cpu_cores=cpu_cores, memory_mib=memory_mib, **values)
    node.usage.cpu_cores[vmid], node.usage.memory_mib[vmid] = cpu_cores, memory_mib
    result = cycle(node)
    node.usage.cpu_cores[vmid], node.usage.memory_mib[vmid] = 0.1, 200
    return result.run_id


def reasons(result):
    return {outcome.vmid: str(outcome.reason) for outcome in result.outcomes}


def decided(result, vmid=101):
    return str({decision.vmid: decision for decision in result.decisions}[vmid].reason)


def release_in_state(node, vmid=101):
    entry = remembered_from_dict(vmid, node.state.read_memories()[vmid], PolicySettings())
    node.state.write_memories({vmid: remembered_to_dict(replace(entry, memory=release(entry.memory)))}, node.clock.now())


def test_grown_container_comes_back_to_every_byte_of_its_configuration(node):
    node.add(101, cpu_cores=0.5, memory_mib=1000, cores=2, cpulimit="1.5", hostname="web", tags="a;b")
    before = dict(node.backend.values[101])
    node.usage.cpu_cores[101] = 1.5
    cycle(node)
    assert node.backend.values[101] != before
    node.usage.cpu_cores[101], node.usage.memory_mib[101] = 0.1, 200
    result = rollback(node, 101)
    assert node.backend.values[101] == before
    assert reasons(result) == {101: "rolled_back"}
    assert (result.changed_count, result.failed_count) == (1, 0)


def test_key_that_was_absent_is_absent_again(node):
    # A CPU limit that grows above the cores takes the cores along; here the journal says that there were none.
    node.add(101, cpu_cores=0.1, memory_mib=200, cores=4, cpulimit="2.5", memory=2048)
    run_id = node.state.begin_run(START + 1, "apply")
    write_change(node, run_id, before={"memory_mib": 1024}, after={"cores": 4, "cpulimit": 2.5, "memory_mib": 2048})
    rollback(node, 101)
    assert node.backend.values[101] == {"memory": 1024, "swap": 512, "hostname": "ct101"}
    ((_vmid, values, deleted),) = node.backend.writes
    assert (values, sorted(deleted)) == ({"memory": 1024}, ["cores", "cpulimit"])


def test_memory_that_was_absent_comes_back_as_proxmoxs_default(node):
    node.add(101, cpu_cores=0.1, memory_mib=100, memory=2048)
    run_id = node.state.begin_run(START + 1, "apply")
    write_change(node, run_id, before={"cores": 2}, after={"cores": 2, "memory_mib": 2048})
    assert reasons(rollback(node, 101)) == {101: "rolled_back"}
    assert node.backend.writes == [(101, {"memory": 512}, ())]


def write_change(node, run_id, *, before, after, identity=""):
    from pve_lxc.model.decision import Decision
    from pve_lxc.model.plan import Outcome
    from pve_lxc.model.reason import Reason

    decision = Decision(101, "ct101", "pve1", Allocation(**before), Allocation(**after), Reason.GROW_MEMORY, "m")
    change_id = node.state.begin_change(run_id, node.clock.now(), decision, identity=identity)
    done = Outcome(101, "ct101", "pve1", True, False, Reason.GROW_MEMORY, "m", before=decision.current, after=decision.target)
    node.state.end_change(change_id, node.clock.now(), done)
    return change_id


def test_next_cycles_do_not_undo_it_and_release_lets_them(node):
    grow(node)
    rollback(node, 101)
    assert node.backend.values[101]["memory"] == 1024
    node.usage.memory_mib[101] = 1000
    for _minute in range(3):
        assert decided(cycle(node)) == "rolled_back"
    assert node.backend.values[101]["memory"] == 1024
    release_in_state(node)
    assert decided(cycle(node)) == "grow_memory"
    assert node.backend.values[101]["memory"] == 1184


def test_hold_ends_by_itself_after_the_operators_pause(node):
    grow(node)
    held_until = rollback(node, 101).held_until[101]
    assert held_until == node.clock.now() + 86400
    node.usage.memory_mib[101] = 1000
    assert decided(cycle(node, seconds=86300)) == "rolled_back"
    assert decided(cycle(node, seconds=120)) == "grow_memory"


def test_rolled_back_values_are_nobodys_and_the_baseline_stays(node):
    grow(node)
    rollback(node, 101)
    node.reopen()
    cycle(node)
    memory = node.state.read_memories()[101]["memory"]
    assert (memory["baseline"]["memory_mib"], memory["known"]["memory_mib"]) == (1024, 1024)
    assert memory["hold"]["reason"] == "rolled_back"


def test_journal_has_the_rollback_before_the_write_and_its_outcome_after(node):
    run_id = grow(node)
    seen = []
    node.backend.after_write = lambda vmid: seen.append([(change["vmid"], change["undoes_from"]) for change in node.state.read_open_changes()])
    result = rollback(node, 101)
    (grown, rolled) = reversed(node.state.read_changes())
    assert seen == [[(101, grown["change_id"])]]
    assert (rolled["reason"], rolled["run_id"], rolled["undoes_from"], rolled["outcome"]["failed"]) == ("rolled_back", result.run_id, grown["change_id"], False)
    assert rolled["message"].startswith(f"put back to before run {run_id} (")
    assert rolled["message"].endswith("): memory 1184 -> 1024 MiB")
    assert node.state.read_run(result.run_id)["result"] == "1 put back, 0 failed"
    assert node.state.read_last_run()["run_id"] == run_id


def test_second_rollback_goes_one_change_further_back(node):
    grow(node)
    node.usage.memory_mib[101] = 1150
    cycle(node)
    node.usage.memory_mib[101] = 200
    sizes = [change["target"]["memory"] for change in node.state.read_changes()]
    assert sizes == [1408, 1184]
    rollback(node, 101)
    assert node.backend.values[101]["memory"] == 1184
    rollback(node, 101)
    assert node.backend.values[101]["memory"] == 1024
    assert reasons(rollback(node, 101)) == {101: "unchanged"}


def test_container_that_the_loop_never_touched_is_unchanged_and_no_failure(node):
    node.add(101, cpu_cores=0.5, memory_mib=300)
    cycle(node)
    result = rollback(node, 101)
    assert (reasons(result), result.failed_count, node.backend.writes) == ({101: "unchanged"}, 0, [])


def test_back_to_before_a_run_takes_all_containers_and_everything_since(node):
    first = grow(node, 101)
    second = grow(node, 102)
    grow(node, 101, memory_mib=1150)
    result = rollback(node, run=second)
    assert [node.backend.values[vmid]["memory"] for vmid in (101, 102)] == [1184, 1024]
    assert reasons(result) == {101: "rolled_back", 102: "rolled_back"}
    rollback(node, run=first)
    assert [node.backend.values[vmid]["memory"] for vmid in (101, 102)] == [1024, 1024]


def test_back_to_a_moment_takes_back_what_came_after_it(node):
    grow(node, 101)
    between = node.clock.now() + 5
    grow(node, 102)
    result = rollback(node, seconds=between)
    assert reasons(result) == {102: "rolled_back"}
    assert node.backend.values[101]["memory"] == 1184


def test_back_to_before_a_rollback_gives_again_what_it_took(node):
    grow(node)
    undone = rollback(node, 101)
    rollback(node, run=undone.run_id)
    assert node.backend.values[101]["memory"] == 1184


def test_dry_run_says_the_same_and_does_nothing(node):
    grow(node)
    node.calls()
    runs = node.state.read_run_span()[1]["run_id"]
    result = rollback(node, 101, is_dry_run=True)
    (outcome,) = result.outcomes
    assert (outcome.is_changed, outcome.after.memory_mib, result.run_id, result.held_until) == (True, 1024, None, {})
    assert node.backend.values[101]["memory"] == 1184
    assert node.calls() == ["read_cluster", "read_config"]
    assert node.state.read_run_span()[1]["run_id"] == runs
    assert node.state.read_memories()[101]["memory"]["hold"] is None


def test_dry_run_needs_no_lock_and_finds_out_that_memory_is_in_use(node, tmp_path):
    grow(node)
    node.usage.memory_mib[101] = 1100
    with hold_lock(str(tmp_path / "lock")):
        result = rollback(node, 101, is_dry_run=True)
    assert (reasons(result), result.failed_count) == ({101: "below_working_set"}, 1)


@pytest.mark.parametrize(
    ("memory_mib", "reason", "said"),
    [
        (1100, "below_working_set", "its working set is 1100 MiB, more than 1024 MiB, so the kernel will kill inside it at once"),
        (960, "below_working_set", "its working set is 960 MiB, too close to 1024 MiB"),
        (None, "not_measured", "it runs and what it uses was not measured"),
    ],
)
def test_memory_in_use_is_not_taken_away(node, memory_mib, reason, said):
    grow(node)
    if memory_mib is None:
        del node.usage.memory_mib[101]
    else:
        node.usage.memory_mib[101] = memory_mib
    result = rollback(node, 101)
    assert (reasons(result), result.failed_count) == ({101: reason}, 1)
    assert said in result.outcomes[0].message
    assert "give --force" in result.outcomes[0].message
    assert node.backend.values[101]["memory"] == 1184
    assert node.state.read_memories()[101]["memory"]["hold"] is None
    assert reasons(rollback(node, 101, is_forced=True)) == {101: "rolled_back"}
    assert node.backend.values[101]["memory"] == 1024


def test_memory_that_fills_up_between_plan_and_write_is_not_taken_away(node):
    grow(node)
    node.usage.memory_now_mib[101] = 1150
    result = rollback(node, 101)
    assert (reasons(result), result.failed_count) == ({101: "below_working_set"}, 1)
    assert node.backend.values[101]["memory"] == 1184
    assert node.state.read_memories()[101]["memory"]["hold"] is None


def test_figures_of_the_api_are_not_enough_to_take_memory_away(node):
    grow(node)
    sample_of = node.usage._sample
    node.usage._sample = lambda guest, now: replace(sample_of(guest, now), memory_source=MemorySource.API)
    result = rollback(node, 101)
    assert reasons(result) == {101: "shmem_unknown"}
    assert node.backend.values[101]["memory"] == 1184


def test_stopped_container_is_put_back_without_a_measurement(node):
    grow(node)
    node.backend.guests[101] = replace(node.backend.guests[101], status="stopped")
    del node.usage.memory_mib[101]
    assert reasons(rollback(node, 101)) == {101: "rolled_back"}
    assert node.backend.values[101]["memory"] == 1024


def test_what_somebody_has_set_since_is_kept_and_force_overrides_it(node):
    grow(node)
    node.backend.values[101]["memory"] = 3000
    result = rollback(node, 101)
    assert (reasons(result), result.failed_count) == ({101: "operator_changed"}, 1)
    assert "somebody has changed memory since" in result.outcomes[0].message
    assert node.backend.values[101]["memory"] == 3000
    rollback(node, 101, is_forced=True)
    assert node.backend.values[101]["memory"] == 1024


def test_what_the_loop_never_changed_stays_as_somebody_has_set_it(node):
    grow(node)
    node.backend.values[101]["cores"] = 3
    node.backend.values[101]["swap"] = 64
    assert reasons(rollback(node, 101)) == {101: "rolled_back"}
    assert node.backend.values[101] == {"memory": 1024, "swap": 64, "hostname": "ct101", "cores": 3}


def test_container_that_has_the_old_values_already_is_not_written(node):
    grow(node)
    node.backend.values[101]["memory"] = 1024
    node.backend.writes.clear()
    result = rollback(node, 101)
    assert (reasons(result), result.failed_count, node.backend.writes) == ({101: "unchanged"}, 0, [])


def test_id_that_belongs_to_another_container_now_is_left(node):
    node.add(101, cpu_cores=0.1, memory_mib=200, memory=2048)
    write_change(node, node.state.begin_run(START, "apply"), before={"memory_mib": 1024}, after={"memory_mib": 2048}, identity="101|local:old|AA:BB")
    result = rollback(node, 101)
    assert (reasons(result), result.failed_count, node.backend.writes) == ({101: "not_found"}, 1, [])
    assert "the id belongs to another container now" in result.outcomes[0].message
    # In a rollback of all it is no failure: nobody asked for it by name.
    assert rollback(node, run=1).failed_count == 0
    assert reasons(rollback(node, 101, is_forced=True)) == {101: "rolled_back"}


def test_destroyed_container_is_a_failure_only_where_it_was_named(node):
    grow(node)
    run_id = grow(node, 102)
    del node.backend.guests[101]
    assert rollback(node, 101).failed_count == 1
    result = rollback(node, run=run_id - 1)
    assert reasons(result) == {101: "not_found", 102: "rolled_back"}
    assert result.failed_count == 0


def test_locked_container_fails_and_the_others_are_put_back(node):
    first = grow(node)
    grow(node, 102)
    node.backend.values[101]["lock"] = "backup"
    result = rollback(node, run=first)
    assert (reasons(result), result.failed_count) == ({101: "locked", 102: "rolled_back"}, 1)
    assert [node.backend.values[vmid]["memory"] for vmid in (101, 102)] == [1184, 1024]


def test_without_quorum_nothing_is_written_and_nobody_is_held(node):
    grow(node)
    node.backend.has_quorum = False
    result = rollback(node, 101)
    assert (reasons(result), result.failed_count) == ({101: "no_quorum"}, 1)
    assert node.backend.values[101]["memory"] == 1184
    assert node.state.read_memories()[101]["memory"]["hold"] is None


def test_proxmox_that_goes_away_in_the_midst_leaves_the_rest_as_it_was_and_says_so(node):
    first = grow(node)
    grow(node, 102)
    node.backend.after_write = lambda vmid: node.backend.fail("read_config", ProxmoxConnectionError("connection refused", is_sent=False))
    result = rollback(node, run=first)
    assert (reasons(result), result.failed_count) == ({101: "rolled_back", 102: "not_tried"}, 1)
    memories = node.state.read_memories()
    assert [(memories[vmid]["memory"]["hold"] or {}).get("reason") for vmid in (101, 102)] == ["rolled_back", None]


def test_lost_answer_stays_open_and_the_next_cycle_settles_it_without_undoing_it(node):
    grow(node)
    node.backend.fail("write_config", ProxmoxConnectionError("reset", is_sent=True), when="after")
    node.backend.after_write = lambda vmid: node.backend.fail("read_config", ProxmoxConnectionError("reset", is_sent=True))
    result = rollback(node, 101)
    assert (reasons(result), result.failed_count) == ({101: "outcome_unknown"}, 1)
    assert len(node.state.read_open_changes()) == 1
    node.backend.after_write = None
    node.backend.failures.clear()
    node.usage.memory_mib[101] = 1000
    settled = cycle(node)
    assert [str(outcome.reason) for outcome in settled.settled] == ["resized"]
    assert decided(settled) == "rolled_back"
    assert node.backend.values[101]["memory"] == 1024


def test_rollback_killed_right_after_the_write_is_not_undone_by_the_next_cycle(node):
    grow(node)
    with node.killed_after_write():
        rollback(node, 101)
    node.reopen()
    node.usage.memory_mib[101] = 1000
    assert decided(cycle(node)) == "rolled_back"
    assert node.backend.values[101]["memory"] == 1024
    assert node.state.read_open_changes() == []


def test_change_that_a_killed_cycle_left_open_is_settled_first_and_can_be_taken_back(node):
    with node.killed_after_write():
        grow(node)
    node.usage.memory_mib[101] = 200
    assert node.backend.values[101]["memory"] == 1184
    result = rollback(node, 101)
    assert [str(outcome.reason) for outcome in result.settled] == ["resized"]
    assert reasons(result) == {101: "rolled_back"}
    assert node.backend.values[101]["memory"] == 1024


def test_full_disk_stops_it_before_anything_is_written(node, monkeypatch):
    grow(node)
    node.backend.writes.clear()

    def refuse(*_arguments, **_options):
        raise StateError("database or disk is full")

    state = node.state
    monkeypatch.setattr(state, "begin_change", refuse)
    with pytest.raises(StateError, match="disk is full"):
        rollback(node, 101)
    assert node.backend.writes == []
    newest = state.read_run_span()[1]
    assert (newest["mode"], newest["result"], newest["is_failed"]) == ("rollback", "failed: database or disk is full", True)


def test_shrinks_come_before_growths(node):
    first = grow(node, 101)
    grow(node, 102)
    # 101 was lowered by the loop since, so that taking everything back grows it.
    node.backend.values[101]["memory"] = 512
    from pve_lxc.model.decision import Decision
    from pve_lxc.model.plan import Outcome
    from pve_lxc.model.reason import Reason

    decision = Decision(101, "ct101", "pve1", Allocation(2, memory_mib=1184), Allocation(2, memory_mib=512), Reason.SHRINK_MEMORY, "m")
    change_id = node.state.begin_change(first, node.clock.now(), decision)
    node.state.end_change(change_id, node.clock.now(), Outcome(101, "", "pve1", True, False, decision.reason, "m", decision.current, decision.target))
    node.backend.writes.clear()
    rollback(node, run=first)
    assert [(vmid, values["memory"]) for vmid, values, _deleted in node.backend.writes] == [(102, 1024), (101, 1024)]


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ({"run": 99}, "--to = 99: there is no such run; the journal has runs 1 ("),
        ({"run": 0}, "--to = 0: there is no such run"),
        ({"seconds": START - 1e6}, "nobody wrote down what was there then; the journal has runs 1 ("),
    ],
)
def test_run_or_moment_that_the_journal_does_not_know_is_an_error_that_names_what_there_is(node, moment, said):
    grow(node)
    with pytest.raises(RequestError) as caught:
        rollback(node, **moment)
    assert said in str(caught.value)
    assert node.backend.values[101]["memory"] == 1184


def test_empty_journal_is_an_error(node):
    with pytest.raises(RequestError, match="the journal is empty"):
        rollback(node, 101)


def test_rollback_waits_for_a_cycle_to_end_and_gives_up_in_time(node, tmp_path):
    locks = []

    def lock():
        locks.append(node.clock.now())
        return hold_lock(str(tmp_path / "other")) if len(locks) < 4 else nullcontext()

    before = node.clock.now()
    with hold_lock(str(tmp_path / "other")), wait_for_lock(lock, node.clock, 60):
        assert [time - before for time in locks] == [0.0, 0.5, 1.0, 1.5]
    other = wait_for_lock(lambda: hold_lock(str(tmp_path / "other")), node.clock, 2)
    with hold_lock(str(tmp_path / "other")), pytest.raises(LockHeldError, match=f"process {os.getpid()}"), other:
        raise StateError("the lock was given to two")
    assert node.clock.now() == before + 1.5 + 2


def lend(node, vmid=101):
    entry = remembered_from_dict(vmid, node.state.read_memories()[vmid], PolicySettings())
    boost = Boost(Allocation(2, memory_mib=1024), node.clock.now(), node.clock.now() + 7200, memory_mib=1920.0)
    node.state.write_memories({vmid: remembered_to_dict(replace(entry, memory=replace(entry.memory, boost=boost)))}, node.clock.now())


def test_boost_ends_with_the_rollback_even_if_it_is_released_at_once(node):
    node.add(101, cpu_cores=0.1, memory_mib=200)
    cycle(node)
    lend(node)
    assert decided(cycle(node)) == "boosted"
    assert node.backend.values[101]["memory"] == 1920
    rollback(node, 101)
    assert node.backend.values[101]["memory"] == 1024
    release_in_state(node)
    assert decided(cycle(node)) != "boosted"
    assert node.backend.values[101]["memory"] == 1024


def test_boost_goes_on_where_the_rollback_was_refused(node):
    node.add(101, cpu_cores=0.1, memory_mib=200)
    cycle(node)
    lend(node)
    cycle(node)
    node.usage.memory_now_mib[101] = 1800
    assert reasons(rollback(node, 101)) == {101: "below_working_set"}
    assert node.state.read_memories()[101]["memory"]["boost"]["memory_mib"] == 1920
    assert node.state.read_memories()[101]["memory"]["hold"] is None


def test_memory_that_an_operator_took_back_is_not_on_trial(node):
    grow(node)
    rollback(node, 101)
    probation = node.state.read_memories()[101]["memory"]["probation"]
    assert (probation["started_seconds"], probation["restore_mib"]) == (0, 0)


def test_hold_without_an_end_is_not_shortened(node):
    from pve_lxc.model.reason import Reason
    from pve_lxc.policy.hold import hold

    grow(node)
    entry = remembered_from_dict(101, node.state.read_memories()[101], PolicySettings())
    held = replace(entry, memory=hold(entry.memory, Reason.CONTESTED, math.inf, since_seconds=1_799_000_000.0))
    node.state.write_memories({101: remembered_to_dict(held)}, node.clock.now())
    rollback(node, 101)
    assert node.backend.values[101]["memory"] == 1024
    assert node.state.read_memories()[101]["memory"]["hold"] == {"reason": "contested", "until_seconds": None, "since_seconds": 1_799_000_000.0}
