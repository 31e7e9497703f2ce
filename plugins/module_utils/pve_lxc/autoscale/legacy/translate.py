# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LXC AutoScale's sections -> our format: the same values that ``migrate-config`` writes and that a direct read uses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...policy.settings.presets import BEHAVIOUR_PRESETS
from ..configuration.document import Document, KeyPath
from ..configuration.keys import SECTIONS
from .keys import DEFAULT_KEYS, INI_DEFAULTS, SAMPLE_VALUES, STEP_FACTORS, TIER_KEYS, LegacyKey
from .section import Differences, Section

_NOT_IN_A_TAG = re.compile(r"[^a-z0-9_.+-]")


@dataclass
class Translation:
    """Our format while it is being made.

    Attributes:
        values: as the YAML file will have them.
        places: key path of ours -> where the value stands in the old file.
        differences: what is not as it was there.
        secrets: variable -> secret from the old file; never written anywhere.
    """

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[KeyPath, str] = field(default_factory=dict)
    differences: Differences = field(default_factory=Differences)
    secrets: dict[str, str] = field(default_factory=dict)

    def put(self, path: KeyPath, value: Any, place: str = "") -> None:
        """Set one value of ours; without a place it is what the old daemon does when its file is silent."""
        section = self.values
        for name in path[:-1]:
            section = section.setdefault(name, {})
        section[path[-1]] = value
        self.places[path] = place or "LXC AutoScale's default"


def translate_general(translation: Translation, general: Section, *, is_ini: bool) -> None:
    """Enter the section DEFAULT, with the old daemon's own defaults where they are not ours."""
    translation.put(("mode",), general.values.get("mode", "recommend"), general.places.get("mode", ""))
    if "mode" not in general.values:
        message = "nothing is changed before you write mode: apply; the old daemon applied from its start"
        translation.differences.add("added", "mode: recommend", message)
    for name, legacy in DEFAULT_KEYS.items():
        if name in general.values:
            _put_value(translation, (), name, legacy, general)
        elif legacy.target:
            default = INI_DEFAULTS.get(name, legacy.key.default) if is_ini else legacy.key.default
            value = _value_of(name, default)
            if value not in (None, "") and value != _own_default(legacy.target):
                translation.put(legacy.target, value)
    translation.put(("bounds", "actuator"), "cores")
    translation.differences.add("added", "bounds.actuator: cores", "as the old daemon had it; without it a cpulimit, where there is one, is changed instead")
    if general.values.get("algorithm", "threshold") == "threshold":
        message = "the old daemon's rule; with policy.algorithm: demand containers are sized by what they will need, and the section threshold is not used"
        translation.differences.add("added", "policy.algorithm: threshold", message)
    if "max_memory" not in general.values:
        message = "no max_memory is given, and the old daemon had none: it is twice what was found at adoption and at most half of the node"
        translation.differences.add("added", "largest memory", message)
    _note_sample(translation.differences, general, is_ini=is_ini)
    ignored = general.values.get("ignore_lxc")
    if ignored:
        translation.put(("selection", "ignore_vmids"), sorted(set(ignored)), general.places["ignore_lxc"])


def translate_tier(translation: Translation, tier: Section, section_name: str, prefix: str) -> None:
    """Enter one tier; what it does not say is as in DEFAULT, there as here."""
    name = _NOT_IN_A_TAG.sub("-", section_name.removeprefix(prefix).lower()) or "unnamed"
    if name in translation.values.get("tiers", {}):
        name = _free_name(name, translation.values["tiers"])
        message = f"tags are lower case, and there is another tier of that name; it is called {name} here"
        translation.differences.add("changed", section_name, message)
    path = ("tiers", name)
    translation.put((*path, "vmids"), sorted(set(tier.values.get("lxc_containers", ()))), tier.places.get("lxc_containers", section_name))
    for key, legacy in TIER_KEYS.items():
        if key in tier.values:
            _put_value(translation, path, key, legacy, tier)


def translate_connection(translation: Translation, general: Section, api: Section, node: str) -> None:
    """Enter how Proxmox is reached; secrets are kept apart."""
    given = {**{f"proxmox_api_{name}": value for name, value in api.values.items()}, **general.values}
    places = {**{f"proxmox_api_{name}": place for name, place in api.places.items()}, **general.places}
    for name in ("proxmox_api_verify_ssl", "proxmox_api_timeout"):
        if name in given and name not in general.values:
            translation.put(DEFAULT_KEYS[name].target, given[name], places[name])
    host_key = "proxmox_api_host" if given.get("proxmox_api_host") else "proxmox_host"
    if given.get(host_key) and (host_key == "proxmox_api_host" or given.get("use_remote_proxmox")):
        host, _colon, port = given[host_key].partition(":")
        translation.put(("connection", "host"), host, places[host_key])
        if port.isdecimal():
            translation.put(("connection", "port"), int(port[:9]), places[host_key])
    _put_identity(translation, given, places, node)
    secrets = {"PROXMOX_TOKEN_SECRET": given.get("proxmox_api_token_value", ""), "PROXMOX_PASSWORD": given.get("proxmox_api_password", "")}
    translation.secrets.update({name: value for name, value in secrets.items() if value})
    if translation.secrets:
        message = "secrets are not copied: put them into a file and name it in connection.token_secret_file or password_file, or set PROXMOX_TOKEN_SECRET"
        translation.differences.add("changed", "proxmox_api secret ***", message)


def _put_identity(translation: Translation, given: Mapping[str, Any], places: Mapping[str, str], node: str) -> None:
    token, user = given.get("proxmox_api_token_name", ""), given.get("proxmox_api_user", "")
    if token:
        if "!" not in token:
            if not user:
                translation.differences.add("changed", "proxmox_api_token_name", "its user is root@pam, as in the fork; a user with few rights is safer")
            token = f"{user or 'root@pam'}!{token}"
        translation.put(("connection", "token_id"), token, places["proxmox_api_token_name"])
    elif user and given.get("proxmox_api_password"):
        translation.put(("connection", "user"), user, places["proxmox_api_user"])
    else:
        token = f"lxc-autoscale@pve!node-{node}"
        translation.put(("connection", "token_id"), token)
        translation.differences.add(
            "added", "connection.token_id", f"changes go through the API, which needs a token; {token} is only a name, make it or write yours"
        )


def _put_value(translation: Translation, base: KeyPath, name: str, legacy: LegacyKey, section: Section) -> None:
    # ``mode`` has been entered first.
    if legacy.target and legacy.target != ("mode",):
        translation.put((*base, *legacy.target), _value_of(name, section.values[name]), section.places[name])
    if name == "behaviour" and section.values[name] != "normal":
        # For those who set policy.algorithm: demand; with threshold it has no effect beside the step factor.
        translation.put((*base, "policy", "preset"), BEHAVIOUR_PRESETS[section.values[name]], section.places[name])


def _value_of(name: str, value: Any) -> Any:
    return STEP_FACTORS[value] if name == "behaviour" else value


def _own_default(target: KeyPath) -> Any:
    return SECTIONS[target[0]][target[1]].default if len(target) == 2 else None


def _note_sample(differences: Differences, general: Section, *, is_ini: bool) -> None:
    """Note where the file is silent and the old project's code and its sample file say different things."""
    if is_ini:
        message = ", ".join(f"{name} {value}" for name, value in INI_DEFAULTS.items() if name not in general.values)
        if message:
            differences.add("added", "defaults of the INI files of 2024", f"{message}; later versions had others")
        return
    silent = [name for name in SAMPLE_VALUES if name not in general.values]
    if silent:
        said = ", ".join(f"{name} {DEFAULT_KEYS[name].key.default:g} (sample file: {SAMPLE_VALUES[name]})" for name in silent)
        differences.add("added", "defaults of the old daemon's code", f"{said}; they hold because the file does not say otherwise")


def _free_name(name: str, taken: Mapping[str, Any]) -> str:
    return next(candidate for candidate in (f"{name}-{number}" for number in range(2, len(taken) + 3)) if candidate not in taken)


def own_document(translation: Translation, old: Document) -> Document:
    """Return the translation as a document of our format whose problems name places of the old file."""
    return Document(values=translation.values, places=translation.places, problems=list(old.problems), is_read=True)
