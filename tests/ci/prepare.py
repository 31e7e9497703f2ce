# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the environments that `make demo`, `make test` and `make bench` run in; started by prepare.sh with the machine's own python3.

Nothing here needs root or leaves the checkout. An environment is made again only when its requirements or its interpreter changed.
It can use the standard library only, because it runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import time
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"

# galaxy-importer pins ansible-lint and others to versions of its own, so it cannot share .venv.
IMPORTER_REQUIREMENTS = ["galaxy-importer>=0.4.31,<0.5"]

# The versions in Debian 12, Debian 13 and on the Python package index; the client must work with each (unit tests import them from here).
PROXMOXER_VERSIONS = ["1.2.0", "2.2.0", "2.3.0"]


def say(text: str) -> None:
    print(text, flush=True)


def requirement_lines(file_name: str) -> list[str]:
    """Return the requirements of one file, with those of the files that it includes by `-r`."""
    lines = []
    for raw_line in (ROOT / file_name).read_text(encoding="utf-8").splitlines():
        line = raw_line.strip()
        if line.startswith("-r "):
            lines += requirement_lines(line.removeprefix("-r ").strip())
        elif line and not line.startswith("#"):
            lines.append(line)
    return lines


def fingerprint(requirements: list[str]) -> str:
    text = "\n".join([sys.version, *requirements])
    return hashlib.sha256(text.encode()).hexdigest()


def is_usable(python: pathlib.Path) -> bool:
    """Say whether an environment's interpreter still starts (the system's Python may have been upgraded under it)."""
    return python.exists() and subprocess.run([python, "-c", "import pip"], check=False, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0


def install(python: pathlib.Path, arguments: list[str]) -> None:
    """Run pip; when it fails show what it said and end."""
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    if done.returncode != 0:
        say(done.stdout)
        raise SystemExit(f"pip could not install: {' '.join(arguments)}")


def make_environment(folder: pathlib.Path, stamp_name: str, requirements: list[str]) -> None:
    """Bring one virtual environment up to date with a list of requirements."""
    python = folder / "bin" / "python"
    stamp = folder / f"{stamp_name}.stamp"
    wanted = fingerprint(requirements)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted and is_usable(python):
        return
    say(f"[prepare] {folder.relative_to(ROOT)}: installing {stamp_name} requirements")
    started = time.monotonic()
    if not is_usable(python):
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
    install(python, requirements)
    stamp.write_text(wanted, encoding="utf-8")
    say(f"[prepare] {folder.relative_to(ROOT)}: ready, {time.monotonic() - started:.0f} s")


def make_proxmoxer_folders() -> None:
    """Put each supported proxmoxer release into a folder of its own, .cache/proxmoxer/VERSION, to be put on sys.path by a test."""
    for version in PROXMOXER_VERSIONS:
        folder = CACHE / "proxmoxer" / version
        if (folder / "proxmoxer").is_dir():
            continue
        say(f"[prepare] {folder.relative_to(ROOT)}")
        install(ROOT / ".venv" / "bin" / "python", ["--no-deps", "--upgrade", "--target", str(folder), f"proxmoxer=={version}"])


def main(arguments: list[str]) -> int:
    if arguments not in (["bench"], ["demo"], ["test"]):
        raise SystemExit("usage: prepare.sh bench|demo|test")
    if arguments == ["bench"]:
        make_environment(ROOT / ".venv", "demo", requirement_lines("requirements-demo.txt"))
        make_environment(CACHE / "bench" / "venv", "bench", requirement_lines("requirements-bench.txt"))
        return 0
    if arguments == ["demo"]:
        make_environment(ROOT / ".venv", "demo", requirement_lines("requirements-demo.txt"))
        return 0
    make_environment(ROOT / ".venv", "dev", requirement_lines("requirements-dev.txt"))
    make_environment(CACHE / "importer", "importer", IMPORTER_REQUIREMENTS)
    make_proxmoxer_folders()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
