# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each kind of notifier against a real receiver on loopback: what arrives, and what is said when it does not."""

from __future__ import annotations

import email
import email.policy

import pytest
from support.receivers import mail_receiver, refusing_port, silent_receiver, web_receiver

SUBJECT = "lxc-autoscale pve1: 1 failed"
LINES = ("FAILED 101 web: größer ging nicht", "changed 102 db: memory 512 -> 1024 MiB")
FACTS = {"is_good": False, "is_failure": True, "node": "pve1", "duration_seconds": 0.25}


def http_target(url, **more):
    from pve_lxc.transport.notify_http import HttpTarget

    return HttpTarget(url, timeout_seconds=5.0, **more)


def smtp_target(port, ca_path, **more):
    from pve_lxc.transport.notify_smtp import SmtpTarget

    values = {"security": "starttls", "sender": "loop@example.com", "recipients": ("a@example.com", "b@example.com"), "ca_path": ca_path}
    return SmtpTarget(host="127.0.0.1", port=port, timeout_seconds=5.0, **{**values, **more})


def send_by_smtp(target, subject=SUBJECT, lines=LINES):
    from pve_lxc.transport.notify_smtp import SmtpNotifier

    return SmtpNotifier(target).notify(subject, lines, FACTS)


def failure_of(send):
    from pve_lxc.errors import NotifyError

    with pytest.raises(NotifyError) as caught:
        send()
    # Nothing of the exception that was caught goes on: its text has the address.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return str(caught.value)


def test_mail_goes_through_starttls_with_a_login_to_every_recipient(certificate, ca_path):
    with mail_receiver(certificate, "starttls", password="pa55word") as receiver:
        answer = send_by_smtp(smtp_target(receiver.port, ca_path, user="loop", password="pa55word"))
    assert answer == f"127.0.0.1:{receiver.port} took the e-mail"
    assert receiver.logins == [("loop", "pa55word")]
    assert receiver.was_secure == [True]
    (envelope,) = receiver.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("loop@example.com", ["a@example.com", "b@example.com"])
    mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert mail["Subject"] == SUBJECT
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().splitlines() == list(LINES)


def test_mail_goes_through_tls_from_the_start(certificate, ca_path):
    with mail_receiver(certificate, "tls") as receiver:
        send_by_smtp(smtp_target(receiver.port, ca_path, security="tls"))
    assert receiver.was_secure == [True]


def test_mail_goes_plainly_to_a_server_that_needs_no_login(certificate, ca_path):
    with mail_receiver(certificate, "none") as receiver:
        send_by_smtp(smtp_target(receiver.port, ca_path, security="none"))
    assert receiver.was_secure == [False]


def test_subject_with_a_line_break_adds_no_header(certificate, ca_path):
    with mail_receiver(certificate, "none") as receiver:
        send_by_smtp(smtp_target(receiver.port, ca_path, security="none"), subject="name\r\nBcc: evil@example.com")
    mail = email.message_from_bytes(receiver.mails[0].content, policy=email.policy.default)
    assert (mail["Subject"], mail["Bcc"]) == ("name Bcc: evil@example.com", None)


def test_mail_server_with_a_foreign_certificate_gets_nothing(certificate):
    with mail_receiver(certificate, "starttls", password="pa55word") as receiver:
        target = smtp_target(receiver.port, "", user="loop", password="pa55word")
        said = failure_of(lambda: send_by_smtp(target))
    assert said == f"127.0.0.1:{receiver.port} has a certificate that is not trusted, or does not speak TLS there"
    assert (receiver.logins, receiver.mails) == ([], [])


def test_mail_server_that_offers_no_starttls_gets_nothing(certificate, ca_path):
    with mail_receiver(certificate, "none") as receiver:
        said = failure_of(lambda: send_by_smtp(smtp_target(receiver.port, ca_path)))
    assert said == f"127.0.0.1:{receiver.port} does not offer what is needed (STARTTLS, or a login)"
    assert receiver.mails == []


def test_refused_login_is_told_by_its_code_only(certificate, ca_path):
    with mail_receiver(certificate, "starttls", password="right") as receiver:
        said = failure_of(lambda: send_by_smtp(smtp_target(receiver.port, ca_path, user="loop", password="wr0ng")))
    assert said == f"127.0.0.1:{receiver.port} refused the login (535)"


def test_refused_recipients_are_counted_and_only_all_of_them_are_a_failure(certificate, ca_path):
    with mail_receiver(certificate, "none") as receiver:
        target = smtp_target(receiver.port, ca_path, security="none")
        receiver.refused = {"b@example.com"}
        assert send_by_smtp(target).endswith("took the e-mail, and refused 1 of 2 recipients")
        receiver.refused = {"a@example.com", "b@example.com"}
        assert failure_of(lambda: send_by_smtp(target)).endswith("refused every recipient")


def test_mail_server_that_is_not_there_is_named(ca_path):
    port = refusing_port()
    assert failure_of(lambda: send_by_smtp(smtp_target(port, ca_path))) == f"127.0.0.1:{port} cannot be reached: Connection refused"


def test_mail_server_that_never_speaks_is_left(ca_path):
    from dataclasses import replace

    with silent_receiver() as port:
        target = replace(smtp_target(port, ca_path), timeout_seconds=0.2)
        assert failure_of(lambda: send_by_smtp(target)) == f"127.0.0.1:{port} broke off, or did not answer in time"


def test_missing_authority_of_a_mail_server_is_said():
    assert failure_of(lambda: send_by_smtp(smtp_target(9, "/nowhere/ca.pem"))) == (
        "127.0.0.1:9 was not asked: the file of the certificate authority cannot be read"
    )


def test_gotify_gets_its_token_by_header(certificate, ca_path):
    from pve_lxc.transport.notify_http import GotifyNotifier

    with web_receiver(certificate) as receiver:
        answer = GotifyNotifier(http_target(receiver.url + "/push/", ca_path=ca_path, secret="t0ken")).notify(SUBJECT, LINES, FACTS)
    assert answer == f"127.0.0.1:{receiver.port} answered 200"
    (request,) = receiver.arrived
    assert (request.method, request.path, request.headers["X-Gotify-Key"]) == ("POST", "/push/message", "t0ken")
    assert request.body == {"title": SUBJECT, "message": "\n".join(LINES), "priority": 8}


def test_ntfy_gets_topic_and_text_as_json_and_its_token_by_header(certificate, ca_path):
    from pve_lxc.transport.notify_http import NtfyNotifier

    with web_receiver(certificate) as receiver:
        NtfyNotifier(http_target(receiver.url, ca_path=ca_path, secret="tk_1"), "alerts").notify(SUBJECT, LINES, FACTS)
        NtfyNotifier(http_target(receiver.url, ca_path=ca_path), "alerts", 2).notify("all is well", (), {"is_good": True})
    first, second = receiver.arrived
    assert (first.path, first.headers["Authorization"]) == ("/", "Bearer tk_1")
    assert first.body == {"topic": "alerts", "title": SUBJECT, "message": "\n".join(LINES), "priority": 4, "tags": ["rotating_light"]}
    assert "Authorization" not in second.headers
    assert second.body == {"topic": "alerts", "title": "all is well", "message": "all is well", "priority": 2, "tags": ["white_check_mark"]}


def test_uptime_kuma_gets_up_and_down_in_place_of_what_its_address_had():
    from pve_lxc.transport.notify_http import UptimeKumaNotifier

    with web_receiver() as receiver:
        notifier = UptimeKumaNotifier(http_target(receiver.url + "/api/push/s3cret?status=up&msg=OK&ping="))
        notifier.notify("3 containers, 1 changed, 0 failed", (), {"is_good": True, "duration_seconds": 0.25})
        notifier.notify("the cycle failed: no answer", (), {"is_good": False, "duration_seconds": None})
    assert [request.path for request in receiver.arrived] == [
        "/api/push/s3cret?status=up&msg=3+containers%2C+1+changed%2C+0+failed&ping=250",
        "/api/push/s3cret?status=down&msg=the+cycle+failed%3A+no+answer",
    ]


def test_webhook_gets_text_and_facts_with_its_headers(certificate, ca_path):
    from pve_lxc.transport.notify_http import WebhookNotifier

    with web_receiver(certificate) as receiver:
        target = http_target(receiver.url + "/hook/s3cret?key=1", ca_path=ca_path, headers={"Authorization": "Bearer h1dden"})
        WebhookNotifier(target).notify(SUBJECT, LINES, FACTS)
    (request,) = receiver.arrived
    assert (request.path, request.headers["Authorization"]) == ("/hook/s3cret?key=1", "Bearer h1dden")
    assert request.body == {"subject": SUBJECT, "lines": list(LINES), "text": "\n".join([SUBJECT, *LINES]), **FACTS}


def send_to_webhook(url, **more):
    from pve_lxc.transport.notify_http import WebhookNotifier

    return WebhookNotifier(http_target(url + "/hook/s3cret", **more)).notify(SUBJECT, LINES, FACTS)


@pytest.mark.parametrize(("status", "said"), [(500, "answered 500"), (401, "answered 401: is the token right?"), (404, "answered 404: is the address right?")])
def test_error_of_a_receiver_is_told_with_its_host_only(status, said):
    with web_receiver(status=status) as receiver:
        assert failure_of(lambda: send_to_webhook(receiver.url)) == f"127.0.0.1:{receiver.port} {said}"


def test_redirect_is_not_followed():
    with web_receiver() as other, web_receiver(status=302) as receiver:
        receiver.headers["Location"] = other.url + "/elsewhere"
        said = failure_of(lambda: send_to_webhook(receiver.url))
    assert "302, a redirect; those are not followed" in said
    assert other.arrived == []


def test_receiver_with_a_foreign_certificate_gets_nothing(certificate):
    with web_receiver(certificate) as receiver:
        said = failure_of(lambda: send_to_webhook(receiver.url))
    assert said == f"127.0.0.1:{receiver.port} has a certificate that is not trusted, or does not speak TLS"
    assert receiver.arrived == []


def test_receiver_that_is_not_there_is_named_without_its_path():
    port = refusing_port()
    assert failure_of(lambda: send_to_webhook(f"http://127.0.0.1:{port}")) == f"127.0.0.1:{port} cannot be reached"


def test_receiver_that_never_answers_is_left():
    from pve_lxc.transport.notify_http import HttpTarget, WebhookNotifier

    with silent_receiver() as port:
        notifier = WebhookNotifier(HttpTarget(f"http://127.0.0.1:{port}/hook/s3cret", timeout_seconds=0.2))
        assert failure_of(lambda: notifier.notify(SUBJECT, LINES, FACTS)) == f"127.0.0.1:{port} did not answer in time"


def test_header_that_cannot_be_sent_is_said_without_it():
    with web_receiver() as receiver:
        said = failure_of(lambda: send_to_webhook(receiver.url, headers={"X-Key": "a\nb"}))
    assert said == f"127.0.0.1:{receiver.port} was not asked: its address or a header cannot be used"


def test_missing_authority_of_a_web_server_is_said():
    said = failure_of(lambda: send_to_webhook("https://127.0.0.1:9", ca_path="/nowhere/ca.pem"))
    assert said == "127.0.0.1:9 was not asked: the file of the certificate authority cannot be read"


def test_netrc_does_not_replace_a_token(monkeypatch, tmp_path, certificate, ca_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    from pve_lxc.transport.notify_http import NtfyNotifier

    with web_receiver(certificate) as receiver:
        NtfyNotifier(http_target(receiver.url, ca_path=ca_path, secret="tk_1"), "alerts").notify(SUBJECT, LINES, FACTS)
    assert receiver.arrived[0].headers["Authorization"] == "Bearer tk_1"


def test_long_text_ends_with_how_much_was_left_out():
    from pve_lxc.transport.notify_http import text_of

    text = text_of([f"{number:04d} {'ä' * 45}" for number in range(100)])
    assert len(text.encode()) <= 3900
    assert text.splitlines()[-1] == "... and 61 more lines"
    assert text_of(["one", "two"]) == "one\ntwo"
