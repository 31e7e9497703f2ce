# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of a user, on all Debian releases at once: one playbook, the timer, load that rises and falls, an outage, rollback, removal.

The cluster is one of two nodes under upgrade, and a third that is down.
"""

from __future__ import annotations

import json
import re

import pytest
from ci import places
from support.booted.cluster import node_name
from support.booted.journey import LEAST_MIB, Chapter, Journey
from support.booted.transcript import Transcript


@pytest.fixture(scope="module")
def journey(boot_for_module, suites) -> Journey:
    made = Journey(boot_for_module(*suites), Transcript(places.LOGS / "whole-way.txt"))
    made.walk()
    return made


@pytest.fixture
def chapter(journey: Journey, suite: str) -> Chapter:
    return journey.chapters[node_name(suite)]


def recap_of(journey: Journey, play: str, node: str) -> dict[str, int]:
    """Return a node's line of a playbook's recap."""
    line = re.search(rf"^{node}\s*: (.*)$", journey.plays[play].stdout, re.MULTILINE)
    assert line is not None, journey.plays[play].stdout[-3000:]
    return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", line[1])}


def test_one_playbook_installs_the_loop_although_another_node_is_down(journey: Journey, suite: str) -> None:
    recap = recap_of(journey, "install", node_name(suite))
    assert (recap["failed"], recap["unreachable"]) == (0, 0)
    assert recap["changed"] > 5
    assert recap_of(journey, "install", "pve-gone")["unreachable"] == 1
    assert journey.plays["install"].returncode == 4


def test_the_timer_fires_by_itself(chapter: Chapter) -> None:
    assert chapter.numbers["runs of the timer"] >= 2


def test_rising_load_of_memory_and_cpu_makes_the_container_grow(chapter: Chapter) -> None:
    assert chapter.sizes["grown"][0] > chapter.sizes["settled"][0]
    assert chapter.sizes["grown"][1] > chapter.sizes["settled"][1]


def test_an_outage_of_proxmox_fails_the_run_with_its_reason_and_the_next_run_after_it_works(chapter: Chapter) -> None:
    assert set(chapter.texts["result in outage"].split()) == {"Result=exit-code", "ExecMainStatus=3", "ActiveState=failed"}
    assert "503" in chapter.texts["journal of outage"]
    assert "a cycle failed: exit-code, exit status 3" in chapter.texts["journal of outage"]
    assert "Traceback" not in chapter.texts["journal of outage"]
    assert set(chapter.texts["result after outage"].split()) == {"Result=success", "ExecMainStatus=0", "ActiveState=inactive"}


def test_an_outage_changes_no_container(chapter: Chapter) -> None:
    assert chapter.sizes["after outage"] == chapter.sizes["grown"]


def test_falling_load_makes_it_shrink_again(chapter: Chapter) -> None:
    assert chapter.sizes["shrunk"][0] == LEAST_MIB < chapter.sizes["grown"][0]


def test_every_change_is_in_the_history(chapter: Chapter) -> None:
    assert "shrink" in chapter.texts["history"]
    assert "grow" in chapter.texts["history"]
    assert "failed" not in chapter.texts["history"]


def test_rollback_as_root_gives_back_what_was_there_before_the_last_change(chapter: Chapter) -> None:
    assert chapter.sizes["rolled back"][0] > LEAST_MIB
    assert chapter.sizes["rolled back"][1] == chapter.sizes["shrunk"][1]


def test_the_service_runs_on_after_a_rollback_as_root_and_leaves_the_container_alone(chapter: Chapter) -> None:
    assert chapter.numbers["runs after rollback"] >= 2
    assert set(chapter.texts["state after rollback"].split()) == {"Result=success", "ExecMainStatus=0", "ActiveState=inactive"}
    assert chapter.texts["failed units"] == ""
    assert chapter.sizes["two runs later"] == chapter.sizes["rolled back"]


def test_nothing_in_the_state_folder_belongs_to_root_after_a_rollback_as_root(chapter: Chapter) -> None:
    owners = [line.split()[0] for line in chapter.texts["owners"].splitlines()]
    assert len(owners) >= 2
    assert set(owners) == {"lxc-autoscale:lxc-autoscale"}


def test_removal_leaves_neither_files_nor_units_nor_an_account_on_the_node(journey: Journey, chapter: Chapter, suite: str) -> None:
    assert recap_of(journey, "remove", node_name(suite))["failed"] == 0
    assert (chapter.texts["left files"], chapter.texts["left units"], chapter.texts["left account"]) == ("", "", "")


def test_removal_lets_a_run_that_is_under_way_come_to_its_end(chapter: Chapter) -> None:
    assert "code=killed" not in chapter.texts["journal of removal"]
    assert "signal" not in chapter.texts["journal of removal"]


def test_removal_from_the_last_node_leaves_no_user_role_or_permission_in_the_cluster(journey: Journey) -> None:
    texts = next(iter(journey.chapters.values())).texts
    assert [row["userid"] for row in json.loads(texts["left users"])] == ["root@pam"]
    assert [row["roleid"] for row in json.loads(texts["left roles"]) if not row["special"]] == []
    assert json.loads(texts["left acls"]) == []


def test_removal_leaves_the_containers_as_they_are(chapter: Chapter) -> None:
    assert chapter.sizes["removed"] == chapter.sizes["two runs later"]
