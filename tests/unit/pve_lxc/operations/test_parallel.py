# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""So many at a time, of each node, and the results in order."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from pve_lxc.operations.parallel import run_each

ENDS_AT_THE_LATEST_SECONDS = 20.0


class Crowd:
    """Work that waits until as many are at it as are expected together, and counts the most of each node."""

    def __init__(self, expected_together: int) -> None:
        self.barrier = threading.Barrier(expected_together)
        self.lock = threading.Lock()
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    def __call__(self, item: tuple[str, int]) -> int:
        node, number = item
        with self.lock:
            self.now[node] += 1
            self.most[node] = max(self.most[node], self.now[node])
        self.barrier.wait(ENDS_AT_THE_LATEST_SECONDS)
        with self.lock:
            self.now[node] -= 1
        return number


def items_of(nodes: int, each: int) -> list[tuple[str, int]]:
    return [(f"pve{1 + number % nodes}", number) for number in range(nodes * each)]


def test_four_of_each_of_three_nodes_are_worked_on_together_and_the_results_keep_their_order():
    crowd = Crowd(expected_together=12)
    assert run_each(crowd, items_of(3, 8), 4, lambda item: item[0]) == list(range(24))
    assert crowd.most == {"pve1": 4, "pve2": 4, "pve3": 4}


def test_without_nodes_four_are_worked_on_together_however_many_are_asked_for():
    crowd = Crowd(expected_together=4)
    run_each(crowd, items_of(1, 16), 64)
    assert crowd.most == {"pve1": 4}


def test_ten_nodes_share_sixteen_threads():
    crowd = Crowd(expected_together=10)
    run_each(crowd, items_of(10, 3), 4, lambda item: item[0])
    assert set(crowd.most.values()) == {1}


def test_a_concurrency_of_one_is_one_at_a_time_over_all_nodes():
    threads = set()
    run_each(lambda item: threads.add(threading.get_ident()), items_of(3, 4), 1, lambda item: item[0])
    assert threads == {threading.get_ident()}


def test_an_error_is_raised_and_what_was_not_begun_never_is():
    begun = []
    last = threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        if number == 0:
            raise ValueError("no 0")
        last.wait(0.01)

    with pytest.raises(ValueError, match="no 0"):
        run_each(work, range(1000), 2)
    assert len(begun) < 1000


def test_no_items_are_no_results():
    assert run_each(lambda item: item, [], 4) == []
