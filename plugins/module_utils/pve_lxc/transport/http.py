# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API over HTTPS: proxmoxer's paths over pooled requests sessions of our own.

proxmoxer builds the URLs and decodes the answers. Everything else is here, because proxmoxer lacks it or does it before it
can be influenced: credentials, certificate pinning, time-outs, retries, the error tree, and the very first ticket request.
Only ``proxmoxer.core.ProxmoxResource`` is used, which is alike in 1.2, 2.2 and 2.3.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

from ..clock import Clock, SystemClock
from ..deps import import_proxmoxer_core, import_requests
from ..errors import Problem, ProxmoxAPIError, ProxmoxAuthenticationError, ProxmoxConnectionError, RequestError
from .credentials import make_credentials
from .retry import RetryPolicy, may_retry
from .settings import ConnectionSettings, is_host

# pveproxy closes a kept connection after 5 s without a request; a write on a dying socket would be of unknown outcome.
# Source: pve-http-server, seen on PVE 9.2.11.
LONGEST_IDLE_SECONDS = 4.0
BASE_PATH = "/api2/json"


class _Answer:
    """A good answer, as proxmoxer looks at it: errors were raised before it could."""

    status_code = 200
    # proxmoxer writes the content into its debug log; what Proxmox answered may hold secrets and stays out of it.
    content = b""

    def __init__(self, data: Any) -> None:
        self.data = data


class _Serializer:
    """The serializer that proxmoxer asks for."""

    def loads(self, answer: _Answer) -> Any:
        """Return the ``data`` that the transport has already decoded."""
        return answer.data


class _Session:
    """The session that proxmoxer asks for; one request of it is one call of the transport."""

    def __init__(self, transport: HttpTransport) -> None:
        self._transport = transport

    def request(self, method: str, url: str, data: Any = None, params: Any = None) -> _Answer:
        """Send what proxmoxer has put together."""
        return _Answer(self._transport.send(method, url, params or data or {}))


class HttpTransport:
    """Sends requests to one API; safe for threads, each of which gets a session of its own.

    Every call ends within ``settings.timeout_seconds``, retries and waits for a login included: the time left bounds each
    wait for the network.
    """

    name = "api"

    def __init__(self, settings: ConnectionSettings, *, clock: Clock | None = None, retry: RetryPolicy | None = None) -> None:
        """Check the settings; nothing is sent.

        Raises:
            RequestError: host or credentials are incomplete, or cannot be.
            DependencyError: proxmoxer or requests is missing.
        """
        if not is_host(settings.host):
            wrong = "cannot be one" if settings.host else "is missing"
            message = f"{wrong}; allowed is a name or an address, without https:// and port"
            raise RequestError([Problem("api_host", settings.host, message)], source="connection")
        self._settings = settings
        self._clock = clock or SystemClock()
        self._retry = retry or RetryPolicy(settings.retries)
        self._credentials = make_credentials(settings, self._login, self._clock)
        self._requests = import_requests()
        self._local = threading.local()
        self._sessions: list[Any] = []
        self._sessions_lock = threading.Lock()
        # Every one that was sent, retries and logins included; of interest to who watches the loop.
        self.request_count = 0
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self._base_url = f"https://{host}:{settings.port}{BASE_PATH}"
        self._resource = import_proxmoxer_core().ProxmoxResource(base_url=self._base_url, session=_Session(self), serializer=_Serializer())

    def request(self, method: str, path: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """Send one request and return the ``data`` of its answer.

        Args:
            method: GET, POST, PUT or DELETE.
            path: below ``/api2/json``, for example ``/nodes/pve1/lxc/101/config``.
            parameters: query of a GET or DELETE, form of a POST or PUT; None values are left out, booleans become 1 and 0.

        Raises:
            ProxmoxAPIError: one of its kinds; see errors.py.
        """
        given = {name: _encode(value) for name, value in (parameters or {}).items() if value is not None}
        resource = self._resource(path.strip("/"))
        return getattr(resource, method.lower())(**given)

    def close(self) -> None:
        """Close every connection."""
        with self._sessions_lock:
            for session in self._sessions:
                session.close()
            self._sessions.clear()

    def send(self, method: str, url: str, parameters: Mapping[str, Any]) -> Any:
        """Send one request with credentials and retries, and return its ``data``; called by proxmoxer."""
        path = url.removeprefix(self._base_url)
        deadline = self._clock.monotonic() + self._settings.timeout_seconds
        attempt = 0
        is_renewed = False
        while True:
            is_identified = False
            try:
                headers = self._credentials.headers(method)
                is_identified = True
                return self._send_once(method, path, parameters, headers, deadline)
            except ProxmoxAuthenticationError:
                # A 401 is answered before anything is carried out, so one more try is safe for a write too.
                if not is_identified or is_renewed or not self._credentials.renew_after_refusal():
                    raise
                is_renewed = True
            except ProxmoxAPIError as error:
                # A login changes nothing, so it may be repeated like a read.
                delay = self._delay_before_retry(error, method if is_identified else "GET", attempt)
                if delay is None or self._clock.monotonic() + delay >= deadline:
                    raise
                self._clock.sleep(delay)
                attempt += 1

    def _delay_before_retry(self, error: ProxmoxAPIError, method: str, attempt: int) -> float | None:
        if attempt >= self._retry.retries or not may_retry(error, method):
            return None
        # A kept connection that Proxmox had closed meanwhile: no reason to wait.
        if attempt == 0 and isinstance(error, ProxmoxConnectionError) and error.is_sent:
            return 0.0
        return self._retry.delay_seconds(attempt)

    def _login(self, parameters: Mapping[str, str]) -> Any:
        """Ask for a ticket through our own pinned session; never through proxmoxer, which logs what it sends."""
        deadline = self._clock.monotonic() + self._settings.timeout_seconds
        return self._send_once("POST", "/access/ticket", parameters, {}, deadline)

    def _send_once(self, method: str, path: str, parameters: Mapping[str, Any], headers: Mapping[str, str], deadline: float) -> Any:
        session = self._session()
        remaining = max(0.001, deadline - self._clock.monotonic())
        is_query = method in ("GET", "DELETE")
        self.request_count += 1
        try:
            answer = session.request(
                method,
                self._base_url + path,
                params=parameters if is_query else None,
                data=None if is_query else parameters,
                headers=headers,
                timeout=(min(self._settings.connect_timeout_seconds, remaining), remaining),
                verify=self._verification(),
                allow_redirects=False,
            )
        # What requests raises is an OSError too; a CA file that is not there is a plain one.
        except OSError as error:
            # Imported here, as below, because most tasks never fail and each import delays a module's start.
            from .failure import error_from_exception

            raise error_from_exception(error, host=f"{self._settings.host}:{self._settings.port}", method=method, path=path) from error
        finally:
            self._local.used_at_seconds = self._clock.monotonic()
        return _read_data(answer, method, path)

    def _session(self) -> Any:
        """Return this thread's session, with connections that have been idle too long closed."""
        session = getattr(self._local, "session", None)
        if session is None:
            session = self._make_session()
            self._local.session = session
            with self._sessions_lock:
                self._sessions.append(session)
        elif self._clock.monotonic() - self._local.used_at_seconds > LONGEST_IDLE_SECONDS:
            session.get_adapter("https://").poolmanager.clear()
        return session

    def _make_session(self) -> Any:
        session = self._requests.Session()
        session.headers["Accept"] = "application/json"
        # Without an auth of its own requests looks into ~/.netrc and would replace the token's header.
        session.auth = _leave_as_it_is
        adapter = self._requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=1)
        if self._settings.fingerprint:
            adapter.init_poolmanager(1, 1, block=False, assert_fingerprint=self._settings.fingerprint)
        session.mount("https://", adapter)
        return session

    def _verification(self) -> bool | str:
        """Return what requests calls ``verify``: a pinned certificate needs no chain."""
        if self._settings.fingerprint or not self._settings.validate_certs:
            return False
        return self._settings.ca_path or True


def _leave_as_it_is(prepared: Any) -> Any:
    return prepared


def _encode(value: Any) -> Any:
    """Return a value as a form of Proxmox takes it; ``true`` would be refused, 1 is not."""
    return int(value) if isinstance(value, bool) else value


def _read_data(answer: Any, method: str, path: str) -> Any:
    try:
        body = json.loads(answer.content) if answer.content else None
    except ValueError:
        body = None
    if answer.status_code >= 400:
        from .answer import error_from_answer

        raise error_from_answer(answer.status_code, answer.reason or "", body, method=method, path=path)
    if answer.status_code >= 300 or not isinstance(body, dict) or "data" not in body:
        raise ProxmoxAPIError(
            f"{answer.status_code} without Proxmox's JSON: is there really a Proxmox VE API at this address?",
            status=answer.status_code,
            method=method,
            path=path,
        )
    return body["data"]
