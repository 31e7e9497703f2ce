# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which privileges are missing, and which commands would give them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pve_lxc.autoscale.access.check_rights import advise, find_gaps, needs_of, plan_mending
from pve_lxc.autoscale.access.plan import Access
from pve_lxc.backend.api import ProxmoxAPIClient
from pve_lxc.backend.pct import PctBackend
from pve_lxc.transport.local import LocalRunner

RECORDINGS = Path(__file__).resolve().parents[4] / "fixtures" / "pve9"
OURS = {"LxcAutoscale": {"VM.Audit", "VM.Config.CPU", "VM.Config.Memory", "Pool.Audit"}, "LxcAutoscaleNode": {"Sys.Audit"}}
ON_CONTAINER = {"VM.Audit", "VM.Config.CPU", "VM.Config.Memory"}
EVERYTHING = {"/vms/101": ON_CONTAINER, "/vms/102": ON_CONTAINER, "/nodes/pve1": {"Sys.Audit"}, "/": {"Sys.Audit"}}


def look(permissions, *, roles=None, access=None, vmids=(101, 102), **places):
    roles = OURS if roles is None else roles
    access = access or Access("scaler@pve")
    gaps = find_gaps(needs_of(access, "pve1", vmids, **places), permissions)
    commands = [command.about for command in plan_mending(gaps, access, roles, permissions)]
    return [gap.describe() for gap in gaps], commands, advise(gaps, "scaler@pve", roles, permissions)


def test_nothing_is_missing_where_everything_is_granted():
    assert look(EVERYTHING) == ([], [], [])


def test_role_that_lacks_a_privilege_is_given_it_and_no_second_entry_is_made():
    roles = {**OURS, "LxcAutoscale": {"VM.Audit", "VM.Config.CPU"}}
    granted = {**EVERYTHING, "/vms/101": {"VM.Audit", "VM.Config.CPU"}, "/vms/102": {"VM.Audit", "VM.Config.CPU"}}
    missing, commands, advice = look(granted, roles=roles)
    assert missing == ["VM.Config.Memory on /vms/101, /vms/102: without it its memory cannot be changed"]
    assert commands == ["pveum role modify LxcAutoscale --privs VM.Config.Memory --append 1"]
    assert advice == []


def test_user_without_any_right_gets_the_role_and_its_entries():
    missing, commands, advice = look({}, roles={})
    assert len(missing) == 5
    assert commands == [
        "pveum role add LxcAutoscale --privs Pool.Audit,VM.Audit,VM.Config.CPU,VM.Config.Memory",
        "pveum role add LxcAutoscaleNode --privs Sys.Audit",
        "pveum acl modify /vms --users scaler@pve --roles LxcAutoscale",
        "pveum acl modify /nodes --users scaler@pve --roles LxcAutoscaleNode",
        "pveum acl modify / --users scaler@pve --roles LxcAutoscaleNode --propagate 0",
    ]
    assert advice == []


def test_roles_that_are_there_are_not_added_again():
    commands = look({})[1]
    assert [command.split()[1] for command in commands] == ["acl", "acl", "acl"]


def test_rights_by_an_entry_of_somebody_elses_lead_to_its_role_and_never_to_an_entry_below_it():
    roles = {**OURS, "Watchers": {"VM.Audit", "Sys.Audit"}}
    granted = {path: {"VM.Audit", "Sys.Audit"} for path in EVERYTHING}
    missing, commands, advice = look(granted, roles=roles)
    assert len(missing) == 2
    assert commands == []
    (line,) = advice
    assert "pveum role modify Watchers --privs VM.Config.CPU,VM.Config.Memory --append 1" in line


def test_built_in_role_cannot_be_changed_and_is_not_named():
    roles = {**OURS, "PVEAuditor": {"VM.Audit", "Sys.Audit"}}
    (line,) = look({path: {"VM.Audit", "Sys.Audit"} for path in EVERYTHING}, roles=roles)[2]
    assert "pveum role modify THAT_ROLE --privs" in line


def test_entry_on_a_single_container_that_replaces_the_inherited_one_is_named():
    roles = {**OURS, "Backup": {"VM.Audit", "VM.Backup"}}
    missing, commands, advice = look({**EVERYTHING, "/vms/102": {"VM.Audit", "VM.Backup"}}, roles=roles)
    assert [text.split(":")[0] for text in missing] == ["VM.Config.CPU on /vms/102", "VM.Config.Memory on /vms/102"]
    assert commands == []
    assert len(advice) == 1
    assert advice[0].startswith("scaler@pve has rights on /vms/102 by another entry")
    assert "pveum role modify Backup --privs VM.Config.CPU,VM.Config.Memory --append 1" in advice[0]


def test_entry_that_takes_everything_away_on_a_single_container_is_named():
    _missing, commands, advice = look({**EVERYTHING, "/vms/102": set()})
    assert commands == []
    assert advice[0].startswith("an entry on /vms/102 itself takes away what scaler@pve has elsewhere, as the role NoAccess does")


def test_container_outside_of_the_pool_that_the_rights_are_limited_to_is_no_case_for_more_rights():
    roles = {**OURS, "LxcAutoscaleView": {"VM.Audit"}}
    _missing, commands, advice = look({**EVERYTHING, "/vms/102": {"VM.Audit", "Sys.Audit"}}, roles=roles)
    assert commands == []
    assert advice == [
        "scaler@pve may see /vms/102 and change only containers of one pool (role LxcAutoscaleView): put them into that pool, or select only what is in it"
    ]


def test_missing_node_rights_say_what_does_not_work():
    missing, commands, _advice = look({"/vms/101": ON_CONTAINER, "/vms/102": ON_CONTAINER})
    assert missing == [
        "Sys.Audit on /nodes/pve1: without it the node's cgroup mode is not seen",
        "Sys.Audit on /: without it nobody can tell whether the cluster has quorum, and nothing is written",
    ]
    assert commands[-1] == "pveum acl modify / --users scaler@pve --roles LxcAutoscaleNode --propagate 0"


@pytest.mark.parametrize(("pools", "expected"), [([], 8), (["web", "db"], 10)])
def test_pools_are_looked_at_only_where_the_configuration_names_them(pools, expected):
    assert len(needs_of(Access("scaler@pve", uses_pools=bool(pools)), "pve1", [101, 102], pools=pools)) == expected


def test_disks_are_looked_at_only_where_they_are_grown():
    paths = {(need.path, need.privilege) for need in needs_of(Access("scaler@pve", grows_disks=True), "pve1", [101], storages=["local-lvm"])}
    assert ("/vms/101", "VM.Config.Disk") in paths
    assert ("/storage/local-lvm", "Datastore.AllocateSpace") in paths
    assert not any("Disk" in need.privilege or "storage" in need.path for need in needs_of(Access("scaler@pve"), "pve1", [101], storages=["local-lvm"]))


def test_many_containers_are_counted_and_not_listed():
    missing = look({**EVERYTHING, **{f"/vms/{vmid}": {"VM.Audit", "VM.Config.CPU"} for vmid in range(101, 111)}}, vmids=range(101, 111))[0]
    assert missing == ["VM.Config.Memory on /vms/101, /vms/102, /vms/103, /vms/104, /vms/105, /vms/106 and 4 more: without it its memory cannot be changed"]


class RecordedTransport:
    """Answers what was recorded for a path, or what it was told."""

    name = "api"

    def __init__(self, label="", body=None):
        exchanges = json.loads((RECORDINGS / "access.json").read_text())
        self.body = body if body is not None else next(one["body"]["data"] for one in exchanges if one["label"] == label)

    def request(self, method, path, parameters=None):
        return self.body


def test_recorded_answer_about_a_path_is_read():
    granted = ProxmoxAPIClient(RecordedTransport("permissions path")).read_permissions("/vms/101")
    assert granted["VM.Config.Memory"] is True
    assert "VM.Config.CPU" not in granted
    assert len(granted) == 11


def test_recorded_roles_are_read():
    roles = ProxmoxAPIClient(RecordedTransport("roles")).read_roles()
    assert roles["PVEMappingUser"] == {"Mapping.Audit", "Mapping.Use"}
    assert "VM.Config.CPU" in roles["Scaler"]


@pytest.mark.parametrize("body", [[], {}, {"/vms/101": []}, {"/vms/101": {}}])
def test_token_without_rights_is_answered_by_emptiness_and_that_is_no_error(body):
    assert ProxmoxAPIClient(RecordedTransport(body=body)).read_permissions("/vms/101") == {}


def test_privilege_that_is_not_passed_on_is_granted_all_the_same():
    assert ProxmoxAPIClient(RecordedTransport(body={"/": {"Sys.Audit": 0}})).read_permissions("/") == {"Sys.Audit": False}


def test_commands_on_the_node_are_roots():
    assert PctBackend(LocalRunner()).read_permissions("/vms/101") is None
