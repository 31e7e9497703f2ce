# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real sshd on a loopback port, with its own configuration and keys, whose sessions find the simulated node's commands first in PATH.

It needs no root: it serves the user who started it. The session's HOME is empty, so that nothing of the user's shell start-up is in the way.
"""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from .node import NodeSettings

COMMANDS = ("pct", "pvesh", "sudo", "uname", "cat")
START_TIMEOUT_SECONDS = 20.0
STOP_TIMEOUT_SECONDS = 10.0
POLL_SECONDS = 0.02
CONFIGURATION = """Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile {folder}/sshd.pid
AuthorizedKeysFile {folder}/authorized_keys
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PrintMotd no
LogLevel VERBOSE
SetEnv PATH={folder}/bin:/usr/bin:/bin HOME={folder}/home
"""


class SshdError(Exception):
    """sshd is missing or did not start."""


def write_commands(folder: Path, settings: NodeSettings) -> Path:
    """Put the node's commands into ``folder/bin`` and return that folder."""
    settings.write(folder / "node.json")
    commands = folder / "bin"
    commands.mkdir(exist_ok=True)
    package = Path(__file__).resolve().parent
    for name in COMMANDS:
        words = shlex.join([sys.executable, "-I", "-S", str(package), str(folder / "node.json"), name])
        (commands / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
        (commands / name).chmod(0o755)
    return commands


class Sshd:
    """One sshd for one simulated node; use it as a context.

    Attributes:
        host: 127.0.0.1.
        port: where it listens.
        user: whom to log in as.
        key_file: a private key that it accepts.
        known_hosts: a file with its host key.
    """

    def __init__(self, folder: Path, settings: NodeSettings) -> None:
        """Start it in an empty folder and wait until it listens.

        Raises:
            SshdError: it is not installed, or ended before it listened.
        """
        self._folder = folder
        self.host = "127.0.0.1"
        self.port = _free_port()
        self.user = getpass.getuser()
        self.key_file = str(folder / "user_key")
        self.known_hosts = str(folder / "known_hosts")
        daemon = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if daemon is None or shutil.which("ssh-keygen") is None:
            raise SshdError("sshd is not here; as root: apt-get install -y --no-install-recommends openssh-server")
        write_commands(folder, settings)
        self._write_keys()
        (folder / "home").mkdir()
        (folder / "sshd_config").write_text(CONFIGURATION.format(port=self.port, folder=folder), encoding="utf-8")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        # The path of the configuration must be absolute: sshd starts itself anew for each connection, from another folder.
        command = [daemon, "-D", "-f", str(folder / "sshd_config"), "-E", str(folder / "sshd.log")]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self._wait_until_listening()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop it."""
        self.stop()

    def change_node(self, settings: NodeSettings) -> None:
        """Let the commands that start from now on run on another node, or with other rights."""
        settings.write(self._folder / "node.json")

    def log(self) -> str:
        """Return what it wrote."""
        path = self._folder / "sshd.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """End it, sessions included; a second call does nothing."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _write_keys(self) -> None:
        for name in ("host_key", "user_key"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(self._folder / name)]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        shutil.copyfile(self._folder / "user_key.pub", self._folder / "authorized_keys")
        key = (self._folder / "host_key.pub").read_text(encoding="utf-8")
        Path(self.known_hosts).write_text(f"[{self.host}]:{self.port} {key}", encoding="utf-8")

    def _wait_until_listening(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while True:
            if self._process.poll() is not None:
                raise SshdError(f"sshd ended with code {self._process.returncode}:\n{self.log()}")
            try:
                socket.create_connection((self.host, self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise SshdError(f"sshd did not listen within {START_TIMEOUT_SECONDS:g} s:\n{self.log()}") from None
                time.sleep(POLL_SECONDS)


def _free_port() -> int:
    """Return a port that nobody listens on at this moment; sshd cannot choose one itself."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
