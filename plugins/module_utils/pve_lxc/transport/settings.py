# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to reach a cluster, as the user said it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# Labels as names have them on the wire (IDNA is ASCII); or an IPv6 address, be it with the interface of a link-local one.
_NAME = re.compile(r"(?=.{1,253}\Z)[\w-]{1,63}(\.[\w-]{1,63})*\.?", re.ASCII)
_IPV6 = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[\w.-]+)?", re.ASCII)


def is_host(text: str) -> bool:
    """Return whether a text can be the name or the address of a machine: ``pve1.example.com`` and ``fe80::1`` can, ``https://pve1`` cannot."""
    return _NAME.fullmatch(text) is not None or _IPV6.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """The API's address and the identity used there; secrets never show in ``repr``.

    Attributes:
        host: name or address, without scheme and port.
        port: 8006 on every Proxmox VE.
        user: with its realm, for example ``automation@pve``; may be empty when ``token_id`` holds it.
        token_id: ``id`` or ``user@realm!id``; empty to log in with the password.
        token_secret: the token's secret.
        password: the user's password.
        otp: a code of the second factor, good for one login.
        ca_path: file with the certificate authority, empty for the system's.
        validate_certs: False turns verification off; a fingerprint is checked even then.
        fingerprint: SHA-256 of the certificate, with or without colons; pins it instead of verifying the chain.
        timeout_seconds: overall deadline of one call, retries included.
        connect_timeout_seconds: for one TCP and TLS handshake.
        retries: how often a read, or a write that was certainly not sent, is tried again.
    """

    host: str
    port: int = 8006
    user: str = ""
    token_id: str = ""
    token_secret: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    otp: str = field(default="", repr=False)
    ca_path: str = ""
    validate_certs: bool = True
    fingerprint: str = ""
    timeout_seconds: float = 30.0
    connect_timeout_seconds: float = 5.0
    retries: int = 3
