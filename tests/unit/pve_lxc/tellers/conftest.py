# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures: a certificate that is signed by an authority of our own."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def authority():
    import trustme

    return trustme.CA()


@pytest.fixture(scope="session")
def certificate(authority):
    return authority.issue_cert("127.0.0.1")


@pytest.fixture(scope="session")
def ca_path(authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)
