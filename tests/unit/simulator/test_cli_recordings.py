# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated node's commands print what ``pct`` and ``pvesh`` printed on a genuine Proxmox VE."""

from __future__ import annotations

import json
import pathlib
import re

import pytest
from cli.node import NodeSettings, run_command
from harness import Simulator
from recording_replay.normalise import normalise

FIXTURE = pathlib.Path(__file__).resolve().parents[2] / "fixtures" / "pve9" / "pct_cli.json"
RECORDS = json.loads(FIXTURE.read_text(encoding="utf-8"))
RENAMED_WEB = {"hostname": "web1new", "tags": "a;b;prod;web", "description": "d", "swap": 64}

INSIDE = "runs inside a container; this project never does"
NOT_USED = "a command that this project never runs"
LEFT_OUT = {
    "exec": INSIDE,
    "exec exit 3": INSIDE,
    "exec stopped": INSIDE,
    "exec free": INSIDE,
    "exec nproc": INSIDE,
    "df": NOT_USED,
    "unlock": NOT_USED,
    "cpusets": NOT_USED,
    "help": NOT_USED,
    "listsnapshot": "snapshots are read by pvesh",
    "unknown command": "the first line agrees; the usage below lists every command",
    "no command": "the first line agrees; the usage below lists every command",
    "pct create missing template": NOT_USED,
    "pct create existing": NOT_USED,
}
FIRST_LINES_ONLY = {"clone full": 2, "resize": 1}
"""Label -> lines that are compared; those below come from mkfs, rsync and resize2fs of the recorded host."""


@pytest.fixture(scope="module")
def replayed() -> dict[int, tuple[int, str, str]]:
    """Every command in the recorded order, because each sees what those before it changed."""
    with Simulator(world="recorded", auth_delay=0, task_seconds=0.01, wait_scale=0.01, seed=7) as simulator:
        simulator.set_guest(101, config=RENAMED_WEB)
        simulator.set_guest(900, config={"cores": 2})
        simulator.control("POST", "/report")
        settings = NodeSettings.of(simulator, token="admin@pve!adm")
        ended = {}
        for number, record in enumerate(RECORDS):
            if record["label"] not in LEFT_OUT:
                done = run_command(settings, record["argv"])
                ended[number] = (done.exit_code, done.output, done.error_output)
        return ended


def comparable(label: str, text: str) -> object:
    """Return a text with what may differ replaced: figures in JSON by the replay's own normalisers, lines that name bad parameters sorted."""
    if text.startswith(("{", "[")):
        return normalise(json.loads(text))
    lines = text.splitlines()[: FIRST_LINES_ONLY.get(label)]
    if label == "status -v running":
        lines = [re.sub(r"^(mem|pid|uptime): [0-9]+$", r"\1: <figure>", line) for line in lines]
    if lines[:1] == ["400 Parameter verification failed."]:
        return [lines[0], *sorted(lines[1:])]
    return lines


@pytest.mark.parametrize(
    "number", [number for number, record in enumerate(RECORDS) if record["label"] not in LEFT_OUT], ids=lambda number: RECORDS[number]["label"]
)
def test_command_prints_what_was_recorded(replayed, number):
    record = RECORDS[number]
    exit_code, output, error_output = replayed[number]
    assert exit_code == record["rc"]
    assert comparable(record["label"], output) == comparable(record["label"], record["stdout"])
    assert comparable(record["label"], error_output) == comparable(record["label"], record["stderr"])


def test_every_record_is_compared_or_left_out_with_a_reason():
    labels = {record["label"] for record in RECORDS}
    assert set(LEFT_OUT) <= labels
    assert len(RECORDS) == 83
    assert sum(record["label"] not in LEFT_OUT for record in RECORDS) == 69


def test_what_was_not_recorded_follows_the_source():
    with Simulator(world="recorded", auth_delay=0, task_seconds=0.01, wait_scale=0.01, seed=7) as simulator:
        settings = NodeSettings.of(simulator, token="admin@pve!adm")
        failed_task = run_command(settings, ["pvesh", "create", "/nodes/pve1/lxc/105/status/start", "--output-format", "json"])
        node_down = run_command(settings, ["pvesh", "get", "/nodes/pve2/lxc", "--output-format", "json"])
        run_command(settings, ["pct", "set", "101", "--nameserver", "192.0.2.53"])
        pending = run_command(settings, ["pct", "pending", "101"])
        refused = run_command(
            NodeSettings.of(simulator, token="admin@pve!adm", is_root=False, allowed_by_sudo=("pct",)), ["sudo", "-n", "pvesh", "get", "/version"]
        )
    assert (failed_task.exit_code, failed_task.output.split(":")[:2]) == (0, ['"UPID', "pve1"])
    assert (node_down.exit_code, node_down.error_output.splitlines()[0]) == (255, "ssh: connect to host 10.99.0.2 port 22: No route to host")
    assert "new nameserver: 192.0.2.53\n" in pending.output
    assert (refused.exit_code, refused.error_output) == (1, "sudo: a password is required\n")
