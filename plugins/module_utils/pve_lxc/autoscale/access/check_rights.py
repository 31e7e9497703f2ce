# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which privileges the loop needs where, which are missing, and which commands of ``pveum`` would give them: pure.

What a deeper path grants replaces what is inherited, so an existing role is given more; a second entry below the first is never proposed.
Recorded on Proxmox VE 9.2; source: PVE::AccessControl.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from .plan import VIEW_ROLE, Access, AclLine, Command

_WHY = {
    "VM.Audit": "without it the container is not seen at all",
    "VM.Config.CPU": "without it its CPU cannot be changed",
    "VM.Config.Memory": "without it its memory cannot be changed",
    "VM.Config.Disk": "without it its root file system cannot be grown",
    "Pool.Audit": "without it nobody can tell which containers are in the pool",
    "Datastore.AllocateSpace": "without it no disk on it can be grown",
    "Datastore.Audit": "without it its free space is not seen",
}
_WHY_AUDIT = {"/": "without it nobody can tell whether the cluster has quorum, and nothing is written", "": "without it the node's cgroup mode is not seen"}

# What only changing needs; a loop that recommends does without.
WRITE_PRIVILEGES = frozenset({"VM.Config.CPU", "VM.Config.Memory", "VM.Config.Disk", "Datastore.AllocateSpace"})

# Most ids that are named one by one.
_SHOWN_PATHS = 6


@dataclass(frozen=True, slots=True)
class Need:
    """One privilege on one path.

    Attributes:
        path: where it is asked for, for example ``/vms/101``.
        privilege: for example ``VM.Config.CPU``.
        line: the entry of the access control list that is meant to give it.
    """

    path: str
    privilege: str
    line: AclLine

    @property
    def why(self) -> str:
        """Return what does not work without it."""
        return _WHY.get(self.privilege) or _WHY_AUDIT.get(self.path, _WHY_AUDIT[""])


@dataclass(frozen=True, slots=True)
class Gap:
    """One privilege that is missing, with all paths on which it is.

    Attributes:
        privilege: which.
        line: the entry that is meant to give it.
        paths: where it is missing.
        why: what does not work without it.
        is_partial: whether other paths below the same entry have it.
    """

    privilege: str
    line: AclLine
    paths: tuple[str, ...]
    why: str
    is_partial: bool

    def describe(self) -> str:
        """Return ``VM.Config.CPU on /vms/101, /vms/102: without it its CPU cannot be changed``."""
        shown = ", ".join(self.paths[:_SHOWN_PATHS])
        more = "" if len(self.paths) <= _SHOWN_PATHS else f" and {len(self.paths) - _SHOWN_PATHS} more"
        return f"{self.privilege} on {shown}{more}: {self.why}"


def needs_of(access: Access, node: str, vmids: Iterable[int], pools: Iterable[str] = (), storages: Iterable[str] = ()) -> list[Need]:
    """Return every privilege that the loop needs.

    Args:
        access: what is wanted; says which optional parts are on.
        node: whose containers are managed.
        vmids: of the selected containers.
        pools: that the configuration names.
        storages: that hold root file systems; looked at only where those are grown.
    """
    places = {
        # Where no container is known, as for somebody who may see none, the entry itself is looked at.
        "/vms": [f"/vms/{vmid}" for vmid in vmids] or ["/vms"],
        "/pool": [f"/pool/{pool}" for pool in pools],
        "/nodes": [f"/nodes/{node}"],
        "/": ["/"],
        "/storage": [f"/storage/{storage}" for storage in storages],
    }
    prefixes = {"/vms": "VM.", "/pool": "Pool.", "/nodes": "Sys.", "/": "Sys.", "/storage": "Datastore."}
    roles, needs = access.roles(), []
    for line in access.acl():
        for path in places[line.path]:
            needs += [Need(path, privilege, line) for privilege in sorted(roles[line.role]) if privilege.startswith(prefixes[line.path])]
    return needs


def find_gaps(needs: Sequence[Need], permissions: Mapping[str, Set[str]]) -> list[Gap]:
    """Return what is missing, one entry for each privilege and entry of the access control list.

    Args:
        needs: from ``needs_of``.
        permissions: path -> privileges there, whether or not they are passed on to deeper paths.
    """
    missing: dict[tuple[str, AclLine], list[Need]] = {}
    have: set[tuple[str, AclLine]] = set()
    for need in needs:
        key = (need.privilege, need.line)
        if need.privilege in permissions.get(need.path, frozenset()):
            have.add(key)
        else:
            missing.setdefault(key, []).append(need)
    return [Gap(privilege, line, tuple(need.path for need in found), found[0].why, (privilege, line) in have) for (privilege, line), found in missing.items()]


def plan_mending(gaps: Sequence[Gap], access: Access, roles: Mapping[str, Set[str]], permissions: Mapping[str, Set[str]]) -> list[Command]:
    """Return the commands that give what is missing, in order, each once.

    * A role of ours that lacks it is given it.
    * Where the user has nothing at all, the role is added if it is not there, and its entry made.
    * Where he has something, but not from a role of ours, no command is right: see ``advise``.

    Args:
        gaps: from ``find_gaps``.
        access: with our user.
        roles: role -> privileges, as Proxmox has them.
        permissions: path -> privileges of our user there.
    """
    commands: dict[tuple[str, ...], Command] = {}
    wanted = access.roles()
    for role in dict.fromkeys(gap.line.role for gap in gaps):
        lacking = {gap.privilege for gap in gaps if gap.line.role == role} - roles.get(role, frozenset())
        is_bare = any(_is_bare(gap, permissions) for gap in gaps if gap.line.role == role)
        if role in roles and lacking:
            _add(commands, ("role", "modify", role, "--privs", ",".join(sorted(lacking)), "--append", "1"))
        elif role not in roles and is_bare:
            _add(commands, ("role", "add", role, "--privs", ",".join(sorted(wanted[role]))))
    for gap in gaps:
        if _is_bare(gap, permissions):
            words = ("acl", "modify", gap.line.path, "--users", access.user, "--roles", gap.line.role)
            _add(commands, words if gap.line.is_propagated else (*words, "--propagate", "0"))
    return list(commands.values())


def advise(gaps: Sequence[Gap], user: str, roles: Mapping[str, Set[str]], permissions: Mapping[str, Set[str]]) -> list[str]:
    """Return what to do where the user has rights by an entry that is not ours, or that replaces ours on a deeper path; arguments as ``plan_mending``."""
    by_paths: dict[tuple[str, ...], list[Gap]] = {}
    for gap in gaps:
        if not _is_bare(gap, permissions) and not _is_mended_by_role(gap, roles):
            by_paths.setdefault(gap.paths, []).append(gap)
    return [_advice(paths, found, user, roles, permissions) for paths, found in by_paths.items()]


def _advice(paths: tuple[str, ...], gaps: Sequence[Gap], user: str, roles: Mapping[str, Set[str]], permissions: Mapping[str, Set[str]]) -> str:
    present = permissions.get(paths[0], frozenset())
    shown = ", ".join(paths[:_SHOWN_PATHS]) + (" ..." if len(paths) > _SHOWN_PATHS else "")
    kind = gaps[0].privilege.partition(".")[0]
    if _of_kind(present, kind) == roles.get(VIEW_ROLE):
        return f"{user} may see {shown} and change only containers of one pool (role {VIEW_ROLE}): put them into that pool, or select only what is in it"
    # Proxmox's own roles begin so and cannot be changed. Others may add to what is there, a pool's for example, but not in privileges of this kind.
    fitting = [role for role, has in roles.items() if set(has) <= set(present) and _of_kind(has, kind) == _of_kind(present, kind) != set()]
    fitting = [role for role in fitting if not role.startswith("PVE")]
    role = fitting[0] if len(fitting) == 1 else "THAT_ROLE"
    privileges = ",".join(sorted(gap.privilege for gap in gaps))
    if not present:
        return f"an entry on {shown} itself takes away what {user} has elsewhere, as the role NoAccess does; `pveum acl list` shows it"
    return (
        f"{user} has rights on {shown} by another entry; `pveum acl list` shows it. A second entry below it would replace it, so give its role "
        f"what is missing: pveum role modify {role} --privs {privileges} --append 1"
    )


def _of_kind(privileges: Set[str], kind: str) -> set[str]:
    return {privilege for privilege in privileges if privilege.partition(".")[0] == kind}


def _is_bare(gap: Gap, permissions: Mapping[str, Set[str]]) -> bool:
    """Return whether the user has nothing at all where something is missing."""
    return not gap.is_partial and not any(permissions.get(path) for path in gap.paths)


def _is_mended_by_role(gap: Gap, roles: Mapping[str, Set[str]]) -> bool:
    return gap.line.role in roles and gap.privilege not in roles[gap.line.role]


def _add(commands: dict[tuple[str, ...], Command], words: tuple[str, ...]) -> None:
    commands.setdefault(words, Command(words, f"pveum {' '.join(words)}"))
