# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``pveum`` and the calls behind it: what a role of ours does on a node, and what Proxmox VE says when it is done already."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from cli.node import Ended, NodeSettings, run_command

USER = "lxc-autoscale@pve"
SECRET = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
NODES = [{"name": "pve1"}]
IDENTITIES = {"users": {"root@pam": {}}, "tokens": {"root@pam!all": {"secret": "s", "privsep": False}}}
GUESTS = [{"vmid": 101, "name": "web", "status": "running", "config": {"cores": 2, "memory": 512}}]
TOKEN_ADD = f"user token add {USER} node-pve1 --privsep 0 --output-format json"


@pytest.fixture
def client(simulate):
    """A cluster that only root has ever used."""
    return simulate(world={"nodes": NODES, "guests": GUESTS, "identities": IDENTITIES})


def pveum_of(client, version: str = "9.2.11") -> Callable[[str], Ended]:
    settings = NodeSettings.of(client.simulator, version=version)
    return lambda line: run_command(settings, ["pveum", *line.split()])


@pytest.fixture
def pveum(client) -> Callable[[str], Ended]:
    return pveum_of(client)


def shown(ended: Ended):
    assert (ended.exit_code, ended.error_output) == (0, "")
    return json.loads(ended.output)


def grant(pveum: Callable[[str], Ended]) -> str:
    """Run the commands of a first installation and return the token's secret."""
    for line in (
        "role add LxcAutoscale --privs VM.Audit,VM.Config.CPU,VM.Config.Memory",
        "role add LxcAutoscaleNode --privs Sys.Audit",
        f"user add {USER} --comment managed",
        f"acl modify /vms --users {USER} --roles LxcAutoscale",
        f"acl modify / --users {USER} --roles LxcAutoscaleNode --propagate 0",
    ):
        assert pveum(line) == Ended(0, "", "")
    return str(shown(pveum(TOKEN_ADD))["value"])


def test_a_new_tokens_secret_is_shown_once_and_opens_what_the_roles_grant(client, pveum) -> None:
    secret = grant(pveum)
    assert SECRET.fullmatch(secret)
    header = {"Authorization": f"PVEAPIToken={USER}!node-pve1={secret}"}
    assert client.send("PUT", "/nodes/pve1/lxc/101/config", {"memory": 640}, who=None, headers=header)[:2] == (200, "OK")
    assert client.send("PUT", "/nodes/pve1/lxc/101/config", {"tags": "x"}, who=None, headers=header)[0] == 403
    assert client.send("GET", "/cluster/status", who=None, headers=header)[0] == 200
    listed = pveum(f"user token list {USER} --output-format json").output
    assert json.loads(listed) == [{"expire": 0, "privsep": 0, "tokenid": "node-pve1"}]
    assert secret not in listed


def test_the_answer_to_a_new_token_repeats_an_option_as_the_text_it_was(pveum) -> None:
    grant(pveum)
    answer = shown(pveum(f"user token add {USER} other --output-format json"))
    assert (answer["full-tokenid"], answer["info"]) == (f"{USER}!other", {"privsep": 1})
    assert shown(pveum(f"user token add {USER} third --privsep 0 --comment c --output-format json"))["info"] == {"comment": "c", "privsep": "0"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("role add LxcAutoscale --privs VM.Audit", "create role failed: role 'LxcAutoscale' already exists\n"),
        (f"user add {USER}", f"create user failed: user '{USER}' already exists\n"),
        (
            f"user token add {USER} node-pve1",
            "400 Parameter verification failed.\ntokenid: Token already exists.\npveum user token add <userid> <tokenid> [OPTIONS] [FORMAT_OPTIONS]\n",
        ),
        ("role add Other --privs VM.Nothing", "create role failed: invalid privilege 'VM.Nothing'\n"),
        ("role modify Nobody --privs VM.Audit", "update role failed: role 'Nobody' does not exist\n"),
        ("role delete Nobody", "delete role failed: role 'Nobody' does not exist\n"),
        ("role delete PVEAuditor", "auto-generated role 'PVEAuditor' cannot be deleted\n"),
        ("user token add nobody@pve mine", "no such user ('nobody@pve')\n"),
        (f"user token remove {USER} other", f"no such token 'other' for user '{USER}'\n"),
        (f"acl modify /vms --users {USER} --roles Nobody", "ACL update failed: role 'Nobody' does not exist\n"),
        ("acl modify /vms --users nobody@pve --roles LxcAutoscale", "ACL update failed: user 'nobody@pve' does not exist\n"),
        (
            f"acl modify /nowhere --users {USER} --roles LxcAutoscale",
            "400 Parameter verification failed.\npath: invalid ACL path '/nowhere'\npveum acl modify <path> [OPTIONS]\n",
        ),
        ("role add", "400 not enough arguments\npveum role add <roleid> [OPTIONS]\n"),
        ("nonsense", "ERROR: unknown command 'pveum nonsense'\n"),
    ],
)
def test_what_cannot_be_done_is_said_in_proxmox_words_and_ends_with_255(pveum, line: str, said: str) -> None:
    grant(pveum)
    assert pveum(line) == Ended(255, "", said)


def test_lines_of_the_access_control_list_may_be_written_and_deleted_again_and_again(pveum) -> None:
    grant(pveum)
    written = f"acl modify /vms --users {USER} --roles LxcAutoscale"
    assert pveum(written) == pveum(written) == Ended(0, "", "")
    vms = {"path": "/vms", "propagate": 1, "roleid": "LxcAutoscale", "type": "user", "ugid": USER}
    root = {"path": "/", "propagate": 0, "roleid": "LxcAutoscaleNode", "type": "user", "ugid": USER}
    assert sorted(shown(pveum("acl list --output-format json")), key=lambda row: row["path"]) == [root, vms]
    deleted = f"acl delete /vms --users {USER} --roles LxcAutoscale"
    assert pveum(deleted) == pveum(deleted) == Ended(0, "", "")
    assert shown(pveum("acl list --output-format json")) == [root]


def test_a_line_written_with_another_propagation_replaces_the_first(pveum) -> None:
    grant(pveum)
    pveum(f"acl modify /vms --users {USER} --roles LxcAutoscale --propagate 0")
    rows = shown(pveum("acl list --output-format json"))
    assert [row["propagate"] for row in rows if row["path"] == "/vms"] == [0]


def test_a_regenerated_secret_ends_the_old_one(client, pveum) -> None:
    old = grant(pveum)
    answer = shown(pveum(f"user token modify {USER} node-pve1 --regenerate 1 --output-format json"))
    assert (answer["full-tokenid"], answer["privsep"]) == (f"{USER}!node-pve1", 0)
    states = [
        client.send("GET", "/version", who=None, headers={"Authorization": f"PVEAPIToken={USER}!node-pve1={secret}"})[0] for secret in (old, answer["value"])
    ]
    assert states == [401, 200]


def test_proxmox_8_knows_no_regenerate_on_either_way(simulate) -> None:
    client = simulate(world={"version": "8.4.14", "nodes": NODES, "guests": GUESTS, "identities": IDENTITIES})
    pveum = pveum_of(client, "8.4.14")
    grant(pveum)
    usage = "pveum user token modify <userid> <tokenid> [OPTIONS] [FORMAT_OPTIONS]"
    said = f"Unknown option: regenerate\n400 unable to parse option\n{usage}\n"
    assert pveum(f"user token modify {USER} node-pve1 --regenerate 1 --output-format json") == Ended(255, "", said)
    status, _reason, body = client.send("PUT", f"/access/users/{USER}/token/node-pve1", {"regenerate": 1})
    assert (status, list(body["errors"])) == (400, ["regenerate"])


def test_a_role_gets_more_privileges_with_append_and_other_ones_without(pveum) -> None:
    grant(pveum)

    def privileges() -> str:
        return next(row["privs"] for row in shown(pveum("role list --output-format json")) if row["roleid"] == "LxcAutoscaleNode")

    pveum("role modify LxcAutoscaleNode --privs VM.Audit --append 1")
    assert privileges() == "Sys.Audit,VM.Audit"
    pveum("role modify LxcAutoscaleNode --privs VM.Audit")
    assert privileges() == "VM.Audit"


def test_deleting_the_user_takes_tokens_and_lines_along_and_may_be_repeated(client, pveum) -> None:
    secret = grant(pveum)
    assert pveum(f"user delete {USER}") == pveum(f"user delete {USER}") == Ended(0, "", "")
    assert shown(pveum("acl list --output-format json")) == []
    assert [row["userid"] for row in shown(pveum("user list --output-format json"))] == ["root@pam"]
    header = {"Authorization": f"PVEAPIToken={USER}!node-pve1={secret}"}
    assert client.send("GET", "/version", who=None, headers=header)[:2] == (401, "Authentication failed!")
    grant_again = pveum(f"user add {USER}")
    assert grant_again == Ended(0, "", "")
    assert shown(pveum(f"user token list {USER} --output-format json")) == []


def test_deleting_a_role_takes_its_lines_along(pveum) -> None:
    grant(pveum)
    assert pveum("role delete LxcAutoscale") == Ended(0, "", "")
    assert [row["roleid"] for row in shown(pveum("acl list --output-format json"))] == ["LxcAutoscaleNode"]


def test_a_token_of_the_service_makes_no_tokens_roles_or_lines(client, pveum) -> None:
    header = {"Authorization": f"PVEAPIToken={USER}!node-pve1={grant(pveum)}"}
    for method, path, form in (
        ("POST", "/access/roles", {"roleid": "Mine", "privs": "VM.Audit"}),
        ("POST", "/access/users", {"userid": "me@pve"}),
        ("PUT", "/access/acl", {"path": "/vms", "users": USER, "roles": "Administrator"}),
        ("POST", "/access/users/root@pam/token/mine", {"privsep": 0}),
    ):
        assert client.send(method, path, form, who=None, headers=header)[0] == 403


def test_only_root_runs_pveum_and_everybody_is_told_so(client) -> None:
    settings = NodeSettings.of(client.simulator, is_root=False)
    assert run_command(settings, ["pveum", "role", "list"]) == Ended(255, "", "please run as root\n")


def test_pveversion_names_manager_and_kernel(client) -> None:
    settings = NodeSettings.of(client.simulator, version="8.4.14")
    assert run_command(settings, ["pveversion"]).output == "pve-manager/8.4.14/14a22df35955d97d (running kernel: 6.17.2-1-pve)\n"
