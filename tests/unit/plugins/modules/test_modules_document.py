# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/modules.md names every variable that playbooks and modules take, and no other."""

from __future__ import annotations

import pathlib
import re

from ansible_collections.autoscale.proxmox.plugins.module_utils._argspec import connection_options
from ansible_collections.autoscale.proxmox.plugins.module_utils.pve_lxc.operations.request import SIZE_KEYS

ROOT = pathlib.Path(__file__).resolve().parents[4]
DOCUMENT = (ROOT / "docs" / "modules.md").read_text(encoding="utf-8")
# Made by the plays themselves.
INNER = {"lxc_lists", "lxc_vmid_list", "lxc_targets", "lxc_resized", "lxc_resize", "lxc_facts"}


def used_in(playbook):
    text = (ROOT / "playbooks" / f"{playbook}.yml").read_text(encoding="utf-8")
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return set(re.findall(r"\blxc_[a-z_]+\b", code)) - INNER


def documented_in_row(playbook):
    row = next(line for line in DOCUMENT.splitlines() if line.startswith(f"| {playbook} |"))
    return {name for name in re.findall(r"`(lxc_[a-z_]+)`", row) if not name.endswith("_")}


def test_every_connection_variable_is_in_the_table():
    for option in connection_options().values():
        if "fallback" in option:
            assert f"`{option['fallback'][1][0]}`" in DOCUMENT


def test_variables_of_the_facts_playbook_are_documented():
    assert used_in("facts") == documented_in_row("`facts`") | documented_in_row("both")


def test_variables_of_the_resize_playbook_are_documented():
    bounds = {f"lxc_{kind}_{size}" for kind in ("min", "max") for size in SIZE_KEYS}
    assert used_in("resize") == documented_in_row("`resize`") | documented_in_row("both") | bounds
