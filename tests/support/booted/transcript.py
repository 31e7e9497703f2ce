# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened on booted machines, written down while it happens, for people to read."""

from __future__ import annotations

import pathlib
import re
import time

COLUMNS = 160
# What playbooks print of every task that changed nothing is not worth reading here.
_OK_LINES = re.compile(r"^(ok|skipping|included):.*\n", re.MULTILINE)
_TASK_WITHOUT_RESULT = re.compile(r"^(?:TASK|RUNNING HANDLER) \[.*\] \**\n+(?=TASK|RUNNING HANDLER|PLAY|\Z)", re.MULTILINE)
_PATHS = re.compile(r"^\[WARNING\].*\n|^task path:.*\n", re.MULTILINE)


class Transcript:
    """A text file that grows; each entry says how many seconds have gone by."""

    def __init__(self, path: pathlib.Path) -> None:
        """Begin an empty one."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")
        self._started = time.monotonic()

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._add(f"\n=== {title}\n")

    def note(self, text: str) -> None:
        """Write down what was seen or done."""
        self._add(f"[{time.monotonic() - self._started:5.0f} s] {text}\n")

    def shell(self, host: str, command: str, output: str) -> None:
        """Write down a command and what it printed."""
        self._add(f"[{time.monotonic() - self._started:5.0f} s] root@{host}:~# {command}\n{_indented(output)}")

    def play(self, command: str, output: str) -> None:
        """Write down a playbook's run: the tasks that changed something or failed, and the recap."""
        self._add(f"[{time.monotonic() - self._started:5.0f} s] $ {command}\n{_indented(shorten_play(output))}")

    def _add(self, text: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)


def shorten_play(output: str) -> str:
    """Return what a playbook printed without the tasks that only looked."""
    shorter = _OK_LINES.sub("", _PATHS.sub("", output))
    while (again := _TASK_WITHOUT_RESULT.sub("", shorter)) != shorter:
        shorter = again
    return re.sub(r" \*{4,}", "", shorter).strip("\n")


def _indented(text: str) -> str:
    return "".join(f"    {line[:COLUMNS].rstrip()}\n" for line in text.strip("\n").splitlines())
