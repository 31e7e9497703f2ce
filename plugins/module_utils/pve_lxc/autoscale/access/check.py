# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at everything a run needs, one thing after the other, and say of each whether it is there. Nothing is changed, on no side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from ...errors import LxcAutoscaleError, ProxmoxAPIError, ProxmoxPermissionError
from ...model.guest import Guest
from ...model.node import Cluster
from ...ports import AccessReader, LxcBackend
from ..configuration.loop_config import LoopConfig
from ..cycle import RECOMMEND
from ..exit_codes import EXIT_CONFIGURATION, EXIT_DONE, EXIT_NOT_PERMITTED, EXIT_NOT_REACHABLE, EXIT_SOME_FAILED, exit_code_of
from .check_machine import check_source, check_state
from .check_rights import WRITE_PRIVILEGES, Gap, advise, find_gaps, needs_of, plan_mending
from .finding import Finding, bad, note, ok
from .plan import Access

# What stands earlier has to be mended before what stands later can be.
_WORST_FIRST = (EXIT_CONFIGURATION, EXIT_NOT_REACHABLE, EXIT_NOT_PERMITTED, EXIT_SOME_FAILED)


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was found.

    Attributes:
        findings: in the order of looking.
        gaps: privileges that are missing.
        commands: for root on a node, in order; they give what is missing.
        advice: what no command of ours can know.
    """

    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...] = ()
    commands: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """Return the exit code of what has to be mended first."""
        codes = {finding.exit_code for finding in self.findings}
        return next((code for code in _WORST_FIRST if code in codes), EXIT_DONE)


def run_check(config: LoopConfig, backend: LxcBackend, access: AccessReader, now: float) -> CheckReport:
    """Return what was found; what needs Proxmox ends where it cannot be reached.

    Args:
        config: valid.
        backend: the way to Proxmox.
        access: the same way, for versions and rights.
        now: seconds since 1970.
    """
    findings = [_mode(config), *check_state(config, now), _certificate(config)]
    try:
        version = ".".join(map(str, access.read_version()))
        findings.append(ok("Proxmox", f"version {version} at {config.connection.host}:{config.connection.port}, as {_who(config)}"))
        cluster = backend.read_cluster()
    except LxcAutoscaleError as error:
        return CheckReport((*findings, bad("Proxmox", str(error).strip(), exit_code_of(error))))
    selected = [guest for guest in cluster.guests.values() if guest.node == config.node and not guest.is_template and config.selection.is_selected(guest)]
    findings += [_node(config, cluster, len(selected)), check_source(config, [guest.vmid for guest in selected if guest.is_running])]
    findings += _not_seen(config, cluster)
    try:
        findings.append(_quorum(backend))
        report = _check_rights(config, backend, access, selected, now)
    except LxcAutoscaleError as error:
        return CheckReport((*findings, bad("rights", str(error).strip(), exit_code_of(error))))
    return replace(report, findings=(*findings, *report.findings))


def format_check(report: CheckReport) -> dict[str, Any]:
    """Return it for ``--json``."""
    return {
        "exit_code": report.exit_code,
        "findings": [{"name": one.name, "level": one.level, "msg": one.text} for one in report.findings],
        "missing": [{"privilege": gap.privilege, "paths": list(gap.paths), "msg": gap.describe()} for gap in report.gaps],
        "commands": list(report.commands),
        "advice": list(report.advice),
    }


def _mode(config: LoopConfig) -> Finding:
    text = f"{config.source}: mode {config.mode}, a run every {config.settings.general.policy.interval_seconds:g} s"
    return ok("file", text if config.mode != RECOMMEND else f"{text}; nothing is changed in this mode")


def _certificate(config: LoopConfig) -> Finding:
    connection = config.connection
    if connection.fingerprint:
        return ok("certificate", f"pinned to SHA-256 {connection.fingerprint.replace(':', '')[:16].lower()}...")
    if not connection.validate_certs:
        return note("certificate", "NOT VERIFIED (validate_certs: false): whoever sits in between gets the token; pin it with connection.fingerprint")
    return ok("certificate", f"verified by {connection.ca_path or 'the authorities that this machine trusts'}")


def _who(config: LoopConfig) -> str:
    connection = config.connection
    if not connection.token_id:
        return f"user {connection.user} with a password"
    return f"token {connection.token_id if '!' in connection.token_id else f'{connection.user}!{connection.token_id}'}"


def _user(config: LoopConfig) -> str:
    return config.connection.user or config.connection.token_id.partition("!")[0]


def _node(config: LoopConfig, cluster: Cluster, selected_count: int) -> Finding:
    node, here = cluster.nodes.get(config.node), sum(guest.node == config.node for guest in cluster.guests.values())
    if not cluster.nodes:
        return note("node", "Proxmox shows this user no node and no container: see the rights below")
    if node is None:
        known = ", ".join(cluster.nodes) or "none"
        return bad("node", f"{config.node} is no node of this cluster; it has {known}. Set node: in the file", EXIT_CONFIGURATION)
    if not node.is_online:
        return bad("node", f"{config.node} is {node.status}", EXIT_SOME_FAILED)
    version = "" if node.cgroup_mode is None else f", cgroup version {node.cgroup_mode}"
    finding = ok if selected_count else note
    return finding("node", f"{config.node} is online{version}, {here} containers are seen, {selected_count} of them selected")


def _not_seen(config: LoopConfig, cluster: Cluster) -> list[Finding]:
    """Return what to say about ids of the file that are not on this node."""
    findings = []
    for vmid in sorted(config.selection.managed.vmids):
        guest = cluster.guests.get(vmid)
        if guest is None:
            findings.append(note("selection", f"{vmid} is selected, but Proxmox shows no such container to this user"))
        elif guest.node != config.node:
            findings.append(note("selection", f"{vmid} is selected, but is on {guest.node}, whose own loop has to manage it"))
    return findings


def _quorum(backend: LxcBackend) -> Finding:
    try:
        if backend.is_quorate():
            return ok("quorum", "the cluster can be written to")
    except ProxmoxPermissionError:
        return note("quorum", "cannot be asked for: see the rights below")
    return bad("quorum", "the cluster has no quorum: every run is a recommendation until it has", EXIT_SOME_FAILED)


def _check_rights(config: LoopConfig, backend: LxcBackend, access: AccessReader, selected: Sequence[Guest], now: float) -> CheckReport:
    growing = _growing(config, selected, now)
    wanted = Access(user=_user(config), uses_pools=bool(_pools(config)), grows_disks=bool(growing) or config.settings.general.policy.grow_rootfs)
    storages = _storages(config, backend, growing)
    needs = needs_of(wanted, config.node, [guest.vmid for guest in selected] or sorted(config.selection.managed.vmids), _pools(config), storages)
    permissions: dict[str, Set[str]] = {}
    for path in dict.fromkeys(need.path for need in needs):
        granted = access.read_permissions(path)
        if granted is None:
            return CheckReport((ok("rights", "root: everything is allowed"),))
        permissions[path] = set(granted)
    gaps = find_gaps(needs, permissions)
    needed = [gap for gap in gaps if config.mode != RECOMMEND or gap.privilege not in WRITE_PRIVILEGES]
    findings = [note("rights", f"{gap.describe()}; needed once the mode is apply") for gap in gaps if gap not in needed]
    findings += [bad("rights", f"missing: {gap.describe()}", EXIT_NOT_PERMITTED) for gap in needed]
    if not gaps:
        return CheckReport((ok("rights", f"all {len(needs)} privileges on {len(permissions)} paths are there"),))
    roles = _roles(access)
    advice = advise(gaps, wanted.user, roles, permissions)
    if not any(permissions.values()) and config.connection.token_id:
        advice.append(_separation(config))
    commands = plan_mending(gaps, wanted, roles, permissions)
    return CheckReport(tuple(findings), tuple(gaps), tuple(command.about for command in commands), tuple(advice))


def _growing(config: LoopConfig, selected: Sequence[Guest], now: float) -> list[Guest]:
    """Return the containers whose root file systems are grown."""
    book, _conflicts = config.roster.book(selected, now)
    return [guest for guest in selected if book.of(guest.vmid).policy.grow_rootfs]


def _storages(config: LoopConfig, backend: LxcBackend, growing: Sequence[Guest]) -> list[str]:
    """Return the storages of these containers; one whose configuration cannot be read lacks other rights, which are named anyway."""
    # Imported here, because hardly anybody has disks grown and every cycle would start later.
    from ...policy.rootfs import storage_of

    found = set()
    for guest in growing:
        try:
            found.add(storage_of(backend.read_config(config.node, guest.vmid)))
        except ProxmoxPermissionError:
            continue
    return sorted(found - {""})


def _roles(access: AccessReader) -> Mapping[str, Set[str]]:
    try:
        return access.read_roles()
    except ProxmoxAPIError:
        # Then the commands add the roles; an existing one is refused by pveum and left as it is.
        return {}


def _separation(config: LoopConfig) -> str:
    user, _separator, token = _who(config).removeprefix("token ").partition("!")
    return (
        f"this token has no right anywhere. With privilege separation a token has only what a list of its own grants, and Proxmox answers it with empty lists "
        f"instead of errors. If {user} has the rights: pveum user token modify {user} {token} --privsep 0"
    )


def _pools(config: LoopConfig) -> list[str]:
    tiers = {pool for tier in config.roster.tiers for pool in tier.match.pools}
    return sorted(config.selection.managed.pools | config.selection.ignored.pools | tiers)
