# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of the loop, checked as a whole."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...errors import ConfigError
from ...policy.settings.container import ContainerSettings, SettingsBook
from ...policy.settings.policy import PolicySettings
from ...transport.settings import ConnectionSettings
from .document import Document
from .keys import DEFAULT_STATE_PATH, SECTIONS, SIZING_SECTIONS, TOP_KEYS
from .layers import Effective
from .notifiers import NotifierSettings, read_notifiers
from .pin import read_pin
from .roster import Roster
from .schedule_section import read_schedules
from .secret import read_secrets
from .selection import Selection
from .tiers import read_layer, read_roster, read_selection


@dataclass(frozen=True, slots=True)
class ObserveSettings:
    """Where use is read.

    Attributes:
        source: ``auto``, ``cgroup`` or ``api``.
        cgroup_root: root of the cgroup v2 hierarchy.
        proc_root: root of the proc file system.
        bootstrap: whether containers that were never seen are learnt from Proxmox's own records.
        bootstrap_timeframe: how far back: ``day``, ``week`` or ``month``.
        bootstrap_containers_per_cycle: of so many containers in one cycle.
    """

    source: str
    cgroup_root: str
    proc_root: str
    bootstrap: bool
    bootstrap_timeframe: str
    bootstrap_containers_per_cycle: int


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
        notifiers: who is told what.
        metrics_path: file for each cycle's metrics, empty for none.
        has_pct_fallback: whether pct and pvesh of this machine are used once the API gives no answer.
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
    notifiers: tuple[NotifierSettings, ...] = ()
    metrics_path: str = ""
    has_pct_fallback: bool = False


def build_config(
    document: Document, *, source: str, environment: Mapping[str, str], notices: tuple[str, ...] = (), connection: ConnectionSettings | None = None
) -> LoopConfig:
    """Return the configuration of a document, or raise a ConfigError with every problem at once.

    Args:
        document: read.
        source: where it came from.
        environment: where secrets and systemd's folders are looked up.
        notices: what the reader of the source should know.
        connection: where somebody else says how to reach Proxmox; the document's own is not looked at then.
    """
    if not document.is_read:
        raise ConfigError(document.problems, source=source)
    top_names = {*TOP_KEYS, *SECTIONS, "notify", "overrides", "schedules", "tiers"}
    known = {name: value for name, value in document.values.items() if document.is_known(name, (str(name),), top_names)}
    top = document.section({name: known[name] for name in TOP_KEYS if name in known}, (), TOP_KEYS)
    sections = {name: document.section(known.get(name), (name,), SECTIONS[name]) for name in SECTIONS if name not in SIZING_SECTIONS}
    base = Effective(ContainerSettings(policy=PolicySettings(interval_seconds=top["interval_seconds"])), _interval_origin(document, known))
    roster = read_roster(document, known, base.with_layer(read_layer(document, known, (), base, SIZING_SECTIONS)), obey_tags=sections["selection"]["obey_tags"])
    roster = replace(roster, schedules=read_schedules(document, known.get("schedules"), roster))
    selection = read_selection(document, sections["selection"])
    connection = connection or _connection(document, sections["connection"], environment)
    observe = ObserveSettings(**sections["observe"])
    notifiers = read_notifiers(document, known.get("notify"), environment)
    _check_textfile(document, sections["metrics"]["textfile"])
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
        state_path=sections["state"]["path"] or default_state_path(environment),
        roster=roster,
        notices=notices,
        notifiers=notifiers,
        metrics_path=sections["metrics"]["textfile"],
        has_pct_fallback=sections["connection"]["pct_fallback"],
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
        fingerprint=_fingerprint(section, environment),
        validate_certs=section["validate_certs"],
        timeout_seconds=section["timeout_seconds"],
        retries=section["retries"],
    )


def _check_textfile(document: Document, path: str) -> None:
    # node_exporter reads no other names. Source: its textfile collector.
    if path and not path.endswith(".prom"):
        document.refuse(("metrics", "textfile"), path, "allowed is a path that ends in .prom")


def _fingerprint(section: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """Return the fingerprint of the file, else of the certificate that systemd handed over, unless the file says how to verify."""
    if section["fingerprint"] or section["ca_file"] or not section["validate_certs"]:
        return str(section["fingerprint"])
    return read_pin(environment)


def default_state_path(environment: Mapping[str, str]) -> str:
    """Return where the state lies when the configuration does not say so."""
    # systemd may name several folders, separated by colons; the first is ours.
    folder = environment.get("STATE_DIRECTORY", "").split(":")[0]
    return f"{folder}/state.sqlite" if folder else DEFAULT_STATE_PATH
