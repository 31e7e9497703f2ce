# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration file as it lies on a disk: in our format or in LXC AutoScale's, good or not."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import ConfigError
from .configuration.config_text import read_config_text
from .configuration.document import Document, parse_document
from .configuration.keys import SECTIONS, TOP_KEYS
from .configuration.loop_config import LoopConfig, build_config, default_state_path
from .configuration.notifiers import NotifierSettings, read_notifiers
from .legacy.read import read_legacy


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


@dataclass(frozen=True, slots=True)
class Salvage:
    """What of a configuration that cannot be used is good enough to tell somebody so.

    Attributes:
        node: whose containers would be managed.
        state_path: the loop's database.
        notifiers: those without a mistake.
    """

    node: str
    state_path: str
    notifiers: tuple[NotifierSettings, ...]


def salvage_config(path: str, environment: Mapping[str, str]) -> Salvage | None:
    """Return what is good in a configuration that is not; None when nothing of it can be read.

    Raises:
        DependencyError: PyYAML is missing.
    """
    try:
        text = read_config_text(path)
    except ConfigError:
        return None
    document, more_environment, _notices = read_either_format(text, environment)
    if not document.is_read:
        return None
    top = document.section({name: document.values[name] for name in TOP_KEYS if name in document.values}, (), TOP_KEYS)
    state = document.section(document.values.get("state"), ("state",), SECTIONS["state"])
    notifiers = read_notifiers(document, document.values.get("notify"), {**environment, **more_environment})
    return Salvage(top["node"] or socket.gethostname().split(".")[0], state["path"] or default_state_path(environment), notifiers)


def parse_config(text: str, *, source: str, environment: Mapping[str, str]) -> LoopConfig:
    """Return the configuration of a text in our format, or in LXC AutoScale's; raises as ``read_config``."""
    document, more_environment, notices = read_either_format(text, environment)
    return build_config(document, source=source, environment={**environment, **more_environment}, notices=notices)


def read_either_format(text: str, environment: Mapping[str, str]) -> tuple[Document, Mapping[str, str], tuple[str, ...]]:
    """Return the document of a text in our format or in LXC AutoScale's, the secrets that stood in it as an environment, and notices."""
    legacy = read_legacy(text, environment)
    if legacy is None:
        return parse_document(text), {}, ()
    return legacy.document, {name: value for name, value in legacy.secrets.items() if value}, legacy.notices
