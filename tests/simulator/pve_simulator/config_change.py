# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``PUT /nodes/{node}/lxc/{vmid}/config``: what is written at once, hot-plugged, or left pending.

Recorded on PVE 9.2.11, fixtures pve9/config_put_*.json, partial_failure_and_pending.json, permission_403.json and misc.json.
"""

from __future__ import annotations

from . import hotplug
from .answer import ApiError, died, forbidden, parameter_error
from .guest import Guest
from .lxc_options import CHANGE_PARAMETERS, HOTPLUGGED, OPTIONS, privilege_for, takes_effect_now
from .parameters import split_tags
from .router import Call, route

CONTROL_KEYS = ("delete", "revert", "digest")
READ_ONLY = ("unprivileged",)
CHANGE_PRIVILEGES = ("VM.Config.Disk", "VM.Config.CPU", "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options")


@route("PUT", "/nodes/{node}/lxc/{vmid}/config", parameters=CHANGE_PARAMETERS, privileges=("/vms/{vmid}", CHANGE_PRIVILEGES))
def change_config(call: Call) -> None:
    """Change a container's configuration; the answer is null, whether it took effect or waits in ``pending``."""
    values = {name: text for name, text in call.values.items() if name not in CONTROL_KEYS}
    removed = _split_names(call.values.get("delete", ""))
    reverted = _split_names(call.values.get("revert", ""))
    if not values and not removed and not reverted:
        raise died("no options specified")
    _check_names(values, removed, reverted)
    _check_privileges(call, values, removed, reverted)
    guest = call.guest()
    require_unlocked_file(call, guest)
    if guest.lock is not None:
        raise died(f"CT is locked ({guest.lock})")
    if "digest" in call.values and call.values["digest"] != guest.digest():
        raise died("detected modified configuration - file changed by other user? Try again.")
    for name in (*values, *removed):
        if name in READ_ONLY:
            raise died(f"unable to modify read-only option: '{name}'")
    _apply(call, guest, {name: normalise(name, text) for name, text in values.items()}, removed, reverted)


def _split_names(text: str) -> list[str]:
    """Return the names of a list separated by commas, semicolons or spaces."""
    return split_tags(text)


def _check_names(values: dict[str, str], removed: list[str], reverted: list[str]) -> None:
    """Raise a 400 for a name that is no option, or one that is set and removed in the same call."""
    for parameter, names in (("delete", removed), ("revert", reverted)):
        for name in names:
            if name not in OPTIONS:
                raise parameter_error({parameter: f"unknown option '{name}'"})
            if name in values:
                raise parameter_error({parameter: f"you can't use '-{name}' and -{parameter} {name}' at the same time"})


def _check_privileges(call: Call, values: dict[str, str], removed: list[str], reverted: list[str]) -> None:
    """Raise a 403 for the first option whose privilege the caller lacks."""
    for name in sorted({*values, *removed, *reverted}):
        if name == "features" and values.get(name, "") in ("nesting=1", "nesting=0", ""):
            call.require(f"/vms/{call.vmid}", "VM.Allocate")
            continue
        privilege = privilege_for(name)
        if privilege == "root" or (name == "features" and call.who != "root@pam"):
            if call.who != "root@pam":
                raise forbidden(f"changing '{name}' is only allowed for root@pam")
        else:
            call.require(f"/vms/{call.vmid}", privilege)


def require_unlocked_file(call: Call, guest: Guest) -> None:
    """Raise the lock time-out, after its wait, when somebody else holds the configuration's lock file."""
    if guest.is_config_lock_held:
        text = f"can't lock file '/run/lock/lxc/pve-config-{guest.vmid}.lock' - got timeout"
        raise died(text, hold_seconds=call.core.lock_timeout_seconds)


def normalise(name: str, text: str) -> str:
    """Return a value as the file holds it: tags sorted and joined by semicolons, a description without its last newline."""
    if name == "tags":
        return ";".join(sorted(set(split_tags(text))))
    return text.removesuffix("\n") if name == "description" else text


def _apply(call: Call, guest: Guest, values: dict[str, str], removed: list[str], reverted: list[str]) -> None:
    """Apply a checked change: live first, then the file, as Proxmox VE does.

    Raises:
        ApiError: 400 when a hot-plug failed (nothing is saved, but limits changed before stay), 500 when the file cannot be
            written (the live limits stay changed).
    """
    changed = {name: text for name, text in values.items() if guest.config.get(name) != text}
    gone = [name for name in removed if name in guest.config]
    settled = {name for name in (*values, *removed) if name not in changed and name not in gone} | set(reverted)
    if guest.is_running:
        now = {name for name in (*changed, *gone) if takes_effect_now(name, name not in guest.config)}
        errors = hotplug.apply_live(
            guest,
            call.core.world,
            {name: text for name, text in changed.items() if name in HOTPLUGGED},
            [name for name in gone if name in HOTPLUGGED],
        )
        call.core.guest_changed(guest.vmid)
        if errors:
            raise parameter_error(errors)
    else:
        now = {*changed, *gone}
    if call.core.faults.is_config_readonly(guest.vmid):
        raise _not_writable(call, guest)
    for name in (*now, *settled):
        guest.pending.pop(name, None)
        guest.pending_delete.discard(name)
    _write(guest, changed, gone, now)
    guest.counters.config_writes += 1
    call.core.guest_changed(guest.vmid)


def _write(guest: Guest, changed: dict[str, str], gone: list[str], now: set[str]) -> None:
    """Write what holds now into the configuration and the rest into its pending section."""
    for name, text in changed.items():
        if name in now:
            guest.config[name] = text
        else:
            guest.pending_delete.discard(name)
            guest.pending[name] = text
    for name in gone:
        if name in now:
            del guest.config[name]
        else:
            guest.pending.pop(name, None)
            guest.pending_delete.add(name)


def _not_writable(call: Call, guest: Guest) -> ApiError:
    """Return the 500 of a configuration file system that has become read-only (text modelled, not recorded)."""
    path = f"/etc/pve/nodes/{guest.node}/lxc/{guest.vmid}.conf.tmp.{call.core.world.take_pid()}"
    return died(f"unable to open file '{path}' - Permission denied")
