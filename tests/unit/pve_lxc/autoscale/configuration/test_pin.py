# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node's certificate among systemd's credentials: which one is pinned, and when."""

from __future__ import annotations

import hashlib
import ssl

import pytest
from pve_lxc.autoscale.config_file import parse_config
from pve_lxc.autoscale.configuration.pin import fingerprint_of, read_fingerprint, read_pin


def pem(content: bytes) -> str:
    return ssl.DER_cert_to_PEM_cert(content)


# SHA-256 of the four bytes "node": what sha256sum prints for them.
NODE = "545ea538461003efdc8c81c244531b003f6f26cfccf6c0073b3239fdedf49446"


@pytest.fixture
def credentials(tmp_path):
    (tmp_path / "cert").write_text(pem(b"node"))
    (tmp_path / "cert-custom").write_text("none")
    (tmp_path / "token_secret").write_text("a-secret\n")
    return tmp_path


def connection(credentials, **keys):
    lines = "".join(f"  {name}: {value}\n" for name, value in {"token_id": "a@pve!b", **keys}.items())
    return parse_config(f"connection:\n{lines}", source="test", environment={"CREDENTIALS_DIRECTORY": str(credentials)}).connection


def test_the_fingerprint_is_the_sha256_of_the_certificate_itself():
    assert fingerprint_of(f"some text\n{pem(b'node')}") == NODE


def test_of_a_chain_the_first_certificate_counts():
    assert fingerprint_of(pem(b"node") + pem(b"authority")) == NODE


@pytest.mark.parametrize("text", ["", "none", "-----BEGIN CERTIFICATE-----\nnot base64 at all!\n-----END CERTIFICATE-----"])
def test_a_text_without_a_certificate_has_no_fingerprint(text):
    assert fingerprint_of(text) == ""


def test_without_an_own_certificate_the_cluster_s_is_pinned(credentials):
    assert read_pin({"CREDENTIALS_DIRECTORY": str(credentials)}) == NODE


def test_an_own_certificate_of_the_api_wins(credentials):
    (credentials / "cert-custom").write_text(pem(b"own"))
    assert read_pin({"CREDENTIALS_DIRECTORY": str(credentials)}) == hashlib.sha256(b"own").hexdigest()


def test_outside_of_systemd_nothing_is_pinned():
    assert read_pin({}) == ""


def test_a_file_that_cannot_be_read_is_passed_over(credentials):
    assert read_fingerprint([str(credentials / "missing"), str(credentials), str(credentials / "cert")]) == NODE


def test_the_loop_pins_the_certificate_that_systemd_hands_over(credentials):
    assert connection(credentials).fingerprint == NODE


def test_what_the_file_says_about_verification_wins_over_the_credential(credentials):
    assert connection(credentials, ca_file="/ca.pem").fingerprint == ""
    assert connection(credentials, validate_certs="false").fingerprint == ""
    assert connection(credentials, fingerprint="aa:bb").fingerprint == "aa:bb"
