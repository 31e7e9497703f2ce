# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib

import pytest
from ci import packages, places, runner
from ci.command import run_command
from ci.step import Outcome, Step

ABSENT = {"a-command-that-nobody-has": "a-package"}


@pytest.fixture(autouse=True)
def own_places(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """Keep the logs of these little runs out of the checkout, and never install a package."""
    monkeypatch.setattr(places, "ROOT", tmp_path)
    monkeypatch.setattr(places, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(places, "HOME", tmp_path / "home")
    monkeypatch.setattr(places, "LINK", tmp_path / "link")
    monkeypatch.setattr(packages, "may_install", lambda: False)


def passes(log: pathlib.Path) -> Outcome:
    return Outcome(5, 0, 5, "tests")


def fails(log: pathlib.Path) -> Outcome:
    log.write_text("the reason\n", encoding="utf-8")
    return Outcome(2, 1, 3, "tests")


def breaks(log: pathlib.Path) -> Outcome:
    raise RuntimeError("the check has a mistake")


def test_run_ends_with_the_sums_alone_on_the_last_line(capsys: pytest.CaptureFixture[str]) -> None:
    status = runner.run_steps([Step("one", "unit", passes, 1), Step("two", "unit", passes, 1)], leave_out_what_needs_root=False)
    assert status == 0
    assert capsys.readouterr().out.splitlines()[-1] == "10 passed, 0 failed"


def test_run_goes_on_after_a_failure_and_shows_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    status = runner.run_steps([Step("one", "unit", fails, 1), Step("two", "unit", passes, 1)], leave_out_what_needs_root=False)
    lines = capsys.readouterr().out.splitlines()
    assert status == 1
    assert "    | the reason" in lines
    assert lines[-1] == "7 passed, 1 failed"


def test_run_goes_on_when_a_step_itself_has_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    status = runner.run_steps([Step("one", "unit", breaks, 0), Step("two", "unit", passes, 1)], leave_out_what_needs_root=False)
    lines = capsys.readouterr().out.splitlines()
    assert status == 1
    assert "    | RuntimeError: the check has a mistake" in lines
    assert lines[-1] == "5 passed, 1 failed"


def test_run_without_root_stops_at_a_missing_package_and_says_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    steps = [Step("one", "unit", passes, 1), Step("two", "shell", passes, 1, ABSENT), Step("three", "shell", passes, 1)]
    status = runner.run_steps(steps, leave_out_what_needs_root=False)
    out = capsys.readouterr().out
    assert status == 1
    assert "[2/3] two ... STOPPED. Run as root: apt-get install -y --no-install-recommends a-package" in out
    assert "[3/3]" not in out
    assert out.splitlines()[-1] == "5 passed, 1 failed"


def test_user_run_names_what_it_left_out_and_passes(capsys: pytest.CaptureFixture[str]) -> None:
    steps = [Step("one", "shell", passes, 1, ABSENT), Step("two", "unit", passes, 1)]
    status = runner.run_steps(steps, leave_out_what_needs_root=True)
    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert "left out: one (run as root: apt-get install -y --no-install-recommends a-package)" in lines
    assert lines[-1] == "5 passed, 0 failed"


def test_run_of_no_step_at_all_does_not_pass() -> None:
    assert runner.run_steps([], leave_out_what_needs_root=True) == 1


def test_command_that_hangs_is_stopped_with_its_children(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "log"
    done = run_command(["sh", "-c", "echo begun; sleep 600 & wait"], log, cwd=tmp_path, timeout_seconds=2)
    assert (done.returncode, done.output) == (124, "begun\n")
    assert log.read_text(encoding="utf-8").endswith("[exit status 124, stopped after 2 s]\n")


def test_command_gets_an_empty_input_and_both_outputs_in_one_log(tmp_path: pathlib.Path) -> None:
    done = run_command(["sh", "-c", "cat; echo out; echo err >&2; exit 3"], tmp_path / "log", cwd=tmp_path)
    assert (done.returncode, done.output) == (3, "out\nerr\n")


def test_developers_shell_cannot_change_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROXMOX_HOST", "ANSIBLE_CONFIG", "PYTHONPATH", "GIT_DIR", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "surprise")
    monkeypatch.setenv("PATH", "/opt/manager/shims:/usr/bin")
    environment = places.tool_environment()
    assert "surprise" not in environment.values()
    assert "/opt/manager/shims" not in environment["PATH"].split(":")


def test_step_that_only_root_can_run_is_left_out_for_others_and_runs_for_root(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    step = Step("rooted", "system", passes, 1, needs_root=True)
    monkeypatch.setattr(packages, "is_root", lambda: False)
    assert runner.run_steps([Step("one", "unit", passes, 1), step], leave_out_what_needs_root=True) == 0
    assert "left out: rooted (run as root: make test)" in capsys.readouterr().out.splitlines()
    monkeypatch.setattr(packages, "is_root", lambda: True)
    assert runner.run_steps([step], leave_out_what_needs_root=True) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "5 passed, 0 failed"
