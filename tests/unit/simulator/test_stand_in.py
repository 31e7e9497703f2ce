# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a booted Debian a node, looked at without booting one; and what is written down of it."""

from __future__ import annotations

import io
import json
import tarfile

import pytest
from harness import Simulator
from support.booted.cluster import make_world
from support.booted.stand_in import make_stand_in
from support.booted.transcript import Transcript, shorten_play

PLAY = """
PLAY [Install the autoscale loop] *****

TASK [role : Look at the node] ********
ok: [pve-trixie]

TASK [role : Install the packages] ****
changed: [pve-trixie]

TASK [role : Look again] **************
skipping: [pve-trixie]

TASK [role : Look once more] **********
ok: [pve-trixie]

PLAY RECAP ****************************
pve-trixie : ok=4 changed=1
"""


@pytest.fixture(scope="module")
def archive():
    """The members of a node's archive by path, and a reader of their text."""
    with Simulator(world=make_world(["bookworm", "trixie"]), auth_delay=0) as simulator:
        data = make_stand_in(simulator, "pve-trixie", "9.2.11")
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        yield {entry.name: entry for entry in tar.getmembers()}, lambda path: tar.extractfile(path).read().decode()


@pytest.mark.parametrize(
    ("path", "mode", "group"),
    [
        ("etc/pve", 0o755, 33),
        ("etc/pve/priv", 0o700, 33),
        ("etc/pve/pve-root-ca.pem", 0o640, 33),
        ("etc/pve/nodes/pve-trixie/pve-ssl.pem", 0o640, 33),
        ("etc/pve/.members", 0o440, 33),
        ("usr/sbin/pct", 0o755, 0),
        ("usr/sbin/pveum", 0o755, 0),
        ("usr/bin/pvesh", 0o755, 0),
        ("usr/bin/pveversion", 0o755, 0),
        ("usr/lib/pve-stand-in/node.json", 0o600, 0),
        ("usr/lib/pve-stand-in/cli/pveum.py", 0o644, 0),
    ],
)
def test_owners_and_modes_are_those_of_a_node_so_an_ordinary_user_reads_nothing_secret(archive, path: str, mode: int, group: int) -> None:
    entry = archive[0][path]
    assert (oct(entry.mode), entry.uid, entry.gid) == (oct(mode), 0, group)


def test_local_leads_to_the_nodes_own_folder(archive) -> None:
    members, read = archive
    assert members["etc/pve/local"].linkname == "nodes/pve-trixie"
    assert json.loads(read("etc/pve/.members"))["nodename"] == "pve-trixie"
    assert read("etc/hostname") == "pve-trixie\n"


def test_the_commands_ask_the_api_on_the_loopback_and_are_for_root_only(archive) -> None:
    _members, read = archive
    settings = json.loads(read("usr/lib/pve-stand-in/node.json"))
    assert (settings["host"], settings["port"], settings["ca_path"], settings["version"]) == ("127.0.0.1", 8006, "/etc/pve/pve-root-ca.pem", "9.2.11")
    assert read("usr/sbin/pct").splitlines() == [
        "#!/bin/sh",
        '[ "$(id -u)" = 0 ] || { echo "please run as root" >&2; exit 255; }',
        'exec /usr/bin/python3 -I -S -B /usr/lib/pve-stand-in/cli /usr/lib/pve-stand-in/node.json pct "$@"',
    ]


def test_each_release_is_a_node_with_two_containers_and_nobody_but_root_is_known() -> None:
    world = make_world(["bookworm", "trixie"])
    assert [(node["name"], node["version"]) for node in world["nodes"]] == [("pve-bookworm", "8.4.14"), ("pve-trixie", "9.2.11")]
    assert [(guest["vmid"], guest["node"]) for guest in world["guests"]] == [
        (101, "pve-bookworm"),
        (102, "pve-bookworm"),
        (201, "pve-trixie"),
        (202, "pve-trixie"),
    ]
    assert list(world["identities"]["users"]) == ["root@pam"]


def test_of_a_playbook_only_what_changed_something_is_written_down() -> None:
    assert shorten_play(PLAY).splitlines() == [
        "PLAY [Install the autoscale loop]",
        "",
        "TASK [role : Install the packages]",
        "changed: [pve-trixie]",
        "",
        "PLAY RECAP",
        "pve-trixie : ok=4 changed=1",
    ]


def test_a_failure_of_a_playbook_is_written_down() -> None:
    failed = "TASK [role : Install] ****\nfatal: [pve-trixie]: FAILED! => no such package\n\nPLAY RECAP ****\n"
    assert "fatal: [pve-trixie]: FAILED! => no such package" in shorten_play(failed)


def test_a_transcript_shows_commands_with_their_output_indented_and_cut(tmp_path) -> None:
    transcript = Transcript(tmp_path / "logs" / "way.txt")
    transcript.chapter("install")
    transcript.shell("pve-trixie", "lxc-autoscale status", "one\n" + "x" * 200 + "\n")
    lines = (tmp_path / "logs" / "way.txt").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "=== install"
    assert lines[2].endswith("root@pve-trixie:~# lxc-autoscale status")
    assert lines[3:] == ["    one", "    " + "x" * 160]
