# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of a user on a booted cluster, step by step, and what is seen after each step.

All that is remembered for hours by default has short windows here, so that what takes a day is over in a minute; the code, the units and the order
of things are a user's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ci import places

from .cluster import wait_for
from .transcript import Transcript

if TYPE_CHECKING:
    from .cluster import BootedCluster
    from .machine import Machine

# Reserved for documentation (RFC 5737): nobody answers there.
DEAD_NODE = {"pve-gone": {"ansible_host": "192.0.2.1"}}
USUAL_MIB, QUIET_MIB = 300, 90
# Beside its own memory a container maps 32 MiB of files, so this much below the limit it is nearly full and not yet killed.
BELOW_LIMIT_MIB = 40
STEPS_UP = 2
# Half of the 512 MiB that were found at adoption.
LEAST_MIB = 256
SHORT_WINDOWS = {
    "learn_after_uptime_seconds": 0,
    "grow_only_uptime_seconds": 0,
    "grow_only_history_seconds": 0,
    "cpu_grow_only": True,
    "memory_recent_window_seconds": 60,
    "memory_rise_window_seconds": 60,
    "memory_shrink_wait_seconds": 0,
    "memory_shrink_pause_seconds": 5,
}
# systemd keeps quiet about a run that has nothing to say (LogLevelMax=), but knows when the timer started the last one.
LAST_TRIGGER = "systemctl show --value --property=LastTriggerUSecMonotonic lxc-autoscale.timer"
RESULT = "systemctl show --property=Result --property=ExecMainStatus --property=ActiveState lxc-autoscale.service"
JOURNAL = "journalctl --no-pager --output=short-monotonic -u lxc-autoscale.service"
# A run tries a read again until its deadline of 30 s.
OUTAGE_SECONDS = 90
SLOW_SECONDS = 6
LEFT_FILES = (
    r"find / -xdev \( -path /proc -o -path /sys -o -path /run/pve-cgroup -o -path /var/log/journal -o -path /root/.ansible \) -prune -o"
    " -name '*lxc*autoscale*' -print"
)


@dataclass
class Chapter:
    """What was seen of one node.

    Attributes:
        vmid: its container that is managed.
        sizes: memory in MiB and cores by stage.
        texts: what commands printed, by name.
        numbers: what was counted, by name.
    """

    vmid: int
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)


def _is_size_there(is_there: Callable[[tuple[int, int], Chapter], bool], chapter: Chapter, size: tuple[int, int]) -> bool:
    """Return whether a chapter's size is the one that is waited for."""
    return is_there(size, chapter)


class Journey:
    """The way and what was seen on it; every step waits for what it leads to, and an AssertionError says what did not come."""

    def __init__(self, cluster: BootedCluster, transcript: Transcript) -> None:
        self.cluster = cluster
        self.transcript = transcript
        self.chapters = {name: Chapter(100 * number + 1) for number, name in enumerate(cluster.machines, 1)}
        self.plays: dict[str, Any] = {}

    def walk(self) -> None:
        """Go the whole way."""
        self.set_load("usual", lambda chapter: USUAL_MIB, 0.8)
        self.install()
        self.see_timer()
        self.see_growth()
        self.see_outage()
        self.see_shrink()
        self.roll_back()
        self.see_service_after_rollback()
        self.remove()

    def each(self) -> Iterator[tuple[Machine, Chapter]]:
        for name, machine in self.cluster.machines.items():
            yield machine, self.chapters[name]

    def size(self, chapter: Chapter) -> tuple[int, int]:
        config = self.cluster.simulator.guest(chapter.vmid)["config"]
        return int(config["memory"]), int(config["cores"])

    def set_load(self, name: str, memory_mib: Callable[[Chapter], int], cpu_cores: float) -> None:
        for _machine, chapter in self.each():
            own_mib = memory_mib(chapter)
            self.cluster.simulator.set_guest(chapter.vmid, anon_mib=own_mib, cpu_cores=cpu_cores)
            self.transcript.note(f"the load of container {chapter.vmid} is {name}: {own_mib} MiB of its own and {cpu_cores:g} cores")

    def shell(self, machine: Machine, command: str) -> str:
        """Run a command as root and write it down."""
        done = machine.run(command, check=False)
        self.transcript.shell(machine.hostname, command, done.stdout + done.stderr)
        assert done.returncode == 0, f"{machine.hostname}: {command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def play(self, name: str, playbook: str, **variables: Any) -> None:
        done = self.cluster.playbook(playbook, hosts=DEAD_NODE, **variables)
        self.plays[name] = done
        self.transcript.play(f"ansible-playbook -i hosts.json {places.COLLECTION}.{playbook} -e '{json.dumps(variables)}'", done.stdout + done.stderr)

    def wait_for_sizes(self, what: str, stage: str, is_there: Callable[[tuple[int, int], Chapter], bool], seconds: float) -> None:
        """Wait until every container has the size it should get, and write down how it got there."""
        for machine, chapter in self.each():
            looks = partial(self.size, chapter), partial(_is_size_there, is_there, chapter)
            chapter.sizes[stage] = memory_mib, cores = wait_for(f"{what} on {machine.hostname}", *looks, seconds)
            self.transcript.note(f"container {chapter.vmid} on {machine.hostname} has {memory_mib} MiB and {cores} cores")

    def count_triggers(self, name: str, wanted: int) -> None:
        """Wait until the timer of every machine has started its service so many times, and write down how many were seen; all are looked at in turn."""
        seen: dict[str, set[str]] = {machine.hostname: set() for machine, _chapter in self.each()}

        def look() -> dict[str, set[str]]:
            for machine, _chapter in self.each():
                seen[machine.hostname] |= {machine.text(LAST_TRIGGER)} - {"", "0"}
            return seen

        wait_for(f"{wanted} runs of each timer", look, lambda found: all(len(times) >= wanted for times in found.values()))
        for machine, chapter in self.each():
            times = sorted(seen[machine.hostname])
            chapter.numbers[name] = len(times)
            self.transcript.note(f"the timer on {machine.hostname} started the service at {', '.join(times)} by the monotonic clock")

    def wait_for_result(self, machine: Machine, result: str) -> str:
        """Wait until a run has ended that way and return what systemd says of it; while one is under way it says nothing of the last."""

        def is_there(text: str) -> bool:
            return f"Result={result}" in text and "ActiveState=activating" not in text

        seen = str(wait_for(f"a run that ends with {result} on {machine.hostname}", partial(machine.text, RESULT), is_there, OUTAGE_SECONDS))
        self.transcript.shell(machine.hostname, RESULT, seen)
        return seen

    def install(self) -> None:
        self.transcript.chapter(f"install: one playbook, {len(self.chapters)} nodes that answer and one that does not")
        config = {
            "selection": {"vmids": [chapter.vmid for chapter in self.chapters.values()]},
            "observe": {"proc_root": "/run/pve-cgroup/proc"},
            "policy": SHORT_WINDOWS,
        }
        self.play(
            "install",
            "autoscale_install",
            lxc_autoscale_mode="apply",
            lxc_autoscale_interval="5s",
            lxc_autoscale_cgroup_root="/run/pve-cgroup",
            lxc_autoscale_config=config,
        )

    def see_timer(self) -> None:
        self.transcript.chapter("the timer fires by itself")
        self.count_triggers("runs of the timer", 3)
        for machine, chapter in self.each():
            chapter.texts["timer"] = self.shell(machine, "systemctl list-timers --no-pager lxc-autoscale.timer")
            chapter.texts["journal"] = self.shell(machine, f"{JOURNAL} | tail -12")
            chapter.texts["status"] = self.shell(machine, "lxc-autoscale status")
            chapter.sizes["settled"] = self.size(chapter)

    def see_growth(self) -> None:
        self.transcript.chapter("load rises, the container grows")
        for _machine, chapter in self.each():
            chapter.sizes["grown"] = chapter.sizes["settled"]
        for step in range(1, STEPS_UP + 1):
            self.set_load(f"high, step {step}", lambda chapter: chapter.sizes["grown"][0] - BELOW_LIMIT_MIB, 2.6)
            self.wait_for_sizes("growth", "grown", lambda size, of: size[0] > of.sizes["grown"][0] and size[1] > of.sizes["settled"][1], 60)

    def see_outage(self) -> None:
        self.transcript.chapter("Proxmox answers nothing but 503 for a while")
        self.cluster.simulator.fault("status_code", status=503)
        for machine, chapter in self.each():
            chapter.texts["result in outage"] = self.wait_for_result(machine, "exit-code")
            chapter.texts["journal of outage"] = self.shell(machine, f"{JOURNAL} -u lxc-autoscale-failure.service | tail -12")
            chapter.texts["status in outage"] = self.shell(machine, "lxc-autoscale status")
        self.cluster.simulator.fault("status_code", on=False)
        for machine, chapter in self.each():
            chapter.texts["result after outage"] = self.wait_for_result(machine, "success")
            chapter.sizes["after outage"] = self.size(chapter)

    def see_shrink(self) -> None:
        self.transcript.chapter("load falls, the container shrinks")
        self.set_load("low", lambda chapter: QUIET_MIB, 0.1)
        self.wait_for_sizes("shrinkage", "shrunk", lambda size, of: size[0] == LEAST_MIB, 150)
        for machine, chapter in self.each():
            chapter.texts["explain"] = self.shell(machine, f"lxc-autoscale explain {chapter.vmid}")
            chapter.texts["history"] = self.shell(machine, f"lxc-autoscale history {chapter.vmid}")

    def roll_back(self) -> None:
        self.transcript.chapter("an operator takes the last change back, as root")
        for machine, chapter in self.each():
            chapter.texts["dry run"] = self.shell(machine, f"lxc-autoscale rollback {chapter.vmid} --dry-run")
            chapter.texts["rollback"] = self.shell(machine, f"lxc-autoscale rollback {chapter.vmid}")
            chapter.sizes["rolled back"] = self.size(chapter)
            chapter.texts["owners"] = self.shell(machine, "stat -c '%U:%G %a %n' /var/lib/lxc-autoscale /var/lib/lxc-autoscale/*")

    def see_service_after_rollback(self) -> None:
        self.transcript.chapter("the service still runs, and leaves what was taken back alone")
        self.count_triggers("runs after rollback", 3)
        for machine, chapter in self.each():
            chapter.texts["state after rollback"] = self.wait_for_result(machine, "success")
            chapter.texts["status after rollback"] = self.shell(machine, "lxc-autoscale status")
            chapter.sizes["two runs later"] = self.size(chapter)
            chapter.texts["failed units"] = self.shell(machine, "systemctl --failed --no-legend --plain")

    def remove(self) -> None:
        self.transcript.chapter("remove, while runs take longer than the time between them")
        self.cluster.simulator.fault("slow", seconds=SLOW_SECONDS, path="/cluster/resources")
        for machine, _chapter in self.each():
            wait_for(f"a run under way on {machine.hostname}", partial(machine.text, RESULT), lambda text: "ActiveState=activating" in text)
        self.play("remove", "autoscale_remove", lxc_autoscale_purge=True)
        for machine, chapter in self.each():
            chapter.texts["journal of removal"] = self.shell(machine, f"{JOURNAL} | tail -6")
            chapter.texts["left files"] = self.shell(machine, LEFT_FILES)
            chapter.texts["left units"] = self.shell(machine, "systemctl list-units --all --no-legend --plain 'lxc-autoscale*'")
            chapter.texts["left account"] = self.shell(machine, "getent passwd lxc-autoscale; getent group lxc-autoscale; true")
            chapter.sizes["removed"] = self.size(chapter)
        first = next(iter(self.cluster.machines.values()))
        for what in ("user", "role", "acl"):
            self.chapters[first.hostname].texts[f"left {what}s"] = self.shell(first, f"pveum {what} list --output-format json")
