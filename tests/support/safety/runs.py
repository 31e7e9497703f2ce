# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the real command line as processes that can be killed or stopped at any point where they touch the outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

FOLDER = Path(__file__).resolve().parent
MODULE_UTILS = FOLDER.parents[2] / "plugins" / "module_utils"


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that ended.

    Attributes:
        exit_code: negative for a signal.
        out: what it wrote.
        err: what it wrote to standard error.
        points: where it touched the outside, in order; empty for one that was killed.
        at: where it was killed or stopped; empty when it never came there.
    """

    exit_code: int
    out: str
    err: str
    points: tuple[str, ...]
    at: str


class Runs:
    """Starts runs; one at a time."""

    def __init__(self, folder: Path) -> None:
        """Start the server of runs.

        Args:
            folder: for what runs write.
        """
        self._folder = folder
        environment = {**os.environ, "PYTHONPATH": str(MODULE_UTILS), "PYTHONDONTWRITEBYTECODE": "1"}
        self._server = subprocess.Popen([sys.executable, str(FOLDER / "run_server.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the server."""
        with self._server:
            if self._server.stdin is not None:
                self._server.stdin.close()

    def run(self, *argv: str, meanwhile: Callable[[], object] | None = None, **wish: Any) -> Ended:
        """Run `python -m pve_lxc` with these arguments.

        Args:
            argv: its arguments.
            meanwhile: is called while the run stands still at the point ``at``.
            wish: ``now`` (what its clock shows), ``act`` (``kill``; with ``meanwhile`` it is ``stop``), ``at`` (number or pattern of the point),
                ``without_root``, ``file_size_limit`` (bytes), ``path_prefix``.
        """
        out, err = self._folder / "run.out", self._folder / "run.err"
        values = {"argv": list(argv), "out": str(out), "err": str(err), "path_prefix": str(self._folder), **wish}
        self._send(json.dumps(values | ({"act": "stop"} if meanwhile is not None else {})).encode() + b"\n")
        points: tuple[str, ...] = ()
        at = ""
        while True:
            answer = self._receive()
            points, at = tuple(answer.get("points", points)), answer.get("at", at)
            if "exit_code" in answer:
                return Ended(answer["exit_code"], out.read_text(), err.read_text(), points, at)
            if "at" in answer and meanwhile is not None:
                meanwhile()
                self._send(b"\n")

    def _send(self, line: bytes) -> None:
        stream = self._server.stdin
        if stream is None:
            raise RuntimeError("the server of runs has no input")
        stream.write(line)
        stream.flush()

    def _receive(self) -> dict[str, Any]:
        stream = self._server.stdout
        line = stream.readline() if stream is not None else b""
        if not line:
            raise RuntimeError("the server of runs has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer
