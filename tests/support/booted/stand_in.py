# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a booted Debian look like a node of Proxmox VE: its commands, /etc/pve and its certificate, as one tar archive.

Owners and modes are those of a node: everything in /etc/pve is for root and the group www-data, so an unprivileged service reads none of it.
"""

from __future__ import annotations

import io
import json
import pathlib
import shlex
import tarfile
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from cli.node import NodeSettings

if TYPE_CHECKING:
    from harness import Simulator

CLI_FOLDER = pathlib.Path(__file__).resolve().parents[2] / "simulator" / "cli"
INSIDE = "usr/lib/pve-stand-in"
API_PORT = 8006
CGROUP_ROOT = "/run/pve-cgroup"
ROOT_CA = "/etc/pve/pve-root-ca.pem"
WWW_DATA = 33
COMMANDS = {"pct": "usr/sbin", "pveum": "usr/sbin", "pvesh": "usr/bin", "pveversion": "usr/bin"}
WRAPPER = """#!/bin/sh
[ "$(id -u)" = 0 ] || { echo "please run as root" >&2; exit 255; }
exec {words} "$@"
"""


class _Archive:
    """A tar archive in memory, everything in it as new as itself."""

    def __init__(self) -> None:
        self._entries: list[tuple[tarfile.TarInfo, bytes]] = []

    def file(self, path: str, content: str | bytes, mode: int = 0o644, group: int = 0) -> None:
        data = content.encode() if isinstance(content, str) else content
        entry = tarfile.TarInfo(path)
        entry.size, entry.mode, entry.gid = len(data), mode, group
        self._entries.append((entry, data))

    def folder(self, path: str, mode: int = 0o755, group: int = 0) -> None:
        entry = tarfile.TarInfo(path)
        entry.type, entry.mode, entry.gid = tarfile.DIRTYPE, mode, group
        self._entries.append((entry, b""))

    def link(self, path: str, target: str) -> None:
        entry = tarfile.TarInfo(path)
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        self._entries.append((entry, b""))

    def to_bytes(self) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for entry, data in self._entries:
                entry.mtime = int(time.time())
                tar.addfile(entry, io.BytesIO(data))
        return buffer.getvalue()


def make_stand_in(simulator: Simulator, node: str, version: str) -> bytes:
    """Return the archive for one node of a running simulator."""
    archive = _Archive()
    _add_commands(archive, simulator, node, version)
    _add_pmxcfs(archive, simulator, node)
    archive.file("etc/hostname", f"{node}\n")
    archive.file("etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {node}\n")
    return archive.to_bytes()


def _add_commands(archive: _Archive, simulator: Simulator, node: str, version: str) -> None:
    """Add the simulated command line, and wrappers that only root can use: its settings hold root's token."""
    settings = replace(NodeSettings.of(simulator), host="127.0.0.1", port=API_PORT, ca_path=ROOT_CA, node=node, cgroup_root="", version=version)
    archive.folder(INSIDE)
    archive.file(f"{INSIDE}/node.json", json.dumps(asdict(settings)), 0o600)
    archive.folder(f"{INSIDE}/cli")
    for path in sorted(CLI_FOLDER.glob("*.py")):
        archive.file(f"{INSIDE}/cli/{path.name}", path.read_bytes())
    for name, folder in COMMANDS.items():
        words = shlex.join(["/usr/bin/python3", "-I", "-S", "-B", f"/{INSIDE}/cli", f"/{INSIDE}/node.json", name])
        archive.file(f"{folder}/{name}", WRAPPER.replace("{words}", words), 0o755)


def _add_pmxcfs(archive: _Archive, simulator: Simulator, node: str) -> None:
    """Add /etc/pve, which on a node is a file system of its own."""
    members = {
        "nodename": node,
        "version": len(simulator.nodes),
        "cluster": {"name": "simulated", "version": len(simulator.nodes), "nodes": len(simulator.nodes), "quorate": 1},
        "nodelist": {name: {"id": number, "online": 1, "ip": f"10.99.0.{number}"} for number, name in enumerate(simulator.nodes, 1)},
    }
    certificate = pathlib.Path(simulator.certificate_path).read_bytes()
    authority = pathlib.Path(simulator.ca_path).read_bytes()
    for folder in ("etc/pve", "etc/pve/nodes", *(f"etc/pve/nodes/{name}" for name in simulator.nodes), f"etc/pve/nodes/{node}/lxc"):
        archive.folder(folder, 0o755, WWW_DATA)
    archive.folder("etc/pve/priv", 0o700, WWW_DATA)
    archive.link("etc/pve/local", f"nodes/{node}")
    archive.link("etc/pve/lxc", f"nodes/{node}/lxc")
    archive.file("etc/pve/.members", json.dumps(members), 0o440, WWW_DATA)
    archive.file("etc/pve/pve-root-ca.pem", authority, 0o640, WWW_DATA)
    archive.file(f"etc/pve/nodes/{node}/pve-ssl.pem", certificate, 0o640, WWW_DATA)
