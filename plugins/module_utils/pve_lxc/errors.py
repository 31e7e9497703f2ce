# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exception tree of the library; nothing else here ever ends a module or a program.

::

    LxcAutoscaleError                  everything we raise on purpose
    +- ProxmoxAPIError                 what Proxmox answered, or that it did not
    |  +- ProxmoxConnectionError       no answer; ``is_sent`` says what is known about the request
    |  +- ProxmoxTLSError              certificate or fingerprint refused: nothing was sent
    |  +- ProxmoxTimeoutError          our own deadline passed
    |  +- ProxmoxNodeError             595-599: the API answered, the *node* behind it is unreachable
    |  +- ProxmoxAuthenticationError   401
    |  +- ProxmoxPermissionError       403, with path and privileges
    |  +- ProxmoxNotFoundError         no such container, node, task
    |  +- ProxmoxConflictError         digest, lock, or already there
    |  +- ProxmoxValidationError       400, field -> message
    |  +- ProxmoxTaskError             a task ended badly: upid, exit status, log tail
    +- DependencyError                 a Python package is missing: named for pip and for apt
    +- RequestError                    what the caller asked for cannot be: all problems at once
    +- ConfigError                     a configuration file: all problems at once
    +- CommandError                    a command on a node
    +- StateError                      our own state store
    +- LockHeldError                   another run holds the lock
    +- NotifyError                     a notifier that did not take a message; names no secret

Source of the mapping from answers to classes: ``transport/answer.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class LxcAutoscaleError(Exception):
    """Base of everything that this library raises on purpose."""


class ProxmoxAPIError(LxcAutoscaleError):
    """Proxmox answered with an error, or failed to answer.

    Attributes:
        status: HTTP status code, None when there was no answer.
        method: HTTP verb of the request, empty when there was none.
        path: path below ``/api2/json``, empty when there was none.
    """

    def __init__(self, message: str, *, status: int | None = None, method: str = "", path: str = "") -> None:
        """Keep the text and where it came from."""
        super().__init__(message)
        self.status = status
        self.method = method
        self.path = path


class ProxmoxConnectionError(ProxmoxAPIError):
    """The API gave no answer.

    Attributes:
        is_sent: False when the request certainly never left (refused, no such host); True when it
            may have arrived, so that a write must be settled by reading before it is repeated.
    """

    def __init__(self, message: str, *, is_sent: bool, method: str = "", path: str = "") -> None:
        """Keep what is known about the request."""
        super().__init__(message, method=method, path=path)
        self.is_sent = is_sent


class ProxmoxTLSError(ProxmoxAPIError):
    """The certificate or its fingerprint was refused; no request was sent."""


class ProxmoxTimeoutError(ProxmoxAPIError):
    """A deadline of ours passed; the message carries the last state seen.

    Attributes:
        is_sent: as in ProxmoxConnectionError.
    """

    def __init__(self, message: str, *, is_sent: bool = True, method: str = "", path: str = "") -> None:
        """Keep what is known about the request."""
        super().__init__(message, method=method, path=path)
        self.is_sent = is_sent


class ProxmoxNodeError(ProxmoxAPIError):
    """The API answered 595-599: the node behind it cannot be reached."""


class ProxmoxAuthenticationError(ProxmoxAPIError):
    """401: ticket, token, password or CSRF token refused."""


class ProxmoxPermissionError(ProxmoxAPIError):
    """403: a privilege is missing.

    Attributes:
        acl_path: the ACL path checked, for example ``/vms/101``; empty when Proxmox did not say.
        privileges: the privileges of which one would have been enough, for example ``("VM.Config.CPU",)``.
    """

    def __init__(self, message: str, *, acl_path: str = "", privileges: Sequence[str] = (), method: str = "", path: str = "") -> None:
        """Keep the ACL path and the privileges."""
        super().__init__(message, status=403, method=method, path=path)
        self.acl_path = acl_path
        self.privileges = tuple(privileges)


class ProxmoxNotFoundError(ProxmoxAPIError):
    """The container, node, task or pool does not exist."""


class ProxmoxConflictError(ProxmoxAPIError):
    """Somebody else was there: changed digest, lock, or the id is taken.

    Attributes:
        kind: ``digest``, ``lock`` or ``exists``.
        lock: name of the lock (``backup``, ``migrate``, ...) when ``kind`` is ``lock`` and it has one.
    """

    def __init__(self, message: str, *, kind: str, lock: str = "", status: int | None = 500, method: str = "", path: str = "") -> None:
        """Keep what kind of conflict it was."""
        super().__init__(message, status=status, method=method, path=path)
        self.kind = kind
        self.lock = lock


class ProxmoxValidationError(ProxmoxAPIError):
    """400: parameters were refused.

    Attributes:
        fields: parameter -> text of Proxmox, all refused parameters of the request.
    """

    def __init__(self, message: str, *, fields: Mapping[str, str], method: str = "", path: str = "") -> None:
        """Keep every refused parameter."""
        super().__init__(message, status=400, method=method, path=path)
        self.fields = dict(fields)


class ProxmoxTaskError(ProxmoxAPIError):
    """A task of Proxmox ended badly.

    Attributes:
        upid: the task's id.
        exit_status: Proxmox's words, for example ``container did not stop``.
        log_tail: the last lines of its log, oldest first.
    """

    def __init__(self, message: str, *, upid: str, exit_status: str, log_tail: Sequence[str] = ()) -> None:
        """Keep the task's id, end and last lines."""
        super().__init__(message)
        self.upid = upid
        self.exit_status = exit_status
        self.log_tail = tuple(log_tail)


class DependencyError(LxcAutoscaleError):
    """A Python package is missing; the message names it for pip and for apt."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in what somebody wrote.

    Attributes:
        place: where it stands: key path, option name, or file and line.
        value: what was found there, shown as written; secrets are never put here.
        message: what is wrong and what is allowed.
    """

    place: str
    value: str
    message: str

    def __str__(self) -> str:
        """Return one line: place, value, what is allowed."""
        shown = f" = {self.value}" if self.value else ""
        return f"{self.place}{shown}: {self.message}"


class _ProblemsError(LxcAutoscaleError):
    """Base of the errors that name every problem at once."""

    def __init__(self, problems: Sequence[Problem], *, source: str = "") -> None:
        self.problems = tuple(problems)
        self.source = source
        count = len(self.problems)
        noun = "problem" if count == 1 else "problems"
        head = f"{source}: {count} {noun}" if source else f"{count} {noun}"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


class RequestError(_ProblemsError):
    """What was asked for cannot be done as written; ``problems`` names all of it."""


class ConfigError(_ProblemsError):
    """A configuration file cannot be used; ``source`` is the file, ``problems`` names all of it."""


class CommandError(LxcAutoscaleError):
    """A command on a node failed.

    Attributes:
        argv: the command, without secrets.
        exit_code: None when it was ended by a deadline.
        stderr: what it said.
        is_started: False when it certainly was never started; True when it may have done something.
        is_deadline: whether our deadline ended the wait for it; it may still be running then.
    """

    def __init__(
        self,
        message: str,
        *,
        argv: Sequence[str] = (),
        exit_code: int | None = None,
        stderr: str = "",
        is_started: bool = True,
        is_deadline: bool = False,
    ) -> None:
        """Keep the command and its end."""
        super().__init__(message)
        self.argv = tuple(argv)
        self.exit_code = exit_code
        self.stderr = stderr
        self.is_started = is_started
        self.is_deadline = is_deadline


class StateError(LxcAutoscaleError):
    """Our own state store cannot be read or written."""


class LockHeldError(LxcAutoscaleError):
    """Another run holds the lock; nothing was done."""


class NotifyError(LxcAutoscaleError):
    """A notifier did not take a message; the text names its host and nothing else of its address, for that may be a secret."""
