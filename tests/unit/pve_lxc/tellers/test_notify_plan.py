# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a notifier is told and when: grouped, limited, repeated seldom, and nothing lost without a word."""

from __future__ import annotations

import json
from dataclasses import replace

NOW = 1_800_000_000.0


def settings(**changes):
    from pve_lxc.autoscale.configuration.notifiers import NotifierSettings

    values = {"name": "phone", "kind": "ntfy", "events": ("changes", "failures", "warnings"), "min_interval_seconds": 300.0, "repeat_after_seconds": 86400.0}
    return NotifierSettings(**{**values, **changes})


def trouble(key="leak_suspected:101", event="warnings", **changes):
    from pve_lxc.autoscale.notify.news import Trouble

    return Trouble(key, event, f"about {key}", **changes)


def news(*troubles, changes=(), **more):
    from pve_lxc.autoscale.notify.news import News

    return News("pve1", tuple(changes), tuple(troubles), **more)


def failed_cycle():
    return news(trouble("cycle:ProxmoxConnectionError", "failures"), is_complete=False, is_good=False)


class Reader:
    """One notifier through many cycles; its memory goes through JSON each time, as from process to process."""

    def __init__(self, **changes):
        from pve_lxc.autoscale.notify.plan import NotifierMemory

        self.settings = settings(**changes)
        self.memory = NotifierMemory()
        self.seconds = NOW

    def after(self, seconds, found, *, is_dead=False):
        """Return the lines that are sent after so many seconds, None for no message."""
        from pve_lxc.autoscale.notify.plan import draft_message, memory_from_dict, memory_to_dict

        self.seconds += seconds
        draft = draft_message(self.settings, self.memory, found, self.seconds)
        kept = draft.if_failed if is_dead and draft.message else draft.if_sent
        self.memory = memory_from_dict(json.loads(json.dumps(memory_to_dict(kept))))
        assert self.memory == kept
        self.message = draft.message
        return None if draft.message is None else list(draft.message.lines)


def test_quiet_cycle_tells_nothing():
    assert Reader().after(60, news()) is None


def test_everything_of_a_cycle_is_one_message():
    reader = Reader()
    lines = reader.after(60, news(trouble("permission_denied:103", "failures"), trouble(), changes=["101 web: memory 512 -> 1024 MiB"]))
    assert lines == ["FAILED about permission_denied:103", "warning: about leak_suspected:101", "changed 101 web: memory 512 -> 1024 MiB"]
    assert reader.message.subject == "lxc-autoscale pve1: 1 failed, 1 warning, 1 changed"
    assert (reader.message.facts["is_failure"], reader.message.facts["is_good"]) == (True, False)


def test_events_that_are_not_wanted_are_not_told():
    reader = Reader(events=("failures",))
    assert reader.after(60, news(trouble(), changes=["a"])) is None
    assert reader.after(60, news(trouble("permission_denied:103", "failures"), trouble(), changes=["a"])) == ["FAILED about permission_denied:103"]


def test_standing_problem_is_told_once_and_again_after_a_day():
    reader = Reader()
    told = [reader.after(60, news(trouble())) for _minute in range(3 * 1440)]
    assert [minute for minute, lines in enumerate(told) if lines] == [0, 1440, 2880]


def test_contested_container_is_told_once_however_long_it_lasts():
    reader = Reader()
    told = [reader.after(3600, news(trouble("contested:101", is_told_once=True))) for _hour in range(24 * 30)]
    assert [hour for hour, lines in enumerate(told) if lines] == [0]


def test_container_that_is_contested_again_a_day_after_it_was_released_is_told_again():
    reader = Reader()
    contested = news(trouble("contested:101", is_told_once=True))
    assert reader.after(60, contested)
    assert [reader.after(3600, news()) for _hour in range(25)] == [None] * 25
    assert reader.after(60, contested)


def test_problem_that_comes_and_goes_is_told_once_a_day():
    reader = Reader()
    told = [reader.after(600, news(trouble()) if number % 2 else news()) for number in range(144)]
    assert sum(lines is not None for lines in told) == 1


def test_changes_within_the_interval_are_counted_in_the_next_message():
    reader = Reader()
    assert reader.after(60, news(changes=["first"])) == ["changed first"]
    assert [reader.after(60, news(changes=["more", "and more"])) for _minute in range(4)] == [None] * 4
    assert reader.after(60, news(changes=["last"])) == ["changed last", "held back since the last message: 8 changes"]
    assert [reader.after(60, news()) for _minute in range(10)] == [None] * 10


def test_what_was_held_back_is_told_even_when_nothing_more_happens():
    reader = Reader()
    reader.after(60, news(changes=["first"]))
    told = [reader.after(60, news(changes=["second"] if minute == 0 else ())) for minute in range(6)]
    assert told == [None, None, None, None, ["held back since the last message: 1 change"], None]


def test_problem_within_the_interval_is_told_after_it_when_it_lasts():
    reader = Reader()
    reader.after(60, news(changes=["first"]))
    assert [reader.after(60, news(trouble())) for _minute in range(6)] == [None] * 4 + [["warning: about leak_suspected:101"], None]


def test_problem_that_came_and_went_within_the_interval_is_counted():
    reader = Reader()
    reader.after(60, news(changes=["first"]))
    assert reader.after(60, news(trouble())) is None
    assert [reader.after(60, news()) for _minute in range(4)][-1] == ["held back since the last message: 1 problem that is over"]


def test_failing_cycle_is_told_once_and_its_recovery_once():
    reader = Reader()
    assert reader.after(60, failed_cycle()) == ["FAILED about cycle:ProxmoxConnectionError"]
    assert reader.message.subject == "lxc-autoscale pve1: the cycle fails"
    assert [reader.after(60, failed_cycle()) for _minute in range(30)] == [None] * 30
    assert reader.after(60, news()) == ["recovered: the cycle works again"]
    assert reader.message.subject == "lxc-autoscale pve1: recovered"
    assert [reader.after(60, news()) for _minute in range(30)] == [None] * 30
    assert reader.after(60, failed_cycle()) == ["FAILED about cycle:ProxmoxConnectionError"]


def test_cycle_that_failed_says_nothing_about_what_it_could_not_look_at():
    reader = Reader()
    reader.after(60, news(changes=["first"]))
    reader.after(60, news(trouble()))
    assert [reader.after(60, failed_cycle()) for _minute in range(4)][-1] == ["FAILED about cycle:ProxmoxConnectionError"]
    reader.after(300, news(trouble()))
    assert list(reader.message.lines) == ["recovered: the cycle works again", "warning: about leak_suspected:101"]


def test_dead_notifier_is_tried_less_and_less_and_told_everything_when_it_lives_again():
    reader = Reader(min_interval_seconds=0.0)
    tried = []
    for minute in range(240):
        lines = reader.after(60, news(trouble(), changes=["x"] if minute == 0 else ()), is_dead=True)
        tried += [minute] if lines else []
    assert tried == [0, 1, 3, 7, 15, 31, 63, 123, 183]
    assert (reader.memory.failures, reader.memory.messages) == (9, 0)
    while (lines := reader.after(60, news(trouble()))) is None:
        pass
    assert lines == ["warning: about leak_suspected:101", "held back since the last message: 1 change"]
    assert (reader.memory.failures_in_a_row, reader.memory.failures, reader.memory.messages) == (0, 9, 1)


def test_clock_that_was_set_back_keeps_nobody_silent():
    reader = Reader()
    reader.after(60, news(changes=["first"]))
    assert reader.after(-86400, news(changes=["second"])) == ["changed second"]


def test_damaged_memory_is_an_empty_one():
    from pve_lxc.autoscale.notify.plan import NotifierMemory, memory_from_dict, memory_to_dict

    good = memory_to_dict(NotifierMemory(sent_seconds=1.0))
    damaged = [None, [], {}, {**good, "told": [1]}, {**good, "told": {"a": [1]}}, {**good, "sent_seconds": "x"}, {**good, "failures": None}]
    assert [memory_from_dict(values) for values in damaged] == [NotifierMemory()] * 7


def test_heartbeat_is_sent_after_every_cycle_up_or_down():
    from pve_lxc.autoscale.notify.plan import NotifierMemory, draft_heartbeat

    good = draft_heartbeat(NotifierMemory(), news(summary="3 containers", duration_seconds=0.2), NOW)
    assert (good.message.subject, good.message.facts) == ("3 containers", {"is_good": True, "duration_seconds": 0.2})
    bad = draft_heartbeat(replace(good.if_sent, failures_in_a_row=3), failed_cycle(), NOW)
    assert bad.message.facts["is_good"] is False


def decision(vmid, reason, *more, name="web"):
    from pve_lxc.model.decision import Decision
    from pve_lxc.model.reason import Reason

    return Decision(vmid, name, "pve1", None, None, Reason(reason), "", tuple(Reason(one) for one in (reason, *more)))


def outcome(vmid, reason, *, is_failed=False, before=None, after=None):
    from pve_lxc.model.allocation import Allocation
    from pve_lxc.model.plan import Outcome
    from pve_lxc.model.reason import Reason

    sizes = [None if size is None else Allocation(cores=2, memory_mib=size) for size in (before, after)]
    return Outcome(vmid, "web", "pve1", after is not None, is_failed, Reason(reason), "because", *sizes)


def cycle(decisions=(), outcomes=(), **more):
    from pve_lxc.autoscale.parts import CycleResult

    return CycleResult(7, "apply", "pve1", NOW, 0.25, tuple(decisions), tuple(outcomes), **more)


def test_news_of_a_cycle_name_changes_failures_and_what_stands():
    from pve_lxc.autoscale.notify.news import news_of_cycle

    decisions = [
        decision(101, "contested"),
        decision(102, "grow_memory", "leak_suspected"),
        decision(103, "oom_inside"),
        decision(104, "host_oom"),
        decision(105, "host_short_of_memory"),
        decision(106, "within_band", "host_short_of_memory"),
        decision(107, "stale_sample"),
        decision(108, "within_band"),
    ]
    outcomes = [outcome(102, "grow_memory", before=512, after=1024), outcome(109, "permission_denied", is_failed=True), outcome(110, "no_quorum")]
    notice = "the state file was damaged (x) and set aside as y.damaged-1; containers are only grown until a day is known again"
    found = news_of_cycle(cycle(decisions, outcomes, notices=(notice, "something else")))
    assert found.changes == ("102 web: memory 512 -> 1024 MiB (grow_memory): because",)
    assert {one.key: (one.event, one.is_told_once) for one in found.troubles} == {
        "permission_denied:109": ("failures", False),
        "contested:101": ("warnings", True),
        "leak_suspected:102": ("warnings", False),
        "oom_inside:103": ("warnings", False),
        "host_oom:104": ("warnings", False),
        "host_short_of_memory": ("warnings", False),
        "stale_sample": ("warnings", False),
        "no_quorum": ("warnings", False),
        f"state:{notice}": ("warnings", True),
    }
    lines = {one.key: one.line for one in found.troubles}
    assert lines["host_short_of_memory"].endswith("containers do not get what they want: 105 web, 106 web")
    assert (found.is_good, found.summary) == (False, "8 containers, 1 changed, 1 failed")


def test_change_of_a_killed_run_that_was_settled_is_told_too():
    from pve_lxc.autoscale.notify.news import news_of_cycle

    found = news_of_cycle(cycle(settled=(outcome(101, "resized", before=512, after=640), outcome(102, "half_applied", is_failed=True, before=1, after=2))))
    assert found.changes == ("101 web: memory 512 -> 640 MiB (resized): because",)
    assert [one.key for one in found.troubles] == ["half_applied:102"]


def test_news_of_a_failure_have_the_first_problems_of_a_configuration():
    from pve_lxc.autoscale.notify.news import news_of_failure
    from pve_lxc.errors import ConfigError, Problem, ProxmoxConnectionError

    error = ConfigError([Problem(f"key{number}", "1", "is wrong") for number in range(9)], source="/etc/x.yaml")
    (one,) = news_of_failure("pve1", error).troubles
    assert one.line == "the configuration cannot be used: /etc/x.yaml: 9 problems; " + "; ".join(f"key{number} = 1: is wrong" for number in range(5))
    (other,) = news_of_failure("pve1", ProxmoxConnectionError("cannot connect to pve1:8006", is_sent=False)).troubles
    assert (other.key, other.line) == ("cycle:ProxmoxConnectionError", "the cycle failed: cannot connect to pve1:8006")
