# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One room for all tests of a file: a node, and processes of the real command line."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def shared_room(tmp_path_factory):
    from support.safety.loop_room import loop_room

    with loop_room(tmp_path_factory.mktemp("room")) as room:
        yield room


@pytest.fixture
def room(shared_room):
    shared_room.begin()
    return shared_room
