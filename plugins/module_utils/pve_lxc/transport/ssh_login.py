# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in to a node over SSH: host keys, the way to identify oneself, and errors that say what to do."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..deps import import_paramiko
from ..errors import CommandError, Problem, RequestError

HOST_KEY_POLICIES = ("reject", "accept-new")
SYSTEM_KNOWN_HOSTS = "/etc/ssh/ssh_known_hosts"
OWN_KNOWN_HOSTS = "~/.ssh/known_hosts"
CONNECT_TIMEOUT_SECONDS = 10.0
KEEPALIVE_SECONDS = 15
UNACKNOWLEDGED_MILLISECONDS = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SshSettings:
    """How to log in to a node; the password never shows in ``repr``.

    Attributes:
        host: name or address of a node.
        port: of its sshd.
        user: whom to log in as; there is no default.
        password: of the user, or the passphrase of the key when ``key_file`` is given.
        key_file: a private key; empty for those of the agent and, without a password, of ``~/.ssh``.
        known_hosts: file with the host keys to trust; empty for ``~/.ssh/known_hosts`` and ``/etc/ssh/ssh_known_hosts``.
        host_key_policy: ``reject`` an unknown host, or ``accept-new`` and write its key down; a changed key is always refused.
        connect_timeout_seconds: for the connection, and again for logging in.
    """

    host: str
    port: int = 22
    user: str = ""
    password: str = field(default="", repr=False)
    key_file: str = ""
    known_hosts: str = ""
    host_key_policy: str = "reject"
    connect_timeout_seconds: float = CONNECT_TIMEOUT_SECONDS

    @property
    def place(self) -> str:
        """Return ``user@host:port``, for messages."""
        return f"{self.user}@{self.host}:{self.port}"


def require_usable(settings: SshSettings) -> None:
    """Raise when the settings cannot be, before anything is sent.

    Raises:
        RequestError: host or policy; all problems at once.
    """
    problems = []
    if not settings.host:
        problems.append(Problem("ssh_host", "", "is missing; allowed is a name or an address of a node"))
    if not settings.user:
        problems.append(Problem("ssh_user", "", "is missing; allowed is root, or a user for whom sudo runs pct (ssh_become: sudo)"))
    if settings.host_key_policy not in HOST_KEY_POLICIES:
        problems.append(Problem("ssh_host_key_policy", settings.host_key_policy, f"allowed are {' and '.join(HOST_KEY_POLICIES)}"))
    if problems:
        raise RequestError(problems, source="connection")


def log_in(settings: SshSettings) -> Any:
    """Return a connected ``paramiko.SSHClient``.

    Raises:
        CommandError: no connection; ``is_started`` is False and the text says what to do.
        DependencyError: paramiko is missing.
    """
    paramiko = import_paramiko()
    with _explained(paramiko, settings.place):
        client = _make_client(paramiko, settings)
        connection = socket.create_connection((settings.host, settings.port), settings.connect_timeout_seconds)
        try:
            # Without it each command waits 40 ms for an acknowledgement that the other side delays.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                # A node that vanished is noticed by what it does not acknowledge, not after the quarter of an hour that TCP waits by itself.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MILLISECONDS)
            client.connect(
                settings.host,
                port=settings.port,
                username=settings.user,
                key_filename=settings.key_file or None,
                # Somebody who names a key or a password means that one: a full agent would use up sshd's tries first.
                allow_agent=not settings.key_file and not settings.password,
                look_for_keys=not settings.key_file and not settings.password,
                sock=connection,
                timeout=settings.connect_timeout_seconds,
                banner_timeout=settings.connect_timeout_seconds,
                auth_timeout=settings.connect_timeout_seconds,
                **_secret(settings),
            )
        except BaseException:
            client.close()
            connection.close()
            raise
    client.get_transport().set_keepalive(KEEPALIVE_SECONDS)
    return client


def _secret(settings: SshSettings) -> dict[str, str]:
    if not settings.password:
        return {}
    return {"passphrase" if settings.key_file else "password": settings.password}


def _make_client(paramiko: Any, settings: SshSettings) -> Any:
    """Return a client that knows the host keys and what to do with an unknown one; a changed one it always refuses."""
    # paramiko reports through logging what it also raises; without a handler that would go to standard error.
    logger = logging.getLogger("paramiko")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    client = paramiko.SSHClient()
    own = os.path.expanduser(settings.known_hosts or OWN_KNOWN_HOSTS)
    is_trusting = settings.host_key_policy == "accept-new"
    if is_trusting:
        os.makedirs(os.path.dirname(own) or ".", mode=0o700, exist_ok=True)
        with open(own, "a", encoding="utf-8"):
            pass
    if not settings.known_hosts and os.path.isfile(SYSTEM_KNOWN_HOSTS):
        client.load_system_host_keys(SYSTEM_KNOWN_HOSTS)
    if os.path.isfile(own):
        client.load_host_keys(own)
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy() if is_trusting else paramiko.RejectPolicy())
    return client


@contextlib.contextmanager
def _explained(paramiko: Any, place: str) -> Iterator[None]:
    """Turn every way not to get a connection into one error."""
    try:
        yield
    except paramiko.BadHostKeyException as error:
        text = f"the host key of {place} is not the one in known_hosts: another machine answers, or it was installed anew; compare it on the node"
        raise CommandError(text, is_started=False) from error
    except paramiko.PasswordRequiredException as error:
        raise CommandError(f"the key for {place} has a passphrase; give it as ssh_password, or use an agent", is_started=False) from error
    except paramiko.AuthenticationException as error:
        text = f"{place} refuses the login ({shown(error)}); give ssh_key_file or ssh_password, or add the key to an agent"
        raise CommandError(text, is_started=False) from error
    except paramiko.SSHException as error:
        is_unknown = "not found in known_hosts" in str(error)
        hint = "; compare its key on the node and add it to known_hosts, or set ssh_host_key_policy to accept-new" if is_unknown else ""
        raise CommandError(f"no SSH connection to {place}: {shown(error)}{hint}", is_started=False) from error
    except (OSError, EOFError) as error:
        raise CommandError(f"no SSH connection to {place}: {shown(error)}", is_started=False) from error


def shown(error: BaseException) -> str:
    """Return the operating system's words where there are some, else the error's, else its name."""
    return str(getattr(error, "strerror", None) or error).strip() or type(error).__name__
