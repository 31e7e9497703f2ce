# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten thousand damaged files of both formats: each is read, or refused with every problem, and never ends in a traceback."""

from __future__ import annotations

import copy
import json
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

ENVIRONMENT = {"PROXMOX_TOKEN_SECRET": "5ecret", "UP": "70", "LXC_AUTOSCALE_NOTIFY_HOOK": "https://h/5ecret"}
OWN = {
    "connection": {"token_id": "a@pve!b", "port": 8006},
    "mode": "apply",
    "selection": {"vmids": [101], "ignore_names": ["x*"]},
    "policy": {"cpu_tolerance": 2, "algorithm": "threshold"},
    "bounds": {"min_memory_mib": 256, "max_memory_mib": 1024},
    "threshold": {"time_zone": "Europe/Rome", "cpu_upper_percent": 70},
    "tiers": {"db": {"vmids": [101], "tags": ["db"], "bounds": {"max_cpu_cores": 4}}, "web": {"pools": ["p"]}},
    "overrides": {"101": {"bounds": {"max_cpu_cores": 8}}},
    "metrics": {"textfile": "/x/loop.prom"},
    "notify": {
        "mail": {"kind": "smtp", "host": "mail", "user": "u@m", "recipients": ["a@m"], "events": ["failures"], "security": "tls"},
        "push": {"kind": "gotify", "url": "https://g:8080/x", "priority": 3, "secret_file": "/dev/null"},
        "hook": {"kind": "webhook", "min_interval_seconds": 0, "secret_credential": "hook"},
    },
    "schedules": {
        "office": {"days": ["mon", "fri"], "from": "08:00", "to": "18:00", "time_zone": "Europe/Rome", "tiers": ["db"], "policy": {"preset": "safe"}},
        "night": {"from": "22:00", "to": "06:00", "tags": ["batch"], "save_energy": "cpu", "bounds": {"max_cpu_cores": 2}},
    },
}
OLD = {
    "DEFAULT": {
        "poll_interval": 60,
        "cpu_upper_threshold": "${UP:-80}",
        "min_cores": 1,
        "max_cores": 4,
        "timezone": "UTC",
        "behaviour": "normal",
        "ignore_lxc": ["104"],
        "gotify_url": "https://g",
        "gotify_token": "t0ken",
        "smtp_server": "mail",
        "smtp_to": ["a@m"],
        "uptime_kuma_webhook_url": "https://k/push/5ecret-too",
        "proxmox_api": {"token_name": "a@pve!b", "token_value": "v"},
    },
    "TIER_db": {"lxc_containers": [101, "102"], "max_memory": 4096},
    "HORIZONTAL_SCALING_GROUP_1": {"lxc_containers": [110], "min_instances": 1, "max_instances": 3},
}
INI = "[DEFAULT]\npoll_interval = 60\nmax_cores = 4 ; most\nignore_lxc = 104, 105\nenergy_mode = yes\n[TIER_db]\nlxc_containers = 101,102\nmin_memory = 256\n"
TEXTS = {
    "own": "connection: {token_id: 'a@pve!b'}\nmode: apply\nbounds:\n  max_cpu_cores: 4\ntiers:\n  db: {vmids: [101]}\n",
    "windows": "connection: {token_id: 'a@pve!b'}\nschedules:\n  night:\n    from: 22:00\n    to: 06:00\n    save_energy: cpu\n    vmids: [101]\n",
    "old": "DEFAULT:\n  poll_interval: 60\n  max_cores: 4\nTIER_db:\n  lxc_containers: [101]\n  max_memory: 2048\n",
    "ini": INI,
}
ODD = [
    *(None, True, 0, -1, 10**30, 1.5, float("inf"), float("nan"), "", " ", "0x1", "1e999", "${UP}", "${", "\0", "a" * 5000),
    *("24:00", "25:99", "٠٨:٠٠", 1320, ["sun", "sunday"], "Asia/Tokyo"),
    *("../../etc/passwd", "/", "²", "٣", [], [[]], [None], [101, 101], ["101", "x", 99, -5, 1.5, True], {}, {"a": {}}, {"vmids": 1}, {1: 2}),
    {"policy": {"cycle_changes": 5, "overcommit_ratio": []}},
]
PIECES = [
    "{",
    "}",
    "[",
    "]",
    ": ",
    "\n",
    "\n  ",
    "- ",
    "&a ",
    "*a",
    "<<: *a",
    "!!int ",
    "!!binary ",
    "2026-99-99",
    "~",
    "#",
    "'",
    '"',
    "\t",
    "%",
    "? ",
    "|",
    "\x00",
    "=",
    "[X]\n",
]

seen: Counter[str] = Counter()


def check(text: str) -> None:
    """Read a text; whatever is raised beside a ConfigError with problems fails the test."""
    from pve_lxc.autoscale.config_file import parse_config
    from pve_lxc.errors import ConfigError

    try:
        config = parse_config(text, source="config.yaml", environment=ENVIRONMENT)
    except ConfigError as error:
        seen["refused"] += 1
        assert error.problems
        assert all(problem.place and problem.message for problem in error.problems)
        assert "5ecret" not in str(error)
    else:
        seen["read"] += 1
        assert config.mode in ("recommend", "apply")


def odd_values(whole, random):
    """Return a configuration as JSON, which is YAML, with one or two values or keys, at any depth, replaced."""
    root = copy.deepcopy(whole)
    for _time in range(random.randint(1, 2)):
        place = root
        key = random.choice(list(place))
        while isinstance(place[key], dict) and place[key] and random.random() < 0.8:
            place = place[key]
            key = random.choice(list(place))
        if random.random() < 0.5:
            place[key] = copy.deepcopy(random.choice(ODD))
        else:
            name = str(key)
            place[random.choice([name[:-1], name + "s", name.upper(), name.swapcase(), "DEFAULTS", "tiers", "", "101", "TIER_", "cycle_changes"])] = place.pop(
                key
            )
    return json.dumps(root)


def cut_text(text, random):
    """Return a text with pieces cut out and others put in."""
    for _time in range(random.randint(1, 3)):
        position = random.randrange(len(text) + 1)
        text = text[:position] + random.choice(PIECES) + text[position + random.choice([0, 0, 1, 3, 9]) :]
    return text


def shuffled_lines(text, random):
    """Return a text with lines exchanged, joined or indented."""
    lines = text.splitlines()
    for _time in range(random.randint(1, 4)):
        first, second = random.randrange(len(lines)), random.randrange(len(lines))
        lines[first], lines[second] = random.choice([(lines[second], lines[first]), (lines[first] + lines[second], ""), ("  " + lines[first], lines[second])])
    return "\n".join(lines)


# Ten files to a draw: drawing them one by one takes longer than reading them.
@settings(max_examples=250)
@given(st.randoms(use_true_random=True))
def test_own_format_with_odd_values_ends_in_problems(random):
    for _file in range(10):
        check(odd_values(OWN, random))


@settings(max_examples=250)
@given(st.randoms(use_true_random=True))
def test_old_format_with_odd_values_ends_in_problems(random):
    for _file in range(10):
        check(odd_values(OLD, random))


@settings(max_examples=300)
@given(st.randoms(use_true_random=True))
def test_text_with_pieces_cut_out_and_put_in_ends_in_problems(random):
    for _file in range(10):
        check(cut_text(random.choice(list(TEXTS.values())), random))


@settings(max_examples=300)
@given(st.randoms(use_true_random=True))
def test_text_with_shuffled_lines_ends_in_problems(random):
    for _file in range(10):
        check(shuffled_lines(random.choice(list(TEXTS.values())), random))


def test_ten_thousand_files_were_read_or_refused_and_both_happened_often():
    """Runs after the four tests above, as pytest keeps the order of a file; when it is run alone it runs them."""
    if not seen:
        test_own_format_with_odd_values_ends_in_problems()
        test_old_format_with_odd_values_ends_in_problems()
        test_text_with_pieces_cut_out_and_put_in_ends_in_problems()
        test_text_with_shuffled_lines_ends_in_problems()
    assert seen.total() >= 10000
    assert min(seen["read"], seen["refused"]) >= 1000
