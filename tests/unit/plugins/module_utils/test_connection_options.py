# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that all modules share: environment variables, and that documentation and specification agree."""

from __future__ import annotations

import pytest
import yaml
from ansible.module_utils.basic import AnsibleFallbackNotFound
from ansible_collections.autoscale.proxmox.plugins.doc_fragments import connection, selection
from ansible_collections.autoscale.proxmox.plugins.module_utils._argspec import connection_options, filled_env_fallback, selection_options
from ansible_collections.autoscale.proxmox.plugins.module_utils._connect import connect, connection_settings
from ansible_collections.autoscale.proxmox.plugins.module_utils.pve_lxc.errors import RequestError

PARAMS = {
    "api_host": "pve.example.com",
    "api_port": 8006,
    "api_user": None,
    "api_password": None,
    "api_otp": None,
    "api_token_id": "automation@pve!ansible",
    "api_token_secret": "secret",
    "ca_path": None,
    "validate_certs": True,
    "api_fingerprint": None,
    "api_timeout": 30,
    "api_retries": 3,
    "transport": "auto",
    "ssh_host": None,
    "ssh_port": 22,
    "ssh_user": None,
    "ssh_password": None,
    "ssh_key_file": None,
    "ssh_known_hosts": None,
    "ssh_host_key_policy": "reject",
    "ssh_become": "none",
    "concurrency": 4,
}
VARIABLES = {
    "api_host": "PROXMOX_HOST",
    "api_port": "PROXMOX_PORT",
    "api_user": "PROXMOX_USER",
    "api_password": "PROXMOX_PASSWORD",
    "api_otp": "PROXMOX_OTP",
    "api_token_id": "PROXMOX_TOKEN_ID",
    "api_token_secret": "PROXMOX_TOKEN_SECRET",
    "ca_path": "PROXMOX_CA_PATH",
    "validate_certs": "PROXMOX_VALIDATE_CERTS",
    "api_fingerprint": "PROXMOX_FINGERPRINT",
    "api_timeout": "PROXMOX_API_TIMEOUT",
    "api_retries": "PROXMOX_API_RETRIES",
    "transport": "PROXMOX_TRANSPORT",
    "ssh_host": "PROXMOX_SSH_HOST",
    "ssh_port": "PROXMOX_SSH_PORT",
    "ssh_user": "PROXMOX_SSH_USER",
    "ssh_password": "PROXMOX_SSH_PASSWORD",
    "ssh_key_file": "PROXMOX_SSH_KEY_FILE",
    "ssh_known_hosts": "PROXMOX_SSH_KNOWN_HOSTS",
    "ssh_host_key_policy": "PROXMOX_SSH_HOST_KEY_POLICY",
    "ssh_become": "PROXMOX_SSH_BECOME",
}


def test_a_filled_variable_is_taken(monkeypatch):
    monkeypatch.setenv("PROXMOX_HOST", "pve.example.com")
    assert filled_env_fallback("PROXMOX_HOST") == "pve.example.com"


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_variable_counts_as_unset(monkeypatch, value):
    if value is None:
        monkeypatch.delenv("PROXMOX_PORT", raising=False)
    else:
        monkeypatch.setenv("PROXMOX_PORT", value)
    with pytest.raises(AnsibleFallbackNotFound):
        filled_env_fallback("PROXMOX_PORT")


def test_every_connection_option_but_concurrency_has_its_variable_in_specification_and_documentation():
    documented = yaml.safe_load(connection.ModuleDocFragment.DOCUMENTATION)["options"]
    specified = {name: option["fallback"][1][0] for name, option in connection_options().items() if "fallback" in option}
    assert specified == VARIABLES
    for name, variable in VARIABLES.items():
        assert f"E({variable})" in " ".join(documented[name]["description"])
        assert "An empty variable counts as unset." in " ".join(documented[name]["description"])


@pytest.mark.parametrize(("fragment", "options"), [(connection, connection_options()), (selection, selection_options())])
def test_fragment_and_specification_agree(fragment, options):
    documented = yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]
    keys = ("type", "elements", "choices", "default")
    assert {name: {key: option.get(key) for key in keys} for name, option in documented.items()} == {
        name: {key: option.get(key) for key in keys} for name, option in options.items()
    }


def test_secrets_are_never_logged_and_the_token_id_is():
    assert {name: option["no_log"] for name, option in connection_options().items() if "no_log" in option} == {
        "api_password": True,
        "api_otp": True,
        "api_token_secret": True,
        "api_token_id": False,
        "ssh_password": True,
        "ssh_key_file": False,
        "ssh_host_key_policy": False,
    }


def test_options_become_connection_settings_and_no_user_is_assumed():
    settings = connection_settings(PARAMS)
    assert (settings.host, settings.port, settings.user, settings.token_id) == ("pve.example.com", 8006, "", "automation@pve!ansible")
    assert (settings.validate_certs, settings.timeout_seconds, settings.retries) == (True, 30.0, 3)
    assert "secret" not in repr(settings).replace("token_secret", "")


def test_every_number_out_of_range_is_named():
    with pytest.raises(RequestError) as caught:
        connection_settings({**PARAMS, "api_port": 0, "ssh_port": 65536, "api_timeout": 3, "api_retries": -1, "concurrency": 0})
    assert [str(problem) for problem in caught.value.problems] == [
        "api_port = 0: allowed is a port, 1 to 65535",
        "ssh_port = 65536: allowed is a port, 1 to 65535",
        "api_timeout = 3: allowed is seconds, 4 to 3600",
        "api_retries = -1: allowed is 0 to 20",
        "concurrency = 0: allowed is 1 to 64; more than 4 gains nothing",
    ]


@pytest.mark.parametrize(
    ("options", "kind", "transport"),
    [
        ({}, "ProxmoxAPIClient", "api"),
        ({"ssh_host": "pve1", "ssh_user": "root"}, "FallbackBackend", "api"),
        ({"ssh_host": "pve1", "ssh_user": "root", "transport": "api"}, "ProxmoxAPIClient", "api"),
        ({"ssh_host": "pve1", "ssh_user": "root", "transport": "ssh"}, "PctBackend", "ssh"),
        ({"ssh_host": "pve1", "ssh_user": "root", "api_host": None}, "PctBackend", "ssh"),
        ({"api_host": None, "transport": "local"}, "PctBackend", "local"),
    ],
)
def test_options_choose_the_way(options, kind, transport):
    backend = connect({**PARAMS, **options}, lambda text: None)
    assert (type(backend).__name__, backend.transport) == (kind, transport)


@pytest.mark.parametrize(
    ("options", "places"),
    [
        ({"api_host": None}, ["api_host"]),
        ({"api_host": None, "transport": "ssh"}, ["ssh_host", "ssh_user"]),
        ({"ssh_host": "pve1"}, ["ssh_user"]),
        ({"ssh_host": "pve1", "transport": "ssh", "ssh_port": 0}, ["ssh_port"]),
    ],
)
def test_what_is_missing_for_the_way_is_named_before_anything_is_sent(options, places):
    with pytest.raises(RequestError) as caught:
        connect({**PARAMS, **options}, lambda text: None)
    assert [problem.place for problem in caught.value.problems] == places
