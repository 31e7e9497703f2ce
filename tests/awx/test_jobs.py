# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every job template of awx/ as AWX would launch it: survey answers, many of them blank, the credential's environment, check and run."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def answers_to(survey: str, **answers: Any) -> dict[str, Any]:
    """Return the extra variables of a job whose survey was answered so; everything else was left blank."""
    from support.awx_rules import survey_variables

    return survey_variables(json.loads((ROOT / "awx" / "surveys" / f"{survey}.json").read_text(encoding="utf-8")), answers)


def cores_and_memory(simulator: Any, vmid: int) -> tuple[int, int]:
    config = simulator.guest(vmid)["config"]
    return int(config["cores"]), int(config["memory"])


def fill_memory(simulator: Any, vmid: int) -> None:
    """Let a container use nearly all of its memory, and let Proxmox see it."""
    memory = cores_and_memory(simulator, vmid)[1]
    simulator.set_guest(vmid, anon_mib=memory - 8, shmem_mib=0, mapped_mib=0, cache_mib=0, slab_mib=0)
    simulator.advance(600)


def test_every_playbook_of_the_sample_project_has_a_test_here():
    playbooks = [path.name for path in (ROOT / "awx" / "project").glob("*.yml")]
    text = pathlib.Path(__file__).read_text(encoding="utf-8")
    assert len(playbooks) >= 7
    assert [name for name in playbooks if f'job.run("{name}"' not in text] == []


@pytest.mark.parametrize("is_check", [True, False])
def test_facts_with_every_answer_blank_reports_all_containers_and_publishes_them(simulator, job, is_check):
    done = job.run("facts.yml", answers_to("facts"), job.credential_of(simulator), is_check=is_check)
    assert (done.status, done.changed) == ("successful", 0), done.output
    assert sorted(done.artifacts["lxc_containers_found"]) == [*(str(vmid) for vmid in range(101, 113)), "9000"]
    assert done.artifacts["lxc_unreachable_nodes"] == []


def test_facts_with_answers_reports_those_containers_with_their_configuration(simulator, job):
    answers = answers_to("facts", lxc_vmids="101, 102", lxc_status=["running"], lxc_gather=["config", "pending"])
    done = job.run("facts.yml", answers, job.credential_of(simulator))
    assert done.status == "successful", done.output
    assert sorted(done.artifacts["lxc_containers_found"]) == ["101", "102"]
    assert len(done.artifacts["lxc_containers_found"]["101"]["config"]["digest"]) == 40


def test_resize_in_check_mode_shows_the_change_then_makes_it_then_changes_nothing(simulator, job):
    cores, memory = cores_and_memory(simulator, 101)
    answers = answers_to("resize", lxc_vmids="101", lxc_cores=str(cores + 1), lxc_memory=str(memory + 256))
    credential = job.credential_of(simulator)

    checked = job.run("resize.yml", answers, credential, is_check=True)
    assert (checked.status, checked.changed) == ("successful", 1), checked.output
    assert f"memory {memory} -> {memory + 256}" in checked.output
    assert cores_and_memory(simulator, 101) == (cores, memory)

    made = job.run("resize.yml", answers, credential)
    assert (made.status, made.changed) == ("successful", 1), made.output
    assert cores_and_memory(simulator, 101) == (cores + 1, memory + 256)
    [result] = made.artifacts["lxc_results"]
    assert (result["vmid"], result["changed"], result["before"]["memory"], result["after"]["memory"]) == (101, True, memory, memory + 256)

    again = job.run("resize.yml", answers, credential)
    assert (again.status, again.changed) == ("successful", 0), again.output


def test_resize_takes_an_answer_of_zero_for_an_answer_and_leaves_what_is_blank(simulator, job):
    before = cores_and_memory(simulator, 102)
    for swap in (64, 0):
        done = job.run("resize.yml", answers_to("resize", lxc_vmids="102", lxc_swap=swap), job.credential_of(simulator))
        assert (done.status, done.changed) == ("successful", 1), done.output
        assert simulator.guest(102)["config"]["swap"] == str(swap)
    assert cores_and_memory(simulator, 102) == before


def test_resize_with_every_size_blank_says_so_and_sends_nothing(simulator, job):
    simulator.reset_requests()
    done = job.run("resize.yml", answers_to("resize", lxc_vmids="101"), job.credential_of(simulator))
    assert (done.status, simulator.requests()) == ("failed", [])
    assert "nothing is asked for; give at least one of cores, cpulimit" in done.output


def test_resize_that_fails_for_one_container_fails_the_job_and_publishes_both_results(simulator, job):
    done = job.run("resize.yml", answers_to("resize", lxc_vmids="101,999", lxc_cores="+1"), job.credential_of(simulator))
    assert done.status == "failed"
    assert [(result["vmid"], result["failed"]) for result in done.artifacts["lxc_results"]] == [(101, False), (999, True)]


def test_resize_grows_the_root_disk_once(simulator, job):
    before = simulator.guest(101)["config"]["rootfs"]
    answers = answers_to("resize", lxc_vmids="101", lxc_disk_size="64G")
    credential = job.credential_of(simulator)
    made = job.run("resize.yml", answers, credential)
    assert (made.status, made.changed) == ("successful", 1), made.output
    assert "size=64G" not in before
    assert "size=64G" in simulator.guest(101)["config"]["rootfs"]
    again = job.run("resize.yml", answers, credential)
    assert (again.status, again.changed) == ("successful", 0), again.output


def test_power_in_check_mode_stops_nothing_then_stops_then_changes_nothing(simulator, job):
    answers = answers_to("power", lxc_state="stopped", lxc_vmids="101,102", lxc_timeout=10)
    credential = job.credential_of(simulator)

    checked = job.run("power.yml", answers, credential, is_check=True)
    assert (checked.status, checked.changed) == ("successful", 1), checked.output
    assert [simulator.guest(vmid)["status"] for vmid in (101, 102)] == ["running", "running"]

    made = job.run("power.yml", answers, credential)
    assert (made.status, made.changed) == ("successful", 1), made.output
    assert [simulator.guest(vmid)["status"] for vmid in (101, 102)] == ["stopped", "stopped"]
    assert [(result["vmid"], result["changed"]) for result in made.artifacts["lxc_results"]] == [(101, True), (102, True)]

    again = job.run("power.yml", answers, credential)
    assert (again.status, again.changed) == ("successful", 0), again.output


def test_power_with_every_way_to_name_containers_blank_touches_none(simulator, job):
    simulator.reset_requests()
    done = job.run("power.yml", answers_to("power", lxc_state="stopped"), job.credential_of(simulator))
    assert (done.status, simulator.requests()) == ("failed", [])
    assert "at least one of lxc_vmids, lxc_names, lxc_nodes" in done.output


def test_clone_in_check_mode_makes_nothing_then_clones_then_changes_nothing(simulator, job):
    answers = answers_to("clone", lxc_name="awx-clone", lxc_source_vmid=9000, lxc_memory="768")
    # The usual token may not write tags and descriptions, which every clone gets.
    credential = job.credential_of(simulator, user="root@pam", token_id="all", token_secret=simulator.tokens["root@pam!all"])
    before = set(simulator.state()["guests"])

    checked = job.run("clone.yml", answers, credential, is_check=True)
    assert (checked.status, checked.changed) == ("successful", 1), checked.output
    assert set(simulator.state()["guests"]) == before

    made = job.run("clone.yml", answers, credential)
    assert (made.status, made.changed) == ("successful", 1), made.output
    [vmid] = set(simulator.state()["guests"]) - before
    guest = simulator.guest(int(vmid))
    assert (guest["name"], guest["config"]["memory"], guest["status"]) == ("awx-clone", "768", "stopped")
    assert [result["vmid"] for result in made.artifacts["lxc_results"]] == [int(vmid)]

    again = job.run("clone.yml", answers, credential)
    assert (again.status, again.changed) == ("successful", 0), again.output


@pytest.mark.parametrize("is_check", [True, False])
def test_autoscale_report_names_what_should_change_and_publishes_every_container(simulator, job, is_check):
    fill_memory(simulator, 101)
    simulator.reset_requests()
    done = job.run("autoscale_report.yml", answers_to("autoscale_report"), job.credential_of(simulator), is_check=is_check)
    assert (done.status, done.changed) == ("successful", 0), done.output
    assert {request["method"] for request in simulator.requests()} == {"GET"}
    found = {result["vmid"]: result for result in done.artifacts["lxc_results"]}
    assert sorted(found) == [*range(101, 113), 9000]
    assert (found[101]["should_change"], found[101]["changed"]) == (True, False)
    assert done.artifacts["lxc_totals"]["should_change"] >= 1
    assert "VMID   NAME" in done.output


def test_autoscale_cycle_makes_its_state_then_checks_then_applies_and_rollback_puts_it_back(simulator, job, tmp_path):
    _cores, before = cores_and_memory(simulator, 101)
    fill_memory(simulator, 101)
    state = str(tmp_path / "autoscale" / "state.sqlite")
    answers = answers_to("autoscale_cycle", lxc_mode="apply", lxc_vmids="101", lxc_state_path=state)
    credential = job.credential_of(simulator)

    first = job.run("autoscale_cycle.yml", answers, credential)
    assert (first.status, first.changed, cores_and_memory(simulator, 101)[1]) == ("successful", 0, before), first.output
    assert "the next one that finds it applies" in first.output

    # Figures that have not moved since the last run would be stale.
    simulator.advance(10)
    checked = job.run("autoscale_cycle.yml", answers, credential, is_check=True)
    assert (checked.status, checked.changed, cores_and_memory(simulator, 101)[1]) == ("successful", 1, before), checked.output

    simulator.advance(10)
    made = job.run("autoscale_cycle.yml", answers, credential)
    assert (made.status, made.changed) == ("successful", 1), made.output
    grown = cores_and_memory(simulator, 101)[1]
    assert grown > before
    [result] = [result for result in made.artifacts["lxc_results"] if result["vmid"] == 101]
    assert (result["before"]["memory"], result["after"]["memory"], result["changed"]) == (before, grown, True)

    simulator.set_guest(101, anon_mib=100)
    simulator.advance(20)
    wanted = answers_to("autoscale_rollback", lxc_vmids="101", lxc_state_path=state, lxc_force="true")
    shown = job.run("autoscale_rollback.yml", wanted, credential, is_check=True)
    assert (shown.status, shown.changed, cores_and_memory(simulator, 101)[1]) == ("successful", 1, grown), shown.output
    back = job.run("autoscale_rollback.yml", wanted, credential)
    assert (back.status, back.changed, cores_and_memory(simulator, 101)[1]) == ("successful", 1, before), back.output
    assert [result["reason"] for result in back.artifacts["lxc_results"]] == ["rolled_back"]


def test_autoscale_rollback_without_nodes_and_without_a_state_says_what_it_needs(simulator, job):
    done = job.run("autoscale_rollback.yml", answers_to("autoscale_rollback", lxc_vmids="101"), job.credential_of(simulator))
    assert done.status == "failed"
    assert "an inventory with the nodes, or lxc_state_path" in done.output


def test_a_credential_with_a_password_that_skips_verification_works(simulator, job):
    user = "root@pam"
    credential = job.credential_of(simulator, user=user, token_id="", token_secret="", ca="", password=simulator.users[user]["password"], insecure=True)
    done = job.run("facts.yml", answers_to("facts", lxc_vmids="101"), credential)
    assert done.status == "successful", done.output


def test_a_credential_without_ca_refuses_a_certificate_that_nobody_signed(simulator, job):
    done = job.run("facts.yml", answers_to("facts"), job.credential_of(simulator, ca=""))
    assert done.status == "failed"
    assert "certificate" in done.output


def test_no_secret_of_the_credential_is_in_the_output_of_a_verbose_job(simulator, job):
    done = job.run("facts.yml", answers_to("facts", lxc_vmids="101"), job.credential_of(simulator), options="-vvv")
    assert done.status == "successful"
    assert simulator.tokens["automation@pve!resize"] not in done.output
