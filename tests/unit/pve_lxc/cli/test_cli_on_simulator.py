# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line against the simulator: what it does, what it prints, and which exit code it ends with."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from support.simulated_clock import ImpatientClock

ROOT = Path(__file__).resolve().parents[4]
TOKEN = "lxc-autoscale@pve!node-pve1"


@pytest.fixture(scope="module")
def cgroup_root(tmp_path_factory):
    return tmp_path_factory.mktemp("cgroup")


@pytest.fixture(scope="module")
def cluster(cgroup_root):
    from harness import Simulator

    with Simulator(nodes=2, containers=6, auth_delay=0.05, cgroup_root=str(cgroup_root), seed=3) as simulator:
        yield simulator


@pytest.fixture
def simulator(cluster):
    yield cluster
    for name in ("config_readonly", "connection_drop", "no_quorum", "pvestatd_stuck"):
        cluster.fault(name, on=False)


@pytest.fixture
def configure(simulator, tmp_path, cgroup_root):
    """Return a function that writes a configuration file and returns its path; keyword arguments replace lines."""

    def configure(**changes):
        token = changes.pop("token", TOKEN)
        (tmp_path / "secret").write_text(changes.pop("secret", simulator.tokens[token]))
        lines = {
            "connection": f"{{host: 127.0.0.1, port: {changes.pop('port', simulator.port)}, token_id: '{token}', "
            f"token_secret_file: {tmp_path}/secret, ca_file: {simulator.ca_path}, retries: 0}}",
            "node": "pve1",
            "mode": "apply",
            "observe": f"{{cgroup_root: {cgroup_root}/pve1, proc_root: {cgroup_root}/pve1/proc}}",
            "state": f"{{path: {tmp_path}/state.sqlite}}",
            **changes,
        }
        path = tmp_path / "config.yaml"
        path.write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
        return str(path)

    return configure


@pytest.fixture
def call(simulator):
    from pve_lxc.cli import main

    def call(*arguments):
        out, err = io.StringIO(), io.StringIO()
        code = main(list(arguments), clock=ImpatientClock(simulator), out=out, err=err)
        return code, out.getvalue(), err.getvalue()

    return call


def first_vmid(simulator):
    guests = simulator.state()["guests"].values()
    return min(guest["vmid"] for guest in guests if guest["node"] == "pve1" and guest["type"] == "lxc" and guest["status"] == "running")


def test_run_grows_a_container_that_needs_it_and_says_so(simulator, configure, call):
    config = configure()
    vmid = first_vmid(simulator)
    simulator.set_guest(vmid, anon_mib=64, shmem_mib=0, cache_mib=0, slab_mib=0, mapped_mib=0)
    simulator.advance(600)
    before = simulator.guest(vmid)["config"]["memory"]
    assert call("run", "--config", config)[0] == 0
    simulator.set_guest(vmid, anon_mib=int(before) - 10)
    simulator.advance(60)
    code, out, err = call("run", "--config", config)
    assert (code, err) == (0, "")
    assert float(simulator.guest(vmid)["config"]["memory"]) > float(before)
    assert simulator.guest(vmid)["live"]["memory_mib"] == float(simulator.guest(vmid)["config"]["memory"])
    assert f"memory {before} -> {simulator.guest(vmid)['config']['memory']} MiB" in out
    assert simulator.guest(vmid)["oom_kills"] == 0

    code, out, _err = call("status", "--config", config)
    assert code == 0
    assert max(len(line) for line in out.splitlines()) <= 100
    assert "last run 2 (mode apply)" in out
    code, out, _err = call("explain", str(vmid), "--config", config)
    assert code == 0
    assert max(len(line) for line in out.splitlines()) <= 100
    assert "why        grow_memory" in out
    shown = json.loads(call("explain", str(vmid), "--json", "--config", config)[1])
    assert shown["decision"]["reason"] == "grow_memory"
    assert shown["changes"][0]["outcome"]["changed"] is True


def advance_to_the_hour(simulator):
    """Configurations are read again once an hour, at a minute that depends on the id: 16 past for 101, and never at the hour for the first few."""
    simulator.advance(3600 - simulator.advance(0) % 3600)


def test_nothing_to_do_takes_one_request(simulator, configure, call):
    config = configure()
    advance_to_the_hour(simulator)
    call("run", "--config", config)
    simulator.advance(60)
    simulator.reset_requests()
    assert call("run", "--config", config)[0] == 0
    assert [(request["method"], request["path"]) for request in simulator.requests()] == [("GET", "/cluster/resources")]


def test_nothing_to_do_takes_two_requests_over_the_api(simulator, configure, call):
    config = configure(observe="{source: api}")
    advance_to_the_hour(simulator)
    call("run", "--config", config)
    simulator.advance(60)
    simulator.reset_requests()
    assert call("run", "--config", config)[0] == 0
    assert [(request["method"], request["path"]) for request in simulator.requests()] == [("GET", "/cluster/resources"), ("GET", "/nodes/pve1/lxc")]


def running_vmids(simulator):
    guests = simulator.state()["guests"].values()
    return sorted(guest["vmid"] for guest in guests if guest["node"] == "pve1" and guest["type"] == "lxc" and guest["status"] == "running")


@pytest.mark.parametrize("bootstrap", ["true", "false"])
def test_first_look_over_the_api_sees_that_pvestatd_is_stuck(simulator, configure, call, bootstrap):
    config = configure(observe=f"{{source: api, bootstrap: {bootstrap}}}")
    simulator.advance(600)
    simulator.fault("pvestatd_stuck")
    simulator.advance(200)
    simulator.reset_requests()
    code, out, err = call("recommend", "--json", "--config", config)
    assert (code, err) == (0, "")
    decisions = {decision["vmid"]: decision for decision in json.loads(out)["decisions"] if decision["vmid"] in running_vmids(simulator)}
    assert len(decisions) >= 2
    assert {decision["reason"] for decision in decisions.values()} == {"stale_sample"}
    assert "its newest record is 180 s old" in decisions[min(decisions)]["msg"] or "its newest record is 240 s old" in decisions[min(decisions)]["msg"]
    if bootstrap == "false":
        assert len([request for request in simulator.requests() if request["path"].endswith("/rrddata")]) == len(decisions)


def test_first_look_over_the_api_believes_figures_that_are_alive(simulator, configure, call):
    simulator.advance(600)
    code, out, _err = call("recommend", "--json", "--config", configure(observe="{source: api}"))
    assert code == 0
    assert {decision["reason"] for decision in json.loads(out)["decisions"]} & {"stale_sample", "not_measured"} == set()


def test_first_look_at_cgroup_files_does_not_depend_on_pvestatd(simulator, configure, call):
    simulator.advance(600)
    simulator.fault("pvestatd_stuck")
    simulator.advance(200)
    code, out, _err = call("recommend", "--json", "--config", configure())
    assert code == 0
    assert {decision["reason"] for decision in json.loads(out)["decisions"]} & {"stale_sample", "status_unknown"} == set()
    assert "whether its figures are alive" not in out


def test_recommend_changes_nothing(simulator, configure, call):
    simulator.advance(600)
    simulator.reset_requests()
    code, out, _err = call("recommend", "--config", configure(), "--json")
    assert code == 0
    assert {request["method"] for request in simulator.requests()} == {"GET"}
    shown = json.loads(out)
    assert shown["mode"] == "recommend"
    assert all(decision["reason"] and decision["msg"] for decision in shown["decisions"])
    on_node = [guest["vmid"] for guest in simulator.state()["guests"].values() if guest["node"] == "pve1" and guest["type"] == "lxc"]
    assert [decision["vmid"] for decision in shown["decisions"]] == sorted(on_node)


def test_failed_container_ends_with_1(simulator, configure, call):
    # auditor may read everything and change nothing.
    vmid = first_vmid(simulator)
    config = configure(token="auditor@pve!read", state=f"{{path: {Path(configure()).parent}/auditor.sqlite}}")
    limit = simulator.guest(vmid)["live"]["memory_mib"]
    simulator.set_guest(vmid, anon_mib=limit - 10, shmem_mib=0, cache_mib=0, slab_mib=0, mapped_mib=0)
    simulator.advance(600)
    code, out, _err = call("run", "--config", config)
    assert code == 1
    assert "FAILED" in out
    assert "VM.Config.Memory" in out


def test_a_quiet_run_says_what_was_changed_and_nothing_when_nothing_was(simulator, configure, call):
    config = configure()
    vmid = first_vmid(simulator)
    simulator.set_guest(vmid, anon_mib=64, shmem_mib=0, cache_mib=0, slab_mib=0, mapped_mib=0)
    simulator.advance(600)
    call("run", "--config", config)
    simulator.advance(60)
    assert call("run", "--quiet", "--config", config) == (0, "", "")
    before = simulator.guest(vmid)["config"]["memory"]
    simulator.set_guest(vmid, anon_mib=int(before) - 10)
    simulator.advance(60)
    code, out, err = call("run", "--quiet", "--config", config)
    assert (code, err) == (0, "")
    assert out.splitlines()[0].strip().startswith(f"{vmid} ")
    assert f"memory {before} -> {simulator.guest(vmid)['config']['memory']} MiB: done (grow_memory)" in out
    assert "containers" not in out


def test_a_quiet_run_says_what_failed(simulator, configure, call):
    vmid = first_vmid(simulator)
    config = configure(token="auditor@pve!read", state=f"{{path: {Path(configure()).parent}/auditor.sqlite}}")
    simulator.set_guest(vmid, anon_mib=simulator.guest(vmid)["live"]["memory_mib"] - 10, shmem_mib=0, cache_mib=0, slab_mib=0, mapped_mib=0)
    simulator.advance(600)
    code, out, _err = call("run", "--quiet", "--config", config)
    assert (code, "FAILED" in out) == (1, True)


def test_bad_configuration_ends_with_2_and_all_problems(configure, call):
    code, out, err = call("run", "--config", configure(mode="aply", interval_seconds=1))
    assert (code, out) == (2, "")
    assert "mode (line 3) = aply: allowed is one of recommend, apply" in err
    assert "interval_seconds (line 6) = 1: allowed is a number from 5 to 3600" in err


def test_missing_cgroup_files_that_were_demanded_end_with_2(configure, call, tmp_path):
    code, _out, err = call("run", "--config", configure(observe=f"{{source: cgroup, cgroup_root: {tmp_path}}}"))
    assert code == 2
    assert "observe.cgroup_root" in err


def test_wrong_arguments_end_with_2_and_help_with_0(call, capsys):
    assert call("explain", "web")[0] == 2
    assert call("--help")[0] == 0
    assert "5 another run" in capsys.readouterr().out


def test_dead_host_ends_with_3(configure, call):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    code, out, err = call("run", "--config", configure(port=port), "--json")
    assert code == 3
    assert json.loads(out)["exit_code"] == 3
    assert err.startswith("lxc-autoscale: ")


def test_wrong_secret_ends_with_4_and_is_not_shown(configure, call):
    code, out, err = call("run", "--config", configure(secret="0b5e55ed-0000-0000-0000-000000000000"))
    assert code == 4
    assert "0b5e55ed" not in out + err


def test_held_lock_ends_with_5(configure, call, tmp_path):
    from pve_lxc.autoscale.lock import hold_lock

    config = configure()
    with hold_lock(f"{tmp_path}/state.sqlite.lock"):
        code, _out, err = call("run", "--config", config)
    assert code == 5
    assert f"process {os.getpid()}" in err


def test_status_before_the_first_run_says_so(configure, call):
    code, _out, err = call("status", "--config", configure())
    assert code == 2
    assert "has the loop run?" in err


def test_explain_of_an_unknown_container_says_so(simulator, configure, call):
    config = configure()
    call("recommend", "--config", config)
    code, out, _err = call("explain", "9876", "--config", config)
    assert code == 1
    assert "nothing is known about container 9876" in out


def test_explain_shows_the_settings_and_where_each_came_from(simulator, configure, call):
    vmid = first_vmid(simulator)
    config = configure(policy="{cpu_tolerance: 2}", tiers=f"{{big: {{vmids: [{vmid}], bounds: {{max_memory_mib: 8192}}}}}}")
    assert call("recommend", "--config", config)[0] == 0
    code, out, _err = call("explain", str(vmid), "--config", config)
    assert code == 0
    assert "tier big, by tiers.big.vmids (line 7)" in out
    assert "bounds.max_memory_mib: 8192   from tiers.big.bounds.max_memory_mib (line 7)" in out
    assert "policy.cpu_tolerance: 2   from policy.cpu_tolerance (line 6)" in out
    assert max(len(line) for line in out.splitlines()) <= 100
    shown = json.loads(call("explain", str(vmid), "--json", "--config", config)[1])["settings"]
    assert (shown["tier"], shown["is_selected"], shown["values"]["bounds.max_memory_mib"]) == ("big", True, 8192)


def test_pool_that_is_not_shown_ends_with_2(configure, call):
    code, _out, err = call("recommend", "--config", configure(selection="{ignore_pools: [nobody-knows-it]}"))
    assert code == 2
    assert "selection.ignore_pools = nobody-knows-it" in err


def test_check_config_shows_what_is_in_effect_without_secrets(simulator, configure, call):
    config = configure()
    code, out, _err = call("check-config", "--config", config)
    assert code == 0
    assert "observing: cgroup" in out
    out += call("check-config", "--json", "--config", config)[1]
    assert simulator.tokens[TOKEN] not in out


def test_module_runs_from_the_checkout_as_a_process(simulator, configure):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "plugins" / "module_utils"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pve_lxc", "recommend", "--json", "--config", configure()]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["node"] == "pve1"
