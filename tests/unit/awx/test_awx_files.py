# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of awx/ are what AWX accepts, and they agree with each other and with the playbooks."""

from __future__ import annotations

import copy
import json
import pathlib
import re
from typing import Any

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
AWX = ROOT / "awx"
SURVEYS = sorted(path.name for path in (AWX / "surveys").glob("*.json"))


def read_json(name: str) -> Any:
    return json.loads((AWX / name).read_text(encoding="utf-8"))


@pytest.fixture
def rules() -> Any:
    from support import awx_rules

    return awx_rules


@pytest.fixture
def credential_type() -> Any:
    return read_json("credential_type.json")


def test_awx_accepts_the_credential_type(rules, credential_type):
    assert rules.credential_type_problems(credential_type) == []


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("kind",), "vault", "kind 'vault': only cloud and net can be made"),
        (("inputs", "required"), ["host", "realm"], "required realm is no field"),
        (("injectors", "env", "ANSIBLE_HOST"), "{{ host }}", "environment variable ANSIBLE_HOST is not allowed"),
        (("injectors", "env", "PATH"), "{{ host }}", "environment variable PATH is not allowed"),
        (("injectors", "env", "PROXMOX_HOST"), "{{ hostname }}", "env PROXMOX_HOST: 'hostname' is undefined"),
        (("injectors", "file", "key"), "{{ ssh_key }}", "file key: is template or template.NAME"),
    ],
)
def test_the_rules_refuse_a_broken_credential_type(rules, credential_type, path, value, problem):
    broken = copy.deepcopy(credential_type)
    place = broken
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert rules.credential_type_problems(broken) == [problem]


def test_the_rules_refuse_a_choice_for_a_boolean_and_a_field_there_twice(rules, credential_type):
    credential_type["inputs"]["fields"] += [{"id": "insecure", "label": "Again", "type": "boolean", "secret": True}]
    assert rules.credential_type_problems(credential_type) == ["field insecure: secret is not for a boolean", "field insecure is there twice"]


def test_a_token_with_a_ca_is_rendered_and_everything_else_is_empty(rules, credential_type, tmp_path):
    inputs = {"host": "pve.example.com", "user": "automation@pve", "token_id": "ansible", "token_secret": "s3cret", "ca": "-----BEGIN CERTIFICATE-----\n"}
    variables = rules.inject_credential(credential_type, inputs, tmp_path)
    assert variables == {
        "PROXMOX_HOST": "pve.example.com",
        "PROXMOX_PORT": "8006",
        "PROXMOX_URL": "https://pve.example.com:8006",
        "PROXMOX_USER": "automation@pve",
        "PROXMOX_TOKEN_ID": "ansible",
        "PROXMOX_TOKEN_SECRET": "s3cret",
        "PROXMOX_PASSWORD": "",
        "PROXMOX_VALIDATE_CERTS": "True",
        "PROXMOX_CA_PATH": str(tmp_path / "credential_template.ca"),
        "PROXMOX_FINGERPRINT": "",
        "PROXMOX_SSH_HOST": "",
        "PROXMOX_SSH_USER": "",
        "PROXMOX_SSH_BECOME": "",
        "PROXMOX_SSH_KNOWN_HOSTS": "",
        "PROXMOX_SSH_KEY_FILE": "",
    }
    assert (tmp_path / "credential_template.ca").read_text(encoding="utf-8") == "-----BEGIN CERTIFICATE-----\n"


def test_skipping_verification_and_a_ssh_key_are_rendered(rules, credential_type, tmp_path):
    inputs = {"host": "pve", "user": "root@pam", "password": "p", "insecure": True, "ssh_key": "KEY\n", "ssh_become": "sudo"}
    variables = rules.inject_credential(credential_type, inputs, tmp_path)
    assert (variables["PROXMOX_VALIDATE_CERTS"], variables["PROXMOX_CA_PATH"]) == ("False", "")
    assert (variables["PROXMOX_SSH_KEY_FILE"], variables["PROXMOX_SSH_BECOME"]) == (str(tmp_path / "credential_template.ssh_key"), "sudo")
    assert oct((tmp_path / "credential_template.ssh_key").stat().st_mode & 0o777) == "0o600"


@pytest.mark.parametrize("name", SURVEYS)
def test_awx_accepts_the_survey(rules, name):
    assert rules.survey_problems(read_json(f"surveys/{name}")) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"type": "number"}, "question 0: type 'number' is none of"),
        ({"min": ""}, "question 0: min must be an integer or absent"),
        ({"default": 5}, "question 0: default 5 has the wrong type"),
        ({"type": "multiplechoice"}, "question 0: choices must be a list"),
        ({"type": "multiplechoice", "choices": ["a"], "default": "b"}, "question 0: default 'b' is no choice"),
        ({"variable": "lxc vmids"}, "question 0: a variable has no spaces"),
    ],
)
def test_the_rules_refuse_a_broken_survey(rules, change, problem):
    survey = {"name": "n", "description": "d", "spec": [{"type": "text", "question_name": "q", "variable": "v", "required": False, **change}]}
    [found] = rules.survey_problems(survey)
    assert found.startswith(problem)


def test_the_rules_refuse_a_survey_without_questions_and_a_variable_asked_for_twice(rules):
    question = {"type": "text", "question_name": "q", "variable": "v", "required": False}
    assert rules.survey_problems({"name": "n", "description": "d", "spec": []}) == ["spec must be a list with a question"]
    assert rules.survey_problems({"name": "n", "description": "d", "spec": [question, question]}) == ["variable v is asked for twice"]


def test_a_blank_text_is_empty_a_blank_number_is_absent_and_a_blank_choice_is_an_empty_list(rules):
    assert rules.survey_variables(read_json("surveys/resize.json"), {"lxc_vmids": "101"}) == {
        "lxc_vmids": "101",
        "lxc_cores": "",
        "lxc_cpulimit": "",
        "lxc_memory": "",
        "lxc_disk_size": "",
        "lxc_restart": "never",
        "lxc_force": "false",
    }
    assert rules.survey_variables(read_json("surveys/facts.json"), {})["lxc_gather"] == []


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({}, "lxc_vmids must be answered"),
        ({"lxc_vmids": "10"}, "lxc_vmids = '10' is not within 3 and 1024"),
        ({"lxc_vmids": "101", "lxc_swap": -1}, "lxc_swap = -1 is not within 0 and 4194304"),
        ({"lxc_vmids": "101", "lxc_force": "maybe"}, "lxc_force = 'maybe' is no choice"),
        ({"lxc_vmids": "101", "lxc_disk": "5G"}, "not asked for: ['lxc_disk']"),
    ],
)
def test_answers_that_awx_would_not_take_are_refused(rules, answers, problem):
    with pytest.raises(ValueError, match=re.escape(problem)):
        rules.survey_variables(read_json("surveys/resize.json"), answers)


@pytest.mark.parametrize("name", SURVEYS)
def test_every_variable_of_a_survey_is_read_by_its_playbook_and_named_in_its_head(name):
    text = (ROOT / "playbooks" / f"{pathlib.Path(name).stem}.yml").read_text(encoding="utf-8")
    head, _separator, body = text.partition("\n- name:")
    variables = [question["variable"] for question in read_json(f"surveys/{name}")["spec"]]
    assert [variable for variable in variables if f"{variable} " not in head + " " and f"{variable}\n" not in head] == []
    assert [variable for variable in variables if not re.search(rf"\b{variable}\b", body)] == []


def test_every_job_template_has_its_survey_and_its_playbook_in_the_sample_project():
    templates = read_json("job_templates.json")
    assert sorted(template["survey"] for template in templates) == SURVEYS
    assert sorted(template["playbook"] for template in templates) == sorted(path.name for path in (AWX / "project").glob("*.yml"))
    for template in templates:
        [play] = yaml.safe_load((AWX / "project" / template["playbook"]).read_text(encoding="utf-8"))
        name = play["ansible.builtin.import_playbook"].removeprefix("autoscale.proxmox.")
        assert (ROOT / "playbooks" / f"{name}.yml").is_file()


def test_a_schedule_answers_only_what_its_survey_asks(rules):
    scheduled = [(template["survey"], schedule) for template in read_json("job_templates.json") for schedule in template["schedules"]]
    assert len(scheduled) >= 1
    for survey, schedule in scheduled:
        assert re.fullmatch(r"DTSTART:\d{8}T\d{6}Z RRULE:FREQ=(DAILY|HOURLY);INTERVAL=\d+", schedule["rrule"])
        assert schedule["extra_data"].items() <= rules.survey_variables(read_json(f"surveys/{survey}"), schedule["extra_data"]).items()


def test_the_execution_environment_takes_the_collection_from_the_sample_projects_requirements():
    definition = yaml.safe_load((AWX / "execution-environment.yml").read_text(encoding="utf-8"))
    assert definition["version"] == 3
    [collection] = yaml.safe_load((AWX / definition["dependencies"]["galaxy"]).read_text(encoding="utf-8"))["collections"]
    assert collection["name"] == "autoscale.proxmox"
    assert definition["dependencies"]["ansible_core"]["package_pip"] == "ansible-core>=2.17"


def test_every_variable_of_the_credential_is_one_that_the_modules_read_or_the_inventory_plugin():
    readers = (ROOT / "plugins" / "doc_fragments" / "connection.py").read_text(encoding="utf-8")
    variables = set(read_json("credential_type.json")["injectors"]["env"]) - {"PROXMOX_URL"}
    not_read = sorted(variable for variable in variables if variable not in readers)
    assert not_read == []
