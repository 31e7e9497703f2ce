# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a module's connection options to a back end: the only file of the Ansible edge that chooses one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .pve_lxc.backend.api import ProxmoxAPIClient
from .pve_lxc.errors import Problem, RequestError
from .pve_lxc.transport.settings import ConnectionSettings


def connect(params: Mapping[str, Any]) -> ProxmoxAPIClient:
    """Return a client; nothing is sent before its first use. Both transports, ``auto`` and ``api``, are the API so far.

    Raises:
        RequestError: an option is missing or cannot be; all of them are named.
        DependencyError: proxmoxer or requests is missing.
    """
    return ProxmoxAPIClient.connect(connection_settings(params))


def connection_settings(params: Mapping[str, Any]) -> ConnectionSettings:
    """Return the connection that the options describe.

    Raises:
        RequestError: a number is out of its range.
    """
    _require_numbers(params)
    return ConnectionSettings(
        host=(params["api_host"] or "").strip(),
        port=params["api_port"],
        user=params["api_user"] or "",
        token_id=params["api_token_id"] or "",
        token_secret=params["api_token_secret"] or "",
        password=params["api_password"] or "",
        otp=params["api_otp"] or "",
        ca_path=params["ca_path"] or "",
        validate_certs=params["validate_certs"],
        fingerprint=params["api_fingerprint"] or "",
        timeout_seconds=float(params["api_timeout"]),
        retries=params["api_retries"],
    )


def _require_numbers(params: Mapping[str, Any]) -> None:
    allowed = {
        "api_port": (1, 65535, "a port, 1 to 65535"),
        # Proxmox holds every refusal back for three seconds; a shorter deadline would show a time-out instead of it.
        "api_timeout": (4, 3600, "seconds, 4 to 3600"),
        "api_retries": (0, 20, "0 to 20"),
        "concurrency": (1, 64, "1 to 64; more than 4 gains nothing"),
    }
    problems = [Problem(name, str(params[name]), f"allowed is {text}") for name, (low, high, text) in allowed.items() if not low <= params[name] <= high]
    if problems:
        raise RequestError(problems, source="connection")
