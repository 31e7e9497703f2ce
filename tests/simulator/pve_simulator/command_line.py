# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start of the simulator from the command line; see tests/simulator/README.md."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from .certificate import make_server_context
from .cluster_world import make_cluster
from .core import Core, Settings
from .default_identities import read_privileges
from .faults import parse_fault
from .file_world import read_world
from .servers import Servers, follow_clock, parse_listener
from .service_time import read_service_times
from .trace import read_traces
from .world import World

RECORDED_WORLD = Path(__file__).resolve().parent.parent / "worlds" / "recorded.json"
CA_FILE = "ca.pem"
CERTIFICATE_FILE = "certificate.pem"
PARENT_CHECK_SECONDS = 1.0


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python tests/simulator", description="A Proxmox VE API that behaves like the real one.")
    parser.add_argument("--listen", default="127.0.0.1:0", metavar="HOST:PORT", help="address of the API; port 0 takes a free one")
    parser.add_argument("--listen-fd", action="append", default=[], metavar="NODE=FD", help="serve the API on this inherited socket too, as that node")
    parser.add_argument("--nodes", type=int, default=3, help="nodes of the cluster world")
    parser.add_argument("--containers", type=int, default=24, help="containers of the cluster world")
    parser.add_argument("--world", default="cluster", help="cluster, recorded, or a JSON file")
    parser.add_argument("--ready-file", type=Path, help="JSON file that appears when the simulator listens")
    parser.add_argument("--traces", type=Path, help="folder with trace files")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same world")
    parser.add_argument("--start-time", type=float, help="simulated time at start, seconds since the epoch; default: the present minute")
    parser.add_argument("--real-time", action="store_true", help="move the simulated time with the real one")
    parser.add_argument("--history-hours", type=float, default=0.0, help="hours of trace to live through before the start")
    parser.add_argument("--latency", default="0", metavar="MS[-MS]", help="latency of every answer in milliseconds, real time")
    parser.add_argument("--service-times", type=Path, help="JSON file that says how long each kind of request takes, real time")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME[=ARG]", help="fault that is on from the start")
    parser.add_argument("--privileges", type=Path, help="JSON file with more users, tokens, roles and ACL lines")
    parser.add_argument("--cgroup-root", type=Path, help="folder in which the nodes' cgroup files are kept")
    parser.add_argument("--auth-delay", type=float, default=3.0, help="seconds by which a 401 is held back")
    parser.add_argument("--task-seconds", type=float, default=0.5, help="seconds that an ordinary task takes")
    parser.add_argument("--wait-scale", type=float, default=1.0, help="factor on lock, shutdown and unreachable waits")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when the process that started it ends")
    return parser.parse_args(arguments)


def build_world(options: argparse.Namespace) -> tuple[World, float]:
    """Return the world and the simulated time at which its traces begin."""
    now = options.start_time if options.start_time is not None else time.time() // 60 * 60
    origin = now - options.history_hours * 3600
    traces = read_traces(options.traces) if options.traces else {}
    if options.world == "cluster":
        world = make_cluster(options.nodes, options.containers, options.seed, origin, traces)
    else:
        path = RECORDED_WORLD if options.world == "recorded" else Path(options.world)
        world = read_world(path, options.seed, origin, traces)
    if options.privileges:
        read_privileges(world.identities, options.privileges)
    return world, origin


def build_core(options: argparse.Namespace) -> Core:
    """Return the simulator, its history lived through and its faults on."""
    world, origin = build_world(options)
    settings = Settings(options.auth_delay, options.task_seconds, options.wait_scale, options.cgroup_root)
    core = Core(world, settings, origin)
    core.simulation.begin()
    core.advance(options.history_hours * 3600)
    for guest in world.guests.values():
        guest.counters.forget_sums()
    for text in options.fault:
        name, arguments = parse_fault(text)
        core.faults.switch(name, True, arguments)
    return core


def describe(core: Core, host: str, port: int, control_url: str, folder: Path, fingerprint: str) -> dict[str, object]:
    """Return the content of the ready file."""
    identities = core.world.identities
    users = {
        name: {
            "password": user.password,
            "roles": sorted({entry.roleid for entry in identities.acl if entry.ugid == name}),
            "otp_codes": user.otp_codes,
        }
        for name, user in identities.users.items()
    }
    root = core.settings.cgroup_root
    return {
        "url": f"https://{host}:{port}",
        "host": host,
        "port": port,
        "control_url": control_url,
        "ca_path": str(folder / CA_FILE),
        "certificate_path": str(folder / CERTIFICATE_FILE),
        "fingerprint": fingerprint,
        "cgroup_root": str(root) if root is not None else None,
        "nodes": list(core.world.nodes),
        "users": users,
        "tokens": {name: token.secret for name, token in identities.tokens.items()},
        "now": core.world.now,
        "pid": os.getpid(),
    }


def write_ready_file(path: Path, content: dict[str, object]) -> None:
    """Write the ready file by renaming, so that nobody reads half of it."""
    scratch = path.with_name(path.name + ".new")
    scratch.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    scratch.replace(path)


def parse_latency(text: str) -> tuple[float, float]:
    """Return shortest and longest latency in seconds: ``10-50`` gives (0.01, 0.05), ``20`` gives (0.02, 0.02)."""
    shortest, separator, longest = text.partition("-")
    return float(shortest) / 1000, float(longest if separator else shortest) / 1000


async def _wait_for_end(parent: int | None) -> None:
    """Return on SIGTERM, on SIGINT, or when the parent is gone."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    while not ended.is_set():
        try:
            await asyncio.wait_for(ended.wait(), PARENT_CHECK_SECONDS if parent is not None else None)
        except TimeoutError:
            if os.getppid() != parent:
                return


async def serve(options: argparse.Namespace, folder: Path, parent: int | None) -> None:
    """Run the servers until the end."""
    core = build_core(options)
    host, _separator, port = options.listen.rpartition(":")
    context, fingerprint = make_server_context(folder / CA_FILE, folder / CERTIFICATE_FILE, (host, *core.world.nodes))
    servers = Servers(core, parse_latency(options.latency), read_service_times(options.service_times, options.seed), context)
    clock = asyncio.create_task(follow_clock(core)) if options.real_time else None
    try:
        api_port = await servers.serve_api(host, int(port))
        for text in options.listen_fd:
            await servers.serve_node(*parse_listener(text))
        content = describe(core, host, api_port, await servers.serve_control(), folder, fingerprint)
        if options.ready_file:
            write_ready_file(options.ready_file, content)
        else:
            sys.stdout.write(json.dumps(content) + "\n")
            sys.stdout.flush()
        await _wait_for_end(parent)
    finally:
        if clock is not None:
            clock.cancel()
        await servers.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulator and return its exit code."""
    parent = os.getppid()
    options = parse_arguments(arguments)
    with tempfile.TemporaryDirectory(prefix="pve-simulator-") as folder:
        try:
            asyncio.run(serve(options, Path(folder), parent if options.exit_with_parent else None))
        except (ValueError, OSError) as error:
            sys.stderr.write(f"simulator: {error}\n")
            return 1
    return 0
