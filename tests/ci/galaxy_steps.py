# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as its users get it: built, looked at by Galaxy's importer, installed from the tarball, documented."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import tarfile

from . import places
from .command import run_command
from .step import Outcome, one_check
from .tree import copy_project, known_files

DIST = places.CACHE / "dist"
INSTALLED = places.CACHE / "installed"

# What a user must find, and what must never reach one.
REQUIRED_MEMBERS = {"README.md", "CHANGELOG.md", "MANIFEST.json", "meta/runtime.yml", "meta/execution-environment.yml", "LICENSES/GPL-3.0-or-later.txt"}
REFUSED_MEMBER = re.compile(r"(^|/)(\.(?!$|ansible-lint$)|__main__\.py|__pycache__)|^tests/(?!config\.yml|sanity)|\.pyc$")


def tarball() -> pathlib.Path:
    """Return the one tarball that the build step made.

    Raises:
        FileNotFoundError: it has not been built.
    """
    found = sorted(DIST.glob("*.tar.gz"))
    if not found:
        raise FileNotFoundError(f"no tarball in {DIST}")
    return found[-1]


def module_names() -> list[str]:
    """Return the modules on disk by their long names."""
    files = [pathlib.PurePosixPath(name) for name in known_files() if re.fullmatch(r"plugins/modules/[a-z]\w*\.py", name)]
    return [f"{places.COLLECTION}.{path.stem}" for path in files]


def build(log: pathlib.Path) -> Outcome:
    """Build the tarball from a copy of what git knows, and look at the names in it."""
    shutil.rmtree(DIST, ignore_errors=True)
    copy = places.CACHE / "build"
    copy_project(copy)
    done = run_command(["ansible-galaxy", "collection", "build", copy, "--output-path", DIST], log)
    shutil.rmtree(copy)
    if not done.is_ok:
        return one_check(False, 0, "files")
    with tarfile.open(tarball()) as archive:
        names = [member.name for member in archive.getmembers() if member.isfile()]
    problems = [f"must not be in the tarball: {name}" for name in names if REFUSED_MEMBER.search(name)]
    problems += [f"is missing in the tarball: {name}" for name in sorted(REQUIRED_MEMBERS - set(names))]
    with open(log, "a", encoding="utf-8") as output:
        output.write("\n".join([*names, *problems, ""]))
    return one_check(not problems, len(names), "files", *problems[:10])


def importer(log: pathlib.Path) -> Outcome:
    """Let Galaxy's importer read the tarball. What it only warns of is refused too."""
    configuration = places.CACHE / "galaxy-importer.cfg"
    configuration.write_text("[galaxy-importer]\nRUN_ANSIBLE_TEST = False\nCHECK_REQUIRED_TAGS = True\nREQUIRE_V1_OR_GREATER = False\n", encoding="utf-8")
    path = os.pathsep.join([str(places.IMPORTER_BIN), places.clean_path()])
    environment = places.tool_environment(GALAXY_IMPORTER_CONFIG=str(configuration), PATH=path)
    # Not in the checkout: the importer writes importer_result.json where it stands.
    done = run_command([places.IMPORTER_BIN / "python", "-m", "galaxy_importer.main", tarball()], log, cwd=places.CACHE, environment=environment)
    complaints = [line for line in done.output.splitlines() if re.match(r"(WARNING|ERROR|CRITICAL)\b", line)]
    is_complete = "Importer processing completed successfully" in done.output
    return one_check(done.is_ok and is_complete and not complaints, int(is_complete), "tarballs", *complaints[:10])


def install(log: pathlib.Path) -> Outcome:
    """Install the tarball into an empty folder and let ansible-galaxy verify every file of it."""
    shutil.rmtree(INSTALLED, ignore_errors=True)
    environment = places.tool_environment(ANSIBLE_COLLECTIONS_PATH=str(INSTALLED))
    done = run_command(["ansible-galaxy", "collection", "install", "--offline", "-p", INSTALLED, tarball()], log, environment=environment)
    verified = run_command(["ansible-galaxy", "collection", "verify", "--offline", places.COLLECTION], log, environment=environment)
    files = [path for path in INSTALLED.rglob("*") if path.is_file()]
    return one_check(done.is_ok and verified.is_ok, len(files), "files")


def documentation(log: pathlib.Path) -> Outcome:
    """Show every module's documentation from the installed collection, as a user would, and require all three parts of it."""
    names = module_names()
    environment = places.tool_environment(ANSIBLE_COLLECTIONS_PATH=str(INSTALLED))
    problems = []
    for name in names:
        done = run_command(["ansible-doc", "--type", "module", "--json", name], log, environment=environment)
        shown = json.loads(done.output[done.output.find("{") :]).get(name, {}) if done.is_ok and "{" in done.output else {}
        absent = [part for part in ("doc", "examples", "return") if not shown.get(part)]
        if absent:
            problems.append(f"{name}: no {', '.join(absent)}")
    return Outcome(len(names) - len(problems), len(problems), len(names), "modules", tuple(problems))
