# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a module's connection options to a back end: the only file of the Ansible edge that chooses one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .pve_lxc.backend.api import ProxmoxAPIClient
from .pve_lxc.errors import Problem, RequestError
from .pve_lxc.transport.settings import ConnectionSettings

if TYPE_CHECKING:
    from .pve_lxc.ports import CommandRunner, LxcLifecycle


def connect(params: Mapping[str, Any], warn: Callable[[str], None]) -> LxcLifecycle:
    """Return the way to Proxmox that the options ask for; nothing is sent before its first use.

    Args:
        params: the module's options.
        warn: is told once when the API was given up for SSH.

    Raises:
        RequestError: an option is missing or cannot be; all of them are named.
        DependencyError: proxmoxer or requests is missing.
    """
    transport = params["transport"]
    if transport == "local":
        return _pct_backend(_local_runner(), params)
    if transport == "ssh" or (transport == "auto" and params["ssh_host"] and not params["api_host"]):
        _require_numbers(params)
        return _pct_backend(_ssh_runner(params), params)
    api = ProxmoxAPIClient.connect(connection_settings(params))
    if transport == "api" or not params["ssh_host"]:
        return api
    # Imported here, as below, because most tasks never need it and each import delays the module's start.
    from .pve_lxc.backend.fallback import FallbackBackend

    return FallbackBackend(api, _pct_backend(_ssh_runner(params), params), warn)


def _pct_backend(runner: CommandRunner, params: Mapping[str, Any]) -> Any:
    from .pve_lxc.backend.pct import PctBackend

    return PctBackend(runner, uses_sudo=params["ssh_become"] == "sudo")


def _local_runner() -> CommandRunner:
    from .pve_lxc.transport.local import LocalRunner

    return LocalRunner()


def _ssh_runner(params: Mapping[str, Any]) -> CommandRunner:
    from .pve_lxc.transport.ssh import SshRunner
    from .pve_lxc.transport.ssh_login import SshSettings

    settings = SshSettings(
        host=(params["ssh_host"] or "").strip(),
        port=params["ssh_port"],
        user=params["ssh_user"] or "",
        password=params["ssh_password"] or "",
        key_file=params["ssh_key_file"] or "",
        known_hosts=params["ssh_known_hosts"] or "",
        host_key_policy=params["ssh_host_key_policy"],
    )
    return SshRunner(settings)


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
        "ssh_port": (1, 65535, "a port, 1 to 65535"),
        # Proxmox holds every refusal back for three seconds; a shorter deadline would show a time-out instead of it.
        "api_timeout": (4, 3600, "seconds, 4 to 3600"),
        "api_retries": (0, 20, "0 to 20"),
        "concurrency": (1, 64, "1 to 64; more than 4 gains nothing"),
    }
    problems = [Problem(name, str(params[name]), f"allowed is {text}") for name, (low, high, text) in allowed.items() if not low <= params[name] <= high]
    if problems:
        raise RequestError(problems, source="connection")
