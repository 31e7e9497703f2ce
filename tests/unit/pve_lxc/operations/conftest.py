# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures around support/fake_backend.py, which needs the paths that tests/unit/conftest.py sets up."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def backend() -> Any:
    """A cluster of pve1 and pve2 on cgroup 2, without containers."""
    from support.fake_backend import FakeBackend

    return FakeBackend()


@pytest.fixture
def old_backend() -> Any:
    """The same on cgroup 1."""
    from support.fake_backend import FakeBackend

    return FakeBackend(cgroup_mode=1)
