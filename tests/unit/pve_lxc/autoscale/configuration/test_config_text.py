# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration file that cannot be had: every command says which one, on which machine, and what to do, in words of ours."""

from __future__ import annotations

import io
import os
import socket

import pytest

ADVICE = "name another with --config, or write one: docs/configuration.md begins with one that is enough"
COMMANDS = [("run", "--config"), ("recommend", "--config"), ("check-config", "--config"), ("status", "--config"), ("explain", "101", "--config")]


def said(*arguments):
    from pve_lxc.cli import main

    out, err = io.StringIO(), io.StringIO()
    return main(arguments, out=out, err=err), err.getvalue()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_missing_file_is_named_with_its_machine_and_what_to_do(command, tmp_path):
    path = tmp_path / "none.yaml"
    code, text = said(*command, str(path))
    assert code == 2
    assert f"  the file: there is no file {path} on the machine {socket.gethostname()}; {ADVICE}\n" in text
    assert "Errno" not in text


def test_relative_name_is_shown_as_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert f"there is no file {tmp_path / 'loop.yaml'} on the machine" in said("check-config", "--config", "loop.yaml")[1]


def test_folder_is_called_one(tmp_path):
    assert f"{tmp_path} on the machine {socket.gethostname()} is a folder; {ADVICE}" in said("check-config", "--config", str(tmp_path))[1]


def test_file_that_this_user_may_not_read_is_said_with_the_user(tmp_path):
    path = tmp_path / "secret.yaml"
    path.write_text("mode: apply\n", encoding="utf-8")
    path.chmod(0)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)
        code, text = said("check-config", "--config", str(path))
        expected = f"the user with the id {os.geteuid()} may not read {path} on the machine {socket.gethostname()}; run this as root"
    finally:
        os.seteuid(user)
    assert (code, expected in text) == (2, True)


def test_file_in_another_encoding_is_named_with_the_byte_that_shows_it(tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes("# Größe\n".encode("latin-1"))
    assert f"{path} on the machine {socket.gethostname()} is no text in UTF-8 (its byte 5 is 0xf6); save it as UTF-8" in said("run", "--config", str(path))[1]


@pytest.mark.parametrize(("name", "reason"), [("x" * 300, "File name too long"), ("a\0b", "embedded null byte")])
def test_name_that_no_file_can_have_is_said_to_be_unreadable(name, reason):
    assert f"cannot be read: {reason}" in said("check-config", "--config", name)[1]


def test_migration_of_a_file_that_is_not_there_says_where_the_old_one_lies(tmp_path):
    code, text = said("migrate-config", str(tmp_path / "old.yaml"))
    assert code == 2
    assert f"there is no file {tmp_path / 'old.yaml'} on the machine" in text
    assert "name LXC AutoScale's own file: its installer puts it at /etc/lxc_autoscale/lxc_autoscale.yaml" in text


def test_run_says_once_what_is_wrong_and_that_nobody_could_be_told(tmp_path):
    code, text = said("run", "--config", str(tmp_path / "none.yaml"))
    assert (code, text.count("there is no file")) == (2, 1)
    assert "lxc-autoscale: notice: nobody could be told, because that file says who is to be\n" in text
