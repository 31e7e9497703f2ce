# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls about who one is and what one may do: tickets, permissions, users, tokens, roles, realms, version.

Recorded on PVE 9.2.11, fixtures pve9/auth_401.json, access.json and version.json.
"""

from __future__ import annotations

from .access import REALMS, ROOT_USER, capabilities
from .answer import died, forbidden
from .parameters import Parameter
from .role_table import BUILT_IN_ROLES
from .router import Call, route

LOGIN_PARAMETERS = {
    "username": Parameter(required=True, max_length=64),
    "password": Parameter(required=True),
    "realm": Parameter(max_length=32),
    "otp": Parameter(),
    "tfa-challenge": Parameter(),
    "new-format": Parameter("boolean"),
    "path": Parameter(max_length=64),
    "privs": Parameter(max_length=64),
}


@route("POST", "/access/ticket", parameters=LOGIN_PARAMETERS, is_open=True)
def log_in(call: Call) -> dict[str, object]:
    """Return a ticket, its CSRF token and what the user may do."""
    answer = call.core.tickets.log_in(call.values)
    if "NeedTFA" not in answer:
        identities = call.core.world.identities
        user = str(answer["username"])
        mapping = user == ROOT_USER or any(entry.roleid.startswith("PVEMapping") for entry in identities.acl if entry.ugid == user)
        answer["cap"] = capabilities(identities.privileges(user, "/"), {"any": 1} if mapping else {})
    return answer


@route("GET", "/access/domains", is_open=True)
def list_realms(call: Call) -> list[dict[str, object]]:
    """Return the realms; this needs no login."""
    return [{"realm": name, "type": name, "comment": comment} for name, comment in REALMS.items()]


@route("GET", "/version")
def read_version(call: Call) -> dict[str, object]:
    """Return the version of the node that answers."""
    world = call.core.world
    version = world.version_of(call.local_node)
    return {"version": version, "release": ".".join(version.split(".")[:2]), "repoid": world.repository_id}


@route("GET", "/access/permissions", parameters={"path": Parameter(), "userid": Parameter()})
def read_permissions(call: Call) -> dict[str, object]:
    """Return privileges by path; the value 0 means granted but not passed on to deeper paths."""
    world = call.core.world
    who = call.values.get("userid", call.who or "")
    if who != call.who and not who.startswith(f"{call.who}!"):
        call.require("/access", "Sys.Audit")
    asker = Call(call.core, call.method, call.path, who)
    if "path" in call.values:
        return {call.values["path"]: asker.privileges(call.values["path"])}
    members = [f"/vms/{guest.vmid}" for guest in world.guests.values() if guest.pool]
    found = {path: asker.privileges(path) for path in world.identities.shown_paths(members)}
    return {path: privileges for path, privileges in found.items() if privileges}


@route("GET", "/access/users")
def list_users(call: Call) -> list[dict[str, object]]:
    """Return the users; somebody without Sys.Audit or User.Modify sees only himself."""
    may_see_all = call.has("/access/groups", "User.Modify", "Sys.Audit") or call.has("/access", "Sys.Audit")
    own = (call.who or "").partition("!")[0]
    users = call.core.world.identities.users
    return [
        {"userid": name, "enable": int(user.enabled), "expire": user.expire, "realm-type": name.rpartition("@")[2]} | _comment(user.comment)
        for name, user in sorted(users.items())
        if may_see_all or name == own
    ]


def _comment(text: str) -> dict[str, object]:
    """Return a comment as it is listed: an empty one is left out."""
    return {"comment": text} if text else {}


@route("GET", "/access/users/{userid}/token")
def list_tokens(call: Call) -> list[dict[str, object]]:
    """Return a user's tokens; secrets are shown by no call."""
    userid = call.path_values["userid"]
    if (call.who or "").partition("!")[0] != userid and not call.has("/access/groups", "User.Modify"):
        raise forbidden("")
    found = {name.partition("!")[2]: token for name, token in call.core.world.identities.tokens.items() if name.startswith(f"{userid}!")}
    return [{"tokenid": name, "privsep": int(token.privsep), "expire": token.expire} | _comment(token.comment) for name, token in found.items()]


@route("GET", "/access/roles")
def list_roles(call: Call) -> list[dict[str, object]]:
    """Return the roles with their privileges."""
    roles = call.core.world.identities.roles
    return [{"roleid": name, "privs": ",".join(sorted(roles[name])), "special": int(name in BUILT_IN_ROLES)} for name in sorted(roles)]


@route("GET", "/access/roles/{roleid}")
def read_role(call: Call) -> dict[str, object]:
    """Return one role's privileges."""
    roles = call.core.world.identities.roles
    name = call.path_values["roleid"]
    if name not in roles:
        raise died(f"role '{name}' does not exist")
    return dict.fromkeys(sorted(roles[name]), 1)


@route("GET", "/access/acl")
def list_acl(call: Call) -> list[dict[str, object]]:
    """Return the access control list."""
    if not call.has("/access", "Sys.Audit", "Permissions.Modify"):
        return []
    return [
        {
            "path": entry.path,
            "roleid": entry.roleid,
            "ugid": entry.ugid,
            "type": "token" if "!" in entry.ugid else "user",
            "propagate": int(entry.propagate),
        }
        for entry in call.core.world.identities.acl
    ]
