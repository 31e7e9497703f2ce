# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``notify``: what may stand there, where secrets come from, and that they never show."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[4]

ADDRESS = "allowed is http://HOST or https://HOST, with a port or a path where needed; a user, a password and what follows ? do not belong here"
CONNECTION = "connection: {token_id: 'a@pve!b'}\n"


def read(text, **environment):
    from pve_lxc.autoscale.config_file import parse_config

    config = parse_config(CONNECTION + text, source="config.yaml", environment={"PROXMOX_TOKEN_SECRET": "x", **environment})
    return {notifier.name: notifier for notifier in config.notifiers}


def problems_of(text, **environment):
    from pve_lxc.errors import ConfigError

    with pytest.raises(ConfigError) as caught:
        read(text, **environment)
    return {problem.place: (problem.value, problem.message) for problem in caught.value.problems}


def shown(text, **environment):
    from pve_lxc.autoscale.config_file import parse_config
    from pve_lxc.autoscale.configuration.effective import format_effective, format_effective_lines

    config = parse_config(CONNECTION + text, source="config.yaml", environment={"PROXMOX_TOKEN_SECRET": "x", **environment})
    return format_effective(config, "api")["notify"], "\n".join(format_effective_lines(config, "api"))


def test_every_kind_is_read_with_its_defaults():
    text = """
notify:
  mail: {kind: smtp, host: mail.example.com, user: loop@example.com, recipients: [a@example.com]}
  push: {kind: gotify, url: "http://gotify.lan:8080"}
  phone: {kind: ntfy, topic: alerts, events: [changes]}
  kuma: {kind: uptime_kuma}
  hook: {kind: webhook, min_interval_seconds: 0}
"""
    secrets = {"MAIL": "pa55", "PUSH": "t0ken", "KUMA": "https://kuma.example.com/api/push/x?status=up", "HOOK": "https://h.example.com/s\nX-Key: k"}
    found = read(text, **{f"LXC_AUTOSCALE_NOTIFY_{name}": value for name, value in secrets.items()})
    assert list(found) == ["mail", "push", "phone", "kuma", "hook"]
    assert [notifier.problem for notifier in found.values()] == [""] * 5
    mail = found["mail"]
    assert (mail.secret, mail.events, mail.min_interval_seconds, mail.repeat_after_seconds) == ("pa55", ("failures", "warnings"), 300.0, 86400.0)
    assert {name: mail.values[name] for name in ("host", "port", "security", "sender", "recipients")} == {
        "host": "mail.example.com",
        "port": 587,
        "security": "starttls",
        "sender": "loop@example.com",
        "recipients": ("a@example.com",),
    }
    assert (found["push"].url, found["push"].secret) == ("http://gotify.lan:8080", "t0ken")
    assert (found["phone"].url, found["phone"].topic, found["phone"].events, found["phone"].secret) == ("https://ntfy.sh", "alerts", ("changes",), "")
    assert (found["kuma"].url, found["kuma"].events) == ("https://kuma.example.com/api/push/x?status=up", ())
    assert (found["hook"].url, found["hook"].headers, found["hook"].min_interval_seconds) == ("https://h.example.com/s", {"X-Key": "k"}, 0.0)


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_port_of_a_mail_server_follows_its_security(security, port):
    found = read(f"notify: {{m: {{kind: smtp, host: localhost, security: {security}, recipients: [root]}}}}\n")
    assert found["m"].values["port"] == port


def test_secret_comes_from_its_file_first_then_from_systemd_then_from_a_variable(tmp_path):
    (tmp_path / "file").write_text("of-the-file\n")
    (tmp_path / "notify-push-1").write_text("of-systemd\n")
    (tmp_path / "other").write_text("of-another-credential")
    variables = {"CREDENTIALS_DIRECTORY": str(tmp_path), "LXC_AUTOSCALE_NOTIFY_PUSH_1": "of-the-variable"}
    entry = "notify: {push-1: {kind: gotify, url: 'https://g'%s}}\n"
    assert read(entry % f", secret_file: {tmp_path}/file", **variables)["push-1"].secret == "of-the-file"
    assert read(entry % "", **variables)["push-1"].secret == "of-systemd"
    assert read(entry % ", secret_credential: other", **variables)["push-1"].secret == "of-another-credential"
    assert read(entry % "", LXC_AUTOSCALE_NOTIFY_PUSH_1="of-the-variable")["push-1"].secret == "of-the-variable"


def test_credential_cannot_be_named_outside_of_systemds_folder(tmp_path):
    folder = tmp_path / "credentials"
    folder.mkdir()
    (tmp_path / "outside").write_text("secret")
    found = read("notify: {g: {kind: gotify, url: 'https://g', secret_credential: ../outside}}\n", CREDENTIALS_DIRECTORY=str(folder))
    assert (found["g"].secret, found["g"].problem[:20]) == ("", "it has no secret: se")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "secret_file {path} cannot be read: No such file or directory"),
        ("", "secret_file {path} is empty"),
        ("ftp://a/b", "its secret must be an address that begins with https:// or http://"),
        ("https://h:99999/x", "its secret must be an address that begins with https:// or http://"),
        ("https://h/x\nno header", "its secret must be an address, and below it at most headers as NAME: VALUE"),
    ],
)
def test_secret_that_cannot_be_used_stops_its_notifier_and_not_the_loop(tmp_path, content, problem):
    path = tmp_path / "secret"
    if content is not None:
        path.write_text(content)
    found = read(f"notify: {{h: {{kind: webhook, secret_file: {path}}}}}\n")
    assert found["h"].problem == problem.format(path=path)
    assert f"notifier h cannot send: {problem.format(path=path)}" in shown(f"notify: {{h: {{kind: webhook, secret_file: {path}}}}}\n")[1]


def test_every_mistake_is_named_at_once():
    text = """
notify:
  Mail: {kind: smtp}
  nothing:
  a: {kind: smtp}
  b: {kind: gotify, url: "gotify.lan", topic: x, priority: 11}
  c: {kind: ntfy, url: "https://u:hush@n/", topic: x, priority: 0}
  d: {kind: webhook, url: "https://hooks.example.com/hush"}
  e: {kind: smtp, host: mail, user: u, security: none, recipients: [a]}
  f: {kind: pigeon, events: [births], colour: red}
  g: {kind: ntfy, topic: [hush]}
  h: {kind: uptime_kuma, events: [changes]}
"""
    found = problems_of(text)
    assert {place: message for place, (_value, message) in found.items() if not place.startswith("notify.d")} == {
        "notify.Mail (line 4)": "allowed is a name of lower-case letters, digits, _ and -, at most 32 of them",
        "notify.nothing.kind": "needed; allowed is one of smtp, gotify, ntfy, uptime_kuma, webhook",
        "notify.a.host": "needed for smtp",
        "notify.a.recipients": "needed for smtp",
        "notify.b.url (line 7)": ADDRESS,
        "notify.b.topic (line 7)": found["notify.b.topic (line 7)"][1],
        "notify.b.priority (line 7)": "allowed is a whole number from 0 to 10",
        "notify.c.url (line 8)": ADDRESS,
        "notify.c.priority (line 8)": "allowed for ntfy is a whole number from 1 to 5",
        "notify.e.security (line 10)": "with a user the password would travel in the clear; allowed is starttls or tls",
        "notify.f.kind (line 11)": "allowed is one of smtp, gotify, ntfy, uptime_kuma, webhook",
        "notify.f.events (line 11)": "allowed is a list of some of changes, failures, warnings",
        "notify.f.colour (line 11)": found["notify.f.colour (line 11)"][1],
        "notify.g.topic (line 12)": "allowed is text",
        "notify.h.events (line 13)": "uptime_kuma has no such key; its keys are kind, secret_file, secret_credential, timeout_seconds, ca_file",
    }
    assert found["notify.d.url (line 9)"][1].startswith("webhook has no such key; the address of webhook is a secret as a whole, and belongs into secret_file")
    assert found["notify.g.topic (line 12)"][0] == "***"
    assert "hush" not in str(found)


def test_secrets_never_show(tmp_path):
    (tmp_path / "hook").write_text("https://hooks.example.com/hush\nAuthorization: Bearer hush")
    (tmp_path / "token").write_text("hush")
    text = f"""
notify:
  hook: {{kind: webhook, secret_file: {tmp_path}/hook}}
  push: {{kind: gotify, url: "https://gotify.lan", secret_file: {tmp_path}/token}}
  phone: {{kind: ntfy, topic: hush, secret_file: {tmp_path}/token}}
"""
    values, lines = shown(text)
    assert (values["hook"]["url"], values["hook"]["headers"]) == ("***", "***")
    assert (values["push"]["url"], values["push"]["secret"]) == ("https://gotify.lan", "***")
    assert (values["phone"]["topic"], values["phone"]["secret"]) == ("***", "***")
    assert "hush" not in str(values) + lines
    assert "hush" not in repr(read(text))


def test_example_of_the_guide_is_good_for_the_reader_and_for_the_schema():
    text = (ROOT / "docs" / "notify.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    assert list(read(example)) == ["mail", "local-mail", "push", "phone", "kuma", "hook"]
    schema = json.loads((ROOT / "docs" / "schema" / "lxc-autoscale.schema.json").read_text(encoding="utf-8"))
    assert jsonschema.Draft202012Validator(schema).is_valid(yaml.safe_load(example))
    assert not jsonschema.Draft202012Validator(schema).is_valid(yaml.safe_load(example.replace("kind: ntfy", "kind: pigeon")))


def test_textfile_of_another_name_is_refused():
    assert problems_of("metrics: {textfile: /tmp/metrics.txt}\n") == {"metrics.textfile (line 2)": ("/tmp/metrics.txt", "allowed is a path that ends in .prom")}


def test_broken_configuration_still_says_whom_to_tell(tmp_path):
    from pve_lxc.autoscale.config_file import salvage_config

    path = tmp_path / "config.yaml"
    path.write_text(f"mode: aply\nnode: pve7\nstate: {{path: {tmp_path}/s.sqlite}}\nnotify: {{phone: {{kind: ntfy, topic: a}}, bad: {{kind: pigeon}}}}\n")
    salvaged = salvage_config(str(path), {})
    assert (salvaged.node, salvaged.state_path) == ("pve7", f"{tmp_path}/s.sqlite")
    assert [notifier.name for notifier in salvaged.notifiers] == ["phone"]
    path.write_text("mode: [\n")
    assert salvage_config(str(path), {}) is None
