# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the simulator answers when something is refused.

Proxmox VE repeats the text of an error in the reason phrase of the status line and in the JSON body, where it ends in a
newline. Its proxy answers some errors itself: those have an empty body. Recorded on PVE 9.2.11, fixtures pve9/*.json.
"""

from __future__ import annotations

PARAMETER_ERROR_TEXT = "Parameter verification failed."


class ApiError(Exception):
    """An answer that is not a success.

    Attributes:
        status: the HTTP status.
        reason: text of the status line, without a newline.
        errors: parameter name to text, or None when the body has no such map.
        body_text: the body to send as it is instead of JSON; an empty string for the proxy's own errors.
        ends_in_newline: whether the JSON body's message has the newline of a Perl ``die``.
        hold_seconds: real seconds to wait before the answer is sent.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        *,
        errors: dict[str, str] | None = None,
        body_text: str | None = None,
        ends_in_newline: bool = True,
        hold_seconds: float = 0.0,
    ) -> None:
        """Keep the parts; see the class."""
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason
        self.errors = errors
        self.body_text = body_text
        self.ends_in_newline = ends_in_newline
        self.hold_seconds = hold_seconds

    def to_body(self) -> dict[str, object]:
        """Return the JSON body: ``data`` null, ``message`` and, for parameter errors, ``errors``."""
        body: dict[str, object] = {"data": None, "message": self.reason + ("\n" if self.ends_in_newline else "")}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


def parameter_error(errors: dict[str, str]) -> ApiError:
    """Return the 400 that names every bad parameter at once."""
    return ApiError(400, PARAMETER_ERROR_TEXT, errors=errors)


def died(text: str, *, hold_seconds: float = 0.0) -> ApiError:
    """Return the 500 that Proxmox VE sends for nearly everything else."""
    return ApiError(500, text, hold_seconds=hold_seconds)


def forbidden(detail: str) -> ApiError:
    """Return the 403 for a missing privilege; an empty detail leaves the brackets out."""
    return ApiError(403, f"Permission check failed ({detail})" if detail else "Permission check failed")


def refused_by_proxy(status: int, reason: str, *, hold_seconds: float = 0.0) -> ApiError:
    """Return an answer of the proxy itself: no body, the reason phrase says everything."""
    return ApiError(status, reason, body_text="", hold_seconds=hold_seconds)


def not_implemented(method: str, path: str) -> ApiError:
    """Return the 501 for an unknown path or verb; its message has no newline."""
    return ApiError(501, f"Method '{method} {path}' not implemented", ends_in_newline=False)


def missing_guest(node: str, vmid: int) -> ApiError:
    """Return the 500 for a container that the node does not have."""
    return died(f"Configuration file 'nodes/{node}/lxc/{vmid}.conf' does not exist")


class TaskFailure(Exception):
    """The text with which a worker task ends when it fails."""
