# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock for the command line that goes with a simulator's."""

from __future__ import annotations


class SimulatedClock:
    """Wall time as the simulator has it; deadlines move only by sleeping."""

    def __init__(self, simulator):
        self.simulator = simulator
        self.slept_seconds = 0.0

    def now(self):
        return self.simulator.advance(0)

    def monotonic(self):
        return self.slept_seconds

    def sleep(self, seconds):
        self.slept_seconds += seconds


class ImpatientClock(SimulatedClock):
    """The same for what never has to wait: whoever sleeps has gone wrong."""

    def sleep(self, seconds):
        raise AssertionError(f"nothing here waits, and somebody wanted to for {seconds} s")
