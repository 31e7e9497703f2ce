# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped sudo rules on the real sudo: what they must allow runs as root, what they must refuse does not run at all."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from collections.abc import Iterable

import pytest
from cli.node import NodeSettings
from harness import Simulator
from pve_lxc.backend.pct import PctBackend
from pve_lxc.backend.pct_text import error_from_command
from pve_lxc.errors import ProxmoxPermissionError
from pve_lxc.operations.facts import Gathering, gather_facts
from pve_lxc.operations.find import Selection
from pve_lxc.operations.request import parse_requests
from pve_lxc.operations.resize import resize_containers
from support.node_runner import SimulatedNodeRunner

ROOT = pathlib.Path(__file__).resolve().parents[3]
RULES = ROOT / "docs" / "files" / "lxc-autoscale-pct.sudoers"
DIGEST = "0123456789abcdef0123456789abcdef01234567"

ALLOWED = [
    "pct set 101 --cores 4",
    "pct set 101 -cores 4",
    "pct set 999999999 --memory 1024 --swap 0",
    f"pct set 101 --cores 4 --cpulimit 1.25 --cpuunits 100 --memory 1024 --swap 512 --digest {DIGEST}",
    "pct set 101 --delete cpulimit --delete cores",
    "pct set 101 --delete swap",
    "pct set 101 --cpulimit 0.5",
    "pvesh get /version --output-format json",
    "pvesh get /cluster/resources --output-format json",
    "pvesh get /cluster/resources --type vm --output-format json",
    "pvesh get /cluster/status --output-format json",
    "pvesh get /nodes/pve-1/status --output-format json",
    "pvesh get /nodes/pve1/lxc/101/config --current 1 --output-format json",
    "pvesh get /nodes/pve1/lxc/101/pending --output-format json",
    "pvesh get /nodes/pve1/lxc/101/status/current --output-format json",
    "pvesh get /nodes/pve1/lxc/101/rrddata --timeframe hour --cf AVERAGE --output-format json",
]
REFUSED = [
    "pct set 101 --mp0 /root,mp=/mnt",
    "pct set 101 -mp0 /root,mp=/mnt",
    "pct set 101 --cores 4 --mp0 /root,mp=/mnt",
    "pct set 101 --memory 1024 --features nesting=1,mount=nfs",
    "pct set 101 --dev0 /dev/sda",
    "pct set 101 --hookscript local:snippets/x.sh",
    "pct set 101 --unprivileged 0",
    "pct set 101 --hostname x",
    "pct set 101 --rootfs local:1",
    "pct set 101 --delete mp0",
    "pct set 101 --delete memory",
    "pct set 101 --delete cores,mp0",
    "pct set 101",
    "pct set 99 --cores 1",
    "pct set 101 --cores 4 ; id",
    "pct set 101 --cores $(id)",
    "pct set 101 --cores 99999999",
    "pct set 101 --digest 0123",
    "pct set 101 --cores=4",
    "pct list",
    "pct config 101",
    "pct start 101",
    "pct stop 101",
    "pct destroy 101",
    "pct clone 101 102",
    "pct exec 101 -- id",
    "pct enter 101",
    "pct push 101 /etc/shadow /tmp/x",
    "pct restore 101 x",
    "pct",
    "pvesh set /nodes/pve1/lxc/101/config --mp0 /root,mp=/mnt",
    "pvesh set /nodes/pve1/lxc/101/config --cores 1",
    "pvesh create /nodes/pve1/lxc/101/status/stop",
    "pvesh delete /nodes/pve1/lxc/101",
    "pvesh get /access/users",
    "pvesh get /nodes/pve1/lxc/101/../../../access/users",
    "pvesh get /nodes/pve1/lxc/101/config --output-format json --noproxy",
    "pvesh get /nodes/pve1/execute --commands []",
    "pvesh get /version ; id",
    "id",
    "sh -c id",
    "cat /etc/shadow",
    "visudo -c",
]


def run_in_room(commands: Iterable[list[str]]) -> list[dict]:
    """Return how commands ended that were run as the unprivileged user."""
    text = "".join(json.dumps(command) + "\n" for command in commands)
    room = ["unshare", "--mount", sys.executable, str(pathlib.Path(__file__).with_name("sudo_room.py")), str(RULES)]
    done = subprocess.run(room, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"the room needs root, and sudo installed:\n{done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def ended() -> dict[str, dict]:
    """Every command of both lists, tried by ``sudo -n``."""
    commands = [*ALLOWED, *REFUSED]
    return dict(zip(commands, run_in_room(["sudo", "-n", *command.split()] for command in commands), strict=True))


def test_rules_are_well_formed():
    done = subprocess.run(["visudo", "-cf", str(RULES)], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", ALLOWED)
def test_allowed_command_runs_as_root(ended, command):
    name, words = command.split(" ", 1)
    assert ended[command] == {"exit_code": 0, "output": f"{name} as 0: {words}\n", "error_output": ""}


@pytest.mark.parametrize("command", REFUSED)
def test_refused_command_does_not_run(ended, command):
    assert (ended[command]["exit_code"], ended[command]["output"]) == (1, "")


def test_refusal_of_the_real_sudo_is_understood_as_one(ended):
    command = "pct set 101 --mp0 /root,mp=/mnt"
    error = error_from_command(command.split(), 1, ended[command]["error_output"], method="PUT", path="/nodes/pve1/lxc/101/config")
    assert error.__class__ is ProxmoxPermissionError


def test_one_argument_with_blanks_in_it_reaches_pct_as_one_word_and_means_nothing_there():
    """sudo joins the words before it compares, so this passes; pct then refuses it as a number."""
    done = run_in_room([["sudo", "-n", "pct", "set", "101", "--cores", "2 --memory 512"]])[0]
    assert done["output"] == "pct as 0: set 101 --cores 2 --memory 512\n"
    with Simulator(nodes=1, containers=1, auth_delay=0, seed=3) as simulator:
        runner = SimulatedNodeRunner(NodeSettings.of(simulator))
        exit_code, _output, error_output = runner.run(["pct", "set", "101", "--cores", "2 --memory 512"], 10)
    assert (exit_code, "cores: type check ('integer') failed - got '2 --memory 512'" in error_output) == (255, True)


def test_everything_that_a_resize_and_facts_run_is_allowed():
    """The commands are those that the back end really makes; cat and uname need no rights."""
    with Simulator(nodes=1, containers=3, auth_delay=0, seed=3) as simulator:
        simulator.set_guest(102, status="stopped")
        simulator.advance(20)
        runner = SimulatedNodeRunner(NodeSettings.of(simulator, is_root=False))
        backend = PctBackend(runner, uses_sudo=True)
        wishes = [{"vmid": 101, "cores": "+1", "memory": "+64", "cpulimit": "0.75", "cpuunits": "60", "swap": "0"}, {"vmid": 102, "memory": "-16"}]
        outcomes = resize_containers(backend, parse_requests({"containers": wishes}))
        gather_facts(backend, Selection(), Gathering(frozenset({"config", "pending", "metrics", "history"})))
        backend.is_quorate()
    assert [outcome.is_changed for outcome in outcomes] == [True, True]
    commands = sorted({command for command in runner.ran if command.startswith("sudo ")})
    assert len(commands) >= 10
    refused = [command for command, done in zip(commands, run_in_room(command.split() for command in commands), strict=True) if done["exit_code"] != 0]
    assert refused == []
