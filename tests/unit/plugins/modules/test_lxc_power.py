# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lxc_power as a user runs it."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml
from ansible_collections.autoscale.proxmox.plugins.module_utils.pve_lxc.operations.power_request import PowerState
from ansible_collections.autoscale.proxmox.plugins.modules import lxc_power


@pytest.fixture(autouse=True)
def running_again(simulator):
    yield
    for vmid in (101, 102, 103):
        simulator.set_guest(vmid, status="running", lock=None)


def status(simulator, vmid):
    return simulator.guest(vmid)["status"]


def test_check_mode_with_diff_shows_the_change_and_makes_none(simulator, run):
    result = run("lxc_power", is_check=True, is_diff=True, vmid=101, state="stopped")
    assert (result["changed"], result["msg"]) == (True, "1 of 1 container would be changed")
    assert result["diff"] == {"before": {"101 (web)": {"status": "running"}}, "after": {"101 (web)": {"status": "stopped"}}}
    assert status(simulator, 101) == "running"


def test_doing_it_twice_changes_once(simulator, run):
    first = run("lxc_power", vmid=101, state="stopped")
    second = run("lxc_power", is_diff=True, vmid=101, state="stopped")
    assert (first["changed"], second["changed"]) == (True, False)
    assert (first["results"][0]["reason"], second["results"][0]["reason"]) == ("stopped", "unchanged")
    assert second["diff"] == {"before": {}, "after": {}}
    assert status(simulator, 101) == "stopped"


def test_some_failing_containers_fail_the_task_with_every_result(simulator, run):
    simulator.set_guest(102, lock="backup")
    result = run("lxc_power", state="stopped", containers=[{"vmid": 101}, {"vmid": 999}, {"vmid": 102}])
    assert (result["failed"], result["changed"]) == (True, True)
    assert [entry["reason"] for entry in result["results"]] == ["stopped", "not_found", "locked"]
    assert result["msg"].startswith("2 of 3 containers failed: 999: there is no container 999")


def test_a_selection_by_marks_is_worked_on_in_ascending_order(simulator, run):
    result = run("lxc_power", vmids=[103, 101], state="stopped")
    assert [(entry["vmid"], entry["after"]) for entry in result["results"]] == [(101, {"status": "stopped"}), (103, {"status": "stopped"})]
    assert status(simulator, 102) == "running"


def test_a_selection_that_fits_nothing_is_a_warning(run):
    result = run("lxc_power", tags=["nosuch"], state="stopped")
    assert (result["changed"], result["results"]) == (False, [])
    assert result["warnings"] == ["no container fits the selection; nothing was done"]


@pytest.mark.parametrize("options", [{}, {"containers": []}, {"tags": []}, {"status": ["running"]}])
def test_naming_nothing_never_means_everything(simulator, run, options):
    simulator.reset_requests()
    result = run("lxc_power", state="stopped", **options)
    assert result["failed"] is True
    assert len(result["problems"]) >= 1
    assert simulator.requests() == []


@pytest.mark.parametrize("is_check", [False, True])
def test_a_result_has_exactly_the_documented_keys(run, is_check):
    documented = yaml.safe_load(lxc_power.RETURN)["results"]["contains"]
    [entry] = run("lxc_power", is_check=is_check, vmid=101, state="restarted")["results"]
    assert sorted(entry) == sorted(documented)
    assert sorted(entry["before"]) == sorted(documented["before"]["contains"])
    assert sorted(entry["after"]) == sorted(documented["after"]["contains"])


def test_the_states_of_the_module_are_those_of_the_library():
    assert yaml.safe_load(lxc_power.DOCUMENTATION)["options"]["state"]["choices"] == list(PowerState)


def test_the_document_names_the_variables_of_the_playbook_and_the_reasons_of_failures():
    root = pathlib.Path(__file__).resolve().parents[4]
    document = (root / "docs" / "power.md").read_text(encoding="utf-8")
    playbook = (root / "playbooks" / "power.yml").read_text(encoding="utf-8")
    variables = set(re.findall(r"\b(lxc_[a-z_]+) \| default", playbook))
    of_connection = {
        name for name in variables if name.startswith(("lxc_api_", "lxc_ssh_", "lxc_ca_path", "lxc_validate_certs", "lxc_concurrency", "lxc_transport"))
    }
    assert {"lxc_state", "lxc_vmids", "lxc_status", "lxc_timeout", "lxc_force", "lxc_containers"} <= variables
    assert {name for name in variables - of_connection if f"`{name}`" not in document} == set()
    reasons = set(re.findall(r"V\((did_not_stop|locked|template|ha_busy|status_unknown|task_failed|not_in_effect|outcome_unknown)\)", lxc_power.RETURN))
    assert len(reasons) == 8
    assert {reason for reason in reasons if f"| `{reason}` |" not in document} == set()
