# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX accepts as a credential type and as a survey, and how it turns a credential into environment variables and files.

Written down from reading AWX 24: `CredentialTypeInputField`, `CredentialTypeInjectorField` and `CredentialType.inject_credential` of its
models, and `JobTemplateSurveySpec._validate_spec_data` of its API. Each function returns or raises what a reader of a failed test can act on.
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

FIELD_KEYS = {"id", "label", "type", "format", "choices", "help_text", "multiline", "secret", "ask_at_runtime", "default"}
STRING_ONLY_KEYS = ("choices", "multiline", "format", "secret")
IDENTIFIER = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
FILE_LABEL = re.compile(r"template(\.[a-zA-Z_][a-zA-Z0-9_]*)?")
# What a job itself needs; AWX refuses a credential type that would overwrite it.
REFUSED_VARIABLES = {"PATH", "PYTHONPATH", "VIRTUAL_ENV", "HOME", "LD_LIBRARY_PATH", "JOB_ID", "INVENTORY_ID", "INVENTORY_SOURCE_ID", "REST_API_URL"}
QUESTION_TYPES = {"text", "textarea", "password", "multiplechoice", "multiselect", "integer", "float"}
DEFAULT_TYPES: dict[str, type | tuple[type, ...]] = {"integer": int, "float": (int, float)}


class _Names:
    """The variable `tower`: attributes as they come."""


def credential_type_problems(definition: Mapping[str, Any]) -> list[str]:
    """Return everything for which AWX would refuse a credential type."""
    problems = [f"{name} is missing" for name in ("name", "kind", "inputs", "injectors") if not definition.get(name)]
    if definition.get("kind") not in ("cloud", "net"):
        problems.append(f"kind {definition.get('kind')!r}: only cloud and net can be made")
    fields = definition.get("inputs", {}).get("fields", [])
    problems += [problem for field in fields for problem in _field_problems(field)]
    ids = [field.get("id") for field in fields]
    problems += [f"field {name} is there twice" for name in sorted({name for name in ids if ids.count(name) > 1})]
    problems += [f"required {name} is no field" for name in definition.get("inputs", {}).get("required", []) if name not in ids]
    return problems + list(_injector_problems(definition.get("injectors", {}), ids))


def _field_problems(field: Mapping[str, Any]) -> Iterator[str]:
    name = field.get("id", "")
    if not IDENTIFIER.fullmatch(name) or name == "tower" or not field.get("label"):
        yield f"field {name!r}: needs a label and an identifier as id, which may not be tower"
    if set(field) - FIELD_KEYS:
        yield f"field {name}: unknown {sorted(set(field) - FIELD_KEYS)}"
    if field.get("type", "string") not in ("string", "boolean"):
        yield f"field {name}: type is string or boolean"
    if field.get("type") == "boolean":
        yield from (f"field {name}: {key} is not for a boolean" for key in STRING_ONLY_KEYS if key in field)
    if field.get("format", "ssh_private_key") != "ssh_private_key":
        yield f"field {name}: the only format is ssh_private_key"
    if "choices" in field and field.get("default") not in (None, *field["choices"]):
        yield f"field {name}: the default is no choice"


def _injector_problems(injectors: Mapping[str, Any], ids: list[str]) -> Iterator[str]:
    if set(injectors) - {"file", "env", "extra_vars"}:
        yield f"unknown injectors {sorted(set(injectors) - {'file', 'env', 'extra_vars'})}"
    files = injectors.get("file", {})
    yield from (f"file {label}: is template or template.NAME" for label in files if not FILE_LABEL.fullmatch(label))
    if "template" in files and len(files) > 1:
        yield "one file is template; several are template.NAME each"
    for variable in injectors.get("env", {}):
        if not IDENTIFIER.fullmatch(variable) or variable.startswith("ANSIBLE_") or variable in REFUSED_VARIABLES:
            yield f"environment variable {variable} is not allowed"
    tower = _Names()
    tower.filename = _Names()  # type: ignore[attr-defined]
    for label in files:
        setattr(tower.filename, label.partition(".")[2], "EXAMPLE_FILENAME")  # type: ignore[attr-defined]
    environment = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)
    for kind, templates in injectors.items():
        for name, text in templates.items():
            try:
                environment.from_string(text).render({**dict.fromkeys(ids, "EXAMPLE"), "tower": tower})
            except jinja2.TemplateError as error:
                yield f"{kind} {name}: {error}"


def inject_credential(definition: Mapping[str, Any], inputs: Mapping[str, Any], folder: pathlib.Path) -> dict[str, str]:
    """Return the environment variables of a job whose credential was filled in so; its files are written into `folder`.

    A field that was left blank is undefined, but for a boolean, which is False. A blank file template makes an empty file.
    """
    namespace: dict[str, Any] = {name: value for name, value in inputs.items() if isinstance(value, bool) or len(value)}
    for field in definition["inputs"]["fields"]:
        if field["type"] == "boolean":
            namespace.setdefault(field["id"], False)
    environment = ImmutableSandboxedEnvironment()
    tower = _Names()
    tower.filename = _Names()  # type: ignore[attr-defined]
    for label, text in definition["injectors"].get("file", {}).items():
        path = folder / f"credential_{label}"
        path.write_text(environment.from_string(text).render(**namespace), encoding="utf-8")
        path.chmod(0o600)
        setattr(tower.filename, label.partition(".")[2], str(path))  # type: ignore[attr-defined]
    namespace["tower"] = tower
    return {name: environment.from_string(text).render(**namespace) for name, text in definition["injectors"].get("env", {}).items()}


def survey_problems(survey: Mapping[str, Any]) -> list[str]:
    """Return everything for which AWX would refuse a survey."""
    problems = [f"{name} is missing or no text" for name in ("name", "description") if not isinstance(survey.get(name), str)]
    questions = survey.get("spec")
    if not isinstance(questions, list) or not questions:
        return [*problems, "spec must be a list with a question"]
    problems += [f"question {number}: {problem}" for number, question in enumerate(questions) for problem in _question_problems(question)]
    variables = [question.get("variable") for question in questions]
    return problems + [f"variable {name} is asked for twice" for name in sorted({name for name in variables if variables.count(name) > 1})]


def _question_problems(question: Mapping[str, Any]) -> Iterator[str]:
    kind = question.get("type")
    if kind not in QUESTION_TYPES:
        yield f"type {kind!r} is none of {sorted(QUESTION_TYPES)}"
    yield from (f"{name} is missing" for name in ("question_name", "variable", "required") if name not in question)
    if " " in question.get("variable", ""):
        yield "a variable has no spaces"
    for name in ("min", "max"):
        bound = question.get(name)
        if bound is not None and (not isinstance(bound, int) or isinstance(bound, bool)):
            yield f"{name} must be an integer or absent"
    default = question.get("default", "")
    if default != "" and not isinstance(default, DEFAULT_TYPES.get(str(kind), str)):
        yield f"default {default!r} has the wrong type"
    if kind in ("multiplechoice", "multiselect"):
        yield from _choice_problems(question, str(default))


def _choice_problems(question: Mapping[str, Any], default: str) -> Iterator[str]:
    choices = question.get("choices")
    if not isinstance(choices, list) or not choices:
        yield "choices must be a list"
        return
    chosen = default.splitlines() if question["type"] == "multiselect" else [default] if default else []
    yield from (f"default {name!r} is no choice" for name in chosen if name not in choices)


def survey_variables(survey: Mapping[str, Any], answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the extra variables of a job that was launched with these answers; what is not in `answers` was left blank.

    A blank text without a least length becomes an empty text, a blank multiple selection an empty list, a blank number is absent.

    Raises:
        ValueError: AWX would not launch the job with these answers.
    """
    variables: dict[str, Any] = {}
    for question in survey["spec"]:
        name = question["variable"]
        value = answers.get(name, question.get("default", ""))
        if value in ("", []) and question["required"]:
            raise ValueError(f"{name} must be answered")
        if value in ("", []) and question["type"] in ("integer", "float", "multiplechoice"):
            continue
        if value in ("", []) and question["type"] == "multiselect":
            value = []
        _require_answer(question, value)
        variables[name] = value
    if set(answers) - set(variables):
        raise ValueError(f"not asked for: {sorted(set(answers) - set(variables))}")
    return variables


def _require_answer(question: Mapping[str, Any], value: Any) -> None:
    name = question["variable"]
    size = value if question["type"] in ("integer", "float") else len(value)
    if question["type"] not in ("multiplechoice", "multiselect"):
        low, high = question.get("min"), question.get("max")
        if (low is not None and size < low) or (high is not None and size > high):
            raise ValueError(f"{name} = {value!r} is not within {low} and {high}")
    elif set([value] if isinstance(value, str) else value) - set(question["choices"]):
        raise ValueError(f"{name} = {value!r} is no choice")
