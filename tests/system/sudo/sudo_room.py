# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A room in which a sudoers file can be tried on the real sudo: a mount namespace of its own, nothing of the machine is changed.

``unshare --mount python sudo_room.py RULES`` reads commands, one JSON list per line, from standard input, runs each as the user
``lxc-autoscale``, and prints one JSON object per line: exit code and both streams. ``/usr/sbin/pct`` and ``/usr/bin/pvesh`` print who
they are run as. Needs root.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

USER, USER_ID = "lxc-autoscale", 64242
SCRATCH = Path("/mnt")
COMMAND = '#!/bin/sh\necho "{name} as $(id -u): $*"\n'


def mount(*words: object) -> None:
    subprocess.run(["mount", *map(str, words)], check=True, stdin=subprocess.DEVNULL)


def put_command(folder: str, name: str) -> None:
    """Let a command appear in a folder of the system, by a layer over it."""
    layer = SCRATCH / name
    for part in ("upper", "work"):
        (layer / part).mkdir(parents=True)
    command = layer / "upper" / name
    command.write_text(COMMAND.format(name=name), encoding="utf-8")
    command.chmod(0o755)
    mount("-t", "overlay", "overlay", "-o", f"lowerdir={folder},upperdir={layer}/upper,workdir={layer}/work", folder)


def put_lines(path: str, line: str, mode: int) -> None:
    """Let a line appear at the end of a file of the system."""
    copy = SCRATCH / Path(path).name
    shutil.copyfile(path, copy)
    copy.write_text(copy.read_text(encoding="utf-8") + line, encoding="utf-8")
    copy.chmod(mode)
    mount("--bind", copy, path)


def furnish(rules: Path) -> None:
    text = rules.read_bytes()
    mount("-t", "tmpfs", "tmpfs", SCRATCH)
    put_command("/usr/sbin", "pct")
    put_command("/usr/bin", "pvesh")
    put_lines("/etc/passwd", f"{USER}:x:{USER_ID}:{USER_ID}::/:/bin/sh\n", 0o644)
    put_lines("/etc/shadow", f"{USER}:*:19000:0:99999:7:::\n", 0o600)
    folder = SCRATCH / "sudoers.d"
    folder.mkdir()
    (folder / "rules").write_bytes(text)
    (folder / "rules").chmod(0o440)
    mount("--bind", folder, "/etc/sudoers.d")


def run_as_user(argv: list[str]) -> dict[str, object]:
    """Run a command as the user; without a terminal, so that nothing can be typed."""
    identity = ["setpriv", f"--reuid={USER_ID}", f"--regid={USER_ID}", "--clear-groups", "--"]
    done = subprocess.run([*identity, *argv], cwd="/", capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    return {"exit_code": done.returncode, "output": done.stdout, "error_output": done.stderr}


def main(arguments: list[str]) -> int:
    """Furnish the room and run what is asked for."""
    furnish(Path(arguments[0]))
    for line in sys.stdin:
        sys.stdout.write(json.dumps(run_as_user(json.loads(line))) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
