# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what ``pct`` and ``pvesh`` print to plain values and to exceptions; pure, so a recording is a test.

Their exit codes are left-overs of errno (2, 22, 255 for the same kind of thing), so only zero or not zero means anything. What they
print to standard error is Proxmox's own text, the same that the API answers, and goes through the same patterns.
Source: recorded on PVE 9.2.11, tests/fixtures/pve9/pct_cli.json; what comes from Proxmox's source instead says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from ..errors import ProxmoxAPIError, ProxmoxNodeError, ProxmoxPermissionError
from ..transport.answer import error_from_answer

# Keys whose values the API returns as numbers. Source: PVE 9.2 API schema, types integer and boolean of /nodes/{node}/lxc/{vmid}/config.
_WHOLE_KEYS = frozenset({"cores", "cpuunits", "memory", "swap", "tty", "console", "debug", "onboot", "protection", "template", "unprivileged"})

_BAD_PARAMETERS = "400 Parameter verification failed."
_STATUS = re.compile(r"^(?P<status>[45][0-9]{2}) \S", re.MULTILINE)
_FIELD = re.compile(r"^(?P<name>[A-Za-z0-9_\[\]-]+): (?P<text>.*)$")
_USAGE = re.compile(r"^(?:pct|pvesh) .*(?:\[OPTIONS\]|<api_path>)")
# sudo answers itself when a command is not allowed. Source: sudo 1.9, tried.
_SUDO = re.compile(r"^(?:sudo: |Sorry, user )", re.MULTILINE)
_MISSING_COMMAND = re.compile(r"command not found|No such file or directory$")
# Source: PVE::CLIHandler, run_cli_handler.
_NOT_ROOT = re.compile(r"^please run as root$", re.MULTILINE)
# pvesh reaches other nodes by ssh. Source: PVE/CLI/pvesh.pm, proxy_handler.
_NODE_DOWN = re.compile(r"^ssh: connect to host .*$", re.MULTILINE)
_UPID = re.compile(r"UPID:[^\s\"']+:")


def parse_list(text: str) -> list[dict[str, Any]]:
    """Return ``{vmid, status, lock, name}`` of each line of ``pct list``; without containers it prints nothing, not even a header.

    Only the lock may be empty, so a line of three words has none.
    """
    rows = []
    for line in text.splitlines():
        words = line.split()
        if len(words) in (3, 4) and words[0].isdigit():
            rows.append({"vmid": int(words[0]), "status": words[1], "lock": words[2] if len(words) == 4 else "", "name": words[-1]})
    return rows


def parse_config_lines(text: str) -> dict[str, Any]:
    """Return the configuration that ``pct config`` prints, with the API's types and without its digest, which pct keeps to itself."""
    values: dict[str, Any] = {}
    for line in text.splitlines():
        key, separator, value = line.partition(": ")
        if not separator:
            continue
        if key.startswith("lxc."):
            values.setdefault("lxc", []).append([key, value])
        else:
            values[key] = _typed(key, value)
    return values


def parse_pending_lines(text: str) -> list[dict[str, Any]]:
    """Return the rows that ``GET .../pending`` would have, of ``cur cores: 1``, ``new nameserver: 192.0.2.53`` and ``del arch: amd64``.

    ``new`` and ``del`` are from Proxmox's source (PVE::GuestHelpers, format_pending), not recorded.
    """
    rows: dict[str, dict[str, Any]] = {}
    for line in text.splitlines():
        mark, dummy, rest = line.partition(" ")
        key, separator, value = rest.partition(": ")
        if not separator or mark not in ("cur", "new", "del"):
            continue
        row = rows.setdefault(key, {"key": key})
        row["pending" if mark == "new" else "value"] = _typed(key, value)
        if mark == "del":
            row["delete"] = 1
    return list(rows.values())


def parse_status(text: str) -> str:
    """Return ``running`` of ``status: running``; ``unknown`` when there is no such line."""
    found = re.search(r"^status: (\S+)", text, re.MULTILINE)
    return found[1] if found else "unknown"


def parse_upid(text: str) -> str:
    """Return the last task id in what ``pvesh create`` printed below the task's log; empty when there is none."""
    found = _UPID.findall(text)
    return str(found[-1]) if found else ""


def parse_warnings(stderr: str) -> tuple[str, ...]:
    """Return the lines that a task warned with, oldest first."""
    return tuple(line for line in stderr.splitlines() if line.startswith("WARN"))


def parse_refused_parameters(text: str) -> dict[str, str]:
    """Return parameter -> text of a refusal, without the usage line below it; empty when it is another error."""
    lines = text.splitlines()
    if _BAD_PARAMETERS not in lines:
        return {}
    fields: dict[str, str] = {}
    for line in lines[lines.index(_BAD_PARAMETERS) + 1 :]:
        found = _FIELD.match(line)
        if found and not _USAGE.match(line):
            fields[found["name"]] = found["text"]
    return fields


def error_from_command(argv: Sequence[str], exit_code: int, stderr: str, *, method: str, path: str) -> ProxmoxAPIError:
    """Return the exception for a command that did not end with 0: the one that the API's answer would have become.

    Args:
        argv: the command.
        exit_code: not zero; says nothing more.
        stderr: what it said.
        method: HTTP verb of the call of the API that does the same.
        path: its path.
    """
    shown = " ".join(argv[:3])
    text = "\n".join(line for line in stderr.splitlines() if line.strip() and not _USAGE.match(line))
    if _SUDO.search(stderr):
        if _MISSING_COMMAND.search(text):
            return ProxmoxAPIError(f"{shown}: {text}; is it really a Proxmox VE node?", method=method, path=path)
        return ProxmoxPermissionError(f"sudo on the node does not allow {shown}: {text}; docs/ssh.md has the rules to install", method=method, path=path)
    if _NOT_ROOT.search(stderr):
        return ProxmoxPermissionError(f"{shown} needs root: log in as root, or set ssh_become to sudo", method=method, path=path)
    if exit_code in (126, 127):
        return ProxmoxAPIError(f"{shown} cannot be run there ({text or exit_code}); is it really a Proxmox VE node?", method=method, path=path)
    down = _NODE_DOWN.search(stderr)
    if down:
        return ProxmoxNodeError(f"the node is unreachable: {down[0]}", status=595, method=method, path=path)
    fields = parse_refused_parameters(stderr)
    found = _STATUS.search(text)
    status = 400 if fields else int(found["status"]) if found else 500
    message = text or f"{shown} ended with {exit_code} and said nothing"
    return error_from_answer(status, "", {"message": message, "errors": fields}, method=method, path=path)


def _typed(key: str, value: str) -> Any:
    if key == "description":
        return unquote(value)
    return int(value) if key in _WHOLE_KEYS and value.isdigit() else value
