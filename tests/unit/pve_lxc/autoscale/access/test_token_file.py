# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file with the token's secret."""

from __future__ import annotations

import os
import stat

import pytest
from pve_lxc.autoscale.access.token_file import is_private, make_private, read_token_file, write_token_file
from pve_lxc.errors import CommandError, StateError

SECRET = "0f8fad5b-d9cb-469f-a165-70867728950e"


def mode_of(path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_what_is_written_is_read_and_nobody_else_may(tmp_path):
    old = os.umask(0)
    try:
        write_token_file(str(tmp_path / "token"), lambda: SECRET)
    finally:
        os.umask(old)
    assert read_token_file(str(tmp_path / "token")) == SECRET
    assert (mode_of(tmp_path / "token"), is_private(str(tmp_path / "token"))) == (0o600, True)
    assert os.listdir(tmp_path) == ["token"]


def test_no_secret_is_made_where_it_could_not_be_written(tmp_path):
    made = []
    with pytest.raises(StateError, match="no token was made"):
        write_token_file(str(tmp_path / "missing" / "token"), lambda: made.append(1) or SECRET)
    assert made == []


def test_a_failing_pveum_leaves_the_old_file(tmp_path):
    (tmp_path / "token").write_text(SECRET)

    def fail() -> str:
        raise CommandError("pveum failed")

    with pytest.raises(CommandError):
        write_token_file(str(tmp_path / "token"), fail)
    assert read_token_file(str(tmp_path / "token")) == SECRET
    assert os.listdir(tmp_path) == ["token"]


def test_a_new_secret_that_cannot_be_kept_takes_the_old_file_along(tmp_path, monkeypatch):
    # The old secret is dead in Proxmox: a file that looks good would keep the role from making another.
    (tmp_path / "token").write_text(SECRET)

    def refuse(*dummy: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StateError, match="No space left"):
        write_token_file(str(tmp_path / "token"), lambda: SECRET)
    assert os.listdir(tmp_path) == []


def test_what_a_killed_run_left_behind_is_written_over(tmp_path):
    (tmp_path / "token.new").write_text("half")
    write_token_file(str(tmp_path / "token"), lambda: SECRET)
    assert os.listdir(tmp_path) == ["token"]


@pytest.mark.parametrize("content", ["", "hello", SECRET[:-1], SECRET + "x"])
def test_what_is_no_secret_counts_as_none(tmp_path, content):
    (tmp_path / "token").write_text(content)
    assert read_token_file(str(tmp_path / "token")) == ""


def test_a_missing_file_holds_no_secret_and_needs_no_protection(tmp_path):
    assert (read_token_file(str(tmp_path / "token")), is_private(str(tmp_path / "token"))) == ("", True)


def test_a_file_that_others_may_read_is_made_private(tmp_path):
    (tmp_path / "token").write_text(SECRET)
    os.chmod(tmp_path / "token", 0o644)
    assert is_private(str(tmp_path / "token")) is False
    make_private(str(tmp_path / "token"))
    assert mode_of(tmp_path / "token") == 0o600
