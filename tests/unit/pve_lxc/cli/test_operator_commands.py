# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator does at night, with the real command line against the simulator over TLS: look, undo, hold, give back, check."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3

import pytest
from harness import Simulator
from pve_lxc.autoscale.lock import hold_lock
from pve_lxc.backend.api import get_proxmox_client
from pve_lxc.cli import main
from support.simulated_clock import SimulatedClock

TOKEN = "lxc-autoscale@pve!node-pve1"

PRIVILEGES = {
    "users": {"deep@pve": {"password": None}, "apart@pve": {"password": None}},
    "tokens": {
        "deep@pve!loop": {"secret": "11111111-0000-4000-8000-000000000001", "privsep": False},
        "apart@pve!loop": {"secret": "11111111-0000-4000-8000-000000000002", "privsep": True},
    },
    "roles": {"Backups": ["VM.Audit", "VM.Backup"]},
    "acl": [
        *({"path": "/vms", "ugid": user, "roleid": "LxcAutoscale"} for user in ("deep@pve", "apart@pve")),
        *({"path": path, "ugid": user, "roleid": "LxcAutoscaleNode"} for path in ("/nodes", "/") for user in ("deep@pve", "apart@pve")),
        {"path": "/vms/103", "ugid": "deep@pve", "roleid": "Backups"},
    ],
}


class Night:
    """One node and its operator."""

    def __init__(self, simulator, folder, cgroup_root):
        self.simulator, self.folder, self.cgroup_root = simulator, folder, cgroup_root
        self.config = self.write_config()

    def write_config(self, token=TOKEN, **changes):
        (self.folder / "secret").write_text(changes.pop("secret", self.simulator.tokens.get(token) or PRIVILEGES["tokens"].get(token, {}).get("secret", "")))
        lines = {
            "connection": f"{{host: 127.0.0.1, port: {changes.pop('port', self.simulator.port)}, token_id: '{token}', "
            f"token_secret_file: {self.folder}/secret, ca_file: {self.simulator.ca_path}, retries: 0}}",
            "node": "pve1",
            "mode": "apply",
            "observe": f"{{cgroup_root: {self.cgroup_root}/pve1, proc_root: {self.cgroup_root}/pve1/proc}}",
            "state": f"{{path: {self.folder}/state.sqlite}}",
            **changes,
        }
        path = self.folder / "config.yaml"
        path.write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
        return str(path)

    def call(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        code = main([*arguments, "--config", self.config], clock=SimulatedClock(self.simulator), out=out, err=err)
        is_text = "--json" not in arguments
        assert not is_text or max((len(line) for line in out.getvalue().splitlines() if "pveum" not in line), default=0) <= 100
        return code, out.getvalue(), err.getvalue()

    def json(self, *arguments):
        code, out, _err = self.call(*arguments, "--json")
        return code, json.loads(out)

    def use(self, vmid, memory_mib):
        self.simulator.set_guest(vmid, anon_mib=memory_mib, shmem_mib=0, cache_mib=0, slab_mib=0, mapped_mib=0)

    def cycle(self):
        self.simulator.advance(60)
        code, _out, err = self.call("run")
        assert (code, err) == (0, "")

    def grow(self, vmid):
        """Let a container fill its memory, see it grown, and let it empty it again; return its configuration of before."""
        before = self.simulator.guest(vmid)["config"]
        self.use(vmid, int(before["memory"]) - 10)
        self.cycle()
        assert int(self.simulator.guest(vmid)["config"]["memory"]) > int(before["memory"])
        self.use(vmid, 50)
        return before

    def change(self, vmid, **values):
        """Change a container as somebody else would, in Proxmox's words."""
        client = get_proxmox_client(
            host="127.0.0.1",
            port=self.simulator.port,
            token_id="automation@pve!resize",
            token_secret=self.simulator.tokens["automation@pve!resize"],
            ca_path=str(self.simulator.ca_path),
        )
        client.update_container_config("pve1", vmid, **values)
        client.close()

    def configuration(self, vmid):
        return self.simulator.guest(vmid)["config"]


@contextlib.contextmanager
def begin_night(folder):
    """Start a cluster whose loop has run once over containers that are nearly idle."""
    cgroup_root = folder / "cgroup"
    cgroup_root.mkdir()
    (folder / "privileges.json").write_text(json.dumps(PRIVILEGES))
    options = {"nodes": 2, "containers": 6, "auth_delay": 0.0, "cgroup_root": str(cgroup_root), "seed": 3, "privileges": str(folder / "privileges.json")}
    with Simulator(**options) as simulator:
        night = Night(simulator, folder, cgroup_root)
        for vmid in (101, 103, 105):
            night.use(vmid, 50)
        night.simulator.advance(600)
        night.cycle()
        yield night


@pytest.fixture
def night(tmp_path):
    with begin_night(tmp_path) as night:
        yield night


@pytest.fixture(scope="module")
def shared_night(tmp_path_factory):
    with begin_night(tmp_path_factory.mktemp("quiet")) as night:
        yield night


@pytest.fixture
def quiet(shared_night):
    """Return a night for tests that change neither containers nor state."""
    yield shared_night
    shared_night.simulator.fault("no_quorum", on=False)
    shared_night.config = shared_night.write_config()


def test_growth_is_undone_to_the_byte_and_stays_undone_until_it_is_released(night):
    before = night.grow(101)
    code, out, _err = night.call("rollback", "101")
    assert code == 0
    assert "101 web: put back to before run 2 (" in out
    assert "sooner with: lxc-autoscale release 101" in out
    assert night.configuration(101) == before
    assert night.simulator.guest(101)["live"]["memory_mib"] == float(before["memory"])
    night.use(101, int(before["memory"]) - 10)
    night.cycle()
    assert night.configuration(101) == before
    assert "101 rolled_back, since 20" in night.call("status")[1]
    assert "held       rolled_back" in night.call("explain", "101")[1]
    code, out, _err = night.call("release", "101")
    assert code == 0
    assert "101: it was held (rolled_back), since 20" in out
    night.cycle()
    assert int(night.configuration(101)["memory"]) > int(before["memory"])


def test_limit_that_was_absent_is_absent_again(night):
    before = night.configuration(101)
    assert "cpulimit" not in before
    night.cycle()
    connection = sqlite3.connect(night.folder / "state.sqlite")
    had = {"cores": before["cores"], "cpulimit": None, "cpuunits": None, "memory": int(before["memory"]), "swap": int(before["swap"])}
    got = {**had, "cpulimit": 1.5}
    outcome = {"changed": True, "failed": False, "reason": "grow_cpu", "msg": "m", "before": had, "after": got}
    connection.execute(
        "INSERT INTO change (run_id, vmid, name, node, begun, reason, message, before_json, target_json, ended, outcome_json)"
        " VALUES (2, 101, 'web', 'pve1', ?, 'grow_cpu', 'm', ?, ?, ?, ?)",
        (night.simulator.advance(0), json.dumps(had), json.dumps(got), night.simulator.advance(0), json.dumps(outcome)),
    )
    connection.commit()
    connection.close()
    night.change(101, cpulimit=1.5)
    assert "cpulimit" in night.configuration(101)
    code, shown = night.json("rollback", "101")
    assert code == 0
    assert shown["results"][0]["after"]["cpulimit"] is None
    assert night.configuration(101) == before


def test_all_containers_go_back_to_before_a_run_and_a_dry_run_says_so_first(night):
    before = {101: night.grow(101), 103: night.grow(103)}
    code, out, _err = night.call("rollback", "--to", "2", "--dry-run")
    assert code == 0
    assert "101 web: would be put back to before run 2" in out
    assert "2 would be put back, 0 failed (dry run, nothing was written)" in out
    assert night.configuration(101) != before[101]
    code, shown = night.json("rollback", "--to", "2")
    assert (code, shown["changed"], shown["failed"], sorted(shown["held_until"])) == (0, 2, 0, ["101", "103"])
    assert {vmid: night.configuration(vmid) for vmid in (101, 103)} == before


def test_moment_takes_back_only_what_came_after_it(night):
    night.grow(101)
    night.simulator.advance(3600)
    before = night.grow(103)
    code, shown = night.json("rollback", "--to", "30m")
    assert (code, [result["vmid"] for result in shown["results"]]) == (0, [103])
    assert night.configuration(103) == before


def test_memory_in_use_is_refused_with_1_and_the_rest_is_done(night):
    night.grow(101)
    before = night.grow(103)
    night.use(101, int(night.configuration(101)["memory"]) - 100)
    code, out, _err = night.call("rollback", "--to", "2")
    assert code == 1
    assert "101 web: FAILED (below_working_set)" in out
    assert "1 put back, 1 failed" in out
    assert night.configuration(103) == before
    assert night.simulator.guest(101)["oom_kills"] == 0


def test_without_quorum_nothing_is_written(night):
    night.grow(101)
    after = night.configuration(101)
    night.simulator.fault("no_quorum")
    code, out, _err = night.call("rollback", "101")
    assert code == 1
    assert "FAILED (no_quorum)" in out
    assert night.configuration(101) == after


def test_rollback_works_in_mode_recommend_too(night):
    before = night.grow(101)
    night.config = night.write_config(mode="recommend")
    assert night.call("rollback", "101")[0] == 0
    assert night.configuration(101) == before
    assert "mode recommend: nothing is changed" in night.call("status")[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "which container, or with --to to when?"),
        (("--to", "77"), "--to = 77: there is no such run; the journal has runs 1 ("),
        (("101", "--to", "99d"), "nobody wrote down what was there then; the journal has runs 1 ("),
        (("101", "--to", "soon"), "--to = soon: this is no moment"),
    ],
)
def test_wrong_moment_ends_with_2_and_says_what_there_is(quiet, arguments, said):
    code, _out, err = quiet.call("rollback", *arguments)
    assert code == 2
    assert said in err


def test_rollback_before_the_first_run_ends_with_2_and_makes_no_state(quiet, tmp_path):
    quiet.config = quiet.write_config(state=f"{{path: {tmp_path}/new/state.sqlite}}")
    code, _out, err = quiet.call("rollback", "101")
    assert code == 2
    assert "has the loop run?" in err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("arguments", [("rollback", "101"), ("release", "101")])
def test_cycle_that_does_not_end_is_waited_for_and_then_named(night, arguments):
    night.grow(101)
    after = night.configuration(101)
    with hold_lock(f"{night.folder}/state.sqlite.lock"):
        code, _out, err = night.call(*arguments, "--wait", "5")
        assert "held by process" in night.call("check")[1]
    assert code == 5
    assert "another run holds the lock" in err
    assert night.configuration(101) == after


def test_history_shows_what_was_done_and_undone(night):
    night.grow(101)
    night.grow(103)
    night.call("rollback", "101")
    code, out, _err = night.call("history")
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert rows[0] == ["TIME", "RUN", "VMID", "NAME", "CPU", "MEMORY", "MiB", "REASON", "OUTCOME"]
    assert [(row[2], row[3], row[-1]) for row in rows[1:]] == [("4", "101", "done"), ("3", "103", "done"), ("2", "101", "later")]
    assert "rolled_back" in out
    assert "done, undone later" in out
    assert [change["vmid"] for change in night.json("history", "103")[1]["changes"]] == [103]
    assert "there are more: --limit N" in night.call("history", "--limit", "1")[1]
    assert len(night.json("history", "--limit", "0")[1]["changes"]) == 3
    night.simulator.advance(5)
    assert "nothing was changed" in night.call("history", "--since", "2s")[1]
    assert night.call("history", "--since", "soon")[0] == 2
    assert night.call("history", "--limit", "-1")[0] == 2


def test_release_of_somebody_elses_change_lets_the_loop_work_again(night):
    night.change(101, memory=1500)
    # What differs is seen at once where the kernel's limit is read.
    night.cycle()
    assert "operator_changed" in night.call("status")[1]
    code, shown = night.json("release", "101", "103", "9999")
    assert code == 1
    held, free, unknown = shown["results"]
    assert (held["reason"], held["was_held"], held["until"] - held["since"]) == ("operator_changed", True, 86400)
    assert (free["was_held"], unknown["is_known"]) == (False, False)
    night.use(101, 1490)
    night.cycle()
    assert int(night.configuration(101)["memory"]) > 1500


def test_status_is_loud_when_no_run_has_succeeded_for_three_intervals(night):
    out = night.call("status")[1]
    assert "!!!" not in out
    night.simulator.advance(181)
    code, out, _err = night.call("status")
    assert code == 0
    assert out.startswith("!!! NO RUN HAS SUCCEEDED FOR 3 min (one is due every 60 s)")
    assert night.json("status")[1]["is_stale"] is True


def test_run_that_fails_is_shown_beside_the_last_good_one(night):
    night.config = night.write_config(secret="0b5e55ed-0000-0000-0000-000000000000")
    assert night.call("run")[0] == 4
    out = night.call("status")[1]
    assert "last run 2 (mode apply) ended" in out
    assert ": failed:" in out
    assert "last success: run 1" in out


def test_run_that_was_killed_is_mentioned(night):
    connection = sqlite3.connect(night.folder / "state.sqlite")
    connection.execute("INSERT INTO run (mode, started) VALUES ('apply', ?)", (night.simulator.advance(0),))
    connection.commit()
    connection.close()
    assert "run 2 began 0 s ago and has not ended: it is at work, or was killed" in night.call("status")[1]


def test_damaged_state_that_was_set_aside_is_mentioned_until_it_is_removed(night):
    (night.folder / "state.sqlite.damaged-1").write_bytes(b"x")
    assert "notice: a damaged state file was set aside as" in night.call("status")[1]


def test_check_finds_everything_there(quiet):
    code, out, _err = quiet.call("check")
    assert code == 0
    assert "version 9.2.11 at 127.0.0.1:" in out
    assert f"as token {TOKEN}" in out
    assert "pve1 is online, cgroup version 2" in out
    assert out.endswith("\neverything is there\n")
    assert "BAD" not in out


def test_check_changes_nothing_on_either_side(night):
    files = sorted(path.name for path in night.folder.iterdir())
    night.simulator.reset_requests()
    night.call("check")
    assert {request["method"] for request in night.simulator.requests()} == {"GET"}
    assert sorted(path.name for path in night.folder.iterdir()) == files


def test_check_names_the_entry_that_replaces_ours_on_a_single_container(quiet):
    quiet.config = quiet.write_config(token="deep@pve!loop")
    code, out, _err = quiet.call("check")
    assert code == 4
    assert "missing: VM.Config.Memory on /vms/103: without it its memory cannot be changed" in out
    assert "/vms/101" not in out
    assert "pveum role modify Backups --privs VM.Config.CPU,VM.Config.Memory --append 1" in " ".join(out.split())
    assert "pveum acl modify" not in out


def test_check_knows_a_token_that_has_none_of_its_users_rights(quiet):
    quiet.config = quiet.write_config(token="apart@pve!loop")
    code, out, _err = quiet.call("check")
    assert code == 4
    assert "Proxmox shows this user no node and no container" in out
    assert "pveum user token modify apart@pve loop --privsep 0" in " ".join(out.split())


def test_check_in_mode_recommend_needs_no_right_to_change_anything(quiet):
    quiet.config = quiet.write_config(token="auditor@pve!read", mode="recommend")
    code, out, _err = quiet.call("check")
    assert code == 0
    assert "needed once the mode is apply" in out
    quiet.config = quiet.write_config(token="auditor@pve!read")
    code, shown = quiet.json("check")
    assert (code, shown["exit_code"], [gap["privilege"] for gap in shown["missing"]]) == (4, 4, ["VM.Config.CPU", "VM.Config.Memory"])


def test_check_looks_at_pools_only_where_the_configuration_names_them(quiet):
    quiet.simulator.reset_requests()
    quiet.config = quiet.write_config(selection="{pools: [web]}")
    quiet.call("check")
    asked = [request["path"] for request in quiet.simulator.requests()]
    assert asked.count("/access/permissions") > 0
    quiet.config = quiet.write_config(token="auditor@pve!read", selection="{pools: [web]}", mode="recommend")
    code, shown = quiet.json("check")
    assert code == 4
    assert [gap["privilege"] for gap in shown["missing"] if gap["paths"] == ["/pool/web"]] == ["Pool.Audit"]


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"node": "elsewhere"}, 2, "elsewhere is no node of this cluster; it has pve1, pve2"),
        ({"secret": "0b5e55ed-0000-0000-0000-000000000000"}, 4, "BAD   Proxmox"),
        ({"port": 1}, 3, "BAD   Proxmox"),
        ({"observe": "{source: cgroup, cgroup_root: /nowhere}"}, 2, "there are no cgroup v2 files of containers below /nowhere"),
        ({"observe": "{source: api}"}, 0, "memory is only grown"),
        ({"selection": "{vmids: [101, 102, 9999]}"}, 0, "9999 is selected, but Proxmox shows no such container to this user"),
    ],
)
def test_check_says_what_is_wrong_and_ends_with_its_code(quiet, changes, code, said):
    quiet.config = quiet.write_config(**changes)
    found, out, err = quiet.call("check")
    assert (found, err) == (code, "")
    assert said in " ".join(out.split()).replace("BAD Proxmox", "BAD   Proxmox")
    assert "0b5e55ed" not in out


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_check_of_certificates_that_are_not_verified_says_so(quiet):
    connection = f"{{host: 127.0.0.1, port: {quiet.simulator.port}, token_id: '{TOKEN}', token_secret_file: {quiet.folder}/secret, validate_certs: false}}"
    quiet.config = quiet.write_config(connection=connection)
    code, out, _err = quiet.call("check")
    assert code == 0
    assert "note  certificate  NOT VERIFIED" in out


def test_check_without_quorum_says_so(quiet):
    quiet.simulator.fault("no_quorum")
    code, out, _err = quiet.call("check")
    assert code == 1
    assert "the cluster has no quorum" in out


def test_check_finds_that_the_timer_has_stopped(night):
    night.simulator.advance(3600)
    code, out, _err = night.call("check")
    assert code == 1
    assert "although one is due every 60 s" in " ".join(out.split())
