# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One booted Debian: made and taken away by debctl, reached over ssh as an administrator does."""

from __future__ import annotations

import itertools
import os
import pathlib
import shutil
import subprocess
from collections.abc import Sequence

NODE_FOLDER = pathlib.Path(__file__).resolve().parents[2] / "system" / "node"
COMMANDS = {"mmdebstrap": "mmdebstrap", "systemd-nspawn": "systemd-container", "ip": "iproute2", "ssh": "openssh-client", "nsenter": "util-linux"}
SSH_TIMEOUT_SECONDS = 300.0
# A machine that answers has answered long before; one that does not must not stop a run for long.
CONNECT_TIMEOUT_SECONDS = 5

_numbers = itertools.count(1)


class BootError(Exception):
    """A machine cannot be made here, and what to do about it."""


def require_tools() -> None:
    """Raise when something is missing that a machine needs.

    Raises:
        BootError: with the command to run.
    """
    if os.geteuid() != 0:
        raise BootError("booting a Debian needs root")
    missing = sorted({package for command, package in COMMANDS.items() if shutil.which(command, path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None})
    if missing:
        raise BootError(f"as root: apt-get install -y --no-install-recommends {' '.join(missing)}")


def rootfs_of(suite: str) -> pathlib.Path:
    """Return the folder that machines of a Debian release boot from; the first call builds it, which takes half a minute."""
    done = subprocess.run([str(NODE_FOLDER / "rootfs.sh"), suite], check=True, text=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    return pathlib.Path(done.stdout.strip())


def make_key(folder: pathlib.Path) -> pathlib.Path:
    """Make a key pair and return the private one."""
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(key)], check=True, stdin=subprocess.DEVNULL)
    return key


def take_leftovers_away() -> None:
    """Take machines away whose test run was killed before it could."""
    for state in pathlib.Path("/run/lxcas").glob("lxcas-*-*-*"):
        name, pid, number = state.name.removeprefix("lxcas-").rsplit("-", 2)
        if pid.isdigit() and not pathlib.Path("/proc", pid).exists():
            subprocess.run([str(NODE_FOLDER / "debctl"), "down", f"{name}-{pid}-{number}"], check=True, stdin=subprocess.DEVNULL)


class Machine:
    """One booted Debian.

    Attributes:
        suite: its Debian release, "bookworm" or "trixie".
        hostname: its name, which is also the node's.
        address: of its sshd.
        key: private key that root's account accepts.
        namespace: name of its network namespace, below /run/netns.
    """

    def __init__(self, suite: str, hostname: str, key: pathlib.Path, options: Sequence[str] = ()) -> None:
        """Boot it and wait until systemd has started everything.

        Args:
            suite: Debian release.
            hostname: its name.
            key: private key whose public half lies beside it.
            options: further options of systemd-nspawn.
        """
        self.suite = suite
        self.hostname = hostname
        self.key = key
        self._name = f"{hostname}-{os.getpid()}-{next(_numbers)}"
        self.namespace = f"lxcas-{self._name}"
        try:
            self.address = self._debctl("up", str(rootfs_of(suite)), f"{key}.pub", f"--hostname={hostname}", *options)
        except BaseException:
            self.down()
            raise

    @property
    def ssh_options(self) -> list[str]:
        """Return ssh's options for this machine, whose host key nobody knows."""
        return [
            *("-i", str(self.key), "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
            *("-o", "LogLevel=ERROR", "-o", f"ConnectTimeout={CONNECT_TIMEOUT_SECONDS}"),
        ]

    def run(self, command: str, *, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a shell command as root over ssh; a failure raises with what it said, unless it is to be looked at."""
        words = ["ssh", *self.ssh_options, f"root@{self.address}", command]
        done = subprocess.run(words, check=False, text=True, input=stdin or "", capture_output=True, timeout=SSH_TIMEOUT_SECONDS)
        if check and done.returncode != 0:
            raise AssertionError(f"{self.hostname}: {command}\nended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def text(self, command: str) -> str:
        """Return what a command prints, without the last newline."""
        return self.run(command).stdout.rstrip("\n")

    def write(self, path: str, text: str, mode: str = "0644") -> None:
        """Write a file."""
        self.run(f"install -D -m {mode} /dev/stdin '{path}'", stdin=text)

    def unpack(self, archive: bytes) -> None:
        """Unpack a tar archive over the root folder, owners and modes included; this needs no sshd."""
        words = [str(NODE_FOLDER / "debctl"), "sh", self._name, "tar", "-x", "-p", "--numeric-owner", "--no-overwrite-dir", "-C", "/"]
        subprocess.run(words, check=True, input=archive)

    def down(self) -> None:
        """Shut it down; a second call does nothing."""
        self._debctl("down")

    def _debctl(self, verb: str, *words: str) -> str:
        done = subprocess.run([str(NODE_FOLDER / "debctl"), verb, self._name, *words], check=False, text=True, capture_output=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise BootError(f"debctl {verb} {self._name} ended with {done.returncode}\n{done.stderr[-3000:]}")
        return done.stdout.strip()
