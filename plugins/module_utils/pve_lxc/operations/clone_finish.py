# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Complete a clone (sizes, network, tags, notes), start it, and wait until it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..clock import Clock
from ..errors import ProxmoxAPIError, ProxmoxConflictError
from ..model.guest import Guest, GuestConfig
from ..model.plan import ConfigWrite
from ..model.reason import Reason
from .clone_mark import finish_notes, is_unfinished
from .clone_network import change_net0, parse_net, wants_address
from .clone_outcome import CloneFailedError, failure_from, is_locked, is_uncertain
from .clone_plan import ClonePlan, clone_tags
from .clone_settings import CloneSettings
from .failure import describe_failure
from .resize_apply import apply_resize
from .resize_plan import plan_to

if TYPE_CHECKING:
    from ..ports import LxcLifecycle

_FIRST_INTERVAL_SECONDS = 0.25
_LONGEST_INTERVAL_SECONDS = 3.0
# Readings, each with at most one write: more than this means that somebody writes against us.
_MAX_ROUNDS = 8
# Source: PVE::LXC::check_ct_modify_config_perm: tags and notes, and net0.
_CONFIG_PRIVILEGES = frozenset({"VM.Config.Options", "VM.Config.Network", "SDN.Use"})
_POWER_PRIVILEGES = frozenset({"VM.PowerMgmt"})


def complete_clone(backend: LxcLifecycle, plan: ClonePlan, guest: Guest, cgroup_mode: int | None, settings: CloneSettings, clock: Clock) -> GuestConfig:
    """Give a clone what its plan says and return its configuration as read back.

    Every value is absolute and every write carries the digest that was read before it, so doing this twice, or in two runs at once, is doing
    it once. The tag and the end of ``(unfinished)`` come last, in one write with the network.

    Args:
        backend: the way to Proxmox.
        plan: from ``plan_clone``.
        guest: the clone.
        cgroup_mode: of its node.
        settings: deadlines.
        clock: time.

    Raises:
        CloneFailedError: it could not be completed.
    """
    rounds = 0
    while rounds < _MAX_ROUNDS:
        rounds += 1
        config = _read_unlocked(backend, guest, settings, clock)
        resize = plan_to(guest, config, plan.allocation, cgroup_mode=cgroup_mode, reason=Reason.CLONED, message="")
        if resize.is_change:
            outcome = apply_resize(backend, resize)
            if outcome.is_failed and outcome.reason not in (Reason.CONFIG_CHANGED, Reason.LOCKED):
                raise CloneFailedError(outcome.reason, f"its sizes could not be written: {outcome.message}")
            continue
        values = _remaining_values(plan, config)
        if not values:
            return config
        _write(backend, guest, values, config.digest)
    raise CloneFailedError(Reason.NOT_IN_EFFECT, "Proxmox accepted its configuration, but shows something else, or somebody changes it at the same time")


def _remaining_values(plan: ClonePlan, config: GuestConfig) -> dict[str, Any]:
    values: dict[str, Any] = {}
    net0 = str(config.values.get("net0") or "")
    if plan.request.network:
        if not net0:
            raise CloneFailedError(Reason.INVALID_REQUEST, "it has no net0 (its snapshot had none), and none is invented")
        wanted = change_net0(net0, plan.request.network)
        if parse_net(wanted) != parse_net(net0):
            values["net0"] = wanted
    tags = clone_tags(plan.request, config)
    if tags != config.tags:
        values["tags"] = ";".join(tags)
    notes = config.values.get("description")
    if is_unfinished(notes, config.vmid):
        values["description"] = finish_notes(notes)
    return values


def _write(backend: LxcLifecycle, guest: Guest, values: Mapping[str, Any], digest: str) -> None:
    """Write once; what is lost, or refused because of somebody else's change, shows at the next reading."""
    try:
        backend.write_config(guest.node, guest.vmid, ConfigWrite(values), digest)
    except ProxmoxConflictError:
        return
    except ProxmoxAPIError as error:
        if not is_uncertain(error):
            shown = ", ".join(sorted(values))
            raise failure_from(error, _CONFIG_PRIVILEGES, f"writing its {shown}") from error


def _read_unlocked(backend: LxcLifecycle, guest: Guest, settings: CloneSettings, clock: Clock) -> GuestConfig:
    """Return the configuration as soon as nobody holds a lock: ``create`` means that it is still being copied, perhaps by another run."""
    deadline = clock.monotonic() + settings.timeout_seconds
    interval = _FIRST_INTERVAL_SECONDS
    while True:
        try:
            config = backend.read_config(guest.node, guest.vmid)
        except ProxmoxAPIError as error:
            raise failure_from(error, doing="reading its configuration") from error
        if not config.lock:
            return config
        if clock.monotonic() + interval > deadline:
            raise CloneFailedError(Reason.LOCKED, f"it is still locked ({config.lock}) after {settings.timeout_seconds:g} s")
        clock.sleep(interval)
        interval = min(interval * 1.5, _LONGEST_INTERVAL_SECONDS)


def start_clone(backend: LxcLifecycle, guest: Guest, settings: CloneSettings) -> tuple[bool, tuple[str, ...]]:
    """Start a clone that does not run; return whether that was needed, and the warnings of Proxmox's task.

    Raises:
        CloneFailedError: it does not start.
    """
    try:
        if backend.read_status(guest.node, guest.vmid) == "running":
            return False, ()
        result = backend.change_power(guest.node, guest.vmid, "start", {}, settings.timeout_seconds)
    except ProxmoxAPIError as error:
        if "already running" in str(error) or (is_uncertain(error) and _is_running(backend, guest)):
            return True, ()
        if is_locked(error):
            raise CloneFailedError(Reason.LOCKED, f"it could not be started: {describe_failure(error)[1]}") from error
        raise failure_from(error, _POWER_PRIVILEGES, "it could not be started") from error
    return True, result.warnings


def _is_running(backend: LxcLifecycle, guest: Guest) -> bool:
    try:
        return backend.read_status(guest.node, guest.vmid) == "running"
    except ProxmoxAPIError:
        return False


def wait_until_ready(backend: LxcLifecycle, guest: Guest, config: GuestConfig, settings: CloneSettings, clock: Clock) -> tuple[str, ...]:
    """Return the clone's addresses as soon as its node says that it runs and, where an address is to be expected, it has one.

    Raises:
        CloneFailedError: it did not come that far; with the last state seen.
    """
    deadline = clock.monotonic() + settings.wait_seconds
    interval = _FIRST_INTERVAL_SECONDS
    is_address_expected = wants_address(config.values)
    while True:
        try:
            status = backend.read_status(guest.node, guest.vmid)
            addresses = parse_addresses(backend.read_interfaces(guest.node, guest.vmid)) if status == "running" else ()
            state = f"it is {status}, without an address" if status == "running" else f"it is {status}"
        except ProxmoxAPIError as error:
            status, addresses, state = "", (), describe_failure(error)[1]
        if status == "running" and (addresses or not is_address_expected):
            return addresses
        if clock.monotonic() + interval > deadline:
            raise CloneFailedError(Reason.NOT_READY, f"started, but not ready after {settings.wait_seconds:g} s: {state}")
        clock.sleep(interval)
        interval = min(interval * 1.5, _LONGEST_INTERVAL_SECONDS)


def parse_addresses(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the addresses of ``GET .../interfaces`` without prefix lengths; loopback and link-local ones are none.

    ``[{"name": "eth0", "inet": "192.0.2.10/24"}]`` gives ``("192.0.2.10",)``. Source: recorded on PVE 9.2.11; ``ip-addresses`` came with 9.
    """
    found = []
    for row in rows:
        if row.get("name") == "lo":
            continue
        listed = [entry.get("ip-address") for entry in row.get("ip-addresses") or []]
        for text in [row.get("inet"), row.get("inet6"), *listed]:
            address = str(text or "").partition("/")[0]
            if address and not address.lower().startswith("fe80:") and not address.startswith("169.254."):
                found.append(address)
    return tuple(dict.fromkeys(found))
