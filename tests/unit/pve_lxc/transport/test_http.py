# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests over real TLS against a scripted server."""

from __future__ import annotations

import logging
import socket
import threading
from typing import Any

import pytest
from pve_lxc.errors import (
    ProxmoxAPIError,
    ProxmoxAuthenticationError,
    ProxmoxConnectionError,
    ProxmoxNodeError,
    ProxmoxTimeoutError,
    ProxmoxTLSError,
    RequestError,
)
from pve_lxc.transport.http import HttpTransport
from pve_lxc.transport.retry import RetryPolicy
from pve_lxc.transport.settings import ConnectionSettings
from support.scripted_server import Answer, ok


def longest(low: float, high: float) -> float:
    return high


def transport(server: Any, clock: Any, **changes: Any) -> HttpTransport:
    settings = server.settings(**changes)
    return HttpTransport(settings, clock=clock, retry=RetryPolicy(settings.retries, longest))


def test_get_sends_token_header_and_query_and_returns_data(start_server, clock):
    server = start_server(ok([{"vmid": 101}]))
    assert transport(server, clock).request("GET", "/cluster/resources", {"type": "vm", "absent": None}) == [{"vmid": 101}]
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.query) == ("GET", "/api2/json/cluster/resources", {"type": ["vm"]})
    assert seen.headers["Authorization"] == "PVEAPIToken=auto@pve!t=s3cret"


def test_put_sends_a_form_with_booleans_as_numbers(start_server, clock):
    server = start_server(ok(None))
    assert transport(server, clock).request("PUT", "/nodes/pve1/lxc/101/config", {"memory": 512, "onboot": True}) is None
    assert server.seen[0].form == {"memory": ["512"], "onboot": ["1"]}


def test_token_id_may_hold_the_user(start_server, clock):
    server = start_server(ok(1))
    transport(server, clock, user="", token_id="ops@pve!ci").request("GET", "/version")
    assert server.seen[0].headers["Authorization"] == "PVEAPIToken=ops@pve!ci=s3cret"


def test_netrc_never_replaces_the_token(start_server, clock, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login root password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server = start_server(ok(1))
    transport(server, clock).request("GET", "/version")
    assert server.seen[0].headers["Authorization"].startswith("PVEAPIToken=")


def test_one_connection_serves_many_requests(start_server, clock):
    server = start_server(ok(1), ok(2), ok(3))
    client = transport(server, clock)
    assert [client.request("GET", "/version") for dummy in range(3)] == [1, 2, 3]
    assert len(client._sessions) == 1


def test_connection_idle_for_longer_than_pveproxy_keeps_it_is_not_used_for_a_write(start_server, clock):
    server = start_server(ok(1), ok(2))
    client = transport(server, clock)
    client.request("GET", "/version")
    clock.seconds += 4.5
    client._local.session.get_adapter("https://").poolmanager.clear = cleared = CallCounter()
    client.request("PUT", "/nodes/pve1/lxc/101/config", {"memory": 512})
    assert cleared.count == 1


class CallCounter:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


def test_each_thread_has_a_session_of_its_own(start_server, clock):
    server = start_server(*[ok(1)] * 3)
    client = transport(server, clock)
    threads = [threading.Thread(target=client.request, args=("GET", "/version")) for dummy in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(client._sessions) == 3


def test_read_on_a_dead_connection_is_repeated_at_once_and_silently(start_server, clock):
    server = start_server(Answer(drop=True), ok("again"))
    assert transport(server, clock).request("GET", "/version") == "again"
    assert clock.sleeps == [0.0]


def test_read_is_repeated_with_growing_waits_while_a_proxy_says_503(start_server, clock):
    busy = Answer(503, "Service Unavailable")
    server = start_server(busy, busy, busy, ok("there"))
    assert transport(server, clock).request("GET", "/version") == "there"
    assert clock.sleeps == [0.25, 0.5, 1.0]


def test_read_gives_up_after_the_retries_allowed(start_server, clock):
    server = start_server(*[Answer(596, "Connection timed out")] * 4)
    with pytest.raises(ProxmoxNodeError, match="node is unreachable"):
        transport(server, clock, retries=2).request("GET", "/nodes/pve2/lxc")
    assert len(server.seen) == 3


def test_dead_node_is_reported_and_not_asked_again(start_server, clock):
    server = start_server(Answer(595, "No route to host"))
    with pytest.raises(ProxmoxNodeError, match="No route to host"):
        transport(server, clock).request("GET", "/nodes/pve2/lxc")


def test_write_that_may_have_arrived_is_never_repeated(start_server, clock):
    server = start_server(Answer(drop=True))
    with pytest.raises(ProxmoxConnectionError) as caught:
        transport(server, clock).request("PUT", "/nodes/pve1/lxc/101/config", {"memory": 512})
    assert caught.value.is_sent is True
    assert len(server.seen) == 1


def test_write_to_a_closed_port_is_repeated_because_nothing_was_sent(clock):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = ConnectionSettings(host="127.0.0.1", port=port, user="auto@pve", token_id="t", token_secret="s", retries=2)
    with pytest.raises(ProxmoxConnectionError) as caught:
        HttpTransport(settings, clock=clock, retry=RetryPolicy(2, longest)).request("PUT", "/nodes/pve1/lxc/101/config", {"memory": 512})
    assert str(caught.value) == f"cannot connect to 127.0.0.1:{port}: Connection refused; nothing was sent"
    assert caught.value.is_sent is False
    assert clock.sleeps == [0.25, 0.5]


def test_unknown_host_says_so_and_that_nothing_was_sent(clock):
    settings = ConnectionSettings(host="nosuch.invalid", user="auto@pve", token_id="t", token_secret="s", retries=0)
    with pytest.raises(ProxmoxConnectionError, match=r"cannot connect to nosuch.invalid:8006: .*; nothing was sent") as caught:
        HttpTransport(settings, clock=clock).request("GET", "/version")
    assert caught.value.is_sent is False


def test_overall_deadline_ends_the_retries(start_server, clock):
    server = start_server(*[Answer(503, "Service Unavailable")] * 9)
    with pytest.raises(ProxmoxAPIError, match="503"):
        transport(server, clock, retries=8, timeout_seconds=3.0).request("GET", "/version")
    assert clock.sleeps == [0.25, 0.5, 1.0]


def test_answer_that_does_not_come_in_time_is_a_timeout_of_a_request_that_was_sent(start_server):
    server = start_server(Answer(hold_seconds=30, body={"data": 1}))
    client = HttpTransport(server.settings(timeout_seconds=0.4, retries=0))
    with pytest.raises(ProxmoxTimeoutError) as caught:
        client.request("PUT", "/nodes/pve1/lxc/101/config", {"memory": 512})
    assert caught.value.is_sent is True


def test_untrusted_certificate_is_refused_and_the_remedy_named(start_server, clock):
    server = start_server(ok(1))
    with pytest.raises(ProxmoxTLSError, match="not trusted; give the cluster's CA"):
        transport(server, clock, ca_path="").request("GET", "/version")
    assert server.seen == []


def test_ca_file_that_is_not_there_is_named_and_nothing_is_sent(start_server, clock):
    server = start_server(ok(1))
    with pytest.raises(ProxmoxTLSError, match="cannot be verified: .*/nowhere/ca.pem; nothing was sent"):
        transport(server, clock, ca_path="/nowhere/ca.pem").request("GET", "/version")
    assert server.seen == []


def test_certificate_for_another_name_is_refused(start_server, clock):
    server = start_server(ok(1), identity="pve.example.com")
    with pytest.raises(ProxmoxTLSError, match="is for another name"):
        transport(server, clock).request("GET", "/version")
    assert server.seen == []


def test_right_fingerprint_is_enough_without_a_ca(start_server, clock):
    server = start_server(ok("pinned"))
    with_colons = ":".join(server.fingerprint[i : i + 2] for i in range(0, 64, 2))
    assert transport(server, clock, ca_path="", fingerprint=with_colons).request("GET", "/version") == "pinned"


@pytest.mark.parametrize("validate_certs", [True, False])
def test_wrong_fingerprint_is_refused_even_without_validation(start_server, clock, validate_certs):
    server = start_server(ok(1))
    with pytest.raises(ProxmoxTLSError, match="does not have the fingerprint given"):
        transport(server, clock, fingerprint="AA" * 32, validate_certs=validate_certs).request("GET", "/version")
    assert server.seen == []


def test_verification_can_be_switched_off(start_server, clock):
    server = start_server(ok("open"))
    with pytest.warns(Warning, match="Unverified HTTPS request"):
        assert transport(server, clock, ca_path="", validate_certs=False).request("GET", "/version") == "open"


def test_redirect_is_not_followed_with_our_token(start_server, clock):
    server = start_server(Answer(301, "Moved Permanently"))
    with pytest.raises(ProxmoxAPIError, match="is there really a Proxmox VE API"):
        transport(server, clock).request("GET", "/version")
    assert len(server.seen) == 1


def test_page_that_is_not_json_is_named_as_such(start_server, clock):
    server = start_server(Answer(200, "OK", "a string, no object"))
    with pytest.raises(ProxmoxAPIError, match="without Proxmox's JSON"):
        transport(server, clock).request("GET", "/version")


def test_refused_token_is_not_tried_twice(start_server, clock):
    server = start_server(Answer(401, "Authentication failed!"))
    with pytest.raises(ProxmoxAuthenticationError, match="token id, token secret or ticket is wrong"):
        transport(server, clock).request("GET", "/version")
    assert len(server.seen) == 1


TICKET = {"ticket": "PVE:auto@pve:1", "CSRFPreventionToken": "csrf-1"}
LATER_TICKET = {"ticket": "PVE:auto@pve:2", "CSRFPreventionToken": "csrf-2"}


def by_password(server: Any, clock: Any, **changes: Any) -> HttpTransport:
    return transport(server, clock, **{"token_id": "", "token_secret": "", "password": "pass", **changes})


def test_password_login_goes_through_our_own_pinned_session(start_server, clock):
    server = start_server(ok(TICKET), ok("in"))
    assert by_password(server, clock, ca_path="", fingerprint=server.fingerprint).request("PUT", "/x", {"a": 1}) == "in"
    login, put = server.seen
    assert (login.method, login.path, login.form) == ("POST", "/api2/json/access/ticket", {"username": ["auto@pve"], "password": ["pass"]})
    assert put.headers["Cookie"] == "PVEAuthCookie=PVE:auto@pve:1"
    assert put.headers["CSRFPreventionToken"] == "csrf-1"


def test_read_carries_no_csrf_token(start_server, clock):
    server = start_server(ok(TICKET), ok("in"))
    by_password(server, clock).request("GET", "/version")
    assert "CSRFPreventionToken" not in server.seen[1].headers


def test_wrong_password_is_tried_once_only(start_server, clock):
    server = start_server(Answer(401, "authentication failure", {"data": None, "message": "authentication failure\n"}))
    with pytest.raises(ProxmoxAuthenticationError, match="user, realm or password is wrong"):
        by_password(server, clock).request("GET", "/version")
    assert len(server.seen) == 1


def test_refused_ticket_leads_to_one_new_login_and_the_request_again(start_server, clock):
    server = start_server(ok(TICKET), ok(1), Answer(401, "Authentication failed!"), ok(LATER_TICKET), ok(2))
    client = by_password(server, clock)
    assert [client.request("GET", "/version"), client.request("GET", "/version")] == [1, 2]
    assert server.seen[-1].headers["Cookie"] == "PVEAuthCookie=PVE:auto@pve:2"


def test_second_refusal_is_final(start_server, clock):
    refused = Answer(401, "Authentication failed!")
    server = start_server(ok(TICKET), refused, ok(LATER_TICKET), refused)
    with pytest.raises(ProxmoxAuthenticationError):
        by_password(server, clock).request("GET", "/version")
    assert len(server.seen) == 4


def test_old_ticket_is_renewed_with_itself_before_it_dies(start_server, clock):
    server = start_server(ok(TICKET), ok(1), ok(LATER_TICKET), ok(2))
    client = by_password(server, clock)
    client.request("GET", "/version")
    clock.seconds += 3601
    client.request("GET", "/version")
    assert server.seen[2].form == {"username": ["auto@pve"], "password": ["PVE:auto@pve:1"]}


def test_ticket_that_died_while_the_machine_slept_is_replaced_by_a_login(start_server, clock):
    refused = Answer(401, "authentication failure")
    server = start_server(ok(TICKET), ok(1), refused, ok(LATER_TICKET), ok(2))
    client = by_password(server, clock)
    client.request("GET", "/version")
    clock.seconds += 9000
    assert client.request("GET", "/version") == 2
    assert server.seen[3].form["password"] == ["pass"]


# The exchange of a second factor is from Proxmox's source, not recorded.
CHALLENGE = {"ticket": "PVE:!tfa!challenge", "NeedTFA": 1, "CSRFPreventionToken": "none"}


def test_second_factor_answers_the_challenge(start_server, clock):
    server = start_server(ok(CHALLENGE), ok(TICKET), ok("in"))
    assert by_password(server, clock, otp="123456").request("GET", "/version") == "in"
    assert server.seen[1].form == {"username": ["auto@pve"], "tfa-challenge": ["PVE:!tfa!challenge"], "password": ["totp:123456"]}


def test_second_factor_without_a_code_is_named(start_server, clock):
    server = start_server(ok(CHALLENGE))
    with pytest.raises(ProxmoxAuthenticationError, match="has a second factor: give its code"):
        by_password(server, clock).request("GET", "/version")


def test_ticket_lost_after_a_one_time_password_fails_clearly(start_server, clock):
    server = start_server(ok(CHALLENGE), ok(TICKET), Answer(401, "Authentication failed!"))
    with pytest.raises(ProxmoxAuthenticationError, match="one-time password cannot be used twice"):
        by_password(server, clock, otp="123456").request("GET", "/version")


def test_login_never_shows_in_a_log(start_server, clock, caplog):
    caplog.set_level(logging.DEBUG)
    server = start_server(ok(TICKET), ok("in"))
    by_password(server, clock, password="hunter2").request("GET", "/version")
    assert "hunter2" not in caplog.text
    assert "PVE:auto@pve:1" not in caplog.text


def test_every_missing_part_of_the_credentials_is_named_at_once():
    with pytest.raises(RequestError) as caught:
        HttpTransport(ConnectionSettings(host="pve", token_secret="s"))
    assert [problem.place for problem in caught.value.problems] == ["api_user", "api_token_id"]


def test_user_without_realm_is_named_with_what_is_allowed():
    with pytest.raises(RequestError, match="api_user = root: has no realm; allowed is user@realm"):
        HttpTransport(ConnectionSettings(host="pve", user="root", password="x"))


def test_missing_host_is_named():
    with pytest.raises(RequestError, match="api_host: is missing"):
        HttpTransport(ConnectionSettings(host="", user="root@pam", password="x"))


@pytest.mark.parametrize("host", ["https://pve", "pve:8006", "[fe80::1]", "pve 1", "pve/", "p" * 64, "pve..example", "a\0b", "-".join(["long"] * 60)])
def test_host_that_is_no_name_and_no_address_is_refused_with_what_is_allowed(host):
    with pytest.raises(RequestError) as caught:
        HttpTransport(ConnectionSettings(host=host, user="root@pam", password="x"))
    assert [(problem.place, problem.value) for problem in caught.value.problems] == [("api_host", host)]
    assert "allowed is a name or an address, without https:// and port" in str(caught.value)


@pytest.mark.parametrize("host", ["pve", "pve_1.example.com", "pve.example.com.", "192.0.2.1", "::1", "2001:db8::7", "fe80::1%eth0"])
def test_name_and_address_are_hosts(host):
    HttpTransport(ConnectionSettings(host=host, user="root@pam", password="x")).close()


@pytest.mark.parametrize("ending", ["\n", "\r\n", " ", "\t", "\x00", "\u00fc"])
def test_secret_that_no_token_has_is_refused_before_anybody_can_show_it(ending):
    """The HTTP library shows a whole header that it refuses, and a line end is written so that no mask of the secret fits."""
    with pytest.raises(RequestError) as caught:
        HttpTransport(ConnectionSettings(host="pve", user="auto@pve", token_id="t", token_secret=f"topsecret{ending}"))
    assert [problem.place for problem in caught.value.problems] == ["api_token_secret"]
    assert "topsecret" not in str(caught.value)


def test_every_part_of_a_token_that_cannot_be_one_is_named_at_once():
    with pytest.raises(RequestError) as caught:
        HttpTransport(ConnectionSettings(host="pve", token_id="au to@pve!t\n", token_secret="topsecret\n"))
    assert [problem.place for problem in caught.value.problems] == ["api_user", "api_token_id", "api_token_secret"]


def test_settings_do_not_show_their_secrets():
    shown = repr(ConnectionSettings(host="pve", token_secret="topsecret", password="hunter2", otp="123456"))
    assert not any(secret in shown for secret in ("topsecret", "hunter2", "123456"))
