# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening sockets inside the network namespace of a machine: whoever has the socket answers there, wherever it runs itself."""

from __future__ import annotations

import ctypes
import os
import socket
import threading

CLONE_NEWNET = 0x40000000  # linux/sched.h
BACKLOG = 128


def listen_inside(namespace: str, address: str, port: int) -> socket.socket:
    """Return a TCP socket that listens in a network namespace.

    A namespace belongs to a thread, so a thread that ends afterwards goes there; the socket stays where it was made.

    Raises:
        OSError: the namespace cannot be entered, or the port is taken there.
    """
    made: list[socket.socket | OSError] = []

    def work() -> None:
        try:
            made.append(_listen(namespace, address, port))
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


def _listen(namespace: str, address: str, port: int) -> socket.socket:
    library = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(f"/run/netns/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if library.setns(descriptor, CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"setns to {namespace}: {os.strerror(number)}")
    finally:
        os.close(descriptor)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener
