# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of the configuration file: what each is for, its default and what is allowed. docs/configuration.md is compared with this."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ...policy.settings.bounds import BoundsSettings
from ...policy.settings.container import ScheduledSettings
from ...policy.settings.policy import PolicySettings
from ...policy.settings.threshold import ThresholdSettings

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DEFAULT_STATE_PATH = "/var/lib/lxc-autoscale/state.sqlite"


_ALLOWED = {
    "text": "text",
    "vmids": "a list of container ids, each 100 or above",
    "names": "a list of names",
    "time_zone": "a time zone such as Europe/Berlin",
    "time": "a time of day such as 08:30, up to 24:00",
}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the file.

    Attributes:
        kind: ``text``, ``whole``, ``number``, ``switch``, ``choice``, ``choices``, ``vmids``, ``names``, ``time_zone`` or ``time``.
        default: used when the key is absent; None means "not set".
        about: one sentence.
        low: least number allowed.
        high: largest number allowed.
        allowed: the choices.
        is_secret: whether a value must never show, not even a wrong one.
        is_of_node: whether it is said of the whole node, so that tiers and overrides have none of their own.
    """

    kind: str
    default: Any
    about: str
    low: float = -math.inf
    high: float = math.inf
    allowed: tuple[str, ...] = ()
    is_secret: bool = False
    is_of_node: bool = False

    def describe_allowed(self) -> str:
        """Return what may be written, as in ``a whole number from 1 to 65535``."""
        if self.kind == "switch":
            return "true or false"
        if self.kind == "choice":
            return "one of " + ", ".join(self.allowed)
        if self.kind == "choices":
            return "a list of some of " + ", ".join(self.allowed)
        if self.kind in ("whole", "number"):
            noun = "a whole number" if self.kind == "whole" else "a number"
            return f"{noun} from {self.low:.15g} to {self.high:.15g}" if math.isfinite(self.low) else noun
        return _ALLOWED[self.kind]


def _keys_of(record: type, left_out: tuple[str, ...] = ()) -> dict[str, Key]:
    """Return the keys of a settings record, from its fields' metadata."""
    keys = {}
    for field in fields(record):
        if field.name not in left_out:
            metadata: Mapping[str, Any] = field.metadata
            keys[field.name] = Key(
                kind=metadata["kind"],
                default=field.default,
                about=metadata["about"],
                low=metadata.get("low", -math.inf),
                high=metadata.get("high", math.inf),
                allowed=metadata.get("allowed", ()),
                is_of_node=metadata.get("is_of_node", False),
            )
    return keys


# interval_seconds stands at the top of the file, for it is the timer's as well.
POLICY_KEYS = _keys_of(PolicySettings, left_out=("interval_seconds",))
BOUNDS_KEYS = _keys_of(BoundsSettings)
# Whether it is off-peak is no key: the cycle says it.
THRESHOLD_KEYS = _keys_of(ThresholdSettings, left_out=("is_off_peak",))

TOP_KEYS = {
    "node": Key("text", "", "Node whose containers are managed; default: this machine's host name."),
    "mode": Key("choice", "recommend", "Whether the command `run` only recommends, or applies.", allowed=("recommend", "apply")),
    "interval_seconds": Key("number", 60.0, "Time between two cycles, as the timer has it.", low=5, high=3600),
}

SECTIONS: dict[str, dict[str, Key]] = {
    "connection": {
        "host": Key("text", "localhost", "Name or address of the Proxmox API."),
        "port": Key("whole", 8006, "Its port.", low=1, high=65535),
        "user": Key("text", "", "User with realm, for example lxc-autoscale@pve; may be left out when token_id holds it."),
        "token_id": Key("text", "", "API token, as `id` or `user@realm!id`."),
        "token_secret_file": Key("text", "", "File that holds the token's secret and nothing else."),
        "password_file": Key("text", "", "File that holds the user's password, when no token is used."),
        "ca_file": Key("text", "", "Certificate authority that signed the API's certificate; default: the system's."),
        "fingerprint": Key("text", "", "SHA-256 fingerprint of the API's certificate; pins it instead of verifying the chain."),
        "validate_certs": Key("switch", True, "Whether the certificate is verified."),
        "timeout_seconds": Key("number", 30.0, "Deadline of one call, retries included.", low=1, high=600),
        "retries": Key("whole", 3, "How often a read is tried again.", low=0, high=10),
        "pct_fallback": Key("switch", False, "Whether pct and pvesh of this machine are used once the API gives no answer; needs root on a node."),
    },
    "selection": {
        "all": Key("switch", None, "Whether every container is managed; default: true unless vmids, tags, pools or names are given."),
        "vmids": Key("vmids", (), "Containers to manage."),
        "tags": Key("names", (), "Containers with one of these tags are managed."),
        "pools": Key("names", (), "Containers of these pools are managed; needs the privilege Pool.Audit."),
        "names": Key("names", (), "Containers with one of these names are managed; `*` stands for any text, `?` for one character."),
        "ignore_vmids": Key("vmids", (), "Containers to leave alone, whatever else selects them."),
        "ignore_tags": Key("names", ("autoscale-off",), "Containers with one of these tags are left alone."),
        "ignore_pools": Key("names", (), "Containers of these pools are left alone; needs the privilege Pool.Audit."),
        "ignore_names": Key("names", (), "Containers with one of these names are left alone."),
        "obey_tags": Key("switch", True, "Whether the tags autoscale-tier-NAME, autoscale-start-sized, ... of a container are obeyed."),
    },
    "policy": POLICY_KEYS,
    "bounds": BOUNDS_KEYS,
    "threshold": THRESHOLD_KEYS,
    "observe": {
        "source": Key(
            "choice",
            "auto",
            "Where use is read: cgroup files of this node, or the API; auto takes the files where they are.",
            allowed=("auto", "cgroup", "api"),
        ),
        "cgroup_root": Key("text", "/sys/fs/cgroup", "Root of the node's cgroup v2 hierarchy."),
        "proc_root": Key("text", "/proc", "Root of the node's proc file system."),
        "bootstrap": Key("switch", True, "Whether a container that was never seen is learnt from Proxmox's own records first."),
        "bootstrap_timeframe": Key("choice", "month", "How far back these records are read.", allowed=("day", "week", "month")),
        "bootstrap_containers_per_cycle": Key("whole", 50, "Of so many containers in one cycle; the others wait for their turn.", low=1, high=10000),
    },
    "metrics": {
        "textfile": Key("text", "", "File that each cycle writes its metrics into, for node_exporter's textfile collector; its name must end in .prom."),
    },
    "state": {
        "path": Key("text", "", f"The loop's database; default: state.sqlite in systemd's StateDirectory, else {DEFAULT_STATE_PATH}."),
    },
}

# Sections that say how containers are sized.
SIZING_SECTIONS = {"policy": POLICY_KEYS, "bounds": BOUNDS_KEYS, "threshold": THRESHOLD_KEYS}
# What of them an entry of ``overrides`` may hold, and an entry of ``tiers`` beside the keys that say whose settings they are.
OVERRIDE_SECTIONS = {section: {name: key for name, key in keys.items() if not key.is_of_node} for section, keys in SIZING_SECTIONS.items()}
TIER_KEYS = {
    "vmids": Key("vmids", (), "Containers of this tier."),
    "tags": Key("names", (), "Containers with one of these tags are of this tier."),
    "pools": Key("names", (), "Containers of these pools are of this tier; needs the privilege Pool.Audit."),
    "names": Key("names", (), "Containers with one of these names are of this tier; `*` stands for any text, `?` for one character."),
    "allow_tag": Key("switch", True, "Whether the tag autoscale-tier-NAME puts a container into this tier: tags are set by whoever may edit the container."),
}

# What an entry of ``schedules`` may hold: when, for whom, and what is different then. Sizes are never set, only between what and what they may be.
SCHEDULE_KEYS = {
    "days": Key("choices", DAYS, "Days on which the window opens.", allowed=DAYS),
    "from": Key("time", None, "When it opens; must be given."),
    "to": Key("time", None, "When it closes, on the next day if that is not after `from`; must be given."),
    "time_zone": Key("time_zone", "UTC", "Whose clock counts, with its summer time."),
    "vmids": Key("vmids", (), "Containers it is for; without vmids, tags, pools, names and tiers it is for all."),
    "tags": Key("names", (), "It is for containers with one of these tags."),
    "pools": Key("names", (), "It is for containers of these pools; needs the privilege Pool.Audit."),
    "names": Key("names", (), "It is for containers with one of these names; `*` stands for any text, `?` for one character."),
    "tiers": Key("names", (), "It is for containers of these tiers."),
    **_keys_of(ScheduledSettings),
}
_SCHEDULED_BOUNDS = (
    "min_cpu_cores",
    "max_cpu_cores",
    "min_memory_mib",
    "max_memory_mib",
    "largest_share_of_baseline",
    "largest_share_of_node",
    "smallest_share_of_baseline",
    "smallest_memory_mib",
    "allow_below_half",
)
SCHEDULE_SECTIONS = {"policy": {"preset": POLICY_KEYS["preset"]}, "bounds": {name: BOUNDS_KEYS[name] for name in _SCHEDULED_BOUNDS}}
