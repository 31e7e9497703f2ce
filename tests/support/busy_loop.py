# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A loop in which everything occurs that metrics can show: changes, failures, kills, a failed cycle, a notifier that works and one that does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pve_lxc.autoscale.aftermath import after_cycle, after_failure
from pve_lxc.autoscale.config_file import parse_config
from pve_lxc.autoscale.configuration.loop_config import LoopConfig
from pve_lxc.autoscale.cycle import APPLY, run_cycle
from pve_lxc.autoscale.parts import CycleResult
from pve_lxc.errors import ProxmoxConnectionError, ProxmoxPermissionError
from support.loop_fakes import FakeNode, SetUsage


class PressedUsage(SetUsage):
    """Measures what SetUsage leaves out, as cgroup files would."""

    def __init__(self) -> None:
        super().__init__()
        self.foreign_oom: dict[int, int] = {}

    def _sample(self, guest: Any, now: float) -> Any:
        sample = super()._sample(guest, now)
        return replace(
            sample,
            cpu_peak_cores=(sample.cpu_cores or 0.0) + 0.25,
            swap_mib=16.0,
            cpu_pressure_percent=2.0,
            cpu_throttled_ratio=0.01,
            foreign_oom_kills=self.foreign_oom.get(guest.vmid, 0),
        )


class BusyLoop:
    """A node, its configuration and its cycles with what comes after them."""

    def __init__(self, folder: Path, notify: str = "", **environment: str) -> None:
        self.folder = folder
        self.node = FakeNode(folder)
        self.node.usage = PressedUsage()
        self.textfile = folder / "lxc_autoscale.prom"
        text = (
            "connection: {token_id: 'a@pve!b'}\nmode: apply\nnode: pve1\n"
            f"state: {{path: {folder}/state.sqlite}}\nmetrics: {{textfile: {self.textfile}}}\n{notify}"
        )
        self.environment = {"PROXMOX_TOKEN_SECRET": "t0ken-of-proxmox", **environment}
        self.config: LoopConfig = parse_config(text, source="config.yaml", environment=self.environment)

    def cycle(self, seconds: float = 60.0, *, is_by_hand: bool = False) -> tuple[CycleResult, tuple[str, ...]]:
        """Return what one cycle did, and the notices of what came after it."""
        self.node.clock.seconds += seconds
        result = run_cycle(self.node.parts, APPLY)
        return result, after_cycle(self.config, self.node.state, result, self.node.clock.now(), is_by_hand=is_by_hand)

    def failing_cycle(self, seconds: float = 60.0) -> tuple[str, ...]:
        """Return the notices after a cycle in which Proxmox gave no answer."""
        self.node.clock.seconds += seconds
        error = ProxmoxConnectionError("cannot connect to localhost:8006: Connection refused; nothing was sent", is_sent=False)
        self.node.backend.fail("read_cluster", error)
        try:
            run_cycle(self.node.parts, APPLY)
        except ProxmoxConnectionError as caught:
            return after_failure(self.config, self.node.state, caught, self.node.clock.now())
        raise AssertionError("the cycle did not fail")

    def live(self) -> None:
        """Let everything happen once."""
        self.node.add(101, cpu_cores=0.5, memory_mib=1000, cpulimit=1.5)
        self.node.add(102, cpu_cores=0.5, memory_mib=1000)
        self.node.add(103, cpu_cores=0.5, memory_mib=300)
        refusal = ProxmoxPermissionError("Permission check failed", acl_path="/vms/101", privileges=("VM.Config.Memory",))
        self.node.backend.fail("write_config", refusal)
        self.cycle()
        self.node.usage.own_oom = {103: 1}
        self.node.usage.foreign_oom = {102: 2}
        self.cycle()
        self.failing_cycle()
