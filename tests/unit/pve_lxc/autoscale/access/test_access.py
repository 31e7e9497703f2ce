# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role, user, rights and token on a simulated node, by its own pveum; then whether the token really works."""

from __future__ import annotations

import argparse
import io
import json
import ssl
from dataclasses import replace

import pytest
from cli.node import NodeSettings
from harness import Simulator
from pve_lxc.autoscale.access.plan import Access, Command, plan_withdrawal
from pve_lxc.autoscale.access.pveum import Pveum
from pve_lxc.autoscale.commands.access import AccessJob, add_access, grant, run_access, withdraw
from pve_lxc.backend.api import ProxmoxAPIClient
from pve_lxc.errors import CommandError, ProxmoxAuthenticationError, ProxmoxPermissionError, StateError
from pve_lxc.model.plan import ConfigWrite
from pve_lxc.transport.settings import ConnectionSettings
from support.node_runner import SimulatedNodeRunner

USER = "lxc-autoscale@pve"
WORLD = {
    "nodes": [{"name": "pve1"}, {"name": "pve2"}],
    "pools": {"web": ""},
    "guests": [{"vmid": 101, "name": "one", "node": "pve1", "pool": "web"}, {"vmid": 102, "name": "two", "node": "pve1"}],
    "identities": {"users": {"root@pam": {"password": "root"}}, "tokens": {"root@pam!all": {"secret": "all", "privsep": False}}},
}


@pytest.fixture(scope="module")
def simulator():
    with Simulator(world=WORLD, auth_delay=0) as simulator:
        yield simulator


@pytest.fixture
def runner(simulator):
    """The node's commands; whatever was made of ours is gone again afterwards."""
    yield SimulatedNodeRunner(NodeSettings.of(simulator), name="local")
    pveum = Pveum(SimulatedNodeRunner(NodeSettings.of(simulator)), USER)
    for token in pveum.read().tokens:
        for command in plan_withdrawal(USER, token, pveum.read()):
            pveum.carry_out(command)


@pytest.fixture
def job(simulator, tmp_path):
    certificate = tmp_path / "pve-ssl.pem"
    certificate.write_text(ssl.get_server_certificate((simulator.host, simulator.port)))
    return AccessJob(
        wanted=Access(),
        token="node-pve1",
        token_file=str(tmp_path / "token"),
        host="127.0.0.1",
        port=simulator.port,
        certificate_files=(str(certificate),),
    )


def read_secret(job) -> str:
    with open(job.token_file, encoding="utf-8") as file:
        return file.read().strip()


def client(simulator, job, secret=None):
    settings = ConnectionSettings(
        host=simulator.host,
        port=simulator.port,
        token_id=f"{USER}!{job.token}",
        token_secret=secret or read_secret(job),
        ca_path=str(simulator.ca_path),
        retries=0,
    )
    return ProxmoxAPIClient.connect(settings)


def write_cores(backend, vmid, cores):
    digest = backend.read_config("pve1", vmid).digest
    backend.write_config("pve1", vmid, ConfigWrite(values={"cores": cores}), digest)


def test_the_first_call_makes_everything_and_the_second_nothing(job, runner):
    assert grant(job, runner) == [
        "role LxcAutoscale added with Pool.Audit,VM.Audit,VM.Config.CPU,VM.Config.Memory",
        "role LxcAutoscaleNode added with Sys.Audit",
        "user lxc-autoscale@pve added, without a password",
        "lxc-autoscale@pve has LxcAutoscale on /vms",
        "lxc-autoscale@pve has LxcAutoscaleNode on /nodes",
        "lxc-autoscale@pve has LxcAutoscaleNode on /, not below it",
        "token lxc-autoscale@pve!node-pve1 made: there was none",
    ]
    secret = read_secret(job)
    assert grant(job, runner) == []
    assert read_secret(job) == secret


def test_the_token_may_see_and_size_containers_and_nothing_else(job, runner, simulator):
    grant(job, runner)
    backend = client(simulator, job)
    write_cores(backend, 101, 3)
    assert backend.read_config("pve1", 101).allocation.cores == 3
    assert sorted(backend.read_cluster().guests) == [101, 102]
    assert backend.is_quorate() is True
    with pytest.raises(ProxmoxPermissionError):
        backend.change_power("pve1", 101, "stop", {}, 5)


def test_with_a_pool_all_are_seen_and_only_its_containers_can_be_changed(job, runner, simulator):
    grant(job, runner)
    narrow = replace(job, wanted=Access(pool="web"))
    assert "lxc-autoscale@pve no longer has LxcAutoscale on /vms" in grant(narrow, runner)
    backend = client(simulator, job)
    write_cores(backend, 101, 4)
    assert sorted(backend.read_cluster().guests) == [101, 102]
    with pytest.raises(ProxmoxPermissionError):
        write_cores(backend, 102, 4)
    assert grant(narrow, runner) == []


def test_a_dry_run_says_the_same_and_does_nothing(job, runner, tmp_path):
    said = grant(replace(job, is_dry=True), runner)
    assert len(said) == 7
    assert not (tmp_path / "token").exists()
    assert grant(job, runner) == said


@pytest.mark.parametrize("version", ["9.2.11", "8.4.14"])
def test_rotation_ends_the_old_secret_on_both_versions(job, simulator, version):
    runner = SimulatedNodeRunner(NodeSettings.of(simulator, version=version), name="local")
    grant(job, runner)
    old = read_secret(job)
    assert grant(replace(job, rotates=True), runner) == ["token lxc-autoscale@pve!node-pve1 given a new secret: as asked for"]
    assert read_secret(job) != old
    assert client(simulator, job).is_quorate() is True
    with pytest.raises(ProxmoxAuthenticationError):
        client(simulator, job, old).is_quorate()
    assert any("token remove" in command for command in runner.ran) == (version == "8.4.14")


def test_a_token_whose_file_is_gone_is_made_anew(job, runner, simulator, tmp_path):
    grant(job, runner)
    (tmp_path / "token").unlink()
    assert grant(job, runner) == [f"token lxc-autoscale@pve!node-pve1 given a new secret: {job.token_file} did not hold its secret"]
    assert client(simulator, job).is_quorate() is True


def test_a_secret_that_proxmox_does_not_take_is_replaced(job, runner, simulator, tmp_path):
    grant(job, runner)
    (tmp_path / "token").write_text("0f8fad5b-d9cb-469f-a165-70867728950e\n")
    assert grant(job, runner) == [f"token lxc-autoscale@pve!node-pve1 given a new secret: Proxmox did not accept the one in {job.token_file}"]
    assert client(simulator, job).is_quorate() is True


def test_a_secret_that_could_not_be_tried_is_left(job, runner):
    grant(job, runner)
    secret = read_secret(job)
    assert grant(replace(job, port=1), runner) == []
    assert read_secret(job) == secret


def test_the_file_is_closed_to_others(job, runner, tmp_path):
    grant(job, runner)
    (tmp_path / "token").chmod(0o644)
    assert grant(job, runner) == [f"{job.token_file} made readable by root alone"]
    assert grant(job, runner) == []


def test_a_user_that_is_disabled_is_said_and_not_papered_over(job, tmp_path):
    identities = {**WORLD["identities"], "users": {"root@pam": {"password": "root"}, USER: {"enabled": False}}}
    with Simulator(world={**WORLD, "identities": identities}, auth_delay=0) as simulator:
        certificate = tmp_path / "other.pem"
        certificate.write_text(ssl.get_server_certificate((simulator.host, simulator.port)))
        there = replace(job, port=simulator.port, certificate_files=(str(certificate),))
        with pytest.raises(StateError, match="is the user lxc-autoscale@pve enabled"):
            grant(there, SimulatedNodeRunner(NodeSettings.of(simulator)))


def test_each_node_has_its_own_token_and_the_last_one_takes_all_away(job, runner):
    second = replace(job, token="node-pve2", token_file=job.token_file + "2")
    grant(job, runner)
    assert grant(second, runner) == ["token lxc-autoscale@pve!node-pve2 made: there was none"]
    assert withdraw(job, runner) == ["token lxc-autoscale@pve!node-pve1 removed"]
    assert withdraw(second, runner)[-3:] == ["user lxc-autoscale@pve removed", "role LxcAutoscale removed", "role LxcAutoscaleNode removed"]
    assert withdraw(second, runner) == []


def test_what_another_node_made_at_the_same_time_counts_as_done(job, runner):
    pveum = Pveum(runner, USER)
    runner.run(["pveum", "role", "add", "LxcAutoscaleNode", "--privs", "Sys.Audit"], 5)
    pveum.carry_out(Command(("role", "add", "LxcAutoscaleNode", "--privs", "Sys.Audit"), ""))
    with pytest.raises(CommandError, match="pveum role modify Missing"):
        pveum.carry_out(Command(("role", "modify", "Missing", "--privs", "Sys.Audit"), ""))


class SayingRunner:
    """Answers every command alike."""

    name = "local"

    def __init__(self, exit_code: int, output: str, error_output: str = "") -> None:
        self.answer = exit_code, output, error_output

    def run(self, argv, timeout_seconds):
        return self.answer

    def close(self) -> None:
        """Hold nothing."""


@pytest.mark.parametrize("output", ["the-secret-it-is", '{"value": "", "note": "the-secret-it-is"}', '["the-secret-it-is"]'])
def test_an_answer_that_is_not_understood_is_never_shown(output):
    with pytest.raises(CommandError) as caught:
        Pveum(SayingRunner(0, output), USER).add_token("node-pve1")
    assert "the-secret-it-is" not in str(caught.value)
    assert "did not print a secret" in str(caught.value)


def test_a_list_that_is_none_and_a_failing_pveum_are_errors_of_the_command():
    with pytest.raises(CommandError, match="did not print a list"):
        Pveum(SayingRunner(0, "ipcc_send_rec[1] failed"), USER).read()
    with pytest.raises(CommandError, match="pveum acl list .*failed: cluster not ready - no quorum"):
        Pveum(SayingRunner(255, "", "cluster not ready - no quorum?\n"), USER).read()


def run_command(job, runner, *words):
    parser = argparse.ArgumentParser()
    add_access(parser.add_subparsers())
    given = ["--token", "node-pve1", "--token-file", job.token_file, "--api-host", "127.0.0.1", "--api-port", "1"]
    out = io.StringIO()
    assert run_access(parser.parse_args(["access", *given, *words]), out, io.StringIO(), runner) == 0
    return out.getvalue()


def test_the_command_prints_the_token_s_id_and_never_its_secret(job, runner):
    printed = run_command(job, runner, "--json")
    assert json.loads(printed)["token_id"] == "lxc-autoscale@pve!node-pve1"
    assert json.loads(printed)["changed"] is True
    assert read_secret(job) not in printed + " ".join(runner.ran)
    assert run_command(job, runner) == "nothing to do\n"
    assert run_command(job, runner, "--rotate", "--dry-run") == "would be: token lxc-autoscale@pve!node-pve1 given a new secret: as asked for\n"
    assert json.loads(run_command(job, runner, "--remove", "--json"))["done"][0] == "token lxc-autoscale@pve!node-pve1 removed"
