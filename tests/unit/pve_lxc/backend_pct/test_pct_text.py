# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``pct`` and ``pvesh`` print, as recorded, becomes values and exceptions."""

from __future__ import annotations

import json
import pathlib

import pytest
from pve_lxc.backend.pct_text import (
    error_from_command,
    parse_config_lines,
    parse_list,
    parse_pending_lines,
    parse_refused_parameters,
    parse_status,
    parse_upid,
    parse_warnings,
)
from pve_lxc.errors import (
    ProxmoxAPIError,
    ProxmoxConflictError,
    ProxmoxNodeError,
    ProxmoxNotFoundError,
    ProxmoxPermissionError,
    ProxmoxValidationError,
)

FIXTURE = pathlib.Path(__file__).resolve().parents[3] / "fixtures" / "pve9" / "pct_cli.json"
RECORDS = {record["label"]: record for record in json.loads(FIXTURE.read_text(encoding="utf-8"))}


def error_of(label: str) -> ProxmoxAPIError:
    record = RECORDS[label]
    return error_from_command(record["argv"], record["rc"], record["stderr"], method="PUT", path="/nodes/pve1/lxc/101/config")


def test_list_keeps_its_columns_where_the_lock_is_empty():
    rows = parse_list(RECORDS["list"]["stdout"])
    assert rows[0] == {"vmid": 101, "status": "running", "lock": "", "name": "web1new"}
    assert rows[4] == {"vmid": 105, "status": "stopped", "lock": "backup", "name": "locked1"}
    assert [row["vmid"] for row in rows] == [101, 102, 103, 104, 105, 106, 900, 901]
    assert parse_list("") == []


def test_list_with_a_lock_that_is_longer_than_its_column():
    text = "VMID       Status     Lock         Name                \n101        running    snapshot-delete web                 \n"
    assert parse_list(text) == [{"vmid": 101, "status": "running", "lock": "snapshot-delete", "name": "web"}]


def test_config_has_the_types_of_the_api_and_a_decoded_description():
    values = parse_config_lines(RECORDS["config 101"]["stdout"])
    assert values["cores"] == 1 and values["memory"] == 256 and values["unprivileged"] == 1
    assert values["description"] == "d\n"
    assert values["net0"] == "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:B2:C6:0D,ip=10.99.0.11/24,type=veth"
    assert "digest" not in values


def test_config_keeps_cpulimit_as_typed_and_gathers_raw_lines():
    values = parse_config_lines("cpulimit: 1.25\nmemory: 512\nlxc.cgroup2.memory.max: 1G\n")
    assert values == {"cpulimit": "1.25", "memory": 512, "lxc": [["lxc.cgroup2.memory.max", "1G"]]}


def test_pending_rows_are_those_of_the_api():
    assert parse_pending_lines(RECORDS["pending"]["stdout"])[1] == {"key": "cores", "value": 1}
    text = "cur memory: 512\nnew nameserver: 192.0.2.53\ndel arch: amd64\ncur tty: 2\nnew tty: 3\n"
    assert parse_pending_lines(text) == [
        {"key": "memory", "value": 512},
        {"key": "nameserver", "pending": "192.0.2.53"},
        {"key": "arch", "value": "amd64", "delete": 1},
        {"key": "tty", "value": 2, "pending": 3},
    ]


def test_status_upid_and_warnings():
    assert parse_status(RECORDS["status 103"]["stdout"]) == "stopped"
    assert parse_status("") == "unknown"
    assert (
        parse_upid('some log\n"UPID:pve1:00000001:00000002:00000003:vzstart:101:root@pam:"\n') == "UPID:pve1:00000001:00000002:00000003:vzstart:101:root@pam:"
    )
    assert parse_upid("nothing") == ""
    assert parse_warnings("WARN: old kernel\nsomething else\n") == ("WARN: old kernel",)


def test_every_refused_parameter_is_named_without_the_usage_line():
    assert parse_refused_parameters(RECORDS["set two errors"]["stderr"]) == {
        "memory": "type check ('integer') failed - got 'abc'",
        "cores": "value must have a minimum value of 1",
    }
    assert parse_refused_parameters(RECORDS["set locked"]["stderr"]) == {}


@pytest.mark.parametrize(
    ("label", "kind", "text"),
    [
        ("set cores 0", ProxmoxValidationError, "cores: value must have a minimum value of 1"),
        ("set cpulimit 0 running", ProxmoxValidationError, "cpulimit: unable to hotplug cpulimit"),
        ("pvesh set bad", ProxmoxValidationError, "cores: value must have a minimum value of 1"),
        ("set missing", ProxmoxNotFoundError, "Configuration file 'nodes/pve1/lxc/999.conf' does not exist"),
        ("pvesh get 999", ProxmoxNotFoundError, "Configuration file 'nodes/pve1/lxc/999.conf' does not exist"),
        ("set locked", ProxmoxConflictError, "CT is locked (backup)"),
        ("set digest wrong", ProxmoxConflictError, "somebody else changed the configuration since it was read"),
        ("clone to existing", ProxmoxConflictError, "CT 230 already exists on node 'pve1'"),
        ("set nothing", ProxmoxAPIError, "500 no options specified"),
        ("set unknown", ProxmoxAPIError, "400 Unknown option: nosuch 400 unable to parse option"),
        ("resize shrink", ProxmoxAPIError, "500 unable to shrink disk size"),
    ],
)
def test_recorded_refusal_becomes_the_exception_of_the_api(label, kind, text):
    error = error_of(label)
    assert error.__class__ is kind
    assert text in str(error)


def test_conflicts_carry_their_kind_and_lock():
    assert (error_of("set locked").kind, error_of("set locked").lock) == ("lock", "backup")
    assert error_of("set digest wrong").kind == "digest"
    assert error_of("clone to existing").kind == "exists"


def error_for(exit_code: int, stderr: str) -> ProxmoxAPIError:
    return error_from_command(["pct", "set", "101", "--cores", "2"], exit_code, stderr, method="PUT", path="/x")


def test_what_sudo_the_shell_and_ssh_say_is_told_apart():
    refused = error_for(1, "sudo: a password is required\n")
    assert refused.__class__ is ProxmoxPermissionError
    assert str(refused) == "sudo on the node does not allow pct set 101: sudo: a password is required; docs/ssh.md has the rules to install"
    assert error_for(1, "Sorry, user op may not run sudo on pve1.\n").__class__ is ProxmoxPermissionError
    assert str(error_for(255, "please run as root\n")) == "pct set 101 needs root: log in as root, or set ssh_become to sudo"
    assert "is it really a Proxmox VE node?" in str(error_for(127, "env: 'pct': No such file or directory\n"))
    assert "is it really a Proxmox VE node?" in str(error_for(1, "sudo: pct: command not found\n"))
    down = error_for(255, "ssh: connect to host 10.99.0.2 port 22: No route to host\nproxy handler failed: exit code 255\n")
    assert (down.__class__, down.status) == (ProxmoxNodeError, 595)
    assert str(error_for(3, "")) == "500 pct set 101 ended with 3 and said nothing"
