# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What errors say."""

from __future__ import annotations

import pathlib

from pve_lxc import errors
from pve_lxc.errors import ConfigError, Problem, RequestError


def test_every_problem_is_named_at_once_with_place_value_and_what_is_allowed():
    problems = [Problem("containers[1].cores", "0", "allowed is 1 to 8192"), Problem("containers[2].vmid", "", "is missing")]
    assert str(RequestError(problems, source="lxc_resize")) == (
        "lxc_resize: 2 problems\n  containers[1].cores = 0: allowed is 1 to 8192\n  containers[2].vmid: is missing"
    )


def test_one_problem_is_counted_as_one():
    assert str(ConfigError([Problem("mode", "on", "allowed are recommend, apply")])).splitlines()[0] == "1 problem"


def test_the_tree_drawn_in_the_file_names_every_class_and_no_other():
    drawn = {word for word in (errors.__doc__ or "").replace("+-", " ").replace("|", " ").split() if word.endswith("Error") and word[0].isupper()}
    defined = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception) and not name.startswith("_")}
    assert drawn == defined


def test_every_exception_of_proxmox_is_a_proxmox_api_error():
    names = [name for name in vars(errors) if name.startswith("Proxmox")]
    assert len(names) == 11
    assert all(issubclass(getattr(errors, name), errors.ProxmoxAPIError) for name in names)


def test_library_never_imports_ansible_or_ends_the_process():
    root = pathlib.Path(errors.__file__).parent
    for path in root.rglob("*.py"):
        text = path.read_text()
        assert "import ansible" not in text and "from ansible" not in text, path
        if path.name != "__main__.py":
            assert "sys.exit(" not in text and "raise SystemExit" not in text, path
