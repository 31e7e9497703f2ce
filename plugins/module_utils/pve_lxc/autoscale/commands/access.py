# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``access``: role, user and list of rights in Proxmox, and this node's token with its file. Needs root and ``pveum``.

The role calls it at deployment. The secret goes from pveum into the file and nowhere else: not into an argument, an output or an error.
"""

from __future__ import annotations

import argparse
import json
import socket
from dataclasses import dataclass
from typing import Any, TextIO

from ...clock import SystemClock
from ...errors import LxcAutoscaleError, ProxmoxAuthenticationError, StateError
from ...ports import CommandRunner
from ...transport.http import HttpTransport
from ...transport.settings import ConnectionSettings
from ..access.plan import DEFAULT_USER, Access, Present, plan_grant, plan_withdrawal
from ..access.pveum import Pveum
from ..access.token_file import is_private, make_private, read_token_file, remove_token_file, write_token_file
from ..configuration.pin import NODE_FILES, read_fingerprint

DEFAULT_TOKEN_FILE = "/etc/lxc-autoscale/token"
TOKEN_PREFIX = "node-"


@dataclass(frozen=True, slots=True)
class AccessJob:
    """What is to be done.

    Attributes:
        wanted: rights.
        token: id of this node's token.
        token_file: where its secret goes.
        host: where a secret that is there is tried.
        port: of the API.
        certificate_files: the first that holds a certificate is the API's.
        rotates: whether the token gets a new secret in any case.
        is_dry: whether nothing is changed.
    """

    wanted: Access
    token: str
    token_file: str
    host: str = "localhost"
    port: int = 8006
    certificate_files: tuple[str, ...] = NODE_FILES
    rotates: bool = False
    is_dry: bool = False


def add_access(commands: Any) -> None:
    """Add the command with its options."""
    about = "give the loop its rights and this node its token, as root on a node; a second call changes nothing"
    parser: argparse.ArgumentParser = commands.add_parser("access", help=about, description=about[0].upper() + about[1:] + ".")
    parser.add_argument("--user", default=DEFAULT_USER, metavar="USER@REALM", help=f"the loop's user (default: {DEFAULT_USER})")
    parser.add_argument("--token", default="", metavar="ID", help=f"the token's id (default: {TOKEN_PREFIX} and this machine's name)")
    parser.add_argument("--token-file", default=DEFAULT_TOKEN_FILE, metavar="FILE", help=f"where its secret goes (default: {DEFAULT_TOKEN_FILE})")
    parser.add_argument("--pool", default="", metavar="POOL", help="let only containers of this pool be changed")
    parser.add_argument("--uses-pools", action="store_true", help="let the loop see pools, because the configuration names some")
    parser.add_argument("--grows-disks", action="store_true", help="let the loop grow root file systems")
    parser.add_argument("--api-host", default="localhost", metavar="HOST", help="where a secret that is there is tried (default: localhost)")
    parser.add_argument("--api-port", type=int, default=8006, metavar="PORT", help="(default: 8006)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--rotate", action="store_true", help="give the token a new secret in any case")
    what.add_argument("--remove", action="store_true", help="remove this node's token and its file, and user and roles once no token is left")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.set_defaults(command_without_config=run_access)


def run_access(arguments: argparse.Namespace, out: TextIO, dummy_err: TextIO, runner: CommandRunner | None = None) -> int:
    """Carry out the command, by default on this machine; raises LxcAutoscaleError."""
    job = AccessJob(
        wanted=Access(arguments.user, arguments.pool, arguments.uses_pools, arguments.grows_disks),
        token=arguments.token or TOKEN_PREFIX + socket.gethostname().split(".")[0],
        token_file=arguments.token_file,
        host=arguments.api_host,
        port=arguments.api_port,
        rotates=arguments.rotate,
        is_dry=arguments.dry_run,
    )
    if runner is None:
        # Imported here, because every cycle would start later.
        from ...transport.local import LocalRunner

        runner = LocalRunner()
    done = withdraw(job, runner) if arguments.remove else grant(job, runner)
    if arguments.json:
        out.write(json.dumps({"changed": bool(done), "token_id": f"{arguments.user}!{job.token}", "done": done}, indent=2) + "\n")
    else:
        out.write("".join(f"{'would be: ' if job.is_dry else ''}{line}\n" for line in done or ["nothing to do"]))
    return 0


def grant(job: AccessJob, runner: CommandRunner) -> list[str]:
    """Bring about what is wanted and return what was done, or in a dry run would be.

    Raises:
        CommandError: pveum failed.
        StateError: the token's file cannot be read or written, or Proxmox refuses the new token too.
    """
    pveum = Pveum(runner, job.wanted.user)
    present = pveum.read()
    commands = plan_grant(job.wanted, job.token, present)
    if not job.is_dry:
        for command in commands:
            pveum.carry_out(command)
    return [*(command.about for command in commands), *_keep_token(job, pveum, present)]


def withdraw(job: AccessJob, runner: CommandRunner) -> list[str]:
    """Remove this node's token, and what nobody else uses; raises as ``grant``."""
    pveum = Pveum(runner, job.wanted.user)
    commands = plan_withdrawal(job.wanted.user, job.token, pveum.read())
    if not job.is_dry:
        for command in commands:
            pveum.carry_out(command)
        remove_token_file(job.token_file)
    return [command.about for command in commands]


def _keep_token(job: AccessJob, pveum: Pveum, present: Present) -> list[str]:
    name = f"token {job.wanted.user}!{job.token}"
    why = _why_new_secret(job, present)
    if not why:
        return _keep_private(job)
    about = f"{name} {'made' if job.token not in present.tokens else 'given a new secret'}: {why}"
    if not job.is_dry:
        make = pveum.add_token if job.token not in present.tokens else pveum.renew_token
        write_token_file(job.token_file, lambda: make(job.token))
        if _is_accepted(job, read_token_file(job.token_file)) is False:
            raise StateError(f"Proxmox refuses {name} although it has just been made: is the user {job.wanted.user} enabled, and has it not expired?")
    return [about]


def _keep_private(job: AccessJob) -> list[str]:
    if is_private(job.token_file):
        return []
    if not job.is_dry:
        make_private(job.token_file)
    return [f"{job.token_file} made readable by root alone"]


def _why_new_secret(job: AccessJob, present: Present) -> str:
    """Return why the token needs a new secret, empty when it does not."""
    if job.token not in present.tokens:
        return "there was none"
    if job.rotates:
        return "as asked for"
    secret = read_token_file(job.token_file)
    if not secret:
        return f"{job.token_file} did not hold its secret"
    return f"Proxmox did not accept the one in {job.token_file}" if _is_accepted(job, secret) is False else ""


def _is_accepted(job: AccessJob, secret: str) -> bool | None:
    """Return whether the API takes the secret; None when it could not be asked, which is no reason to make another."""
    settings = ConnectionSettings(
        host=job.host,
        port=job.port,
        token_id=f"{job.wanted.user}!{job.token}",
        token_secret=secret,
        fingerprint=read_fingerprint(job.certificate_files),
        retries=0,
    )
    try:
        transport = HttpTransport(settings, clock=SystemClock())
        try:
            transport.request("GET", "/version")
        finally:
            transport.close()
    except ProxmoxAuthenticationError:
        return False
    except LxcAutoscaleError:
        return None
    return True
