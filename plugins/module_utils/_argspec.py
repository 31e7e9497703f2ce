# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument specification pieces that several modules share; each has a documentation fragment of the same name."""

from __future__ import annotations

import os
from typing import Any

from ansible.module_utils.basic import AnsibleFallbackNotFound

ArgumentSpec = dict[str, Any]


def filled_env_fallback(*names: str) -> str:
    """Return the first of these environment variables that is set and not empty.

    AWX renders a credential field that was left blank as an empty variable, which Ansible's own ``env_fallback`` would take for a value.

    Raises:
        AnsibleFallbackNotFound: none is.
    """
    for name in names:
        value = os.environ.get(name, "")
        if value:
            return value
    raise AnsibleFallbackNotFound


def _option(type_name: str, variable: str, **more: Any) -> dict[str, Any]:
    return {"type": type_name, "fallback": (filled_env_fallback, [variable]), **more}


def connection_options() -> ArgumentSpec:
    """Return how to reach Proxmox; fragment ``autoscale.proxmox.connection``."""
    return {
        "api_host": _option("str", "PROXMOX_HOST"),
        "api_port": _option("int", "PROXMOX_PORT", default=8006),
        "api_user": _option("str", "PROXMOX_USER"),
        "api_password": _option("str", "PROXMOX_PASSWORD", no_log=True),
        "api_otp": _option("str", "PROXMOX_OTP", no_log=True),
        # The id is shown in Proxmox's own logs; the secret is the other one.
        "api_token_id": _option("str", "PROXMOX_TOKEN_ID", no_log=False),
        "api_token_secret": _option("str", "PROXMOX_TOKEN_SECRET", no_log=True),
        "ca_path": _option("path", "PROXMOX_CA_PATH"),
        "validate_certs": _option("bool", "PROXMOX_VALIDATE_CERTS", default=True),
        "api_fingerprint": _option("str", "PROXMOX_FINGERPRINT"),
        "api_timeout": _option("int", "PROXMOX_API_TIMEOUT", default=30),
        "api_retries": _option("int", "PROXMOX_API_RETRIES", default=3),
        "transport": _option("str", "PROXMOX_TRANSPORT", choices=["auto", "api", "ssh", "local"], default="auto"),
        "ssh_host": _option("str", "PROXMOX_SSH_HOST"),
        "ssh_port": _option("int", "PROXMOX_SSH_PORT", default=22),
        "ssh_user": _option("str", "PROXMOX_SSH_USER"),
        "ssh_password": _option("str", "PROXMOX_SSH_PASSWORD", no_log=True),
        # A path to the key, not the key.
        "ssh_key_file": _option("path", "PROXMOX_SSH_KEY_FILE", no_log=False),
        "ssh_known_hosts": _option("path", "PROXMOX_SSH_KNOWN_HOSTS"),
        "ssh_host_key_policy": _option("str", "PROXMOX_SSH_HOST_KEY_POLICY", choices=["reject", "accept-new"], default="reject", no_log=False),
        "ssh_become": _option("str", "PROXMOX_SSH_BECOME", choices=["none", "sudo"], default="none"),
        "concurrency": {"type": "int", "default": 4},
    }


def mark_options() -> ArgumentSpec:
    """Return the marks by which containers are selected."""
    return {
        "vmids": {"type": "list", "elements": "int"},
        "names": {"type": "list", "elements": "str"},
        "nodes": {"type": "list", "elements": "str"},
        "tags": {"type": "list", "elements": "str"},
        "pools": {"type": "list", "elements": "str"},
        "status": {"type": "list", "elements": "str", "choices": ["running", "stopped", "unknown"]},
    }


def selection_options() -> ArgumentSpec:
    """Return which containers to look at and what to gather; fragment ``autoscale.proxmox.selection``."""
    return {
        **mark_options(),
        "gather": {
            "type": "list",
            "elements": "str",
            "choices": ["config", "pending", "metrics", "history", "snapshots", "interfaces"],
            "default": [],
        },
        "history_timeframe": {"type": "str", "choices": ["hour", "day", "week"], "default": "hour"},
        "history_consolidation": {"type": "str", "choices": ["average", "max"], "default": "average"},
    }


def size_options() -> ArgumentSpec:
    """Return one container's wishes, for the top and for the entries of a list alike; fragment ``autoscale.proxmox.sizes``."""
    sizes = ("cores", "cpulimit", "cpuunits", "memory", "swap")
    bounds = [f"{kind}_{size}" for size in sizes for kind in ("min", "max")]
    return {
        "vmid": {"type": "int"},
        "name": {"type": "str"},
        **{name: {"type": "str"} for name in (*sizes, *bounds)},
        "disks": {"type": "list", "elements": "dict", "options": {"disk": {"type": "str", "required": True}, "size": {"type": "str", "required": True}}},
        "digest": {"type": "str"},
        "force": {"type": "bool"},
        "restart": {"type": "str", "choices": ["never", "if_needed"]},
        "snapshot": {"type": "bool"},
    }


def power_options() -> ArgumentSpec:
    """Return what one container is to be, for the top and for the entries of a list alike."""
    return {
        "vmid": {"type": "int"},
        "name": {"type": "str"},
        "state": {"type": "str", "choices": ["started", "stopped", "shutdown", "restarted", "suspended"]},
        "force": {"type": "bool"},
        "timeout": {"type": "int"},
    }


def clone_options() -> ArgumentSpec:
    """Return what one clone is to be, for the top and for the entries of a list alike."""
    # Not at the top: every module reads this file, and the others would start a twentieth later.
    from .pve_lxc.operations.clone_request import SIZE_OPTIONS

    return {
        **{name: {"type": "str"} for name in ("name", "source_name", "snapshot", "node", "storage", "pool", "description", *SIZE_OPTIONS)},
        "vmid": {"type": "int"},
        "source_vmid": {"type": "int"},
        "full": {"type": "bool"},
        "tags": {"type": "list", "elements": "str"},
        "network": {
            "type": "dict",
            "options": {
                **{name: {"type": "str"} for name in ("ip", "gw", "ip6", "gw6", "hwaddr", "bridge")},
                "tag": {"type": "int"},
                "mtu": {"type": "int"},
                "rate": {"type": "float"},
                "firewall": {"type": "bool"},
            },
        },
        "start": {"type": "bool"},
        "force": {"type": "bool"},
    }
