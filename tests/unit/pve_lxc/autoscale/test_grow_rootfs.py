# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A root file system grows: in the cycle, in the journal, through lost answers and killed runs; and what a rollback says of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pve_lxc.autoscale.commands.cycle_text import format_cycle_lines, format_news_lines
from pve_lxc.autoscale.cycle import run_cycle
from pve_lxc.autoscale.moment import Moment
from pve_lxc.autoscale.notify.news import news_of_cycle
from pve_lxc.autoscale.rollback.draft import RollbackRequest
from pve_lxc.autoscale.rollback.put_back import run_rollback
from pve_lxc.errors import ProxmoxConnectionError, ProxmoxNodeError, ProxmoxPermissionError, ProxmoxTaskError
from support.fake_disks import GIB, DiskNode


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


@pytest.fixture
def node(tmp_path):
    with DiskNode(tmp_path).closing() as fake:
        fake.add_disk(101, 7.4)
        yield fake


def run(node, mode="apply", seconds=60):
    node.clock.seconds += seconds
    return run_cycle(node.parts, mode)


def journal(node):
    return [
        (change["reason"], change["before"], change["target"], None if change["outcome"] is None else change["outcome"]["reason"])
        for change in node.state.read_changes()
    ]


def test_full_one_grows_and_the_journal_has_it_by_itself(node):
    result = run(node)
    assert node.backend.grown == [(101, "rootfs", "10G")]
    assert (result.outcomes, [str(outcome.reason) for outcome in result.disk_outcomes]) == ((), ["grow_rootfs"])
    assert (result.changed_count, result.failed_count) == (1, 0)
    assert journal(node) == [("grow_rootfs", {"rootfs": "8G"}, {"rootfs": "10G"}, "grow_rootfs")]
    assert node.state.read_changes()[0]["outcome"]["after"] == {"rootfs": "10G"}
    assert node.state.read_open_changes() == []


def test_it_is_written_down_before_it_is_grown(node):
    seen = []
    original = node.backend.resize_disk
    node.backend.resize_disk = lambda *arguments: (seen.append([change["target"] for change in node.state.read_open_changes()]), original(*arguments))[1]
    run(node)
    assert seen == [[{"rootfs": "10G"}]]


def test_nothing_grows_and_nothing_more_is_asked_where_it_is_off(tmp_path):
    with DiskNode(tmp_path, grow_rootfs=False).closing() as node:
        node.add_disk(101, 7.4)
        run(node)
        node.calls()
        result = run(node)
        assert node.calls() == ["read_cluster"]
        assert result.decisions[0].rootfs is None
        assert "rootfs" not in node.state.read_memories()[101]["memory"]


def test_growing_asks_nothing_more_in_a_cycle_without_a_growth(node):
    node.backend.used_gib[101] = 3
    run(node)
    node.calls()
    run(node)
    assert node.calls() == ["read_cluster"]


def test_recommendation_shows_it_and_does_nothing(node):
    result = run(node, "recommend")
    assert node.backend.grown == []
    assert node.state.read_changes() == []
    lines = format_cycle_lines(result)
    assert "node pve1, mode recommend: 1 containers, 1 would change (run 1)" in lines
    assert "  101 ct101: root file system 8G -> 10G: would be (grow_rootfs)" in lines


def test_it_grows_once_in_an_hour_and_up_to_twice_what_was_found(node):
    run(node)
    node.backend.used_gib[101] = 9.4
    assert str(run(node).decisions[0].rootfs.reason) == "cooldown"
    assert node.backend.size(101) == "10G"
    for used_gib in (9.4, 11.3, 13.2, 15.1):
        node.backend.used_gib[101] = used_gib
        result = run(node, seconds=3700)
    assert [size for _vmid, _disk, size in node.backend.grown] == ["10G", "12G", "14G", "16G"]
    assert str(result.decisions[0].rootfs.reason) == "rootfs_at_bound"


@pytest.mark.parametrize(("when", "settled", "size"), [("before", ["not_tried"], "8G"), ("after", ["grow_rootfs"], "10G")])
def test_killed_run_is_settled_by_looking_at_the_size(node, when, settled, size):
    original = node.backend.resize_disk

    def dying(*arguments):
        if when == "after":
            original(*arguments)
        raise Killed

    node.backend.resize_disk = dying
    with pytest.raises(Killed):
        run(node)
    node.backend.resize_disk = original
    node.reopen()
    first = run(node)
    if when == "before":
        # A task of Proxmox's may still be at work: it is left open, and nothing new is begun.
        assert (first.settled, len(node.state.read_open_changes())) == ((), 1)
        assert node.backend.grown == []
        first = run(node, seconds=1200)
    assert [str(outcome.reason) for outcome in first.settled] == settled
    assert node.backend.size(101) == size
    assert node.state.read_open_changes() == []
    memory = node.state.read_memories()[101]["memory"]["rootfs"]
    assert memory["baseline_bytes"] == 8 * GIB
    assert run(node, seconds=3700).settled == ()
    assert node.state.read_memories()[101]["memory"]["rootfs"]["baseline_bytes"] == 8 * GIB


def test_killed_after_the_growth_and_before_the_end_was_written(node):
    original = node.state.end_change

    def dying(*_arguments):
        raise Killed

    node.state.end_change = dying
    with pytest.raises(Killed):
        run(node)
    node.state.end_change = original
    node.reopen()
    result = run(node)
    assert [(str(outcome.reason), outcome.is_failed) for outcome in result.settled] == [("grow_rootfs", False)]
    assert node.backend.grown == [(101, "rootfs", "10G")]


def test_size_that_an_older_version_did_not_write_down_is_read_first(node):
    node.backend.used_gib[101] = 3
    run(node)
    memories = node.state.read_memories()
    del memories[101]["config"]["rootfs_options"]
    node.state.write_memories(memories, node.clock.seconds)
    node.backend.used_gib[101] = 7.4
    assert str(run(node).decisions[0].rootfs.reason) == "not_measured"
    assert node.backend.grown == []
    run(node, seconds=3600)
    assert node.backend.grown == [(101, "rootfs", "10G")]


def test_growth_that_somebody_else_made_is_the_new_measure(node):
    run(node)
    node.backend.set_size(101, "30G")
    node.backend.used_gib[101] = 28.4
    result = run(node, seconds=3700)
    assert node.backend.size(101) == "33G"
    assert node.state.read_memories()[101]["memory"]["rootfs"]["baseline_bytes"] == 30 * GIB
    assert result.disk_outcomes[0].more_before == {"rootfs": "30G"}


def test_lost_answer_is_found_out_by_looking(node):
    node.backend.fail("resize_disk", ProxmoxConnectionError("connection reset", is_sent=True), "after")
    result = run(node)
    assert [(str(outcome.reason), outcome.is_failed, outcome.more_after) for outcome in result.disk_outcomes] == [("grow_rootfs", False, {"rootfs": "10G"})]


def test_lost_answer_of_a_growth_that_cannot_be_seen_stays_open(node):
    node.backend.fail("resize_disk", ProxmoxConnectionError("connection reset", is_sent=True))
    result = run(node)
    assert [(str(outcome.reason), outcome.is_failed) for outcome in result.disk_outcomes] == [("outcome_unknown", True)]
    assert [change["target"] for change in node.state.read_open_changes()] == [{"rootfs": "10G"}]
    # The task ended after all.
    node.backend.set_size(101, "10G")
    assert [str(outcome.reason) for outcome in run(node).settled] == ["grow_rootfs"]


def test_node_that_did_not_answer_may_still_be_growing_it(node):
    node.backend.fail("resize_disk", ProxmoxNodeError("too many redirections", status=599))
    assert [str(outcome.reason) for outcome in run(node).disk_outcomes] == ["node_unreachable"]
    assert run(node).settled == ()
    node.backend.set_size(101, "10G")
    assert [str(outcome.reason) for outcome in run(node).settled] == ["grow_rootfs"]
    assert node.state.read_memories()[101]["memory"]["rootfs"]["baseline_bytes"] == 8 * GIB


def test_refusal_is_named_and_not_repeated_within_the_hour(node):
    node.backend.fail("resize_disk", ProxmoxPermissionError("Permission check failed", acl_path="/storage/local-lvm", privileges=["Datastore.AllocateSpace"]))
    result = run(node)
    assert [str(outcome.reason) for outcome in result.disk_outcomes] == ["permission_denied"]
    assert "missing privilege on /storage/local-lvm: Datastore.AllocateSpace" in result.disk_outcomes[0].message
    assert result.failed_count == 1
    assert news_of_cycle(result).troubles[0].event == "failures"
    assert str(run(node).decisions[0].rootfs.reason) == "cooldown"
    assert run(node, seconds=3700).disk_outcomes[0].is_changed


def test_task_that_failed_is_looked_at_all_the_same(node):
    node.backend.fail("resize_disk", ProxmoxTaskError("resize2fs failed", upid="UPID:x", exit_status="command 'resize2fs' failed"), "after")
    outcome = run(node).disk_outcomes[0]
    assert (str(outcome.reason), outcome.is_failed, outcome.is_changed, outcome.more_after) == ("task_failed", True, True, {"rootfs": "10G"})


def between(node, act):
    """Do something after the decision and before the write."""
    original = node.backend.is_quorate

    def acting():
        act()
        return original()

    node.backend.is_quorate = acting


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (lambda backend: backend.set_size(101, "9G"), "operator_changed"),
        (lambda backend: backend.values[101].update(rootfs="tank:vm-101-disk-1,size=8G"), "operator_changed"),
        (lambda backend: backend.values[101].update(lock="backup"), "locked"),
        (lambda backend: backend.values.pop(101), "not_found"),
        (lambda backend: setattr(backend, "has_quorum", False), "no_quorum"),
    ],
)
def test_what_happened_between_look_and_write_is_respected(node, act, reason):
    between(node, lambda: act(node.backend))
    result = run(node)
    assert [str(outcome.reason) for outcome in result.disk_outcomes] == [reason]
    assert node.backend.grown == []
    assert node.state.read_changes() == []


def test_proxmox_that_is_gone_leaves_the_others_untried(node):
    node.add_disk(102, 7.5)
    node.backend.fail("resize_disk", ProxmoxConnectionError("connection refused", is_sent=False))

    def gone():
        node.backend.fail("read_config", ProxmoxConnectionError("connection refused", is_sent=False))

    between(node, gone)
    with pytest.raises(ProxmoxConnectionError):
        run(node)
    assert node.backend.grown == []


def test_two_containers_that_are_full_on_one_storage_do_not_both_get_the_rest(node):
    node.add_disk(102, 7.5)
    node.backend.storage = replace(node.backend.storage, used_bytes=177.0 * GIB)
    result = run(node)
    assert node.backend.grown == [(102, "rootfs", "10G")]
    assert [str(decision.rootfs.reason) for decision in result.decisions] == ["storage_full", "grow_rootfs"]
    assert "101 ct101: storage_full: its root file system fills up, and its storage has no room to grow it" in [
        trouble.line for trouble in news_of_cycle(result).troubles
    ]


def test_what_was_done_is_told(node):
    result = run(node)
    assert format_news_lines(result)[0] == "  101 ct101: root file system 8G -> 10G: done (grow_rootfs)"
    assert news_of_cycle(result).changes == (
        "101 ct101: root file system 8G -> 10G, which cannot be undone (grow_rootfs): its root file system is 97 % full, which counts as full: 8G -> 10G",
    )


def roll_back(node, vmid=101, run_id=None):
    moment = None if run_id is None else Moment(run_id=run_id)
    result = run_rollback(node.parts, RollbackRequest(vmid, moment), node.parts.lock)
    return [(str(outcome.reason), outcome.is_failed, outcome.message) for outcome in result.outcomes]


def test_rollback_of_a_growth_is_refused_with_the_reason(node):
    run(node)
    reason, is_failed, message = roll_back(node)[0]
    assert (reason, is_failed) == ("cannot_shrink", True)
    assert message.startswith("its root file system stays as it is (8G -> 10G), because a disk cannot shrink")
    assert node.backend.size(101) == "10G"


def test_rollback_of_memory_and_disk_puts_the_memory_back_and_says_what_stays(node):
    node.usage.memory_mib[101] = 1000
    run(node)
    assert node.backend.values[101]["memory"] == 1184
    assert node.backend.size(101) == "10G"
    node.usage.memory_mib[101] = 300
    reason, is_failed, message = roll_back(node, run_id=1)[0]
    assert (reason, is_failed) == ("rolled_back", False)
    assert message.endswith("memory 1184 -> 1024 MiB; its root file system stays as it is (8G -> 10G), because a disk cannot shrink")
    assert node.backend.values[101]["memory"] == 1024
    assert node.backend.size(101) == "10G"


def test_rollback_of_all_goes_on_with_the_rest(node):
    node.add_disk(102, 3.0)
    node.usage.memory_mib[102] = 1000
    run(node)
    node.usage.memory_mib[102] = 300
    assert [(reason, is_failed) for reason, is_failed, _message in roll_back(node, None, 1)] == [("cannot_shrink", False), ("rolled_back", False)]
    assert node.backend.values[102]["memory"] == 1024


def test_container_that_was_rolled_back_is_not_grown(node):
    node.usage.memory_mib[101] = 1000
    node.backend.used_gib[101] = 3.0
    run(node)
    node.usage.memory_mib[101] = 300
    roll_back(node)
    node.backend.used_gib[101] = 7.4
    result = run(node)
    assert str(result.decisions[0].reason) == "rolled_back"
    assert node.backend.grown == []
