# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Less memory for a running container where the way to Proxmox can measure what it needs, and where it cannot."""

from __future__ import annotations

import pytest
from pve_lxc.operations.request import parse_requests
from pve_lxc.operations.resize import resize_containers


def resize(backend, **options):
    return resize_containers(backend, parse_requests(options))[0]


@pytest.fixture
def measured(backend):
    """A container that shows 100 MiB over the API and needs 400 MiB, of which 300 are shared memory."""
    backend.add(101, memory=1024, mem_mib=100)
    backend.working_sets_mib[101] = 400.0
    return backend


def test_shrink_above_the_working_set_and_its_headroom_is_written(measured):
    outcome = resize(measured, vmid=101, memory="452")
    assert (outcome.is_failed, outcome.is_changed, outcome.after.memory_mib) == (False, True, 452)


def test_shrink_into_the_headroom_is_refused_with_the_working_set_in_the_message(measured):
    outcome = resize(measured, vmid=101, memory="451")
    assert (outcome.is_failed, outcome.reason.value) == (True, "below_working_set")
    assert (
        outcome.message
        == "memory is not lowered from 1024 to 451 MiB: its working set is 400 MiB, too close to 451 MiB. Stop the container first, or give force"
    )
    assert measured.writes == []


def test_shrink_is_refused_as_before_where_nobody_can_measure(backend):
    backend.add(101, memory=1024, mem_mib=100)
    outcome = resize(backend, vmid=101, memory="512")
    assert (outcome.is_failed, outcome.reason.value) == (True, "shmem_unknown")


def test_growing_and_forcing_measure_nothing(measured):
    resize(measured, vmid=101, memory="2048")
    resize(measured, vmid=101, memory="512", force=True)
    assert ("read_working_set_mib", 101) not in measured.calls
