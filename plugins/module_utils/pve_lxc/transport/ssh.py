# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands on a node over SSH: one kept connection, one channel for each command.

Source of the choices: measured against a real sshd, a command over a kept connection takes 48 ms, and 4-6 ms with TCP_NODELAY;
a new connection for each takes 121 ms.
"""

from __future__ import annotations

import select
import shlex
import threading
from collections.abc import Sequence
from typing import Any

from ..clock import Clock, SystemClock
from ..deps import import_paramiko
from ..errors import CommandError
from .ssh_login import SshSettings, log_in, require_usable, shown

# sshd refuses the eleventh channel of a connection. Source: sshd_config(5), MaxSessions 10.
MOST_CHANNELS = 8
CHUNK_BYTES = 65536
# A channel is opened even when the deadline is about to pass; what is read from it then says so.
SHORTEST_WAIT_SECONDS = 0.1
BUSY_WAIT_SECONDS = 0.05


class SshRunner:
    """A CommandRunner over SSH; safe for threads, which share the connection."""

    def __init__(self, settings: SshSettings, clock: Clock | None = None) -> None:
        """Check the settings; nothing is sent and paramiko is not yet imported.

        Raises:
            RequestError: host or policy cannot be.
        """
        require_usable(settings)
        self._settings = settings
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._channels = threading.BoundedSemaphore(MOST_CHANNELS)
        self._client: Any = None

    @property
    def name(self) -> str:
        """Return ``ssh``."""
        return "ssh"

    def run(self, argv: Sequence[str], timeout_seconds: float) -> tuple[int, str, str]:
        """Return exit code, standard output and standard error of a command on the node.

        Each argument is quoted, so the login shell sees exactly these words. The first call connects.

        Args:
            argv: the command and its arguments.
            timeout_seconds: overall deadline, the connection included; the command may go on after it.

        Raises:
            CommandError: there is no connection (``is_started`` False), it was lost, or the deadline passed (``is_deadline`` True).
            DependencyError: paramiko is missing.
        """
        deadline = self._clock.monotonic() + timeout_seconds
        # env and not VAR=value, so that the login shell may be any.
        line = shlex.join(["env", "LC_ALL=C", *argv])
        with self._channels:
            channel = self._open_channel(deadline)
            try:
                self._start(channel, line, argv)
                return self._read_to_end(channel, argv, deadline, timeout_seconds)
            finally:
                channel.close()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _open_channel(self, deadline: float) -> Any:
        """Return a new channel; a connection that died while it was kept is made anew once, because nothing was sent yet."""
        paramiko = import_paramiko()
        is_kept = self._client is not None
        while True:
            client = self._connected()
            try:
                return client.get_transport().open_session(timeout=max(SHORTEST_WAIT_SECONDS, deadline - self._clock.monotonic()))
            except paramiko.ChannelException as error:
                # No place free: sshd takes a moment to notice that earlier commands ended. The connection itself is well.
                if self._clock.monotonic() + BUSY_WAIT_SECONDS > deadline:
                    raise self._no_channel(error) from error
                self._clock.sleep(BUSY_WAIT_SECONDS)
            except (paramiko.SSHException, EOFError, OSError, AttributeError) as error:
                self._forget_if_dead(client)
                if not is_kept:
                    raise self._no_channel(error) from error
                is_kept = False

    def _no_channel(self, error: Exception) -> CommandError:
        return CommandError(f"the SSH connection to {self._settings.place} takes no command: {shown(error)}", is_started=False)

    def _connected(self) -> Any:
        with self._lock:
            transport = self._client.get_transport() if self._client is not None else None
            if transport is None or not transport.is_active():
                self._client = log_in(self._settings)
            return self._client

    def _forget_if_dead(self, client: Any) -> None:
        """Close a dead connection; a living one may be at work for other threads."""
        transport = client.get_transport()
        if transport is not None and transport.is_active():
            return
        with self._lock:
            client.close()
            if self._client is client:
                self._client = None

    def _start(self, channel: Any, line: str, argv: Sequence[str]) -> None:
        paramiko = import_paramiko()
        try:
            channel.exec_command(line)
            channel.shutdown_write()
        except (paramiko.SSHException, EOFError, OSError) as error:
            # The request may have arrived before the connection went, so nobody knows whether it was started.
            raise CommandError(f"the SSH connection to {self._settings.place} broke when a command was sent: {shown(error)}", argv=argv) from error

    def _read_to_end(self, channel: Any, argv: Sequence[str], deadline: float, timeout_seconds: float) -> tuple[int, str, str]:
        """Read both streams as they come, so that neither can fill up and hold the command."""
        output, error_output = bytearray(), bytearray()
        while True:
            # Asked before reading: what arrived before the end of the stream is then read below.
            is_over = channel.eof_received or channel.closed
            while channel.recv_ready():
                output += channel.recv(CHUNK_BYTES)
            while channel.recv_stderr_ready():
                error_output += channel.recv_stderr(CHUNK_BYTES)
            if is_over:
                break
            remaining = deadline - self._clock.monotonic()
            if remaining <= 0 or not select.select([channel], [], [], remaining)[0]:
                raise self._too_late(argv, timeout_seconds)
        if not channel.status_event.wait(max(0.0, deadline - self._clock.monotonic())):
            raise self._too_late(argv, timeout_seconds)
        if channel.exit_status < 0:
            raise CommandError(f"the SSH connection to {self._settings.place} broke before {' '.join(argv[:3])} ended", argv=argv)
        return channel.exit_status, output.decode("utf-8", errors="replace"), error_output.decode("utf-8", errors="replace")

    def _too_late(self, argv: Sequence[str], timeout_seconds: float) -> CommandError:
        return CommandError(f"{' '.join(argv[:3])} on {self._settings.place} did not end within {timeout_seconds:g} s", argv=argv, is_deadline=True)
