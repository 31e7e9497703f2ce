# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the loop may do in Proxmox, as role, user and access control list: which commands bring about what is wanted. Pure.

Privileges and paths were proven on Proxmox VE 9.2: sufficient, and each of them necessary.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

DEFAULT_USER = "lxc-autoscale@pve"
COMMENT = "lxc-autoscale (managed by Ansible)"

ROLE = "LxcAutoscale"
NODE_ROLE = "LxcAutoscaleNode"
VIEW_ROLE = "LxcAutoscaleView"
STORAGE_ROLE = "LxcAutoscaleStorage"

_ROLES = {
    ROLE: frozenset({"VM.Audit", "VM.Config.CPU", "VM.Config.Memory", "Pool.Audit"}),
    NODE_ROLE: frozenset({"Sys.Audit"}),
}
# Sees all containers and changes none: for when only those of one pool may be changed.
_VIEW_PRIVILEGES = frozenset({"VM.Audit"})
# For growing root file systems.
_DISK_PRIVILEGE = "VM.Config.Disk"
_STORAGE_PRIVILEGES = frozenset({"Datastore.AllocateSpace", "Datastore.Audit"})


@dataclass(frozen=True, slots=True)
class AclLine:
    """One line of the access control list that names a user."""

    path: str
    role: str
    is_propagated: bool = True


@dataclass(frozen=True, slots=True)
class Access:
    """What is wanted.

    Attributes:
        user: with its realm.
        pool: only containers of this pool may be changed; empty for all.
        uses_pools: whether the configuration selects or ignores by pools, for which they must be seen.
        grows_disks: whether root file systems are grown.
    """

    user: str = DEFAULT_USER
    pool: str = ""
    uses_pools: bool = False
    grows_disks: bool = False

    def roles(self) -> dict[str, frozenset[str]]:
        """Return role -> privileges."""
        roles = dict(_ROLES)
        if self.pool:
            roles[VIEW_ROLE] = _VIEW_PRIVILEGES
        if self.grows_disks:
            roles[ROLE] = roles[ROLE] | {_DISK_PRIVILEGE}
            roles[STORAGE_ROLE] = _STORAGE_PRIVILEGES
        return roles

    def acl(self) -> list[AclLine]:
        """Return the lines that are wanted.

        Rights on ``/vms`` and on a pool add up. On one path they would not: what stands on a deeper path replaces what is inherited.
        """
        if self.pool:
            lines = [AclLine("/vms", VIEW_ROLE), AclLine(f"/pool/{self.pool}", ROLE)]
        else:
            lines = [AclLine("/vms", ROLE), *([AclLine("/pool", ROLE)] if self.uses_pools else [])]
        lines += [AclLine("/nodes", NODE_ROLE), AclLine("/", NODE_ROLE, is_propagated=False)]
        return lines + ([AclLine("/storage", STORAGE_ROLE)] if self.grows_disks else [])

    def obsolete_acl(self) -> list[AclLine]:
        """Return the lines that would give more than is wanted; others' lines are never touched."""
        return [AclLine("/vms", ROLE), AclLine("/pool", ROLE)] if self.pool else [AclLine("/vms", VIEW_ROLE)]


@dataclass(frozen=True, slots=True)
class Present:
    """What there is.

    Attributes:
        roles: role -> privileges.
        users: ids with realm.
        acl: the lines that name our user.
        strangers_roles: roles that other users, groups or tokens have somewhere.
        tokens: ids of our user's tokens.
        separated_tokens: those that have only what a list of their own grants, which is nothing.
    """

    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    users: frozenset[str] = frozenset()
    acl: tuple[AclLine, ...] = ()
    strangers_roles: frozenset[str] = frozenset()
    tokens: frozenset[str] = frozenset()
    separated_tokens: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Command:
    """One call of pveum.

    Attributes:
        words: its arguments; never a secret.
        about: what it does, for people.
    """

    words: tuple[str, ...]
    about: str


def plan_grant(wanted: Access, token: str, present: Present) -> list[Command]:
    """Return the commands after which everything wanted is there but a token, in order; empty when it is already.

    Privileges that somebody has added to a role stay.
    """
    commands = []
    for role, privileges in wanted.roles().items():
        missing = privileges - present.roles.get(role, frozenset())
        if role not in present.roles:
            commands.append(Command(("role", "add", role, "--privs", _join(privileges)), f"role {role} added with {_join(privileges)}"))
        elif missing:
            commands.append(Command(("role", "modify", role, "--privs", _join(missing), "--append", "1"), f"role {role} given {_join(missing)}"))
    if wanted.user not in present.users:
        commands.append(Command(("user", "add", wanted.user, "--comment", COMMENT), f"user {wanted.user} added, without a password"))
    for line in wanted.acl():
        if line not in present.acl:
            commands.append(_acl_command("modify", wanted.user, line))
    for line in wanted.obsolete_acl():
        commands += [_acl_command("delete", wanted.user, there) for there in present.acl if (there.path, there.role) == (line.path, line.role)]
    if token in present.separated_tokens:
        words = ("user", "token", "modify", wanted.user, token, "--privsep", "0")
        commands.append(Command(words, f"token {wanted.user}!{token} given the rights of its user"))
    return commands


def plan_withdrawal(user: str, token: str, present: Present) -> list[Command]:
    """Return the commands that remove one node's token, and user and roles once nobody else uses them."""
    commands = []
    if token in present.tokens:
        commands.append(Command(("user", "token", "remove", user, token), f"token {user}!{token} removed"))
    if present.tokens - {token}:
        return commands
    if user in present.users:
        commands += [_acl_command("delete", user, line) for line in present.acl]
        commands.append(Command(("user", "delete", user), f"user {user} removed"))
    ours = (ROLE, NODE_ROLE, VIEW_ROLE, STORAGE_ROLE)
    idle = [role for role in ours if role in present.roles and role not in present.strangers_roles]
    return commands + [Command(("role", "delete", role), f"role {role} removed") for role in idle]


def _acl_command(verb: str, user: str, line: AclLine) -> Command:
    words = ("acl", verb, line.path, "--users", user, "--roles", line.role)
    if verb == "delete":
        return Command(words, f"{user} no longer has {line.role} on {line.path}")
    alone = "" if line.is_propagated else ", not below it"
    return Command((*words, "--propagate", "1" if line.is_propagated else "0"), f"{user} has {line.role} on {line.path}{alone}")


def _join(privileges: Iterable[str]) -> str:
    return ",".join(sorted(privileges))
