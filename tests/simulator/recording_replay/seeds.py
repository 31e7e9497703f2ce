# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state in which each recorded file begins, what happened between two requests outside the API, and what is left out.

The world ``recorded`` is the host as the first recordings show it; files recorded later saw what earlier ones had changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import Simulator

BASE = {"arch": "amd64", "ostype": "debian", "unprivileged": 1}
RENAMED_WEB = {"hostname": "web1new", "tags": "a;b;prod;web", "description": "hello\nworld", "swap": 64}
GROWN_ROOTFS = {"rootfs": "btr:102/vm-102-disk-0.raw,size=1152M"}
SMALL_ROOTFS = {"rootfs": "local:103/vm-103-disk-0.raw,size=1G"}
SHELL_MEMORY_MIB = 77
HOUR_PART_SECONDS = 2400
# Tasks that the recorded lists count in ``total`` but do not show: 58 in all, 13 failed, 9 of container 103.
OLDER_TASKS = 33
OLDER_FAILED_TASKS = 7
OLDER_TASKS_OF_103 = 6


def seed_renamed_web(simulator: Simulator, fixture: Path) -> None:
    """101 as config_put_ok.json left it."""
    simulator.set_guest(101, config=RENAMED_WEB)
    simulator.control("POST", "/report")


def seed_busy_database(simulator: Simulator, fixture: Path) -> None:
    """102 with its disk grown by resize.json and a shell that holds about 77 MiB."""
    simulator.set_guest(102, config=GROWN_ROOTFS, anon_mib=SHELL_MEMORY_MIB, cache_mib=1)


def seed_clone(simulator: Simulator, fixture: Path) -> None:
    """103 before its disk was grown, the template with the two cores of config_put_bad.json."""
    simulator.set_guest(103, config=SMALL_ROOTFS)
    simulator.set_guest(900, config={"cores": 2})


def seed_delete(simulator: Simulator, fixture: Path) -> None:
    """The containers that clone.json had made, 200 running."""
    for vmid, storage in ((200, "btr"), (201, "btr"), (203, "local"), (207, "local"), (208, "local")):
        config = {**BASE, "cores": 1, "memory": 128, "swap": 0, "hostname": f"ct{vmid}", "rootfs": f"{storage}:{vmid}/vm-{vmid}-disk-0.raw,size=1G"}
        simulator.set_guest(vmid, node="pve1", status="running" if vmid == 200 else "stopped", config=config)


def seed_resize(simulator: Simulator, fixture: Path) -> None:
    """103 before its disk was grown."""
    simulator.set_guest(103, config=SMALL_ROOTFS)


def seed_grown_disk(simulator: Simulator, fixture: Path) -> None:
    """102 after resize.json."""
    simulator.set_guest(102, config=GROWN_ROOTFS)


def seed_history(simulator: Simulator, fixture: Path) -> None:
    """Forty minutes of reports, so that the beginning of the hour has no data."""
    simulator.advance(HOUR_PART_SECONDS)


def seed_tasks(simulator: Simulator, fixture: Path) -> None:
    """The tasks that had ended before, from the recorded lists; one shutdown still runs."""
    records = json.loads((fixture / "tasks.json").read_text(encoding="utf-8"))
    listed = {row["upid"]: row for label in ("cluster tasks", "list", "list errors", "list vmid") for row in _rows(records, label)}
    for row in sorted(listed.values(), key=lambda row: (-row["starttime"], -int(row["upid"].split(":")[3], 16))):
        if row["status"] == "unexpected status":
            line = "command 'lxc-stop -n 104 --nokill --timeout 6' failed: received interrupt"
            simulator.control("POST", "/tasks", {"upid": row["upid"], "interrupted": line})
            continue
        log = ["TASK OK"] if row["status"] == "OK" else [f"TASK ERROR: {row['status']}"]
        if row["status"] == "container did not stop":
            log.insert(0, "command 'lxc-stop -n 104 --nokill --timeout 2' failed: exit code 1")
        simulator.control("POST", "/tasks", {"upid": row["upid"], "exit_status": row["status"], "end_time": row["endtime"], "log": log})
    for number in range(OLDER_TASKS):
        vmid = 103 if number < OLDER_TASKS_OF_103 else 101
        status = "OK" if number >= OLDER_FAILED_TASKS else "CT is locked (backup)"
        upid = f"UPID:pve1:{number + 1:08X}:{number + 1:08X}:6B036000:vzstart:{vmid}:admin@pve!adm:"
        simulator.control("POST", "/tasks", {"upid": upid, "exit_status": status, "end_time": 0x6B036001, "log": []})


def _rows(records: list[dict[str, Any]], label: str) -> list[dict[str, Any]]:
    """Return the rows of a recorded list."""
    rows: list[dict[str, Any]] = next(record for record in records if record["label"] == label)["body"]["data"]
    return rows


SEEDS: dict[str, Callable[[Simulator, Path], None]] = {
    "auth_401.json": seed_renamed_web,
    "clone.json": seed_clone,
    "config_put_bad.json": seed_renamed_web,
    "delete.json": seed_delete,
    "memory_shrink_below_usage_cgroupv1.json": seed_busy_database,
    "partial_failure_and_pending.json": seed_busy_database,
    "permission_403.json": seed_renamed_web,
    "power.json": seed_renamed_web,
    "resize.json": seed_resize,
    "rrddata.json": seed_history,
    "storage.json": seed_grown_disk,
    "tasks.json": seed_tasks,
}

# File and number of the record before which something happened outside the API.
STEPS: dict[tuple[str, int], Callable[[Simulator], object]] = {
    ("config_put_bad.json", 32): lambda simulator: simulator.set_guest(103, lock=None),  # pct unlock 103
    ("misc.json", 2): lambda simulator: simulator.set_guest(103, is_config_lock_held=True),  # flock on the lock file
    ("misc.json", 5): lambda simulator: simulator.set_guest(103, is_config_lock_held=False),
}

# Digests hold a random hardware address or a snapshot's time of day in these files; see DigestRelation.
FILES_WITH_RANDOM_DIGESTS = ("clone.json", "snapshot.json")

# "file/label": why the record is not compared. The replay fails when an entry names no record or agrees after all.
EXCLUSIONS: dict[str, str] = {}
