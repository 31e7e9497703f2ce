# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to the project, and a copy of it where a tool wants it.

A check never sees what merely lies about in the checkout (.venv, caches, a developer's notes that git ignores): it works on the files that
git knows or would add.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

from . import places
from .command import run_command


def known_files() -> list[str]:
    """Return the files that git knows or would add and that exist, sorted, relative to the checkout, with / between folders.

    Raises:
        subprocess.CalledProcessError: this is no git checkout.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=places.ROOT, check=True, stdin=subprocess.DEVNULL, capture_output=True, env=places.tool_environment())
    names = listed.stdout.decode("utf-8").split("\0")
    return sorted({name for name in names if name and (places.ROOT / name).is_file()})


def copy_project(target: pathlib.Path) -> int:
    """Make `target` a copy of the project and nothing else; return the number of files."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    names = known_files()
    for name in names:
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(places.ROOT / name, copy, follow_symlinks=False)
    return len(names)


def make_ansible_tree(log: pathlib.Path, tree: pathlib.Path = places.TREE) -> pathlib.Path:
    """Make a copy of the project under ansible_collections/autoscale/proxmox, as ansible-test demands, and return it.

    The `git init` is needed: ansible-test asks git which files there are. Without a repository of its own the copy belongs to the
    checkout's, which ignores .cache, and ansible-test would test nothing and pass.
    """
    copy_project(tree)
    run_command(["git", "init", "--quiet", os.fspath(tree)], log)
    return tree
