# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A clone's network: the source's own net0 with what was asked to be different, checked and written as Proxmox writes it: pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import Problem
from ..units import format_number

_WORDS_OF_IP = ("dhcp", "manual")
_WORDS_OF_IP6 = ("auto", "dhcp", "manual")

_HWADDR = re.compile(r"^[0-9A-F][02468ACE](:[0-9A-F]{2}){5}$")
_BRIDGE = re.compile(r"^[A-Za-z][A-Za-z0-9_.-]{0,39}$")


def _address(value: str, *, version: int, words: tuple[str, ...] = ()) -> str:
    if value.lower() in words:
        return value.lower()
    message = (
        f"allowed are an IPv{version} address with its prefix length, as in {'192.0.2.10/24' if version == 4 else '2001:db8::10/64'}, and {', '.join(words)}"
    )
    try:
        interface = ipaddress.ip_interface(value)
    except ValueError:
        raise ValueError(message) from None
    if interface.version != version or "/" not in value:
        raise ValueError(message)
    return value


def _gateway(value: str, *, version: int) -> str:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        raise ValueError(f"allowed is an IPv{version} address without a prefix length") from None
    if address.version != version:
        raise ValueError(f"allowed is an IPv{version} address without a prefix length")
    return value


def _hwaddr(value: str) -> str:
    shown = value.upper().replace("-", ":")
    if not _HWADDR.match(shown):
        raise ValueError("allowed is a unicast MAC address as in BC:24:11:00:00:01")
    return shown


def _bridge(value: str) -> str:
    if not _BRIDGE.match(value):
        raise ValueError("no name of a bridge, as in vmbr0")
    return value


def _whole(value: str, low: int, high: int) -> str:
    if not value.isdigit() or not low <= int(value) <= high:
        raise ValueError(f"allowed are whole numbers from {low} to {high}")
    return str(int(value))


def _rate(value: str) -> str:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if number < 0:
        raise ValueError("allowed is a number of megabytes per second, 0 or more")
    return format_number(number)


# Option and key of net0 -> how it is written. Source: PVE::LXC::Config, $netconf_desc.
NETWORK_KEYS: dict[str, Callable[[str], str]] = {
    "bridge": _bridge,
    "hwaddr": _hwaddr,
    "ip": lambda value: _address(value, version=4, words=_WORDS_OF_IP),
    "gw": lambda value: _gateway(value, version=4),
    "ip6": lambda value: _address(value, version=6, words=_WORDS_OF_IP6),
    "gw6": lambda value: _gateway(value, version=6),
    "tag": lambda value: _whole(value, 1, 4094),
    "mtu": lambda value: _whole(value, 64, 65535),
    "rate": _rate,
    "firewall": lambda value: str(int(value.lower() in ("true", "1", "yes"))),
}


def parse_network(given: Mapping[str, Any] | None, place: str, problems: list[Problem]) -> dict[str, str]:
    """Return the keys of net0 that are to be different; what is wrong is added to ``problems``.

    ``{"ip": "192.0.2.10/24", "tag": 7}`` is ``{"ip": "192.0.2.10/24", "tag": "7"}``. None and empty values are not given.
    """
    changes = {}
    for key, write in NETWORK_KEYS.items():
        value = (given or {}).get(key)
        if value is None or value == "":
            continue
        try:
            changes[key] = write(str(value).strip())
        except ValueError as error:
            problems.append(Problem(f"{place}.{key}", str(value), str(error)))
    return changes


def change_net0(net0: str, changes: Mapping[str, str]) -> str:
    """Return net0 with these keys changed, everything else and the order as it was.

    ``name=eth0,bridge=vmbr0,ip=192.0.2.9/24`` with ``{"ip": "dhcp"}`` is ``name=eth0,bridge=vmbr0,ip=dhcp``. A gateway goes with its
    address: Proxmox refuses one beside ``dhcp``, ``auto`` and ``manual``.
    """
    keys = parse_net(net0)
    for address, gateway in (("ip", "gw"), ("ip6", "gw6")):
        if changes.get(address, "").isalpha() and gateway not in changes:
            keys.pop(gateway, None)
    return format_net({**keys, **changes})


def parse_net(text: str) -> dict[str, str]:
    """Return the keys of ``name=eth0,bridge=vmbr0`` in their order."""
    return dict(part.partition("=")[::2] for part in text.split(",") if part)


def format_net(keys: Mapping[str, str]) -> str:
    """Return ``name=eth0,bridge=vmbr0``."""
    return ",".join(f"{key}={value}" for key, value in keys.items())


def static_addresses(net: str) -> tuple[str, ...]:
    """Return the fixed addresses of an interface: ``name=eth0,ip=192.0.2.9/24,ip6=auto`` has ``("192.0.2.9/24",)``."""
    keys = parse_net(net)
    return tuple(keys[key] for key in ("ip", "ip6") if "/" in keys.get(key, ""))


def wants_address(values: Mapping[str, Any]) -> bool:
    """Return whether any interface of a configuration is given an address by Proxmox or by the network.

    ``manual`` and no ``ip`` at all leave it to the container, so that nobody can tell what to wait for.
    """
    for key, text in values.items():
        if re.fullmatch(r"net\d+", key):
            keys = parse_net(str(text))
            if any(keys.get(address, "manual") != "manual" for address in ("ip", "ip6")):
                return True
    return False
