# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that runs `python -m pve_lxc` again and again, each time as a process of its own that can be killed.

It imports the library once and forks for every run, because starting Python anew for some hundred runs would take minutes. The fork runs the
module as the interpreter would, with its own arguments, files, locks and connections. It is driven by lines of JSON; see runs.py.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import pkgutil
import resource
import runpy
import signal
import sys
import time
import traceback
import warnings
from typing import Any

import effects

_CAPABILITY_VERSION = 0x20080522


def main() -> None:
    _import_everything()
    # So that a fork shares the memory with this process instead of copying it when it collects garbage.
    gc.freeze()
    lines = open(0, "rb", buffering=0)  # noqa: SIM115 unbuffered, because a stopped run reads from it as well
    while line := lines.readline():
        wish = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(wish)
        _pid, status = os.waitpid(child, 0)
        effects.say({"exit_code": os.waitstatus_to_exitcode(status)})


def _import_everything() -> None:
    """Import what a run imports, those things as well that it imports late."""
    import pve_lxc

    for module in pkgutil.walk_packages(pve_lxc.__path__, "pve_lxc."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in ("requests", "proxmoxer.core", "yaml"):
        importlib.import_module(name)


def _run(wish: dict[str, Any]) -> None:
    """Be the run, and end with its exit code; never returns."""
    code = 1
    try:
        for descriptor, name in ((1, "out"), (2, "err")):
            file = os.open(wish[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(file, descriptor)
        _narrow(wish)
        effects.install(wish.get("act"), wish.get("at"), wish.get("path_prefix", ""))
        warnings.simplefilter("error", ResourceWarning)
        sys.argv = ["pve_lxc", *wish["argv"]]
        runpy.run_module("pve_lxc", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        effects.close()
        os._exit(code)


def _narrow(wish: dict[str, Any]) -> None:
    """Give the run its own time, and less room than the machine has."""
    if wish.get("now") is not None:
        start, begun = float(wish["now"]), time.monotonic()
        time.time = lambda: start + time.monotonic() - begun
    if wish.get("without_root"):
        _drop_capabilities()
    if wish.get("file_size_limit") is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (wish["file_size_limit"], wish["file_size_limit"]))


def _drop_capabilities() -> None:
    """Let permissions of files count for root too, as they do for the service."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, nothing):
        raise OSError(ctypes.get_errno(), "capset")


if __name__ == "__main__":
    main()
