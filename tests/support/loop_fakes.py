# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node for the loop, all in memory but the state: a clock that is set, usage that is set, a back end as strict as Proxmox."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pve_lxc.autoscale.configuration.selection import Selection
from pve_lxc.autoscale.lock import hold_lock
from pve_lxc.autoscale.parts import CycleParts
from pve_lxc.backend.state import SqliteState
from pve_lxc.model.allocation import LiveLimits
from pve_lxc.model.guest import Guest
from pve_lxc.model.node import Cluster, Node
from pve_lxc.model.usage import HostUsage, MemorySource, UsageSample
from pve_lxc.policy.settings.container import SettingsBook
from support.fake_backend import FakeBackend

START = 1_800_000_000.0
MIB = 1024 * 1024


class SetClock:
    """Shows the time it was set to."""

    def __init__(self, now: float = START) -> None:
        self.seconds = now

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class LoopBackend(FakeBackend):
    """FakeBackend with a quorum that can be lost and rows that follow the clock."""

    def __init__(self, clock: SetClock) -> None:
        super().__init__()
        self.clock = clock
        self.has_quorum = True
        self.nodes = {"pve1": Node("pve1", "online", 2, 16.0)}

    def read_cluster(self) -> Cluster:
        cluster = super().read_cluster()
        guests = {
            vmid: replace(guest, uptime_seconds=self.clock.now() - START + 100_000.0, max_cpu=float(self.values[vmid].get("cores") or 16))
            for vmid, guest in cluster.guests.items()
        }
        return Cluster(guests, cluster.nodes)

    def is_quorate(self) -> bool:
        self._count("is_quorate", None)
        return self.has_quorum


class SetUsage:
    """A UsageSource that measures what it was told."""

    def __init__(self) -> None:
        self.cpu_cores: dict[int, float] = {}
        self.memory_mib: dict[int, float] = {}
        self.memory_now_mib: dict[int, float] = {}
        self.own_oom: dict[int, int] = {}
        self.live_limits: dict[int, LiveLimits] = {}
        self.more: dict[int, dict[str, Any]] = {}
        self.host = HostUsage("pve1", cpus=16, memory_total_mib=65536, memory_available_mib=32768, memory_full_percent=0.0, cpu_pressure_percent=0.0)
        self.counters: dict[int, dict[str, Any]] = {}

    def note_cluster(self, cluster: Cluster) -> None:
        """Nothing is needed of it."""

    def load_counters(self, counters: Mapping[int, Mapping[str, Any]]) -> None:
        self.counters = {vmid: dict(values) for vmid, values in counters.items()}

    def dump_counters(self) -> dict[int, dict[str, Any]]:
        return self.counters

    def read_samples(self, guests: Any, now: float) -> dict[int, UsageSample]:
        samples = {}
        for guest in guests:
            if guest.is_running and guest.vmid in self.memory_mib:
                seen = self.counters.get(guest.vmid, {}).get("seen", 0)
                self.counters[guest.vmid] = {"seen": seen + 1}
                samples[guest.vmid] = self._sample(guest, now)
        return samples

    def _sample(self, guest: Guest, now: float) -> UsageSample:
        live = self.live_limits.get(guest.vmid)
        sample = UsageSample(
            guest.vmid,
            guest.node,
            now,
            60.0,
            self.cpu_cores.get(guest.vmid),
            None,
            self.memory_mib[guest.vmid],
            MemorySource.CGROUP,
            memory_pressure_percent=0.0,
            memory_full_percent=0.0,
            own_oom_kills=self.own_oom.get(guest.vmid, 0),
            foreign_oom_kills=0,
            live_memory_max_mib=live.memory_mib if live else None,
            live_cpu_max_cores=live.cpulimit if live else None,
            live_swap_max_mib=live.swap_mib if live else None,
        )
        return replace(sample, **self.more.get(guest.vmid, {}))

    def read_memory_mib(self, guest: Guest) -> float | None:
        return self.memory_now_mib.get(guest.vmid, self.memory_mib.get(guest.vmid))

    def read_live_limits(self, guest: Guest) -> LiveLimits | None:
        return self.live_limits.get(guest.vmid)

    def read_host(self, node: str) -> HostUsage:
        return self.host


class _Killed(BaseException):
    """What no code of ours catches."""


class FakeNode:
    """The parts of a loop on node pve1 and what they are made of; ``reopen`` stands for the next process."""

    def __init__(self, folder: Path, settings: SettingsBook | None = None) -> None:
        self.folder = folder
        self.clock = SetClock()
        self.backend = LoopBackend(self.clock)
        self.usage = SetUsage()
        self.settings = settings or SettingsBook()
        self.selection = Selection()
        self.records_per_cycle = 0
        self.state = SqliteState(str(folder / "state.sqlite"))

    def add(self, vmid: int, *, cpu_cores: float, memory_mib: float, **values: Any) -> None:
        self.backend.add(vmid, **{"cores": 2, **values})
        self.usage.cpu_cores[vmid] = cpu_cores
        self.usage.memory_mib[vmid] = memory_mib

    def reopen(self) -> None:
        self.state.close()
        self.usage.counters = {}
        self.state = SqliteState(str(self.folder / "state.sqlite"))

    @contextlib.contextmanager
    def killed_after_write(self) -> Iterator[None]:
        """Kill what is done in here right after its first write, as a signal does; that there was one is part of it."""

        def die(_vmid: int) -> None:
            raise _Killed

        self.backend.after_write = die
        try:
            with contextlib.suppress(_Killed):
                yield
                raise AssertionError("nothing was written, so nothing was killed")
        finally:
            self.backend.after_write = None

    @property
    def parts(self) -> CycleParts:
        return CycleParts(
            backend=self.backend,
            usage=self.usage,
            state=self.state,
            lock=lambda: hold_lock(str(self.folder / "lock")),
            clock=self.clock,
            node="pve1",
            selection=self.selection,
            settings=self.settings,
            records_per_cycle=self.records_per_cycle,
        )

    def calls(self) -> list[str]:
        """Return the methods called since the last time, in order."""
        names = [method for method, _vmid in self.backend.calls]
        self.backend.calls.clear()
        return names

    @contextlib.contextmanager
    def closing(self) -> Any:
        try:
            yield self
        finally:
            self.state.close()
