# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Proxmox, and others who work on it, do in the midst of a cycle: every case ends with a code, a sentence and a journal that is true.

The runs are processes of the real command line; where something is to happen between two requests, the run stands still there meanwhile.
"""

from __future__ import annotations

import pytest

GROWN = {101: 1792, 102: 1792}
DONE_101, DONE_102 = (101, "grow_memory", True, 1024, 1792), (102, "grow_memory", True, 1024, 1792)


@pytest.fixture
def hurried(room):
    """Return a room in which both containers need more memory than they have."""
    room.cycle()
    room.wait()
    room.need_memory(101, 102)
    return room


def through(room, port):
    """Return the line of the configuration that leads through a gate."""
    token = f"token_id: 'lxc-autoscale@pve!node-pve1', token_secret_file: {room.folder}/secret"
    return f"{{host: 127.0.0.1, port: {port}, {token}, ca_file: {room.simulator.ca_path}, retries: 0}}"


def recovered(room):
    """Run the next cycle, and return vmid and reason of what it settled."""
    room.wait()
    result = room.cycle()
    assert [change for change in room.journal() if change[1] == "open"] == []
    assert "operator_changed" not in [one["reason"] for one in result["decisions"]]
    return [(one["vmid"], one["reason"]) for one in result["settled"]]


API_GONE = [
    ("^GET /cluster/resources: before", 3, "broke during GET /cluster/resources", [], []),
    ("^GET /cluster/status: before", 3, "broke during GET /cluster/status", [], []),
    ("^GET .*101/config: before", 3, "broke during GET /nodes/pve1/lxc/101/config", [], []),
    ("^PUT .*101/config: before", 3, "cannot connect to 127.0.0.1", [(101, "open")], [(101, "not_tried")]),
    ("^PUT .*101/config: sent", 3, "cannot connect to 127.0.0.1", [(101, "open")], [(101, "resized")]),
    ("^GET .*101/pending: before", 3, "cannot connect to 127.0.0.1", [(101, "open")], [(101, "resized")]),
    ("^GET .*102/config: before", 3, "broke during GET /nodes/pve1/lxc/102/config", [DONE_101], []),
    ("^PUT .*102/config: before", 1, "outcome_unknown", [DONE_101, (102, "open")], [(102, "not_tried")]),
    # Whether the answer came before the door was shut is chance; what is known afterwards is not.
    ("^PUT .*102/config: sent", 1, "102 c102: memory 1024 -> 1792 MiB: FAILED", [DONE_101, (102, "open")], [(102, "resized")]),
    ("^GET .*102/pending: before", 1, "could not be read back", [DONE_101, (102, "open")], [(102, "resized")]),
]


@pytest.mark.parametrize(("at", "exit_code", "said", "journal", "settled"), API_GONE)
def test_api_that_goes_away_at_any_request_is_said_and_settled_by_the_next_run(hurried, at, exit_code, said, journal, settled):
    from support.tcp_gate import TcpGate

    room = hurried
    with TcpGate(room.simulator.port) as gate:
        room.configure(connection=through(room, gate.port))

        def cut():
            if at.endswith("sent"):
                room.wait_for_put()
            gate.shut()

        ended = room.run("run", at=at, meanwhile=cut)
    assert ended.at != ""
    assert (ended.exit_code, room.journal()) == (exit_code, journal)
    assert said in " ".join((ended.out + ended.err).split())
    assert "Traceback" not in ended.err
    room.configure()
    assert recovered(room) == settled
    assert room.sizes() == GROWN
    assert (room.writes(101), room.writes(102)) == (1, 1)


FAULTS = [
    ("no_quorum", {}, 0, "no_quorum: the cluster has no quorum, so nothing can be written", [], []),
    (
        "config_readonly",
        {"vmid": 101},
        1,
        "half_applied: Proxmox answered 500",
        [(101, "half_applied", False, 1024, 1024), DONE_102],
        [],
    ),
    ("status_code", {"status": 500, "count": 1, "path": "/nodes/pve1/lxc/101/config"}, 1, "refused_by_proxmox: 500", [DONE_102], []),
    ("connection_drop", {"when": "before", "count": 1}, 0, "2 changed, 0 failed", [DONE_101, DONE_102], []),
    ("connection_drop", {"when": "after", "count": 1}, 0, "2 changed, 0 failed", [DONE_101, DONE_102], []),
    ("connection_drop", {"when": "before", "count": 5}, 1, "and so did a second one", [(101, "open"), (102, "open")], [(101, "not_tried"), (102, "not_tried")]),
]


@pytest.mark.parametrize(("fault", "arguments", "exit_code", "said", "journal", "settled"), FAULTS)
def test_fault_of_proxmox_is_a_stated_result_and_over_when_it_is_over(hurried, fault, arguments, exit_code, said, journal, settled):
    room = hurried
    room.simulator.fault(fault, **arguments)
    ended = room.run("run")
    assert (ended.exit_code, ended.err, room.journal()) == (exit_code, "", journal)
    assert said in " ".join(ended.out.split())
    room.simulator.fault(fault, on=False)
    assert recovered(room) == settled
    assert room.sizes() == GROWN


def test_write_that_nobody_could_read_back_is_not_taken_for_an_operators(hurried):
    """It was made, and the node was gone before it could be looked at: the change stays open until the next run has looked."""
    room = hurried

    def node_goes():
        room.simulator.fault("status_code", status=596, count=1, path="/nodes/pve1/lxc/101/pending")

    ended = room.run("run", at="^GET .*101/pending: before", meanwhile=node_goes)
    assert (ended.exit_code, room.journal()) == (1, [(101, "open"), DONE_102])
    assert "node_unreachable: written, but it could not be read back" in " ".join(ended.out.split())
    assert recovered(room) == [(101, "resized")]
    assert room.sizes() == GROWN
    assert (room.writes(101), room.writes(102)) == (1, 1)


def test_stuck_pvestatd_holds_what_only_the_api_measures(hurried):
    room = hurried
    room.configure(observe="{source: api, bootstrap: false}")
    room.cycle()
    before = room.sizes()
    room.simulator.fault("pvestatd_stuck")
    for vmid in (101, 102):
        room.simulator.set_guest(vmid, anon_mib=1650)
    room.wait(120)
    result = room.cycle()
    assert [one["reason"] for one in result["decisions"]] == ["stale_sample", "stale_sample"]
    room.wait(300)
    assert [one["reason"] for one in room.cycle()["decisions"]] == ["status_unknown", "status_unknown"]
    assert room.sizes() == before


MEANWHILE = [
    ("locked", "GET", 0, "locked: it was locked in the meantime (backup)", []),
    ("locked", "PUT", 1, "locked: the container is locked (backup)", [(101, "locked", False, 1024, 1024)]),
    ("edited", "GET", 0, "operator_changed: somebody changed it in the meantime; their values are kept", []),
    ("edited", "PUT", 1, "config_changed: somebody changed the configuration after it was read", [(101, "config_changed", False, 1024, 1024)]),
    ("vanished", "GET", 1, "not_found", []),
    ("vanished", "PUT", 1, "not_found", [(101, "not_found", False, 1024, 1024)]),
    ("migrated", "GET", 1, "not_found", []),
    ("migrated", "PUT", 1, "not_found", [(101, "not_found", False, 1024, 1024)]),
]


@pytest.mark.parametrize(("what", "before", "exit_code", "said", "journal"), MEANWHILE)
def test_container_that_others_touch_between_reading_and_writing_is_left_and_the_others_go_on(hurried, what, before, exit_code, said, journal):
    room = hurried

    def act():
        if what == "locked":
            room.simulator.set_guest(101, lock="backup")
        elif what == "edited":
            room.set_by_operator(101, memory=3000)
        else:
            room.simulator.delete_guest(101)
        if what == "migrated":
            room.add_guest(101, "pve2")

    ended = room.run("run", at=f"^{before} .*101/config: before", meanwhile=act)
    assert ended.at != ""
    assert (ended.exit_code, ended.err, room.journal()) == (exit_code, "", [*journal, DONE_102])
    assert said in " ".join(ended.out.split())
    assert room.sizes().get(101) == {"edited": 3000, "vanished": None}.get(what, 1024)
    room.wait()
    reasons = {one["vmid"]: one["reason"] for one in room.cycle()["decisions"]}
    assert reasons.get(101) == {"edited": "operator_changed", "locked": "locked"}.get(what)
    assert room.writes(101) == 0


def test_second_run_at_the_same_time_ends_at_once_and_changes_nothing(hurried):
    from support.safety.runs import Runs

    room, second = hurried, []
    (room.folder / "second").mkdir()

    def meet():
        with Runs(room.folder / "second") as runs:
            for command in ("run", "recommend"):
                second.append(runs.run(command, "--config", str(room.folder / "config.yaml"), now=room.now))

    first = room.run("run", at="^PUT .*101/config: before", meanwhile=meet)
    assert [(one.exit_code, one.out) for one in second] == [(5, ""), (5, "")]
    assert [one.err.split(" (process")[0] for one in second] == [f"lxc-autoscale: another run holds the lock {room.state_path}.lock"] * 2
    assert (first.exit_code, room.journal(), room.sizes()) == (0, [DONE_101, DONE_102], GROWN)


def test_rollback_that_loses_the_api_says_so_and_can_be_repeated(hurried):
    from support.tcp_gate import TcpGate

    room = hurried
    room.cycle()
    room.need_memory(101, 102, anon_mib=200)
    with TcpGate(room.simulator.port) as gate:
        room.configure(connection=through(room, gate.port))
        ended = room.run("rollback", "--to", "2", at="^PUT .*102/config: before", meanwhile=gate.shut)
    assert (ended.exit_code, ended.err) == (1, "")
    assert "1 put back, 1 failed (run 3)" in ended.out
    assert room.journal() == [DONE_101, DONE_102, (101, "rolled_back", True, 1792, 1024), (102, "open")]
    room.configure()
    assert recovered(room) == [(102, "not_tried")]
    assert room.run("rollback", "--to", "2").exit_code == 0
    assert room.sizes() == {101: 1024, 102: 1024}
    room.wait()
    assert [one["reason"] for one in room.cycle()["decisions"]] == ["rolled_back", "rolled_back"]
