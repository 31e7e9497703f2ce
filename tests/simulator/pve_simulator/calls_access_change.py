# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that change who may do what: roles, users, tokens and the access control list; ``pveum`` makes the same calls.

Texts from the source, not recorded: pve-access-control, PVE/API2/{Role,User,ACL}.pm. What fails while the list of users is locked begins with
the name of what failed.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import replace

from .access import ROOT_USER, AclEntry, Identities, Token, User
from .answer import ApiError, died, parameter_error
from .parameters import UNKNOWN_TEXT, Parameter
from .role_table import ALL_PRIVILEGES, BUILT_IN_ROLES
from .router import Call, route

ROLE_PATTERN = re.compile(r"[A-Za-z0-9._-]+")
USER_PATTERN = re.compile(r"[^\s:/]+@[A-Za-z][A-Za-z0-9._-]+")
TOKEN_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9._-]+")
ACL_PATH_PATTERN = re.compile(
    r"/|/access(/groups(/[\w.-]+)?|/realm(/[\w.-]+)?)?|/(nodes|storage)(/[\w.-]+)?|/pool(/[\w.-]+){0,3}|/vms(/[1-9][0-9]{2,})?|/(sdn|mapping)(/[\w.-]+)*"
)
FIRST_MAJOR_VERSION_WITH_REGENERATE = 9
MAY_CHANGE_ROLES = ("/access", ("Sys.Modify",))
MAY_CHANGE_USERS = ("/access/groups", ("User.Modify",))
PRIVILEGES = {"privs": Parameter()}
ACL_PARAMETERS = {
    "path": Parameter(required=True),
    "roles": Parameter(required=True),
    "users": Parameter(),
    "tokens": Parameter(),
    "groups": Parameter(),
    "propagate": Parameter("boolean"),
    "delete": Parameter("boolean"),
}
USER_PARAMETERS = {"comment": Parameter(max_length=2048), "enable": Parameter("boolean"), "expire": Parameter("integer", minimum=0)}
TOKEN_PARAMETERS = {"comment": Parameter(), "expire": Parameter("integer", minimum=0), "privsep": Parameter("boolean")}


def _split(text: str) -> list[str]:
    return [part for part in re.split(r"[,;\s]+", text) if part]


def _privileges(text: str) -> frozenset[str]:
    """Return the privileges of a list, or raise for one that does not exist."""
    for name in _split(text):
        if name not in ALL_PRIVILEGES:
            raise died(f"invalid privilege '{name}'")
    return frozenset(_split(text))


def _prefixed(failed: str, error: ApiError) -> ApiError:
    """Return an error with the name of what failed before it: ``create role failed: role 'X' already exists``."""
    return died(f"{failed}: {error.reason}")


@route("POST", "/access/roles", parameters={"roleid": Parameter(required=True, pattern=ROLE_PATTERN), **PRIVILEGES}, privileges=MAY_CHANGE_ROLES)
def create_role(call: Call) -> None:
    """Make a role."""
    roles, name = call.core.world.identities.roles, call.values["roleid"]
    if name.upper().startswith("PVE"):
        raise parameter_error({"roleid": "cannot use role ID starting with the (case-insensitive) 'PVE' namespace"})
    try:
        if name in roles:
            raise died(f"role '{name}' already exists")
        roles[name] = _privileges(call.values.get("privs", ""))
    except ApiError as error:
        raise _prefixed("create role failed", error) from None


@route("PUT", "/access/roles/{roleid}", parameters={"append": Parameter("boolean"), **PRIVILEGES}, privileges=MAY_CHANGE_ROLES)
def update_role(call: Call) -> None:
    """Give a role other privileges, or more with ``append``."""
    roles, name = call.core.world.identities.roles, call.path_values["roleid"]
    if name in BUILT_IN_ROLES:
        raise died(f"auto-generated role '{name}' cannot be modified")
    try:
        if name not in roles:
            raise died(f"role '{name}' does not exist")
        before = roles[name] if call.values.get("append") == "1" else frozenset()
        roles[name] = before | _privileges(call.values.get("privs", ""))
    except ApiError as error:
        raise _prefixed("update role failed", error) from None


@route("DELETE", "/access/roles/{roleid}", privileges=MAY_CHANGE_ROLES)
def delete_role(call: Call) -> None:
    """Take a role away; lines of the access control list that name it count for nothing from then on, so they go too."""
    identities, name = call.core.world.identities, call.path_values["roleid"]
    if name in BUILT_IN_ROLES:
        raise died(f"auto-generated role '{name}' cannot be deleted")
    if name not in identities.roles:
        raise died(f"delete role failed: role '{name}' does not exist")
    del identities.roles[name]
    identities.acl = [entry for entry in identities.acl if entry.roleid != name]


@route("POST", "/access/users", parameters={"userid": Parameter(required=True, pattern=USER_PATTERN), **USER_PARAMETERS}, privileges=MAY_CHANGE_USERS)
def create_user(call: Call) -> None:
    """Make a user without a password, who cannot log in."""
    users, name = call.core.world.identities.users, call.values["userid"]
    if name in users:
        raise died(f"create user failed: user '{name}' already exists")
    users[name] = User(None, call.values.get("enable", "1") == "1", int(call.values.get("expire", "0")), comment=call.values.get("comment", ""))


@route("DELETE", "/access/users/{userid}", privileges=MAY_CHANGE_USERS)
def delete_user(call: Call) -> None:
    """Take a user away with his tokens and his lines of the access control list; one that is not there is no error."""
    identities, name = call.core.world.identities, call.path_values["userid"]
    identities.users.pop(name, None)
    identities.tokens = {full: token for full, token in identities.tokens.items() if not full.startswith(f"{name}!")}
    identities.acl = [entry for entry in identities.acl if entry.ugid.partition("!")[0] != name]


def _require_may_change_tokens(call: Call) -> None:
    """Raise a 403 for somebody who is neither this user nor may change users."""
    if (call.who or "").partition("!")[0] != call.path_values["userid"]:
        call.require("/access/groups", "User.Modify")


def _require_user(identities: Identities, userid: str) -> None:
    if userid not in identities.users:
        raise died(f"no such user ('{userid}')")


def _require_token(call: Call) -> tuple[str, Token]:
    """Return full id and token of the path, or raise for one that is not there."""
    identities = call.core.world.identities
    userid, tokenid = call.path_values["userid"], call.path_values["tokenid"]
    _require_user(identities, userid)
    full = f"{userid}!{tokenid}"
    if full not in identities.tokens:
        raise died(f"no such token '{tokenid}' for user '{userid}'")
    return full, identities.tokens[full]


def _new_secret(call: Call) -> str:
    return str(uuid.UUID(int=call.core.world.random.getrandbits(128), version=4))


def _token_info(token: Token, privsep: object) -> dict[str, object]:
    """Return what is shown of a token; what was given is repeated as it was given, so a number may come as a text."""
    info: dict[str, object] = {"privsep": privsep}
    if token.expire:
        info["expire"] = token.expire
    if token.comment:
        info["comment"] = token.comment
    return info


@route("POST", "/access/users/{userid}/token/{tokenid}", parameters=TOKEN_PARAMETERS)
def generate_token(call: Call) -> dict[str, object]:
    """Make a token; no other call shows its secret."""
    _require_may_change_tokens(call)
    identities = call.core.world.identities
    userid, tokenid = call.path_values["userid"], call.path_values["tokenid"]
    if not TOKEN_PATTERN.fullmatch(tokenid):
        raise parameter_error({"tokenid": "value does not match the regex pattern"})
    _require_user(identities, userid)
    full = f"{userid}!{tokenid}"
    if full in identities.tokens:
        raise parameter_error({"tokenid": "Token already exists."})
    values = call.values
    token = Token(_new_secret(call), values.get("privsep", "1") == "1", int(values.get("expire", "0")), values.get("comment", ""))
    identities.tokens[full] = token
    return {"full-tokenid": full, "info": _token_info(token, values.get("privsep", 1)), "value": token.secret}


@route("PUT", "/access/users/{userid}/token/{tokenid}", parameters={**TOKEN_PARAMETERS, "regenerate": Parameter("boolean")})
def update_token(call: Call) -> dict[str, object]:
    """Change a token; with ``regenerate``, from Proxmox VE 9 on, it gets a new secret and the old one counts no more."""
    _require_may_change_tokens(call)
    values = call.values
    if "regenerate" in values and call.core.world.major_version(call.local_node) < FIRST_MAJOR_VERSION_WITH_REGENERATE:
        raise parameter_error({"regenerate": UNKNOWN_TEXT})
    full, token = _require_token(call)
    token.privsep = values.get("privsep", str(int(token.privsep))) == "1"
    token.expire = int(values.get("expire", token.expire))
    token.comment = values.get("comment", token.comment)
    answer = _token_info(token, values.get("privsep", int(token.privsep)))
    if values.get("regenerate") == "1":
        token.secret = _new_secret(call)
        answer |= {"full-tokenid": full, "value": token.secret}
    return answer


@route("DELETE", "/access/users/{userid}/token/{tokenid}")
def remove_token(call: Call) -> None:
    """Take a token away."""
    _require_may_change_tokens(call)
    full, _token = _require_token(call)
    del call.core.world.identities.tokens[full]


@route("PUT", "/access/acl", parameters=ACL_PARAMETERS)
def update_acl(call: Call) -> None:
    """Add lines to the access control list or take them away; a line that is there, or is not, is no error."""
    values, identities = call.values, call.core.world.identities
    path = "/" + "/".join(part for part in values["path"].split("/") if part)
    call.require(path, "Permissions.Modify")
    names = [*_split(values.get("users", "")), *_split(values.get("tokens", ""))]
    if not names:
        raise parameter_error(dict.fromkeys(("users", "groups", "tokens"), "either 'users', 'groups' or 'tokens' is required."))
    is_delete = values.get("delete") == "1"
    if not is_delete and not ACL_PATH_PATTERN.fullmatch(path):
        raise parameter_error({"path": f"invalid ACL path '{values['path']}'"})
    for role in _split(values["roles"]):
        if role not in identities.roles:
            raise died(f"ACL update failed: role '{role}' does not exist")
        for name in names:
            _require_known(identities, name)
            wanted = AclEntry(path, name, role, values.get("propagate", "1") == "1")
            others = [entry for entry in identities.acl if replace(entry, propagate=True) != replace(wanted, propagate=True)]
            identities.acl = others if is_delete else [*others, wanted]


def _require_known(identities: Identities, name: str) -> None:
    """Raise for a user or a token that is not there."""
    userid, separator, tokenid = name.partition("!")
    if userid not in identities.users and userid != ROOT_USER:
        raise died(f"ACL update failed: user '{userid}' does not exist" if not separator else f"ACL update failed: no such user ('{userid}')")
    if separator and name not in identities.tokens:
        raise died(f"ACL update failed: no such token '{tokenid}' for user '{userid}'")
