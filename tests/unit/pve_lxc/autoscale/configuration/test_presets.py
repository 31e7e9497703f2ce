# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets in the configuration file."""

from __future__ import annotations

import pytest

MINIMAL = "connection: {token_id: 'a@pve!b'}\n"


def settings_of(text, vmid=101):
    from pve_lxc.autoscale.config_file import parse_config

    return parse_config(MINIMAL + text, source="config.yaml", environment={"PROXMOX_TOKEN_SECRET": "5ecret"}).settings.of(vmid).policy


@pytest.mark.parametrize(
    ("text", "tolerance", "worth_hours"),
    [
        ("", 1.0, 50.0),
        ("policy: {preset: balanced}\n", 1.0, 50.0),
        ("policy: {preset: safe}\n", 0.4, 120.0),
        ("policy: {preset: lean}\n", 4.0, 18.0),
        ("policy: {preset: lean, memory_kill_worth_hours: 100}\n", 4.0, 100.0),
        ("policy: {preset: lean}\noverrides: {101: {policy: {cpu_tolerance: 2}}}\n", 2.0, 18.0),
        ("policy: {cpu_tolerance: 2}\noverrides: {101: {policy: {preset: safe}}}\n", 0.4, 120.0),
        ("policy: {preset: lean}\noverrides: {101: {policy: {preset: balanced}}}\n", 1.0, 50.0),
    ],
)
def test_preset_sets_both_weights_and_what_is_given_beside_or_above_it_wins(text, tolerance, worth_hours):
    policy = settings_of(text)
    assert (policy.cpu_tolerance, policy.memory_kill_worth_hours) == (tolerance, worth_hours)


def test_preset_that_does_not_exist_is_a_problem():
    from pve_lxc.errors import ConfigError

    with pytest.raises(ConfigError, match="allowed is one of safe, balanced, lean"):
        settings_of("policy: {preset: bold}\n")


def test_values_of_a_preset_are_explained_by_the_preset():
    from pve_lxc.autoscale.config_file import parse_config

    config = parse_config(MINIMAL + "policy:\n  preset: safe\n", source="config.yaml", environment={"PROXMOX_TOKEN_SECRET": "5ecret"})
    places = {name: place for name, _value, place in config.roster.general.rows()}
    assert places["policy.cpu_tolerance"] == "policy.preset (line 3)"
    assert places["policy.cpu_half_life_seconds"] == "default"


@pytest.mark.parametrize(("behaviour", "tolerance"), [("conservative", 0.4), ("normal", 1.0), ("aggressive", 4.0)])
def test_behaviour_of_lxc_autoscale_is_the_preset_that_means_the_same(behaviour, tolerance):
    from pve_lxc.autoscale.config_file import parse_config

    text = f"DEFAULT:\n  algorithm: demand\n  behaviour: {behaviour}\n"
    config = parse_config(text, source="lxc_autoscale.yaml", environment={"PROXMOX_TOKEN_SECRET": "5ecret"})
    assert config.settings.of(101).policy.cpu_tolerance == tolerance


def test_balanced_is_the_default_of_every_setting():
    from pve_lxc.policy.settings.policy import PolicySettings
    from pve_lxc.policy.settings.presets import PRESETS

    assert PolicySettings(**PRESETS["balanced"]) == PolicySettings()
