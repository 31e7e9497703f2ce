# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client against the simulator, which answers as the recordings do: its verbs, and the names of the migration guide."""

from __future__ import annotations

import pytest
from harness import Simulator
from pve_lxc.backend.api import ProxmoxAPIClient, get_proxmox_client
from pve_lxc.errors import (
    ProxmoxAuthenticationError,
    ProxmoxConflictError,
    ProxmoxNodeError,
    ProxmoxNotFoundError,
    ProxmoxPermissionError,
    ProxmoxTaskError,
    ProxmoxValidationError,
    RequestError,
)
from pve_lxc.model.plan import ConfigWrite
from pve_lxc.transport.settings import ConnectionSettings


@pytest.fixture(scope="module")
def simulator():
    with Simulator(nodes=2, containers=6, auth_delay=0.05, task_seconds=0.05, seed=3) as running:
        yield running


def client_of(simulator: Simulator, token: str = "automation@pve!resize", **changes: object) -> ProxmoxAPIClient:
    options = {"host": simulator.host, "port": simulator.port, "ca_path": simulator.ca_path, "token_id": token, "token_secret": simulator.tokens[token]}
    return get_proxmox_client(**{**options, **changes})


@pytest.fixture
def client(simulator):
    simulator.reset_requests()
    return client_of(simulator)


def sent(simulator: Simulator) -> list[str]:
    return [f"{record['method']} {record['path']}" for record in simulator.requests()]


def test_nothing_is_sent_before_the_first_use_and_no_version_is_asked_for(simulator, client):
    assert sent(simulator) == []
    client.read_cluster()
    assert sent(simulator) == ["GET /cluster/resources"]


def test_get_containers_and_ids(client):
    rows = client.get_containers()
    assert [row["vmid"] for row in rows] == client.get_container_ids()
    assert {row["type"] for row in rows} == {"lxc"}
    assert client.get_container_ids("pve2") == [row["vmid"] for row in rows if row["node"] == "pve2"]


def test_get_container_status(client):
    assert client.get_container_status("pve1", 101)["status"] == "running"


def test_config_is_changed_by_put_and_guarded_by_its_digest(simulator, client):
    before = client.get_container_config("pve1", 101)
    client.update_container_config("pve1", 101, digest=before["digest"], cpuunits=150)
    assert client.get_container_config("pve1", 101)["cpuunits"] == 150
    with pytest.raises(ProxmoxConflictError) as caught:
        client.update_container_config("pve1", 101, digest=before["digest"], cpuunits=160)
    assert caught.value.kind == "digest"
    client.write_config("pve1", 101, ConfigWrite(delete=("cpuunits",)), "")
    assert "cpuunits" not in client.get_container_config("pve1", 101)
    assert "PUT /nodes/pve1/lxc/101/config" in sent(simulator)


def test_rrddata_has_rows_of_figures_and_not_a_picture(simulator, client):
    simulator.advance(600)
    rows = client.get_container_rrddata("pve1", 101)
    assert {"time", "maxcpu", "maxmem"} <= set(rows[-1])
    history = client.read_history("pve1", 101, "hour", "MAX")
    assert [row.time_seconds for row in history] == sorted(row["time"] for row in rows)


def test_clone_start_and_stop_are_tasks_that_are_waited_for(client):
    template = next(row["vmid"] for row in client.get_containers() if row.get("template"))
    node = next(row["node"] for row in client.get_containers() if row["vmid"] == template)
    assert client.wait_for_task(client.clone_container(node, template, 700, hostname="copy")).exit_status == "OK"
    assert client.wait_for_task(client.start_container(node, 700)).exit_status == "OK"
    assert client.get_container_status(node, 700)["status"] == "running"
    assert client.wait_for_task(client.stop_container(node, 700)).exit_status == "OK"
    assert client.get_container_status(node, 700)["status"] == "stopped"


def test_start_that_is_answered_with_200_and_fails_in_its_task_is_an_error_with_the_log(client):
    with pytest.raises(ProxmoxTaskError) as caught:
        client.wait_for_task(client.start_container("pve1", 4999))
    assert "does not exist" in caught.value.exit_status
    assert caught.value.log_tail[-1].startswith("TASK ERROR")


def test_get_node_status(client):
    assert client.get_node_status("pve1")["cpuinfo"]["cpus"] == 16


def test_live_rows_snapshots_and_quorum(simulator, client):
    assert client.read_live_guests("pve1")[101]["maxmem"] > 0
    assert client.read_snapshots("pve1", 101) == []
    assert client.is_quorate() is True
    simulator.fault("no_quorum")
    try:
        assert client.is_quorate() is False
    finally:
        simulator.fault("no_quorum", on=False)


def test_password_login_works_like_a_token(simulator):
    password = simulator.users["root@pam"]["password"]
    client = client_of(simulator, token_id="", token_secret="", user="root@pam", password=password)
    assert client.get_container_ids()[0] == 101


def test_second_factor_modelled_from_the_source(simulator):
    user = simulator.users["otp@pve"]
    settings = {"token_id": "", "token_secret": "", "user": "otp@pve", "password": user["password"]}
    assert client_of(simulator, **settings, otp=user["otp_codes"][0]).get_container_ids()[0] == 101
    with pytest.raises(ProxmoxAuthenticationError, match="second factor"):
        client_of(simulator, **settings).get_container_ids()


def test_wrong_secret_unknown_container_dead_node_and_missing_privilege_each_say_what_is_wrong(simulator, client):
    with pytest.raises(ProxmoxAuthenticationError, match="Authentication failed!"):
        client_of(simulator, token_secret="wrong").get_container_ids()
    with pytest.raises(ProxmoxNotFoundError, match="lxc/4999.conf' does not exist"):
        client.get_container_config("pve1", 4999)
    with pytest.raises(ProxmoxPermissionError, match=r"missing privilege: VM.Audit on /vms/101"):
        client_of(simulator, "nobody@pve!none").get_container_config("pve1", 101)
    with pytest.raises(ProxmoxValidationError, match="memory: value must have a minimum value of 16"):
        client.update_container_config("pve1", 101, memory=4)
    simulator.fault("node_down", node="pve2")
    try:
        with pytest.raises(ProxmoxNodeError, match="No route to host"):
            client.read_live_guests("pve2")
    finally:
        simulator.fault("node_down", on=False, node="pve2")


def test_no_rights_is_an_empty_list_and_not_an_error(simulator):
    assert client_of(simulator, "nobody@pve!none").get_container_ids() == []


def test_client_without_an_address_names_what_is_missing():
    with pytest.raises(RequestError, match="api_host: is missing"):
        get_proxmox_client(ConnectionSettings(host=""))
