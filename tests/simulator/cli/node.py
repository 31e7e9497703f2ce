# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One node's shell: which command answers, as whom, and what sudo allows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from .caller import Caller, CommandFailed
from .pct import Pct
from .pvesh import run_pvesh
from .pveum import run_pveum

CGROUP_ROOT = "/sys/fs/cgroup/"
REPOSITORY_ID = "14a22df35955d97d"
KERNEL = "6.17.2-1-pve"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    exit_code: int
    output: str
    error_output: str


@dataclass(frozen=True)
class NodeSettings:
    """The node that the commands run on.

    Attributes:
        host: of the simulator's API.
        port: of the simulator's API.
        ca_path: its certificate authority.
        authorization: the header of root's token.
        node: name of this node.
        cgroup_root: the simulator's cgroup files, empty without them.
        is_root: whether the login is root's, so that pct and pvesh work without sudo.
        allowed_by_sudo: commands that sudo runs without a password.
        version: of Proxmox VE on this node.
    """

    host: str
    port: int
    ca_path: str
    authorization: str
    node: str
    cgroup_root: str = ""
    is_root: bool = True
    allowed_by_sudo: tuple[str, ...] = ("pct", "pvesh")
    version: str = "9.2.11"

    @classmethod
    def of(cls, simulator: Any, token: str = "root@pam!all", **changes: Any) -> Self:
        """Return the settings of a running simulator's first node."""
        return cls(
            **{
                "host": simulator.host,
                "port": simulator.port,
                "ca_path": str(simulator.ca_path),
                "authorization": simulator.token(token)["Authorization"],
                "node": simulator.nodes[0],
                "cgroup_root": str(simulator.cgroup_root or ""),
                **changes,
            }
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return settings that ``write`` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        """Write them where a command of its own process finds them."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


def run_command(settings: NodeSettings, argv: Sequence[str]) -> Ended:
    """Return how a command ends on this node."""
    name, words = Path(argv[0]).name, list(argv[1:])
    if name == "sudo":
        return _sudo(settings, words)
    if name == "uname":
        return Ended(0, f"{settings.node}\n", "")
    if name == "pveversion":
        return Ended(0, f"pve-manager/{settings.version}/{REPOSITORY_ID} (running kernel: {KERNEL})\n", "")
    if name == "cat":
        return _cat(settings, words)
    if not settings.is_root:
        return Ended(255, "", "please run as root\n")
    return _run_as_root(settings, name, words)


def _run_as_root(settings: NodeSettings, name: str, words: list[str]) -> Ended:
    caller = Caller(settings.host, settings.port, settings.ca_path, settings.authorization)
    try:
        if name == "pvesh":
            return Ended(0, run_pvesh(caller, words), "")
        if name == "pveum":
            return Ended(0, run_pveum(caller, words, int(settings.version.partition(".")[0])), "")
        return Ended(0, *Pct(caller, settings.node).run(words))
    except CommandFailed as failure:
        return Ended(failure.exit_code, failure.output, failure.error_output)


def _sudo(settings: NodeSettings, words: list[str]) -> Ended:
    """Run a command as root if sudo's rules have it; ``-n`` never asks for a password."""
    if words[:1] != ["-n"] or words[1] not in settings.allowed_by_sudo:
        return Ended(1, "", "sudo: a password is required\n")
    return _run_as_root(settings, words[1], words[2:])


def _cat(settings: NodeSettings, words: list[str]) -> Ended:
    """Print files of this node's cgroup hierarchy."""
    output, errors = "", ""
    for word in words:
        path = Path(settings.cgroup_root) / settings.node / word.removeprefix(CGROUP_ROOT)
        if word.startswith(CGROUP_ROOT) and settings.cgroup_root and path.is_file():
            output += path.read_text(encoding="ascii")
        else:
            errors += f"cat: {word}: No such file or directory\n"
    return Ended(1 if errors else 0, output, errors)
