# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that users of LXC AutoScale and of its fork have: every key, every dialect, and what is said about it."""

from __future__ import annotations

import io
import json

import pytest

SECRET = {"PROXMOX_TOKEN_SECRET": "5ecret"}
WHOLE = """\
DEFAULT:
  poll_interval: 120
  behaviour: aggressive
  timezone: Europe/Rome
  energy_mode: true
  off_peak_start: 23
  off_peak_end: 7
  reserve_cpu_percent: 10
  reserve_memory_mb: 4096
  cpu_upper_threshold: 75
  cpu_lower_threshold: 25
  memory_upper_threshold: 70
  memory_lower_threshold: 30
  memory_exclude_cache: true
  min_cores: 2
  max_cores: 6
  min_memory: 256
  max_memory: 8192
  core_min_increment: 1
  core_max_increment: 3
  memory_min_increment: 128
  min_decrease_chunk: 64
  cpu_scale_divisor: 4
  memory_scale_factor: 2
  timeout_extended: 60
  scaling_mode: boost
  boost_factor: 1.5
  boost_fallback_factor: 1.25
  boost_duration: 120
  saturation_threshold: 0.95
  consecutive_samples: 3
  log_file: /var/log/lxc_autoscale.log
  log_level: INFO
  lock_file: /var/lock/lxc_autoscale.lock
  backup_dir: /var/lib/lxc_autoscale/backups
  backend: cli
  use_proxmox_api: true
  use_remote_proxmox: true
  proxmox_host: 192.0.2.7
  proxmox_node: pve7
  proxmox_api_token_name: scaler@pve!loop
  proxmox_api_token_value: 70ken-va1ue
  proxmox_api_verify_ssl: false
  proxmox_api_timeout: 20
  ssh_user: root
  ssh_port: 22
  ssh_password: p455
  ssh_key_path: /root/.ssh/id
  ssh_host_key_policy: reject
  smtp_server: mail
  smtp_port: 587
  smtp_username: u
  smtp_password: 5mtp
  smtp_from: a@example.com
  smtp_to: [b@example.com]
  gotify_url: https://push.example.com/hook
  gotify_token: g0tify
  uptime_kuma_webhook_url: https://kuma.example.com/push
  ignore_lxc: ["104", 105]
TIER_Web:
  lxc_containers: [101, "102"]
  max_memory: 4096
  cpu_pinning: 0-3
HORIZONTAL_SCALING_GROUP_1:
  lxc_containers: [110]
  horiz_cpu_upper_threshold: 80
  horiz_cpu_lower_threshold: 20
  horiz_memory_upper_threshold: 80
  horiz_memory_lower_threshold: 20
  min_instances: 1
  max_instances: 5
  starting_clone_id: 200
  base_snapshot_name: "100"
  clone_network_type: static
  static_ip_range: [192.0.2.10, 192.0.2.11]
  scale_out_grace_period: 300
  scale_in_grace_period: 600
"""


def translate(text, environment=None):
    from pve_lxc.autoscale.legacy.read import read_legacy

    return read_legacy(text, SECRET if environment is None else environment)


def parse(text, environment=None):
    from pve_lxc.autoscale.config_file import parse_config

    return parse_config(text, source="lxc_autoscale.yaml", environment=SECRET if environment is None else environment)


def problems_of(text, environment=None):
    from pve_lxc.errors import ConfigError

    with pytest.raises(ConfigError) as caught:
        parse(text, environment)
    return {problem.place: (problem.value, problem.message) for problem in caught.value.problems}


def differences_of(text, kind, environment=None):
    return {difference.key: difference for difference in translate(text, environment).differences if difference.kind == kind}


def test_every_used_key_becomes_one_of_ours():
    assert translate(WHOLE).document.values == {
        "mode": "recommend",
        "interval_seconds": 120.0,
        "node": "pve7",
        "connection": {"host": "192.0.2.7", "token_id": "scaler@pve!loop", "validate_certs": False, "timeout_seconds": 20.0},
        "selection": {"ignore_vmids": [104, 105]},
        "policy": {"algorithm": "threshold", "host_memory_reserve_mib": 4096, "preset": "lean"},
        "bounds": {"min_cpu_cores": 2, "max_cpu_cores": 6, "min_memory_mib": 256, "max_memory_mib": 8192, "actuator": "cores"},
        "threshold": {
            "step_factor": 2.0,
            "time_zone": "Europe/Rome",
            "save_energy": True,
            "off_peak_start_hour": 23,
            "off_peak_end_hour": 7,
            "cpu_upper_percent": 75.0,
            "cpu_lower_percent": 25.0,
            "memory_upper_percent": 70.0,
            "memory_lower_percent": 30.0,
            "cpu_least_step_cores": 1,
            "cpu_largest_step_cores": 3,
            "memory_growth_step_mib": 128,
            "memory_shrink_step_mib": 64,
            "cpu_percent_per_core": 4.0,
            "memory_percent_per_step": 2.0,
        },
        "notify": {
            "mail": {
                "kind": "smtp",
                "events": ["changes", "failures", "warnings"],
                "host": "mail",
                "port": 587,
                "user": "u",
                "sender": "a@example.com",
                "recipients": ["b@example.com"],
            },
            "gotify": {"kind": "gotify", "events": ["changes", "failures", "warnings"], "url": "https://push.example.com/hook"},
            "uptime-kuma": {"kind": "uptime_kuma"},
        },
        "tiers": {"web": {"vmids": [101, 102], "bounds": {"max_memory_mib": 4096}}},
    }


def test_every_known_key_is_used_or_named_and_none_is_called_unknown():
    from pve_lxc.autoscale.legacy.keys import DEFAULT_KEYS, GROUP_KEYS, TIER_KEYS

    assert differences_of(WHOLE, "unknown") == {}
    assert set(differences_of(WHOLE, "inert")) == {
        *{name for name, key in DEFAULT_KEYS.items() if key.inert},
        "cpu_pinning",
        "HORIZONTAL_SCALING_GROUP_1",
    }
    in_file = {line.split(":")[0].strip() for line in WHOLE.splitlines()}
    left_out = {"proxmox_api_host", "proxmox_api_user", "proxmox_api_password", "mode", "algorithm", "min_containers", "tier_name"}
    assert {*DEFAULT_KEYS, *TIER_KEYS, *GROUP_KEYS} - in_file == left_out


def test_what_means_something_else_is_listed_once_with_every_place():
    text = "DEFAULT: {max_memory: 8192}\nTIER_a: {lxc_containers: [101], max_memory: 1024}\nTIER_b: {lxc_containers: [102], max_memory: 2048}\n"
    found = [difference for difference in translate(text).differences if difference.key == "max_memory"]
    assert [str(difference) for difference in found] == [
        "max_memory (line 1, line 2, line 3): means something else here: honoured here; the old daemon ignored it",
    ]


def test_secrets_are_read_and_never_shown_nor_migrated():
    legacy = translate(WHOLE)
    config = parse(WHOLE, {})
    assert config.connection.token_secret == "70ken-va1ue"
    shown = repr(config) + json.dumps(legacy.document.values) + "\n".join(legacy.notices)
    assert [secret for secret in ("70ken-va1ue", "p455", "5mtp", "g0tify", "kuma.example.com") if secret in shown] == []


def test_secret_of_a_wrong_type_is_not_shown_either():
    found = problems_of("DEFAULT: {gotify_token: [hush], proxmox_api_token_value: {a: hush}}\n")
    assert "hush" not in repr(found)
    assert found["DEFAULT.gotify_token (line 1)"] == ("***", "allowed is text")


def test_defaults_of_the_old_code_hold_where_the_file_is_silent():
    values = translate("DEFAULT: {}\n").document.values
    assert values["interval_seconds"] == 300.0
    assert values["bounds"] == {"max_cpu_cores": 4, "min_memory_mib": 512, "actuator": "cores"}
    assert values["policy"] == {"algorithm": "threshold", "host_memory_reserve_mib": 2048}
    assert "threshold" not in values
    assert differences_of("DEFAULT: {}\n", "added")["defaults of the old daemon's code"].message.startswith("memory_upper_threshold 80 (sample file: 70)")


def test_section_of_the_fork_is_the_same_section():
    assert parse("DEFAULTS: {max_cores: 7}\n").settings.general.bounds.max_cpu_cores == 7
    assert parse("DEFAULT: {max_cores: 7}\nDEFAULTS: {max_cores: 7}\n").settings.general.bounds.max_cpu_cores == 7


def test_two_general_sections_that_differ_are_refused_with_both_places():
    assert problems_of("DEFAULT:\n  max_cores: 7\nDEFAULTS:\n  max_cores: 8\n  gotify_token: hush\n") == {
        "DEFAULTS.max_cores (line 4)": ("8", "the sections DEFAULT and DEFAULTS differ: DEFAULT.max_cores (line 2) says 7; keep one of them"),
        "DEFAULTS.gotify_token (line 5)": ("***", "the sections DEFAULT and DEFAULTS differ: DEFAULT.gotify_token says nothing; keep one of them"),
    }


def test_container_in_two_tiers_is_refused_with_both_places():
    text = "TIER_a:\n  lxc_containers: [101]\nTIER_b:\n  lxc_containers: ['101']\n"
    assert problems_of(text) == {
        "TIER_b.lxc_containers (line 4)": ("101", "it is in TIER_a.lxc_containers (line 2) as well; a container has one tier"),
    }


@pytest.mark.parametrize(("line", "ignored"), [("ignore_lxc: null", []), ("ignore_lxc: []", []), ("ignore_lxc: ['104', 105]", [104, 105])])
def test_ignored_ids_may_be_text_numbers_or_nothing(line, ignored):
    assert sorted(parse(f"DEFAULT:\n  {line}\n").selection.ignored.vmids) == ignored


def test_id_that_is_none_is_left_out_with_a_word():
    text = "TIER_a:\n  lxc_containers: [101, web, 7]\n"
    assert sorted(parse(text).roster.tiers[0].match.vmids) == [101]
    assert [str(difference) for difference in differences_of(text, "unknown").values()] == [
        "TIER_a.lxc_containers: web (line 2): unknown, not used: a container id is a number from 100",
        "TIER_a.lxc_containers: 7 (line 2): unknown, not used: a container id is a number from 100",
    ]


@pytest.mark.parametrize(
    ("written", "environment", "percent"),
    [("${UP}", {"UP": "60"}, 60.0), ("${UP:-65}", {}, 65.0), ("${UP:-65}", {"UP": ""}, 65.0), ("${UP:-65}", {"UP": "70"}, 70.0), ("'75'", {}, 75.0)],
)
def test_variables_are_put_in(written, environment, percent):
    config = parse(f"DEFAULT:\n  cpu_upper_threshold: {written}\n", {**SECRET, **environment})
    assert config.settings.general.threshold.cpu_upper_percent == percent


def test_unset_variable_without_default_stays_as_it_is_and_is_no_number():
    assert problems_of("DEFAULT:\n  cpu_upper_threshold: ${UP}\n") == {
        "DEFAULT.cpu_upper_threshold (line 2)": ("${UP}", "allowed is a number from 0 to 100"),
    }


def test_environment_wins_over_the_file():
    text = "DEFAULT: {ssh_password: 1}\n"
    assert "ssh_password" in differences_of("DEFAULT: {}\n", "inert", {"LXC_AUTOSCALE_SSH_PASSWORD": "x"})
    assert list(differences_of(text, "inert", {"LXC_AUTOSCALE_GOTIFY_TOKEN": "x"})) == ["ssh_password", "gotify_token"]
    all_four = {f"LXC_AUTOSCALE_{name}": "x" for name in ("SSH_PASSWORD", "SMTP_PASSWORD", "GOTIFY_TOKEN", "UPTIME_KUMA_WEBHOOK")}
    assert set(differences_of("DEFAULT:\n", "inert", all_four)) == {"ssh_password", "smtp_password", "gotify_token"}


def test_notifications_of_the_old_file_are_sent_here():
    config = parse(WHOLE)
    assert [(notifier.name, notifier.kind, notifier.problem) for notifier in config.notifiers] == [
        ("mail", "smtp", ""),
        ("gotify", "gotify", ""),
        ("uptime-kuma", "uptime_kuma", ""),
    ]
    mail, gotify, kuma = config.notifiers
    assert (mail.secret, mail.events) == ("5mtp", ("changes", "failures", "warnings"))
    assert {name: mail.values[name] for name in ("host", "port", "user", "sender", "security")} == {
        "host": "mail",
        "port": 587,
        "user": "u",
        "sender": "a@example.com",
        "security": "starttls",
    }
    assert mail.values["recipients"] == ("b@example.com",)
    assert (gotify.url, gotify.secret, kuma.url) == ("https://push.example.com/hook", "g0tify", "https://kuma.example.com/push")


def test_notification_that_lacks_a_part_is_named_and_left_out():
    text = "DEFAULT:\n  gotify_token: hush\n  smtp_server: mail\n"
    assert [notifier.name for notifier in parse(text).notifiers] == []
    assert set(differences_of(text, "inert")) == {"gotify_token", "smtp_server"}


def test_migrated_notifiers_have_their_settings_and_no_secret():
    values = translate(WHOLE).document.values["notify"]
    assert values["gotify"] == {"kind": "gotify", "events": ["changes", "failures", "warnings"], "url": "https://push.example.com/hook"}
    assert values["uptime-kuma"] == {"kind": "uptime_kuma"}
    assert "kuma.example.com" not in str(values)
    assert "5mtp" not in str(values)


def test_ini_file_of_2024_is_read_with_its_own_defaults():
    text = (
        "; settings\n[DEFAULT]\npoll_interval = 60\nenergy_mode = True\nignore_lxc = 104, 105\n\n[TIER_web]\nlxc_containers = 101,102\nmin_cores = 2  # least\n"
    )
    config = parse(text)
    general = config.settings.general
    assert (general.policy.interval_seconds, general.threshold.save_energy, sorted(config.selection.ignored.vmids)) == (60.0, True, [104, 105])
    assert (general.bounds.max_cpu_cores, general.threshold.cpu_largest_step_cores) == (8, 4)
    assert (general.threshold.memory_growth_step_mib, general.threshold.memory_shrink_step_mib) == (512, 512)
    assert config.settings.of(101).bounds.min_cpu_cores == 2
    assert config.roster.tiers[0].layer.places == {"bounds.min_cpu_cores": "TIER_web.min_cores (line 9)"}


def test_ini_line_that_is_none_is_a_problem_with_its_line():
    assert problems_of("[DEFAULT]\nmax_cores\n") == {"line 2": ("", "neither [SECTION] nor key = value")}


@pytest.mark.parametrize(
    ("section", "token_id", "user", "host"),
    [
        ("{proxmox_api_token_name: 'a@pve!b', proxmox_api_token_value: s}", "a@pve!b", "", "localhost"),
        ("{proxmox_api_user: a@pve, proxmox_api_token_name: b, proxmox_api_token_value: s}", "a@pve!b", "", "localhost"),
        ("{proxmox_api_token_name: b, proxmox_api_token_value: s, proxmox_api_host: 'pve1:443'}", "root@pam!b", "", "pve1"),
        ("{proxmox_api_user: a@pve, proxmox_api_password: s}", "", "a@pve", "localhost"),
        ("{proxmox_api: {enabled: true, host: pve2, user: a@pve, token_name: b, token_value: s, verify_ssl: false}}", "a@pve!b", "", "pve2"),
        ("{proxmox_host: pve3, proxmox_api_token_name: 'a@pve!b', proxmox_api_token_value: s}", "a@pve!b", "", "localhost"),
    ],
)
def test_both_ways_to_name_the_api_are_read(section, token_id, user, host):
    connection = parse(f"DEFAULT: {section}\n", {}).connection
    assert (connection.token_id, connection.user, connection.host) == (token_id, user, host)
    assert connection.token_secret + connection.password == "s"


def test_file_without_any_token_names_the_one_to_make():
    assert parse("DEFAULT: {proxmox_node: pve7}\n").connection.token_id == "lxc-autoscale@pve!node-pve7"
    assert "connection.token_id" in differences_of("DEFAULT: {}\n", "added")


def test_every_problem_is_named_at_once_with_its_own_place():
    text = """\
DEFAULT:
  poll_interval: 0
  behaviour: calm
  timezone: Europe/Nowhere
  min_cores: 8
  max_cores: 4
  cpu_upper_threshold: 20
  energy_mode: perhaps
TIER_web:
  min_memory: lots
HORIZONTAL_SCALING_GROUP_1:
  min_instances: 3
  min_containers: 2
  max_instances: 2
selection: {}
"""
    assert problems_of(text) == {
        "selection (line 15)": ("", "this is our own format, and other sections are LXC AutoScale's; a file has one format"),
        "DEFAULT.poll_interval (line 2)": ("0", "allowed is a number from 5 to 3600"),
        "DEFAULT.behaviour (line 3)": ("calm", "allowed is one of normal, conservative, aggressive"),
        "DEFAULT.timezone (line 4)": ("Europe/Nowhere", "allowed is a time zone such as Europe/Berlin"),
        "DEFAULT.energy_mode (line 8)": ("perhaps", "allowed is true or false"),
        "TIER_web.min_memory (line 10)": ("lots", "allowed is a whole number from 128 to 16777216"),
        "HORIZONTAL_SCALING_GROUP_1.min_containers (line 13)": (
            "2",
            "this is the old name of min_instances, and HORIZONTAL_SCALING_GROUP_1.min_instances (line 12) says 3",
        ),
        "HORIZONTAL_SCALING_GROUP_1.min_instances (line 12)": ("3", "min_instances (3) must be at most max_instances (2)"),
        "DEFAULT.min_cores (line 5)": ("8", "min_cpu_cores must be at most max_cpu_cores (4)"),
        "DEFAULT.cpu_upper_threshold (line 7)": ("20", "cpu_lower_percent must be below cpu_upper_percent (20)"),
    }


def test_unknown_keys_and_sections_are_named_with_the_nearest_and_change_nothing():
    text = "DEFAULT:\n  cpu_uper_threshold: 50\nEXTRA: {a: 1}\nHORIZONTAL_SCALING_GROUP_1: {max_instances: 2}\n"
    assert parse(text).settings.general.threshold.cpu_upper_percent == 80.0
    found = differences_of(text, "unknown")
    assert found["DEFAULT.cpu_uper_threshold"].message == "is cpu_upper_threshold meant?"
    assert found["EXTRA"].places == ("line 3",)


def test_tier_gets_a_name_that_fits_into_a_tag_and_two_alike_are_told_apart():
    text = "TIER_Web App: {lxc_containers: [101]}\nTIER_web-app: {lxc_containers: [102]}\n"
    assert [tier.name for tier in parse(text).roster.tiers] == ["web-app", "web-app-2"]
    assert "TIER_web-app" in differences_of(text, "changed")


def test_old_file_may_ask_for_the_other_algorithm_and_for_apply():
    config = parse("DEFAULT: {mode: apply, algorithm: demand}\n")
    assert (config.mode, config.settings.general.policy.algorithm) == ("apply", "demand")


def test_migrated_file_means_the_same_as_the_old_one(tmp_path):
    from pve_lxc.autoscale.legacy.migrate import migrate

    (tmp_path / "old.yaml").write_text(WHOLE)
    migration = migrate(str(tmp_path / "old.yaml"), {})
    direct, migrated = parse(WHOLE), parse(migration.text)
    assert (migrated.selection, migrated.settings, migrated.node, migrated.mode) == (direct.selection, direct.settings, direct.node, direct.mode)
    assert (migrated.connection.host, migrated.connection.token_id) == (direct.connection.host, direct.connection.token_id)
    assert [tier.name for tier in migrated.roster.tiers] == ["web"]
    assert migrated.notices == ()


def test_file_of_our_own_format_is_not_migrated(tmp_path):
    from pve_lxc.autoscale.legacy.migrate import migrate
    from pve_lxc.errors import ConfigError

    (tmp_path / "new.yaml").write_text("mode: apply\n")
    with pytest.raises(ConfigError, match="no configuration of LXC AutoScale"):
        migrate(str(tmp_path / "new.yaml"), {})


def call(*arguments):
    from pve_lxc.cli import main

    out, err = io.StringIO(), io.StringIO()
    return main(list(arguments), out=out, err=err), out.getvalue(), err.getvalue()


def test_migrate_config_writes_the_file_once_and_the_differences_to_standard_error(tmp_path):
    (tmp_path / "old.yaml").write_text(WHOLE)
    old, new = str(tmp_path / "old.yaml"), tmp_path / "new.yaml"
    code, out, err = call("migrate-config", old)
    assert (code, out.count("\nbounds:\n"), "max_memory (line 18, line 62): means something else" in err) == (0, 1, True)
    assert call("migrate-config", old, "--output", str(new))[:2] == (0, "")
    assert new.read_text() == out
    assert new.stat().st_mode & 0o777 == 0o640
    code, _out, err = call("migrate-config", old, "--output", str(new))
    assert (code, "File exists" in err) == (2, True)
    shown = json.loads(call("migrate-config", old, "--json")[1])
    assert shown["config"]["interval_seconds"] == 120.0
    assert {"kind": "changed", "key": "gotify_token"}.items() <= next(item for item in shown["differences"] if item["key"] == "gotify_token").items()


def test_migrate_config_of_a_bad_file_ends_with_2_and_every_problem(tmp_path):
    (tmp_path / "old.yaml").write_text("DEFAULT: {max_cores: many, behaviour: calm}\n")
    code, out, err = call("migrate-config", str(tmp_path / "old.yaml"))
    assert (code, out) == (2, "")
    assert "DEFAULT.max_cores (line 1) = many" in err
    assert "DEFAULT.behaviour (line 1) = calm" in err


def test_check_config_explains_an_old_file_without_its_secrets(tmp_path):
    (tmp_path / "old.yaml").write_text(WHOLE)
    code, out, err = call("check-config", "--explain", "--config", str(tmp_path / "old.yaml"))
    assert (code, err) == (0, "")
    assert "  token_secret: ***" in out
    assert "  bounds.max_cpu_cores: 6   from DEFAULT.max_cores (line 16)" in out
    assert "  bounds.max_memory_mib: 4096   from TIER_Web.max_memory (line 62)" in out
    assert "70ken-va1ue" not in out + call("check-config", "--json", "--config", str(tmp_path / "old.yaml"))[1]
