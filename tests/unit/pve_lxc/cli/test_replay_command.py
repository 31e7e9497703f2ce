# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``replay``: against the simulator's records, and as a process behind the judge's line protocol."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
TOKEN = "lxc-autoscale@pve!node-pve1"


@pytest.fixture(scope="module")
def simulator():
    from harness import Simulator

    with Simulator(nodes=1, containers=3, auth_delay=0.05, seed=3) as simulator:
        # A week of records, in steps that the records are kept in.
        for _hour in range(7 * 24):
            simulator.advance(3600)
        yield simulator


@pytest.fixture
def call(simulator, tmp_path):
    from pve_lxc.cli import main

    (tmp_path / "secret").write_text(simulator.tokens[TOKEN])
    connection = f"{{host: 127.0.0.1, port: {simulator.port}, token_id: '{TOKEN}', token_secret_file: {tmp_path}/secret, ca_file: {simulator.ca_path}}}"
    (tmp_path / "config.yaml").write_text(f"connection: {connection}\nnode: pve1\n")

    def call(*arguments):
        out, err = io.StringIO(), io.StringIO()
        code = main([*arguments, "--config", f"{tmp_path}/config.yaml"], out=out, err=err)
        return code, out.getvalue(), err.getvalue()

    return call


def first_vmid(simulator):
    return min(guest["vmid"] for guest in simulator.state()["guests"].values() if guest["type"] == "lxc" and guest["status"] == "running")


def test_replay_of_a_container_prints_a_table_and_charts_and_changes_nothing(simulator, call):
    vmid = first_vmid(simulator)
    before = simulator.guest(vmid)["config"]
    code, out, err = call("replay", "--vmid", str(vmid), "--timeframe", "week")
    assert (code, err) == (0, "")
    assert out.startswith(f"{vmid} ")
    assert "limit (mean)" in out
    assert "memory, MiB: # used (highest), - limit" in out
    assert max(len(line) for line in out.splitlines()) <= 100
    assert simulator.guest(vmid)["config"] == before


def test_replay_with_json_has_the_sums(simulator, call):
    vmid = first_vmid(simulator)
    code, out, _err = call("replay", "--vmid", str(vmid), "--timeframe", "day", "--preset", "safe", "--json")
    sums = json.loads(out)
    assert code == 0
    assert (sums["vmid"], sums["timeframe"]) == (vmid, "day")
    assert sums["rows"] > 10
    assert sums["memory_limit_start_mib"] == int(simulator.guest(vmid)["config"]["memory"])


def test_replay_of_an_unknown_container_ends_with_2(call):
    code, _out, err = call("replay", "--vmid", "99999")
    assert code == 2
    assert "--vmid = 99999: there is no such container on node pve1" in err


def test_replay_needs_a_container_or_a_judge(call):
    assert call("replay")[0] == 2


def test_stdio_answers_line_by_line_as_a_process_without_configuration():
    limits = {"max_cores": 2.0, "max_memory_mb": 1024.0, "cpu_mode": "cpulimit", "cpu_granularity": 0.1, "mem_granularity_mb": 32}
    psi = {"cpu_some": 0.0, "mem_some": 0.0, "mem_full": 0.0}
    line = {"t": 0.0, "vmid": 100, "step_s": 300, "phase": "live", "cores": 1.0, "memory_mb": 512, "cpu_fraction": 1.0, "cpu_fraction_max": 1.0, "mem_mb": 500}
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "plugins" / "module_utils"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pve_lxc", "replay", "--stdio", "--preset", "lean"]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdin.write(json.dumps({**line, "limits": limits, "psi": psi, "reset": True}) + "\n")
        process.stdin.flush()
        # The second line is only sent after the first was answered, as the judge does.
        first = json.loads(process.stdout.readline())
        rest, _err = process.communicate("")
    # Saturated, so it is entered 1.6 times as high, and that bucket ends at 1.63; 500 of 512 MiB is near the limit: 1.15 times, in steps of 32.
    assert first == {"cores": 1.7, "memory_mb": 608}
    assert (rest, process.returncode) == ("", 0)
