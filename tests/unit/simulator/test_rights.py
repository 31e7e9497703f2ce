# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

CONFIG = "/nodes/pve1/lxc/101/config"
SERVICE = "lxc-autoscale@pve!node-pve1"
NOBODY = "nobody@pve!none"


@pytest.fixture(scope="module")
def client(simulate_for_module):
    return simulate_for_module()


@pytest.mark.parametrize("path", ["/cluster/resources", "/nodes/pve1/lxc", "/pools", "/nodes/pve1/storage"])
def test_lists_are_empty_and_no_error_for_somebody_without_rights(client, path: str) -> None:
    assert client.get(path, who=NOBODY) == []


def test_nodes_show_their_names_but_no_figures_to_somebody_without_rights(client) -> None:
    assert sorted(client.get("/nodes", who=NOBODY)[0]) == ["id", "level", "node", "ssl_fingerprint", "status", "type"]


@pytest.mark.parametrize(
    "path",
    [
        "/cluster/resources",
        CONFIG,
        "/nodes/pve1/lxc/101/pending",
        "/nodes/pve1/lxc/101/status/current",
        "/nodes/pve1/status",
        "/cluster/status",
    ],
)
def test_the_service_identity_may_read_what_a_cycle_needs(client, path: str) -> None:
    assert client.get(path, who=SERVICE) != []


def test_the_service_identity_sees_pools_and_changes_sizes(client) -> None:
    rows = client.get("/cluster/resources", who=SERVICE, type="vm")
    assert next(row for row in rows if row["vmid"] == 101)["pool"] == "production"
    assert client.put(CONFIG, who=SERVICE, cores=2, cpulimit=1, cpuunits=200, memory=2048, swap=16) == (200, "OK")
    assert client.put(CONFIG, who=SERVICE, delete="cpulimit,cpuunits") == (200, "OK")


@pytest.mark.parametrize(
    ("change", "privilege"),
    [
        ({"tags": "x"}, "VM.Config.Options"),
        ({"onboot": 0}, "VM.Config.Options"),
        ({"hostname": "x"}, "VM.Config.Network"),
        ({"net0": "name=eth0"}, "VM.Config.Network"),
    ],
)
def test_the_service_identity_changes_nothing_else(client, change: dict[str, object], privilege: str) -> None:
    assert client.put(CONFIG, who=SERVICE, **change) == (403, f"Permission check failed (/vms/101, {privilege})")


def test_the_service_identity_has_no_power_and_no_disks(client) -> None:
    assert client.send("POST", "/nodes/pve1/lxc/101/status/stop", {}, who=SERVICE)[:2] == (403, "Permission check failed (/vms/101, VM.PowerMgmt)")
    resize = client.send("PUT", "/nodes/pve1/lxc/101/resize", {"disk": "rootfs", "size": "+1G"}, who=SERVICE)
    assert resize[:2] == (403, "Permission check failed (/vms/101, VM.Config.Disk)")


def test_a_permission_that_does_not_propagate_has_the_value_zero(client) -> None:
    assert client.get("/access/permissions?path=/", who=SERVICE) == {"/": {"Sys.Audit": 0}}
    assert client.get("/access/permissions?path=/storage/local", who=SERVICE) == {"/storage/local": {}}


def test_a_deeper_entry_replaces_inherited_roles(simulate, tmp_path) -> None:
    privileges = tmp_path / "privileges.json"
    privileges.write_text('{"acl": [{"path": "/vms/101", "ugid": "lxc-autoscale@pve", "roleid": "PVETemplateUser"}]}', encoding="utf-8")
    client = simulate(privileges=privileges)
    # 101 is in a pool whose role still adds its privileges; without the pool only the deeper role is left.
    client.simulator.set_guest(101, pool=None)
    assert client.put(CONFIG, who=SERVICE, cores=2)[0] == 403
    assert client.put("/nodes/pve1/lxc/103/config", who=SERVICE, cores=2) == (200, "OK")


def test_a_second_factor_is_asked_for_and_a_code_works_once(client) -> None:
    user = client.simulator.users["otp@pve"]
    first = {"username": "otp@pve", "password": user["password"]}
    challenge = client.send("POST", "/access/ticket", first, who=None)[2]["data"]
    assert challenge["NeedTFA"] == 1
    assert client.send("GET", "/version", who=None, headers={"Cookie": "PVEAuthCookie=" + challenge["ticket"]})[0] == 401
    answer = {"username": "otp@pve", "password": f"totp:{user['otp_codes'][0]}", "tfa-challenge": challenge["ticket"]}
    ticket = client.send("POST", "/access/ticket", answer, who=None)[2]["data"]["ticket"]
    assert client.send("GET", "/version", who=None, headers={"Cookie": "PVEAuthCookie=" + ticket})[0] == 200
    assert client.send("POST", "/access/ticket", answer, who=None)[:2] == (401, "authentication failure")
    assert client.send("POST", "/access/ticket", first | {"otp": user["otp_codes"][1]}, who=None)[:2] == (401, "authentication failure")
    assert client.send("POST", "/access/ticket", {"username": "otp@pve", "password": ticket}, who=None)[0] == 200


def test_requests_are_recorded_with_who_asked_but_without_values(client) -> None:
    client.simulator.reset_requests()
    client.put(CONFIG, who=SERVICE, memory=2048)
    (request,) = client.simulator.requests()
    assert [request[key] for key in ("method", "path", "parameters", "who", "status")] == ["PUT", CONFIG, ["memory"], SERVICE, 200]
    assert client.simulator.requests(since=request["number"]) == []
