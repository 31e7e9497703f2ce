# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for tasks, with a scripted API behind it."""

from __future__ import annotations

import pytest
from pve_lxc.backend.tasks import parse_upid_node, wait_for_task
from pve_lxc.errors import ProxmoxAPIError, ProxmoxPermissionError, ProxmoxTaskError, ProxmoxTimeoutError
from support.scripted_server import ManualClock

UPID = "UPID:pve1:000012B7:0003E3BA:6B037050:vzshutdown:104:admin@pve!adm:"


class TaskApi:
    """Answers status requests from a list and the log from another."""

    def __init__(self, statuses, log=()):
        self.statuses = list(statuses)
        self.log = log
        self.paths = []

    def __call__(self, method, path, parameters=None):
        self.paths.append(path)
        if path.endswith("/log"):
            if isinstance(self.log, Exception):
                raise self.log
            return [{"n": number, "t": text} for number, text in enumerate(self.log, 1)]
        return self.statuses.pop(0)


RUNNING = {"status": "running"}


def stopped(exit_status):
    return {"status": "stopped", "exitstatus": exit_status}


def test_task_that_ends_ok_returns_and_reads_no_log():
    api = TaskApi([RUNNING, stopped("OK")])
    assert wait_for_task(api, UPID, clock=ManualClock(), timeout_seconds=10).exit_status == "OK"
    assert api.paths == [f"/nodes/pve1/tasks/{UPID}/status"] * 2


def test_intervals_grow_to_two_seconds():
    clock = ManualClock()
    wait_for_task(TaskApi([RUNNING] * 10 + [stopped("OK")]), UPID, clock=clock, timeout_seconds=60)
    assert clock.sleeps == [0.1, 0.15, 0.225, 0.338, 0.506, 0.759, 1.139, 1.709, 2.0, 2.0]


def test_warnings_are_success_with_the_lines_that_warn():
    api = TaskApi([stopped("WARNINGS: 1")], ["starting", "WARN: no systemd", "TASK WARNINGS: 1"])
    result = wait_for_task(api, UPID, clock=ManualClock(), timeout_seconds=10)
    assert (result.exit_status, result.warnings) == ("WARNINGS: 1", ("WARN: no systemd",))


def test_failure_carries_exit_status_and_the_tail_of_the_log():
    lines = [f"line {number}" for number in range(40)] + ["TASK ERROR: container did not stop"]
    with pytest.raises(ProxmoxTaskError) as caught:
        wait_for_task(TaskApi([stopped("container did not stop")], lines), UPID, clock=ManualClock(), timeout_seconds=10)
    assert caught.value.exit_status == "container did not stop"
    assert caught.value.log_tail == (*(f"line {number}" for number in range(31, 40)), "TASK ERROR: container did not stop")


def test_failure_is_told_even_when_the_log_may_not_be_read():
    with pytest.raises(ProxmoxTaskError, match="unexpected status"):
        wait_for_task(TaskApi([stopped("unexpected status")], ProxmoxPermissionError("no")), UPID, clock=ManualClock(), timeout_seconds=10)


def test_task_that_goes_on_is_a_timeout_with_the_last_state():
    with pytest.raises(ProxmoxTimeoutError, match="did not end within 3 s; last state: running"):
        wait_for_task(TaskApi([RUNNING] * 50), UPID, clock=ManualClock(), timeout_seconds=3)


def test_answer_that_is_no_upid_is_named():
    with pytest.raises(ProxmoxAPIError, match="None where a task id"):
        parse_upid_node(None)
