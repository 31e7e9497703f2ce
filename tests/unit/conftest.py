# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the checkout importable, for one of the two kinds of run.

* `pytest` (everything but tests/unit/plugins): the library is `pve_lxc`, the simulator's and the check scripts' folders are importable too.
* `pytest tests/unit/plugins`: the modules are `ansible_collections.autoscale.proxmox.plugins...`, wherever the checkout lies.

Never both in one process: Python would hold two copies of each exception class, and a handler of one does not catch the other.
"""

from __future__ import annotations

import pathlib
import sys

import hypothesis
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULE_TESTS = ROOT / "tests" / "unit" / "plugins"
LIBRARY_FOLDERS = [ROOT / "plugins" / "module_utils", ROOT / "tests", ROOT / "tests" / "simulator"]

# A test never measures time, and the same commit gives the same answer on every machine.
hypothesis.settings.register_profile("checkout", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("checkout")


def _is_module_test(argument: str) -> bool:
    path = pathlib.Path(argument.split("::")[0]).resolve()
    return path == MODULE_TESTS or MODULE_TESTS in path.parents


def _collections_root(config: pytest.Config) -> pathlib.Path:
    """Return a folder that holds ansible_collections/autoscale/proxmox: a real one, or one made of a symbolic link in .cache."""
    if ROOT.parent.name == "autoscale" and ROOT.parent.parent.name == "ansible_collections":
        return ROOT.parent.parent.parent
    link = ROOT / ".cache" / "link" / "ansible_collections" / "autoscale" / "proxmox"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(ROOT, target_is_directory=True)
    return ROOT / ".cache" / "link"


def pytest_configure(config: pytest.Config) -> None:
    kinds = {_is_module_test(argument) for argument in config.args}
    if kinds == {True, False}:
        raise pytest.UsageError("module tests (tests/unit/plugins) and the other tests cannot share a process: run pytest twice, or make unit")
    folders = [_collections_root(config)] if kinds == {True} else LIBRARY_FOLDERS
    sys.path[:0] = [str(folder) for folder in folders]


def pytest_ignore_collect(collection_path: pathlib.Path, config: pytest.Config) -> bool | None:
    """Leave tests/unit/plugins out of a run that was started on tests/unit as a whole."""
    if collection_path == MODULE_TESTS and not any(_is_module_test(argument) for argument in config.args):
        return True
    return None
