# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SshRunner against a real sshd: host keys, logging in, both streams, quoting, deadlines, lost connections."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from cli.node import NodeSettings
from cli.sshd import Sshd
from pve_lxc.errors import CommandError, RequestError
from pve_lxc.transport.local import LocalRunner
from pve_lxc.transport.ssh import SshRunner
from pve_lxc.transport.ssh_login import SshSettings

NOWHERE = NodeSettings(host="127.0.0.1", port=9, ca_path="", authorization="", node="pve1")


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    with Sshd(tmp_path_factory.mktemp("sshd"), NOWHERE) as daemon:
        yield daemon


@pytest.fixture
def settings(sshd):
    return SshSettings(host=sshd.host, port=sshd.port, user=sshd.user, key_file=sshd.key_file, known_hosts=sshd.known_hosts)


@pytest.fixture
def runner(settings):
    made = SshRunner(settings)
    yield made
    made.close()


def failure_of(settings: SshSettings) -> CommandError:
    with pytest.raises(CommandError) as caught:
        SshRunner(settings).run(["true"], 20)
    assert caught.value.is_started is False
    return caught.value


def new_key(folder: pathlib.Path, name: str, passphrase: str = "") -> pathlib.Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(folder / name)], check=True, stdin=subprocess.DEVNULL)
    return folder / name


@pytest.mark.parametrize("make", [LocalRunner, None], ids=["local", "ssh"])
def test_exit_code_and_both_streams_come_back_apart(runner, make):
    used = make() if make else runner
    assert used.run(["sh", "-c", "echo out; echo err >&2; exit 3"], 10) == (3, "out\n", "err\n")


@pytest.mark.parametrize("make", [LocalRunner, None], ids=["local", "ssh"])
def test_a_megabyte_on_both_streams_at_once_blocks_nothing(runner, make):
    used = make() if make else runner
    script = "i=0; while [ $i -lt 64 ]; do head -c 16384 /dev/zero | tr '\\0' a; head -c 16384 /dev/zero | tr '\\0' b >&2; i=$((i+1)); done"
    exit_code, output, error_output = used.run(["sh", "-c", script], 30)
    assert (exit_code, len(output), len(error_output)) == (0, 1048576, 1048576)
    assert (set(output), set(error_output)) == ({"a"}, {"b"})


@pytest.mark.parametrize("make", [LocalRunner, None], ids=["local", "ssh"])
def test_arguments_arrive_word_for_word_and_the_language_is_c(runner, make):
    used = make() if make else runner
    words = ["two words", "$HOME", "`id`", "a'b", 'c"d', "*", "; exit 9", ""]
    assert used.run(["printf", "%s|", *words], 10)[1] == "two words|$HOME|`id`|a'b|c\"d|*|; exit 9||"
    assert used.run(["sh", "-c", "echo $LC_ALL"], 10)[1] == "C\n"


@pytest.mark.parametrize("make", [LocalRunner, None], ids=["local", "ssh"])
def test_command_that_reads_its_input_gets_none(runner, make):
    used = make() if make else runner
    assert used.run(["wc", "-c"], 10)[1].strip() == "0"


@pytest.mark.parametrize("make", [LocalRunner, None], ids=["local", "ssh"])
def test_deadline_ends_the_waiting_and_says_that_the_command_may_go_on(runner, make):
    used = make() if make else runner
    with pytest.raises(CommandError) as caught:
        used.run(["sleep", "5"], 0.3)
    assert (caught.value.is_deadline, caught.value.is_started, caught.value.exit_code) == (True, True, None)
    assert "did not end within 0.3 s" in str(caught.value)


def test_command_that_is_not_there_is_told(runner):
    with pytest.raises(CommandError) as caught:
        LocalRunner().run(["no-such-command"], 5)
    assert caught.value.is_started is False
    assert runner.run(["no-such-command"], 5)[0] == 127


def test_one_connection_serves_many_commands_at_once(sshd, runner):
    before = len(re.findall("Accepted publickey", sshd.log()))
    with ThreadPoolExecutor(max_workers=12) as executor:
        answers = list(executor.map(lambda number: runner.run(["echo", str(number)], 20), range(40)))
    assert [output.strip() for _code, output, _error in answers] == [str(number) for number in range(40)]
    assert len(re.findall("Accepted publickey", sshd.log())) - before == 1


def test_connection_that_died_is_made_anew_for_the_next_command(sshd, runner):
    runner.run(["true"], 10)
    session = runner.run(["sh", "-c", "echo $PPID"], 10)[1].strip()
    with pytest.raises(CommandError) as caught:
        runner.run(["kill", "-9", session], 10)
    assert (caught.value.is_started, caught.value.is_deadline) == (True, False)
    assert runner.run(["echo", "again"], 10)[1] == "again\n"


def test_nagle_is_off(runner):
    import socket

    runner.run(["true"], 10)
    connection = runner._client.get_transport().sock
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_unknown_host_is_refused_and_the_remedy_named(settings, tmp_path):
    (tmp_path / "known_hosts").write_text("")
    error = failure_of(replace(settings, known_hosts=str(tmp_path / "known_hosts")))
    assert "not found in known_hosts" in str(error)
    assert "compare its key on the node and add it to known_hosts" in str(error)


def test_known_hosts_that_does_not_exist_is_an_unknown_host(settings, tmp_path):
    assert "not found in known_hosts" in str(failure_of(replace(settings, known_hosts=str(tmp_path / "none"))))


def test_accept_new_writes_the_key_down_and_refuses_another_one_later(settings, tmp_path):
    known = tmp_path / "ssh" / "known_hosts"
    trusting = replace(settings, known_hosts=str(known), host_key_policy="accept-new")
    assert SshRunner(trusting).run(["echo", "hello"], 10)[1] == "hello\n"
    assert SshRunner(replace(settings, known_hosts=str(known))).run(["true"], 10)[0] == 0
    other = new_key(tmp_path, "other").with_suffix(".pub").read_text().split()
    known.write_text(f"[{settings.host}]:{settings.port} {other[0]} {other[1]}\n")
    assert "is not the one in known_hosts" in str(failure_of(trusting))


def test_wrong_key_is_refused_and_the_remedy_named(settings, tmp_path):
    error = failure_of(replace(settings, key_file=str(new_key(tmp_path, "stranger"))))
    assert "refuses the login" in str(error)
    assert "give ssh_key_file or ssh_password" in str(error)


def test_key_with_a_passphrase_needs_it_and_takes_it(sshd, settings, tmp_path):
    locked = new_key(tmp_path, "locked", "open sesame")
    authorized = pathlib.Path(sshd.key_file).with_name("authorized_keys")
    authorized.write_text(authorized.read_text() + locked.with_suffix(".pub").read_text())
    assert "has a passphrase; give it as ssh_password" in str(failure_of(replace(settings, key_file=str(locked))))
    assert SshRunner(replace(settings, key_file=str(locked), password="open sesame")).run(["echo", "in"], 10)[1] == "in\n"


def test_key_of_an_agent_is_used_when_none_is_named(settings, monkeypatch):
    started = subprocess.run(["ssh-agent", "-s"], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    variables = dict(re.findall(r"^(SSH_[A-Z_]+)=([^;]+);", started, re.MULTILINE))
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", variables["SSH_AUTH_SOCK"])
        subprocess.run(["ssh-add", "-q", settings.key_file], check=True, stdin=subprocess.DEVNULL)
        assert SshRunner(replace(settings, key_file="")).run(["echo", "agent"], 10)[1] == "agent\n"
    finally:
        os.kill(int(variables["SSH_AGENT_PID"]), 15)


def test_nobody_listening_says_so_and_counts_as_not_sent(settings):
    assert "Connection refused" in str(failure_of(replace(settings, port=1)))


def test_password_is_offered_and_never_shown(tmp_path):
    """sshd takes passwords only as root and with PAM, so paramiko's own server stands in for it here."""
    import socket

    import paramiko

    class Door(paramiko.ServerInterface):
        offered: list[str] = []

        def check_auth_password(self, username, password):
            self.offered.append(f"{username}:{password}")
            return paramiko.AUTH_SUCCESSFUL if password == "right" else paramiko.AUTH_FAILED

        def get_allowed_auths(self, username):
            return "password"

    key = paramiko.RSAKey.generate(2048)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        (tmp_path / "known").write_text(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")

        def serve():
            transport = paramiko.Transport(listener.accept()[0])
            transport.add_server_key(key)
            transport.start_server(server=Door())
            transport.join(20)

        threading.Thread(target=serve, daemon=True).start()
        wrong = SshSettings(host="127.0.0.1", port=port, user="operator", password="not-the-password", known_hosts=str(tmp_path / "known"))
        error = failure_of(wrong)
    assert Door.offered == ["operator:not-the-password"]
    assert "not-the-password" not in str(error) + repr(error.args) + repr(wrong)


def test_settings_that_cannot_be_are_all_named_before_anything_is_sent():
    with pytest.raises(RequestError) as caught:
        SshRunner(SshSettings(host="", host_key_policy="accept"))
    assert [problem.place for problem in caught.value.problems] == ["ssh_host", "ssh_user", "ssh_host_key_policy"]
