# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of the simulator's API, as root on the node makes them, and how the command line says what they answer.

Recorded on PVE 9.2.11, fixtures pve9/pct_cli.json. The exit codes are what errno happened to be.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

TASK_POLL_SECONDS = 0.02
EXIT_CODE_OF_HOTPLUG = 22
EXIT_CODE_OF_MISSING = 2
EXIT_CODE_OF_MOST = 255
# The text of an error and the exit code that it was recorded with, for the commands that do not start a task first.
ERRNO_2 = re.compile(r"Configuration file .* does not exist|Full clone of a running container|Linked clone feature")


class CommandFailed(Exception):
    """A command that ends badly: what it says and its exit code."""

    def __init__(self, error_output: str, exit_code: int = EXIT_CODE_OF_MOST, output: str = "") -> None:
        """Keep what is printed."""
        super().__init__(error_output)
        self.error_output = error_output
        self.exit_code = exit_code
        self.output = output


@dataclass(frozen=True)
class Task:
    """How a task ended: exit text and log lines without the last, which repeats it."""

    upid: str
    exit_text: str
    log: list[str]


class Caller:
    """Sends requests with root's token."""

    def __init__(self, host: str, port: int, ca_path: str, authorization: str) -> None:
        """Take where to and as whom."""
        self._host = host
        self._port = port
        self._context = ssl.create_default_context(cafile=ca_path)
        self._headers = {"Authorization": authorization, "Content-Type": "application/x-www-form-urlencoded"}

    def call(self, method: str, path: str, parameters: Mapping[str, object] | Sequence[tuple[str, object]], usage: str = "") -> Any:
        """Return the ``data`` of an answer.

        Raises:
            CommandFailed: the answer is an error, in the words of the command line.
        """
        status, reason, body = self._send(method, path, urlencode(parameters))
        if status < 400:
            return body["data"]
        raise CommandFailed(format_error(status, reason, body, usage), exit_code_of(status, reason, body))

    def wait_for_task(self, upid: str) -> Task:
        """Wait until a task has ended."""
        path = f"/nodes/{upid.split(':')[1]}/tasks/{quote(upid, safe=':@!')}"
        while True:
            status = self.call("GET", f"{path}/status", {})
            if status["status"] == "stopped":
                rows = self.call("GET", f"{path}/log", {"limit": 5000})
                lines = [row["t"] for row in rows if row["t"] != "no content" and not row["t"].startswith("TASK ")]
                return Task(upid, status["exitstatus"], lines)
            time.sleep(TASK_POLL_SECONDS)

    def _send(self, method: str, path: str, form: str) -> tuple[int, str, Any]:
        is_query = method in ("GET", "DELETE")
        target = f"/api2/json{quote(path, safe='/:@!')}" + (f"?{form}" if is_query and form else "")
        connection = http.client.HTTPSConnection(self._host, self._port, context=self._context)
        try:
            connection.request(method, target, body=None if is_query else form, headers=self._headers)
            response = connection.getresponse()
            text = response.read().decode()
            return response.status, response.reason, json.loads(text) if text else None
        finally:
            connection.close()


def format_error(status: int, reason: str, body: Any, usage: str) -> str:
    """Return what the command line prints to standard error for an answer of 400 and above."""
    errors = (body or {}).get("errors")
    usage_line = f"{usage}\n" if usage else ""
    if errors:
        return f"{status} {reason}\n" + "".join(f"{name}: {text}\n" for name, text in errors.items()) + usage_line
    if status == 595:
        # Not recorded; pvesh reaches other nodes by ssh. Source: PVE/CLI/pvesh.pm.
        return f"ssh: connect to host 10.99.0.2 port 22: {reason}\nproxy handler failed: exit code 255\n"
    if status == 500:
        return f"{reason}\n"
    return f"{status} {reason}\n{usage_line}"


def exit_code_of(status: int, reason: str, body: Any) -> int:
    """Return the exit code that goes with an answer of 400 and above."""
    texts = " ".join(((body or {}).get("errors") or {}).values())
    if "unable to hotplug" in texts:
        return EXIT_CODE_OF_HOTPLUG
    return EXIT_CODE_OF_MISSING if ERRNO_2.search(reason) else EXIT_CODE_OF_MOST
