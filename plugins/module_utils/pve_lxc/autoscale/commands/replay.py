# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``replay``: its options, and its two halves. With --stdio it needs no configuration."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from typing import Any, TextIO

from ...errors import ConfigError, Problem
from ...policy.demand import read_demand
from ...policy.settings.policy import PolicySettings
from ...policy.settings.presets import PRESETS, with_preset
from ...ports import LxcBackend
from ..assembly import connect_backend
from ..config_file import read_config
from ..configuration.loop_config import LoopConfig
from ..exit_codes import EXIT_DONE
from ..replay.history import replay_history
from ..replay.lines import serve
from ..replay.outcome import format_replay_lines, summarise_replay
from .session import DEFAULT_CONFIG_PATH

_TIMEFRAMES = ("hour", "day", "week", "month")


def add_replay(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    about = "size a container's own past, or what a judge of sizers sends, and say what would have happened; changes nothing"
    parser = commands.add_parser("replay", help=about, description=about[0].upper() + about[1:] + ".")
    parser.add_argument("--config", default=DEFAULT_CONFIG_PATH, metavar="FILE", help=f"configuration file (default: {DEFAULT_CONFIG_PATH})")
    parser.add_argument("--json", action="store_true", help="write JSON")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--vmid", type=int, metavar="VMID", help="replay the records that Proxmox keeps of this container")
    what.add_argument("--stdio", action="store_true", help="answer the lines of a judge of sizers on standard input; needs no configuration")
    parser.add_argument("--timeframe", choices=_TIMEFRAMES, default="week", help="how far back the records go (default: week)")
    parser.add_argument("--preset", choices=sorted(PRESETS), help="size with this preset, whatever the configuration says")
    parser.set_defaults(command_without_config=_replay)


def replay_container(arguments: argparse.Namespace, config: LoopConfig, backend: LxcBackend, out: TextIO) -> None:
    """Write what would have happened to one container.

    Raises:
        ProxmoxAPIError: Proxmox cannot be reached, or does not know the container.
        ConfigError: the container is not on the configuration's node, or nothing is recorded of it.
    """
    vmid, node = arguments.vmid, config.node
    guest = backend.read_cluster().guests.get(vmid)
    if guest is None or guest.node != node:
        raise ConfigError([Problem("--vmid", str(vmid), f"there is no such container on node {node}")], source=config.source)
    start = backend.read_config(node, vmid).allocation
    demand = read_demand(*(backend.read_history(node, vmid, arguments.timeframe, kind) for kind in ("AVERAGE", "MAX")))
    if not demand:
        raise ConfigError([Problem("--timeframe", arguments.timeframe, f"Proxmox has no records of container {vmid}")], source=config.source)
    settings = config.settings.of(vmid)
    if arguments.preset:
        settings = replace(settings, policy=replace(settings.policy, **with_preset({"preset": arguments.preset})))
    rows = replay_history(vmid, demand, start, settings)
    if arguments.json:
        out.write(json.dumps({"vmid": vmid, "timeframe": arguments.timeframe, **summarise_replay(rows, start)}, indent=2) + "\n")
    else:
        out.write("\n".join(format_replay_lines(rows, start, f"{vmid} {guest.name}, {arguments.timeframe}")) + "\n")


def _replay(arguments: argparse.Namespace, out: TextIO, dummy_err: TextIO) -> int:
    if arguments.stdio:
        serve(sys.stdin, out, PolicySettings(**with_preset({"preset": arguments.preset or "balanced"})))
        return EXIT_DONE
    config = read_config(arguments.config)
    backend = connect_backend(config)
    try:
        replay_container(arguments, config, backend, out)
    finally:
        backend.close()
    return EXIT_DONE
