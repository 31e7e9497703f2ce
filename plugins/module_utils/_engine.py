# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop's code as a folder on a node: what belongs into it, whether it is there, how it gets there and which one is current.

A folder is named after what it holds, ``<version>-<hash of all sources>``, is filled under another name and renamed when it is whole, so that
a half-made copy is never run and the same code is never written twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pkgutil
import py_compile
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from types import ModuleType
from typing import Any

# This import is why Ansible packs the command line and everything that it reaches into the module.
from .pve_lxc import cli
from .pve_lxc.version import VERSION

# Python ends with 1 after an exception that nobody caught, which would read as "some containers failed" (sysexits.h: EX_SOFTWARE is 70).
LAUNCHER = """\
import traceback

from pve_lxc.cli import main

try:
    code = main()
except Exception:
    traceback.print_exc()
    code = 70
raise SystemExit(code)
"""
CURRENT = "current"
_HASH_CHARACTERS = 12
_FOLDER_NAME = re.compile(rf"^[0-9][0-9A-Za-z.]*-[0-9a-f]{{{_HASH_CHARACTERS}}}$")
# What a run that was killed leaves behind begins so.
_UNFINISHED = (".new-", ".old-")


def carried_sources(package: ModuleType | None = None) -> dict[str, str]:
    """Return path -> text of what the node gets: the launcher, and the package with everything that was packed with it.

    Inside Ansible's archive these are the files that the command line reaches, and no others.

    Args:
        package: default: ours.
    """
    package = package or sys.modules[str(cli.__package__)]
    root = package.__name__.rpartition(".")[2]
    sources = {"__main__.py": LAUNCHER, f"{root}/__init__.py": _source_of(package.__spec__)}
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        below = found.name.removeprefix(f"{package.__name__}.").replace(".", "/")
        # It serves a checkout only, and is never packed.
        if below != "__main__":
            finder: Any = found.module_finder
            sources[f"{root}/{below}{'/__init__' if found.ispkg else ''}.py"] = _source_of(finder.find_spec(found.name))
    return sources


def _source_of(spec: Any) -> str:
    return str(spec.loader.get_source(spec.name) or "")


def folder_name(sources: Mapping[str, str]) -> str:
    """Return ``<version>-<hash>``, for example ``0.1.0-4f0c2b9a6d1e``; the same sources give the same name."""
    digest = hashlib.sha256()
    for path, text in sorted(sources.items()):
        digest.update(f"{path}\0{len(text)}\0{text}\0".encode())
    return f"{VERSION}-{digest.hexdigest()[:_HASH_CHARACTERS]}"


class EngineFolder:
    """Where versions stand, one folder each, and a link to the current one.

    Every method that changes something raises OSError.
    """

    def __init__(self, path: str) -> None:
        """Look at nothing yet."""
        self.path = path

    def versions(self) -> list[str]:
        """Return the folders that have the name of a version, the newest first."""
        names = [name for name in self._entries() if _FOLDER_NAME.match(name)]
        return sorted(names, key=lambda name: (os.stat(os.path.join(self.path, name)).st_mtime_ns, name), reverse=True)

    def current(self) -> str | None:
        """Return the version that the link leads to, None without one."""
        try:
            return os.readlink(os.path.join(self.path, CURRENT))
        except OSError:
            return None

    def deviations(self, name: str, sources: Mapping[str, str]) -> list[str]:
        """Return the files of a version that are missing, changed or not ours, and those that are not compiled; empty when it is whole."""
        root = os.path.join(self.path, name)
        wrong = [path for path, text in sources.items() if not _has_content(os.path.join(root, path), text)]
        wrong += [path for path, text in sources.items() if path != "__main__.py" and not _is_compiled(os.path.join(root, path), text)]
        there = (os.path.relpath(os.path.join(folder, file), root) for folder, dummy, files in os.walk(root) for file in files)
        # Compiled files of another Python, after an upgrade of Debian, do no harm.
        wrong += [path for path in there if path not in sources and not path.endswith(".pyc")]
        return sorted(set(wrong))

    def install(self, name: str, sources: Mapping[str, str]) -> None:
        """Write a version beside the others and let it appear when it is whole; one of that name that is there makes way."""
        os.makedirs(self.path, mode=0o755, exist_ok=True)
        self._remove_unfinished()
        made = tempfile.mkdtemp(prefix=".new-", dir=self.path)
        for path, text in sources.items():
            _write_source(made, path, text)
        for folder in [folder for folder, *dummy in os.walk(made)]:
            os.chmod(folder, 0o755)
        target = os.path.join(self.path, name)
        if os.path.lexists(target):
            os.rename(target, tempfile.mkdtemp(prefix=".old-", dir=self.path) + "/replaced")
        os.rename(made, target)
        self._remove_unfinished()

    def switch(self, name: str) -> None:
        """Let the link lead to a version, in one step."""
        made = os.path.join(self.path, f".new-{CURRENT}")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(made)
        os.symlink(name, made)
        os.replace(made, os.path.join(self.path, CURRENT))

    def superfluous(self, name: str, keep: int) -> list[str]:
        """Return the versions beside this one that are more than are kept, the oldest last."""
        return [other for other in self.versions() if other not in (name, self.current())][keep:]

    def remove(self, names: list[str]) -> None:
        """Remove these versions."""
        for name in names:
            shutil.rmtree(os.path.join(self.path, name))

    def remove_all(self) -> None:
        """Remove every version and the link, and the folder if nothing else is in it."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.path, CURRENT))
        self.remove(self.versions())
        self._remove_unfinished()
        # Somebody else's files in it stay, and so does the folder then.
        with contextlib.suppress(OSError):
            os.rmdir(self.path)

    def _entries(self) -> list[str]:
        return os.listdir(self.path) if os.path.isdir(self.path) else []

    def _remove_unfinished(self) -> None:
        for name in self._entries():
            path = os.path.join(self.path, name)
            if name.startswith(_UNFINISHED) and not os.path.islink(path):
                shutil.rmtree(path)


def _write_source(root: str, path: str, text: str) -> None:
    target = os.path.join(root, path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        # A rename that outlives a power failure must not lead to empty files.
        os.fsync(file.fileno())
    os.chmod(target, 0o644)
    if path != "__main__.py":
        # The service runs with -B and may not write here: without this it would compile everything in every cycle.
        # A source that somebody edits is noticed, because Python compares its hash.
        compiled = py_compile.compile(target, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
        os.chmod(str(compiled), 0o644)


def _has_content(path: str, text: str) -> bool:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read() == text
    except (OSError, UnicodeDecodeError):
        return False


def _is_compiled(path: str, text: str) -> bool:
    """Return whether there is compiled code of this source for this Python (PEP 552: magic, flags 3, hash of the source)."""
    try:
        with open(importlib.util.cache_from_source(path), "rb") as file:
            head = file.read(16)
    except OSError:
        return False
    return head == importlib.util.MAGIC_NUMBER + (3).to_bytes(4, "little") + importlib.util.source_hash(text.encode())
