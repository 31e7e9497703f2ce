# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON schema that editors read says what the reader of the configuration file does."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[5]
FOLDER = ROOT / "docs" / "schema"
SCHEMA = json.loads((FOLDER / "lxc-autoscale.schema.json").read_text(encoding="utf-8"))
MINIMAL = "connection: {token_id: 'a@pve!b'}\n"


def is_good_for_the_schema(text):
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(json.loads(json.dumps(yaml.safe_load(text))))


def is_good_for_the_reader(text):
    from pve_lxc.autoscale.config_file import parse_config
    from pve_lxc.errors import ConfigError

    try:
        parse_config(text, source="config.yaml", environment={"PROXMOX_TOKEN_SECRET": "x"})
    except ConfigError:
        return False
    return True


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_schema", FOLDER / "make_schema.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_shipped_schema_is_the_one_that_the_script_makes(script):
    assert script.SCHEMA.read_text(encoding="utf-8") == script.schema_text(), "run: python docs/schema/make_schema.py"


def test_tables_of_the_guide_are_those_that_the_script_makes(script):
    text = script.GUIDE.read_text(encoding="utf-8")
    assert text == script.guide_text(text), "run: python docs/schema/make_schema.py"
    assert "| `threshold.step_factor` | 1 | a number from 0.1 to 10 |" in text
    damaged = text.replace("| `mode` | recommend |", "| `mode` | apply |")
    assert damaged != text
    assert script.guide_text(damaged) == text


def test_schema_is_one_and_knows_every_key():
    from pve_lxc.autoscale.configuration.keys import OVERRIDE_SECTIONS, SCHEDULE_KEYS, SCHEDULE_SECTIONS, SECTIONS, TIER_KEYS, TOP_KEYS

    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["properties"]) == {*TOP_KEYS, *SECTIONS, "notify", "tiers", "overrides", "schedules"}
    assert {name: set(section["properties"]) for name, section in SCHEMA["$defs"].items()} == {name: set(keys) for name, keys in OVERRIDE_SECTIONS.items()}
    of_node = set(SECTIONS["policy"]) - set(OVERRIDE_SECTIONS["policy"])
    assert len(of_node) == 9
    assert set(SCHEMA["properties"]["policy"]["properties"]) == set(SECTIONS["policy"])
    (tier,) = SCHEMA["properties"]["tiers"]["patternProperties"].values()
    assert set(tier["properties"]) == {*TIER_KEYS, *OVERRIDE_SECTIONS}
    (schedule,) = SCHEMA["properties"]["schedules"]["patternProperties"].values()
    assert set(schedule["properties"]) == {*SCHEDULE_KEYS, *SCHEDULE_SECTIONS}
    assert set(schedule["properties"]["policy"]["properties"]) == {"preset"}


@pytest.mark.parametrize(
    ("text", "is_good"),
    [
        ("", True),
        ("mode: apply\nselection: {vmids: [101, '102'], names: ['web*']}\n", True),
        ("bounds: {max_memory_mib: 4096, min_memory_mib: null}\n", True),
        ("tiers: {db: {tags: [db], threshold: {cpu_upper_percent: 70}}}\n", True),
        ("overrides: {'101': {policy: {algorithm: threshold}}}\n", True),
        ("schedules: {night: {from: '22:00', to: '6:00', save_energy: cpu, days: [mon, sun]}}\n", True),
        ("schedules: {office: {from: '08:00', to: '24:00', policy: {preset: safe}, bounds: {min_cpu_cores: 2}}}\n", True),
        ("schedules: {night: {to: '06:00', save_energy: cpu}}\n", False),
        ("schedules: {night: {from: , to: '06:00', save_energy: cpu}}\n", False),
        ("schedules: {night: {from: '24:30', to: '06:00', save_energy: cpu}}\n", False),
        ("schedules: {night: {from: '22:00', to: '06:00', save_energy: memory}}\n", False),
        ("schedules: {night: {from: '22:00', to: '06:00', days: [monday], save_energy: cpu}}\n", False),
        ("schedules: {night: {from: '22:00', to: '06:00', policy: {season: weekly}}}\n", False),
        ("mode: aply\n", False),
        ("polcy: {}\n", False),
        ("interval_seconds: 1\n", False),
        ("bounds: {max_memory_mib: 4096.5}\n", False),
        ("policy: {allow_blind_shrink: 1}\n", False),
        ("selection: {vmids: [99]}\n", False),
        ("selection: {tags: web}\n", False),
        ("policy: {cycle_changes: 5, overcommit_ratio: null}\n", True),
        ("tiers: {db: {tags: [db], policy: {cycle_changes: 5}}}\n", False),
        ("overrides: {'101': {policy: {host_memory_reserve_share: 0.1}}}\n", False),
        ("schedules: {office: {from: '08:00', to: '24:00', policy: {preset: safe, cycle_memory_mib: 64}}}\n", False),
        ("tiers: {Db: {}}\n", False),
        ("tiers: {db: {vmid: [101]}}\n", False),
        ("overrides: {'99': {}}\n", False),
        ("overrides: {'101': {selection: {}}}\n", False),
    ],
)
def test_schema_and_reader_agree(text, is_good):
    whole = MINIMAL + text
    assert (is_good_for_the_schema(whole), is_good_for_the_reader(whole)) == (is_good, is_good)


def test_examples_of_the_guide_are_good():
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    assert len(examples) >= 4
    assert [example for example in examples if not is_good_for_the_schema(example)] == []
