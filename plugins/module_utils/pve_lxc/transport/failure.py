# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what requests raised to the exception that says whether the request may have arrived."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..deps import import_requests
from ..errors import ProxmoxAPIError, ProxmoxConnectionError, ProxmoxTimeoutError, ProxmoxTLSError

_FINGERPRINT = re.compile(r"Fingerprints? (?:did not match|of invalid length)", re.IGNORECASE)
_WRONG_NAME = re.compile(r"Hostname mismatch|doesn't match|IP address mismatch", re.IGNORECASE)
_NOT_TLS = re.compile(r"WRONG_VERSION_NUMBER|record layer failure|unknown protocol", re.IGNORECASE)
_UNTRUSTED = re.compile(r"CERTIFICATE_VERIFY_FAILED|certificate verify failed", re.IGNORECASE)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and everything wrapped in it, outermost first; requests wraps urllib3 wraps the socket's."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        item = waiting.pop(0)
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        waiting.extend([getattr(item, "reason", None), *item.args, item.__cause__, item.__context__])


def _explain_tls(text: str, host: str) -> str | None:
    """Return what to do about a refused certificate, or None when the error is another one."""
    if _FINGERPRINT.search(text):
        return (
            f"the certificate of {host} does not have the fingerprint given (api_fingerprint); if it was renewed, compare it on the node and give the new one"
        )
    if _NOT_TLS.search(text):
        return f"{host} does not speak TLS; the API of Proxmox VE is on port 8006"
    if _WRONG_NAME.search(text):
        return f"the certificate of {host} is for another name; use that name as api_host, or pin the certificate with api_fingerprint"
    if _UNTRUSTED.search(text):
        return f"the certificate of {host} is not trusted; give the cluster's CA (ca_path, /etc/pve/pve-root-ca.pem on a node) or pin it with api_fingerprint"
    return None


def error_from_exception(error: Exception, *, host: str, method: str, path: str) -> ProxmoxAPIError:
    """Return our exception for one of requests'.

    A refused or unresolved connection and a connect time-out mean that nothing was sent. Everything later may have
    arrived, a closed connection included.

    Args:
        error: a ``requests.exceptions.RequestException``, or the plain OSError that requests raises when the CA file cannot be used.
        host: ``name:port``, for the message.
        method: HTTP verb.
        path: below ``/api2/json``.
    """
    kinds = import_requests().exceptions
    text = str(error)
    if not isinstance(error, kinds.RequestException):
        return ProxmoxTLSError(f"the certificate of {host} cannot be verified: {text}; nothing was sent", method=method, path=path)
    if isinstance(error, kinds.SSLError):
        explained = _explain_tls(text, host)
        if explained:
            return ProxmoxTLSError(explained, method=method, path=path)
    if isinstance(error, kinds.ConnectTimeout):
        return ProxmoxConnectionError(f"{host} did not answer in time; nothing was sent", is_sent=False, method=method, path=path)
    if isinstance(error, kinds.ReadTimeout):
        return ProxmoxTimeoutError(f"{host} took {method} {path} and did not answer in time", method=method, path=path)
    detail = _innermost_text(error)
    names = {type(cause).__name__ for cause in _causes(error)}
    if names & {"NewConnectionError", "NameResolutionError", "ProxyError", "InvalidURL", "LocationParseError", "ConnectTimeoutError"}:
        return ProxmoxConnectionError(f"cannot connect to {host}: {detail}; nothing was sent", is_sent=False, method=method, path=path)
    return ProxmoxConnectionError(f"the connection to {host} broke during {method} {path}: {detail}", is_sent=True, method=method, path=path)


def _innermost_text(error: Exception) -> str:
    """Return the operating system's words where there are some, without the addresses of objects."""
    for cause in reversed(list(_causes(error))):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    for cause in reversed(list(_causes(error))):
        text = re.sub(r"<[^>]*>[:,]?\s*", "", str(cause)).strip()
        if text:
            return text
    return type(error).__name__
