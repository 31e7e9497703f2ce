# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cycle asks of Proxmox and loads of Python, for it is paid every minute on every node; seconds are measured by ``make bench``, not here."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.simulated_clock import ImpatientClock

ROOT = Path(__file__).resolve().parents[4]
TOKEN = "lxc-autoscale@pve!node-pve1"

# At this moment none of the twelve containers' hours, in which a configuration is read again, ends within the next minutes.
START_SECONDS = 1_800_001_200

# Each is needed by some other command, or where it is configured.
NEEDLESS = {
    "aiohttp",
    "asyncio",
    "concurrent.futures",
    "difflib",
    "multiprocessing",
    "paramiko",
    "pve_lxc.autoscale.commands.access",
    "pve_lxc.autoscale.access",
    "pve_lxc.autoscale.commands.registry",
    "pve_lxc.autoscale.legacy.migrate",
    "pve_lxc.autoscale.notify.send",
    "pve_lxc.autoscale.replay",
    "pve_lxc.autoscale.report",
    "pve_lxc.autoscale.rollback.put_back",
    "pve_lxc.autoscale.commands.status",
    "pve_lxc.backend.aio",
    "pve_lxc.backend.fallback",
    "pve_lxc.backend.pct",
    "pve_lxc.operations.clone",
    "pve_lxc.operations.power",
    "pve_lxc.policy.swap_choice",
    "pve_lxc.policy.swap_memory",
    "pve_lxc.policy.swap_pass",
    "pve_lxc.transport.local",
    "pve_lxc.transport.notify_http",
    "pve_lxc.transport.notify_smtp",
    "pve_lxc.transport.ssh",
    "smtplib",
    "subprocess",
    "zoneinfo",
}

CYCLE_THAT_NAMES_ITS_MODULES = """\
import json
import sys

sys.path.insert(0, sys.argv[1])
from pve_lxc.cli import main

code = main(["run", "--quiet", "--config", sys.argv[2]])
print(json.dumps([code, sorted(sys.modules)]))
"""


@pytest.fixture(scope="module")
def cgroup_root(tmp_path_factory):
    return tmp_path_factory.mktemp("cgroup")


@pytest.fixture(scope="module")
def simulator(cgroup_root):
    from harness import Simulator

    with Simulator(nodes=1, containers=12, auth_delay=0, cgroup_root=str(cgroup_root), start_time=START_SECONDS, seed=3) as simulator:
        yield simulator


@pytest.fixture
def config(simulator, tmp_path, cgroup_root):
    """Return a function that writes a configuration with this source of measurements and returns its path."""

    def config(source):
        (tmp_path / "secret").write_text(simulator.tokens[TOKEN])
        connection = {"host": "127.0.0.1", "port": simulator.port, "token_id": TOKEN, "ca_file": simulator.ca_path}
        values = {
            "connection": {**connection, "token_secret_file": str(tmp_path / "secret")},
            "node": "pve1",
            "mode": "recommend",
            "observe": {"source": source, "cgroup_root": f"{cgroup_root}/pve1", "proc_root": f"{cgroup_root}/pve1/proc", "bootstrap": False},
            "state": {"path": str(tmp_path / "state.sqlite")},
        }
        path = tmp_path / "config.yaml"
        path.write_text(json.dumps(values))
        return str(path)

    return config


@pytest.mark.parametrize(("source", "first", "later"), [("cgroup", 26, 1), ("api", 39, 2)])
def test_a_cycle_in_which_nothing_has_changed_asks_for_the_lists_only(simulator, config, source, first, later):
    from pve_lxc.cli import main

    path = config(source)
    counts = []
    for _cycle in range(3):
        simulator.reset_requests()
        assert main(["run", "--quiet", "--config", path], clock=ImpatientClock(simulator), out=io.StringIO()) == 0
        counts.append(len(simulator.requests()))
        simulator.advance(60)
    # The first asks twice about each container, for its values and for what waits for a restart, over the API once for its newest record,
    # and once what the virtual machines hold back.
    assert counts == [first, later, later]


def test_a_cycle_loads_nothing_that_only_other_commands_need(config):
    command = [sys.executable, "-I", "-c", CYCLE_THAT_NAMES_ITS_MODULES, str(ROOT / "plugins" / "module_utils"), config("cgroup")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    assert "pve_lxc.autoscale.cycle" in modules
    assert sorted(NEEDLESS.intersection(modules)) == []


def test_the_names_of_needless_modules_are_names_of_modules():
    import importlib.util

    ours = sorted(name for name in NEEDLESS if name.startswith("pve_lxc."))
    assert [name for name in ours if importlib.util.find_spec(name) is None] == []


def test_a_command_that_is_no_cycle_is_found_all_the_same(capsys):
    from pve_lxc.cli import main

    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for name in ("run", "recommend", "status", "rollback", "check-config", "migrate-config", "replay"):
        assert f"\n    {name} " in shown or f"\n    {name}\n" in shown
