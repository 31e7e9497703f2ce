# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time: a lock that the kernel lets go of when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from ..backend.state_file import hand_over
from ..clock import Clock
from ..errors import LockHeldError, StateError

_LOCK_TRY_SECONDS = 0.5


@contextmanager
def hold_lock(path: str) -> Iterator[None]:
    """Hold the lock file for the time of the context; it stays behind, empty of meaning.

    Raises:
        LockHeldError: another run holds it; its process id is in the text.
        StateError: the file cannot be made.
    """
    try:
        is_new = not os.path.exists(path)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        if is_new:
            hand_over(path)
    except OSError as error:
        raise StateError(f"the lock {path} cannot be made: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            raise LockHeldError(f"another run holds the lock {path} (process {holder})") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def wait_for_lock(lock: Callable[[], AbstractContextManager[None]], clock: Clock, wait_seconds: float) -> Iterator[None]:
    """Hold a lock for the time of the context, after waiting for another run to end: an operator's command meets a cycle now and then.

    Args:
        lock: makes the context of ``hold_lock``.
        clock: time.
        wait_seconds: how long to try.

    Raises:
        LockHeldError: the other run still holds it then.
        StateError: the file cannot be made.
    """
    deadline = clock.monotonic() + wait_seconds
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(lock())
                break
            except LockHeldError:
                left = deadline - clock.monotonic()
                if left <= 0:
                    raise
                clock.sleep(min(_LOCK_TRY_SECONDS, left))
        yield


def find_lock_holder(path: str) -> str | None:
    """Return the process id of who holds the lock, None when nobody does; neither makes the file nor waits."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
    finally:
        os.close(descriptor)
    return None
