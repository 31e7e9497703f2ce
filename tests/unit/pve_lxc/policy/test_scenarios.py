# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every file of tests/scenarios is one situation and what the policy must decide in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "scenarios"
SCENARIOS = sorted(FOLDER.glob("*.json"))


def test_there_are_scenarios():
    assert len(SCENARIOS) >= 45


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_policy_decides_as_the_scenario_says(path):
    from pve_lxc.model.rootfs import format_disk_size
    from support.situations import build_situation

    scenario = json.loads(path.read_text(encoding="utf-8"))
    situation = build_situation(scenario)
    decisions = situation.decide()
    assert scenario["about"]
    for vmid, expected in situation.expected.items():
        decision = decisions[vmid]
        assert str(decision.reason) == expected["reason"], decision.message
        reasons = [str(reason) for reason in decision.reasons]
        assert set(expected.get("reasons", ())) <= set(reasons), decision.message
        shown = {name: getattr(decision.target, name) for name in expected.get("target", {})} if decision.target else expected.get("target")
        assert shown == expected.get("target", {}), decision.message
        assert decision.message
        size = None if decision.rootfs is None or decision.rootfs.target_bytes is None else format_disk_size(decision.rootfs.target_bytes)
        assert size == expected.get("rootfs"), decision.message
