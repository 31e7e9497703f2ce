# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of request parameters, with the texts of PVE::JSONSchema.

Texts recorded on PVE 9.2.11, fixtures pve9/config_put_bad.json, clone.json, resize.json, misc.json and nextid.json.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .answer import parameter_error

UNKNOWN_TEXT = "property is not defined in schema and the schema does not allow additional properties"
MISSING_TEXT = "property is missing and it is not optional"

KIND_PATTERNS = {
    "integer": re.compile(r"[+-]?[0-9]+"),
    "number": re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"),
    "boolean": re.compile(r"[01]"),
}
VMID_PATTERN = re.compile(r"[1-9][0-9]{2,8}")
DNS_LABEL_PATTERN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
CONFIG_ID_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9_-]+")
TAG_PATTERN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_\-+.]*")


@dataclass(frozen=True)
class Parameter:
    """One parameter of one call.

    Attributes:
        kind: ``integer``, ``number``, ``boolean``, ``string``, or ``array``, which becomes a text with commas.
        required: whether the call fails without it.
        minimum: lowest value of a number, None for no bound.
        maximum: highest value of a number, None for no bound.
        max_length: longest text in characters, None for no bound.
        choices: the allowed values, empty for any.
        pattern: the whole text must match it, None for any.
        check: returns what is wrong with a text, or None.
    """

    kind: str = "string"
    required: bool = False
    minimum: int | None = None
    maximum: int | None = None
    max_length: int | None = None
    choices: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    check: Callable[[str], str | None] | None = None


def check_vmid(text: str) -> str | None:
    """Return what is wrong with a guest id."""
    return None if VMID_PATTERN.fullmatch(text) else "invalid format - value does not look like a valid VM ID\n"


def check_dns_name(text: str) -> str | None:
    """Return what is wrong with a host name."""
    good = bool(text) and all(DNS_LABEL_PATTERN.fullmatch(label) for label in text.split("."))
    return None if good else "invalid format - value does not look like a valid DNS name\n"


def check_config_id(text: str) -> str | None:
    """Return what is wrong with a configuration id such as a snapshot's name."""
    return None if CONFIG_ID_PATTERN.fullmatch(text) else f"invalid format - invalid configuration ID '{text}'\n"


def split_tags(text: str) -> list[str]:
    """Return the tags of a text that separates them by semicolons, commas or spaces."""
    return [tag for tag in re.split(r"[;, \s]+", text) if tag]


def check_tags(text: str) -> str | None:
    """Return what is wrong with a list of tags."""
    good = all(TAG_PATTERN.fullmatch(tag) for tag in split_tags(text))
    return None if good else "invalid format - invalid characters in tag\n"


VMID = Parameter("integer", required=True, check=check_vmid)
FLAG = Parameter("boolean")
TEXT = Parameter()
COUNT = Parameter("integer", minimum=0)


def _type_error(kind: str, value: object) -> str | None:
    """Return the complaint about a value's type, or None."""
    if isinstance(value, (list, dict)):
        return f"type check ('{kind}') failed - got {'ARRAY' if isinstance(value, list) else 'HASH'}"
    if isinstance(value, bool):
        return None if kind == "boolean" else f"type check ('{kind}') failed - got '{int(value)}'"
    text = str(value)
    pattern = KIND_PATTERNS.get(kind)
    return None if pattern is None or pattern.fullmatch(text) else f"type check ('{kind}') failed - got '{text}'"


def _value_error(parameter: Parameter, text: str) -> str | None:
    """Return the complaint about a value of the right type, or None."""
    if parameter.check is not None and (complaint := parameter.check(text)) is not None:
        return complaint
    if parameter.kind in ("integer", "number"):
        if parameter.minimum is not None and float(text) < parameter.minimum:
            return f"value must have a minimum value of {parameter.minimum}"
        if parameter.maximum is not None and float(text) > parameter.maximum:
            return f"value must have a maximum value of {parameter.maximum}"
    if parameter.max_length is not None and len(text) > parameter.max_length:
        return f"value may only be {parameter.max_length} characters long"
    if parameter.pattern is not None and not parameter.pattern.fullmatch(text):
        return "value does not match the regex pattern"
    if parameter.choices and text not in parameter.choices:
        return f"value '{text}' does not have a value in the enumeration '{', '.join(parameter.choices)}'"
    return None


def verify(given: Mapping[str, object], allowed: Mapping[str, Parameter]) -> dict[str, str]:
    """Return the parameters as texts, booleans as ``0`` or ``1``.

    Raises:
        ApiError: 400 with every bad, unknown and missing parameter in ``errors``.
    """
    errors: dict[str, str] = {}
    values: dict[str, str] = {}
    for name, value in given.items():
        parameter = allowed.get(name)
        if parameter is None:
            errors[name] = UNKNOWN_TEXT
            continue
        if parameter.kind == "array":
            value = ",".join(map(str, value)) if isinstance(value, list) else value
        complaint = _type_error(parameter.kind, value)
        text = str(int(value)) if isinstance(value, bool) else str(value)
        complaint = complaint or _value_error(parameter, text)
        if complaint is not None:
            errors[name] = complaint
        values[name] = text
    for name, parameter in allowed.items():
        if parameter.required and name not in given:
            errors[name] = MISSING_TEXT
    if errors:
        raise parameter_error(errors)
    return values
