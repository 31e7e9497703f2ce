# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate of this node's API, handed over by systemd: it is pinned instead of verified, afresh at each start.

Everything below ``/etc/pve`` belongs to root, so the service cannot read the cluster's authority, and a certificate of the operator's own is
not signed by it. The unit hands over ``/etc/pve/local/pve-ssl.pem`` as ``cert`` and, where it exists, ``pveproxy-ssl.pem`` as ``cert-custom``,
which pveproxy then presents (Proxmox VE Administration Guide, "Certificate Management"). A renewal needs no new deployment.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

# The first that holds a certificate counts. The unit's SetCredential=cert-custom:none stands for "there is none".
CREDENTIALS = ("cert-custom", "cert")
# The same two files where root can read them.
NODE_FILES = ("/etc/pve/local/pveproxy-ssl.pem", "/etc/pve/local/pve-ssl.pem")

# A file may hold a whole chain; the server's own certificate comes first.
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


def read_pin(environment: Mapping[str, str]) -> str:
    """Return the SHA-256 fingerprint of the certificate among systemd's credentials, empty without one."""
    folder = environment.get("CREDENTIALS_DIRECTORY", "")
    return read_fingerprint([str(Path(folder) / name) for name in CREDENTIALS]) if folder else ""


def read_fingerprint(paths: list[str] | tuple[str, ...]) -> str:
    """Return the fingerprint of the first of these files that holds a certificate, empty when none does."""
    for path in paths:
        try:
            text = Path(path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        fingerprint = fingerprint_of(text)
        if fingerprint:
            return fingerprint
    return ""


def fingerprint_of(text: str) -> str:
    """Return the SHA-256 of the first certificate in a PEM text, as 64 hexadecimal digits; empty when it holds none."""
    found = _CERTIFICATE.search(text)
    if found is None:
        return ""
    try:
        return hashlib.sha256(base64.b64decode("".join(found.group(1).split()), validate=True)).hexdigest()
    # What stands between the two lines is not base64.
    except ValueError:
        return ""
