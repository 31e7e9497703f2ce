# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out a plan: what is sent, what is believed, and what a lost answer leads to."""

from __future__ import annotations

import pytest
from pve_lxc.errors import (
    ProxmoxAPIError,
    ProxmoxAuthenticationError,
    ProxmoxConflictError,
    ProxmoxConnectionError,
    ProxmoxNodeError,
    ProxmoxNotFoundError,
    ProxmoxPermissionError,
    ProxmoxTimeoutError,
    ProxmoxTLSError,
    ProxmoxValidationError,
)
from pve_lxc.model.allocation import Allocation
from pve_lxc.model.reason import Reason
from pve_lxc.operations.failure import describe_failure
from pve_lxc.operations.resize_apply import apply_resize
from pve_lxc.operations.resize_plan import plan_to

LOST = ProxmoxConnectionError("the connection broke", is_sent=True)


def planned(backend, vmid=101, *, cgroup_mode=2, **changes):
    config = backend.read_config("pve1", vmid)
    backend.calls.clear()
    fields = dict(config.allocation.items()) | changes
    return plan_to(backend.guests[vmid], config, Allocation(**fields), cgroup_mode=cgroup_mode, reason=Reason.RESIZED, message="more")


def methods(backend):
    return [call[0] for call in backend.calls]


def test_a_change_is_one_write_and_one_reading_back(backend):
    backend.add(101, "web", cores=1)
    outcome = apply_resize(backend, planned(backend, cores=2, memory_mib=2048))
    assert methods(backend) == ["write_config", "read_pending"]
    assert backend.writes == [(101, {"cores": 2, "memory": 2048}, ())]
    assert (outcome.is_changed, outcome.is_failed, outcome.reason, outcome.message) == (True, False, Reason.RESIZED, "more")
    assert outcome.before == Allocation(cores=1, memory_mib=1024, swap_mib=512)
    assert outcome.after == Allocation(cores=2, memory_mib=2048, swap_mib=512)
    assert (outcome.vmid, outcome.name, outcome.node, outcome.transport) == (101, "web", "pve1", "api")


def test_nothing_to_write_makes_no_request(backend):
    backend.add(101)
    outcome = apply_resize(backend, planned(backend))
    assert (backend.calls, outcome.is_changed, outcome.is_failed) == ([], False, False)


def test_on_cgroup_one_memory_is_written_read_and_then_cpu_with_the_fresh_digest(old_backend):
    old_backend.add(101, cores=1)
    outcome = apply_resize(old_backend, planned(old_backend, cgroup_mode=1, cores=2, memory_mib=2048))
    assert methods(old_backend) == ["write_config", "read_config", "write_config", "read_pending"]
    assert old_backend.writes == [(101, {"memory": 2048}, ()), (101, {"cores": 2}, ())]
    assert outcome.is_changed and not outcome.is_failed


def test_somebody_who_writes_between_the_two_writes_is_not_overwritten(old_backend):
    old_backend.add(101, cores=1)
    old_backend.after_write = lambda vmid: old_backend.values[vmid].update(cores=8)
    outcome = apply_resize(old_backend, planned(old_backend, cgroup_mode=1, cores=2, memory_mib=2048))
    assert old_backend.writes == [(101, {"memory": 2048}, ())]
    assert (outcome.is_changed, outcome.is_failed, outcome.reason) == (True, True, Reason.CONFIG_CHANGED)
    assert outcome.after == Allocation(cores=8, memory_mib=2048, swap_mib=512)


def test_a_configuration_changed_since_the_reading_is_not_written(backend):
    backend.add(101, cores=1)
    plan = planned(backend, cores=2)
    backend.values[101]["hostname"] = "renamed"
    outcome = apply_resize(backend, plan)
    assert (outcome.is_changed, outcome.is_failed, outcome.reason, backend.writes) == (False, True, Reason.CONFIG_CHANGED, [])
    assert outcome.message == "somebody changed the configuration after it was read; nothing was written"


def test_a_lost_answer_to_a_write_that_arrived_is_settled_by_reading(backend):
    backend.add(101, memory=1024)
    backend.fail("write_config", LOST, "after")
    outcome = apply_resize(backend, planned(backend, memory_mib=1536))
    assert methods(backend) == ["write_config", "read_config", "read_pending"]
    assert (outcome.is_changed, outcome.is_failed, outcome.after.memory_mib) == (True, False, 1536)


def test_a_lost_answer_to_a_write_that_did_not_arrive_is_written_once_more(backend):
    backend.add(101, memory=1024)
    backend.fail("write_config", LOST, "before")
    outcome = apply_resize(backend, planned(backend, memory_mib=1536))
    assert methods(backend) == ["write_config", "read_config", "write_config", "read_pending"]
    assert backend.writes == [(101, {"memory": 1536}, ())]
    assert (outcome.is_changed, outcome.is_failed) == (True, False)


def test_two_lost_answers_end_as_unknown(backend):
    backend.add(101, memory=1024)
    backend.fail("write_config", LOST, "before")
    backend.fail("write_config", LOST, "before")
    outcome = apply_resize(backend, planned(backend, memory_mib=1536))
    assert (outcome.is_changed, outcome.is_failed, outcome.reason) == (False, True, Reason.OUTCOME_UNKNOWN)


def test_a_write_that_arrives_after_all_while_it_is_repeated_counts_once(backend):
    backend.add(101, memory=1024)
    plan = planned(backend, memory_mib=1536)
    backend.fail("write_config", LOST, "before")
    # The first write lands just before the second one, which Proxmox then refuses because of its digest.
    first_read = backend.read_config

    def read_then_land(node, vmid):
        seen = first_read(node, vmid)
        backend.values[vmid]["memory"] = 1536
        return seen

    backend.read_config = read_then_land
    outcome = apply_resize(backend, plan)
    assert (outcome.is_changed, outcome.is_failed, outcome.after.memory_mib) == (True, False, 1536)
    assert backend.writes == []


def test_a_lost_answer_and_somebody_elses_change_end_as_unknown(backend):
    backend.add(101, memory=1024)
    plan = planned(backend, memory_mib=1536)
    backend.fail("write_config", LOST, "before")
    backend.values[101]["memory"] = 4096
    outcome = apply_resize(backend, plan)
    assert (outcome.is_failed, outcome.reason, outcome.after.memory_mib, backend.writes) == (True, Reason.OUTCOME_UNKNOWN, 4096, [])


def test_a_lost_answer_and_a_lost_reading_end_as_unknown(backend):
    backend.add(101, memory=1024)
    plan = planned(backend, memory_mib=1536)
    backend.fail("write_config", LOST, "after")
    backend.fail("read_config", LOST)
    outcome = apply_resize(backend, plan)
    assert (outcome.is_failed, outcome.reason) == (True, Reason.OUTCOME_UNKNOWN)
    assert outcome.message == "the answer to the write was lost (the connection broke), and what became of it cannot be read (the connection broke)"


def test_a_timed_out_write_that_is_not_there_yet_is_not_repeated(backend):
    backend.add(101, memory=1024)
    plan = planned(backend, memory_mib=1536)
    backend.fail("write_config", ProxmoxTimeoutError("no answer in 30 s"), "before")
    outcome = apply_resize(backend, plan)
    assert methods(backend) == ["write_config", "read_config"]
    assert (outcome.is_failed, outcome.reason) == (True, Reason.OUTCOME_UNKNOWN)


def test_a_write_that_was_never_sent_is_not_looked_for(backend):
    backend.add(101, memory=1024)
    plan = planned(backend, memory_mib=1536)
    backend.fail("write_config", ProxmoxConnectionError("connection refused", is_sent=False))
    outcome = apply_resize(backend, plan)
    assert methods(backend) == ["write_config"]
    assert (outcome.is_changed, outcome.is_failed, outcome.reason) == (False, True, Reason.CONNECTION_LOST)


def test_a_node_that_dropped_the_connection_leads_to_a_reading(backend):
    backend.add(101, memory=1024)
    backend.fail("write_config", ProxmoxNodeError("Connection timed out", status=599), "after")
    outcome = apply_resize(backend, planned(backend, memory_mib=1536))
    assert (outcome.is_changed, outcome.is_failed) == (True, False)


def test_a_node_that_was_not_reached_was_not_written_to(backend):
    backend.add(101, memory=1024)
    backend.fail("write_config", ProxmoxNodeError("No route to host", status=595))
    outcome = apply_resize(backend, planned(backend, memory_mib=1536))
    assert methods(backend) == ["write_config"]
    assert (outcome.is_failed, outcome.reason) == (True, Reason.NODE_UNREACHABLE)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_server_error_is_half_applied_whatever_the_configuration_says(backend, when):
    backend.add(101, memory=1024)
    backend.fail("write_config", ProxmoxAPIError("unable to write '/etc/pve/lxc/101.conf'", status=500), when)
    outcome = apply_resize(backend, planned(backend, memory_mib=1536))
    assert (outcome.is_failed, outcome.reason) == (True, Reason.HALF_APPLIED)
    assert outcome.is_changed is (when == "after")
    assert outcome.message.startswith("Proxmox answered 500 (unable to write '/etc/pve/lxc/101.conf'): the limits that are in force may have changed")


def test_a_server_error_before_an_unreachable_api_is_half_applied_too(backend):
    backend.add(101, memory=1024)
    plan = planned(backend, memory_mib=1536)
    backend.fail("write_config", ProxmoxAPIError("unable to write", status=500))
    backend.fail("read_config", LOST)
    assert apply_resize(backend, plan).reason is Reason.HALF_APPLIED


def test_a_refused_hotplug_of_one_of_two_values_is_half_applied(backend):
    backend.add(101, cores=1)
    refused = ProxmoxValidationError("Parameter verification failed.", fields={"memory": "unable to hotplug memory: Device or resource busy\n"})
    backend.fail("write_config", refused)
    outcome = apply_resize(backend, planned(backend, cpulimit=0.5, memory_mib=2048))
    assert outcome.reason is Reason.HALF_APPLIED


def test_a_refused_hotplug_of_the_only_value_changed_nothing(backend):
    backend.add(101)
    refused = ProxmoxValidationError("Parameter verification failed.", fields={"memory": "unable to hotplug memory: Device or resource busy\n"})
    backend.fail("write_config", refused)
    outcome = apply_resize(backend, planned(backend, memory_mib=2048))
    assert (outcome.reason, outcome.message) == (
        Reason.REFUSED_BY_PROXMOX,
        "Proxmox refused the values: memory: unable to hotplug memory: Device or resource busy",
    )


def test_a_value_that_proxmox_accepts_and_does_not_keep_is_not_in_effect(backend):
    backend.add(101, cores=1)
    backend.after_write = lambda vmid: backend.values[vmid].update(cores=1)
    outcome = apply_resize(backend, planned(backend, cores=2))
    assert (outcome.is_changed, outcome.is_failed, outcome.reason) == (False, True, Reason.NOT_IN_EFFECT)
    assert outcome.message == "Proxmox accepted the write, but read back cores is 1 instead of 2"


def test_a_value_that_waits_for_a_restart_is_reported_as_pending(backend):
    backend.add(101, cores=1)

    def hold_back(vmid):
        backend.values[vmid].update(cores=1)
        backend.pending[vmid] = {"cores": 2}

    backend.after_write = hold_back
    outcome = apply_resize(backend, planned(backend, cores=2))
    assert (outcome.is_changed, outcome.is_failed) == (True, False)
    assert (outcome.pending, outcome.is_restart_required, outcome.after.cores) == ({"cores": 2}, True, 1)


def test_a_written_change_that_cannot_be_read_back_is_changed_and_failed(backend):
    backend.add(101, cores=1)
    plan = planned(backend, cores=2)
    backend.fail("read_pending", LOST)
    outcome = apply_resize(backend, plan)
    assert (outcome.is_changed, outcome.is_failed, outcome.after) == (True, True, None)
    assert outcome.message == "written, but it could not be read back: the connection broke"


def test_a_digest_conflict_on_the_second_write_reports_the_first(old_backend):
    old_backend.add(101, cores=1)
    plan = planned(old_backend, cgroup_mode=1, cores=2, memory_mib=2048)
    real_write = old_backend.write_config
    seen = []

    def write(node, vmid, change, digest):
        seen.append(change.values)
        if len(seen) == 2:
            raise ProxmoxConflictError("CT is locked (backup)", kind="lock", lock="backup")
        real_write(node, vmid, change, digest)

    old_backend.write_config = write
    outcome = apply_resize(old_backend, plan)
    assert seen == [{"memory": 2048}, {"cores": 2}]
    assert (outcome.is_changed, outcome.is_failed, outcome.reason) == (True, True, Reason.LOCKED)
    assert outcome.after == Allocation(cores=1, memory_mib=2048, swap_mib=512)


@pytest.mark.parametrize(
    ("error", "reason", "message"),
    [
        (
            ProxmoxPermissionError("Permission check failed (/vms/101, VM.Config.CPU)\n", acl_path="/vms/101", privileges=["VM.Config.CPU"]),
            "permission_denied",
            "missing privilege on /vms/101: VM.Config.CPU",
        ),
        (
            ProxmoxPermissionError("Permission check failed", acl_path="/vms/101", privileges=["VM.Config.CPU", "VM.Config.Memory"]),
            "permission_denied",
            "missing privileges on /vms/101: VM.Config.CPU or VM.Config.Memory",
        ),
        (ProxmoxPermissionError("Permission check failed\n"), "permission_denied", "Permission check failed"),
        (ProxmoxAuthenticationError("no ticket", status=401), "authentication_failed", "no ticket"),
        (
            ProxmoxNotFoundError("Configuration file 'nodes/pve1/lxc/999.conf' does not exist\n"),
            "not_found",
            "Configuration file 'nodes/pve1/lxc/999.conf' does not exist",
        ),
        (ProxmoxConflictError("CT is locked (backup)\n", kind="lock", lock="backup"), "locked", "the container is locked (backup): CT is locked (backup)"),
        (ProxmoxConflictError("can't lock file - got timeout", kind="lock"), "locked", "the container is locked: can't lock file - got timeout"),
        (ProxmoxConflictError("CT 101 already exists", kind="exists"), "refused_by_proxmox", "CT 101 already exists"),
        (ProxmoxTLSError("certificate verify failed"), "connection_lost", "certificate verify failed"),
        (ProxmoxTimeoutError("no answer in 30 s"), "connection_lost", "no answer in 30 s"),
        (ProxmoxNodeError("No route to host", status=595), "node_unreachable", "No route to host"),
        (ProxmoxAPIError("Method not implemented", status=501), "refused_by_proxmox", "Method not implemented"),
        (
            ProxmoxValidationError("Parameter verification failed.", fields={"memory": "too big\n", "cores": "too many\n"}),
            "refused_by_proxmox",
            "Proxmox refused the values: cores: too many; memory: too big",
        ),
    ],
)
def test_each_error_of_proxmox_has_a_reason_and_a_sentence(error, reason, message):
    assert describe_failure(error) == (reason, message)
