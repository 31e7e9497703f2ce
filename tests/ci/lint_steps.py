# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The linters. Each is one check; how many files it looked at is counted and held against a floor."""

from __future__ import annotations

import pathlib
import re

from . import places
from .command import run_command
from .step import Outcome, one_check
from .tree import known_files


def number_in(pattern: str, text: str) -> int:
    """Return the number that a pattern's first group finds in a tool's output; 0 when the tool did not say."""
    found = re.search(pattern, text)
    return int(found.group(1)) if found else 0


def ruff_check(log: pathlib.Path) -> Outcome:
    listed = run_command(["ruff", "check", "--show-files", "."], log)
    done = run_command(["ruff", "check", "."], log)
    return one_check(done.is_ok, len(listed.output.splitlines()), "files")


def ruff_format(log: pathlib.Path) -> Outcome:
    done = run_command(["ruff", "format", "--check", "."], log)
    formatted = number_in(r"(\d+) files? already formatted", done.output)
    unformatted = number_in(r"(\d+) files? would be reformatted", done.output)
    notes = () if done.is_ok else ("`.venv/bin/ruff format .` puts this right",)
    return one_check(done.is_ok, formatted + unformatted, "files", *notes)


def mypy_library(log: pathlib.Path) -> Outcome:
    done = run_command(["mypy", "--config-file", "mypy.ini"], log, environment=places.tool_environment(MYPYPATH="plugins/module_utils"))
    looked_at = number_in(r"(?:found in|checked) (\d+) source files?", done.output)
    return one_check(done.is_ok, looked_at, "files")


def mypy_checks(log: pathlib.Path) -> Outcome:
    """Check the checks: the scripts of this folder are typed as strictly as the library."""
    arguments = ["mypy", "--config-file=", "--strict", "--cache-dir=.cache/mypy-ci", "-p", "ci"]
    done = run_command(arguments, log, environment=places.tool_environment(MYPYPATH="tests"))
    return one_check(done.is_ok, number_in(r"(?:found in|checked) (\d+) source files?", done.output), "files")


def import_floors(log: pathlib.Path) -> Outcome:
    environment = places.tool_environment(PYTHONPATH=str(places.ROOT / "plugins" / "module_utils"))
    done = run_command(["lint-imports", "--config", ".importlinter", "--no-cache"], log, environment=environment)
    kept = number_in(r"Contracts: (\d+) kept", done.output)
    broken = number_in(r"Contracts: \d+ kept, (\d+) broken", done.output)
    failed = broken or int(not done.is_ok)
    return Outcome(kept, failed, kept + broken, "contracts")


def yamllint(log: pathlib.Path) -> Outcome:
    listed = run_command(["yamllint", "--list-files", "."], log)
    done = run_command(["yamllint", "--strict", "."], log)
    return one_check(done.is_ok, len(listed.output.splitlines()), "files")


def ansible_lint(log: pathlib.Path) -> Outcome:
    done = run_command(["ansible-lint", "--profile", "production", "--strict"], log)
    looked_at = number_in(r"(?:in|on) (\d+) files", done.output)
    return one_check(done.is_ok, looked_at, "files")


def changelog(log: pathlib.Path) -> Outcome:
    done = run_command(["antsibull-changelog", "lint"], log)
    fragments = [path for path in known_files() if path.startswith("changelogs/") and path.endswith((".yml", ".yaml"))]
    return one_check(done.is_ok, len(fragments), "files")


def collection_docs(log: pathlib.Path) -> Outcome:
    done = run_command(["antsibull-docs", "lint-collection-docs", "--plugin-docs", "--skip-rstcheck", "."], log)
    modules = [path for path in known_files() if re.fullmatch(r"plugins/modules/[a-z]\w*\.py", path)]
    return one_check(done.is_ok, len(modules), "modules")


def shellcheck(log: pathlib.Path) -> Outcome:
    scripts = [path for path in known_files() if path.endswith(".sh") or path in (".ci/run", "tests/system/node/debctl")]
    done = run_command(["shellcheck", *scripts], log)
    return one_check(done.is_ok, len(scripts), "scripts")
