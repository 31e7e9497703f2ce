# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's defaults, its argument specification and its README.md say the same."""

from __future__ import annotations

import json
import pathlib
import re

import pytest
import yaml
from pve_lxc.autoscale.access.plan import Access
from pve_lxc.autoscale.configuration.pin import CREDENTIALS, NODE_FILES

ROOT = pathlib.Path(__file__).resolve().parents[3]
ROLE = ROOT / "roles" / "lxc_autoscale"
README = (ROLE / "README.md").read_text(encoding="utf-8")
DEFAULTS = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
OPTIONS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
TASKS = "".join(path.read_text(encoding="utf-8") for path in sorted(ROLE.rglob("*")) if path.is_file() and path.suffix in (".yml", ".j2"))


def test_every_variable_has_the_same_default_in_both_places():
    assert {name: option["default"] for name, option in OPTIONS.items()} == DEFAULTS
    assert len(DEFAULTS) >= 20


def test_the_readme_lists_each_variable_with_its_default():
    rows = dict(re.findall(r"^\| `(lxc_autoscale_\w+)` \| `([^`]*)` \|", README, re.MULTILINE))
    shown = {name: value if isinstance(value, str) and value else json.dumps(value) for name, value in DEFAULTS.items()}
    assert rows == shown


def test_every_variable_is_used_and_no_other():
    used = set(re.findall(r"(?<![_\w])lxc_autoscale_[a-z_]+", TASKS)) - {"lxc_autoscale_engine", "lxc_autoscale_hosts"}
    assert used == set(DEFAULTS)


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_every_option_has_a_type_and_a_description(name):
    assert {"type", "description", "default"} <= set(OPTIONS[name])


def test_the_privileges_of_the_readme_are_those_that_are_given():
    for role, privileges in Access().roles().items():
        (row,) = [line for line in README.splitlines() if f"| `{role}` |" in line and "the same" not in line]
        assert set(row.rsplit("|", 2)[1].strip().split(", ")) == set(privileges)


def test_the_units_hand_over_what_the_code_looks_for():
    variables = (ROLE / "vars" / "main.yml").read_text(encoding="utf-8")
    for name, path in zip(CREDENTIALS, NODE_FILES, strict=True):
        assert f"'LoadCredential={name}:{path}'" in variables
    assert f"'SetCredential={CREDENTIALS[0]}:none'" in variables


def test_the_unit_hides_nothing_that_the_loop_reads():
    service = (ROLE / "templates" / "lxc-autoscale.service.j2").read_text(encoding="utf-8")
    lines = [line for line in service.splitlines() if not line.startswith("#")]
    assert [line for line in lines if line.startswith(("ProcSubset=", "InaccessiblePaths="))] == []
    assert "After=network-online.target pve-cluster.service pveproxy.service pve-guests.service" in lines


def test_no_task_runs_on_one_node_for_all():
    # The first node may be the one that is down.
    assert "run_once" not in TASKS
    assert TASKS.count("throttle: 1") == 2
