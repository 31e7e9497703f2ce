# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib

from ci.sanity_step import REQUIRED_TESTS, outcome_of_sanity
from ci.seed_pip import pip_versions
from ci.step import Outcome
from ci.unit_steps import outcome_of_report

ALL_REQUIRED = "".join(f'Running sanity test "{name}"\n' for name in sorted(REQUIRED_TESTS))


def test_outcome_fails_when_less_was_looked_at_than_the_floor() -> None:
    held = Outcome(passed=3, failed=0, looked_at=3, unit="files").held_to(20)
    assert (held.passed, held.failed, held.is_ok) == (3, 1, False)
    assert held.notes == ("only 3 files were looked at, at least 20 were expected",)


def test_outcome_stays_when_the_floor_is_reached() -> None:
    outcome = Outcome(passed=20, failed=0, looked_at=20, unit="files")
    assert outcome.held_to(20) is outcome


def test_outcome_of_nothing_at_all_is_not_ok() -> None:
    assert Outcome(passed=0, failed=0, looked_at=0, unit="tests").is_ok is False


def test_sanity_counts_the_tests_that_ran() -> None:
    output = ALL_REQUIRED + 'Running sanity test "compile" on Python 3.12\n'
    outcome = outcome_of_sanity(output, 0)
    assert (outcome.passed, outcome.failed, outcome.looked_at, outcome.notes) == (9, 0, 9, ())


def test_sanity_counts_failures_from_the_final_line_and_shows_them() -> None:
    output = ALL_REQUIRED + "ERROR: plugins/a.py:1:1: E501: line too long\nFATAL: The 2 sanity test(s) listed below (out of 8) failed.\n"
    outcome = outcome_of_sanity(output, 1)
    assert (outcome.passed, outcome.failed) == (6, 2)
    assert outcome.notes == ("plugins/a.py:1:1: E501: line too long",)


def test_sanity_that_found_nothing_to_test_fails_although_it_ended_well() -> None:
    outcome = outcome_of_sanity("WARNING: All targets skipped.\n", 0)
    assert outcome.is_ok is False
    assert "ansible-test found nothing to test" in outcome.notes


def test_sanity_fails_when_a_required_test_did_not_run() -> None:
    outcome = outcome_of_sanity(ALL_REQUIRED.replace('Running sanity test "validate-modules"\n', ""), 0)
    assert (outcome.failed, outcome.notes) == (1, ("did not run: validate-modules",))


def test_unit_report_counts_a_skipped_test_as_failed(tmp_path: pathlib.Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite name="pytest" errors="1" failures="2" skipped="1" tests="10"/></testsuites>', encoding="utf-8")
    outcome = outcome_of_report(report)
    assert (outcome.passed, outcome.failed, outcome.looked_at) == (6, 4, 10)


def test_unit_report_that_was_never_written_is_a_failure(tmp_path: pathlib.Path) -> None:
    assert outcome_of_report(tmp_path / "absent.xml").failed == 1


def test_pip_versions_are_read_from_the_source_of_ansible_test() -> None:
    assert pip_versions("""return dict(pip='24.2')\nreturn dict(pip="23.1.2")\nreturn dict(pip='24.2')""") == ["23.1.2", "24.2"]
