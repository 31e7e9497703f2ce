# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where two texts must agree, they are compared here; where a text must not say something, it is looked for."""

from __future__ import annotations

import pathlib
import re
import subprocess

import yaml
from ci.tree import known_files
from pve_lxc.version import VERSION

ROOT = pathlib.Path(__file__).resolve().parents[3]
SPDX_LINE = "# SPDX-License-Identifier: GPL-3.0-or-later"

# Put together from parts, so that this file does not say them.
REGISTRY_HOSTS = ["pypi" + ".org", "files.python" + "hosted.org", "galaxy.ansible" + ".com", "quay" + ".io", "docker" + ".io"]
NEIGHBOUR_FOLDERS = ["../" + "shared", ".library" + "/"]


def read_text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def text_files() -> list[tuple[str, str]]:
    """Return (name, text) of every file of the project that is text."""
    found = []
    for name in known_files():
        content = (ROOT / name).read_bytes()
        if b"\0" not in content:
            found.append((name, content.decode("utf-8")))
    return found


def requirements_of(name: str) -> list[str]:
    return sorted(line.strip() for line in read_text(name).splitlines() if line.strip() and not line.startswith("#"))


def test_version_in_galaxy_yml_is_the_version_of_the_library() -> None:
    assert yaml.safe_load(read_text("galaxy.yml"))["version"] == VERSION


def test_action_group_lists_the_modules_on_disk() -> None:
    listed = yaml.safe_load(read_text("meta/runtime.yml"))["action_groups"]["lxc"]
    on_disk = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("lxc_*.py"))
    # It works on a node and takes no connection, which the group is for.
    assert listed == [name for name in on_disk if name != "lxc_autoscale_engine"]
    assert "lxc_autoscale_engine" in on_disk
    assert {"lxc_facts", "lxc_info", "lxc_resize"} <= set(listed)


def test_execution_environment_gets_the_requirements_of_the_command_line() -> None:
    assert requirements_of("meta/ee-requirements.txt") == requirements_of("requirements.txt")
    assert len(requirements_of("requirements.txt")) == 4


def test_execution_environment_names_files_that_exist() -> None:
    dependencies = yaml.safe_load(read_text("meta/execution-environment.yml"))["dependencies"]
    assert [name for name in dependencies.values() if not (ROOT / name).is_file()] == []


def test_library_tells_pip_and_apt_about_each_requirement() -> None:
    deps = read_text("plugins/module_utils/pve_lxc/deps.py")
    packages = [re.split(r"[<>=]", line)[0] for line in requirements_of("requirements.txt")]
    assert [name for name in packages if f'("{name}", "python3-' not in deps] == []


def test_collection_depends_on_no_other_collection() -> None:
    assert yaml.safe_load(read_text("galaxy.yml"))["dependencies"] == {}


def test_minimum_ansible_core_is_the_same_for_users_and_for_the_demo() -> None:
    assert yaml.safe_load(read_text("meta/runtime.yml"))["requires_ansible"] == ">=2.17.0"
    assert "ansible-core>=2.17" in requirements_of("requirements-demo.txt")


def test_placeholder_address_stands_in_galaxy_yml_only() -> None:
    address = yaml.safe_load(read_text("galaxy.yml"))["repository"]
    clone_lines = re.compile(rf"^(\$ )?git clone {re.escape(address)}\b", re.MULTILINE)
    strangers = [name for name, text in text_files() if name != "galaxy.yml" and address in clone_lines.sub("", text)]
    assert strangers == []


def test_every_python_file_has_the_licence_line() -> None:
    without = [name for name, text in text_files() if name.endswith(".py") and text.strip() and SPDX_LINE not in text.splitlines()[:6]]
    assert without == []


def test_no_file_names_a_package_registry() -> None:
    assert [(name, host) for name, text in text_files() for host in REGISTRY_HOSTS if host in text] == []


def test_no_file_points_outside_of_the_checkout() -> None:
    # A checkout right below / may have the name of an ordinary folder, such as /srv.
    places = [*NEIGHBOUR_FOLDERS, *([f"{ROOT}/"] if len(ROOT.parts) > 2 else [])]
    assert [(name, place) for name, text in text_files() for place in places if place in text] == []


def test_no_sanity_test_is_ignored() -> None:
    entries = [line for path in (ROOT / "tests" / "sanity").glob("ignore-*.txt") for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert entries == []


def test_no_file_is_named_after_a_heap() -> None:
    heaps = {"common", "helper", "helpers", "misc", "util", "utils"}
    assert [name for name in known_files() if name.endswith(".py") and pathlib.PurePosixPath(name).stem in heaps] == []


def test_continuous_integration_runs_what_the_readme_says() -> None:
    commands = [line for line in read_text(".ci/run").splitlines() if line.startswith("exec ")]
    assert commands == ["exec make test </dev/null"]
    assert "make test" in read_text("README.md")


def test_make_help_lists_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", read_text("Makefile"), re.MULTILINE)
    assert phony is not None
    shown = subprocess.run(["make", "--no-print-directory", "help"], cwd=ROOT, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    listed = re.findall(r"^make ([a-z-]+) ", shown, re.MULTILINE)
    assert sorted([*listed, "help"]) == sorted(phony.group(1).split())
