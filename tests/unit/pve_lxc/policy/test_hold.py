# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holding a container and letting it go; what older versions wrote; what a damaged file may not do."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

NOW = 1_800_000_000.0


def fresh():
    from pve_lxc.policy.remember import new_memory
    from pve_lxc.policy.settings.policy import PolicySettings

    return new_memory(PolicySettings())


def read(values):
    from pve_lxc.policy.remember import memory_from_dict
    from pve_lxc.policy.settings.policy import PolicySettings

    return memory_from_dict(values, PolicySettings())


def test_a_hold_ends_on_time():
    from pve_lxc.model.reason import Reason
    from pve_lxc.policy.hold import Hold, current_hold, hold

    held = hold(fresh(), Reason.OPERATOR_CHANGED, NOW + 60, since_seconds=NOW - 5)
    assert current_hold(held, NOW + 59) == Hold(Reason.OPERATOR_CHANGED, NOW + 60, NOW - 5)
    assert current_hold(held, NOW + 60) is None
    assert current_hold(fresh(), NOW) is None


def test_a_shorter_hold_never_replaces_a_longer_one():
    from pve_lxc.model.reason import Reason
    from pve_lxc.policy.hold import current_hold, hold

    held = hold(hold(fresh(), Reason.CONTESTED, math.inf, since_seconds=NOW), Reason.OPERATOR_CHANGED, NOW + 86400, since_seconds=NOW + 1)
    assert current_hold(held, NOW + 10**9).reason is Reason.CONTESTED
    longer = hold(hold(fresh(), Reason.OPERATOR_CHANGED, NOW + 60, since_seconds=NOW), Reason.ROLLED_BACK, math.inf, since_seconds=NOW + 1)
    assert current_hold(longer, NOW).reason is Reason.ROLLED_BACK


def test_a_contest_that_goes_on_keeps_its_beginning_and_a_further_change_of_somebody_begins_anew():
    from pve_lxc.model.reason import Reason
    from pve_lxc.policy.hold import hold

    contested = hold(fresh(), Reason.CONTESTED, math.inf, since_seconds=NOW)
    assert hold(contested, Reason.CONTESTED, math.inf, since_seconds=NOW + 3600).hold.since_seconds == NOW
    changed = hold(fresh(), Reason.OPERATOR_CHANGED, NOW + 86400, since_seconds=NOW)
    assert hold(changed, Reason.OPERATOR_CHANGED, NOW + 90000, since_seconds=NOW + 3600).hold.since_seconds == NOW + 3600


def test_a_release_ends_a_contest_and_a_suspected_leak_but_remembers_the_last_kill():
    from pve_lxc.model.reason import Reason
    from pve_lxc.policy.hold import current_hold, hold, release

    memory = fresh()
    memory = replace(memory, memory=replace(memory.memory, oom_times=(NOW - 900, NOW - 600, NOW - 300)))
    released = release(hold(memory, Reason.CONTESTED, math.inf, since_seconds=NOW))
    assert current_hold(released, NOW) is None
    assert released.memory.oom_times == (NOW - 300,)


@pytest.mark.parametrize("until", [NOW + 60, math.inf])
def test_a_hold_survives_being_remembered(until):
    from pve_lxc.model.reason import Reason
    from pve_lxc.policy.hold import Hold, hold
    from pve_lxc.policy.remember import memory_to_dict

    text = json.dumps(memory_to_dict(hold(fresh(), Reason.ROLLED_BACK, until, since_seconds=NOW - 5)), allow_nan=False)
    assert read(json.loads(text)).hold == Hold(Reason.ROLLED_BACK, until, NOW - 5)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, None),
        ({"hold": None}, None),
        ({"paused_until_seconds": 0.0}, None),
        ({"paused_until_seconds": NOW}, ("operator_changed", NOW)),
        ({"paused_until_seconds": True}, None),
        ({"paused_until_seconds": "soon"}, None),
        ({"hold": {"reason": "contested", "until_seconds": None}}, ("contested", math.inf)),
        ({"hold": {"reason": "a_reason_of_tomorrow", "until_seconds": NOW}}, ("operator_changed", NOW)),
        ({"hold": {"reason": "rolled_back", "until_seconds": "soon"}}, ("rolled_back", math.inf)),
        ({"hold": {"reason": "rolled_back", "until_seconds": NOW, "since_seconds": "long ago"}}, ("rolled_back", NOW)),
        ({"hold": {}}, ("operator_changed", math.inf)),
    ],
)
def test_an_older_or_damaged_memory_never_lets_a_held_container_go(values, expected):
    held = read(values).hold
    assert (held and (str(held.reason), held.until_seconds)) == expected
    assert held is None or held.since_seconds is None


def test_the_sentence_says_for_how_long_or_how_it_ends():
    from pve_lxc.model.reason import Reason
    from pve_lxc.policy.hold import Hold, describe_hold

    assert describe_hold(Hold(Reason.OPERATOR_CHANGED, NOW + 10800), 101, NOW) == "somebody changed it; their values are kept for 3.0 h more"
    assert describe_hold(Hold(Reason.ROLLED_BACK, math.inf), 101, NOW) == "it was rolled back; what it has is kept until `lxc-autoscale release 101`"
