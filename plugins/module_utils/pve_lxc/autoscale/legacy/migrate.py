# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``migrate-config``: a file of LXC AutoScale as a file of ours, and the list of what differs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ...deps import import_yaml
from ...errors import ConfigError, Problem
from ..configuration.config_text import read_config_text
from ..configuration.loop_config import build_config
from .read import read_legacy
from .section import Difference

_HEAD = "# lxc-autoscale, made from a configuration of LXC AutoScale. The token's secret does not belong into this file.\n"
_ORDER = ("node", "mode", "interval_seconds", "connection", "selection", "policy", "bounds", "threshold", "notify", "tiers")

_ADVICE = "name LXC AutoScale's own file: its installer puts it at /etc/lxc_autoscale/lxc_autoscale.yaml"

# Only the place of a secret is checked when a file is used, not when it is made.
_ANY_SECRET = {"PROXMOX_TOKEN_SECRET": "-", "PROXMOX_PASSWORD": "-"}


@dataclass(frozen=True, slots=True)
class Migration:
    """A migrated file.

    Attributes:
        text: the new file, YAML; without secrets.
        values: the same as values.
        differences: what is not in it what it was.
    """

    text: str
    values: Mapping[str, Any]
    differences: tuple[Difference, ...]

    def format(self) -> dict[str, Any]:
        """Return JSON's types."""
        return {"config": dict(self.values), "differences": [asdict(difference) for difference in self.differences]}


def migrate(path: str, environment: Mapping[str, str] | None = None) -> Migration:
    """Return the new file for an old one.

    Args:
        path: of the old file.
        environment: for ``${NAME}`` in it; default: the process's.

    Raises:
        ConfigError: with every problem at once; also when the file is in our format already.
    """
    environment = os.environ if environment is None else environment
    legacy = read_legacy(read_config_text(path, _ADVICE), environment)
    if legacy is None:
        message = "this is no configuration of LXC AutoScale: no section DEFAULT, DEFAULTS, TIER_... or HORIZONTAL_SCALING_GROUP_..."
        raise ConfigError([Problem("the file", "", message)], source=path)
    build_config(legacy.document, source=path, environment={**environment, **_ANY_SECRET})
    values = {name: legacy.document.values[name] for name in _ORDER if name in legacy.document.values}
    text = _HEAD + import_yaml().safe_dump(values, sort_keys=False, allow_unicode=True)
    return Migration(text, values, legacy.differences)


def write_new_file(path: str, text: str) -> None:
    """Write a file that does not exist yet, readable by its owner and group only.

    Raises:
        ConfigError: there is one, or it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError([Problem("--output", path, f"cannot be written: {error.strerror}")]) from error
