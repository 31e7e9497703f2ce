# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a container's configuration: type, limits, privilege and what a change of a running container does.

Names and limits: API schema of PVE 9.2 (``PUT /nodes/{node}/lxc/{vmid}/config``). Whoever follows a newer release updates
this table.
"""

from __future__ import annotations

import re

from .parameters import Parameter, check_config_id, check_dns_name, check_tags

ARCHITECTURES = ("amd64", "i386", "arm64", "armhf", "riscv32", "riscv64")
LOCKS = ("backup", "create", "destroyed", "disk", "fstrim", "migrate", "mounted", "rollback", "snapshot", "snapshot-delete")
OSTYPES = ("debian", "devuan", "ubuntu", "centos", "fedora", "opensuse", "archlinux", "alpine", "gentoo", "nixos", "unmanaged")

OPTIONS: dict[str, Parameter] = {
    "arch": Parameter(choices=ARCHITECTURES),
    "cmode": Parameter(choices=("shell", "console", "tty")),
    "console": Parameter("boolean"),
    "cores": Parameter("integer", minimum=1, maximum=8192),
    "cpulimit": Parameter("number", minimum=0, maximum=8192),
    "cpuunits": Parameter("integer", minimum=0, maximum=500000),
    "debug": Parameter("boolean"),
    "description": Parameter(max_length=8192),
    "entrypoint": Parameter(),
    "env": Parameter(),
    "features": Parameter(),
    "hookscript": Parameter(),
    "hostname": Parameter(max_length=255, check=check_dns_name),
    "lock": Parameter(choices=LOCKS),
    "memory": Parameter("integer", minimum=16),
    "nameserver": Parameter(),
    "onboot": Parameter("boolean"),
    "ostype": Parameter(choices=OSTYPES),
    "protection": Parameter("boolean"),
    "rootfs": Parameter(),
    "searchdomain": Parameter(),
    "startup": Parameter(),
    "swap": Parameter("integer", minimum=0),
    "tags": Parameter(check=check_tags),
    "template": Parameter("boolean"),
    "timezone": Parameter(),
    "tty": Parameter("integer", minimum=0, maximum=6),
    "unprivileged": Parameter("boolean"),
    **{f"mp{number}": Parameter() for number in range(256)},
    **{f"dev{number}": Parameter() for number in range(256)},
    **{f"net{number}": Parameter() for number in range(32)},
    **{f"unused{number}": Parameter() for number in range(256)},
}

CHANGE_PARAMETERS: dict[str, Parameter] = {
    **OPTIONS,
    "delete": Parameter(),
    "revert": Parameter(),
    "digest": Parameter(max_length=40),
}

READ_PARAMETERS: dict[str, Parameter] = {
    "current": Parameter("boolean"),
    "snapshot": Parameter(max_length=40, check=check_config_id),
}

INTEGER_OPTIONS = frozenset(name for name, option in OPTIONS.items() if option.kind in ("integer", "boolean")) | {"snaptime"}

# Written at once on a running container; cores reaches the cgroup only when pvestatd places it.
WRITTEN_AT_ONCE = frozenset({"cores", "hostname", "description", "onboot", "startup", "protection", "hookscript", "tags", "lock"})
# Changed in the cgroup within the call.
HOTPLUGGED = frozenset({"memory", "swap", "cpulimit", "cpuunits"})

NEW_DEVICE_PATTERN = re.compile(r"(?:mp|dev)[0-9]+")
NETWORK_PATTERN = re.compile(r"net[0-9]+")
DISK_PATTERN = re.compile(r"(?:rootfs|mp[0-9]+|unused[0-9]+)")


def privilege_for(option: str) -> str:
    """Return the privilege on ``/vms/<vmid>`` that changing an option needs; ``root`` where only root@pam may."""
    if option in ("cores", "cpulimit", "cpuunits"):
        return "VM.Config.CPU"
    if option in ("memory", "swap"):
        return "VM.Config.Memory"
    if DISK_PATTERN.fullmatch(option):
        return "VM.Config.Disk"
    if NETWORK_PATTERN.fullmatch(option) or option in ("nameserver", "searchdomain", "hostname"):
        return "VM.Config.Network"
    if option == "hookscript" or option.startswith("dev"):
        return "root"
    return "VM.Config.Options"


def takes_effect_now(option: str, is_new: bool) -> bool:
    """Return whether a change of a running container is applied in the call instead of waiting in ``pending``."""
    if option in WRITTEN_AT_ONCE or option in HOTPLUGGED or NETWORK_PATTERN.fullmatch(option):
        return True
    return is_new and NEW_DEVICE_PATTERN.fullmatch(option) is not None
