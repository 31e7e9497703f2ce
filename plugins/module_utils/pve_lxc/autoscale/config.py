# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration file of the loop, read and checked as a whole."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import ConfigError, Problem
from ..policy.settings import BoundsSettings, ContainerSettings, PolicySettings, SettingsBook
from ..transport.settings import ConnectionSettings
from .config_document import Document, parse_document, show
from .config_keys import DEFAULT_STATE_PATH, OVERRIDE_SECTIONS, SECTIONS, TOP_KEYS
from .secret import read_secrets
from .selection import Selection


@dataclass(frozen=True, slots=True)
class ObserveSettings:
    """Where use is read.

    Attributes:
        source: ``auto``, ``cgroup`` or ``api``.
        cgroup_root: root of the cgroup v2 hierarchy.
        proc_root: root of the proc file system.
    """

    source: str
    cgroup_root: str
    proc_root: str


@dataclass(frozen=True, slots=True)
class LoopConfig:
    """A whole and valid configuration.

    Attributes:
        source: the file it came from.
        connection: how to reach Proxmox; its secrets never show.
        node: whose containers are managed.
        mode: ``recommend`` or ``apply``.
        selection: which of them.
        settings: how they are sized.
        observe: where use is read.
        state_path: the loop's database.
    """

    source: str
    connection: ConnectionSettings
    node: str
    mode: str
    selection: Selection
    settings: SettingsBook
    observe: ObserveSettings
    state_path: str


def read_config(path: str, environment: Mapping[str, str] | None = None) -> LoopConfig:
    """Return the configuration of a file.

    Args:
        path: of the file.
        environment: where secrets and systemd's folders are looked up; default: the process's.

    Raises:
        ConfigError: with every problem at once.
        DependencyError: PyYAML is missing.
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem("the file", "", f"cannot be read: {error}")], source=path) from error
    return parse_config(text, source=path, environment=os.environ if environment is None else environment)


def parse_config(text: str, *, source: str, environment: Mapping[str, str]) -> LoopConfig:
    """Return the configuration of a text; raises as ``read_config``."""
    document = parse_document(text)
    if not document.is_read:
        raise ConfigError(document.problems, source=source)
    top_names = {*TOP_KEYS, *SECTIONS, "overrides"}
    known = {name: value for name, value in document.values.items() if document.is_known(name, (str(name),), top_names)}
    top = document.section({name: known[name] for name in TOP_KEYS if name in known}, (), TOP_KEYS)
    sections = {name: document.section(known.get(name), (name,), SECTIONS[name]) for name in SECTIONS if name not in OVERRIDE_SECTIONS}
    general = _container_settings(document, known, (), ContainerSettings(policy=PolicySettings(interval_seconds=top["interval_seconds"])))
    book = SettingsBook(general, _overrides(document, known.get("overrides"), general))
    selection = _selection(document, sections["selection"])
    connection = _connection(document, sections["connection"], environment)
    observe = ObserveSettings(**sections["observe"])
    if document.problems:
        raise ConfigError(document.problems, source=source)
    return LoopConfig(
        source=source,
        connection=connection,
        node=top["node"] or socket.gethostname().split(".")[0],
        mode=top["mode"],
        selection=selection,
        settings=book,
        observe=observe,
        state_path=sections["state"]["path"] or _default_state_path(environment),
    )


def _container_settings(document: Document, values: Mapping[Any, Any], path: tuple[str, ...], base: ContainerSettings) -> ContainerSettings:
    """Return ``base`` with what the sections ``policy`` and ``bounds`` below ``path`` say."""
    given = {name: document.given(values.get(name), (*path, name), keys) for name, keys in OVERRIDE_SECTIONS.items()}
    settings = ContainerSettings(replace(base.policy, **given["policy"]), replace(base.bounds, **given["bounds"]))
    for low, high, order in _contradictions(settings.policy, settings.bounds):
        section = "policy" if hasattr(settings.policy, low) else "bounds"
        if {low, high} & set(given[section]):
            record: Any = getattr(settings, section)
            named = low if low in given[section] else high
            document.refuse((*path, section, named), show(getattr(record, named)), f"{low} must be {order} {high} ({show(getattr(record, high))})")
    return settings


def _contradictions(policy: PolicySettings, bounds: BoundsSettings) -> list[tuple[str, str, str]]:
    """Return ``(key, other key, what the first must be)`` for what cannot be together."""
    found = []
    if bounds.max_cpu_cores is not None and bounds.min_cpu_cores > bounds.max_cpu_cores:
        found.append(("min_cpu_cores", "max_cpu_cores", "at most"))
    if bounds.max_memory_mib is not None and bounds.min_memory_mib is not None and bounds.min_memory_mib > bounds.max_memory_mib:
        found.append(("min_memory_mib", "max_memory_mib", "at most"))
    if policy.cpu_tolerance_smallest > policy.cpu_tolerance_largest:
        found.append(("cpu_tolerance_smallest", "cpu_tolerance_largest", "at most"))
    return found


def _overrides(document: Document, values: Any, general: ContainerSettings) -> dict[int, ContainerSettings]:
    by_vmid = {}
    for name, entry in document.mapping(values, ("overrides",)).items():
        path = ("overrides", str(name))
        if isinstance(name, bool) or not str(name).isdecimal() or int(name) < 100:
            document.refuse(path, "", "allowed is a container id, 100 or above")
            continue
        sections = {key: value for key, value in document.mapping(entry, path).items() if document.is_known(key, (*path, str(key)), OVERRIDE_SECTIONS)}
        by_vmid[int(name)] = _container_settings(document, sections, path, general)
    return by_vmid


def _selection(document: Document, section: Mapping[str, Any]) -> Selection:
    is_named = bool(section["vmids"] or section["tags"])
    if section["all"] and is_named:
        document.refuse(("selection", "all"), "true", "either all, or vmids and tags")
    return Selection(
        is_all=section["all"] if section["all"] is not None else not is_named,
        vmids=frozenset(section["vmids"]),
        tags=frozenset(section["tags"]),
        ignored_vmids=frozenset(section["ignore_vmids"]),
        ignored_tags=frozenset(section["ignore_tags"]),
    )


def _connection(document: Document, section: Mapping[str, Any], environment: Mapping[str, str]) -> ConnectionSettings:
    if section["token_id"] and "!" not in section["token_id"] and not section["user"]:
        document.refuse(("connection", "user"), "", f"the token {section['token_id']} needs its user, or write user@realm!{section['token_id']}")
    if not section["token_id"] and not section["user"]:
        document.refuse(("connection", "token_id"), "", "a token_id, or a user with a password_file, is needed")
    token_secret, password = read_secrets(document, section, environment)
    return ConnectionSettings(
        host=section["host"],
        port=section["port"],
        user=section["user"],
        token_id=section["token_id"],
        token_secret=token_secret,
        password=password,
        ca_path=section["ca_file"],
        fingerprint=section["fingerprint"],
        validate_certs=section["validate_certs"],
        timeout_seconds=section["timeout_seconds"],
        retries=section["retries"],
    )


def _default_state_path(environment: Mapping[str, str]) -> str:
    # systemd may name several folders, separated by colons; the first is ours.
    folder = environment.get("STATE_DIRECTORY", "").split(":")[0]
    return f"{folder}/state.sqlite" if folder else DEFAULT_STATE_PATH
