# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``lxc-autoscale report`` with the real command line against the simulator: with Proxmox, without it, into a file and to standard output."""

from __future__ import annotations

import io
import json
import socket
import stat

import pytest
from harness import Simulator
from pve_lxc.cli import main
from support.simulated_clock import ImpatientClock

TOKEN = "lxc-autoscale@pve!node-pve1"


class Desk:
    """One node whose loop has run a few times, and who asks for its report."""

    def __init__(self, simulator, folder):
        self.simulator, self.folder = simulator, folder
        self.use(simulator.port)

    def use(self, port):
        (self.folder / "secret").write_text(self.simulator.tokens[TOKEN])
        self.config = self.folder / "config.yaml"
        self.config.write_text(
            f"node: pve1\nmode: apply\nstate: {{path: {self.folder}/state.sqlite}}\n"
            f"connection: {{host: 127.0.0.1, port: {port}, token_id: '{TOKEN}', token_secret_file: {self.folder}/secret, "
            f"ca_file: {self.simulator.ca_path}, retries: 0}}\n"
            f"observe: {{cgroup_root: {self.folder}/cgroup/pve1, proc_root: {self.folder}/cgroup/pve1/proc}}\n"
        )

    def call(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        code = main([*arguments, "--config", str(self.config)], clock=ImpatientClock(self.simulator), out=out, err=err)
        return code, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    with Simulator(nodes=1, containers=4, cgroup_root=str(folder / "cgroup"), seed=3, history_hours=6) as simulator:
        desk = Desk(simulator, folder)
        first = min(int(vmid) for vmid in simulator.state()["guests"])
        desk.vmid = first
        memory = int(simulator.guest(first)["config"]["memory"])
        for used in (50, memory - 10, memory - 10):
            simulator.set_guest(first, anon_mib=used, shmem_mib=0, cache_mib=0, slab_mib=0, mapped_mib=0)
            simulator.advance(60)
            assert desk.call("run")[0] == 0
        yield desk


def test_the_page_goes_to_standard_output(desk):
    code, out, err = desk.call("report", "--timeframe", "day", "--time-zone", "UTC")
    assert (code, err) == (0, "")
    assert out.startswith("<!doctype html>\n<html")
    assert out.endswith("</html>\n")
    assert "All times are UTC." in out
    assert 'class="used"' in out.split('class="cards"')[1]


def test_the_page_goes_into_a_file_in_one_step_and_readable(desk):
    page = desk.folder / "report.html"
    page.write_text("old")
    assert desk.call("report", "--output", str(page)) == (0, f"written: {page}\n", "")
    assert page.read_text().startswith("<!doctype html>")
    assert stat.S_IMODE(page.stat().st_mode) == 0o644
    assert list(desk.folder.glob(".report*")) == []


def test_json_has_curves_from_proxmox_and_the_change_from_the_journal(desk):
    code, out, _err = desk.call("report", "--timeframe", "day", "--json")
    shown = json.loads(out)
    container = next(one for one in shown["loops"][0]["containers"] if one["vmid"] == desk.vmid)
    assert (code, shown["loops"][0]["problem"]) == (0, "")
    assert len(container["usage"]) > 100
    assert [change["outcome"]["changed"] for change in container["changes"]] == [True] * len(container["changes"])
    assert container["changes"][0]["reason"] in ("grow_memory", "grow_cpu")
    assert container["has"]["memory"] > container["found"]["memory"]


def test_without_proxmox_the_report_is_made_of_the_state(desk):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        desk.use(unused.getsockname()[1])
        try:
            code, out, err = desk.call("report", "--timeframe", "day")
        finally:
            desk.use(desk.simulator.port)
    assert (code, err) == (0, "")
    assert "records could not be read, so curves are missing" in out
    assert 'class="limit"' in out.split('class="cards"')[1]
    assert 'class="used"' not in out.split('class="cards"')[1]


def test_the_secret_is_in_no_form_of_the_report(desk):
    secret = desk.simulator.tokens[TOKEN]
    assert len(secret) > 30
    for arguments in (("report",), ("report", "--json")):
        assert secret not in desk.call(*arguments)[1]


def test_the_report_changes_nothing(desk):
    before = (desk.simulator.guest(desk.vmid)["config"], desk.call("history", "--json")[1])
    desk.call("report")
    assert (desk.simulator.guest(desk.vmid)["config"], desk.call("history", "--json")[1]) == before


def test_a_folder_that_is_not_there_is_said_and_nothing_is_left(desk):
    code, out, err = desk.call("report", "--output", str(desk.folder / "nowhere" / "report.html"))
    assert (code, out) == (2, "")
    assert "--output" in err
    assert "cannot be written: No such file or directory" in err


def test_a_loop_that_never_ran_is_said(desk, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(desk.config.read_text().replace(f"{desk.folder}/state.sqlite", f"{tmp_path}/state.sqlite"))
    out, err = io.StringIO(), io.StringIO()
    assert main(["report", "--config", str(config)], clock=ImpatientClock(desk.simulator), out=out, err=err) == 2
    assert "has the loop run?" in err.getvalue()


@pytest.mark.parametrize(("timeframe", "days"), [("day", 1), ("week", 7), ("month", 30)])
def test_every_timeframe_can_be_asked_for(desk, timeframe, days):
    shown = json.loads(desk.call("report", "--timeframe", timeframe, "--json")[1])
    assert (shown["end"] - shown["begin"]) / 86400 == days
