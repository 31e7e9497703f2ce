# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One suite for both ways to Proxmox: ProxmoxAPIClient, and PctBackend over a real sshd. Both run against simulators that began alike."""

from __future__ import annotations

import pytest
from cli.node import NodeSettings
from cli.sshd import Sshd
from harness import Simulator
from pve_lxc.backend.api import get_proxmox_client
from pve_lxc.backend.pct import PctBackend
from pve_lxc.errors import (
    ProxmoxAPIError,
    ProxmoxConflictError,
    ProxmoxNodeError,
    ProxmoxNotFoundError,
    ProxmoxTaskError,
    ProxmoxValidationError,
)
from pve_lxc.model.plan import ConfigWrite
from pve_lxc.operations.facts import Gathering, gather_facts
from pve_lxc.operations.find import Selection
from pve_lxc.operations.request import parse_requests
from pve_lxc.operations.resize import resize_containers
from pve_lxc.transport.ssh import SshRunner
from pve_lxc.transport.ssh_login import SshSettings

WAYS = ("api", "ssh")
LOCAL, LOCAL_WITH_SNAPSHOTS, REMOTE, TEMPLATE = 101, 104, 102, 9000
"""Running containers of the node that is logged in to, one of another node, and a template."""


class Way:
    """One way to one simulator."""

    def __init__(self, name: str, simulator: Simulator, backend) -> None:
        self.name = name
        self.simulator = simulator
        self.backend = backend
        self.template_node = simulator.guest(TEMPLATE)["node"]


@pytest.fixture(scope="module")
def ways(tmp_path_factory):
    """Both ways, each with a simulator of its own, made of the same seed."""
    made = {}
    opened = []
    for name in WAYS:
        simulator = Simulator(nodes=3, containers=9, auth_delay=0.05, task_seconds=0.02, wait_scale=0.01, seed=11, start_time=1_790_000_000)
        opened.append(simulator)
        if name == "api":
            token = "root@pam!all"
            backend = get_proxmox_client(
                host=simulator.host, port=simulator.port, ca_path=simulator.ca_path, token_id=token, token_secret=simulator.tokens[token]
            )
        else:
            daemon = Sshd(tmp_path_factory.mktemp("sshd"), NodeSettings.of(simulator))
            opened.append(daemon)
            login = SshSettings(host=daemon.host, port=daemon.port, user=daemon.user, key_file=daemon.key_file, known_hosts=daemon.known_hosts)
            backend = PctBackend(SshRunner(login))
        made[name] = Way(name, simulator, backend)
    yield made
    for way in made.values():
        way.backend.close()
    for thing in reversed(opened):
        thing.stop()


@pytest.fixture(params=WAYS)
def way(request, ways):
    return ways[request.param]


@pytest.fixture
def backend(way):
    return way.backend


def test_way_is_named_truthfully(way, backend):
    assert backend.transport == way.name


def test_cluster(backend):
    cluster = backend.read_cluster()
    assert list(cluster.guests) == [*range(101, 110), TEMPLATE]
    assert list(cluster.nodes) == ["pve1", "pve2", "pve3"]
    assert (cluster.guests[LOCAL].node, cluster.guests[REMOTE].node, cluster.guests[LOCAL].status) == ("pve1", "pve2", "running")
    assert (cluster.nodes["pve1"].cgroup_mode, cluster.virtual_machine_count) == (2, 1)


@pytest.mark.parametrize("vmid", [LOCAL, REMOTE])
def test_config_is_written_with_its_digest_and_read_back(backend, vmid):
    node = backend.read_cluster().guests[vmid].node
    before = backend.read_config(node, vmid)
    backend.write_config(node, vmid, ConfigWrite({"cores": 3, "memory": 1536, "cpulimit": "1.5"}), before.digest)
    after = backend.read_config(node, vmid)
    assert (after.allocation.cores, after.allocation.memory_mib, after.allocation.cpulimit) == (3, 1536, 1.5)
    backend.write_config(node, vmid, ConfigWrite({"cores": 2}, delete=("cpulimit", "cpuunits")), after.digest)
    final = backend.read_config(node, vmid).allocation
    assert (final.cores, final.cpulimit, final.cpuunits) == (2, None, None)


def test_what_waits_for_a_restart_is_pending(way, backend):
    backend.write_config("pve1", LOCAL, ConfigWrite({"nameserver": "192.0.2.53"}), "")
    seen = backend.read_pending("pve1", LOCAL)
    assert dict(seen.pending) == {"nameserver": "192.0.2.53"}
    assert len(seen.digest) == 40
    assert "nameserver" not in backend.read_config("pve1", LOCAL).values


def test_stale_digest_is_a_conflict_and_changes_nothing(backend):
    before = backend.read_config("pve1", LOCAL)
    with pytest.raises(ProxmoxConflictError) as caught:
        backend.write_config("pve1", LOCAL, ConfigWrite({"cores": 5}), "0" * 40)
    assert (caught.value.kind, caught.value.status) == ("digest", 500)
    assert str(caught.value) == "somebody else changed the configuration since it was read"
    assert backend.read_config("pve1", LOCAL) == before


def test_every_refused_parameter_is_named(backend):
    with pytest.raises(ProxmoxValidationError) as caught:
        backend.write_config("pve1", LOCAL, ConfigWrite({"cores": 0, "memory": "abc"}), "")
    assert caught.value.fields == {"cores": "value must have a minimum value of 1", "memory": "type check ('integer') failed - got 'abc'"}
    assert caught.value.status == 400


def test_refused_hot_plug_is_a_validation_error_of_its_option(backend):
    with pytest.raises(ProxmoxValidationError, match="cpulimit: unable to hotplug cpulimit"):
        backend.write_config("pve1", LOCAL, ConfigWrite({"cpulimit": "0"}), "")


def test_locked_container_is_a_conflict_with_the_lock(way, backend):
    way.simulator.set_guest(LOCAL, lock="backup")
    try:
        with pytest.raises(ProxmoxConflictError) as caught:
            backend.write_config("pve1", LOCAL, ConfigWrite({"cores": 2}), "")
    finally:
        way.simulator.set_guest(LOCAL, lock=None)
    assert (caught.value.kind, caught.value.lock, str(caught.value)) == ("lock", "backup", "CT is locked (backup)")


@pytest.mark.parametrize("ask", ["read_config", "read_pending", "read_snapshots"])
def test_missing_container_is_not_found(backend, ask):
    with pytest.raises(ProxmoxNotFoundError, match="Configuration file 'nodes/pve1/lxc/4999.conf' does not exist"):
        getattr(backend, ask)("pve1", 4999)


def test_unreachable_node_is_an_error_of_the_node(way, backend):
    way.simulator.fault("node_down", node="pve3")
    try:
        with pytest.raises(ProxmoxNodeError, match="No route to host") as caught:
            backend.read_live_guests("pve3")
    finally:
        way.simulator.fault("node_down", on=False, node="pve3")
    assert caught.value.status == 595


def test_write_that_dies_after_hot_plug_is_half_applied(way, backend):
    way.simulator.fault("config_readonly", vmid=LOCAL)
    try:
        outcome = resize_containers(backend, parse_requests({"vmid": LOCAL, "memory": "+64"}))[0]
    finally:
        way.simulator.fault("config_readonly", on=False, vmid=LOCAL)
    assert (outcome.is_failed, outcome.reason.value) == (True, "half_applied")


def test_version_next_id_features_and_quorum(backend):
    assert backend.read_version() >= (9, 0)
    assert backend.read_next_id() == 100
    assert backend.has_feature("pve1", LOCAL, "copy") is True
    assert backend.is_quorate() is True


def test_live_rows_status_interfaces_and_history(way, backend):
    way.simulator.advance(600)
    assert backend.read_live_guests("pve1")[LOCAL]["status"] == "running"
    assert backend.read_status("pve1", LOCAL) == "running"
    assert backend.read_interfaces("pve1", LOCAL)[0]["name"] == "lo"
    rows = backend.read_history("pve1", LOCAL, "hour", "AVERAGE")
    assert len(rows) == 60
    assert rows[-1].max_cpu == 2.0


def test_disk_grows_and_never_shrinks(backend):
    before = backend.read_config("pve1", LOCAL).values["rootfs"]
    assert backend.resize_disk("pve1", LOCAL, "rootfs", "+1G", 20).exit_status == "OK"
    grown = backend.read_config("pve1", LOCAL).values["rootfs"]
    assert grown != before
    with pytest.raises(ProxmoxAPIError, match="unable to shrink disk size"):
        backend.resize_disk("pve1", LOCAL, "rootfs", "100M", 20)
    with pytest.raises(ProxmoxAPIError, match="already at specified size"):
        backend.resize_disk("pve1", LOCAL, "rootfs", "+0", 20)


@pytest.mark.parametrize("vmid", [LOCAL_WITH_SNAPSHOTS, REMOTE])
def test_snapshot_is_made_once_and_deleted(backend, vmid):
    node = backend.read_cluster().guests[vmid].node
    assert backend.create_snapshot(node, vmid, "twin", "two words: kept", 20).exit_status == "OK"
    assert [(row["name"], row["description"]) for row in backend.read_snapshots(node, vmid)] == [("twin", "two words: kept\n")]
    with pytest.raises(ProxmoxTaskError) as caught:
        backend.create_snapshot(node, vmid, "twin", "", 20)
    assert caught.value.exit_status == "snapshot name 'twin' already used"
    assert backend.delete_snapshot(node, vmid, "twin", 20).exit_status == "OK"
    assert backend.read_snapshots(node, vmid) == []


def test_snapshot_on_a_storage_without_them_fails_in_its_task(backend):
    assert backend.has_feature("pve1", LOCAL, "snapshot") is False
    with pytest.raises(ProxmoxTaskError) as caught:
        backend.create_snapshot("pve1", LOCAL, "twin", "", 20)
    assert caught.value.exit_status == "snapshot feature is not available"


def test_clone_and_destroy(way, backend):
    node = way.template_node
    assert backend.clone_guest(node, TEMPLATE, 700, {"hostname": "copy", "full": True}, 20).exit_status == "OK"
    assert backend.read_config(node, 700).values["hostname"] == "copy"
    with pytest.raises(ProxmoxConflictError) as caught:
        backend.clone_guest(node, TEMPLATE, 700, {}, 20)
    assert (caught.value.kind, str(caught.value)) == ("exists", f"CT 700 already exists on node '{node}'")
    with pytest.raises(ProxmoxAPIError, match="Full clone of a running container is only possible from a snapshot"):
        backend.clone_guest("pve1", LOCAL, 701, {"full": True}, 20)
    with pytest.raises(ProxmoxAPIError, match="unable to destroy CT 101 - container is running"):
        backend.delete_guest("pve1", LOCAL, {}, 20)
    assert backend.delete_guest(node, 700, {"purge": True}, 20).exit_status == "OK"
    with pytest.raises(ProxmoxNotFoundError):
        backend.read_config(node, 700)


@pytest.mark.parametrize("vmid", [LOCAL, REMOTE])
def test_power(backend, vmid):
    node = backend.read_cluster().guests[vmid].node
    assert backend.change_power(node, vmid, "shutdown", {"timeout": 20}, 30).exit_status == "OK"
    assert backend.read_status(node, vmid) == "stopped"
    with pytest.raises(ProxmoxAPIError, match=f"CT {vmid} not running") as caught:
        backend.change_power(node, vmid, "stop", {}, 30)
    assert caught.value.__class__ is ProxmoxAPIError
    assert backend.change_power(node, vmid, "start", {}, 30).exit_status == "OK"
    with pytest.raises(ProxmoxAPIError, match=f"CT {vmid} already running"):
        backend.change_power(node, vmid, "start", {}, 30)
    assert backend.change_power(node, vmid, "reboot", {"timeout": 20}, 30).exit_status == "OK"
    assert backend.read_status(node, vmid) == "running"


@pytest.mark.parametrize("vmid", [LOCAL, REMOTE])
def test_container_that_is_deaf_to_shutdown_fails_in_its_task(way, backend, vmid):
    node = backend.read_cluster().guests[vmid].node
    way.simulator.set_guest(vmid, is_deaf_to_shutdown=True)
    try:
        with pytest.raises(ProxmoxTaskError) as caught:
            backend.change_power(node, vmid, "shutdown", {"timeout": 2}, 30)
        assert caught.value.exit_status == "container did not stop"
        assert backend.change_power(node, vmid, "shutdown", {"timeout": 2, "forceStop": True}, 30).exit_status == "OK"
    finally:
        way.simulator.set_guest(vmid, is_deaf_to_shutdown=False, status="running")


def test_start_of_a_missing_and_of_a_locked_container_fails_in_its_task(way, backend):
    with pytest.raises(ProxmoxTaskError) as caught:
        backend.change_power("pve1", 4999, "start", {}, 30)
    assert caught.value.exit_status == "Configuration file 'nodes/pve1/lxc/4999.conf' does not exist"
    way.simulator.set_guest(LOCAL, status="stopped", lock="backup")
    try:
        with pytest.raises(ProxmoxTaskError) as caught:
            backend.change_power("pve1", LOCAL, "start", {}, 30)
    finally:
        way.simulator.set_guest(LOCAL, lock=None, status="running")
    assert caught.value.exit_status == "CT is locked (backup)"


def test_many_are_started_in_one_call_and_an_empty_list_is_never_sent(way, backend):
    for vmid in (LOCAL, REMOTE):
        way.simulator.set_guest(vmid, status="stopped")
    assert backend.change_power_of_many("start", [LOCAL, REMOTE], {"max-workers": 2}, 30).exit_status == "OK"
    assert [way.simulator.guest(vmid)["status"] for vmid in (LOCAL, REMOTE)] == ["running", "running"]
    with pytest.raises(ValueError, match="an empty list of containers is never sent"):
        backend.change_power_of_many("start", [], {}, 30)


def test_resize_of_many_gives_each_its_result(way, backend):
    wishes = {
        "containers": [{"vmid": LOCAL, "cores": "+1"}, {"vmid": REMOTE, "swap": "777"}, {"vmid": 4999, "cores": "1"}, {"vmid": REMOTE + 1, "cores": "+0"}]
    }
    outcomes = resize_containers(backend, parse_requests(wishes))
    assert [outcome.reason.value for outcome in outcomes] == ["resized", "resized", "not_found", "unchanged"]
    assert [outcome.is_changed for outcome in outcomes] == [True, True, False, False]
    assert {outcome.transport for outcome in outcomes} == {way.name}
    assert outcomes[1].after.swap_mib == 777


def test_facts_of_every_kind(backend):
    facts = gather_facts(
        backend, Selection(vmids=(LOCAL, REMOTE)), Gathering(frozenset({"config", "pending", "metrics", "history", "snapshots", "interfaces"}))
    )
    assert list(facts.containers) == ["101", "102"]
    assert [container["errors"] for container in facts.containers.values()] == [{}, {}]
    assert [len(container["history"]) for container in facts.containers.values()] == [60, 60]
    assert facts.containers["102"]["config"]["swap"] == 777


def test_both_ways_end_with_equal_records(ways):
    """After the suite has changed the same things over each way, everything that can be read is the same."""

    def everything(way: Way) -> dict[str, object]:
        backend = way.backend
        way.simulator.advance(60)
        cluster = backend.read_cluster()
        records: dict[str, object] = {"cluster": cluster, "quorate": backend.is_quorate(), "version": backend.read_version()}
        for vmid, guest in cluster.guests.items():
            records[f"config {vmid}"] = backend.read_config(guest.node, vmid)
            records[f"pending {vmid}"] = backend.read_pending(guest.node, vmid)
            records[f"history {vmid}"] = backend.read_history(guest.node, vmid, "hour", "AVERAGE")
            records[f"interfaces {vmid}"] = backend.read_interfaces(guest.node, vmid)
            records[f"snapshots {vmid}"] = backend.read_snapshots(guest.node, vmid)
        for node in cluster.nodes:
            rows = backend.read_live_guests(node)
            records[f"live {node}"] = {vmid: {key: value for key, value in row.items() if key not in ("pid", "uptime")} for vmid, row in rows.items()}
        return records

    by_api, by_ssh = (everything(ways[name]) for name in WAYS)
    assert sorted(by_api) == sorted(by_ssh)
    assert [name for name in by_api if by_api[name] != by_ssh[name]] == []
    assert len(by_api) == 56
