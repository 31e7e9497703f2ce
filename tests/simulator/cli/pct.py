# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``pct``: the container commands of one node, which wait for their tasks. Recorded on PVE 9.2.11, fixtures pve9/pct_cli.json."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import quote

from .caller import EXIT_CODE_OF_MOST, Caller, CommandFailed
from .options import Syntax, parse_words

Options = list[tuple[str, str]]
CONFIG_OPTIONS = (
    *("arch", "cmode", "cores", "cpulimit", "cpuunits", "delete", "description", "digest", "features", "hostname", "lock", "memory", "nameserver"),
    *("ostype", "revert", "rootfs", "searchdomain", "startup", "swap", "tags", "timezone", "tty"),
)
CONFIG_FLAGS = ("console", "debug", "onboot", "protection", "template", "unprivileged")
LIST_LINE = "{:<10} {:<10} {:<12} {:<20}\n"
# encode_text of PVE::Tools escapes control characters, eight-bit ones and the colon.
UNESCAPED = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != ":")
HIDDEN_IN_STATUS = ("cpu", "ha")


class Pct:
    """``pct`` on one node."""

    def __init__(self, caller: Caller, node: str) -> None:
        """Take who calls and for which node."""
        self._caller = caller
        self._node = node

    def run(self, words: Sequence[str]) -> tuple[str, str]:
        """Return what goes to standard output and to standard error.

        Raises:
            CommandFailed: it ends badly.
        """
        command = words[0] if words else ""
        if command not in SYNTAX:
            raise CommandFailed(f"ERROR: unknown command 'pct {command}'\n" if command else "ERROR: no command specified\n")
        arguments, options = parse_words(words[1:], SYNTAX[command])
        if command in POWER:
            return self._power(command, arguments[0], options)
        return ANSWERS[command](self, arguments, options)

    def _path(self, vmid: str, rest: str = "") -> str:
        return f"/nodes/{self._node}/lxc/{vmid}{rest}"

    def list(self, arguments: list[str], options: Options) -> tuple[str, str]:
        """Print a table, or nothing at all without containers."""
        rows = sorted(self._caller.call("GET", f"/nodes/{self._node}/lxc", {}), key=lambda row: row["vmid"])
        if not rows:
            return "", ""
        lines = [LIST_LINE.format(row["vmid"], row["status"], row.get("lock", ""), row["name"]) for row in rows]
        return LIST_LINE.format("VMID", "Status", "Lock", "Name") + "".join(lines), ""

    def status(self, arguments: list[str], options: Options) -> tuple[str, str]:
        """Print the status, or every figure."""
        data = self._caller.call("GET", self._path(arguments[0], "/status/current"), {}, SYNTAX["status"].usage)
        if ("verbose", "1") not in options:
            return f"status: {data['status']}\n", ""
        return "".join(f"{key}: {data[key]}\n" for key in sorted(data) if key not in HIDDEN_IN_STATUS and not key.startswith("pressure")), ""

    def config(self, arguments: list[str], options: Options) -> tuple[str, str]:
        """Print the configuration without its digest, raw lines last."""
        data = self._caller.call("GET", self._path(arguments[0], "/config"), options, SYNTAX["config"].usage)
        raw = data.pop("lxc", [])
        data.pop("digest")
        return "".join(f"{key}: {_shown(key, data[key])}\n" for key in sorted(data)) + "".join(f"{key}: {value}\n" for key, value in raw), ""

    def pending(self, arguments: list[str], options: Options) -> tuple[str, str]:
        """Print present and pending values. Source of the form: PVE::GuestHelpers, format_pending; ``cur`` is recorded."""
        lines = []
        for row in self._caller.call("GET", self._path(arguments[0], "/pending"), {}, SYNTAX["pending"].usage):
            key = row["key"]
            if key == "digest":
                continue
            if "value" in row:
                lines.append(f"{'del' if row.get('delete') else 'cur'} {key}: {_shown(key, row['value'])}\n")
            if "pending" in row:
                lines.append(f"new {key}: {_shown(key, row['pending'])}\n")
        return "".join(lines), ""

    def set(self, arguments: list[str], options: Options) -> tuple[str, str]:
        """Change the configuration; deleting what is not set is a warning."""
        usage = SYNTAX["set"].usage
        path = self._path(arguments[0], "/config")
        deleted = [key for name, value in options if name == "delete" for key in value.split(",")]
        present = self._caller.call("GET", path, {}, usage) if deleted else {}
        self._caller.call("PUT", path, options, usage)
        return "", "".join(f"cannot delete '{key}' - not set in current configuration!\n" for key in deleted if key not in present)

    def _power(self, command: str, vmid: str, options: Options) -> tuple[str, str]:
        """Start, stop and their like; a container that is not there is told by its own words."""
        try:
            return self._wait("POST", self._path(vmid, f"/status/{command}"), options, SYNTAX[command].usage)
        except CommandFailed as failure:
            failure.exit_code = EXIT_CODE_OF_MOST
            if command in ("stop", "shutdown") and "does not exist" in failure.error_output:
                failure.error_output = f"CT {vmid} not running\n"
            raise

    def clone(self, arguments: list[str], options: Options) -> tuple[str, str]:
        """Clone a container."""
        return self._wait("POST", self._path(arguments[0], "/clone"), [("newid", arguments[1]), *options], SYNTAX["clone"].usage)

    def destroy(self, arguments: list[str], options: Options) -> tuple[str, str]:
        """Destroy a container."""
        return self._wait("DELETE", self._path(arguments[0]), options, SYNTAX["destroy"].usage)

    def resize(self, arguments: list[str], options: Options) -> tuple[str, str]:
        """Grow a disk."""
        return self._wait("PUT", self._path(arguments[0], "/resize"), [("disk", arguments[1]), ("size", arguments[2]), *options], SYNTAX["resize"].usage)

    def snapshot(self, arguments: list[str], options: Options) -> tuple[str, str]:
        """Make a snapshot."""
        return self._wait("POST", self._path(arguments[0], "/snapshot"), [("snapname", arguments[1]), *options], SYNTAX["snapshot"].usage)

    def delsnapshot(self, arguments: list[str], options: Options) -> tuple[str, str]:
        """Delete a snapshot."""
        return self._wait("DELETE", self._path(arguments[0], f"/snapshot/{arguments[1]}"), options, SYNTAX["delsnapshot"].usage)

    def _wait(self, method: str, path: str, parameters: Options, usage: str) -> tuple[str, str]:
        """Start a task, wait for it and print its log; its failure is the command's."""
        task = self._caller.wait_for_task(self._caller.call(method, path, parameters, usage))
        output = "".join(f"{line}\n" for line in task.log)
        if task.exit_text != "OK" and not task.exit_text.startswith("WARNINGS"):
            raise CommandFailed(f"{task.exit_text}\n", EXIT_CODE_OF_MOST, output)
        return output, ""


def _shown(key: str, value: object) -> str:
    return quote(str(value), safe=UNESCAPED) if key == "description" else str(value)


POWER = {
    "start": ((), ("debug", "skiplock")),
    "stop": ((), ("overrule-shutdown", "skiplock")),
    "shutdown": (("timeout",), ("forceStop",)),
    "reboot": (("timeout",), ()),
    "suspend": ((), ()),
    "resume": ((), ()),
}
SYNTAX = {
    "list": Syntax("pct list ", ()),
    "status": Syntax("pct status <vmid> [OPTIONS]", ("vmid",), flags=("verbose",)),
    "config": Syntax("pct config <vmid> [OPTIONS]", ("vmid",), options=("snapshot",), flags=("current",)),
    "pending": Syntax("pct pending <vmid>", ("vmid",)),
    "set": Syntax("pct set <vmid> [OPTIONS]", ("vmid",), CONFIG_OPTIONS, CONFIG_FLAGS),
    "clone": Syntax(
        "pct clone <vmid> <newid> [OPTIONS]", ("vmid", "newid"), ("bwlimit", "description", "hostname", "pool", "snapname", "storage", "target"), ("full",)
    ),
    "destroy": Syntax("pct destroy <vmid> [OPTIONS]", ("vmid",), (), ("force", "purge", "destroy-unreferenced-disks")),
    "resize": Syntax("pct resize <vmid> <disk> <size> [OPTIONS]", ("vmid", "disk", "size"), ("digest",)),
    "snapshot": Syntax("pct snapshot <vmid> <snapname> [OPTIONS]", ("vmid", "snapname"), ("description",)),
    "delsnapshot": Syntax("pct delsnapshot <vmid> <snapname> [OPTIONS]", ("vmid", "snapname"), (), ("force",)),
    **{name: Syntax(f"pct {name} <vmid> [OPTIONS]", ("vmid",), options, flags) for name, (options, flags) in POWER.items()},
}
ANSWERS: dict[str, Callable[[Pct, list[str], Options], tuple[str, str]]] = {
    "list": Pct.list,
    "status": Pct.status,
    "config": Pct.config,
    "pending": Pct.pending,
    "set": Pct.set,
    "clone": Pct.clone,
    "destroy": Pct.destroy,
    "resize": Pct.resize,
    "snapshot": Pct.snapshot,
    "delsnapshot": Pct.delsnapshot,
}
