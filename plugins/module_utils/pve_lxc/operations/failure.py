# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an error of Proxmox means for one container: a reason code and a sentence."""

from __future__ import annotations

from collections.abc import Collection

from ..errors import (
    ProxmoxAPIError,
    ProxmoxAuthenticationError,
    ProxmoxConflictError,
    ProxmoxConnectionError,
    ProxmoxNodeError,
    ProxmoxNotFoundError,
    ProxmoxPermissionError,
    ProxmoxTimeoutError,
    ProxmoxTLSError,
    ProxmoxValidationError,
)
from ..model.reason import Reason

_REASONS: tuple[tuple[type[ProxmoxAPIError], Reason], ...] = (
    (ProxmoxConnectionError, Reason.CONNECTION_LOST),
    (ProxmoxTimeoutError, Reason.CONNECTION_LOST),
    (ProxmoxTLSError, Reason.CONNECTION_LOST),
    (ProxmoxNodeError, Reason.NODE_UNREACHABLE),
    (ProxmoxAuthenticationError, Reason.AUTHENTICATION_FAILED),
    (ProxmoxPermissionError, Reason.PERMISSION_DENIED),
    (ProxmoxNotFoundError, Reason.NOT_FOUND),
)
# The proxy could not open a connection to the node: the request certainly did not arrive. Source: pve-http-server, AnyEvent::HTTP 595.
STATUS_NODE_NOT_CONNECTED = 595
_REASON_OF_CONFLICT = {"digest": Reason.CONFIG_CHANGED, "lock": Reason.LOCKED}


def describe_failure(error: ProxmoxAPIError, needed_privileges: Collection[str] = ()) -> tuple[Reason, str]:
    """Return the reason code and a sentence that a user can act on.

    A 403 for ``/vms/101`` becomes ``permission_denied`` and "missing privilege on /vms/101: VM.Config.CPU".

    Args:
        error: what Proxmox answered, or failed to answer.
        needed_privileges: what the request needed; of the alternatives that a 403 may list, only these are named.
    """
    if isinstance(error, ProxmoxPermissionError) and error.acl_path:
        privileges = [name for name in error.privileges if name in needed_privileges] or list(error.privileges)
        noun = "privilege" if len(privileges) == 1 else "privileges"
        joined = (" and " if set(privileges) <= set(needed_privileges) else " or ").join(privileges)
        return Reason.PERMISSION_DENIED, f"missing {noun} on {error.acl_path}: {joined}"
    return _reason_of(error), _sentence_of(error)


def is_certainly_not_done(error: ProxmoxAPIError) -> bool:
    """Return whether a request that ended with this error was certainly not carried out, so that nothing has to be looked at."""
    if isinstance(error, (ProxmoxConnectionError, ProxmoxTimeoutError)):
        return not error.is_sent
    if isinstance(error, ProxmoxNodeError):
        return error.status == STATUS_NODE_NOT_CONNECTED
    return isinstance(error, (ProxmoxTLSError, ProxmoxAuthenticationError, ProxmoxPermissionError))


def _reason_of(error: ProxmoxAPIError) -> Reason:
    if isinstance(error, ProxmoxConflictError):
        return _REASON_OF_CONFLICT.get(error.kind, Reason.REFUSED_BY_PROXMOX)
    for error_class, reason in _REASONS:
        if isinstance(error, error_class):
            return reason
    return Reason.REFUSED_BY_PROXMOX


def _sentence_of(error: ProxmoxAPIError) -> str:
    if isinstance(error, ProxmoxValidationError) and error.fields:
        refused = "; ".join(f"{name}: {text.strip()}" for name, text in sorted(error.fields.items()))
        return f"Proxmox refused the values: {refused}"
    if isinstance(error, ProxmoxConflictError) and error.kind == "lock":
        return f"the container is locked{f' ({error.lock})' if error.lock else ''}: {str(error).strip()}"
    if isinstance(error, ProxmoxConflictError) and error.kind == "digest":
        return "somebody changed the configuration after it was read; nothing was written"
    return str(error).strip()
