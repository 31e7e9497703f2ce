# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs at once, made to meet at the worst moment, and a run that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

WAIT_SECONDS = 30.0


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    from support.clone_runs import running_simulator

    with running_simulator(tmp_path_factory.mktemp("races")) as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def tidy(simulator):
    yield
    for vmid in [int(vmid) for vmid in simulator.state()["guests"] if int(vmid) not in (5000, 9000, *range(101, 113))]:
        simulator.delete_guest(vmid)
    simulator.reset_requests()


def two_runs(simulator, monkeypatch, method, options):
    """Run two clone runs at once that both get the answer to their first call of ``method`` before either goes on."""
    from support.clone_runs import clone, connect

    clients = [connect(simulator), connect(simulator)]
    meeting = threading.Barrier(2, timeout=WAIT_SECONDS)
    for client in clients:
        monkeypatch.setattr(client, method, meet_once(getattr(client, method), meeting))
    with ThreadPoolExecutor(2) as executor:
        futures = [executor.submit(clone, client, **wanted) for client, wanted in zip(clients, options)]
        outcomes = [future.result() for future in futures]
    for client in clients:
        client.close()
    return outcomes


def meet_once(call, meeting):
    has_met = threading.Event()

    def met(*arguments):
        answer = call(*arguments)
        if not has_met.is_set():
            has_met.set()
            meeting.wait()
        return answer

    return met


def refusals(simulator):
    return [record for record in simulator.requests() if record["path"].endswith("/clone") and record["status"] == 500]


def test_two_runs_with_the_same_next_id_both_get_one(simulator, monkeypatch):
    from support.clone_runs import guests_named

    options = [{"source_vmid": 9000, "name": "left-{number}", "count": 3}, {"source_vmid": 9000, "name": "right-{number}", "count": 3}]
    outcomes = two_runs(simulator, monkeypatch, "read_next_id", options)
    done = [one.outcome for run in outcomes for one in run]
    assert [outcome.is_failed for outcome in done] == [False] * 6
    assert len({outcome.vmid for outcome in done}) == 6
    assert len(guests_named(simulator, "left-1", "left-2", "left-3", "right-1", "right-2", "right-3")) == 6
    # The race was there: at least one of them was told that its id is taken.
    assert len(refusals(simulator)) >= 1


def test_two_runs_that_make_the_same_clones_leave_one_of_each(simulator, monkeypatch):
    from support.clone_runs import guests_named

    same = {"source_vmid": 9000, "name": "same-{number}", "count": 2, "memory": "+256", "tags": ["web"]}
    outcomes = two_runs(simulator, monkeypatch, "read_cluster", [dict(same), dict(same)])
    assert [one.outcome.message for run in outcomes for one in run if one.outcome.is_failed] == []
    for number, (left, right) in enumerate(zip(*outcomes), start=1):
        [vmid] = guests_named(simulator, f"same-{number}")
        assert (left.outcome.vmid, right.outcome.vmid) == (vmid, vmid)
        config = simulator.guest(vmid)["config"]
        assert (config["memory"], config["tags"], "unfinished" in config["description"]) == ("768", "autoscale-clone;web", False)


def test_two_runs_that_ask_for_the_same_id_and_name_leave_one_clone(simulator, monkeypatch):
    from support.clone_runs import guests_named

    same = {"source_vmid": 9000, "name": "fixed", "vmid": 400, "cores": "2"}
    outcomes = two_runs(simulator, monkeypatch, "read_cluster", [dict(same), dict(same)])
    assert [one.outcome.message for run in outcomes for one in run if one.outcome.is_failed] == []
    assert (guests_named(simulator, "fixed"), simulator.guest(400)["config"]["cores"]) == ([400], "2")


def test_two_runs_that_want_one_id_for_two_names_give_it_to_one_of_them(simulator, monkeypatch):
    options = [{"source_vmid": 9000, "name": "first", "vmid": 400}, {"source_vmid": 9000, "name": "second", "vmid": 400}]
    done = [one.outcome for run in two_runs(simulator, monkeypatch, "read_cluster", options) for one in run]
    assert sorted(outcome.is_failed for outcome in done) == [False, True]
    [loser] = [outcome for outcome in done if outcome.is_failed]
    assert "the id 400 was taken by somebody else in the meantime" in loser.message


def test_two_runs_with_one_running_source_both_delete_their_snapshots(simulator, monkeypatch):
    from support.clone_runs import guests_named, snapshots

    options = [{"source_vmid": 102, "name": "left"}, {"source_vmid": 102, "name": "right"}]
    outcomes = two_runs(simulator, monkeypatch, "read_cluster", options)
    assert [one.outcome.is_failed for run in outcomes for one in run] == [False, False]
    assert (snapshots(simulator, "pve2", 102), len(guests_named(simulator, "left", "right"))) == ([], 2)


def test_a_run_that_waited_for_the_source_gives_way_to_the_one_it_waited_for(simulator, monkeypatch):
    from pve_lxc.errors import ProxmoxConflictError
    from support.clone_runs import clone, connect, guests_named

    client, other = connect(simulator), connect(simulator)
    honest = client.clone_guest
    others = []

    def locked_out_once(*arguments):
        if not others:
            others.extend(clone(other, source_vmid=9000, name="queued"))
            raise ProxmoxConflictError("CT is locked (disk)", kind="lock", lock="disk")
        return honest(*arguments)

    monkeypatch.setattr(client, "clone_guest", locked_out_once)
    # A range of its own, so that the id is still free after the wait.
    [late] = clone(client, source_vmid=9000, name="queued", vmid_range="600-699")
    for one in (client, other):
        one.close()
    assert (late.outcome.is_failed, late.outcome.is_changed, late.outcome.vmid) == (False, False, others[0].outcome.vmid)
    assert guests_named(simulator, "queued") == [others[0].outcome.vmid]


CHILD = """
import sys
sys.path[:0] = {paths!r}
from support.clone_runs import clone, connect
class Place:
    host, port, ca_path, tokens = {host!r}, {port!r}, {ca_path!r}, {tokens!r}
clone(connect(Place), source_vmid=102, name="killed", memory="+256", timeout=20.0)
"""


def test_what_a_killed_run_leaves_is_cleared_away_and_completed_by_the_next(tmp_path):
    from support.clone_runs import clone, connect, guests_named, running_simulator, snapshots

    with running_simulator(tmp_path, task_seconds=1.0) as simulator:
        text = CHILD.format(paths=sys.path[:4], host=simulator.host, port=simulator.port, ca_path=str(simulator.ca_path), tokens=simulator.tokens)
        child = subprocess.Popen([sys.executable, "-c", text], stdin=subprocess.DEVNULL)
        wait_for_clone_call(simulator, child)
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait(WAIT_SECONDS) == -signal.SIGKILL
        [left] = snapshots(simulator, "pve2", 102)
        assert left.startswith("autoscale-clone-")
        client = connect(simulator)
        [early] = clone(client, source_vmid=102, name="killed", memory="+256")
        assert (early.outcome.is_changed, early.outcome.is_failed, str(early.outcome.reason)) == (True, False, "cloned")
        assert (early.outcome.after.memory_mib, len(guests_named(simulator, "killed"))) == (early.outcome.before.memory_mib + 256, 1)
        # Its time is not over, and another run may still need it.
        assert snapshots(simulator, "pve2", 102) == [left]
        [late] = clone(client, source_vmid=102, name="killed", memory="+256", shift_seconds=3600.0)
        assert (late.outcome.is_changed, snapshots(simulator, "pve2", 102)) == (False, [])
        client.close()


def wait_for_clone_call(simulator, child):
    """Return when the child has asked for the clone, which takes a second from then on."""
    pause = threading.Event()
    for _attempt in range(600):
        if child.poll() is not None:
            pytest.fail(f"the child ended by itself with {child.returncode}")
        if any(record["method"] == "POST" and record["path"].endswith("/clone") for record in simulator.requests()):
            return
        pause.wait(0.05)
    pytest.fail("the child did not clone")


def test_the_children_of_this_file_find_the_library():
    assert (Path(sys.path[0]) / "pve_lxc" / "errors.py").is_file()
