#!/usr/bin/python
# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lxc_autoscale_engine
short_description: Put the code of the autoscale loop onto a node
version_added: 0.1.0
author:
  - autoscale.proxmox contributors (@autoscale-proxmox)
description:
  - Writes the library of this collection, with which the module itself was sent, into a folder of its own version, and makes that version the current one
    when it is told to. The role P(autoscale.proxmox.lxc_autoscale#role) does this in two steps, and lets the new code check the configuration in between.
  - A folder is filled under another name and renamed when it is whole. A folder that lacks a file, or in which a file was changed, is replaced.
notes:
  - Needs Python 3.11 or newer on the node, as Proxmox VE 8 (Debian 12) and newer have it.
extends_documentation_fragment:
  - autoscale.proxmox.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  action_group:
    support: none
    membership: []
options:
  path:
    description: Folder that holds the versions and the link C(current).
    type: path
    default: /usr/local/lib/lxc-autoscale
  state:
    description: V(present) puts this version there, V(absent) removes every version and the link.
    type: str
    choices: [present, absent]
    default: present
  current:
    description: Whether C(current) is made to lead to this version, and old versions are removed. If not, the version is only put there.
    type: bool
    default: false
  keep:
    description: How many other versions are kept, the newest, to go back to.
    type: int
    default: 2
"""

EXAMPLES = r"""
- name: Put the loop's code there, beside the one that runs
  autoscale.proxmox.lxc_autoscale_engine:
  register: engine

- name: Let the new code check the configuration
  ansible.builtin.command: /usr/bin/python3 -I -B {{ engine.folder }} check-config
  changed_when: false

- name: Make it the one that runs
  autoscale.proxmox.lxc_autoscale_engine:
    current: true
"""

RETURN = r"""
msg:
  description: What was done, or in check mode would be.
  returned: always
  type: str
  sample: 0.1.0-4f0c2b9a6d1e was installed
name:
  description: Version and hash of the code, the name of its folder.
  returned: with state present
  type: str
  sample: 0.1.0-4f0c2b9a6d1e
folder:
  description: Path of this version.
  returned: with state present
  type: str
  sample: /usr/local/lib/lxc-autoscale/0.1.0-4f0c2b9a6d1e
is_installed:
  description: Whether this version stands there whole now. In check mode false when it would first be installed.
  returned: always
  type: bool
  sample: true
current:
  description: The version that C(current) leads to now. Empty without one.
  returned: always
  type: str
  sample: 0.1.0-4f0c2b9a6d1e
deviations:
  description: Files of this version that were missing, changed or not ours. Empty for one that was not there at all.
  returned: with state present
  type: list
  elements: str
  sample: [pve_lxc/cli.py]
removed:
  description: Versions that were removed.
  returned: always
  type: list
  elements: str
  sample: []
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.autoscale.proxmox.plugins.module_utils._engine import EngineFolder, carried_sources, folder_name


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "default": "/usr/local/lib/lxc-autoscale"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "current": {"type": "bool", "default": False},
            "keep": {"type": "int", "default": 2},
        },
        supports_check_mode=True,
    )
    if module.params["keep"] < 0:
        module.fail_json(msg=f"keep = {module.params['keep']}: allowed is 0 or more")
    folder = EngineFolder(module.params["path"])
    before = describe_folder(folder)
    try:
        if module.params["state"] == "present":
            result = make_present(folder, carried_sources(), module.params, module.check_mode)
        else:
            result = make_absent(folder, module.check_mode)
    except (OSError, SyntaxError) as error:
        module.fail_json(msg=f"{folder.path} cannot be changed: {error}")
    if module._diff:
        after = result.pop("planned") if module.check_mode else describe_folder(folder)
        result["diff"] = {"before_header": folder.path, "after_header": folder.path, "before": before, "after": after}
    result.pop("planned", None)
    module.exit_json(current=folder.current() or "", **result)


def make_present(folder: EngineFolder, sources: dict[str, str], params: dict[str, Any], is_check: bool) -> dict[str, Any]:
    name, versions = folder_name(sources), folder.versions()
    deviations = folder.deviations(name, sources)
    is_switched = bool(params["current"]) and folder.current() != name
    removed = folder.superfluous(name, params["keep"]) if params["current"] else []
    if not is_check:
        if deviations:
            folder.install(name, sources)
        if is_switched:
            folder.switch(name)
            # What was current until now is an old version from here on.
            removed = folder.superfluous(name, params["keep"])
        folder.remove(removed)
    verb = ("repaired" if name in versions else "installed") if deviations else "made current" if is_switched else "unchanged"
    left = [version for version in dict.fromkeys([name, *versions]) if version not in removed]
    return {
        "changed": bool(deviations or is_switched or removed),
        "msg": f"{name}: {verb}",
        "name": name,
        "folder": f"{folder.path}/{name}",
        "is_installed": not is_check or not deviations,
        "deviations": deviations if name in versions else [],
        "removed": removed,
        "planned": describe(left, name if params["current"] else folder.current()),
    }


def make_absent(folder: EngineFolder, is_check: bool) -> dict[str, Any]:
    removed, is_there = folder.versions(), folder.current() is not None
    if not is_check:
        folder.remove_all()
    message = f"{len(removed)} versions removed" if removed else "there is none"
    return {"changed": bool(removed or is_there), "msg": message, "is_installed": False, "removed": removed, "planned": describe([], None)}


def describe_folder(folder: EngineFolder) -> str:
    return describe(folder.versions(), folder.current())


def describe(versions: list[str], current: str | None) -> str:
    """Return one line for each version, for the diff."""
    return "".join(f"{version}{' (current)' if version == current else ''}\n" for version in sorted(versions))


if __name__ == "__main__":
    main()
