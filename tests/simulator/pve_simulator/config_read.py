# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a container's configuration, its pending changes and its options' values."""

from __future__ import annotations

from .answer import died
from .guest import Guest, to_json_value
from .lxc_options import READ_PARAMETERS
from .router import Call, route


@route("GET", "/nodes/{node}/lxc/{vmid}/config", parameters=READ_PARAMETERS, privileges=("/vms/{vmid}", ("VM.Audit",)))
def read_config(call: Call) -> dict[str, object]:
    """Return the configuration with pending changes merged in; ``current=1`` what holds now, ``snapshot`` a snapshot's."""
    guest = call.guest()
    if "snapshot" in call.values:
        name = call.values["snapshot"]
        if name not in guest.snapshots:
            raise died(f"snapshot '{name}' does not exist")
        options = dict(guest.snapshots[name])
    else:
        options = dict(guest.config)
        if call.values.get("current") != "1":
            options |= guest.pending
            options = {option: text for option, text in options.items() if option not in guest.pending_delete}
    shown = {option: to_json_value(option, text) for option, text in options.items()}
    if guest.raw_lxc and "snapshot" not in call.values:
        shown["lxc"] = [list(pair) for pair in guest.raw_lxc]
    return shown | {"digest": guest.digest()}


@route("GET", "/nodes/{node}/lxc/{vmid}/pending", privileges=("/vms/{vmid}", ("VM.Audit",)))
def list_pending(call: Call) -> list[dict[str, object]]:
    """Return every option with its value, and with the pending value or removal where there is one."""
    guest = call.guest()
    rows = [_pending_row(guest, option) for option in sorted({*guest.config, *guest.pending} - {"parent", "template"})]
    return [*rows, {"key": "digest", "value": guest.digest()}]


def _pending_row(guest: Guest, option: str) -> dict[str, object]:
    """Return one option's row."""
    row: dict[str, object] = {"key": option}
    if option in guest.config:
        row["value"] = to_json_value(option, guest.config[option])
    if option in guest.pending:
        row["pending"] = to_json_value(option, guest.pending[option])
    if option in guest.pending_delete:
        row["delete"] = 1
    return row
