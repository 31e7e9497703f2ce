# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator's certificate: an authority of its own and a server certificate for the loopback and the nodes, made by trustme."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterable
from pathlib import Path

import trustme


def make_server_context(ca_path: Path, certificate_path: Path, names_of_server: Iterable[str]) -> tuple[ssl.SSLContext, str]:
    """Write both certificates and return the server's TLS context and SHA-256 fingerprint, ``AA:BB:...``."""
    authority = trustme.CA()
    names = dict.fromkeys(("127.0.0.1", "localhost", *names_of_server))
    certificate = authority.issue_cert(*names)
    authority.cert_pem.write_to_path(str(ca_path))
    certificate.cert_chain_pems[0].write_to_path(str(certificate_path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    encoded = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
    digest = hashlib.sha256(encoded).hexdigest().upper()
    return context, ":".join(digest[place : place + 2] for place in range(0, len(digest), 2))
