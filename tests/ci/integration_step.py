# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test integration: every target on disk, each against a simulator of its own."""

from __future__ import annotations

import json
import pathlib
import re

from . import places
from .command import run_command
from .side_by_side import side_by_side
from .simulator_run import describe, running_simulator
from .step import Outcome
from .tree import make_ansible_tree

TARGETS = pathlib.PurePosixPath("tests/integration/targets")


def target_names(root: pathlib.Path) -> list[str]:
    """Return the targets on disk, sorted, but for those with the alias `hidden`, which only serve others.

    Raises:
        FileNotFoundError: a target has no file `aliases`, without which ansible-test would leave it out.
    """
    names = []
    for folder in sorted(path for path in (root / TARGETS).iterdir() if path.is_dir()):
        aliases = (folder / "aliases").read_text(encoding="utf-8").split()
        if "hidden" not in aliases:
            names.append(folder.name)
    return names


def run_target(name: str, tree: pathlib.Path, log: pathlib.Path) -> bool:
    """Run one target with a fresh simulator; say whether it ran and passed.

    ansible-test hands tests/integration/integration_config.yml to the target as extra variables: `simulator` with url, host, port, ca_path,
    fingerprint, control_url, tokens (user@realm!id -> secret) and users.
    """
    with running_simulator() as simulator:
        configuration = tree / "tests" / "integration" / "integration_config.yml"
        configuration.write_text(json.dumps({"simulator": describe(simulator)}, indent=2) + "\n", encoding="utf-8")
        # --local: the modules run with the interpreter of .venv, where proxmoxer is. ansible-test keeps keys and caches in a home: one for each tree.
        home = tree.parents[2] / "home"
        home.mkdir(exist_ok=True)
        environment = places.tool_environment(HOME=str(home), ANSIBLE_HOME=str(home / "ansible"))
        done = run_command(["ansible-test", "integration", "--local", "--color", "no", "-v", name], log, cwd=tree, environment=environment)
    ran = re.search(rf"Running {re.escape(name)} integration test", done.output) is not None
    return done.is_ok and ran and "All targets skipped" not in done.output


def integration(log: pathlib.Path) -> Outcome:
    """Run all targets, two at a time."""
    trees = [make_ansible_tree(log, tree) for tree in places.INTEGRATION_TREES]
    names = target_names(trees[0])
    passed = side_by_side(names, lambda name, place, own_log: run_target(name, trees[place], own_log), log)
    failed = [name for name, is_good in zip(names, passed, strict=True) if not is_good]
    notes = tuple(f"failed: {name}" for name in failed)
    return Outcome(len(names) - len(failed), len(failed), len(names), "targets", notes)
