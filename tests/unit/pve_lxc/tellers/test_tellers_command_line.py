# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line against the simulator with every notifier failing: the cycle ends as it would, and no secret is anywhere."""

from __future__ import annotations

import io
import json
import sys

import pytest
from support.receivers import mail_receiver, refusing_port, silent_receiver, web_receiver

TOKEN = "lxc-autoscale@pve!node-pve1"
SECRETS = ("s3cret-of-gotify", "s3cret-of-ntfy", "s3cret-of-kuma", "s3cret-of-hook", "s3cret-of-header", "s3cret-of-mail", "s3cret-topic")


@pytest.fixture(scope="module")
def simulator():
    from harness import Simulator

    with Simulator(nodes=1, containers=4, auth_delay=0.05, seed=3) as running:
        yield running


@pytest.fixture
def call(simulator):
    from pve_lxc.cli import main

    class SimulatedClock:
        def now(self):
            return simulator.advance(0)

        def monotonic(self):
            return 0.0

    def call(*arguments):
        out, err = io.StringIO(), io.StringIO()
        code = main(list(arguments), clock=SimulatedClock(), out=out, err=err)
        return code, out.getvalue(), err.getvalue()

    return call


@pytest.fixture
def failing(tmp_path, certificate, ca_path):
    """Give the section ``notify`` of five notifiers that all fail, each in a way of its own."""

    def file_of(name, text):
        (tmp_path / name).write_text(text)
        return f"secret_file: {tmp_path / name}"

    events = "events: [changes, failures, warnings], min_interval_seconds: 0"
    with (
        web_receiver(certificate, 500) as broken,
        web_receiver(status=302) as moved,
        silent_receiver() as silent,
        mail_receiver(certificate, "starttls", password="another") as mail,
    ):
        moved.headers["Location"] = "https://elsewhere.example.com/s3cret-of-kuma"
        gotify = f"{{kind: gotify, url: '{broken.url}', ca_file: '{ca_path}', {events}, {file_of('gotify', SECRETS[0])}}}"
        ntfy = f"{{kind: ntfy, url: 'http://127.0.0.1:{silent}', topic: s3cret-topic, timeout_seconds: 1, {events}, {file_of('ntfy', SECRETS[1])}}}"
        kuma = f"{{kind: uptime_kuma, {file_of('kuma', moved.url + '/api/push/' + SECRETS[2])}}}"
        address = f"http://127.0.0.1:{refusing_port()}/{SECRETS[3]}?key={SECRETS[3]}\nAuthorization: Bearer {SECRETS[4]}"
        hook = f"{{kind: webhook, {events}, {file_of('hook', address)}}}"
        login = f"host: 127.0.0.1, port: {mail.port}, user: loop@example.com, recipients: [a@example.com], ca_file: '{ca_path}'"
        post = f"{{kind: smtp, {login}, {events}, {file_of('mail', SECRETS[5])}}}"
        yield f"notify:\n  gotify: {gotify}\n  ntfy: {ntfy}\n  kuma: {kuma}\n  hook: {hook}\n  mail: {post}\n"


@pytest.fixture
def configure(simulator, tmp_path):
    def configure(notify, *, port=0, more=""):
        (tmp_path / "token").write_text(simulator.tokens[TOKEN])
        path = tmp_path / "config.yaml"
        path.write_text(
            f"connection: {{host: 127.0.0.1, port: {port or simulator.port}, token_id: '{TOKEN}', token_secret_file: {tmp_path}/token, "
            f"ca_file: {simulator.ca_path}, retries: 0}}\nnode: pve1\nmode: apply\nobserve: {{source: api}}\n"
            f"state: {{path: {tmp_path}/state.sqlite}}\nmetrics: {{textfile: {tmp_path}/loop.prom}}\n{more}{notify}"
        )
        return str(path)

    return configure


def secrets_in(text, simulator):
    return [secret for secret in (*SECRETS, simulator.tokens[TOKEN]) if secret in text]


def files_written(folder):
    """Return the bytes of what the loop wrote: state, journal and metrics; not the files that hold the secrets."""
    names = [path for path in folder.iterdir() if path.name.startswith(("state.sqlite", "loop.prom"))]
    return b"".join(path.read_bytes() for path in names)


def test_no_secret_is_anywhere_when_every_notifier_fails(simulator, configure, failing, call, tmp_path, capfd):
    good = configure(failing)
    said = []
    codes = []
    for arguments in (["run"], ["run", "--json"], ["notify", "--test"], ["notify", "--test", "--json"], ["metrics"], ["metrics", "--json"]):
        simulator.advance(60)
        code, out, err = call(*arguments, "--config", good)
        codes.append(code)
        said += [out, err]
    assert codes == [0, 0, 1, 1, 0, 0]
    for arguments in (["check-config", "--explain"], ["check-config", "--json"], ["status"], ["status", "--json"]):
        code, out, err = call(*arguments, "--config", good)
        assert code == 0
        said += [out, err]
    unreachable = configure(failing, port=refusing_port())
    code, out, err = call("run", "--config", unreachable)
    assert code == 3
    said += [out, err]
    broken = configure(failing, more="bounds: {max_cpu_cores: many}\n")
    code, out, err = call("run", "--config", broken)
    assert code == 2
    said += [out, err]
    text = "".join(said)
    assert "notifier kuma: 127.0.0.1:" in text
    assert "answered 302, a redirect" in text
    assert text.count("notifier hook: 127.0.0.1:") >= 1
    assert "refused the login (535)" in text
    assert "answered 500" in text
    captured = capfd.readouterr()
    assert secrets_in(text + captured.out + captured.err, simulator) == []
    written = files_written(tmp_path)
    assert len(written) > 10000
    assert secrets_in(written.decode("latin-1"), simulator) == []
    metrics = (tmp_path / "loop.prom").read_text()
    failing_now = [line for line in metrics.splitlines() if line.startswith("lxc_autoscale_notifier_failing") and line.endswith(" 1")]
    assert len(failing_now) == 5
    # The search would find them: they are where they belong.
    assert secrets_in("".join((tmp_path / name).read_text() for name in ("gotify", "ntfy", "kuma", "hook", "mail")) + failing, simulator) == list(SECRETS)
    assert "pve_lxc" in sys.modules


def test_test_message_says_what_answered(simulator, configure, call, certificate, ca_path, tmp_path):
    with web_receiver(certificate) as web:
        (tmp_path / "t").write_text("token")
        config = configure(f"notify: {{phone: {{kind: gotify, url: '{web.url}', ca_file: '{ca_path}', secret_file: {tmp_path}/t}}}}\n")
        assert call("notify", "--test", "--config", config) == (0, f"phone (gotify): sent: 127.0.0.1:{web.port} answered 200\n", "")
        code, out, _err = call("notify", "--test", "phone", "pager", "--json", "--config", config)
    assert code == 1
    assert [(row["name"], row["sent"]) for row in json.loads(out)["notifiers"]] == [("phone", True), ("pager", False)]
    assert [request.body["title"] for request in web.arrived] == ["lxc-autoscale pve1: test"] * 2
    assert call("notify", "--config", config)[0] == 2


def test_without_notifiers_the_test_says_so(configure, call):
    assert call("notify", "--test", "--config", configure("")) == (0, "there is no notifier in the configuration (section notify)\n", "")


def test_recommend_by_hand_tells_nobody_and_run_does(simulator, configure, call, tmp_path):
    with web_receiver() as web:
        (tmp_path / "kuma").write_text(web.url + "/api/push/x")
        config = configure(f"notify: {{kuma: {{kind: uptime_kuma, secret_file: {tmp_path}/kuma}}}}\n")
        simulator.advance(60)
        assert call("recommend", "--config", config)[0] == 0
        assert (web.arrived, (tmp_path / "loop.prom").exists()) == ([], False)
        simulator.advance(60)
        assert call("run", "--config", config)[0] == 0
    assert [request.path.split("&")[0] for request in web.arrived] == ["/api/push/x?status=up"]
    assert (tmp_path / "loop.prom").read_text().startswith("# HELP lxc_autoscale_build_info ")


def test_metrics_go_into_a_file_in_one_step(simulator, configure, call, tmp_path):
    config = configure("")
    simulator.advance(60)
    call("run", "--config", config)
    assert call("metrics", "--output", f"{tmp_path}/by-hand.prom", "--config", config) == (0, "", "")
    shown = call("metrics", "--config", config)[1]
    assert (tmp_path / "by-hand.prom").read_text() == shown
    code, _out, err = call("metrics", "--output", f"{tmp_path}/nowhere/x.prom", "--config", config)
    assert (code, err) == (2, f"lxc-autoscale: the metrics cannot be written to {tmp_path}/nowhere/x.prom: No such file or directory\n")
    values = json.loads(call("metrics", "--json", "--config", config)[1])
    assert values["lxc_autoscale_last_cycle_requests"][0]["value"] >= 2
