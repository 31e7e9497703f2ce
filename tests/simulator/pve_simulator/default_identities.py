# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may ask in the default worlds: one identity per task, with no more rights than the task needs."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .access import ROOT_USER, AclEntry, Identities, Token, User

SERVICE_USER = "lxc-autoscale@pve"
SERVICE_PRIVILEGES = ("VM.Audit", "VM.Config.CPU", "VM.Config.Memory", "Pool.Audit")
AUTOMATION_PRIVILEGES = (
    "VM.Audit",
    "VM.Config.CPU",
    "VM.Config.Memory",
    "VM.Config.Disk",
    "VM.PowerMgmt",
    "VM.Clone",
    "VM.Allocate",
    "Datastore.AllocateSpace",
    "Sys.Audit",
    "Pool.Audit",
)
ROOT_PASSWORD = "simulated-root-password"
OTP_PASSWORD = "simulated-otp-password"
OTP_CODES = ("111111", "222222", "333333", "444444", "555555", "666666")


def make_identities(nodes: Iterable[str], seed: int) -> Identities:
    """Return the identities of the ``cluster`` world; secrets depend on the seed alone."""
    digits = random.Random(f"secrets {seed}")

    def secret() -> str:
        return str(uuid.UUID(int=digits.getrandbits(128), version=4))

    identities = Identities()
    identities.users = {
        ROOT_USER: User(ROOT_PASSWORD),
        SERVICE_USER: User(),
        "auditor@pve": User(),
        "automation@pve": User(),
        "nobody@pve": User(),
        "otp@pve": User(OTP_PASSWORD, otp_codes=list(OTP_CODES)),
    }
    identities.tokens = {f"{ROOT_USER}!all": Token(secret(), privsep=False)}
    identities.tokens |= {f"{SERVICE_USER}!node-{node}": Token(secret(), privsep=False) for node in nodes}
    identities.tokens |= {"auditor@pve!read": Token(secret(), privsep=False), "automation@pve!resize": Token(secret(), privsep=False)}
    identities.tokens["nobody@pve!none"] = Token(secret(), privsep=True)
    identities.roles |= {
        "LxcAutoscale": frozenset(SERVICE_PRIVILEGES),
        "LxcAutoscaleNode": frozenset({"Sys.Audit"}),
        "SimulatedAuditor": frozenset({"VM.Audit", "Sys.Audit"}),
        "SimulatedAutomation": frozenset(AUTOMATION_PRIVILEGES),
    }
    identities.acl = [
        AclEntry("/vms", SERVICE_USER, "LxcAutoscale"),
        AclEntry("/pool", SERVICE_USER, "LxcAutoscale"),
        AclEntry("/nodes", SERVICE_USER, "LxcAutoscaleNode"),
        AclEntry("/", SERVICE_USER, "LxcAutoscaleNode", propagate=False),
        AclEntry("/", "auditor@pve", "SimulatedAuditor"),
        AclEntry("/", "automation@pve", "SimulatedAutomation"),
        AclEntry("/", "otp@pve", "PVEAuditor"),
    ]
    return identities


def add_identities(identities: Identities, data: Mapping[str, Any]) -> None:
    """Add users, tokens, roles and ACL lines of a world file or a privileges file.

    Shape: ``{"users": {ID: {"password": ...}}, "tokens": {"user@realm!id": {"secret": ..., "privsep": 1}}, "roles": {NAME: [PRIVILEGE]},
    "acl": [{"path": ..., "ugid": ..., "roleid": ..., "propagate": 1}]}``.
    """
    for name, user in data.get("users", {}).items():
        identities.users[name] = User(**user)
    for name, token in data.get("tokens", {}).items():
        identities.tokens[name] = Token(**token)
    for name, privileges in data.get("roles", {}).items():
        identities.roles[name] = frozenset(privileges)
    for entry in data.get("acl", []):
        identities.acl.append(AclEntry(entry["path"], entry["ugid"], entry["roleid"], bool(entry.get("propagate", True))))


def read_privileges(identities: Identities, path: Path) -> None:
    """Add what a privileges file says."""
    add_identities(identities, json.loads(path.read_text(encoding="utf-8")))
