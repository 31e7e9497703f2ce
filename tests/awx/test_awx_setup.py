# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/awx_setup.yml against a stand-in of AWX's API."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAYBOOKS = sorted(path.name for path in (ROOT / "awx" / "project").glob("*.yml"))
PLAYBOOK = "autoscale.proxmox.awx_setup"
TEMPLATES = json.loads((ROOT / "awx" / "job_templates.json").read_text(encoding="utf-8"))


@pytest.fixture
def awx(tmp_path: pathlib.Path) -> Iterator[Any]:
    from support.awx_stand_in import start_awx_stand_in

    listener, awx = start_awx_stand_in(tmp_path, PLAYBOOKS)
    yield awx
    listener.shutdown()
    listener.server_close()


def variables_for(awx: Any, **more: Any) -> dict[str, Any]:
    return {
        "awx_host": awx.url + "/",
        "awx_token": "stand-in-token",
        "awx_ca_path": awx.ca_path,
        "awx_project_url": "https://git.example.com/team/proxmox.git",
        **more,
    }


def test_the_first_run_makes_everything_the_second_changes_nothing_and_the_third_sets_again_what_was_changed_by_hand(awx, job):
    type_id = awx.add("credential_types", {"name": "Machine", "kind": "ssh"})
    credential = awx.add("credentials", {"name": "cluster one", "credential_type": type_id})
    variables = variables_for(awx, awx_credential="cluster one", awx_execution_environment_image="images.example.com/proxmox-ee:1")

    first = job.run(PLAYBOOK, variables, None, options="-vvv")
    assert first.status == "successful", first.output
    assert "stand-in-token" not in first.output
    made = list(awx.writes)
    schedules = sum(len(template["schedules"]) for template in TEMPLATES)
    # Type, execution environment, project and inventory; per template itself, its survey and its credential; and the schedules.
    assert first.changed == len(made) == 4 + 3 * len(TEMPLATES) + schedules
    assert awx.named("credential_types", "Proxmox VE")["injectors"]["env"]["PROXMOX_HOST"] == "{{ host }}"
    assert [entry["name"] for entry in awx.objects["job_templates"].values()] == [template["name"] for template in TEMPLATES]
    for template in TEMPLATES:
        entry = awx.named("job_templates", template["name"])
        assert (entry["playbook"], entry["survey_enabled"], entry["ask_job_type_on_launch"]) == (template["playbook"], True, True)
        assert entry["execution_environment"] == awx.named("execution_environments", "Proxmox VE containers")["id"]
        assert awx.attached[entry["id"]] == [credential]
        assert awx.surveys[entry["id"]] == json.loads((ROOT / "awx" / "surveys" / template["survey"]).read_text(encoding="utf-8"))

    second = job.run(PLAYBOOK, variables, None)
    assert (second.status, second.changed, awx.writes[len(made) :]) == ("successful", 0, [])

    template = awx.named("job_templates", "Proxmox containers: resize")
    template["ask_job_type_on_launch"] = False
    template["forks"] = 7
    third = job.run(PLAYBOOK, variables, None)
    assert (third.status, third.changed, awx.writes[len(made) :]) == ("successful", 1, [f"PATCH job_templates/{template['id']}"])
    assert (template["ask_job_type_on_launch"], template["forks"]) == (True, 7)


def test_check_mode_writes_nothing_and_says_what_it_would(awx, job):
    checked = job.run(PLAYBOOK, variables_for(awx), None, is_check=True)
    assert (checked.status, awx.writes) == ("successful", [])
    # Type, project, inventory and the job templates; what hangs on a template cannot be compared before it is there.
    assert checked.changed == 3 + len(TEMPLATES)


def test_a_wrong_token_is_what_the_message_says(awx, job):
    done = job.run(PLAYBOOK, variables_for(awx, awx_token="another"), None)
    assert (done.status, awx.writes) == ("failed", [])
    assert "401" in done.output
    assert "Authentication credentials were not provided" in done.output


def test_a_missing_organization_is_named(awx, job):
    done = job.run(PLAYBOOK, variables_for(awx, awx_organization="Nobody"), None)
    assert (done.status, awx.writes) == ("failed", [])
    assert "has no organizations named Nobody that this user may see" in done.output


def test_missing_answers_are_asked_for_before_anything_is_sent(awx, job):
    done = job.run(PLAYBOOK, {"awx_host": awx.url, "awx_token": "", "awx_project_url": ""}, None)
    assert (done.status, awx.writes) == ("failed", [])
    assert "awx_project_url, the git address of your copy" in done.output


def test_a_playbook_that_the_project_lacks_is_the_error_of_awx(awx, job):
    awx.playbooks = ["facts.yml"]
    done = job.run(PLAYBOOK, variables_for(awx), None)
    assert done.status == "failed"
    assert "Playbook not found for project." in done.output
