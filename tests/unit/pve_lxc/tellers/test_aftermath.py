# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes after a cycle, with receivers on loopback: who is told, who is not, and that nothing of it reaches the cycle."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.receivers import dripping_receiver, mail_receiver, refusing_port, silent_receiver, web_receiver


@pytest.fixture
def make_loop(tmp_path):
    from support.busy_loop import BusyLoop

    made = []

    def make(notify="", **environment):
        made.append(BusyLoop(tmp_path, notify, **environment))
        return made[-1]

    yield make
    for loop in made:
        loop.node.state.close()


def hook(name, url, more=""):
    return f"  {name}: {{kind: webhook, events: [changes, failures, warnings], timeout_seconds: 5{more}}}\n", {f"LXC_AUTOSCALE_NOTIFY_{name.upper()}": url}


def test_changes_of_a_cycle_arrive_in_one_message_at_everyone(make_loop, certificate, ca_path):
    with web_receiver(certificate) as web, mail_receiver(certificate, "starttls", password="pa55") as mail:
        entry, variable = hook("one", web.url + "/h00k", f", ca_file: '{ca_path}'")
        post = f"  two: {{kind: smtp, host: 127.0.0.1, port: {mail.port}, user: a@b.c, recipients: [d@e.f], events: [changes], ca_file: '{ca_path}'}}\n"
        loop = make_loop("notify:\n" + entry + post, LXC_AUTOSCALE_NOTIFY_TWO="pa55", **variable)
        loop.node.add(101, cpu_cores=0.5, memory_mib=1000)
        loop.node.add(102, cpu_cores=0.5, memory_mib=1000)
        assert loop.cycle()[1] == ()
    (request,) = web.arrived
    assert request.body["subject"] == "lxc-autoscale pve1: 2 changed"
    assert [line.split(" (")[0] for line in request.body["lines"]] == [
        "changed 101 ct101: memory 1024 -> 1184 MiB",
        "changed 102 ct102: memory 1024 -> 1184 MiB",
    ]
    assert (request.body["is_good"], request.body["run_id"], len(request.body["changes"])) == (True, 1, 2)
    assert len(mail.mails) == 1
    assert b"Subject: lxc-autoscale pve1: 2 changed" in mail.mails[0].content


def test_next_process_knows_what_was_told(make_loop):
    with web_receiver() as web:
        entry, variable = hook("one", web.url)
        loop = make_loop("notify:\n" + entry, **variable)
        loop.node.add(101, cpu_cores=0.5, memory_mib=300)
        for _minute in range(3):
            loop.node.reopen()
            loop.failing_cycle()
        for _minute in range(8):
            loop.node.reopen()
            loop.cycle()
    assert [request.body["subject"] for request in web.arrived] == ["lxc-autoscale pve1: the cycle fails", "lxc-autoscale pve1: recovered"]


def test_dead_notifiers_are_notices_and_metrics_and_the_living_one_is_told(make_loop):
    with web_receiver() as web, web_receiver(status=500) as broken, silent_receiver() as silent:
        good, variables = hook("good", web.url)
        bad, more = hook("bad", broken.url + "/s3cret")
        gone, still_more = hook("gone", f"http://127.0.0.1:{refusing_port()}/s3cret")
        mute, last = hook("mute", f"http://127.0.0.1:{silent}/s3cret")
        loop = make_loop("notify:\n" + good + bad + gone + mute.replace("timeout_seconds: 5", "timeout_seconds: 1"), **variables, **more, **still_more, **last)
        loop.node.add(101, cpu_cores=0.5, memory_mib=1000)
        result, notices = loop.cycle()
    assert result.changed_count == 1
    assert len(web.arrived) == 1
    assert sorted(notice.split(":")[0] for notice in notices) == ["notifier bad", "notifier gone", "notifier mute"]
    assert f"notifier bad: 127.0.0.1:{broken.port} answered 500" in notices
    text = loop.textfile.read_text()
    failing = {name: f'lxc_autoscale_notifier_failing{{node="pve1",notifier="{name}",kind="webhook"}}' for name in ("good", "bad", "gone", "mute")}
    assert [f"{failing[name]} {number}" in text for name, number in (("good", 0), ("bad", 1), ("gone", 1), ("mute", 1))] == [True] * 4
    assert "s3cret" not in text + str(notices)


def test_notifier_that_never_ends_and_one_that_is_broken_keep_nobody_waiting():
    from pve_lxc.autoscale.configuration.notifiers import NotifierSettings
    from pve_lxc.autoscale.notify.plan import Message
    from pve_lxc.autoscale.notify.send import deliver
    from pve_lxc.clock import SystemClock

    with dripping_receiver() as port, web_receiver() as web:
        settings = [
            # A byte arrives before each wait for one is over, so no deadline of a wait ever passes.
            NotifierSettings("endless", "webhook", timeout_seconds=0.4, values={"ca_file": ""}, url=f"http://127.0.0.1:{port}/s3cret"),
            NotifierSettings("quick", "webhook", timeout_seconds=5.0, values={"ca_file": ""}, url=web.url),
            # What no configuration can lead to: a fault of ours.
            NotifierSettings("faulty", "webhook", timeout_seconds=5.0, url="https://hooks.example.com/s3cret"),
        ]
        found = deliver([(notifier, Message("s", (), {})) for notifier in settings], (), SystemClock())
    assert [(delivery.name, delivery.is_sent, delivery.answer) for delivery in found] == [
        ("endless", False, "gave no answer within 0.4 s"),
        ("quick", True, f"127.0.0.1:{web.port} answered 200"),
        ("faulty", False, "failed with KeyError"),
    ]


def test_secret_that_got_into_a_text_is_blotted_out(make_loop):
    from pve_lxc.autoscale.notify.plan import Message
    from pve_lxc.autoscale.notify.send import deliver
    from pve_lxc.clock import SystemClock

    with web_receiver() as web:
        entry, variable = hook("one", web.url + "/h00k")
        loop = make_loop("notify:\n" + entry, **variable)
        message = Message("has t0ken", ("a t0ken-of-proxmox b",), {"failures": ["t0ken-of-proxmox"], "deep": {"x": "t0ken"}, "n": 1})
        deliver([(loop.config.notifiers[0], message)], ("t0ken", "t0ken-of-proxmox", "abc"), SystemClock())
    (request,) = web.arrived
    assert (request.body["subject"], request.body["lines"], request.body["failures"]) == ("has ***", ["a *** b"], ["***"])
    assert (request.body["deep"], request.body["n"]) == ({"x": "***"}, 1)


def test_heartbeat_follows_every_cycle(make_loop):
    with web_receiver() as web:
        loop = make_loop("notify: {kuma: {kind: uptime_kuma}}\n", LXC_AUTOSCALE_NOTIFY_KUMA=web.url + "/api/push/x")
        loop.node.add(101, cpu_cores=0.5, memory_mib=300)
        loop.cycle()
        loop.failing_cycle()
    assert [request.path.split("&")[0] for request in web.arrived] == ["/api/push/x?status=up", "/api/push/x?status=down"]


def test_heartbeat_that_fails_for_long_is_a_notice_less_and_less_often(make_loop):
    loop = make_loop("notify: {kuma: {kind: uptime_kuma}}\n", LXC_AUTOSCALE_NOTIFY_KUMA=f"http://127.0.0.1:{refusing_port()}/x")
    loop.node.add(101, cpu_cores=0.5, memory_mib=300)
    said = [bool(loop.cycle()[1]) for _minute in range(10)]
    assert said == [True, True, False, True, False, False, False, True, False, False]
    assert 'lxc_autoscale_notifier_failures_total{node="pve1",notifier="kuma",kind="uptime_kuma"} 9' in loop.textfile.read_text()


def test_cycle_by_hand_tells_nobody(make_loop):
    with web_receiver() as web:
        entry, variable = hook("one", web.url)
        loop = make_loop("notify:\n" + entry, **variable)
        loop.node.add(101, cpu_cores=0.5, memory_mib=1000)
        result, notices = loop.cycle(is_by_hand=True)
    assert (result.changed_count, notices, web.arrived) == (1, (), [])


def test_notifier_without_its_secret_is_a_notice_and_no_more(make_loop):
    loop = make_loop("notify: {one: {kind: webhook, events: [changes], secret_file: /nowhere/secret}}\n")
    loop.node.add(101, cpu_cores=0.5, memory_mib=1000)
    result, notices = loop.cycle()
    assert (result.changed_count, notices) == (1, ("notifier one: secret_file /nowhere/secret cannot be read: No such file or directory",))


class StateBetween:
    """The loop's state, with one method of ours in front of its own."""

    def __init__(self, state, **methods):
        self._state = state
        self._methods = methods

    def __getattr__(self, name):
        return self._methods.get(name) or getattr(self._state, name)


def failing_state(loop):
    """Return the loop's state as it is on a full disk: it can be read."""
    from pve_lxc.errors import StateError

    def write_note(name, values, now):
        raise StateError("the state file cannot be used: database or disk is full")

    return StateBetween(loop.node.state, write_note=write_note)


def test_without_a_memory_a_failure_is_told_in_the_first_cycles_of_an_hour_only(make_loop):
    from pve_lxc.autoscale.aftermath import after_failure
    from pve_lxc.errors import StateError

    with web_receiver() as web:
        entry, variable = hook("one", web.url)
        loop = make_loop("notify:\n" + entry, **variable)
        told = []
        for minute in range(60):
            after_failure(loop.config, failing_state(loop), StateError("database or disk is full"), 1_800_000_000.0 + 60 * minute)
            told.append(len(web.arrived))
    assert (told[0], told[1], told[-1]) == (1, 2, 2)


def test_lock_that_is_held_is_told_only_when_no_cycle_has_ended_for_long(make_loop):
    from pve_lxc.autoscale.aftermath import after_failure
    from pve_lxc.errors import LockHeldError

    with web_receiver() as web:
        entry, variable = hook("one", web.url)
        loop = make_loop("notify:\n" + entry, **variable)
        loop.node.add(101, cpu_cores=0.5, memory_mib=300)
        loop.cycle()
        ended = loop.node.clock.now()
        error = LockHeldError("another run holds the lock (process 7)")
        after_failure(loop.config, loop.node.state, error, ended + 60)
        assert web.arrived == []
        after_failure(loop.config, loop.node.state, error, ended + 901)
    (request,) = web.arrived
    assert request.body["lines"] == ["FAILED another run does not end: another run holds the lock (process 7)"]


def test_fault_of_ours_after_a_cycle_is_a_notice(make_loop):
    from pve_lxc.autoscale.aftermath import after_cycle

    loop = make_loop()
    loop.node.add(101, cpu_cores=0.5, memory_mib=1000)
    result, _notices = loop.cycle()
    state = StateBetween(loop.node.state, read_decisions=lambda: {101: {"run_id": 1}})
    notices = after_cycle(loop.config, state, result, loop.node.clock.now(), is_by_hand=False)
    assert notices == (f"the metrics could not be written to {loop.textfile}: failed with KeyError",)


def test_killed_while_telling_tells_again(make_loop):
    from pve_lxc.autoscale.aftermath import after_failure
    from pve_lxc.errors import ProxmoxConnectionError

    with web_receiver() as web:
        entry, variable = hook("one", web.url)
        loop = make_loop("notify:\n" + entry, **variable)

        def write_note(name, values, now):
            loop.node.state.write_note(name, values, now)
            if name == "notify":
                raise KeyboardInterrupt

        error = ProxmoxConnectionError("no answer", is_sent=False)
        with pytest.raises(KeyboardInterrupt):
            after_failure(loop.config, StateBetween(loop.node.state, write_note=write_note), error, 1_800_000_000.0)
        assert web.arrived == []
        loop.node.reopen()
        for minute in (1, 2, 3):
            after_failure(loop.config, loop.node.state, error, 1_800_000_000.0 + 60 * minute)
    assert [request.body["subject"] for request in web.arrived] == ["lxc-autoscale pve1: the cycle fails"]


def test_broken_configuration_is_told_once(make_loop, tmp_path):
    from pve_lxc.autoscale.aftermath import after_broken_config
    from pve_lxc.autoscale.config_file import read_config
    from pve_lxc.errors import ConfigError

    with web_receiver() as web:
        loop = make_loop()
        path = tmp_path / "config.yaml"
        path.write_text(f"mode: aply\nnode: pve1\nstate: {{path: {loop.config.state_path}}}\nnotify:\n" + hook("one", "")[0])
        environment = {"LXC_AUTOSCALE_NOTIFY_ONE": web.url + "/h00k"}
        with pytest.raises(ConfigError) as caught:
            read_config(str(path), environment)
        for minute in range(5):
            assert after_broken_config(str(path), environment, caught.value, 1_800_001_000.0 + 60 * minute) == ()
    (request,) = web.arrived
    assert request.body["lines"][0].startswith("FAILED the configuration cannot be used: ")
    assert "mode (line 1) = aply: allowed is one of recommend, apply" in request.body["lines"][0]


def test_replaced_notifier_is_forgotten(make_loop):
    with web_receiver() as web:
        entry, variable = hook("one", web.url)
        loop = make_loop("notify:\n" + entry, **variable)
        loop.node.add(101, cpu_cores=0.5, memory_mib=1000)
        loop.cycle()
        loop.config = replace(loop.config, notifiers=tuple(replace(notifier, name="two") for notifier in loop.config.notifiers))
        loop.cycle()
    assert list(loop.node.state.read_note("notify")) == ["two"]
