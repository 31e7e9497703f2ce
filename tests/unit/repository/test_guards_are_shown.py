# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/guards.md names what shows each rule: it must be there. And each reason that the policy gives is explained, and has a situation."""

from __future__ import annotations

import json
import pathlib
import re

from pve_lxc.model.reason import Reason

ROOT = pathlib.Path(__file__).resolve().parents[3]
SCENARIOS = ROOT / "tests" / "scenarios"
UNIT = ROOT / "tests" / "unit" / "pve_lxc"
POLICY = ROOT / "plugins" / "module_utils" / "pve_lxc" / "policy"


def rows() -> list[tuple[str, list[str], list[str]]]:
    """Return rule, reasons and witnesses of each row."""
    found = []
    for line in (ROOT / "docs" / "guards.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and cells[0] not in ("rule", "---"):
            found.append((cells[0], re.findall(r"`([^`]+)`", cells[1]), re.findall(r"`([^`]+)`", cells[2])))
    return found


def exists(witness: str) -> bool:
    if "::" not in witness:
        return (SCENARIOS / f"{witness}.json").is_file()
    name, test = witness.split("::")
    path = UNIT / name
    return path.is_file() and f"\ndef {test}(" in path.read_text(encoding="utf-8")


def expected_reasons() -> set[str]:
    """Return every reason that some scenario demands."""
    found = set()
    for path in SCENARIOS.glob("*.json"):
        for container in json.loads(path.read_text(encoding="utf-8"))["containers"]:
            expected = container.get("expect", {})
            found |= {expected.get("reason", ""), *expected.get("reasons", ())}
    return found


def policy_reasons() -> set[str]:
    """Return every reason that a file of the policy names."""
    text = "".join(path.read_text(encoding="utf-8") for path in POLICY.glob("*.py"))
    return {str(Reason[name]) for name in re.findall(r"Reason\.([A-Z_]+)", text)}


def test_all_eighteen_rules_are_there_and_each_is_shown() -> None:
    assert [int(rule.split(".")[0]) for rule, _reasons, _witnesses in rows() if re.match(r"\d+\. ", rule)] == list(range(1, 19))
    assert all(witnesses for _rule, _reasons, witnesses in rows())


def test_every_witness_of_a_guard_exists() -> None:
    named = [witness for _rule, _reasons, witnesses in rows() for witness in witnesses]
    assert len(named) >= 100
    assert [witness for witness in named if not exists(witness)] == []


def test_every_reason_of_a_guard_exists() -> None:
    named = {reason for _rule, reasons, _witnesses in rows() for reason in reasons}
    assert named - {str(reason) for reason in Reason} == set()
    assert len(named) >= 30


def test_every_reason_that_the_policy_gives_has_a_scenario() -> None:
    assert len(policy_reasons()) >= 40
    assert policy_reasons() - expected_reasons() == set()


def test_every_reason_that_the_policy_gives_is_explained() -> None:
    explained = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8") + (ROOT / "docs" / "guards.md").read_text(encoding="utf-8")
    done = {"grow_cpu", "grow_memory", "shrink_cpu", "shrink_memory", "oom_answered"}
    assert {reason for reason in policy_reasons() if f"`{reason}`" not in explained} <= done
