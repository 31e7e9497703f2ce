# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A door before a server: connections go through it until it is shut, and then as if nobody listened. Standard library only."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

CHUNK_BYTES = 65536


class TcpGate:
    """Forwards ``127.0.0.1:port`` to another port of this machine, without looking at what goes through.

    Attributes:
        port: where it listens.
    """

    def __init__(self, target_port: int) -> None:
        """Open it."""
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._connections: list[socket.socket] = []
        self._lock = threading.Lock()
        self._is_shut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Shut it."""
        self.shut()

    def shut(self) -> None:
        """Close the door and every connection; new ones are refused from now on."""
        with self._lock:
            self._is_shut = True
            waiting, self._connections = [self._listener, *self._connections], []
        for connection in waiting:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                inner, _address = self._listener.accept()
                outer = socket.create_connection(("127.0.0.1", self._target_port))
                with self._lock:
                    self._connections += [inner, outer]
                    is_shut = self._is_shut
                if is_shut:
                    inner.close()
                    outer.close()
                for source, sink in ((inner, outer), (outer, inner)):
                    threading.Thread(target=_forward, args=(source, sink), daemon=True).start()


def _forward(source: socket.socket, sink: socket.socket) -> None:
    """Move bytes one way until one side ends."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            sink.sendall(chunk)
    for connection in (source, sink):
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
