# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed between writing down and having written: the next one finds out, and nothing is taken for an operator's work."""

from __future__ import annotations

import pytest


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


@pytest.fixture
def node(tmp_path):
    from support.loop_fakes import FakeNode

    with FakeNode(tmp_path).closing() as fake:
        fake.add(101, cpu_cores=0.5, memory_mib=1000)
        yield fake


def run(node):
    from pve_lxc.autoscale.cycle import run_cycle

    node.clock.seconds += 60
    return run_cycle(node.parts, "apply")


def kill(node, object_, method, when):
    """Run a cycle that dies before or after a method, and begin a new process."""
    original = getattr(object_, method)

    def dying(*arguments, **options):
        if when == "after":
            original(*arguments, **options)
        raise Killed

    setattr(object_, method, dying)
    with pytest.raises(Killed):
        run(node)
    setattr(object_, method, original)
    node.reopen()


@pytest.mark.parametrize(
    ("owner", "method", "when", "settled", "memory"),
    [
        ("state", "begin_run", "after", [], 1184),
        ("backend", "read_cluster", "after", [], 1184),
        ("state", "begin_change", "before", [], 1184),
        ("state", "begin_change", "after", ["not_tried"], 1184),
        ("backend", "write_config", "before", ["not_tried"], 1184),
        ("backend", "write_config", "after", ["resized"], 1184),
        ("state", "end_change", "before", ["resized"], 1184),
        ("state", "end_change", "after", [], 1184),
        ("state", "end_run", "before", [], 1184),
        ("state", "end_run", "after", [], 1184),
    ],
)
def test_killed_run_is_settled_by_the_next(node, owner, method, when, settled, memory):
    kill(node, getattr(node, owner), method, when)
    result = run(node)
    assert [str(outcome.reason) for outcome in result.settled] == settled
    assert node.backend.values[101]["memory"] == memory
    assert "operator_changed" not in [str(reason) for reason in result.decisions[0].reasons]
    assert node.state.read_open_changes() == []
    # The next one has nothing left to settle, and what was found at adoption is still what was found.
    assert run(node).settled == ()
    assert node.state.read_memories()[101]["memory"]["baseline"]["memory_mib"] == 1024


def test_operator_after_a_killed_run_is_respected(node):
    kill(node, node.backend, "write_config", "after")
    node.backend.values[101]["memory"] = 3000
    result = run(node)
    assert [str(outcome.reason) for outcome in result.settled] == ["operator_changed"]
    assert str(result.decisions[0].reason) == "operator_changed"
    assert node.backend.values[101]["memory"] == 3000


def test_container_gone_after_a_killed_run_is_written_down(node):
    kill(node, node.backend, "write_config", "after")
    del node.backend.guests[101], node.backend.values[101]

    def read_pending(host, vmid):
        raise not_found()

    node.backend.read_pending = read_pending
    result = run(node)
    assert [(str(outcome.reason), outcome.is_failed) for outcome in result.settled] == [("not_found", True)]
    assert node.state.read_open_changes() == []


def not_found():
    from pve_lxc.errors import ProxmoxNotFoundError

    return ProxmoxNotFoundError("Configuration file 'nodes/pve1/lxc/101.conf' does not exist", status=500)
