# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration file: what is read, and that every problem is named at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[5]
MINIMAL = "connection: {token_id: 'lxc-autoscale@pve!node-pve1'}\n"
SECRET = {"PROXMOX_TOKEN_SECRET": "5ecret"}


def parse(text, environment=None):
    from pve_lxc.autoscale.config_file import parse_config

    return parse_config(text, source="config.yaml", environment=SECRET if environment is None else environment)


def problems_of(text, environment=None):
    from pve_lxc.errors import ConfigError

    with pytest.raises(ConfigError) as caught:
        parse(text, environment)
    return {problem.place: (problem.value, problem.message) for problem in caught.value.problems}


def test_smallest_file_recommends_for_every_container():
    config = parse(MINIMAL)
    assert (config.mode, config.selection.is_all, config.observe.source) == ("recommend", True, "auto")
    assert (config.connection.host, config.connection.port, config.connection.validate_certs) == ("localhost", 8006, True)
    assert config.state_path == "/var/lib/lxc-autoscale/state.sqlite"
    assert config.settings.general.policy.interval_seconds == 60.0


def test_every_problem_is_named_at_once_with_place_value_and_what_is_allowed():
    text = """
connection:
  hots: pve1
  port: 70000
  user: automation@pve
  password_file: /nonexistent/secret
mode: aply
policy:
  cpu_tolerance: much
  memory_recent_margn: 1.1
bounds:
  min_memory_mib: 4096
  max_memory_mib: 1024
selection:
  vmids: [99, abc]
overrides:
  web1: {}
  101:
    bounds: {actuator: cpus}
    schedule: {}
"""
    assert problems_of(text) == {
        "connection.hots (line 3)": ("", "there is no such key; is host meant?"),
        "connection.port (line 4)": ("70000", "allowed is a whole number from 1 to 65535"),
        "connection.password_file (line 6)": ("/nonexistent/secret", "cannot be read: No such file or directory"),
        "mode (line 7)": ("aply", "allowed is one of recommend, apply"),
        "policy.cpu_tolerance (line 9)": ("much", "allowed is a number from 0.1 to 10"),
        "policy.memory_recent_margn (line 10)": ("", "there is no such key; is memory_recent_margin meant?"),
        "bounds.min_memory_mib (line 12)": ("4096", "min_memory_mib must be at most max_memory_mib (1024)"),
        "selection.vmids (line 15)": ("[99, 'abc']", "allowed is a list of container ids, each 100 or above"),
        "overrides.web1 (line 17)": ("", "allowed is a container id, 100 or above"),
        "overrides.101.bounds.actuator (line 19)": ("cpus", "allowed is one of auto, cpulimit, cores, both, none"),
        "overrides.101.schedule (line 20)": ("", "there is no such key; allowed are bounds, policy, threshold"),
    }


def test_unknown_section_is_an_error():
    assert problems_of(MINIMAL + "polcy: {}\n") == {"polcy (line 2)": ("", "there is no such key; is policy meant?")}


def test_text_that_is_no_yaml_is_one_problem_with_its_line():
    assert list(problems_of("mode: [apply\nnode: x\n")) == ["line 2"]


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n", "7\n"])
def test_file_without_keys_is_one_problem(text):
    assert problems_of(text)["the file"][1] == "sections with keys are wanted at the top"


def test_key_that_stands_twice_is_named_with_both_lines():
    assert problems_of(MINIMAL + "mode: apply\nmode: recommend\n") == {"mode (line 3)": ("", "it stands twice, first in line 2")}


def test_yes_is_not_a_number_and_one_is_not_a_switch():
    found = problems_of(MINIMAL + "policy: {cpu_tolerance: true, allow_blind_shrink: 1}\n")
    assert found["policy.cpu_tolerance (line 2)"] == ("true", "allowed is a number from 0.1 to 10")
    assert found["policy.allow_blind_shrink (line 2)"] == ("1", "allowed is true or false")


def test_overrides_stand_on_the_general_settings():
    config = parse(
        MINIMAL + "policy: {memory_recent_margin: 1.6}\noverrides:\n  101: {bounds: {max_memory_mib: 8192}}\n  '102': {policy: {cpu_tolerance: 0.5}}\n"
    )
    assert config.settings.of(101).bounds.max_memory_mib == 8192
    assert config.settings.of(101).policy.memory_recent_margin == 1.6
    assert config.settings.of(102).policy.cpu_tolerance == 0.5
    assert config.settings.of(103) is config.settings.general


@pytest.mark.parametrize(
    ("section", "tags", "is_selected"),
    [
        ("{}", ("a",), True),
        ("{}", ("autoscale-off",), False),
        ("{vmids: [102]}", (), False),
        ("{vmids: [101]}", (), True),
        ("{tags: [a]}", ("a", "b"), True),
        ("{tags: [a]}", ("b",), False),
        ("{all: true, ignore_vmids: [101]}", (), False),
        ("{all: false}", (), False),
    ],
)
def test_selection_says_who_is_managed(section, tags, is_selected):
    from pve_lxc.model.guest import Guest

    selection = parse(f"{MINIMAL}selection: {section}\n").selection
    assert selection.is_selected(Guest(101, "web", "pve1", "running", tags=tags)) is is_selected


def test_all_and_a_list_contradict_each_other():
    assert problems_of(MINIMAL + "selection: {all: true, vmids: [101]}\n") == {
        "selection.all (line 2)": ("true", "either all, or vmids, tags, pools and names")
    }


def test_secret_comes_from_its_file_before_the_environment(tmp_path):
    (tmp_path / "token").write_text("from-file\n")
    text = f"connection: {{token_id: 'a@pve!b', token_secret_file: {tmp_path}/token}}\n"
    assert parse(text).connection.token_secret == "from-file"


def test_secret_comes_from_systemds_credentials_before_the_environment(tmp_path):
    (tmp_path / "token_secret").write_text("from-systemd\n")
    assert parse(MINIMAL, {**SECRET, "CREDENTIALS_DIRECTORY": str(tmp_path)}).connection.token_secret == "from-systemd"


def test_missing_secret_is_a_problem_that_names_all_three_places():
    place, (value, message) = next(iter(problems_of(MINIMAL, {"PROXMOX_TOKEN_SECRET": ""}).items()))
    assert (place, value) == ("connection.token_secret_file", "")
    assert "credential token_secret" in message
    assert "PROXMOX_TOKEN_SECRET" in message


def test_no_identity_and_a_token_without_user_are_problems():
    assert list(problems_of("connection: {}\n")) == ["connection.token_id"]
    assert list(problems_of("connection: {token_id: ansible}\n")) == ["connection.user"]


def test_secrets_never_show():
    config = parse(MINIMAL)
    assert config.connection.token_secret == "5ecret"
    assert "5ecret" not in repr(config)


def test_missing_file_is_a_problem():
    from pve_lxc.autoscale.config_file import read_config
    from pve_lxc.errors import ConfigError

    with pytest.raises(ConfigError, match="there is no file /nonexistent/config.yaml on the machine"):
        read_config("/nonexistent/config.yaml", {})


def test_state_stands_in_systemds_folder_where_there_is_one():
    assert parse(MINIMAL, {**SECRET, "STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}).state_path == "/var/lib/a/state.sqlite"


GOOD = (
    MINIMAL
    + "node: pve1\nmode: apply\nselection: {vmids: [101], ignore_tags: [x]}\npolicy: {cpu_tolerance: 2}\noverrides:\n  101: {bounds: {max_cpu_cores: 4}}\n"
)


@settings(max_examples=400)
@given(
    st.integers(0, len(GOOD)),
    st.integers(0, 12),
    st.text(max_size=12) | st.sampled_from(["{", "]", ": ", "\n", "- ", "&a ", "*a", "!!int ", "2026-99-99", "~"]),
)
def test_mutated_file_is_read_or_refused_but_never_a_traceback(position, cut, inserted):
    from pve_lxc.errors import ConfigError

    text = GOOD[:position] + inserted + GOOD[position + cut :]
    try:
        assert parse(text).mode in ("recommend", "apply")
    except ConfigError as error:
        assert error.problems


def test_guide_names_every_key_with_its_default_and_what_is_allowed():
    from pve_lxc.autoscale.configuration.keys import SECTIONS, TIER_KEYS, TOP_KEYS

    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = {match[1]: match[2] for match in re.finditer(r"^\| `([a-z_.]+|tiers\.NAME\.[a-z_]+)` \| (.* \| .* \| .*) \|$", text, flags=re.MULTILINE)}
    sections = {**SECTIONS, "tiers.NAME": TIER_KEYS}
    keys = {**TOP_KEYS, **{f"{section}.{name}": key for section, keys in sections.items() for name, key in keys.items()}}
    assert rows == {name: table_row(key) for name, key in keys.items()}


def table_row(key):
    """Return the cells of a key: default, what is allowed, what it is for."""
    default = (
        {None: "-", "": "-", (): "-", True: "true", False: "false"}.get(key.default, key.default)
        if not isinstance(key.default, float | int) or isinstance(key.default, bool)
        else f"{key.default:.15g}"
    )
    shown = ", ".join(default) if isinstance(default, tuple) else default
    return f"{shown} | {key.describe_allowed()} | {key.about}"
