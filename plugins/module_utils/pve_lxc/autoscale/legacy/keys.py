# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every key of LXC AutoScale's file and of its fork's: what may stand there, and what becomes of it here.

Source: that project's version 2.0.2 (config.py, and the file that it ships), its releases of 2024, and its fork with the Proxmox API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..configuration.keys import Key

_BEHAVIOURS = ("normal", "conservative", "aggressive")
_LARGEST_MIB = 16777216

# behaviour -> threshold.step_factor. Source: get_behaviour_multiplier of scaling_manager.py.
STEP_FACTORS = {"conservative": 0.5, "normal": 1.0, "aggressive": 2.0}

_GROWTH_ONLY_LATER = (
    "the loop boosts nobody by itself (the command boost does); with policy.algorithm demand a saturated container goes straight to its maximum"
)
_NO_SSH = "the loop speaks to the Proxmox API and reads this node's cgroup files, never over SSH"


@dataclass(frozen=True, slots=True)
class LegacyKey:
    """One key of the old file.

    Attributes:
        key: what may stand there, and the old daemon's default.
        target: section and key of ours that it becomes, one word for the top; empty where a function of translate does it, or nothing.
        meaning: what it means here that it did not mean there.
        inert: why nothing is done with it.
        is_per_tier: whether a tier may have it.
        is_secret: whether its value must never show.
    """

    key: Key
    target: tuple[str, ...] = ()
    meaning: str = ""
    inert: str = ""
    is_per_tier: bool = False
    is_secret: bool = False


def _tier(kind: str, default: Any, target: str, low: float, high: float, meaning: str = "") -> LegacyKey:
    section, key = target.split(".")
    return LegacyKey(Key(kind, default, "", low=low, high=high), (section, key), meaning, is_per_tier=True)


def _general(kind: str, default: Any, target: str, low: float, high: float, meaning: str = "") -> LegacyKey:
    return LegacyKey(Key(kind, default, "", low=low, high=high), tuple(target.split(".")), meaning)


def _inert(kind: str, why: str, *, is_per_tier: bool = False, is_secret: bool = False, allowed: tuple[str, ...] = ()) -> LegacyKey:
    return LegacyKey(Key(kind, None, "", allowed=allowed), inert=why, is_per_tier=is_per_tier, is_secret=is_secret)


DEFAULT_KEYS: Mapping[str, LegacyKey] = {
    "poll_interval": _general("number", 300.0, "interval_seconds", 5, 3600, "the timer of the service has to be set to the same"),
    "behaviour": LegacyKey(Key("choice", "normal", "", allowed=_BEHAVIOURS), ("threshold", "step_factor")),
    "timezone": LegacyKey(Key("time_zone", "UTC", ""), ("threshold", "time_zone")),
    "energy_mode": LegacyKey(
        Key("switch", False, ""),
        ("threshold", "save_energy"),
        "off-peak hours lower a container to what it uses with room, not to its minimum whatever it uses",
    ),
    "off_peak_start": _general("whole", 22, "threshold.off_peak_start_hour", 0, 23),
    "off_peak_end": _general("whole", 6, "threshold.off_peak_end_hour", 0, 23),
    "reserve_memory_mb": _general(
        "whole",
        2048,
        "policy.host_memory_reserve_mib",
        0,
        _LARGEST_MIB,
        "kept free of what is free on the node now (and at least policy.host_memory_reserve_share), not taken twice from what is installed",
    ),
    "reserve_cpu_percent": _inert("number", "a CPU limit takes nothing from the node; growth is held by the node's CPU pressure instead"),
    "cpu_upper_threshold": _tier("number", 80.0, "threshold.cpu_upper_percent", 0, 100),
    "cpu_lower_threshold": _tier("number", 20.0, "threshold.cpu_lower_percent", 0, 100),
    "memory_upper_threshold": _tier("number", 80.0, "threshold.memory_upper_percent", 0, 100),
    "memory_lower_threshold": _tier("number", 20.0, "threshold.memory_lower_percent", 0, 100),
    "min_cores": _tier("whole", 1, "bounds.min_cpu_cores", 1, 8192),
    "max_cores": _tier("whole", 4, "bounds.max_cpu_cores", 1, 8192, "a step that would cross it ends there, instead of being dropped"),
    "min_memory": _tier(
        "whole",
        512,
        "bounds.min_memory_mib",
        128,
        _LARGEST_MIB,
        "held also by a step; and nothing goes below half of what was found at adoption, unless bounds.allow_below_half",
    ),
    "max_memory": _tier("whole", None, "bounds.max_memory_mib", 128, _LARGEST_MIB, "honoured here; the old daemon ignored it"),
    "core_min_increment": _tier("whole", 1, "threshold.cpu_least_step_cores", 1, 8192),
    "core_max_increment": _tier("whole", 2, "threshold.cpu_largest_step_cores", 1, 8192),
    "memory_min_increment": _tier("whole", 256, "threshold.memory_growth_step_mib", 0, _LARGEST_MIB),
    "min_decrease_chunk": _tier("whole", 128, "threshold.memory_shrink_step_mib", 0, _LARGEST_MIB),
    "cpu_scale_divisor": _general("number", 2.0, "threshold.cpu_percent_per_core", 0.01, 1000),
    "memory_scale_factor": _general("number", 1.5, "threshold.memory_percent_per_step", 0.01, 1000),
    "memory_exclude_cache": _inert("switch", "use is always the working set: without reclaimable cache, with shared memory", is_per_tier=True),
    "scaling_mode": _inert("choice", _GROWTH_ONLY_LATER, is_per_tier=True, allowed=("threshold", "boost")),
    "boost_factor": _inert("number", _GROWTH_ONLY_LATER, is_per_tier=True),
    "boost_fallback_factor": _inert("number", _GROWTH_ONLY_LATER, is_per_tier=True),
    "boost_duration": _inert("whole", _GROWTH_ONLY_LATER, is_per_tier=True),
    "saturation_threshold": _inert("number", _GROWTH_ONLY_LATER, is_per_tier=True),
    "consecutive_samples": _inert("whole", _GROWTH_ONLY_LATER, is_per_tier=True),
    "timeout_extended": _inert("number", "nothing is cloned by the loop"),
    "log_file": _inert("text", "the loop writes to the journal of systemd"),
    "log_level": _inert("text", "the loop writes to the journal of systemd"),
    "lock_file": _inert("text", "the lock stands beside state.path"),
    "backup_dir": _inert("text", "what was before each change stands in the database of state.path"),
    "backend": _inert("choice", "changes always go through the Proxmox API", allowed=("cli", "api")),
    "use_proxmox_api": _inert("switch", "changes always go through the Proxmox API"),
    "use_remote_proxmox": LegacyKey(Key("switch", False, "")),
    "proxmox_host": LegacyKey(Key("text", "", "")),
    "ssh_user": _inert("text", _NO_SSH),
    "ssh_port": _inert("whole", _NO_SSH),
    "ssh_password": _inert("text", _NO_SSH, is_secret=True),
    "ssh_key_path": _inert("text", _NO_SSH),
    "ssh_host_key_policy": _inert("choice", _NO_SSH, allowed=("reject", "system", "auto")),
    "smtp_server": LegacyKey(Key("text", "", "")),
    "smtp_port": LegacyKey(Key("whole", 587, "", low=1, high=65535)),
    "smtp_username": LegacyKey(Key("text", "", "")),
    "smtp_password": LegacyKey(Key("text", "", ""), is_secret=True),
    "smtp_from": LegacyKey(Key("text", "", "")),
    "smtp_to": LegacyKey(Key("names", (), "")),
    "gotify_url": LegacyKey(Key("text", "", ""), is_secret=True),
    "gotify_token": LegacyKey(Key("text", "", ""), is_secret=True),
    "uptime_kuma_webhook_url": LegacyKey(Key("text", "", ""), is_secret=True),
    "ignore_lxc": LegacyKey(Key("vmids", (), "")),
    "proxmox_node": LegacyKey(Key("text", "", ""), ("node",)),
    "proxmox_api_host": LegacyKey(Key("text", "", "")),
    "proxmox_api_user": LegacyKey(Key("text", "", "")),
    "proxmox_api_password": LegacyKey(Key("text", "", ""), is_secret=True),
    "proxmox_api_token_name": LegacyKey(Key("text", "", "")),
    "proxmox_api_token_value": LegacyKey(Key("text", "", ""), is_secret=True),
    "proxmox_api_verify_ssl": _general("switch", True, "connection.validate_certs", 0, 1),
    "proxmox_api_timeout": _general("number", 30.0, "connection.timeout_seconds", 1, 600),
    # Two keys of ours that the old daemon does not know and leaves alone: with them its file can be used here as it is.
    "mode": LegacyKey(Key("choice", "recommend", "", allowed=("recommend", "apply")), ("mode",)),
    "algorithm": LegacyKey(Key("choice", "threshold", "", allowed=("demand", "threshold")), ("policy", "algorithm")),
}

# The map proxmox_api of the upstream file: its keys are the fork's flat ones without their prefix.
API_MAP_KEYS = ("host", "user", "token_name", "token_value", "verify_ssl", "password", "timeout")

TIER_KEYS: Mapping[str, LegacyKey] = {
    **{name: key for name, key in DEFAULT_KEYS.items() if key.is_per_tier},
    "lxc_containers": LegacyKey(Key("vmids", (), "")),
    "cpu_pinning": _inert("text", "pinning is root's to write into the container's configuration; the loop only respects it"),
    "tier_name": _inert("text", "a tier is named by its section"),
}

_NO_GROUPS = "groups are read and checked, and nothing is cloned or stopped: the loop has no groups yet"
GROUP_KEYS: Mapping[str, LegacyKey] = {
    name: LegacyKey(key, inert=_NO_GROUPS)
    for name, key in {
        "lxc_containers": Key("vmids", (), ""),
        "horiz_cpu_upper_threshold": Key("number", 80.0, "", low=0, high=100),
        "horiz_cpu_lower_threshold": Key("number", 20.0, "", low=0, high=100),
        "horiz_memory_upper_threshold": Key("number", 80.0, "", low=0, high=100),
        "horiz_memory_lower_threshold": Key("number", 20.0, "", low=0, high=100),
        "min_instances": Key("whole", 1, "", low=1, high=10000),
        "min_containers": Key("whole", None, "", low=1, high=10000),
        "max_instances": Key("whole", 5, "", low=1, high=10000),
        "starting_clone_id": Key("whole", 200, "", low=100, high=999999999),
        "base_snapshot_name": Key("text", "", ""),
        "clone_network_type": Key("text", "dhcp", ""),
        "static_ip_range": Key("names", (), ""),
        "scale_out_grace_period": Key("number", 300.0, "", low=0, high=2592000),
        "scale_in_grace_period": Key("number", 600.0, "", low=0, high=2592000),
    }.items()
}

# Where the INI files before August 2024 had other defaults.
INI_DEFAULTS = {"core_max_increment": 4, "memory_min_increment": 512, "max_cores": 8, "min_decrease_chunk": 512}

# Where the file that the old project ships says something else than its code does for a key that is absent.
SAMPLE_VALUES = {"memory_upper_threshold": 70, "min_memory": 256, "min_decrease_chunk": 256}

# Variables that win over the file.
ENVIRONMENT = {
    "LXC_AUTOSCALE_SSH_PASSWORD": "ssh_password",
    "LXC_AUTOSCALE_SMTP_PASSWORD": "smtp_password",
    "LXC_AUTOSCALE_GOTIFY_TOKEN": "gotify_token",
    "LXC_AUTOSCALE_UPTIME_KUMA_WEBHOOK": "uptime_kuma_webhook_url",
}
