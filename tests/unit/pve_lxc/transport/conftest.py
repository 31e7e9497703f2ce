# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures around support/scripted_server.py, which needs the paths that tests/unit/conftest.py sets up."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session")
def certificate_authority() -> Any:
    import trustme

    return trustme.CA()


@pytest.fixture
def start_server(certificate_authority: Any, tmp_path: Any) -> Any:
    from support.scripted_server import start_scripted_server

    listeners = []

    def start(*script: Any, identity: str = "127.0.0.1") -> Any:
        listener, server = start_scripted_server(certificate_authority, tmp_path, list(script), identity)
        listeners.append((listener, server))
        return server

    yield start
    for listener, server in listeners:
        server.hold.set()
        listener.shutdown()
        listener.server_close()


@pytest.fixture
def clock() -> Any:
    from support.scripted_server import ManualClock

    return ManualClock()
