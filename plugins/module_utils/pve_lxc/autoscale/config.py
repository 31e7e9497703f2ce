# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration file of the loop, read and checked as a whole."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError, Problem
from ..policy.settings import ContainerSettings, PolicySettings, SettingsBook
from ..transport.settings import ConnectionSettings
from .config_document import Document, parse_document
from .config_keys import DEFAULT_STATE_PATH, OVERRIDE_SECTIONS, SECTIONS, TOP_KEYS
from .config_tiers import read_layer, read_roster, read_selection
from .layers import Effective
from .legacy_read import read_legacy
from .roster import Roster
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
        roster: who has which settings, and where they came from.
        notices: what the reader of a file in LXC AutoScale's format should know.
    """

    source: str
    connection: ConnectionSettings
    node: str
    mode: str
    selection: Selection
    settings: SettingsBook
    observe: ObserveSettings
    state_path: str
    roster: Roster = Roster()
    notices: tuple[str, ...] = ()


def read_config(path: str, environment: Mapping[str, str] | None = None) -> LoopConfig:
    """Return the configuration of a file.

    Args:
        path: of the file.
        environment: where secrets and systemd's folders are looked up; default: the process's.

    Raises:
        ConfigError: with every problem at once.
        DependencyError: PyYAML is missing.
    """
    return parse_config(read_config_text(path), source=path, environment=os.environ if environment is None else environment)


def read_config_text(path: str) -> str:
    """Return the text of a configuration file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem("the file", "", f"cannot be read: {error}")], source=path) from error


def parse_config(text: str, *, source: str, environment: Mapping[str, str]) -> LoopConfig:
    """Return the configuration of a text in our format, or in LXC AutoScale's; raises as ``read_config``."""
    legacy = read_legacy(text, environment)
    if legacy is None:
        return build_config(parse_document(text), source=source, environment=environment)
    given = {name: value for name, value in legacy.secrets.items() if value}
    return build_config(legacy.document, source=source, environment={**environment, **given}, notices=legacy.notices)


def build_config(document: Document, *, source: str, environment: Mapping[str, str], notices: tuple[str, ...] = ()) -> LoopConfig:
    """Return the configuration of a document; raises as ``read_config``."""
    if not document.is_read:
        raise ConfigError(document.problems, source=source)
    top_names = {*TOP_KEYS, *SECTIONS, "overrides", "tiers"}
    known = {name: value for name, value in document.values.items() if document.is_known(name, (str(name),), top_names)}
    top = document.section({name: known[name] for name in TOP_KEYS if name in known}, (), TOP_KEYS)
    sections = {name: document.section(known.get(name), (name,), SECTIONS[name]) for name in SECTIONS if name not in OVERRIDE_SECTIONS}
    base = Effective(ContainerSettings(policy=PolicySettings(interval_seconds=top["interval_seconds"])), _interval_origin(document, known))
    roster = read_roster(document, known, base.with_layer(read_layer(document, known, (), base)), obey_tags=sections["selection"]["obey_tags"])
    selection = read_selection(document, sections["selection"])
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
        settings=roster.static_book(),
        observe=observe,
        state_path=sections["state"]["path"] or _default_state_path(environment),
        roster=roster,
        notices=notices,
    )


def _interval_origin(document: Document, known: Mapping[Any, Any]) -> dict[str, str]:
    return {"policy.interval_seconds": document.place_of(("interval_seconds",))} if "interval_seconds" in known else {}


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
