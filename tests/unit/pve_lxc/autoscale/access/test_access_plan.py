# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which commands of pveum bring about the rights that are wanted."""

from __future__ import annotations

from dataclasses import replace

from pve_lxc.autoscale.access.plan import Access, AclLine, Present, plan_grant, plan_withdrawal

USER = "lxc-autoscale@pve"
ROLES = {
    "LxcAutoscale": frozenset({"VM.Audit", "VM.Config.CPU", "VM.Config.Memory", "Pool.Audit"}),
    "LxcAutoscaleNode": frozenset({"Sys.Audit"}),
}
ACL = (AclLine("/vms", "LxcAutoscale"), AclLine("/nodes", "LxcAutoscaleNode"), AclLine("/", "LxcAutoscaleNode", is_propagated=False))
READY = Present(roles=ROLES, users=frozenset({"root@pam", USER}), acl=ACL, tokens=frozenset({"node-pve1"}))


def lines(commands):
    return [" ".join(command.words) for command in commands]


def test_on_an_untouched_cluster_everything_is_made():
    assert lines(plan_grant(Access(), "node-pve1", Present())) == [
        "role add LxcAutoscale --privs Pool.Audit,VM.Audit,VM.Config.CPU,VM.Config.Memory",
        "role add LxcAutoscaleNode --privs Sys.Audit",
        "user add lxc-autoscale@pve --comment lxc-autoscale (managed by Ansible)",
        "acl modify /vms --users lxc-autoscale@pve --roles LxcAutoscale --propagate 1",
        "acl modify /nodes --users lxc-autoscale@pve --roles LxcAutoscaleNode --propagate 1",
        "acl modify / --users lxc-autoscale@pve --roles LxcAutoscaleNode --propagate 0",
    ]


def test_nothing_is_done_where_all_is_there():
    assert plan_grant(Access(), "node-pve1", READY) == []


def test_a_missing_privilege_is_added_to_the_role_and_none_is_taken_from_it():
    roles = {**ROLES, "LxcAutoscale": frozenset({"VM.Audit", "VM.Config.CPU", "Pool.Audit", "VM.Snapshot"})}
    assert lines(plan_grant(Access(), "node-pve1", replace(READY, roles=roles))) == ["role modify LxcAutoscale --privs VM.Config.Memory --append 1"]


def test_pools_are_shown_only_to_a_configuration_that_names_some():
    assert lines(plan_grant(Access(uses_pools=True), "node-pve1", READY)) == [
        "acl modify /pool --users lxc-autoscale@pve --roles LxcAutoscale --propagate 1",
    ]


def test_with_a_pool_the_right_to_write_is_moved_from_all_containers_to_it():
    assert lines(plan_grant(Access(pool="web"), "node-pve1", READY)) == [
        "role add LxcAutoscaleView --privs VM.Audit",
        "acl modify /vms --users lxc-autoscale@pve --roles LxcAutoscaleView --propagate 1",
        "acl modify /pool/web --users lxc-autoscale@pve --roles LxcAutoscale --propagate 1",
        "acl delete /vms --users lxc-autoscale@pve --roles LxcAutoscale",
    ]


def test_a_line_that_an_administrator_has_added_stays():
    own = AclLine("/vms/105", "PVEAuditor")
    assert plan_grant(Access(), "node-pve1", replace(READY, acl=(*ACL, own))) == []


def test_a_line_that_goes_further_than_wanted_is_narrowed():
    acl = (*ACL[:2], AclLine("/", "LxcAutoscaleNode"))
    assert lines(plan_grant(Access(), "node-pve1", replace(READY, acl=acl))) == [
        "acl modify / --users lxc-autoscale@pve --roles LxcAutoscaleNode --propagate 0",
    ]


def test_growing_disks_needs_two_more_rights():
    assert lines(plan_grant(Access(grows_disks=True), "node-pve1", READY)) == [
        "role modify LxcAutoscale --privs VM.Config.Disk --append 1",
        "role add LxcAutoscaleStorage --privs Datastore.AllocateSpace,Datastore.Audit",
        "acl modify /storage --users lxc-autoscale@pve --roles LxcAutoscaleStorage --propagate 1",
    ]


def test_a_token_that_somebody_has_made_with_rights_of_its_own_gets_those_of_the_user():
    separated = replace(READY, separated_tokens=frozenset({"node-pve1"}))
    assert lines(plan_grant(Access(), "node-pve1", separated)) == ["user token modify lxc-autoscale@pve node-pve1 --privsep 0"]
    assert plan_grant(Access(), "node-pve2", separated) == []


def test_the_first_node_that_leaves_takes_only_its_token():
    present = replace(READY, tokens=frozenset({"node-pve1", "node-pve2"}))
    assert lines(plan_withdrawal(USER, "node-pve1", present)) == ["user token remove lxc-autoscale@pve node-pve1"]


def test_the_last_node_that_leaves_takes_everything():
    assert lines(plan_withdrawal(USER, "node-pve1", READY)) == [
        "user token remove lxc-autoscale@pve node-pve1",
        "acl delete /vms --users lxc-autoscale@pve --roles LxcAutoscale",
        "acl delete /nodes --users lxc-autoscale@pve --roles LxcAutoscaleNode",
        "acl delete / --users lxc-autoscale@pve --roles LxcAutoscaleNode",
        "user delete lxc-autoscale@pve",
        "role delete LxcAutoscale",
        "role delete LxcAutoscaleNode",
    ]


def test_a_role_that_somebody_else_has_stays():
    commands = lines(plan_withdrawal(USER, "node-pve1", replace(READY, strangers_roles=frozenset({"LxcAutoscale"}))))
    assert commands[-1] == "role delete LxcAutoscaleNode"
    assert "role delete LxcAutoscale" not in commands


def test_there_is_nothing_to_take_back_where_nothing_is():
    assert plan_withdrawal(USER, "node-pve1", Present(users=frozenset({"root@pam"}))) == []
