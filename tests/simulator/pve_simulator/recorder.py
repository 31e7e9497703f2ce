# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remembers every API request, so that tests can count them."""

from __future__ import annotations

import time

MAX_RECORDS = 100000


class Recorder:
    """The requests since the last reset, oldest first."""

    def __init__(self) -> None:
        """Start empty."""
        self.records: list[dict[str, object]] = []
        self._next_number = 1

    def open(self, method: str, path: str) -> dict[str, object]:
        """Add a request and return its record, to be completed with ``who``, ``parameters`` and ``status``.

        Values of parameters are not kept: they may be secrets.
        """
        short = path.removeprefix("/api2/json").removeprefix("/api2/extjs")
        record: dict[str, object] = {
            "number": self._next_number,
            "method": method,
            "path": short,
            "parameters": [],
            "who": None,
            "status": None,
            "time": time.time(),
        }
        self._next_number += 1
        self.records.append(record)
        if len(self.records) > MAX_RECORDS:
            del self.records[: MAX_RECORDS // 10]
        return record

    def since(self, number: int) -> list[dict[str, object]]:
        """Return the requests with a higher number."""
        return [record for record in self.records if int(str(record["number"])) > number]

    def reset(self) -> None:
        """Forget everything; numbers go on."""
        self.records.clear()
