# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody who follows a document: a clone, an empty home, a shell that remembers where it is, and perhaps a simulator."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shlex
import types
from typing import Any

from . import places
from .command import Finished, run_command
from .fences import Block, missing_line, split_console
from .simulator_run import client_variables, running_simulator

BLOCK_TIMEOUT_SECONDS = 600.0


class Reader:
    """One document's reader; a context manager, because a simulator may have to be ended.

    Attributes:
        folder: a temporary folder that holds home/, work/ and the state between blocks.
        source: git repository that a clone is made from.
        address: the address in the documentation that `source` stands for.
    """

    def __init__(self, folder: pathlib.Path, source: pathlib.Path, address: str) -> None:
        self.folder = folder
        self.source = source
        self.address = address
        self._stack = contextlib.ExitStack()
        self._simulator: Any = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None) -> None:
        self._stack.close()

    def start(self, log: pathlib.Path, *, in_clone: bool) -> None:
        """Make the empty home and the folder that the reader sits in: a clone, or an empty one if the document begins with cloning."""
        home = self.folder / "home"
        work = self.folder / "work"
        home.mkdir()
        work.mkdir()
        places.link_pip_settings(home)
        (home / ".gitconfig").write_text(f'[url "{self.source.as_uri()}"]\n\tinsteadOf = {self.address}\n[safe]\n\tdirectory = *\n', encoding="utf-8")
        (self.folder / "exported").write_text("", encoding="utf-8")
        clone = work / "proxmox"
        if in_clone:
            run_command(["git", "clone", "--quiet", self.address, clone], log, environment=self._environment())
        (self.folder / "cwd").write_text(str(clone if in_clone else work), encoding="utf-8")

    def _environment(self) -> dict[str, str]:
        """Return a newcomer's variables: their own PATH, with our tools at its end for documents that assume an installed Ansible."""
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(places.VENV_BIN)])
        # The home is empty, but what pip has fetched for one reader need not be fetched for the next.
        packages = str(self.source.parent / "pip")
        environment = places.tool_environment(HOME=str(self.folder / "home"), PATH=path, PIP_CACHE_DIR=packages)
        for name in ("ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_HOME", "RUFF_CACHE_DIR"):
            del environment[name]
        return environment

    def _simulator_variables(self) -> dict[str, str]:
        """Return what a client of the simulator must know; it is started when first asked for."""
        if self._simulator is None:
            self._simulator = self._stack.enter_context(running_simulator())
        return {**client_variables(self._simulator), "ANSIBLE_COLLECTIONS_PATH": str(places.LINK)}

    def save(self, block: Block) -> str | None:
        """Write a block to the file that its marker names, for a later command of the document."""
        target = pathlib.Path((self.folder / "cwd").read_text(encoding="utf-8").strip()) / block.marker["save"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(block.text, encoding="utf-8")
        return None

    def run(self, block: Block, log: pathlib.Path) -> str | None:
        """Run one block and compare exit status and output; return what differs, or None."""
        script, shown = self._script(block)
        further = self._simulator_variables() if block.marker.get("setup") == "simulator" or "playbook" in block.marker else {}
        done = self._run_script(script, further, log)
        expected = int(block.marker.get("expect-exit", "0"))
        if done.returncode != expected:
            return f"ended with status {done.returncode}, expected {expected}"
        wanted = block.marker.get("expect", "")
        if wanted not in done.output:
            return f"did not print: {wanted}"
        missing = missing_line(shown, done.output)
        return None if missing is None else f"did not print the line: {missing}"

    def _script(self, block: Block) -> tuple[str, list[str]]:
        """Return the shell script that runs a block, and the output that the document shows below it."""
        if block.language == "console":
            return split_console(block.text)
        if block.language == "python":
            (self.folder / "block.py").write_text(block.text, encoding="utf-8")
            return f"PYTHONPATH=plugins/module_utils {places.VENV_BIN}/python {self.folder}/block.py\n", []
        if "playbook" in block.marker:
            (self.folder / "playbook.yml").write_text(block.text, encoding="utf-8")
            check = " --check --diff" if "check" in block.marker else ""
            return f"ansible-playbook{check} {self.folder}/playbook.yml\n", []
        return block.text, []

    def _run_script(self, script: str, further: dict[str, str], log: pathlib.Path) -> Finished:
        exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in further.items())
        wrapped = (
            f"trap 'status=$?; pwd > {self.folder}/cwd; export -p > {self.folder}/exported; exit $status' EXIT\n"
            f'. {self.folder}/exported\ncd "$(cat {self.folder}/cwd)"\n{exports}set -eo pipefail\n{script}'
        )
        path = self.folder / "block.sh"
        path.write_text(wrapped, encoding="utf-8")
        return run_command(["bash", path], log, environment=self._environment(), cwd=self.folder, timeout_seconds=BLOCK_TIMEOUT_SECONDS)
