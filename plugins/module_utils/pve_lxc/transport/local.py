# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands on this machine: the only file that starts a process."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from typing import IO

from ..errors import CommandError

# What commands say must not depend on the language of whoever runs them.
_LOCALE = {"LC_ALL": "C", "LANG": "C", "LANGUAGE": "C"}


class LocalRunner:
    """A CommandRunner on this machine; safe for threads."""

    @property
    def name(self) -> str:
        """Return ``local``."""
        return "local"

    def run(self, argv: Sequence[str], timeout_seconds: float) -> tuple[int, str, str]:
        """Return exit code, standard output and standard error of a command that is started without a shell.

        Both streams go into files, so neither can fill up and hold the command. A command that outlives its deadline is left alone: ending
        ``pct`` in the middle of a clone would leave half a container.

        Args:
            argv: the command and its arguments.
            timeout_seconds: how long to wait for its end.

        Raises:
            CommandError: it could not be started (``is_started`` False), or it still runs (``is_deadline`` True).
        """
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as error_output:
            try:
                process = subprocess.Popen(  # pylint: disable=consider-using-with
                    list(argv),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=error_output,
                    env={**os.environ, **_LOCALE},
                    start_new_session=True,
                )
            except OSError as error:
                raise CommandError(f"{argv[0]} cannot be started on this machine: {error.strerror}", argv=argv, is_started=False) from error
            try:
                exit_code = process.wait(timeout_seconds)
            except subprocess.TimeoutExpired as error:
                message = f"{' '.join(argv[:3])} did not end within {timeout_seconds:g} s; it goes on"
                raise CommandError(message, argv=argv, is_deadline=True) from error
            return exit_code, _read(output), _read(error_output)

    def close(self) -> None:
        """Hold nothing, so let go of nothing."""


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", errors="replace")
