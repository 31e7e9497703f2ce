# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless Chromium, spoken to by its DevTools protocol over two pipes: no port, no WebSocket, no package.

Source: --remote-debugging-pipe reads commands from file descriptor 3 and writes answers and events to 4, each a JSON text ended by a zero byte.
"""

from __future__ import annotations

import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import time
from typing import Any

DEADLINE_SECONDS = 120.0
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


class BrowserError(Exception):
    """The browser is not there, does not answer, or refuses."""


class Browser:
    """One browser with one page."""

    def __init__(self, profile: pathlib.Path) -> None:
        """Start it.

        Args:
            profile: an empty folder of its own.
        """
        program = shutil.which("chromium")
        if program is None:
            raise BrowserError("chromium is not installed; Debian's package is called chromium")
        command_read, self._command_write = os.pipe()
        self._answer_read, answer_write = os.pipe()
        # The shell puts the two pipes where the browser looks for them.
        line = f'exec "$0" "$@" 3<&{command_read} 4>&{answer_write}'
        self._process = subprocess.Popen(
            ["bash", "-c", line, program, *OPTIONS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(command_read, answer_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(command_read)
        os.close(answer_write)
        self._waiting = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result; events that come meanwhile are kept."""
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._command_write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next(method)
            if answer.get("id") == number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def open(self, path: pathlib.Path, width: int, height: int, scheme: str) -> None:
        """Show a file in a window of this size and in the colour scheme ``light`` or ``dark``."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next("Page.loadEventFired"))

    def value(self, expression: str) -> Any:
        """Return what a JavaScript expression comes to in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def picture(self, path: pathlib.Path, *, is_whole_page: bool = True) -> None:
        """Write a PNG of the page."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=is_whole_page)
        path.write_bytes(base64.b64decode(answer["data"]))

    def requests(self) -> list[str]:
        """Return the addresses that were asked for since the page was opened."""
        return [event["params"]["request"]["url"] for event in self.events if event.get("method") == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        """Return what came to the console since the page was opened, errors and violations of the page's own policy included."""
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(event["params"]) for event in self.events if event.get("method") in kinds]

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._command_write)
        os.close(self._answer_read)

    def _next(self, what: str) -> dict[str, Any]:
        """Return the next message, or raise after the deadline."""
        until = time.monotonic() + DEADLINE_SECONDS
        while b"\0" not in self._waiting:
            ready = select.select([self._answer_read], [], [], max(0.0, until - time.monotonic()))[0]
            part = os.read(self._answer_read, 1 << 16) if ready else b""
            if not part:
                raise BrowserError(f"chromium did not answer {what}: it has {'ended' if ready else 'said nothing for so long'}")
            self._waiting += part
        first, self._waiting = self._waiting.split(b"\0", 1)
        message: dict[str, Any] = json.loads(first)
        return message
