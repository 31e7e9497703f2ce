# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole cycles against the simulator: load rises and falls, answers get lost, processes are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
TOKEN = "lxc-autoscale@pve!node-pve1"
START_SECONDS = 600


class Loop:
    """The loop of node pve1, one cycle for each five minutes of simulated time."""

    def __init__(self, simulator, folder):
        self.simulator, self.folder, self.seconds = simulator, folder, simulator.advance(START_SECONDS)
        self.text = textwrap.dedent(
            f"""
            connection: {{host: 127.0.0.1, port: {simulator.port}, token_id: '{TOKEN}', ca_file: {simulator.ca_path}}}
            node: pve1
            mode: apply
            interval_seconds: 300
            policy: {{grow_only_history_seconds: 3600, memory_shrink_wait_seconds: 3600}}
            observe: {{source: cgroup, cgroup_root: {simulator.cgroup_root}/pve1, proc_root: {simulator.cgroup_root}/pve1/proc}}
            state: {{path: {folder}/state.sqlite}}
            """
        )
        self.parts = self.open()

    def open(self):
        from pve_lxc.autoscale.assembly import assemble
        from pve_lxc.autoscale.config_file import parse_config

        return assemble(parse_config(self.text, source="test", environment={"PROXMOX_TOKEN_SECRET": self.simulator.tokens[TOKEN]}), self)

    def now(self):
        return self.seconds

    def monotonic(self):
        return 0.0

    def sleep(self, seconds):
        raise AssertionError("the loop never sleeps")

    def cycle(self, count=1):
        from pve_lxc.autoscale.cycle import run_cycle

        for _cycle in range(count):
            self.seconds = self.simulator.advance(300)
            result = run_cycle(self.parts, "apply")
        return result

    def memory(self, vmid=101):
        guest = self.simulator.guest(vmid)
        return int(guest["config"]["memory"]), guest["live"]["memory_mib"]


@pytest.fixture
def loop(tmp_path):
    from harness import Simulator

    world = {
        "nodes": [{"name": "pve1", "cpus": 16, "memory_mib": 65536}],
        "guests": [
            {"vmid": 101, "name": "web", "node": "pve1", "config": {"cores": 2, "memory": 1024, "swap": 0}, "status": "running"},
            {"vmid": 102, "name": "db", "node": "pve1", "config": {"cores": 4, "cpulimit": "2", "memory": 4096, "swap": 512}, "status": "running"},
        ],
    }
    with Simulator(world=world, auth_delay=0.05, cgroup_root=str(tmp_path / "cgroup")) as simulator:
        for vmid in (101, 102):
            simulator.set_guest(vmid, cpu_cores=0.3, anon_mib=200, shmem_mib=100, mapped_mib=0, cache_mib=50, slab_mib=10)
        loop = Loop(simulator, tmp_path)
        yield loop
        loop.parts.close()


def use(simulator, vmid, **figures):
    simulator.set_guest(vmid, **figures)


def test_container_grows_with_its_load_and_shrinks_after_it(loop):
    loop.cycle(3)
    assert loop.memory() == (1024, 1024.0)
    use(loop.simulator, 101, anon_mib=880, cpu_cores=2.5)
    loop.cycle(2)
    grown = loop.memory()[0]
    assert grown > 1024
    assert loop.memory()[1] == grown
    assert int(loop.simulator.guest(101)["config"]["cores"]) == 4
    assert loop.simulator.guest(101)["oom_kills"] == 0
    use(loop.simulator, 101, anon_mib=200, cpu_cores=0.1)
    loop.cycle(60)
    # 300 MiB in use now, and room for another surprise like that of 980 - 1.03 * 300 = 671 MiB: 1.03 * 300 + 1.8 * 671 = 1516.8.
    assert loop.memory() == (1536, 1536.0)
    assert loop.simulator.guest(101)["oom_kills"] == 0
    assert loop.parts.state.read_open_changes() == []


def test_shared_memory_is_never_cut(loop):
    """Proxmox's mem leaves 900 MiB of shared memory out; the working set has it."""
    use(loop.simulator, 102, anon_mib=100, shmem_mib=2900)
    loop.cycle(40)
    assert loop.memory(102)[0] >= 1.05 * 3000 + 32
    assert loop.simulator.guest(102)["oom_kills"] == 0


def test_own_oom_is_answered_by_the_next_cycle(loop):
    loop.cycle(2)
    use(loop.simulator, 101, anon_mib=1500)
    result = loop.cycle()
    assert loop.simulator.guest(101)["oom_kills"] >= 1
    assert "oom_answered" in [str(decision.reason) for decision in result.decisions]
    assert loop.memory() == (2048, 2048.0)


def test_stuck_pvestatd_holds_and_is_named(loop):
    loop.cycle(3)
    use(loop.simulator, 101, anon_mib=880)
    loop.simulator.fault("pvestatd_stuck")
    loop.seconds = loop.simulator.advance(200)
    from pve_lxc.autoscale.cycle import run_cycle

    result = run_cycle(loop.parts, "apply")
    assert {str(decision.reason) for decision in result.decisions} == {"stale_sample"}
    assert result.outcomes == ()
    result = loop.cycle()
    assert {str(decision.reason) for decision in result.decisions} == {"status_unknown"}
    loop.simulator.fault("pvestatd_stuck", on=False)


def test_half_applied_write_is_a_stated_failure_and_the_others_go_on(loop):
    loop.cycle(2)
    use(loop.simulator, 101, anon_mib=880)
    loop.simulator.fault("config_readonly")
    result = loop.cycle()
    assert [(outcome.vmid, str(outcome.reason), outcome.is_failed) for outcome in result.outcomes] == [(101, "half_applied", True)]
    assert loop.memory()[0] == 1024
    assert loop.memory()[1] > 1024
    loop.simulator.fault("config_readonly", on=False)
    loop.cycle(2)
    assert loop.memory()[0] == loop.memory()[1] > 1024


def test_no_quorum_recommends(loop):
    loop.cycle(2)
    use(loop.simulator, 101, anon_mib=880)
    loop.simulator.fault("no_quorum")
    result = loop.cycle()
    assert [str(outcome.reason) for outcome in result.outcomes] == ["no_quorum"]
    assert loop.memory() == (1024, 1024.0)
    loop.simulator.fault("no_quorum", on=False)


def test_operators_change_is_found_within_one_cycle_and_left(loop):
    from pve_lxc.model.plan import ConfigWrite

    loop.cycle(3)
    config = loop.parts.backend.read_config("pve1", 101)
    loop.parts.backend.write_config("pve1", 101, ConfigWrite({"memory": 3000}), config.digest)
    result = loop.cycle()
    reasons = {decision.vmid: str(decision.reason) for decision in result.decisions}
    assert reasons[101] == "operator_changed"
    loop.cycle(20)
    assert loop.memory()[0] == 3000


def test_process_killed_before_it_can_write_down_the_outcome_is_settled_by_the_next(loop):
    loop.cycle(2)
    use(loop.simulator, 101, anon_mib=880)
    loop.seconds = loop.simulator.advance(300)
    loop.parts.close()
    program = textwrap.dedent(
        f"""
        import os, signal, sys
        sys.path.insert(0, {str(ROOT / "plugins" / "module_utils")!r})
        from pve_lxc.autoscale.assembly import assemble
        from pve_lxc.autoscale.config_file import parse_config
        from pve_lxc.autoscale.cycle import run_cycle
        from pve_lxc.backend.state import SqliteState

        class Clock:
            def now(self): return {loop.seconds!r}
            def monotonic(self): return 0.0

        SqliteState.end_change = lambda *_arguments: os.kill(os.getpid(), signal.SIGKILL)
        run_cycle(assemble(parse_config(sys.stdin.read(), source="test", environment=os.environ), Clock()), "apply")
        """
    )
    environment = {**os.environ, "PROXMOX_TOKEN_SECRET": loop.simulator.tokens[TOKEN], "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run([sys.executable, "-c", program], input=loop.text, text=True, env=environment, check=False, timeout=120)
    assert ended.returncode == -signal.SIGKILL
    written = loop.memory()[0]
    assert written > 1024
    loop.parts = loop.open()
    result = loop.cycle()
    assert [(outcome.vmid, str(outcome.reason), outcome.after.memory_mib) for outcome in result.settled] == [(101, "resized", written)]
    assert "operator_changed" not in [str(decision.reason) for decision in result.decisions]
    assert loop.parts.state.read_changes(101)[-1]["before"]["memory"] == 1024


def lowered(loop):
    """Lower 101 from 1024 MiB, as an hour of little use does."""
    use(loop.simulator, 101, anon_mib=200, shmem_mib=0, cpu_cores=0.1)
    for _cycle in range(40):
        loop.cycle()
        if loop.memory()[0] < 1024:
            return loop.memory()[0]
    raise AssertionError(f"still {loop.memory()[0]} MiB")


def outcomes_of(result, vmid=101):
    return [(str(outcome.reason), outcome.is_changed, outcome.is_failed) for outcome in result.outcomes if outcome.vmid == vmid]


def test_mapped_files_that_are_read_again_after_a_shrink_get_their_memory_back_at_once(loop):
    reached = lowered(loop)
    use(loop.simulator, 101, mapped_mib=900, cache_mib=900)
    result = loop.cycle()
    reasons = [str(reason) for decision in result.decisions if decision.vmid == 101 for reason in decision.reasons]
    assert "probation_failed" in reasons
    assert loop.memory()[0] >= 1024 > reached
    assert loop.simulator.guest(101)["oom_kills"] == 0


def test_stopped_container_starts_with_what_was_found(loop):
    assert lowered(loop) < 1024
    loop.simulator.set_guest(101, status="stopped")
    result = loop.cycle()
    assert outcomes_of(result) == [("restored_while_stopped", True, False)]
    config = loop.simulator.guest(101)["config"]
    assert (int(config["memory"]), int(config["cores"])) == (1024, 2)
    assert [change["reason"] for change in loop.parts.state.read_changes(101, limit=1)] == ["restored_while_stopped"]
    assert outcomes_of(loop.cycle()) == []


def test_limit_that_a_failed_write_left_in_force_is_put_back_by_the_loop(loop):
    use(loop.simulator, 101, anon_mib=200, shmem_mib=0, cpu_cores=0.1)
    loop.simulator.fault("config_readonly", vmid=101)
    for _cycle in range(40):
        result = loop.cycle()
        if loop.memory()[1] < 1024:
            break
    assert outcomes_of(result) == [("half_applied", False, True)]
    assert loop.memory() == (1024, 768.0)
    loop.simulator.fault("config_readonly", on=False)
    reasons = [str(decision.reason) for decision in loop.cycle().decisions if decision.vmid == 101]
    assert reasons == ["half_applied"]
    assert outcomes_of(loop.cycle()) == [("half_applied", True, False)]
    assert loop.memory() == (1024, 1024.0)
