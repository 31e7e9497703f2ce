# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``AsyncProxmoxAPIClient``: the verbs of ProxmoxAPIClient as coroutines, for programs of one's own that use asyncio.

Three lines to use it, inside a coroutine::

    from pve_lxc.backend.aio import connect_async
    async with connect_async(host="pve.example.com", user="automation@pve", token_id="ansible", token_secret="...") as client:
        histories = await asyncio.gather(*(client.get_container_rrddata(row["node"], row["vmid"]) for row in await client.get_containers()))

It is a façade: each verb runs in a thread (``asyncio.to_thread``), at most ``concurrency`` of them at a time. Modules never import it.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

from ..clock import SystemClock
from ..errors import ProxmoxTimeoutError
from ..transport.settings import ConnectionSettings
from .api import ProxmoxAPIClient

# pveproxy and pvedaemon have three workers each, so more requests at a time to one node gain nothing. Source: pve-manager, PVE::Service::pveproxy.
DEFAULT_CONCURRENCY = 4

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# Set by whoever stops waiting for the verb that this thread carries out; asyncio.to_thread hands the context over.
_abandoned: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar("_abandoned", default=None)


class AbandonableClock(SystemClock):
    """The machine's clock, whose ``sleep`` ends early when nobody waits for the verb any more.

    Between two requests of one verb there is always a sleep (before a retry, or between two looks at a task), so an abandoned
    verb sends nothing more than what is on its way.
    """

    def sleep(self, seconds: float) -> None:
        """Wait for so many seconds.

        Raises:
            ProxmoxTimeoutError: nobody waits any more; nobody sees it either.
        """
        abandoned = _abandoned.get()
        if abandoned is None:
            super().sleep(seconds)
        elif abandoned.wait(seconds):
            raise ProxmoxTimeoutError("the caller stopped waiting", is_sent=False)


def _as_coroutine(
    verb: Callable[Concatenate[ProxmoxAPIClient, Parameters], Result],
) -> Callable[Concatenate[AsyncProxmoxAPIClient, Parameters], Coroutine[Any, Any, Result]]:
    """Return the same verb, to be awaited."""

    async def awaited(self: AsyncProxmoxAPIClient, /, *arguments: Parameters.args, **options: Parameters.kwargs) -> Result:
        return await self._run(functools.partial(verb, self._client, *arguments, **options))

    functools.update_wrapper(awaited, verb)
    return awaited


class AsyncProxmoxAPIClient:
    """ProxmoxAPIClient for asyncio; arguments, results and errors are those of the method of the same name.

    Cancelling a verb stops the waiting at once and starts nothing new. A request that is on its way is not taken back: it ends in its
    thread by the deadline of the settings, and what it changed is changed. Until then it keeps its place among the ``concurrency``.
    """

    def __init__(self, client: ProxmoxAPIClient, concurrency: int = DEFAULT_CONCURRENCY) -> None:
        """Use this client for at most ``concurrency`` verbs at a time.

        For a cancelled verb to stop waiting for its task too, the client needs an AbandonableClock, which ``connect_async`` gives it.
        """
        if concurrency < 1:
            raise ValueError(f"concurrency is {concurrency}; at least 1 is needed")
        self._client = client
        self._places = asyncio.Semaphore(concurrency)

    async def __aenter__(self) -> AsyncProxmoxAPIClient:
        """Return itself."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close every connection."""
        await self.close()

    @property
    def transport(self) -> str:
        """Return ``api``."""
        return self._client.transport

    async def close(self) -> None:
        """Close every connection."""
        await asyncio.to_thread(self._client.close)

    read_cluster = _as_coroutine(ProxmoxAPIClient.read_cluster)
    read_config = _as_coroutine(ProxmoxAPIClient.read_config)
    read_pending = _as_coroutine(ProxmoxAPIClient.read_pending)
    write_config = _as_coroutine(ProxmoxAPIClient.write_config)
    read_live_guests = _as_coroutine(ProxmoxAPIClient.read_live_guests)
    read_history = _as_coroutine(ProxmoxAPIClient.read_history)
    read_snapshots = _as_coroutine(ProxmoxAPIClient.read_snapshots)
    read_interfaces = _as_coroutine(ProxmoxAPIClient.read_interfaces)
    read_permissions = _as_coroutine(ProxmoxAPIClient.read_permissions)
    read_roles = _as_coroutine(ProxmoxAPIClient.read_roles)
    is_quorate = _as_coroutine(ProxmoxAPIClient.is_quorate)
    read_ballooning_target_share = _as_coroutine(ProxmoxAPIClient.read_ballooning_target_share)
    read_working_set_mib = _as_coroutine(ProxmoxAPIClient.read_working_set_mib)
    read_live_limits = _as_coroutine(ProxmoxAPIClient.read_live_limits)

    read_version = _as_coroutine(ProxmoxAPIClient.read_version)
    read_next_id = _as_coroutine(ProxmoxAPIClient.read_next_id)
    read_status = _as_coroutine(ProxmoxAPIClient.read_status)
    has_feature = _as_coroutine(ProxmoxAPIClient.has_feature)
    resize_disk = _as_coroutine(ProxmoxAPIClient.resize_disk)
    create_snapshot = _as_coroutine(ProxmoxAPIClient.create_snapshot)
    delete_snapshot = _as_coroutine(ProxmoxAPIClient.delete_snapshot)
    clone_guest = _as_coroutine(ProxmoxAPIClient.clone_guest)
    delete_guest = _as_coroutine(ProxmoxAPIClient.delete_guest)
    change_power = _as_coroutine(ProxmoxAPIClient.change_power)
    change_power_of_many = _as_coroutine(ProxmoxAPIClient.change_power_of_many)

    get_containers = _as_coroutine(ProxmoxAPIClient.get_containers)
    get_container_ids = _as_coroutine(ProxmoxAPIClient.get_container_ids)
    get_container_status = _as_coroutine(ProxmoxAPIClient.get_container_status)
    get_container_config = _as_coroutine(ProxmoxAPIClient.get_container_config)
    get_container_rrddata = _as_coroutine(ProxmoxAPIClient.get_container_rrddata)
    start_container = _as_coroutine(ProxmoxAPIClient.start_container)
    stop_container = _as_coroutine(ProxmoxAPIClient.stop_container)
    get_node_status = _as_coroutine(ProxmoxAPIClient.get_node_status)
    wait_for_task = _as_coroutine(ProxmoxAPIClient.wait_for_task)

    # These two take any option of Proxmox by name.

    async def update_container_config(self, node: str, vmid: int, digest: str = "", **values: Any) -> None:
        """Change configuration keys, guarded by ``digest`` when one is given."""
        await self._run(functools.partial(self._client.update_container_config, node, vmid, digest, **values))

    async def clone_container(self, node: str, vmid: int, newid: int, **parameters: Any) -> str:
        """Start cloning and return the task's UPID."""
        return await self._run(functools.partial(self._client.clone_container, node, vmid, newid, **parameters))

    async def _run(self, verb: Callable[[], Result]) -> Result:
        """Carry a verb out in a thread once there is a place, and give the place back when the thread is done."""
        await self._places.acquire()
        abandoned = threading.Event()
        work = asyncio.ensure_future(asyncio.to_thread(_unless_abandoned, abandoned, verb))
        work.add_done_callback(self._give_place_back)
        try:
            # Without the shield the place would be free, and one more request sent, while the thread still waits for its answer.
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            abandoned.set()
            raise

    def _give_place_back(self, work: asyncio.Future[Any]) -> None:
        self._places.release()
        if not work.cancelled():
            # Looked at, so that asyncio does not report the error of a verb that nobody waits for.
            work.exception()


def _unless_abandoned(abandoned: threading.Event, verb: Callable[[], Result]) -> Result:
    """Carry a verb out, unless the caller went away while it waited for a free thread."""
    if abandoned.is_set():
        raise ProxmoxTimeoutError("the caller stopped waiting", is_sent=False)
    _abandoned.set(abandoned)
    return verb()


def connect_async(
    settings: ConnectionSettings | None = None, *, concurrency: int = DEFAULT_CONCURRENCY, host: str = "", **options: Any
) -> AsyncProxmoxAPIClient:
    """Return a client; nothing is sent before its first use.

    Args:
        settings: the connection, or
        concurrency: verbs at a time.
        host: name or address of a node, and
        **options: the other fields of ConnectionSettings.

    Raises:
        RequestError: host or credentials are incomplete.
        DependencyError: proxmoxer or requests is missing.
    """
    client = ProxmoxAPIClient.connect(settings or ConnectionSettings(host=host, **options), AbandonableClock())
    return AsyncProxmoxAPIClient(client, concurrency)
