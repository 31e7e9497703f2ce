# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated cluster, and the command line of its first node in this process; the paths come from tests/unit/conftest.py."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    from harness import Simulator

    options = {"auth_delay": 0.05, "task_seconds": 0.02, "wait_scale": 0.01, "seed": 3, "cgroup_root": tmp_path_factory.mktemp("cgroup")}
    with Simulator(nodes=2, containers=6, **options) as running:
        yield running


@pytest.fixture
def runner(simulator):
    from cli.node import NodeSettings
    from support.node_runner import SimulatedNodeRunner

    return SimulatedNodeRunner(NodeSettings.of(simulator))
