# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, tokens, roles and access control lists, and which privileges follow from them.

Rules recorded or read on PVE 9.2: a deeper path's ACL replaces inherited roles, a token with privilege separation has only
what both its own ACL and its user's grant, a pool's ACL adds to its members' paths.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .role_table import ALL_PRIVILEGES, BUILT_IN_ROLES

ROOT_USER = "root@pam"
STANDARD_PATHS = ("/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms")
REALMS = {"pam": "Linux PAM standard authentication", "pve": "Proxmox VE authentication server"}


@dataclass
class User:
    """One user; no password means that nobody can log in as it.

    ``otp_codes`` (None without a second factor) are the codes that work, each once.
    """

    password: str | None = None
    enabled: bool = True
    expire: int = 0
    otp_codes: list[str] | None = None
    comment: str = ""


@dataclass
class Token:
    """One API token; ``privsep`` gives it only what its own ACL grants too."""

    secret: str
    privsep: bool = True
    expire: int = 0
    comment: str = ""


@dataclass(frozen=True)
class AclEntry:
    """One line of the access control list; ``ugid`` is a user or a full token id."""

    path: str
    ugid: str
    roleid: str
    propagate: bool = True


@dataclass
class Identities:
    """Everybody who may ask. Tokens are keyed by ``user@realm!id``."""

    users: dict[str, User] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    roles: dict[str, frozenset[str]] = field(default_factory=lambda: dict(BUILT_IN_ROLES))
    acl: list[AclEntry] = field(default_factory=list)

    def privileges(self, who: str, path: str, pool: str | None = None) -> dict[str, int]:
        """Return the privileges on a path; the value says whether they propagate further down.

        Args:
            who: ``user@realm`` or ``user@realm!token``.
            path: such as ``/vms/101``.
            pool: the pool the object is in, whose privileges are added.
        """
        user, separator, _token_id = who.partition("!")
        if user == ROOT_USER and (not separator or not self.tokens[who].privsep):
            return dict.fromkeys(ALL_PRIVILEGES, 1)
        granted = self._granted(user, path, pool)
        if not separator or not self.tokens[who].privsep:
            return granted
        own = self._granted(who, path, pool)
        allowed = dict.fromkeys(ALL_PRIVILEGES, 1) if user == ROOT_USER else granted
        return {privilege: own[privilege] & allowed[privilege] for privilege in own if privilege in allowed}

    def _granted(self, ugid: str, path: str, pool: str | None) -> dict[str, int]:
        """Return what the list grants on a path and through a pool."""
        granted = self._granted_on(ugid, path)
        if pool is not None:
            for privilege, propagates in self._granted_on(ugid, f"/pool/{pool}").items():
                granted[privilege] = granted.get(privilege, 0) | propagates
        return granted

    def _granted_on(self, ugid: str, path: str) -> dict[str, int]:
        """Return what the list grants on one path: the deepest level with an entry wins."""
        parts = [part for part in path.split("/") if part]
        levels = ["/"] + ["/" + "/".join(parts[: length + 1]) for length in range(len(parts))]
        found: list[AclEntry] = []
        for level in levels:
            entries = [entry for entry in self.acl if entry.ugid == ugid and entry.path == level and (entry.propagate or level == levels[-1])]
            if entries:
                found = entries
        granted: dict[str, int] = {}
        if any(entry.roleid == "NoAccess" for entry in found):
            return granted
        for entry in found:
            for privilege in self.roles[entry.roleid]:
                granted[privilege] = granted.get(privilege, 0) | int(entry.propagate)
        return granted

    def shown_paths(self, pool_members: list[str]) -> list[str]:
        """Return the paths that ``GET /access/permissions`` lists: the standard ones, ACL paths, and members of pools."""
        return sorted({*STANDARD_PATHS, *(entry.path for entry in self.acl), *pool_members})


def capabilities(privileges: dict[str, int], mapping: dict[str, int]) -> dict[str, dict[str, int]]:
    """Return ``cap`` of a login: the privileges on ``/`` sorted by what the web interface shows."""

    def chosen(*prefixes: str) -> dict[str, int]:
        wanted = [name for name in privileges if name.startswith(prefixes)]
        return dict.fromkeys([*wanted, *(["Permissions.Modify"] if "Permissions.Modify" in privileges else [])], 1)

    datacenter = ("Sys.Audit", "Sys.Modify", "SDN.Allocate", "SDN.Audit", "SDN.Use")
    return {
        "vms": chosen("VM."),
        "storage": chosen("Datastore."),
        "access": chosen("User.", "Group."),
        "nodes": chosen("Sys."),
        "sdn": chosen("SDN."),
        "mapping": chosen("Mapping.") if mapping else {},
        "dc": {name: 1 for name in datacenter if name in privileges},
    }
