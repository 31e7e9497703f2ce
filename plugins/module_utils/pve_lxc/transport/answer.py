# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what Proxmox answered to the exception that says it; pure.

Proxmox puts its text into the reason phrase of the status line as well as into the body, answers almost everything with
500, and leaves the body of a refused login empty. The patterns below are recorded on PVE 9.2.11 (tests/fixtures/pve9) or,
where a comment says so, read in its source; a new kind of answer that matters gets a line here and a recording there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import (
    ProxmoxAPIError,
    ProxmoxAuthenticationError,
    ProxmoxConflictError,
    ProxmoxNodeError,
    ProxmoxNotFoundError,
    ProxmoxPermissionError,
    ProxmoxValidationError,
)

# 595-599 are made by pveproxy itself when the node behind it cannot be reached. Source: AnyEvent::HTTP's own codes.
NODE_STATUSES = range(595, 600)

_PERMISSION = re.compile(r"Permission check failed \((?P<path>/[^,)]*), (?P<privileges>[^)]+)\)")
_LOCKED = re.compile(r"(?:CT|VM) is locked(?: \((?P<lock>[^)]+)\))?")
_LOCK_TIMEOUT = re.compile(r"can't lock file .* - got timeout")
_DIGEST = re.compile(r"detected modified configuration")
_EXISTS = re.compile(r"already exists on node")
_NOT_FOUND = re.compile(
    r"Configuration file '.*' does not exist"
    r"|hostname lookup '.*' failed"
    r"|no such cluster node"
    r"|no such task"
    r"|rrd_fetch_r failed: opening .*: No such file or directory"
    r"|pool '.*' does not exist"
    r"|storage '.*' does not exist"
)


def read_text(reason: str, body: Any) -> str:
    """Return Proxmox's own words: the body's ``message`` when there is one, else the reason phrase, on one line."""
    message = body.get("message") if isinstance(body, Mapping) else None
    return " ".join(str(message or reason or "").split())


def error_from_answer(status: int, reason: str, body: Any, *, method: str, path: str) -> ProxmoxAPIError:
    """Return the exception for an answer of 400 and above.

    Args:
        status: HTTP status code.
        reason: the status line's reason phrase.
        body: decoded JSON, None when the body was empty or no JSON.
        method: HTTP verb.
        path: below ``/api2/json``.
    """
    text = read_text(reason, body)
    fields = body.get("errors") if isinstance(body, Mapping) else None
    if status in NODE_STATUSES:
        return ProxmoxNodeError(f"the API answered, but the node is unreachable: {text or status}", status=status, method=method, path=path)
    if status == 401:
        return ProxmoxAuthenticationError(_explain_refusal(text), status=status, method=method, path=path)
    if status == 403:
        return _permission_error(text, method, path)
    if status == 400 and isinstance(fields, Mapping) and fields:
        return _validation_error({str(name): " ".join(str(value).split()) for name, value in fields.items()}, method, path)
    return _server_error(status, text, method, path)


def _explain_refusal(text: str) -> str:
    """Add what the three bare reason phrases mean, because Proxmox says no more."""
    meaning = {
        "Authentication failed!": "token id, token secret or ticket is wrong, unknown or expired",
        "authentication failure": "user, realm or password is wrong",
        "No ticket": "no usable credentials were sent",
    }.get(text)
    return f"{text} ({meaning})" if meaning else text or "authentication refused"


def _permission_error(text: str, method: str, path: str) -> ProxmoxPermissionError:
    match = _PERMISSION.search(text)
    if match is None:
        return ProxmoxPermissionError(text or "permission denied", method=method, path=path)
    privileges = match["privileges"].split("|")
    wanted = privileges[0] if len(privileges) == 1 else "one of " + ", ".join(privileges)
    return ProxmoxPermissionError(f"missing privilege: {wanted} on {match['path']}", acl_path=match["path"], privileges=privileges, method=method, path=path)


def _validation_error(fields: dict[str, str], method: str, path: str) -> ProxmoxAPIError:
    if fields.get("upid") == "no such task":
        return ProxmoxNotFoundError("no such task", status=400, method=method, path=path)
    text = "; ".join(f"{name}: {fields[name]}" for name in sorted(fields))
    return ProxmoxValidationError(f"Proxmox refused the parameters: {text}", fields=fields, method=method, path=path)


def _server_error(status: int, text: str, method: str, path: str) -> ProxmoxAPIError:
    if _DIGEST.search(text):
        return ProxmoxConflictError("somebody else changed the configuration since it was read", kind="digest", status=status, method=method, path=path)
    locked = _LOCKED.search(text)
    if locked:
        return ProxmoxConflictError(text, kind="lock", lock=locked["lock"] or "", status=status, method=method, path=path)
    if _LOCK_TIMEOUT.search(text):
        return ProxmoxConflictError(f"another process holds the configuration's lock: {text}", kind="lock", status=status, method=method, path=path)
    if _EXISTS.search(text):
        return ProxmoxConflictError(text, kind="exists", status=status, method=method, path=path)
    if _NOT_FOUND.search(text):
        return ProxmoxNotFoundError(text, status=status, method=method, path=path)
    return ProxmoxAPIError(f"{status} {text}".strip(), status=status, method=method, path=path)
