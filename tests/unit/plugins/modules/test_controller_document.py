# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/controller.md and the heads of the playbooks name every variable that the playbooks of the loop take, and no other."""

from __future__ import annotations

import pathlib
import re

import pytest
from ansible_collections.autoscale.proxmox.plugins.module_utils._autoscale import NODES_OWN_KEYS
from ansible_collections.autoscale.proxmox.plugins.module_utils.pve_lxc.autoscale.configuration.keys import SECTIONS, TOP_KEYS

ROOT = pathlib.Path(__file__).resolve().parents[4]
DOCUMENT = (ROOT / "docs" / "controller.md").read_text(encoding="utf-8")
MODULE = (ROOT / "plugins" / "modules" / "lxc_autoscale.py").read_text(encoding="utf-8")
CONNECTION = {f"lxc_{name}" for name in ("ca_path", "validate_certs", "concurrency")}


# What the report takes beside that: it is for the nodes' own loops.
FOR_THE_PAGES = {"lxc_report_folder", "lxc_autoscale_hosts", "lxc_autoscale_become"}


def text_of(playbook):
    return (ROOT / "playbooks" / f"{playbook}.yml").read_text(encoding="utf-8")


def taken_by(playbook):
    """Return the variables that a playbook reads and does not make itself; the connection's are documented in docs/modules.md."""
    code = "\n".join(line for line in text_of(playbook).splitlines() if not line.lstrip().startswith("#"))
    made = set(re.findall(r"^\s+(lxc_[a-z_]+):(?:\s|$)", code, re.MULTILINE)) | set(re.findall(r"register: (lxc_[a-z_]+)", code))
    read = set(re.findall(r"(?<![\w.])(lxc_[a-z_]+)\b", code))
    return {name for name in read - made - CONNECTION if not name.startswith("lxc_api_")} - {"lxc_autoscale"}


def documented_in_row(playbook):
    row = next(line for line in DOCUMENT.splitlines() if line.startswith(f"| `{playbook}` |"))
    return set(re.findall(r"`(lxc_[a-z_]+)`", row.split("|")[2]))


@pytest.mark.parametrize(
    ("playbook", "more"),
    [
        ("autoscale_report", {"lxc_autoscale_command"}),
        ("autoscale_cycle", documented_in_row("autoscale_report") - FOR_THE_PAGES),
        ("autoscale_rollback", {"lxc_autoscale_command"}),
    ],
)
def test_every_variable_of_the_playbook_is_in_the_guide(playbook, more):
    assert taken_by(playbook) == documented_in_row(playbook) | more


@pytest.mark.parametrize("playbook", ["autoscale_report", "autoscale_cycle", "autoscale_rollback"])
def test_every_variable_of_the_playbook_is_in_its_head(playbook):
    head = text_of(playbook).partition("\n- name:")[0]
    assert [name for name in sorted(taken_by(playbook) - {"lxc_autoscale_command"}) if not re.search(rf"^#   {name}\b", head, re.MULTILINE)] == []


def test_keys_that_the_module_says_itself_exist_and_are_named_in_its_documentation():
    assert [name for name in NODES_OWN_KEYS if name not in {*TOP_KEYS, *SECTIONS, "notify"}] == []
    assert [name for name in NODES_OWN_KEYS if f"C({name})" not in MODULE] == []
