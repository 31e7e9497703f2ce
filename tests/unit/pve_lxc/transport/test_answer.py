# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What genuine Proxmox answered, recorded, and the exception that each answer becomes."""

from __future__ import annotations

import json
import pathlib

import pytest
from pve_lxc.errors import ProxmoxAPIError
from pve_lxc.transport.answer import error_from_answer, read_text

RECORDINGS = pathlib.Path(__file__).resolve().parents[3] / "fixtures" / "pve9"

# (file, label, exception, text in its message, attributes)
RECORDED = [
    ("auth_401", "wrong secret", "ProxmoxAuthenticationError", "Authentication failed! (token id, token secret or ticket is wrong", {}),
    ("auth_401", "wrong password", "ProxmoxAuthenticationError", "authentication failure (user, realm or password is wrong)", {}),
    ("auth_401", "PUT with ticket, no CSRF", "ProxmoxAuthenticationError", "Permission denied - invalid csrf token", {}),
    ("auth_401", "no auth at all", "ProxmoxAuthenticationError", "No ticket (no usable credentials were sent)", {}),
    ("auth_401", "wrong method", "ProxmoxAPIError", "501 Method 'DELETE /version' not implemented", {"status": 501}),
    (
        "permission_403",
        "PUT cores [nocpu]",
        "ProxmoxPermissionError",
        "missing privilege: VM.Config.CPU on /vms/101",
        {"acl_path": "/vms/101", "privileges": ("VM.Config.CPU",)},
    ),
    (
        "permission_403",
        "everything [bare]",
        "ProxmoxPermissionError",
        "missing privilege: one of VM.Config.Disk, VM.Config.CPU, VM.Config.Memory, VM.Config.Network, VM.Config.Options on /vms/101",
        {"acl_path": "/vms/101"},
    ),
    ("clone", "unknown pool", "ProxmoxPermissionError", "Permission check failed (pool 'nope' does not exist)", {"acl_path": "", "privileges": ()}),
    ("config_put_bad", "cores=0", "ProxmoxValidationError", "cores: value must have a minimum value of 1", {}),
    (
        "config_put_bad",
        "two bad ones",
        "ProxmoxValidationError",
        "cores: value must have a minimum value of 1; memory: type check ('integer') failed - got 'abc'",
        {"fields": {"cores": "value must have a minimum value of 1", "memory": "type check ('integer') failed - got 'abc'"}},
    ),
    ("config_put_bad", "wrong digest", "ProxmoxConflictError", "somebody else changed the configuration", {"kind": "digest"}),
    ("config_put_bad", "locked CT", "ProxmoxConflictError", "CT is locked (backup)", {"kind": "lock", "lock": "backup"}),
    ("config_put_bad", "missing vmid", "ProxmoxNotFoundError", "Configuration file 'nodes/pve1/lxc/999.conf' does not exist", {}),
    ("config_put_bad", "unknown node", "ProxmoxNotFoundError", "hostname lookup 'nosuch' failed", {}),
    ("config_put_bad", "PATCH", "ProxmoxAPIError", "501 method 'PATCH' not available", {"status": 501}),
    ("misc", "node resolvable but unreachable", "ProxmoxNodeError", "No route to host", {"status": 595}),
    (
        "misc",
        "PUT while the config lock is held elsewhere",
        "ProxmoxConflictError",
        "another process holds the configuration's lock",
        {"kind": "lock", "lock": ""},
    ),
    ("clone", "to an existing vmid", "ProxmoxConflictError", "CT 101 already exists on node 'pve1'", {"kind": "exists"}),
    ("clone", "unknown target node", "ProxmoxNotFoundError", "no such cluster node 'nosuch'", {}),
    ("clone", "unknown storage", "ProxmoxNotFoundError", "storage 'nope' does not exist", {}),
    ("tasks", "well-formed unknown upid", "ProxmoxNotFoundError", "no such task", {"status": 400}),
    ("rrddata", "missing ct", "ProxmoxNotFoundError", "RRD error", {}),
    ("pools", "missing pool", "ProxmoxNotFoundError", "pool 'nope' does not exist", {}),
    ("power", "start running", "ProxmoxAPIError", "500 CT 103 already running", {"status": 500}),
    ("resize", "shrink", "ProxmoxAPIError", "500 unable to shrink disk size", {"status": 500}),
]


def recorded(file: str, label: str) -> dict:
    records = json.loads((RECORDINGS / f"{file}.json").read_text())
    return next(record for record in records if record["label"] == label)


@pytest.mark.parametrize(("file", "label", "kind", "text", "attributes"), RECORDED, ids=[f"{file}: {label}" for file, label, *dummy in RECORDED])
def test_recorded_answer_becomes_its_exception(file, label, kind, text, attributes):
    record = recorded(file, label)
    error = error_from_answer(record["status"], record["reason"], record["body"], method=record["request"]["method"], path=record["request"]["path"])
    assert type(error).__name__ == kind
    assert text in str(error)
    assert {name: getattr(error, name) for name in attributes} == attributes


def test_every_recorded_error_becomes_an_exception_with_text_on_one_line():
    count = 0
    for file in sorted(RECORDINGS.glob("*.json")):
        for record in json.loads(file.read_text()):
            if record.get("status", 0) < 400:
                continue
            error = error_from_answer(record["status"], record["reason"], record["body"], method="GET", path="/x")
            assert isinstance(error, ProxmoxAPIError)
            assert str(error).strip()
            assert "\n" not in str(error)
            count += 1
    assert count == 155


def test_text_comes_from_the_body_and_else_from_the_reason_phrase():
    assert read_text("reason", {"message": "words of\nthe body\n"}) == "words of the body"
    assert read_text("No ticket", None) == "No ticket"


def test_hotplug_that_failed_names_its_field():
    error = error_from_answer(
        400, "Parameter verification failed.", {"errors": {"memory": "unable to hotplug memory: busy\n"}, "data": None}, method="PUT", path="/x"
    )
    assert error.fields == {"memory": "unable to hotplug memory: busy"}
